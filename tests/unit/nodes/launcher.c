/* The launcher with real processes: pods come up, and nothing that happens to
 * the launcher, to its parent or to its parent's process group reaches them. */
#include "tests/unit/nodes/pods.h"

#ifdef __SANITIZE_ADDRESS__
enum { PSS_KB_MAX = 100000 }; /* the sanitizer takes what it likes */
#else
enum { PSS_KB_MAX = 200 };
#endif

static long smaps_pss_kb(pid_t pid, bool *found)
{
	char path[64], text[4096];
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	char *at = strstr(text, "\nPss:");
	*found = at != NULL;
	return at ? strtol(at + 5, NULL, 10) : 0;
}

Test(launcher, starts_twenty_pods_at_once_each_under_200_KB)
{
	enum { COUNT = 20 };
	struct cluster c;
	struct pod pods[COUNT];
	bool seen[COUNT] = {false};
	cluster_begin(&c);
	for (int i = 0; i < COUNT; i++) {
		char uid[16];
		snprintf(uid, sizeof uid, "uid-%02d", i);
		pod_name(&pods[i], &c, uid);
		cr_assert_eq(launcher_ask(c.launcher, span_of(uid), pods[i].dir), 0);
	}
	for (int answers = 0; answers < COUNT;) {
		struct launcher_answer a;
		struct pollfd f = {.fd = c.launcher, .events = POLLIN};
		int rc = launcher_answer(c.launcher, &a);
		if (rc == ERR_AGAIN) {
			cr_assert(poll(&f, 1, DEADLINE_MS) > 0);
			continue;
		}
		cr_assert_eq(rc, 0);
		cr_assert_eq(a.code, 0, "%s: %s", a.uid, a.text);
		int i = atoi(a.uid + 4);
		cr_expect_not(seen[i]);
		seen[i] = true;
		pods[i].pause = a.pid;
		answers++;
	}
	for (int i = 0; i < COUNT; i++) {
		pod_connect(&pods[i]);
		pod_sh(&pods[i], "main", 0, "echo hello; exec sleep 1000");
	}
	for (int i = 0; i < COUNT; i++) {
		cr_expect(pod_until(&pods[i], has_started));
		cr_expect_eq(getsid(pods[i].pause), pods[i].pause, "a session of its own");
	}
	for (int i = 0; i < COUNT; i++) {
		bool found;
		long pss = smaps_pss_kb(pods[i].pause, &found);
		cr_assert(found);
		cr_expect_lt(pss, PSS_KB_MAX, "pod %d: PSS %ld KB", i, pss);
	}
	for (int i = 0; i < COUNT; i++)
		pod_end(&pods[i]);
	cluster_end(&c);
}

Test(launcher, its_own_death_leaves_pods)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	pod_begin(&p, &c, "uid-1");
	pod_sh(&p, "main", 0, "exec sleep 1000");
	cr_assert(pod_until(&p, has_started));
	kill(c.launcher_pid, SIGKILL);
	waitpid(c.launcher_pid, NULL, 0);
	close(c.launcher);
	p.listed_count = 0;
	cr_assert_eq(pause_link_list(p.link), 0);
	cr_expect(pod_until(&p, has_listed));
	cr_expect(is_running(p.started[0].pid));
	/* And a new one finds it instead of starting a second. */
	cr_assert_eq(launcher_start(c.dir, &c.launcher, &c.launcher_pid, NULL), 0);
	struct launcher_answer a = ask_launcher(c.launcher, p.uid, p.dir);
	cr_expect_eq(a.code, 0, "%s", a.text);
	cr_expect_eq(a.pid, p.pause);
	pod_end(&p);
	cluster_end(&c);
}

/* A stand-in for `troupe up` in a process group of its own: starts a launcher
 * and a pod with a container, says so on `tell`, and waits to be killed. */
static pid_t parent_with_pod(struct cluster *c, struct pod *p, int tell)
{
	pid_t parent = fork();
	if (parent != 0)
		return parent;
	setpgid(0, 0);
	signal(SIGINT, SIG_IGN); /* as `up`, which ends pods in order */
	if (launcher_start(c->dir, &c->launcher, &c->launcher_pid, NULL))
		_exit(1);
	pod_begin(p, c, "uid-1");
	pod_sh(p, "main", 0, "exec sleep 1000");
	if (!pod_until(p, has_started))
		_exit(1);
	pid_t pids[3] = {c->launcher_pid, p->pause, p->started[0].pid};
	if (write(tell, pids, sizeof pids) != sizeof pids)
		_exit(1);
	for (;;)
		pause();
}

static void kill_group_of_parent(int number, bool parent_dies)
{
	struct cluster c = {.launcher = -1, .launcher_pid = 0};
	struct pod p;
	int said[2];
	pid_t pids[3];
	strcpy(c.dir, "/tmp/troupe-pods.XXXXXX");
	cr_assert(mkdtemp(c.dir) && pipe(said) == 0);
	pod_name(&p, &c, "uid-1");
	pid_t parent = parent_with_pod(&c, &p, said[1]);
	cr_assert_eq(read(said[0], pids, sizeof pids), (ssize_t)sizeof pids);
	cr_assert_eq(kill(-parent, number), 0);
	if (parent_dies)
		cr_expect(await_end(pids[0]), "the launcher dies with its parent");
	p.pause = pids[1];
	pod_connect(&p);
	cr_expect(pod_until(&p, has_listed));
	cr_expect_eq(p.started_count, 1);
	cr_expect_eq(p.exited_count, 0);
	cr_expect(is_running(pids[1]));
	cr_expect(is_running(pids[2]));
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	cr_expect(await_end(pids[0]));
	cr_expect(is_running(pids[2]), "pods stay");
	pod_end(&p);
	close(said[0]);
	close(said[1]);
	cluster_end(&c);
}

Test(launcher, interrupt_to_the_parents_group_does_not_reach_pods)
{
	kill_group_of_parent(SIGINT, false);
}

Test(launcher, kill_of_the_parents_group_does_not_reach_pods)
{
	kill_group_of_parent(SIGKILL, true);
}

static int find_one(void *arg, const struct pause_found *f)
{
	struct pause_found *out = arg;
	out->alive = f->alive;
	out->pid = f->pid;
	cr_expect_str_eq(f->uid, "uid-1");
	return 0;
}

Test(launcher, pods_are_found_by_their_directories)
{
	struct cluster c;
	struct pod p;
	char pods[200];
	struct pause_found f = {.pid = -1};
	cluster_begin(&c);
	snprintf(pods, sizeof pods, "%s/pods", c.dir);
	cr_expect_eq(pause_find(pods, find_one, &f, NULL), 0);
	cr_expect_eq(f.pid, -1, "no directory, no pods");
	pod_begin(&p, &c, "uid-1");
	cr_assert_eq(pause_find(pods, find_one, &f, NULL), 0);
	cr_expect(f.alive);
	cr_expect_eq(f.pid, p.pause);
	kill(p.pause, SIGKILL);
	cr_assert(await_end(p.pause));
	cr_assert_eq(pause_find(pods, find_one, &f, NULL), 0);
	cr_expect_not(f.alive);
	pod_end(&p);
	cluster_end(&c);
}

/* A pid file whose pid now belongs to somebody else must not be believed. */
Test(launcher, foreign_process_with_the_pauses_pid_is_not_the_pause)
{
	struct procid me, other;
	struct buf text = {0};
	cr_assert(procid_of(getpid(), &me));
	cr_expect(procid_alive(&me));
	other = me;
	other.start_ticks--;
	cr_expect_not(procid_alive(&other));
	other = me;
	other.boot[0] = other.boot[0] == '0' ? '1' : '0';
	cr_expect_not(procid_alive(&other));
	procid_write(&me, &text);
	cr_assert(procid_read(span_buf(&text), &other));
	cr_expect_eq(memcmp(&me, &other, sizeof me), 0);
	text.len--;
	cr_expect_not(procid_read(span_buf(&text), &other));
	buf_fini(&text);
}

Test(launcher, refuses_bad_requests_with_a_reason)
{
	struct cluster c;
	char dir[200];
	cluster_begin(&c);
	snprintf(dir, sizeof dir, "%s/pods/x", c.dir);
	struct launcher_answer a = ask_launcher(c.launcher, "../x", dir);
	cr_expect_eq(a.code, ERR_INVALID);
	cr_expect_str_eq(a.text, "uid");
	cr_expect_eq(launcher_ask(c.launcher, span_of("x"), "relative"), ERR_INVALID);
	snprintf(dir, sizeof dir, "%s/bin/troupe-pause/x", c.dir); /* below a file */
	a = ask_launcher(c.launcher, "x", dir);
	cr_expect_eq(a.code, ERR_IO);
	cr_expect(strstr(a.text, "Not a directory"), "%s", a.text);
	cluster_end(&c);
}

Test(launcher, serves_other_processes_over_its_socket)
{
	struct cluster c;
	struct pod p;
	struct stat st;
	char path[200];
	int fd;
	cluster_begin(&c);
	snprintf(path, sizeof path, "%s/" LAUNCHER_SOCKET, c.dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(launcher_connect(c.dir, &fd, NULL), 0);
	pod_name(&p, &c, "uid-1");
	struct launcher_answer a = ask_launcher(fd, p.uid, p.dir);
	cr_expect_eq(a.code, 0, "%s", a.text);
	cr_expect(is_running(a.pid));
	close(fd);
	cluster_end(&c);
}

Test(launcher, unpacks_the_pause_once_and_again_when_it_is_gone)
{
	struct cluster c;
	struct pod p, q;
	struct stat first, second;
	char path[200];
	cluster_begin(&c);
	snprintf(path, sizeof path, "%s/" LAUNCHER_PAUSE, c.dir);
	cr_assert_eq(stat(path, &first), 0);
	cr_expect_eq(first.st_mode & 07777, 0700);
	/* The next launcher leaves an equal file alone. */
	close(c.launcher);
	waitpid(c.launcher_pid, NULL, 0);
	cr_assert_eq(launcher_start(c.dir, &c.launcher, &c.launcher_pid, NULL), 0);
	cr_assert_eq(stat(path, &second), 0);
	cr_expect_eq(first.st_ino, second.st_ino);
	pod_begin(&p, &c, "uid-1");
	cr_assert_eq(unlink(path), 0);
	pod_begin(&q, &c, "uid-2");
	cr_expect_eq(stat(path, &second), 0);
	/* A changed one is replaced. */
	cr_assert_eq(truncate(path, 100), -1, "it is being executed");
	cr_assert(unlink(path) == 0 && symlink("/bin/true", path) == 0);
	close(c.launcher);
	waitpid(c.launcher_pid, NULL, 0);
	cr_assert_eq(launcher_start(c.dir, &c.launcher, &c.launcher_pid, NULL), 0);
	cr_assert(lstat(path, &second) == 0 && S_ISREG(second.st_mode));
	pod_end(&p);
	pod_end(&q);
	cluster_end(&c);
}

Test(launcher, directory_that_cannot_be_is_an_error_of_start)
{
	int fd;
	pid_t pid;
	struct err e = {0};
	cr_expect_eq(launcher_start("/proc/none", &fd, &pid, &e), ERR_IO);
	cr_expect(e.text[0]);
	cr_expect_eq(launcher_connect("/proc", &fd, &e), ERR_UNREACHABLE);
}

Test(launcher, paths_longer_than_a_sockets_limit_work)
{
	struct cluster c;
	struct pod p;
	cluster_begin(&c);
	memset(&p, 0, sizeof p);
	strcpy(p.uid, "uid-1");
	int n = snprintf(p.dir, sizeof p.dir, "%s/", c.dir);
	memset(p.dir + n, 'd', 150);
	struct launcher_answer a = ask_launcher(c.launcher, p.uid, p.dir);
	cr_assert_eq(a.code, 0, "%s", a.text);
	pod_connect(&p);
	pod_run(&p, "exit 2");
	cr_expect_eq(p.exited[0].code, 2);
	pause_link_exit(p.link);
	pod_until(&p, never);
	cr_expect(await_end(a.pid));
	pod_end(&p);
	cluster_end(&c);
}
