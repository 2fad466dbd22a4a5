/* The pause with real processes: exits are true, output is complete, and
 * whatever happens above it, its pod goes on. */
#include "tests/unit/nodes/pods.h"

Test(pause, tells_exit_codes_truly)
{
	static const struct {
		const char *script;
		int code, signal;
	} rows[] = {
		{"exit 0", 0, 0},	       {"exit 3", 3, 0},
		{"exit 255", 255, 0},	       {"kill -9 $$", 137, 9},
		{"kill -TERM $$", 143, 15},    {"kill -SEGV $$", 139, 11},
	};
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		p.exited_count = 0;
		pod_sh(&p, "main", i, rows[i].script);
		cr_assert(pod_until(&p, has_exited));
		cr_expect_str_eq(p.exited[0].name, "main");
		cr_expect_eq(p.exited[0].attempt, i);
		cr_expect_eq(p.exited[0].code, rows[i].code, "%s: %d", rows[i].script,
			     p.exited[0].code);
		cr_expect_eq(p.exited[0].signal, rows[i].signal, "%s", rows[i].script);
		cr_expect(p.exited[0].started_us > 0);
		cr_expect(p.exited[0].finished_us >= p.exited[0].started_us);
	}
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, start_that_cannot_be_says_why_in_containerds_words)
{
	static const struct {
		const char *argv0, *cwd, *text;
	} rows[] = {
		{"foo", "/", "exec: \"foo\": executable file not found in $PATH"},
		{"/no/foo", "/", "exec: \"/no/foo\": stat /no/foo: no such file or directory"},
		{"/etc/passwd", "/", "exec: \"/etc/passwd\": permission denied"},
		{"/etc", "/", "exec: \"/etc\": is a directory"},
		{"true", "/no", "chdir to cwd (\"/no\") failed: no such file or directory"},
	};
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *argv[] = {rows[i].argv0, NULL}, *env[] = {"PATH=/usr/bin:/bin", NULL};
		struct pause_start s = {.name = "main", .attempt = i, .argv = argv, .env = env,
					.cwd = rows[i].cwd, .uid = -1, .gid = -1};
		p.exited_count = 0;
		cr_assert_eq(pause_link_start(p.link, &s), 0);
		cr_assert(pod_until(&p, has_exited));
		cr_expect_str_eq(p.exited[0].error, rows[i].text);
		cr_expect_eq(p.exited[0].code, 128);
		cr_expect_eq(p.exited[0].started_us, 0);
		cr_expect(p.exited[0].finished_us > 0);
		cr_expect_eq(p.started_count, 0, "it never ran");
	}
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, passes_arguments_environment_and_directory)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	const char *argv[] = {"/bin/sh", "-c", "echo \"$0|$1|$A|$B|$(pwd)\"; env | wc -l", "zero",
			      "o ne", NULL};
	const char *env[] = {"A=x y", "B=\xc3\xa9=1\xff", NULL};
	struct pause_start s = {.name = "main", .argv = argv, .env = env, .cwd = "/usr",
				.uid = -1, .gid = -1};
	cr_assert_eq(pause_link_start(p.link, &s), 0);
	cr_assert(pod_until(&p, has_exited));
	char *log = pod_file(&p, "logs/main/0.log");
	cr_assert(log);
	cr_expect(strstr(log, " stdout F zero|o ne|x y|\xc3\xa9=1\xff|/usr\n"), "%s", log);
	free(log);
	pod_end(&p);
	cluster_end(&c);
}

/* One variable of the kernel's largest size and many more: over 1 MiB. */
Test(pause, takes_environments_larger_than_a_packet)
{
	enum { VARS = 10, BYTES = 120000 };
	struct cluster c;
	struct pod p;
	const char *env[VARS + 2];
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	for (int i = 0; i < VARS; i++) {
		char *v = mem_alloc(BYTES + 1);
		memset(v, 'v', BYTES);
		v[0] = (char)('A' + i);
		v[1] = '=';
		env[i] = v;
	}
	env[VARS] = "PATH=/usr/bin:/bin";
	env[VARS + 1] = NULL;
	const char *argv[] = {"sh", "-c", "echo ${#A} ${#J}", NULL};
	struct pause_start s = {.name = "main", .argv = argv, .env = env, .uid = -1, .gid = -1};
	cr_assert_eq(pause_link_start(p.link, &s), 0);
	cr_assert(pod_until(&p, has_exited));
	cr_expect_eq(p.exited[0].code, 0, "%s", p.exited[0].error);
	char *log = pod_file(&p, "logs/main/0.log");
	cr_expect(log && strstr(log, "F 119998 119998\n"));
	free(log);
	for (int i = 0; i < VARS; i++)
		free((char *)env[i]);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, output_of_a_short_life_is_complete)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	/* More than a pipe holds, and an exit right behind it. */
	pod_run(&p, "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done; printf end; "
		    "echo oops >&2; exit 7");
	cr_expect_eq(p.exited[0].code, 7);
	char *log = pod_file(&p, "logs/main/0.log"), *at = log;
	cr_assert(log);
	int next = 0;
	while ((at = strstr(at, " stdout F "))) {
		at += strlen(" stdout F ");
		cr_assert_eq(atoi(at), next, "line %d is missing", next);
		next++;
	}
	cr_expect_eq(next, 20000);
	cr_expect(strstr(log, " stdout P end\n"));
	cr_expect(strstr(log, " stderr F oops\n"));
	free(log);
	pod_end(&p);
	cluster_end(&c);
}

static int count_one(void *arg, const struct pause_attempt *a)
{
	struct pod *p = arg;
	pod_on_attempt(p, a);
	return 0;
}

/* When the agent hears of an exit, the file is there already. */
Test(pause, exit_is_in_its_file_before_it_is_told)
{
	struct cluster c;
	struct pod p, files;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_run(&p, "exit 5");
	memset(&files, 0, sizeof files);
	cr_assert_eq(pause_recover(p.dir, count_one, &files), 0);
	cr_assert_eq(files.exited_count, 1);
	cr_expect_eq(files.exited[0].code, 5);
	cr_expect_eq(files.exited[0].finished_us, p.exited[0].finished_us);
	cr_expect_eq(files.exited[0].pid, p.started[0].pid);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, grandchild_that_keeps_the_pipe_does_not_hold_the_exit_back)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	/* A second container keeps the pod busy, so that the daemon, which left
	 * session and group, is spared. */
	pod_sh(&p, "other", 0, "exec sleep 1000");
	pod_run(&p, "setsid sh -c 'echo $$ >child; exec sleep 1000' & "
		    "while ! [ -s child ]; do :; done; echo said; exit 4");
	cr_expect_eq(p.exited[0].code, 4);
	char *log = pod_file(&p, "logs/main/0.log");
	cr_expect(log && strstr(log, "F said\n"));
	free(log);
	pod_end(&p);
	cluster_end(&c);
}

static bool both_started(const struct pod *p)
{
	return p->started_count >= 2;
}

static pid_t await_pid(struct pod *p, const char *file)
{
	char *text = pod_await_file(p, file);
	pid_t pid = atoi(text);
	free(text);
	return pid;
}

Test(pause, group_and_session_die_with_the_main_process)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "other", 0, "exec sleep 1000");
	/* One in its group, one in a group of its own but the same session. */
	pod_run(&p, "sh -c 'echo $$ >a; exec sleep 1000' & "
		 "set -m; sh -c 'echo $$ >b; exec sleep 1000' & "
		 "while ! [ -s a ] || ! [ -s b ]; do :; done; exit 0");
	cr_expect(await_end(await_pid(&p, "a")));
	cr_expect(await_end(await_pid(&p, "b")));
	cr_assert(pod_until(&p, both_started));
	for (size_t i = 0; i < p.started_count; i++)
		if (strcmp(p.started[i].name, "other") == 0)
			cr_expect(is_running(p.started[i].pid), "its neighbour lives");
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, daemon_of_the_last_container_dies_with_it)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_run(&p, "setsid sh -c 'echo $$ >a; exec sleep 1000' & "
		 "while ! [ -s a ]; do :; done; exit 0");
	cr_expect(await_end(await_pid(&p, "a")));
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, reaps_orphans)
{
	struct cluster c;
	struct pod p;
	char path[64], children[256] = "";
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	/* Twenty orphans that end at once; the last word comes after them. */
	pod_sh(&p, "main", 0, "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
		 "(sh -c 'exit 1' &); done; echo $$ >a; exec sleep 1000");
	pid_t main_pid = await_pid(&p, "a");
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)p.pause, (int)p.pause);
	int64_t deadline = pods_now_ms() + DEADLINE_MS;
	while (atoi(children) != main_pid || strchr(children, ' ')[1] != 0) {
		int fd = open(path, O_RDONLY);
		cr_assert(fd >= 0);
		ssize_t n = read(fd, children, sizeof children - 1);
		close(fd);
		children[n > 0 ? n : 0] = 0;
		cr_assert(pods_now_ms() < deadline, "zombies stay: %s", children);
	}
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, signal_reaches_the_whole_group)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "main", 3, "sh -c 'echo $$ >a; exec sleep 1000' & trap 'exit 9' TERM; "
		 "while ! [ -s a ]; do :; done; echo here >b; wait");
	free(pod_await_file(&p, "b"));
	cr_assert_eq(pause_link_signal(p.link, "main", 2, SIGKILL), 0); /* another attempt */
	cr_assert_eq(pause_link_signal(p.link, "main", 3, SIGTERM), 0);
	cr_assert(pod_until(&p, has_exited));
	cr_expect_eq(p.exited[0].code, 9);
	cr_expect(await_end(await_pid(&p, "a")));
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, is_adopted_after_its_agent_is_gone)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "first", 0, "exit 6");
	cr_assert(pod_until(&p, has_exited));
	pod_sh(&p, "main", 1, "mkfifo go; read x <go; exit 8");
	cr_assert(pod_until(&p, both_started));
	pid_t main_pid = p.started[1].pid;
	pod_end(&p); /* the agent is gone; meanwhile the container ends */
	char go[300];
	snprintf(go, sizeof go, "%s/go", p.dir);
	int fd = -1;
	for (int64_t d = pods_now_ms() + DEADLINE_MS; fd < 0 && pods_now_ms() < d;)
		fd = open(go, O_WRONLY | O_NONBLOCK);
	cr_assert(fd >= 0 && write(fd, "\n", 1) == 1);
	cr_assert(await_end(main_pid));
	pod_connect(&p);
	cr_assert(pod_until(&p, has_listed));
	cr_expect_eq(p.started_count, 2);
	for (int64_t d = pods_now_ms() + DEADLINE_MS; p.exited_count < 2 && pods_now_ms() < d;)
		pause_link_poll(p.link);
	cr_assert_eq(p.exited_count, 2);
	cr_expect_eq(p.exited[0].code, 6);
	cr_expect_eq(p.exited[1].code, 8);
	cr_expect_eq(p.exited[1].attempt, 1);
	pod_end(&p);
	close(fd);
	cluster_end(&c);
}

Test(pause, new_agent_replaces_the_old_one)
{
	struct cluster c;
	struct pod p, again;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	cr_assert(pod_until(&p, has_listed));
	again = p;
	pod_connect(&again);
	cr_assert(pod_until(&again, has_listed));
	cr_expect_not(pod_until(&p, never), "the old link is closed");
	pod_sh(&again, "main", 0, "exit 0");
	cr_expect(pod_until(&again, has_exited));
	pod_end(&p);
	pod_end(&again);
	cluster_end(&c);
}

Test(pause, last_words_of_an_agent_that_leaves_are_heard)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	/* It reads nothing of what it was told, and its successor is here at once. */
	for (uint32_t i = 0; i < 8; i++) {
		char name[8];
		snprintf(name, sizeof name, "c%u", i);
		pod_sh(&p, name, 0, "exit 0");
	}
	pod_end(&p);
	pod_connect(&p);
	for (int64_t d = pods_now_ms() + DEADLINE_MS; p.exited_count < 8 && pods_now_ms() < d;)
		pause_link_poll(p.link);
	cr_expect_geq(p.exited_count, 8);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, same_attempt_is_never_started_twice)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_run(&p, "echo once");
	p.exited_count = 0;
	pod_sh(&p, "main", 0, "echo twice");
	cr_assert(pod_until(&p, has_exited), "it is told again");
	char *log = pod_file(&p, "logs/main/0.log");
	cr_expect(log && strstr(log, "once") && !strstr(log, "twice"));
	free(log);
	pod_end(&p);
	cluster_end(&c);
}

/* The child may not have made its group yet. */
Test(pause, signal_right_behind_a_start_is_not_lost)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	for (uint32_t i = 0; i < 20; i++) {
		p.exited_count = 0;
		pod_sh(&p, "main", i, "exec sleep 1000");
		cr_assert_eq(pause_link_signal(p.link, "main", i, SIGTERM), 0);
		cr_assert(pod_until(&p, has_exited));
		cr_expect_eq(p.exited[0].signal, SIGTERM);
	}
	pod_end(&p);
	cluster_end(&c);
}

static bool was_refused(const struct pod *p)
{
	return p->refused[0] != 0;
}

Test(pause, refuses_what_it_does_not_understand_and_goes_on)
{
	struct cluster c;
	struct pod p;
	const char *none[] = {NULL};
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	struct pause_start s = {.name = "main", .argv = none, .uid = -1, .gid = -1};
	cr_assert_eq(pause_link_start(p.link, &s), 0);
	cr_assert(pod_until(&p, was_refused));
	cr_expect_str_eq(p.refused, "argv is empty");
	p.refused[0] = 0;
	s.name = "../../x";
	cr_assert_eq(pause_link_start(p.link, &s), 0);
	cr_assert(pod_until(&p, was_refused));
	p.refused[0] = 0;
	cr_assert_eq(pause_link_signal(p.link, "main", -1, 99), 0);
	cr_assert(pod_until(&p, was_refused));
	pod_run(&p, "exit 1");
	cr_expect_eq(p.exited[0].code, 1);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, keeps_the_last_two_attempts_only)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	for (uint32_t i = 0; i < 4; i++) {
		p.exited_count = 0;
		pod_sh(&p, "main", i, "echo x");
		cr_assert(pod_until(&p, has_exited));
	}
	pod_end(&p);
	pod_connect(&p);
	cr_assert(pod_until(&p, has_listed));
	cr_expect_eq(p.exited_count, 2);
	cr_expect_eq(p.exited[0].attempt, 2);
	cr_expect_eq(p.exited[1].attempt, 3);
	char *log = pod_file(&p, "logs/main/1.log");
	cr_expect_null(log);
	log = pod_file(&p, "logs/main/2.log");
	cr_expect(log);
	free(log);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, ends_when_told_and_no_container_runs)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "main", 0, "exec sleep 1000");
	cr_assert(pod_until(&p, has_started));
	cr_assert_eq(pause_link_exit(p.link), 0);
	cr_assert_eq(pause_link_list(p.link), 0);
	p.listed_count = 0;
	cr_assert(pod_until(&p, has_listed), "it waits for the container");
	cr_assert_eq(pause_link_signal(p.link, "main", -1, SIGKILL), 0);
	pod_until(&p, never);
	cr_expect_eq(p.exited_count, 1);
	cr_expect(await_end(p.pause));
	cr_expect_not(pause_alive(p.dir, NULL));
	pod_end(&p);
	cluster_end(&c);
}

/* The agent is gone before it is over. */
Test(pause, stops_alone_with_term_first_and_kill_after_the_grace)
{
	struct cluster c;
	struct pod p, files;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "gentle", 0, "trap 'exit 5' TERM; echo x >a; while :; do :; done");
	pod_sh(&p, "stubborn", 0, "trap '' TERM; echo x >b; while :; do :; done");
	free(pod_await_file(&p, "a"));
	free(pod_await_file(&p, "b"));
	int64_t begin = pods_now_ms();
	cr_assert_eq(pause_link_stop(p.link, 300), 0);
	pod_end(&p);
	cr_expect(await_end(p.pause));
	cr_expect_geq(pods_now_ms() - begin, 300);
	memset(&files, 0, sizeof files);
	cr_assert_eq(pause_recover(p.dir, count_one, &files), 0);
	cr_assert_eq(files.exited_count, 2);
	cr_expect_str_eq(files.exited[0].name, "gentle");
	cr_expect_eq(files.exited[0].code, 5);
	cr_expect_eq(files.exited[1].signal, SIGKILL);
	cluster_end(&c);
}

static void write_go(const struct pod *p)
{
	char path[300];
	snprintf(path, sizeof path, "%s/go", p->dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
}

/* Somebody else's SIGTERM behind the agent's word: its containers have had
 * theirs, and as much time as the agent gave them. */
Test(pause, sigterm_changes_nothing_when_the_agent_gave_a_grace)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "slow", 0,
	       "trap 'echo term >>terms' TERM; echo x >a; while ! [ -e go ]; do :; done; exit 6");
	free(pod_await_file(&p, "a"));
	cr_assert_eq(pause_link_stop(p.link, 3600 * 1000), 0);
	free(pod_await_file(&p, "terms"));
	kill(p.pause, SIGTERM);
	p.listed_count = 0;
	cr_assert_eq(pause_link_list(p.link), 0);
	cr_assert(pod_until(&p, has_listed), "it has had the signal by then");
	write_go(&p);
	pod_until(&p, never);
	cr_assert_eq(p.exited_count, 1);
	cr_expect_eq(p.exited[0].code, 6);
	char *terms = pod_file(&p, "terms");
	cr_expect_str_eq(terms, "term\n");
	free(terms);
	cr_expect(await_end(p.pause));
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, sigquit_kills_at_once_and_writes_the_exits)
{
	struct cluster c;
	struct pod p, files;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "deaf", 0, "trap '' TERM; echo x >a; while :; do :; done");
	free(pod_await_file(&p, "a"));
	cr_assert_eq(pause_link_stop(p.link, 3600 * 1000), 0);
	kill(p.pause, SIGQUIT);
	cr_expect(await_end(p.pause));
	memset(&files, 0, sizeof files);
	cr_assert_eq(pause_recover(p.dir, count_one, &files), 0);
	cr_assert_eq(files.exited_count, 1);
	cr_expect_eq(files.exited[0].signal, SIGKILL);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, killed_pause_takes_its_containers_along_and_leaves_its_records)
{
	struct cluster c;
	struct pod p, files;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "main", 2, "exec sleep 1000");
	cr_assert(pod_until(&p, has_started));
	pid_t main_pid = p.started[0].pid;
	kill(p.pause, SIGKILL);
	cr_expect(await_end(main_pid));
	cr_expect(await_end(p.pause));
	pod_end(&p);
	memset(&files, 0, sizeof files);
	cr_assert_eq(pause_recover(p.dir, count_one, &files), 0);
	cr_expect_eq(files.exited_count, 0);
	cr_assert_eq(files.started_count, 1, "lost: started, never ended");
	cr_expect_eq(files.started[0].attempt, 2);
	/* The pod may have a new pause at once. */
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "main", 3, "exit 0");
	cr_expect(pod_until(&p, has_exited));
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, sigterm_is_passed_on_to_the_containers)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "main", 0, "trap 'exit 11' TERM; echo x >a; while :; do :; done");
	free(pod_await_file(&p, "a"));
	kill(p.pause, SIGTERM);
	pod_until(&p, never);
	cr_assert_eq(p.exited_count, 1);
	cr_expect_eq(p.exited[0].code, 11);
	cr_expect(await_end(p.pause));
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, container_sees_neither_our_descriptors_nor_our_signals)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_run(&p, "ls -l /proc/self/fd | grep -c -e '->'; "
		    "exec grep -e SigIgn -e SigBlk /proc/self/status");
	char *log = pod_file(&p, "logs/main/0.log");
	cr_assert(log);
	/* 0, 1 (grep's pipe), 2 and the directory that ls reads */
	cr_expect(strstr(log, "F 4\n"), "%s", log);
	cr_expect(strstr(log, "SigIgn:\t0000000000000000"), "%s", log);
	cr_expect(strstr(log, "SigBlk:\t0000000000000000"), "%s", log);
	free(log);
	pod_end(&p);
	cluster_end(&c);
}

Test(pause, record_survives_its_codec_at_the_edges)
{
	struct pause_attempt a = {.name = "a-b", .attempt = UINT32_MAX, .pid = INT32_MAX,
				  .ended = true, .code = 255, .signal = 64}, back;
	struct buf b = {0};
	a.finished_us = a.started_us = INT64_MAX;
	memset(a.error, 'e', PAUSE_ERROR_BYTES_MAX);
	pause_attempt_write(&a, "exited", &b);
	cr_assert_eq(pause_attempt_read(span_buf(&b), &back, NULL), 0);
	cr_expect_eq(memcmp(&a, &back, sizeof a), 0);
	b.len = 0;
	strcpy(a.name, "Not.a.label");
	pause_attempt_write(&a, NULL, &b);
	cr_expect_eq(pause_attempt_read(span_buf(&b), &back, NULL), ERR_INVALID);
	buf_fini(&b);
}
