/* Commands beside a container, with real pauses and processes. */
#include "nodes/exec_link.h"
#include "tests/unit/nodes/pods.h"

static struct exec_link *open_exec(const struct pod *p, const char *container, const char *script,
				   bool tty)
{
	const char *argv[] = {"sh", "-c", script, NULL}, *env[] = {"PATH=/usr/bin:/bin", "A=b", NULL};
	struct exec_start s = {.container = container, .argv = argv, .env = env, .cwd = "/usr",
			       .uid = -1, .gid = -1, .in = true, .out = true, .err = true,
			       .tty = tty};
	struct exec_link *x = NULL;
	struct err e = {0};
	cr_assert_eq(exec_link_open(&x, p->dir, &s, &e), 0, "%s", e.text);
	return x;
}

static void wait_for(const struct exec_link *x, enum exec_stream s)
{
	struct pollfd f = {.fd = exec_link_fd(x, s), .events = POLLIN};
	cr_assert(poll(&f, 1, DEADLINE_MS) > 0, "nothing comes");
}

/* All of a stream, to its end. */
static char *read_all(struct exec_link *x, enum exec_stream s)
{
	struct buf b = {0};
	uint8_t some[512];
	ssize_t n;
	while ((n = exec_link_read(x, s, some, sizeof some)) != ERR_CLOSED)
		if (n == ERR_AGAIN)
			wait_for(x, s);
		else
			buf_append(&b, some, (size_t)n);
	char *text = mem_dup(buf_text(&b));
	buf_fini(&b);
	return text;
}

static struct exec_end end_of(struct exec_link *x)
{
	struct exec_end end = {0};
	int rc;
	while ((rc = exec_link_end(x, &end)) == ERR_AGAIN)
		wait_for(x, EXEC_END);
	cr_assert_eq(rc, 0, "nobody knows how it ended");
	return end;
}

static void running_pod(struct cluster *c, struct pod *p)
{
	cluster_begin(c);
	pod_begin(p, c, "uid-1");
	pod_sh(p, "main", 0, "exec sleep 1000");
	cr_assert(pod_until(p, has_started));
}

static bool alive(int pid)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
	if (fd >= 0)
		close(fd);
	return n > 0 && !strstr(line, ") Z");
}

static void until_dead(int pid)
{
	int64_t deadline = pods_now_ms() + DEADLINE_MS;
	while (alive(pid)) {
		cr_assert(pods_now_ms() < deadline, "%d lives on", pid);
		poll(NULL, 0, 5);
	}
}

Test(exec_link, streams_and_exit_code_are_the_commands)
{
	struct cluster c;
	struct pod p;
	running_pod(&c, &p);
	struct exec_link *x = open_exec(&p, "main", "read x; echo $x $A $(pwd); echo oops >&2; exit 7",
					false);
	cr_assert_eq(exec_link_write(x, span_of("hello\n")), 6);
	char *out = read_all(x, EXEC_OUT), *err = read_all(x, EXEC_ERR);
	struct exec_end end = end_of(x);
	cr_expect_str_eq(out, "hello b /usr\n");
	cr_expect_str_eq(err, "oops\n");
	cr_expect_eq(end.code, 7);
	cr_expect_str_eq(end.error, "");
	free(out);
	free(err);
	exec_link_close(x);
	pod_end(&p);
	cluster_end(&c);
}

Test(exec_link, end_of_input_is_seen)
{
	struct cluster c;
	struct pod p;
	running_pod(&c, &p);
	struct exec_link *x = open_exec(&p, "main", "wc -c", false);
	cr_assert_eq(exec_link_write(x, span_of("12345")), 5);
	exec_link_close_input(x);
	char *out = read_all(x, EXEC_OUT);
	cr_expect_str_eq(out, "5\n");
	free(out);
	exec_link_close(x);
	pod_end(&p);
	cluster_end(&c);
}

Test(exec_link, terminal_has_its_size)
{
	struct cluster c;
	struct pod p;
	running_pod(&c, &p);
	struct exec_link *x = open_exec(&p, "main", "read x; stty size; tty >&2", true);
	exec_link_resize(x, 80, 24);
	cr_assert_eq(exec_link_write(x, span_of("\n")), 1);
	char *out = read_all(x, EXEC_OUT);
	cr_expect(strstr(out, "24 80") && strstr(out, "/dev/pts/"), "%s", out);
	cr_expect_eq(end_of(x).code, 0);
	free(out);
	exec_link_close(x);
	pod_end(&p);
	cluster_end(&c);
}

Test(exec_link, who_goes_away_kills_the_command_and_its_session)
{
	struct cluster c;
	struct pod p;
	running_pod(&c, &p);
	/* In a group of its own, so that only the session says whose it is. */
	struct exec_link *x =
		open_exec(&p, "main", "set -m; sleep 1000 & echo $$ $!; wait", false);
	uint8_t line[64] = "";
	int shell = 0, child = 0;
	wait_for(x, EXEC_OUT);
	cr_assert(exec_link_read(x, EXEC_OUT, line, sizeof line - 1) > 0);
	cr_assert_eq(sscanf((char *)line, "%d %d", &shell, &child), 2);
	cr_assert(alive(shell) && alive(child));
	exec_link_close(x);
	until_dead(shell);
	until_dead(child);
	cr_expect_eq(p.exited_count, 0, "its container lives on");
	pod_end(&p);
	cluster_end(&c);
}

Test(exec_link, containers_end_is_the_commands)
{
	struct cluster c;
	struct pod p;
	running_pod(&c, &p);
	struct exec_link *x = open_exec(&p, "main", "exec sleep 1000", false);
	cr_assert_eq(pause_link_signal(p.link, "main", 0, SIGKILL), 0);
	cr_assert(pod_until(&p, has_exited));
	cr_expect_eq(end_of(x).code, 137);
	exec_link_close(x);
	pod_end(&p);
	cluster_end(&c);
}

Test(exec_link, command_that_cannot_start_says_why)
{
	static const struct {
		const char *container, *argv0, *error;
		int code;
	} rows[] = {
		{"main", "nosuch", "exec: \"nosuch\": executable file not found in $PATH", 127},
		{"main", "/etc", "exec: \"/etc\": is a directory", 126},
		{"other", "true", "its container does not run", 128},
	};
	struct cluster c;
	struct pod p;
	running_pod(&c, &p);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *argv[] = {rows[i].argv0, NULL}, *env[] = {"PATH=/usr/bin:/bin", NULL};
		struct exec_start s = {.container = rows[i].container, .argv = argv, .env = env,
				       .uid = -1, .gid = -1, .out = true};
		struct exec_link *x;
		cr_assert_eq(exec_link_open(&x, p.dir, &s, NULL), 0);
		struct exec_end end = end_of(x);
		cr_expect_str_eq(end.error, rows[i].error);
		cr_expect_eq(end.code, rows[i].code);
		exec_link_close(x);
	}
	pod_end(&p);
	cluster_end(&c);
}

Test(exec_link, no_pause_no_command)
{
	const char *argv[] = {"true", NULL};
	struct exec_start s = {.container = "main", .argv = argv, .uid = -1, .gid = -1};
	struct exec_link *x = NULL;
	cr_expect_eq(exec_link_open(&x, "/no/such/pod", &s, NULL), ERR_UNREACHABLE);
	cr_expect_null(x);
}
