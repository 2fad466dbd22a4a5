#include "nodes/network/pod_cni.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"

/* The launcher gives a pause five seconds to start. */
enum { CNI_MS_MAX = 4000, ENV_MAX = 8 };

struct plugin {
	char *program;
	struct span config;
};

struct cni {
	struct mp map;
	int node;
	struct plugin plugins[POD_CNI_PLUGINS_MAX];
	size_t count;
	int64_t until_ms;
	bool gone; /* the pod's namespace */
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *type_of(const struct plugin *p)
{
	const char *slash = strrchr(p->program, '/');
	return slash ? slash + 1 : p->program;
}

/* ---- one program */

static char *variable(const char *name, const char *value, size_t n)
{
	size_t length = strlen(name);
	char *text = mem_alloc(length + n + 1);
	memcpy(text, name, length);
	memcpy(text + length, value, n);
	return text;
}

static void put_number(char *out, int n)
{
	char digits[12];
	size_t at = sizeof digits;
	digits[--at] = 0;
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10));
	strcat(out, digits + at);
}

static char *from_map(const struct cni *c, const char *name, const char *key)
{
	struct span s = mp_path_str(c->map, key);
	return variable(name, (const char *)s.data, s.len);
}

static void make_env(const struct cni *c, const char *command, char *env[ENV_MAX])
{
	char space[48] = "CNI_NETNS=/proc/";
	size_t n = 0;
	put_number(space, getpid());
	strcat(space, "/ns/net");
	if (c->gone)
		strcpy(space, "CNI_NETNS=");
	env[n++] = variable("CNI_COMMAND=", command, strlen(command));
	env[n++] = from_map(c, "CNI_CONTAINERID=", "container");
	env[n++] = mem_dup(space);
	env[n++] = mem_dup("CNI_IFNAME=eth0");
	env[n++] = from_map(c, "CNI_ARGS=", "args");
	env[n++] = from_map(c, "CNI_PATH=", "path");
	env[n++] = mem_dup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	env[n] = NULL;
}

static _Noreturn void become(const struct cni *c, const struct plugin *p, char *const *env,
			     int in, int out)
{
	char *argv[] = {p->program, NULL};
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setns(c->node, CLONE_NEWNET) != 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
		_exit(126);
	int null = open("/dev/null", O_WRONLY);
	dup2(null, 2);
	execve(p->program, argv, env);
	_exit(127);
}

/* The text with `"prevResult": RESULT` in it, and into the pipe: which takes all of
 * it, as configs and results are smaller than a pipe together. */
static bool tell(int fd, const struct plugin *p, const struct buf *result)
{
	struct buf b = {0};
	size_t brace = 0;
	while (brace < p->config.len && p->config.data[brace] != '{')
		brace++;
	if (brace == p->config.len)
		return false;
	buf_append(&b, p->config.data, brace + 1);
	if (result->len) {
		buf_puts(&b, "\"prevResult\":");
		buf_append(&b, result->data, result->len);
		buf_putc(&b, ',');
	}
	buf_append(&b, p->config.data + brace + 1, p->config.len - brace - 1);
	fcntl(fd, F_SETPIPE_SZ, 2 * POD_CNI_BYTES_MAX);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	bool good = write(fd, b.data, b.len) == (ssize_t)b.len;
	buf_fini(&b);
	return good;
}

/* What it says until it closes; 0, ERR_TIMEOUT, ERR_LIMIT. */
static int hear(const struct cni *c, int fd, struct buf *out)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = c->until_ms - now_ms();
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return ERR_TIMEOUT;
		buf_reserve(out, 4096);
		ssize_t n = read(fd, out->data + out->len, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		out->len += (size_t)n;
		if (out->len > POD_CNI_BYTES_MAX)
			return ERR_LIMIT;
	}
}

static int await(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* Its wait status and what it said. ERR_IO, ERR_TIMEOUT, ERR_LIMIT. */
static int run(const struct cni *c, const struct plugin *p, const char *command,
	       const struct buf *result, int *status, struct buf *said)
{
	char *env[ENV_MAX];
	int in[2] = {-1, -1}, out[2] = {-1, -1}, rc = ERR_IO;
	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0) {
		make_env(c, command, env);
		pid_t pid = fork();
		if (pid == 0)
			become(c, p, env, in[0], out[1]);
		for (size_t i = 0; env[i]; i++)
			free(env[i]);
		close(out[1]);
		out[1] = -1;
		rc = pid > 0 && tell(in[1], p, result) ? 0 : ERR_IO;
		close(in[1]);
		in[1] = -1;
		rc = rc ? rc : hear(c, out[0], said);
		if (pid > 0 && rc)
			kill(pid, SIGKILL);
		*status = pid > 0 ? await(pid) : -1;
	}
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	return rc;
}

/* ---- what went wrong: the "msg" of its answer */

static struct span message_of(const struct buf *said)
{
	static const char key[] = "\"msg\"";
	const uint8_t *at = said->len ? memmem(said->data, said->len, key, sizeof key - 1) : NULL;
	const uint8_t *end = said->data + said->len, *from;
	if (!at)
		return (struct span){said->data, said->len};
	at += sizeof key - 1;
	while (at < end && *at != '"')
		at++;
	from = ++at;
	while (at < end && *at != '"')
		at += *at == '\\' ? 2 : 1;
	return from < end && at <= end ? (struct span){from, (size_t)(at - from)}
				       : (struct span){0};
}

static int failure(struct err *e, const struct plugin *p, int rc, int status,
		   const struct buf *said)
{
	struct span words = message_of(said);
	if (rc == ERR_TIMEOUT)
		words = span_of("it did not end in time");
	else if (rc == ERR_LIMIT)
		words = span_of("it said too much");
	else if (rc || (WIFEXITED(status) && WEXITSTATUS(status) >= 126))
		words = span_of("it could not be run");
	else if (!words.len)
		words = span_of("it failed without a word");
	int n = words.len < 300 ? (int)words.len : 300;
	return err_set(e, rc ? rc : ERR_IO, "plugin type=\"%s\" failed (add): %.*s", type_of(p), n,
		       (const char *)words.data);
}

/* ---- all of them */

static int read_map(struct cni *c, struct mp map, int node, struct err *e)
{
	struct mp list;
	size_t n = 0, two;
	*c = (struct cni){.map = map, .node = node, .until_ms = now_ms() + CNI_MS_MAX};
	if (!mp_find(map, "plugins", &list) || mp_array(&list, &n) || !n ||
	    n > POD_CNI_PLUGINS_MAX)
		return err_set(e, ERR_INVALID, "cni: no plugins, or too many");
	for (size_t i = 0; i < n; i++) {
		struct span program;
		struct plugin *p = &c->plugins[i];
		if (mp_array(&list, &two) || two != 2 || mp_str(&list, &program) ||
		    mp_str(&list, &p->config) || p->config.len > POD_CNI_BYTES_MAX)
			return err_set(e, ERR_INVALID, "cni: a plugin");
		p->program = mem_ndup(program.data, program.len);
		c->count++;
	}
	return 0;
}

static void cni_fini(struct cni *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->plugins[i].program);
}

static void undo(struct cni *c, size_t count, const struct buf *result)
{
	for (size_t i = count; i-- > 0;) {
		struct buf said = {0};
		int status;
		c->until_ms = now_ms() + CNI_MS_MAX;
		run(c, &c->plugins[i], "DEL", result, &status, &said);
		buf_fini(&said);
	}
}

static int save(const struct buf *result, struct err *e)
{
	int fd = open(POD_CNI_RESULT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, result->data, result->len) == (ssize_t)result->len;
	if (fd >= 0)
		close(fd);
	return good ? 0 : err_set(e, ERR_IO, "cannot write " POD_CNI_RESULT);
}

int pod_cni_add(struct mp map, int node, struct err *e)
{
	struct cni c;
	struct buf result = {0};
	size_t done = 0;
	int rc = read_map(&c, map, node, e);
	for (; done < c.count && rc == 0; done++) {
		struct buf said = {0};
		int status = 0;
		rc = run(&c, &c.plugins[done], "ADD", &result, &status, &said);
		if (rc || status) {
			rc = failure(e, &c.plugins[done], rc, status, &said);
			buf_fini(&said);
			continue;
		}
		buf_fini(&result);
		result = said;
	}
	rc = rc ? rc : save(&result, e);
	if (rc)
		undo(&c, done, &result);
	buf_fini(&result);
	cni_fini(&c);
	return rc;
}

static void load(struct buf *out)
{
	int fd = open(POD_CNI_RESULT, O_RDONLY | O_CLOEXEC);
	buf_reserve(out, POD_CNI_BYTES_MAX);
	ssize_t n = fd >= 0 ? read(fd, out->data, POD_CNI_BYTES_MAX) : -1;
	out->len = n > 0 ? (size_t)n : 0;
	if (fd >= 0)
		close(fd);
}

void pod_cni_del(struct mp map, int node, bool gone)
{
	struct cni c;
	struct buf result = {0};
	if (read_map(&c, map, node, NULL) == 0) {
		c.gone = gone;
		load(&result);
		undo(&c, c.count, &result);
		unlink(POD_CNI_RESULT);
	}
	buf_fini(&result);
	cni_fini(&c);
}
