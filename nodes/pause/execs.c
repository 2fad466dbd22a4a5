#include "nodes/pause/execs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/attach.h"
#include "nodes/pause/child.h"
#include "nodes/pause/oci.h"
#include "nodes/pause/oci_process.h"
#include "nodes/pause/oci_words.h"
#include "nodes/pause/packet.h"
#include "nodes/pause/proto.h"
#include "nodes/pause/run.h"
#include "nodes/pause/sandbox.h"
#include "nodes/pause/socket.h"
#include "nodes/pause/tree.h"

enum { MESSAGES_MAX = 16 }; /* of one turn */

struct exec {
	int conn; /* -1: its asker is gone */
	struct buf inbox;
	struct packet_fds io;
	pid_t pid;      /* 0: not started yet */
	int started_fd; /* as a run's */
	bool dead;      /* to be freed */
	char container[PAUSE_NAME_BYTES_MAX + 1];
	struct buf error; /* why it never ran */
	struct buf word;  /* the first of its command */
	struct attach *attach; /* it is no command but attached; NULL */
	struct exec *next;
};

int execs_open(struct execs *x)
{
	x->listener = socket_listen(PAUSE_EXEC_SOCKET, 16);
	return x->listener;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void exec_free(struct exec *e)
{
	close_fd(&e->conn);
	close_fd(&e->started_fd);
	packet_close_fds(&e->io);
	buf_fini(&e->inbox);
	buf_fini(&e->error);
	buf_fini(&e->word);
	attach_free(e->attach);
	free(e);
}

/* The one place where they leave the list. */
static void sweep(struct execs *x)
{
	for (struct exec **at = &x->first; *at;) {
		struct exec *e = *at;
		if (!e->dead) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		x->count--;
		exec_free(e);
	}
}

void execs_accept(struct execs *x)
{
	int fd = socket_accept(x->listener);
	if (fd < 0)
		return;
	if (x->count >= PAUSE_EXECS_MAX) {
		close(fd);
		return;
	}
	struct exec *e = mem_alloc(sizeof *e);
	e->conn = fd;
	e->started_fd = -1;
	e->next = x->first;
	x->first = e;
	x->count++;
}

void execs_fill(const struct execs *x, struct pollfd *polls)
{
	for (const struct exec *e = x->first; e; e = e->next) {
		*polls++ = (struct pollfd){.fd = e->conn, .events = POLLIN};
		*polls++ = (struct pollfd){.fd = e->started_fd, .events = POLLIN};
		for (int i = 0; i < ATTACH_POLLS; i++)
			polls[i] = (struct pollfd){.fd = -1};
		if (e->attach && !e->dead)
			attach_fill(e->attach, polls);
		polls += ATTACH_POLLS;
	}
}

/* Its asker may be gone: then nobody hears it. */
static void tell_end(struct exec *e, int code)
{
	struct buf m = {0};
	size_t offset = 0;
	mpw_map(&m, 3);
	mpw_kv_str(&m, "event", "exited");
	mpw_kv_i64(&m, "code", code);
	mpw_str(&m, "error");
	mpw_bin(&m, span_buf(&e->error));
	(void)packet_send(e->conn, span_buf(&m), &offset);
	buf_fini(&m);
	e->dead = true;
}

static void refuse(struct exec *e, const char *why)
{
	e->error.len = 0;
	buf_puts(&e->error, why);
	tell_end(e, PAUSE_NEVER_RAN);
}

static void note_killed(struct execs *x, pid_t pid)
{
	x->killed[x->killed_next++ % EXECS_KILLED_MAX] = pid;
}

static void forget_killed(struct execs *x, pid_t pid)
{
	for (size_t i = 0; i < EXECS_KILLED_MAX; i++)
		if (x->killed[i] == pid)
			x->killed[i] = 0;
}

/* ---- who is attached */

static void start_attach(struct exec *e, struct run *run, bool speaks)
{
	struct buf m = {0};
	size_t offset = 0;
	e->attach = attach_new(run, &e->io, speaks);
	mpw_map(&m, 1);
	mpw_kv_str(&m, "event", "attached");
	(void)packet_send(e->conn, span_buf(&m), &offset);
	buf_fini(&m);
}

static void note_over(struct exec *e)
{
	int code;
	if (e->attach && !e->dead && attach_over(e->attach, &code))
		tell_end(e, code);
}

bool execs_wait(const struct execs *x)
{
	for (const struct exec *e = x->first; e; e = e->next)
		if (e->attach && !e->dead)
			return true;
	return false;
}

/* ---- commands */

/* Between fork and setsid there is no group yet, only the process. */
static void exec_kill(struct execs *x, struct exec *e)
{
	if (x->sandbox && x->sandbox->oci)
		tree_kill_with_children(e->pid);
	if (kill(-e->pid, SIGKILL) != 0)
		kill(e->pid, SIGKILL);
	note_killed(x, e->pid);
}

static void keep_word(struct exec *e, struct mp argv)
{
	struct span word;
	size_t n;
	if (mp_array(&argv, &n) == 0 && n > 0 && mp_bin(&argv, &word) == 0)
		buf_append(&e->word, word.data,
			   word.len < PAUSE_ERROR_BYTES_MAX ? word.len : PAUSE_ERROR_BYTES_MAX);
}

static void start_command(struct execs *x, struct exec *e, struct mp m, const struct run *run)
{
	struct child_spec spec = {.sandbox = x->sandbox,
				  .uid = mp_path_int(m, "uid", -1),
				  .gid = mp_path_int(m, "gid", -1),
				  .cwd = mp_path_str(m, "cwd"),
				  .tty = mp_path_bool(m, "tty", false),
				  .io = e->io.fd};
	struct child c;
	struct err why = {0};
	if (!mp_find(m, "argv", &spec.argv)) {
		refuse(e, "exec: descriptors or argv are missing");
		return;
	}
	if (spec.uid < 0 && spec.gid < 0) {
		spec.uid = run->uid;
		spec.gid = run->gid;
		if (run->groups.len)
			spec.groups = mp_of(span_buf(&run->groups));
	}
	if (!mp_find(m, "env", &spec.env))
		spec.env.p = NULL;
	struct buf id = {0}, process = {0};
	if (run->bundle) {
		buf_puts(&process, run->bundle);
		buf_puts(&process, "/" OCI_PROCESS_FILE);
		spec.process = buf_text(&process);
		spec.first = run->at.pid;
	}
	memcpy(e->container, run->at.name, sizeof e->container);
	spec.id = run_id(&id, e->container, run->at.attempt);
	if (child_check(&spec, &why) || child_start(&spec, &c, &why))
		refuse(e, why.text);
	else {
		e->pid = c.pid;
		e->started_fd = c.started;
		keep_word(e, spec.argv);
		forget_killed(x, c.pid); /* the number was another's */
	}
	buf_fini(&id);
	buf_fini(&process);
}

static void start(struct execs *x, struct exec *e, struct mp m,
		  struct run *(*find)(void *arg, struct span container), void *arg)
{
	struct run *run = find(arg, mp_path_str(m, "container"));
	if (e->io.count != 3)
		refuse(e, "exec: descriptors or argv are missing");
	else if (!run)
		refuse(e, "its container does not run");
	else if (mp_path_bool(m, "attach", false))
		start_attach(e, run, mp_path_bool(m, "stdin", false));
	else
		start_command(x, e, m, run);
	packet_close_fds(&e->io);
	buf_fini(&e->inbox);
}

static void on_closed(struct execs *x, struct exec *e)
{
	close_fd(&e->conn);
	if (e->pid)
		exec_kill(x, e); /* freed when it is reaped */
	else
		e->dead = true;
}

/* Whether a whole message came. */
static bool on_readable(struct execs *x, struct exec *e,
			struct run *(*find)(void *arg, struct span container), void *arg)
{
	int rc = packet_receive_fds(e->conn, &e->inbox, &e->io);
	if (rc == ERR_AGAIN)
		return false;
	if (rc) {
		on_closed(x, e);
	} else if (e->pid) {
		e->inbox.len = 0; /* nothing more is understood */
	} else if (mp_check(span_buf(&e->inbox), NULL)) {
		refuse(e, "exec: not msgpack");
	} else if (e->attach) {
		attach_message(e->attach, mp_of(span_buf(&e->inbox)));
		e->inbox.len = 0;
	} else {
		start(x, e, mp_of(span_buf(&e->inbox)), find, arg);
	}
	return rc == 0;
}

/* What is told apart from the bytes comes before them: such as a terminal's size. */
static void on_attached(struct execs *x, struct exec *e, const struct pollfd *polls,
			struct run *(*find)(void *arg, struct span container), void *arg)
{
	for (int i = 0; polls[0].revents && i < MESSAGES_MAX && !e->dead; i++)
		if (!on_readable(x, e, find, arg))
			break;
	if (!e->dead)
		attach_polled(e->attach, polls + 2);
	note_over(e);
}

static void on_started(struct exec *e)
{
	uint8_t text[PAUSE_ERROR_BYTES_MAX];
	if (e->started_fd < 0)
		return;
	ssize_t n = read(e->started_fd, text, sizeof text);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_append(&e->error, text, (size_t)n);
	close_fd(&e->started_fd);
}

void execs_polled(struct execs *x, const struct pollfd *polls,
		  struct run *(*find)(void *arg, struct span container), void *arg)
{
	for (struct exec *e = x->first; e; e = e->next, polls += EXEC_POLLS) {
		if (polls[1].revents)
			on_started(e);
		if (e->attach)
			on_attached(x, e, polls, find, arg);
		else if (polls[0].revents)
			on_readable(x, e, find, arg);
	}
	sweep(x);
}

static struct exec *by_pid(const struct execs *x, pid_t pid)
{
	struct exec *e = x->first;
	while (e && e->pid != pid)
		e = e->next;
	return e;
}

bool execs_has(const struct execs *x, pid_t pid)
{
	return by_pid(x, pid) != NULL;
}

static int never_ran(const struct exec *e)
{
	int code = oci_words_code(span_buf(&e->error));
	return code ? code : PAUSE_NEVER_RAN;
}

bool execs_reaped(struct execs *x, pid_t pid, int status)
{
	struct exec *e = by_pid(x, pid);
	if (!e)
		return false;
	on_started(e);
	if (x->sandbox && x->sandbox->oci)
		oci_exec_ended(x->sandbox, pid, status != 0, span_buf(&e->word), &e->error);
	if (e->error.len)
		status = never_ran(e) << 8;
	tell_end(e, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	sweep(x);
	return true;
}

void execs_end(struct execs *x, const struct run *run)
{
	for (struct exec *e = x->first; e; e = e->next) {
		if (e->pid && strcmp(e->container, run->at.name) == 0)
			exec_kill(x, e);
		note_over(e);
	}
	sweep(x);
}

bool execs_killed(const struct execs *x, pid_t session)
{
	for (size_t i = 0; i < EXECS_KILLED_MAX; i++)
		if (session > 0 && x->killed[i] == session)
			return true;
	return false;
}
