/* A container's own streams, with real pauses and processes: who is attached, who
 * leaves, and what is kept meanwhile. */
#include "nodes/exec_link.h"
#include "tests/unit/nodes/pods.h"

enum how { STDIN = 1, ONCE = 2, TTY = 4 };

struct world {
	struct cluster c;
	struct pod p;
};

/* A pod whose container "main" runs that script. */
static void begin(struct world *w, const char *script, unsigned how)
{
	const char *argv[] = {"sh", "-c", script, NULL}, *env[] = {"PATH=/usr/bin:/bin", NULL};
	struct pause_start s = {.name = "main", .argv = argv, .env = env, .uid = -1, .gid = -1,
				.in = how & STDIN, .in_once = how & ONCE, .tty = how & TTY};
	cluster_begin(&w->c);
	pod_begin(&w->p, &w->c, "uid-1");
	s.cwd = w->p.dir;
	cr_assert_eq(pause_link_start(w->p.link, &s), 0);
	cr_assert(pod_until(&w->p, has_started));
}

static void finish(struct world *w)
{
	pod_end(&w->p);
	cluster_end(&w->c);
}

static void wait_for(const struct exec_link *x, enum exec_stream s)
{
	struct pollfd f = {.fd = exec_link_fd(x, s), .events = POLLIN};
	cr_assert(poll(&f, 1, DEADLINE_MS) > 0, "nothing comes");
}

static struct exec_link *open_link(const struct world *w, bool speaks)
{
	struct exec_start s = {.container = "main", .attach = true, .in = speaks, .out = true,
			       .err = true};
	struct exec_link *x = NULL;
	struct err e = {0};
	cr_assert_eq(exec_link_open(&x, w->p.dir, &s, &e), 0, "%s", e.text);
	return x;
}

static struct exec_link *attach(const struct world *w, bool speaks)
{
	struct exec_link *x = open_link(w, speaks);
	struct exec_end end;
	cr_assert_not(exec_link_begun(x));
	while (!exec_link_begun(x)) {
		wait_for(x, EXEC_END);
		cr_assert_eq(exec_link_end(x, &end), ERR_AGAIN, "it was refused");
	}
	return x;
}

static void say(struct exec_link *x, const char *text)
{
	cr_assert_eq(exec_link_write(x, span_of(text)), (ssize_t)strlen(text));
}

/* What it hears, until it has heard `text`. */
static void hear(struct exec_link *x, enum exec_stream s, const char *text)
{
	struct buf b = {0};
	uint8_t some[512];
	while (!strstr(buf_text(&b), text)) {
		ssize_t n = exec_link_read(x, s, some, sizeof some);
		cr_assert_neq(n, ERR_CLOSED, "it ended with: %s", buf_text(&b));
		if (n == ERR_AGAIN)
			wait_for(x, s);
		else
			buf_append(&b, some, (size_t)n);
	}
	buf_fini(&b);
}

static int code_of(struct exec_link *x)
{
	struct exec_end end = {0};
	int rc;
	while ((rc = exec_link_end(x, &end)) == ERR_AGAIN)
		wait_for(x, EXEC_END);
	cr_assert_eq(rc, 0, "nobody knows how it ended");
	cr_expect_str_eq(end.error, "");
	return end.code;
}

/* Ticks of a process, in user and in kernel mode. */
static long ticks_of(pid_t pid)
{
	char path[64], line[512] = "";
	unsigned long user = 0, kernel = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
		sscanf(strrchr(line, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &user, &kernel);
	if (f)
		fclose(f);
	return (long)(user + kernel);
}

/* The pause has nothing to do, whatever hangs up or is full. */
static void expect_sleep(const struct world *w)
{
	long before = ticks_of(w->p.pause);
	poll(NULL, 0, 300);
	cr_expect_leq(ticks_of(w->p.pause) - before, 5, "it is busy");
}

/* As the end of this process does, without a word to anybody. */
static void drop(const struct exec_link *x, enum exec_stream s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cr_assert(dup2(null, exec_link_fd(x, s)) >= 0);
	close(null);
}

Test(attach, streams_are_the_containers)
{
	struct world w;
	begin(&w, "read x; echo $x; echo oops >&2; exit 7", STDIN);
	struct exec_link *x = attach(&w, true);
	say(x, "hello\n");
	hear(x, EXEC_OUT, "hello\n");
	hear(x, EXEC_ERR, "oops\n");
	cr_expect_eq(code_of(x), 7);
	cr_assert(pod_until(&w.p, has_exited));
	char *log = pod_file(&w.p, "logs/main/0.log");
	cr_expect(strstr(log, "stdout F hello\n") && strstr(log, "stderr F oops\n"), "%s", log);
	free(log);
	exec_link_close(x);
	finish(&w);
}

Test(attach, without_stdin_nobody_speaks)
{
	struct world w;
	begin(&w, "cat; echo $$ >pid; until [ -e go ]; do sleep .01; done; echo went", 0);
	free(pod_await_file(&w.p, "pid"));
	struct exec_link *x = attach(&w, true);
	exec_link_close_input(x);
	char path[300];
	snprintf(path, sizeof path, "%s/go", w.p.dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	hear(x, EXEC_OUT, "went\n");
	cr_expect_eq(code_of(x), 0);
	exec_link_close(x);
	finish(&w);
}

Test(attach, who_has_said_all_leaves_and_the_next_may_speak)
{
	struct world w;
	begin(&w, "read x; echo $x >one; read y; echo $y; cat; exit 3", STDIN);
	struct exec_link *x = attach(&w, true);
	say(x, "first\n");
	exec_link_close_input(x);
	cr_expect_eq(code_of(x), 0, "the container runs on");
	exec_link_close(x);
	char *one = pod_await_file(&w.p, "one");
	cr_expect_str_eq(one, "first\n");
	free(one);
	cr_expect_eq(w.p.exited_count, 0);
	x = attach(&w, true);
	say(x, "second\n");
	hear(x, EXEC_OUT, "second\n");
	exec_link_close(x);
	finish(&w);
}

Test(attach, once_its_end_is_the_containers)
{
	struct world w;
	begin(&w, "cat; echo over; exit 4", STDIN | ONCE);
	struct exec_link *x = attach(&w, true);
	say(x, "hello\n");
	exec_link_close_input(x);
	hear(x, EXEC_OUT, "hello\nover\n");
	cr_expect_eq(code_of(x), 4);
	exec_link_close(x);
	finish(&w);
}

Test(attach, once_who_leaves_ends_it_too)
{
	struct world w;
	begin(&w, "cat; exit 4", STDIN | ONCE);
	struct exec_link *x = attach(&w, true);
	exec_link_close(x);
	cr_assert(pod_until(&w.p, has_exited));
	cr_expect_eq(w.p.exited[0].code, 4);
	finish(&w);
}

/* As an agent that is killed: its descriptors are closed, and nothing is said. */
Test(attach, once_an_agent_that_dies_does_not_end_it)
{
	struct world w;
	begin(&w, "read x; echo got $x; cat; exit 4", STDIN | ONCE);
	int status;
	pid_t agent = fork();
	if (agent == 0) {
		drop(attach(&w, true), EXEC_IN); /* the kernel closes one by one */
		attach(&w, false);               /* by now the pause has seen it */
		raise(SIGKILL);
	}
	cr_assert_eq(waitpid(agent, &status, 0), agent);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	struct exec_link *x = attach(&w, true);
	say(x, "hello\n");
	hear(x, EXEC_OUT, "got hello\n");
	cr_expect_eq(w.p.exited_count, 0);
	exec_link_close_input(x);
	cr_expect_eq(code_of(x), 4);
	exec_link_close(x);
	finish(&w);
}

Test(attach, two_hear_and_speak)
{
	struct world w;
	begin(&w, "while read x; do echo $x; [ $x = end ] && exit 5; done", STDIN);
	struct exec_link *a = attach(&w, true), *b = attach(&w, true);
	say(a, "one\n");
	hear(a, EXEC_OUT, "one\n");
	hear(b, EXEC_OUT, "one\n");
	say(b, "two\n");
	hear(a, EXEC_OUT, "two\n");
	hear(b, EXEC_OUT, "two\n");
	exec_link_close(a);
	say(b, "end\n");
	hear(b, EXEC_OUT, "end\n");
	cr_expect_eq(code_of(b), 5);
	exec_link_close(b);
	finish(&w);
}

/* The most that the pause ever had in memory. */
static long peak_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "VmHWM: %ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

Test(attach, slow_asker_holds_the_container_and_loses_nothing)
{
	enum { ALL = 20000000 };
	struct world w;
	begin(&w, "read x; head -c 20000000 /dev/zero; echo e >&2; exit 6", STDIN);
	struct exec_link *x = attach(&w, true);
	long before = peak_kib(w.p.pause);
	say(x, "go\n");
	uint8_t some[4000];
	size_t got = 0;
	ssize_t n;
	while ((n = exec_link_read(x, EXEC_OUT, some, sizeof some)) != ERR_CLOSED)
		if (n == ERR_AGAIN)
			wait_for(x, EXEC_OUT);
		else
			got += (size_t)n;
	cr_expect_eq(got, ALL);
	cr_expect_eq(code_of(x), 6);
	long may = 512; /* of 20 MB; it takes 48 to 92 KiB */
#ifdef __SANITIZE_ADDRESS__
	may += 16 * 1024; /* which keeps what was freed: a random 188 to 1,040 KiB, more on a busy machine */
#endif
	cr_expect_lt(peak_kib(w.p.pause) - before, may, "the pause keeps what nobody reads");
	exec_link_close(x);
	finish(&w);
}

/* More than the asker's pipe takes is left when the container and its pod end. */
Test(attach, pause_leaves_when_all_was_heard)
{
	enum { ALL = 120000 };
	struct world w;
	begin(&w, "read x; head -c 120000 /dev/zero", STDIN);
	struct exec_link *x = attach(&w, true);
	say(x, "go\n");
	cr_assert(pod_until(&w.p, has_exited));
	cr_assert_eq(pause_link_exit(w.p.link), 0);
	pause_link_poll(w.p.link);
	poll(NULL, 0, 300); /* by now it would have left */
	uint8_t some[4000];
	size_t got = 0;
	ssize_t n;
	while ((n = exec_link_read(x, EXEC_OUT, some, sizeof some)) != ERR_CLOSED)
		if (n == ERR_AGAIN)
			wait_for(x, EXEC_OUT);
		else
			got += (size_t)n;
	cr_expect_eq(got, ALL);
	cr_expect_eq(code_of(x), 0);
	cr_expect(await_end(w.p.pause));
	exec_link_close(x);
	finish(&w);
}

/* The container is slow: who speaks is held, and the pause keeps little. */
Test(attach, slow_container_holds_its_asker)
{
	struct world w;
	begin(&w, "until [ -e go ]; do sleep .01; done; cat | wc -c", STDIN | ONCE);
	struct exec_link *x = attach(&w, true);
	static const uint8_t zeros[65536];
	size_t said = 0;
	ssize_t n;
	struct pollfd f = {.fd = exec_link_fd(x, EXEC_IN), .events = POLLOUT};
	/* Until nobody takes more for a while: the pipes and one piece. */
	while (poll(&f, 1, 300) > 0 &&
	       (n = exec_link_write(x, (struct span){zeros, sizeof zeros})) > 0)
		said += (size_t)n;
	cr_expect_lt(said, 1024 * 1024);
	expect_sleep(&w);
	char path[300], want[32];
	snprintf(path, sizeof path, "%s/go", w.p.dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	exec_link_close_input(x);
	snprintf(want, sizeof want, "%zu\n", said);
	hear(x, EXEC_OUT, want);
	cr_expect_eq(code_of(x), 0);
	exec_link_close(x);
	finish(&w);
}

/* Hung-up descriptors of all kinds, and nothing to do: the pause sleeps. */
Test(attach, waiting_costs_no_time)
{
	struct world w;
	begin(&w, "exec 0<&- 1>&- 2>&-; exec sleep 1000", STDIN | ONCE);
	struct exec_link *x = attach(&w, true), *y = attach(&w, false);
	say(x, "nobody reads it\n");
	exec_link_close_input(x);
	drop(y, EXEC_OUT);
	expect_sleep(&w);
	exec_link_close(x);
	exec_link_close(y);
	finish(&w);
}

Test(attach, terminal_is_the_containers)
{
	struct world w;
	begin(&w, "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && read x </dev/tty && stty size && echo oops >&2; exit 3",
	      STDIN | TTY);
	struct exec_link *x = attach(&w, true);
	exec_link_resize(x, 101, 30);
	say(x, "hello\n");
	hear(x, EXEC_OUT, "hello\r\n30 101\r\noops\r\n");
	cr_expect_eq(code_of(x), 3);
	char *log = pod_file(&w.p, "logs/main/0.log");
	cr_expect(strstr(log, "stdout F oops\r\n"), "%s", log);
	free(log);
	exec_link_close(x);
	finish(&w);
}

Test(attach, terminal_interrupts)
{
	struct world w;
	begin(&w, "trap 'echo caught; exit 9' INT; echo up >up; while :; do sleep .01; done", STDIN | TTY);
	free(pod_await_file(&w.p, "up"));
	struct exec_link *x = attach(&w, true);
	say(x, "\x03");
	hear(x, EXEC_OUT, "caught\r\n");
	cr_expect_eq(code_of(x), 9);
	exec_link_close(x);
	finish(&w);
}

Test(attach, container_that_does_not_run_is_refused)
{
	struct world w;
	struct exec_end end = {0};
	begin(&w, "exit 0", STDIN);
	cr_assert(pod_until(&w.p, has_exited));
	struct exec_link *x = open_link(&w, true);
	int rc;
	while ((rc = exec_link_end(x, &end)) == ERR_AGAIN)
		wait_for(x, EXEC_END);
	cr_assert_eq(rc, 0);
	cr_expect_not(exec_link_begun(x));
	cr_expect_str_eq(end.error, "its container does not run");
	exec_link_close(x);
	finish(&w);
}
