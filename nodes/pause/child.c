/* From fork to exec. The argument vectors are made in the child, from the
 * message as it came: a container with a megabyte of environment costs the
 * pause nothing once its process runs.
 *
 * What goes wrong after the fork is told as text over a pipe that exec
 * closes, in the words that containerd's users know from
 * `kubectl describe`. */
#include "nodes/pause/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/oci.h"
#include "nodes/pause/proto.h"
#include "nodes/pause/sandbox.h"
#include "nodes/pause/terminal.h"

enum { GROUPS_MAX = 1024 };

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static int check_texts(struct mp list, const char *what, struct err *e)
{
	size_t n;
	if (mp_array(&list, &n))
		return err_set(e, ERR_INVALID, "%s is not a list", what);
	for (size_t i = 0; i < n; i++) {
		struct span text;
		if (mp_bin(&list, &text) || memchr(text.data, 0, text.len))
			return err_set(e, ERR_INVALID, "%s[%zu] is not bytes, or has a zero", what,
				       i);
	}
	return 0;
}

static int check_groups(struct mp list, struct err *e)
{
	int64_t gid;
	size_t n;
	if (mp_array(&list, &n) || n > GROUPS_MAX)
		return err_set(e, ERR_INVALID, "groups is not a list, or is too long");
	for (size_t i = 0; i < n; i++)
		if (mp_i64(&list, &gid) || gid < 0 || gid > UINT32_MAX)
			return err_set(e, ERR_INVALID, "groups[%zu] is no group's number", i);
	return 0;
}

int child_check(const struct child_spec *s, struct err *e)
{
	struct mp argv = s->argv;
	size_t n = 0;
	if (s->bundle.len)
		return oci_check(s, e);
	int rc = check_texts(argv, "argv", e);
	if (rc == 0 && s->groups.p)
		rc = check_groups(s->groups, e);
	if (rc == 0 && s->env.p)
		rc = check_texts(s->env, "env", e);
	if (rc)
		return rc;
	mp_array(&argv, &n);
	if (n == 0)
		return err_set(e, ERR_INVALID, "argv is empty");
	if (s->cwd.len && memchr(s->cwd.data, 0, s->cwd.len))
		return err_set(e, ERR_INVALID, "cwd is not a text");
	return 0;
}

/* ---- in the child */

static char **vector_of(struct mp list)
{
	size_t n = 0;
	if (!list.p || mp_array(&list, &n))
		n = 0;
	char **v = mem_alloc((n + 1) * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		struct span text = {0};
		mp_bin(&list, &text);
		v[i] = mem_ndup(text.data, text.len);
	}
	return v;
}

static const char *env_find(char **env, const char *name)
{
	const char *found = NULL;
	size_t n = strlen(name);
	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			found = *env + n + 1;
	return found;
}

/* As Go prints an errno: glibc's text in lower case. */
static void add_errno(struct buf *why, int number)
{
	const char *text = strerrordesc_np(number);
	size_t at = why->len;
	buf_puts(why, text ? text : "unknown error");
	if (why->data[at] >= 'A' && why->data[at] <= 'Z')
		why->data[at] = (uint8_t)(why->data[at] + 'a' - 'A');
}

static void add_quoted(struct buf *why, const char *text)
{
	buf_putc(why, '"');
	buf_puts(why, text);
	buf_putc(why, '"');
}

static _Noreturn void give_up(int fd, const struct buf *why)
{
	size_t n = why->len < PAUSE_ERROR_BYTES_MAX ? why->len : PAUSE_ERROR_BYTES_MAX;
	ssize_t written = write(fd, why->data, n);
	_exit(written < 0 ? 127 : 128);
}

/* A command's asker reads it where a shell would have written it. */
static _Noreturn void refuse(const struct child_spec *s, int tell, struct buf *why)
{
	buf_putc(why, '\n');
	ssize_t ignored = s->io ? write(2, why->data, why->len) : 0;
	(void)ignored;
	why->len--;
	give_up(tell, why);
}

_Noreturn void child_give_up(int fd, const char *what, int number)
{
	struct buf why = {0};
	buf_puts(&why, what);
	buf_puts(&why, ": ");
	add_errno(&why, number);
	give_up(fd, &why);
}

static bool runnable(const char *path, int *number)
{
	struct stat st;
	*number = 0;
	if (stat(path, &st) != 0)
		*number = errno;
	else if (S_ISDIR(st.st_mode))
		*number = EISDIR;
	else if (access(path, X_OK) != 0)
		*number = errno;
	return *number == 0;
}

/* Looks a bare name up as Go's exec.LookPath does; NULL when nothing is found. */
static char *look_up(const char *name, const char *path)
{
	int ignored;
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, ":");
		struct buf full = {0};
		buf_append(&full, n ? at : ".", n ? n : 1);
		buf_putc(&full, '/');
		buf_puts(&full, name);
		if (runnable(buf_text(&full), &ignored))
			return (char *)full.data;
		buf_fini(&full);
		at += n + (at[n] == ':');
	}
	return NULL;
}

static _Noreturn void run(const struct child_spec *s, char **argv, char **env, int tell)
{
	const char *path = env_find(env, "PATH");
	const char *file = argv[0];
	int number = 0;
	struct buf why = {0};
	buf_puts(&why, "exec: ");
	add_quoted(&why, argv[0]);
	if (!strchr(file, '/')) {
		file = look_up(file, path ? path : default_path);
		if (!file) {
			buf_puts(&why, ": executable file not found in $PATH");
			refuse(s, tell, &why);
		}
	} else if (!runnable(file, &number)) {
		buf_puts(&why, number == ENOENT || number == ENOTDIR ? ": stat " : ": ");
		if (number == ENOENT || number == ENOTDIR) {
			buf_puts(&why, file);
			buf_puts(&why, ": ");
		}
		add_errno(&why, number);
		refuse(s, tell, &why);
	}
	execve(file, argv, env);
	number = errno;
	buf_puts(&why, ": ");
	add_errno(&why, number);
	refuse(s, tell, &why);
}

static void reset_signals(void)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};
	static const uint64_t defaults[8]; /* the kernel's struct sigaction, all zero */
	sigset_t none;
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_DFL);
	/* posix_spawn, which made the pause, ignores the two signals that glibc
	 * keeps for itself, and its sigaction refuses to touch them. */
	for (int number = 32; number <= 33; number++)
		syscall(SYS_rt_sigaction, number, &defaults, NULL, sizeof(uint64_t));
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool is_pipe(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* All that it is to have, its first one too; none: those of the pause. */
static gid_t *groups_of(const struct child_spec *s, size_t *n)
{
	struct mp list = s->groups;
	size_t asked = 0;
	int64_t gid;
	if (list.p && mp_array(&list, &asked))
		asked = 0;
	*n = 0;
	if (s->gid < 0 && asked == 0)
		return NULL;
	gid_t *all = mem_alloc((asked + 1) * sizeof *all);
	all[(*n)++] = s->gid >= 0 ? (gid_t)s->gid : getegid();
	for (size_t i = 0; i < asked; i++)
		if (mp_i64(&list, &gid) == 0)
			all[(*n)++] = (gid_t)gid;
	return all;
}

/* By the kernel's calls: glibc's send each thread of a process one of the signals that
 * were just reset, and a sanitizer's thread would die of it, and all with it. */
static void take_identity(const struct child_spec *s, int tell)
{
	size_t n = 0;
	gid_t *groups = groups_of(s, &n);
	/* Its pipes too, as it may open them again by /dev/stdout. */
	for (int fd = 0; s->uid >= 0 && fd < 3; fd++)
		if (is_pipe(fd))
			(void)!fchown(fd, (uid_t)s->uid, (gid_t)-1);
	if (n > 0 && syscall(SYS_setgroups, n, groups) != 0)
		child_give_up(tell, "setgroups", errno);
	if (s->gid >= 0 && syscall(SYS_setgid, (gid_t)s->gid) != 0)
		child_give_up(tell, "setgid", errno);
	if (s->uid >= 0 && syscall(SYS_setuid, (uid_t)s->uid) != 0)
		child_give_up(tell, "setuid", errno);
	free(groups);
	if (s->uid >= 0 || s->gid >= 0) /* cleared by the change of identity */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void enter_directory(const struct child_spec *s, int tell)
{
	char *cwd = s->cwd.len ? mem_ndup(s->cwd.data, s->cwd.len) : mem_dup("/");
	if (chdir(cwd) == 0)
		return;
	int number = errno;
	struct buf why = {0};
	buf_puts(&why, "chdir to cwd (");
	add_quoted(&why, cwd);
	buf_puts(&why, ") failed: ");
	add_errno(&why, number);
	refuse(s, tell, &why);
}

/* Descriptors 0, 1, 2 become what the container sees, 3 the pipe back, 4 one that is kept
 * until exec, if there is one. */
enum { TELL_FD = 3, KEPT_FD };
static void arrange_descriptors(const int io[3], int tell, int kept)
{
	int high[3];
	/* First above the numbers that are about to be overwritten. */
	for (int i = 0; i < 3; i++)
		high[i] = fcntl(io[i], F_DUPFD_CLOEXEC, 10);
	tell = fcntl(tell, F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		dup2(high[i], i);
	kept = kept < 0 ? -1 : fcntl(kept, F_DUPFD_CLOEXEC, 10);
	dup3(tell, TELL_FD, O_CLOEXEC);
	if (kept >= 0)
		dup3(kept, KEPT_FD, O_CLOEXEC);
	close_range(kept < 0 ? KEPT_FD : KEPT_FD + 1, ~0u, 0);
}

static _Noreturn void become(const struct child_spec *s, pid_t pause, const int io[3], int tell)
{
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != pause)
		_exit(128);
	int kept = s->target.len ? s->pids : -1;
	arrange_descriptors(io, tell, kept);
	tell = TELL_FD;
	if (s->tty && !s->bundle.len)
		ioctl(0, TIOCSCTTY, 0);
	reset_signals();
	umask(022);
	struct child_spec here = *s;
	here.pids = kept < 0 ? -1 : KEPT_FD;
	if (s->bundle.len)
		oci_run(&here, tell);
	if (s->sandbox && s->sandbox->oci)
		oci_exec(s, vector_of(s->argv), tell);
	take_identity(s, tell);
	enter_directory(s, tell);
	run(s, vector_of(s->argv), vector_of(s->env), tell);
}

/* ---- in the pause */

static int pipe_of(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	/* Only our end: the container's must block as everybody expects. */
	return fcntl(fd[0], F_SETFL, O_NONBLOCK);
}

static void close_all(const int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* What a child is given, and our ends of it. */
struct streams {
	int io[3];
	int out[2], err[2], in[2], tty[2], console;
};

static int second(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int open_terminal(const struct child_spec *s, struct streams *t)
{
	if (terminal_open(t->tty, s->uid) != 0)
		return -1;
	t->out[0] = t->tty[0];
	t->in[1] = second(t->tty[0]);
	t->io[0] = t->tty[1];
	t->io[1] = second(t->tty[1]);
	t->io[2] = second(t->tty[1]);
	return t->in[1] >= 0 && t->io[1] >= 0 && t->io[2] >= 0 ? 0 : -1;
}

static int open_console(const struct child_spec *s, struct streams *t)
{
	struct buf path = {0};
	buf_append(&path, s->bundle.data, s->bundle.len);
	buf_puts(&path, "/" TERMINAL_SOCKET);
	t->console = terminal_listen(buf_text(&path));
	buf_fini(&path);
	return t->console < 0 ? -1 : 0;
}

/* Of a terminal that the OCI program makes, the pipes only say what is wrong. */
static int open_pipes(const struct child_spec *s, struct streams *t)
{
	if (s->in && !s->tty) {
		if (pipe2(t->in, O_CLOEXEC) != 0 || fcntl(t->in[1], F_SETFL, O_NONBLOCK) != 0)
			return -1;
		t->io[0] = t->in[0];
	} else if ((t->io[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) {
		return -1;
	}
	if (pipe_of(t->out) != 0)
		return -1;
	t->io[1] = t->out[1];
	if (pipe_of(t->err) != 0)
		return -1;
	t->io[2] = t->err[1];
	return s->tty ? open_console(s, t) : 0;
}

static int open_streams(const struct child_spec *s, struct streams *t)
{
	memset(t, -1, sizeof *t);
	if (!s->io)
		return s->tty && !s->bundle.len ? open_terminal(s, t) : open_pipes(s, t);
	memcpy(t->io, s->io, sizeof t->io);
	return 0;
}

int child_start(const struct child_spec *s, struct child *out, struct err *e)
{
	struct streams t;
	int st[2] = {-1, -1};
	pid_t self = getpid(), pid = -1;
	if (open_streams(s, &t) == 0 && pipe_of(st) == 0)
		pid = fork();
	if (pid == 0)
		become(s, self, t.io, st[1]);
	int number = errno;
	if (!s->io)
		close_all(t.io, 3);
	if (pid < 0) {
		close_all((int[]){t.out[0], t.err[0], t.in[1], t.console}, 4);
		close_all(st, 2);
		const char *why = strerrordesc_np(number);
		return err_set(e, ERR_IO, "fork: %s", why ? why : "unknown error");
	}
	close(st[1]);
	*out = (struct child){.pid = pid, .out = t.out[0], .err = t.err[0], .in = t.in[1],
			      .console = t.console, .started = st[0]};
	return 0;
}
