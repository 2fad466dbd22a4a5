#include "nodes/pause/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/exec_terminal.h"
#include "nodes/pause/oci_process.h"
#include "nodes/pause/oci_words.h"
#include "nodes/pause/procid.h"
#include "nodes/pause/proto.h"
#include "nodes/pause/remove.h"
#include "nodes/pause/subpath.h"
#include "nodes/pause/terminal.h"
#include "nodes/pause/tree.h"

enum {
	FILE_BYTES_MAX = 16 * 1024,
	PATH_TEXT_MAX = 4095,
	LAYERS_MAX = 500, /* of overlayfs */
	LOWER_TEXT_MAX = LAYERS_MAX * 256,
	EXEC_NAME_MAX = 24, /* exec.PID */
	DELETE_S_MAX = 30,
};

static bool plain(struct span s, size_t max)
{
	return s.len > 0 && s.len < max && !memchr(s.data, 0, s.len);
}

int oci_check(const struct child_spec *s, struct err *e)
{
	if (!s->sandbox || !s->sandbox->oci)
		return err_set(e, ERR_INVALID, "bundle: this pod has no sandbox");
	if (!plain(s->bundle, PATH_TEXT_MAX) || s->bundle.data[0] == '/')
		return err_set(e, ERR_INVALID, "bundle: a directory of the pod's is needed");
	if (!plain(s->layers, PATH_TEXT_MAX) || s->layers.data[0] != '/' ||
	    !plain(s->lower, LOWER_TEXT_MAX))
		return err_set(e, ERR_INVALID, "layers and lower are needed");
	return 0;
}

/* ---- in the child */

static const char *join(struct buf *b, const char *dir, struct span mid, const char *name)
{
	b->len = 0;
	buf_puts(b, dir);
	buf_putc(b, '/');
	buf_append(b, mid.data, mid.len);
	buf_puts(b, name);
	return buf_text(b);
}

static void make_dir(const char *path, mode_t mode, int tell)
{
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		child_give_up(tell, path, errno);
}

static void put_digits(struct buf *b, size_t v)
{
	char text[24];
	size_t at = sizeof text;
	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_append(b, text + at, sizeof text - at);
}

/* By a descriptor, seen from /proc/self/fd: three letters or four, whatever the path is. The
 * page of text that mount takes has room for all layers then, and commas and colons in a
 * path mean nothing. */
static void put_dir(struct buf *text, int at, const char *path, int tell)
{
	int fd = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		child_give_up(tell, path, errno);
	put_digits(text, (size_t)fd);
}

static void put_layers(struct buf *text, const struct child_spec *s, int tell)
{
	char *dir = mem_ndup(s->layers.data, s->layers.len), *names = mem_ndup(s->lower.data, s->lower.len);
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	unsigned count = 0;
	if (at < 0)
		child_give_up(tell, dir, errno);
	for (char *name = names, *next; name; name = next) {
		if (++count > LAYERS_MAX)
			child_give_up(tell, "the image has more layers than overlayfs takes", E2BIG);
		if ((next = strchr(name, ':')))
			*next++ = 0;
		put_dir(text, at, name, tell);
		if (next)
			buf_putc(text, ':');
	}
	free(names);
	free(dir);
}

static void mount_root(const struct child_spec *s, int tell)
{
	struct buf text = {0}, path = {0};
	const char *dir = s->sandbox->dir;
	make_dir(join(&path, dir, s->bundle, "/upper"), 0755, tell);
	make_dir(join(&path, dir, s->bundle, "/work"), 0700, tell);
	make_dir(join(&path, dir, s->bundle, "/rootfs"), 0755, tell);
	buf_puts(&text, "upperdir=");
	put_dir(&text, AT_FDCWD, join(&path, dir, s->bundle, "/upper"), tell);
	buf_puts(&text, ",workdir=");
	put_dir(&text, AT_FDCWD, join(&path, dir, s->bundle, "/work"), tell);
	buf_puts(&text, ",lowerdir=");
	put_layers(&text, s, tell);
	if (chdir("/proc/self/fd") != 0)
		child_give_up(tell, "/proc/self/fd", errno);
	if (mount("overlay", join(&path, dir, s->bundle, "/rootfs"), "overlay", 0,
		  buf_text(&text)) != 0)
		child_give_up(tell, "mounting the container's root", errno);
	if (chdir(join(&path, dir, s->bundle, "")) != 0)
		child_give_up(tell, "bundle", errno);
	buf_fini(&path);
	buf_fini(&text);
}

/* The configuration names this file. The namespace is held by what the pause has opened,
 * so that it is that of the container that was meant, whatever ends meanwhile. */
static void mount_pids(const struct child_spec *s, int tell)
{
	char from[] = "/proc/self/fd/0";
	struct buf path = {0};
	if (!s->target.len)
		return;
	if (s->pids < 0)
		child_give_up(tell, "the target container does not run", ESRCH);
	from[sizeof from - 2] = (char)('0' + s->pids);
	int fd = open(join(&path, s->sandbox->dir, s->bundle, "/" SANDBOX_PIDS),
		      O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || mount(from, buf_text(&path), NULL, MS_BIND, NULL) != 0)
		child_give_up(tell, buf_text(&path), errno);
	close(fd);
	buf_fini(&path);
}

/* What the configuration names as sources of these mounts. */
static void mount_subpaths(const struct child_spec *s, int tell)
{
	struct mp list = s->subpaths;
	struct buf place = {0};
	size_t n = 0, two;
	if (!list.p || mp_array(&list, &n) || n == 0)
		return;
	make_dir(join(&place, s->sandbox->dir, span_of(SUBPATHS_DIR), ""), 0700, tell);
	buf_putc(&place, '/');
	buf_puts(&place, s->id);
	make_dir(buf_text(&place), 0700, tell);
	size_t len = place.len;
	for (size_t i = 0; i < n; i++) {
		struct span dir = {0}, path = {0};
		if (mp_array(&list, &two) || two != 2 || mp_bin(&list, &dir) || mp_bin(&list, &path))
			child_give_up(tell, "subpaths", EINVAL);
		char *base = mem_ndup(dir.data, dir.len), *below = mem_ndup(path.data, path.len);
		place.len = len;
		buf_putc(&place, '/');
		put_digits(&place, i);
		int rc = subpath_bind(base, below, buf_text(&place));
		if (rc)
			child_give_up(tell, "failed to prepare subPath", -rc);
		free(base);
		free(below);
	}
	buf_fini(&place);
}

static size_t count(char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* The OCI program with these arguments. It finds its helpers by PATH. */
static _Noreturn void program(const struct sandbox *s, const char *const *args, int tell)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *env[] = {path, NULL};
	size_t n = count(s->runtime), m = count((char *const *)args);
	char **argv = mem_alloc((n + m + 1) * sizeof *argv);
	memcpy(argv, s->runtime, n * sizeof *argv);
	memcpy(argv + n, args, m * sizeof *argv);
	execve(argv[0], argv, env);
	child_give_up(tell, argv[0], errno);
}

_Noreturn void oci_run(const struct child_spec *s, int tell)
{
	const char *plain_args[] = {"--log", "log", "--log-format", "json", "run", "--detach",
				    "--pid-file", "pid", "--bundle", ".", s->id, NULL};
	const char *tty_args[] = {"--log", "log", "--log-format", "json", "run", "--detach",
				  "--console-socket", TERMINAL_SOCKET, "--pid-file", "pid",
				  "--bundle", ".", s->id, NULL};
	mount_subpaths(s, tell);
	mount_pids(s, tell);
	mount_root(s, tell);
	program(s->sandbox, s->tty ? tty_args : plain_args, tell);
}

/* What a command's files are called, in the pod's directory. */
static void exec_name(char name[EXEC_NAME_MAX], pid_t pid)
{
	snprintf(name, EXEC_NAME_MAX, "exec.%d", (int)pid);
}

/* When memory runs out a command goes as easily as its container; crun leaves it as it is. */
static void take_oom_score(pid_t first)
{
	char path[48], score[16];
	snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)first);
	int from = open(path, O_RDONLY | O_CLOEXEC), to = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t n = from >= 0 ? read(from, score, sizeof score) : -1;
	if (n > 0 && to >= 0)
		(void)!write(to, score, (size_t)n); /* lower than ours may not be to be had */
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
}

struct exec_program {
	const struct sandbox *sandbox;
	const char **args;
	int tell;
};

static _Noreturn void become_program(void *arg)
{
	const struct exec_program *p = arg;
	program(p->sandbox, p->args, p->tell);
}

/* Files are named from where we are, the pod's directory: crun takes a colon in a path
 * for a word of its own. */
_Noreturn void oci_exec(const struct child_spec *s, char **argv, int tell)
{
	char name[EXEC_NAME_MAX], log[EXEC_NAME_MAX + 8], socket[EXEC_NAME_MAX + 8], pid[EXEC_NAME_MAX + 8], file[40];
	exec_name(name, getpid());
	snprintf(log, sizeof log, "%s.log", name);
	snprintf(socket, sizeof socket, "%s" EXEC_TERMINAL_SOCKET, name);
	snprintf(pid, sizeof pid, "%s" EXEC_TERMINAL_PID, name);
	const char *plain_args[] = {"--log", log, "--log-format", "json", "exec", "--process", file, s->id, NULL};
	const char *tty_args[] = {"--log", log, "--log-format", "json", "exec", "--process", file, "--detach",
				  "--console-socket", socket, "--pid-file", pid, s->id, NULL};
	struct exec_program p = {s->sandbox, s->tty ? tty_args : plain_args, tell};
	int fd = oci_process_open(s->process, argv, s->tty);
	if (fd < 0)
		child_give_up(tell, s->process, errno);
	take_oom_score(s->first);
	snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
	if (s->tty)
		exec_terminal(name, become_program, &p, tell);
	become_program(&p);
}

/* ---- in the pause */

/* What is at the end of a small file, terminated. */
static size_t read_end(const char *bundle, const char *name, char *out, size_t max)
{
	struct buf path = {0};
	int fd = open(join(&path, bundle, (struct span){0}, name), O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = 0;
	buf_fini(&path);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		off_t from = st.st_size > (off_t)max - 1 ? st.st_size - (off_t)max + 1 : 0;
		n = pread(fd, out, max - 1, from);
	}
	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

pid_t oci_pid(const char *bundle)
{
	struct buf path = {0};
	pid_t pid = procid_of_file(join(&path, bundle, (struct span){0}, "pid"));
	buf_fini(&path);
	return pid;
}

/* The value of the last "msg" of JSON lines, its quotes undone. */
static bool put_message(const char *text, struct buf *out)
{
	static const char key[] = "\"msg\":\"";
	const char *at = NULL;
	for (const char *next = text; (next = strstr(next, key)); next += sizeof key - 1)
		at = next + sizeof key - 1;
	for (const char *c = at; c && *c && *c != '"'; c++) {
		if (*c == '\\' && c[1])
			c++;
		buf_putc(out, *c);
	}
	return at != NULL;
}

static bool put_last_message(const char *dir, const char *name, struct buf *out)
{
	char text[FILE_BYTES_MAX];
	read_end(dir, name, text, sizeof text);
	return put_message(text, out);
}

static const char failed_create[] = "OCI runtime create failed: ";

void oci_why(const char *bundle, struct span word, struct buf *out)
{
	struct buf said = {0};
	buf_puts(out, failed_create);
	if (put_last_message(bundle, "log", &said))
		oci_words(span_buf(&said), word, out);
	else
		buf_puts(out, "the OCI program said nothing");
	buf_fini(&said);
}

bool oci_never_ran(struct span said)
{
	static const char before[] = "{\"msg\":\"exec container process ";
	return said.len >= sizeof before - 1 && memcmp(said.data, before, sizeof before - 1) == 0;
}

void oci_why_never(struct span said, struct span word, struct buf *out)
{
	struct buf message = {0};
	char *text = mem_ndup(said.data, said.len);
	buf_puts(out, failed_create);
	put_message(text, &message);
	oci_words(span_buf(&message), word, out);
	buf_fini(&message);
	free(text);
}

void oci_exec_ended(const struct sandbox *s, pid_t pid, bool failed, struct span word,
		    struct buf *out)
{
	char name[EXEC_NAME_MAX], log[EXEC_NAME_MAX + 8];
	struct buf path = {0}, said = {0};
	exec_name(name, pid);
	snprintf(log, sizeof log, "%s.log", name);
	if (failed && put_last_message(s->dir, log, &said)) {
		buf_puts(out, "OCI runtime exec failed: exec failed: ");
		oci_words(span_buf(&said), word, out);
	}
	unlink(join(&path, s->dir, span_of(log), ""));
	exec_terminal_remove(join(&path, s->dir, span_of(name), ""));
	buf_fini(&path);
	buf_fini(&said);
}

bool oci_oom(const char *file)
{
	char text[2048];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	const char *at = strstr(text, "oom_kill ");
	return at && at[9] >= '1' && at[9] <= '9';
}

static _Noreturn void delete(const struct sandbox *s, const char *id, const char *bundle)
{
	const char *args[] = {"delete", "--force", id, NULL};
	struct buf root = {0};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close_range(3, ~0u, 0);
	sigset_t none, child;
	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		program(s, args, 2);
	}
	/* One that hangs must not hold the container's root. */
	if (pid > 0 && sigtimedwait(&child, NULL, &(struct timespec){.tv_sec = DELETE_S_MAX}) < 0)
		tree_kill_with_children(pid);
	if (pid > 0)
		waitpid(pid, &status, 0);
	umount2(join(&root, bundle, (struct span){0}, "rootfs"), MNT_DETACH);
	umount2(join(&root, bundle, (struct span){0}, SANDBOX_PIDS), MNT_DETACH);
	remove_tree(bundle);
	subpath_release(s->dir, id);
	_exit(0);
}

pid_t oci_delete(const struct sandbox *s, const char *id, const char *bundle)
{
	pid_t pid = fork();
	if (pid == 0)
		delete(s, id, bundle);
	return pid;
}

/* ---- ends that came early */

void early_put(struct early *e, pid_t pid, int status)
{
	unsigned i = e->next++ % EARLY_MAX;
	e->all[i].pid = pid;
	e->all[i].status = status;
}

bool early_take(struct early *e, pid_t pid, int *status)
{
	for (unsigned i = 0; i < EARLY_MAX; i++) {
		if (e->all[i].pid != pid)
			continue;
		*status = e->all[i].status;
		e->all[i].pid = 0;
		return true;
	}
	return false;
}
