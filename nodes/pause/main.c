/* The pause: one small process per pod, parent of its containers.
 *
 *	troupe-pause UID        started by the launcher in the pod's directory
 *	troupe-pause UID --trial   makes one container and ends (trial.h)
 *
 * It starts containers when the agent says so, copies their output to log
 * files, reaps them and whatever they orphan, writes each exit to a file and
 * tells the agent. It keeps no plan of its own: which container runs next is
 * the agent's business. So the agent may die, be replaced or be cut off, and
 * the pod goes on; whoever connects next is told everything.
 *
 * It lives until it is told to exit, or gets SIGTERM, and no container runs.
 * Told to exit with a grace, it sees the end of its containers through alone:
 * whoever said so may be gone by then. SIGTERM is the same with a grace of
 * TERM_GRACE_MS, for those who do not know better; it never shortens the
 * grace that an agent gave. SIGQUIT is the same with none. When it is killed, its containers die with it
 * (PR_SET_PDEATHSIG), because nobody would know their exit.
 *
 * One thread, one poll loop, linked statically. There may be hundreds of them
 * on a machine, so it keeps its hands off memory: no stdio, no large buffers,
 * a started container costs a record and two empty streams. Rejected: one
 * process for all pods (its death would be everybody's), and no process at
 * all (nobody would hold exit codes while the agent restarts).
 *
 * Events are states. Per attempt and connection there are two flags, told its
 * start and told its end; whenever the socket takes a packet, what was not
 * told is. So nothing is queued, and a slow agent costs nothing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/execs.h"
#include "nodes/pause/packet.h"
#include "nodes/pause/oci.h"
#include "nodes/pause/procid.h"
#include "nodes/pause/run.h"
#include "nodes/pause/socket.h"
#include "nodes/pause/tree.h"
#include "nodes/pause/trial.h"

enum {
	LAUNCH_MS_MAX = 120000,   /* as a kubelet waits for its runtime */
	RETRY_MS = 1000,          /* an exit that could not be written is tried again */
	LEAVE_MS = 100,           /* between two looks at orphans that do not die */
	LEAVE_MS_MAX = 3000,      /* then the pause leaves without them */
	HEARD_MS_MAX = 10000,     /* ... and without who does not take what was said */
	KILL_AGAIN_MS = 1000,
	GRACE_MS_MAX = 24 * 3600 * 1000,
	TERM_GRACE_MS = 30000,    /* as a pod has that names none */
	FEW_FDS = 4,
	COMMANDS_MAX = 64,        /* of one turn */
	SIGNAL_MAX = 64,
};

struct pause {
	int lock, signals, listener;
	int agent;        /* -1: nobody is connected */
	bool deaf;        /* it takes nothing more, but what it sent is still read */
	struct buf inbox; /* a message of the agent that is not whole yet */
	struct sandbox sandbox;
	struct run *runs;
	struct early early; /* ends of OCI containers that are still being made */
	struct execs execs;
	bool listed;      /* the agent was told that all is told */
	char refusal[160]; /* text of an "error" event that is due, or empty */
	bool leaving;
	int64_t kill_ms;  /* monotonic: KILL to all that run then; 0: never */
	bool by_signal;   /* ... because of a SIGTERM */
	int64_t leave_ms; /* monotonic: since when nothing but orphans keeps it; 0 */
	struct pollfd *polls;
	size_t poll_cap;
};

static int64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the runs */

static struct run *run_find(struct pause *p, struct span name, int64_t attempt, bool alive)
{
	for (struct run *r = p->runs; r; r = r->next)
		if (span_is(name, r->at.name) && (attempt < 0 || attempt == r->at.attempt) &&
		    (!alive || run_alive(r)))
			return r;
	return NULL;
}

static struct run *run_by_pid(struct pause *p, pid_t pid)
{
	for (struct run *r = p->runs; r; r = r->next)
		if (r->at.pid == pid && run_alive(r))
			return r;
	return NULL;
}

static size_t runs_alive(const struct pause *p)
{
	size_t n = 0;
	for (const struct run *r = p->runs; r; r = r->next)
		n += run_alive(r);
	return n;
}

static size_t runs_count(const struct pause *p)
{
	size_t n = 0;
	for (const struct run *r = p->runs; r; r = r->next)
		n++;
	return n;
}

/* Only the last attempt and the one before it are kept, as Kubernetes does. */
static void forget_older(struct pause *p, const char *name, uint32_t attempt)
{
	for (struct run **at = &p->runs; *at;) {
		struct run *r = *at;
		if (run_alive(r) || strcmp(r->at.name, name) != 0 || r->at.attempt + 1 >= attempt) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		run_forget_files(name, r->at.attempt);
		run_free(r);
	}
	if (attempt >= 2)
		run_forget_files(name, attempt - 2); /* of a pause before this one */
}

/* An orphan may live on while its container's main process does; a daemon
 * that left the session is not told apart from those of a neighbour, and may
 * live while any container of the pod does. */
static bool spare(void *arg, pid_t pid)
{
	struct pause *p = arg;
	if (run_by_pid(p, pid) || execs_has(&p->execs, pid))
		return true;
	pid_t session = getsid(pid);
	bool ended = execs_killed(&p->execs, session);
	for (struct run *r = p->runs; r; r = r->next)
		if (r->at.pid == session && !run_alive(r))
			ended = true;
	return runs_alive(p) > 0 && !ended;
}

static bool launching(const struct pause *p)
{
	for (const struct run *r = p->runs; r; r = r->next)
		if (r->launching)
			return true;
	return false;
}

static void on_end(struct pause *p, struct run *r, int status)
{
	run_ended(r, status);
	execs_end(&p->execs, r);
}

/* What the OCI program left, in a child that is reaped like any other. */
static void oci_clean(struct pause *p, const struct run *r)
{
	struct buf id = {0};
	if (r->bundle && r->at.ended)
		oci_delete(&p->sandbox, run_id(&id, r->at.name, r->at.attempt), r->bundle);
	buf_fini(&id);
}

static void on_reaped(struct pause *p, struct run *r, pid_t pid, int status)
{
	int end;
	if (!r && execs_reaped(&p->execs, pid, status))
		return;
	if (!r) {
		if (launching(p))
			early_put(&p->early, pid, status);
		return;
	}
	if (!r->launching)
		on_end(p, r, status);
	else if (run_launched(r, status) && early_take(&p->early, r->at.pid, &end))
		on_end(p, r, end);
	oci_clean(p, r);
}

static void reap(struct pause *p)
{
	for (;;) {
		siginfo_t info = {.si_pid = 0};
		int status = 0;
		/* Look first, reap later: until it is reaped its number is its own,
		 * and the group that is killed is truly the container's. */
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
			break;
		struct run *r = run_by_pid(p, info.si_pid);
		if (r && !r->bundle)
			kill(-info.si_pid, SIGKILL);
		waitpid(info.si_pid, &status, 0);
		on_reaped(p, r, info.si_pid, status);
	}
	if (!launching(p))
		p->early = (struct early){.next = 0};
	if (!p->sandbox.oci) /* there it is the kernel and the OCI program who do that */
		tree_kill_orphans(spare, p);
}

/* ---- commands */

static void refuse(struct pause *p, const char *why)
{
	size_t n = strlen(why);
	n = n < sizeof p->refusal - 1 ? n : sizeof p->refusal - 1;
	memcpy(p->refusal, why, n);
	p->refusal[n] = 0;
}

static int read_spec(const struct pause *p, struct mp m, struct child_spec *spec, struct err *e)
{
	struct mp word;
	memset(spec, 0, sizeof *spec);
	spec->sandbox = &p->sandbox;
	spec->bundle = mp_path_str(m, "bundle");
	spec->layers = mp_path_str(m, "layers");
	spec->lower = mp_path_str(m, "lower");
	spec->target = mp_path_str(m, "target");
	spec->pids = -1;
	if (mp_find(m, "word", &word))
		mp_bin(&word, &spec->word);
	if (!mp_find(m, "subpaths", &spec->subpaths))
		spec->subpaths.p = NULL;
	if (!mp_find(m, "argv", &spec->argv) && !spec->bundle.len)
		return err_set(e, ERR_INVALID, "argv is missing");
	if (!mp_find(m, "env", &spec->env))
		spec->env.p = NULL;
	spec->cwd = mp_path_str(m, "cwd");
	spec->uid = mp_path_int(m, "uid", -1);
	spec->gid = mp_path_int(m, "gid", -1);
	if (!mp_find(m, "groups", &spec->groups))
		spec->groups.p = NULL;
	spec->in = mp_path_bool(m, "stdin", false);
	spec->tty = mp_path_bool(m, "tty", false);
	return child_check(spec, e);
}

/* Before anything else is reaped its number is its own. */
static int open_pids(struct pause *p, struct span container)
{
	const struct run *r = container.len ? run_find(p, container, -1, true) : NULL;
	struct buf path = {0};
	int fd = -1;
	if (r && !r->launching) {
		char digits[12];
		size_t at = sizeof digits;
		digits[--at] = 0;
		for (pid_t left = r->at.pid; left; left /= 10)
			digits[--at] = (char)('0' + left % 10);
		buf_puts(&path, "/proc/");
		buf_puts(&path, digits + at);
		buf_puts(&path, "/ns/pid");
		fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC);
		buf_fini(&path);
	}
	return fd;
}

static void do_start(struct pause *p, struct mp m)
{
	struct pause_attempt id;
	struct child_spec spec;
	struct err e = {0};
	struct span name = mp_path_str(m, "name");
	int64_t attempt = mp_path_int(m, "attempt", -1);
	int64_t log_bytes = mp_path_int(m, "log_bytes", PAUSE_LOG_BYTES_MAX);
	if (!pause_name_ok(name) || attempt < 0 || attempt > UINT32_MAX) {
		refuse(p, "start: name or attempt");
		return;
	}
	struct run *known = run_find(p, name, attempt, false);
	if (known) {
		known->told_start = known->told_end = false;
		return;
	}
	if (run_find(p, name, -1, true) || p->leaving ||
	    runs_count(p) >= 2 * PAUSE_CONTAINERS_MAX) {
		refuse(p, p->leaving ? "start: the pause is leaving"
				     : "start: another attempt runs, or too many containers");
		return;
	}
	if (read_spec(p, m, &spec, &e)) {
		refuse(p, e.text);
		return;
	}
	memset(&id, 0, sizeof id);
	memcpy(id.name, name.data, name.len);
	id.attempt = (uint32_t)attempt;
	struct span image = mp_path_str(m, "image");
	memcpy(id.image, image.data ? (const char *)image.data : "",
	       image.len <= PAUSE_IMAGE_BYTES_MAX ? image.len : 0);
	forget_older(p, id.name, id.attempt);
	struct run **at = &p->runs;
	while (*at)
		at = &(*at)->next;
	struct buf text = {0};
	spec.id = run_id(&text, id.name, id.attempt);
	spec.pids = open_pids(p, spec.target);
	*at = run_new(&id, &spec, log_bytes > 0 ? (uint64_t)log_bytes : PAUSE_LOG_BYTES_MAX,
		      mp_path_str(m, "oom"));
	if (spec.pids >= 0)
		close(spec.pids);
	(*at)->launch_ms = monotonic_ms();
	int64_t stop = mp_path_int(m, "stop", 0);
	(*at)->stop = stop > 0 && stop <= SIGNAL_MAX ? (int)stop : 0;
	(*at)->std.once = mp_path_bool(m, "stdin_once", false);
	oci_clean(p, *at);
	buf_fini(&text);
}

/* The OCI program and its helpers; what they leave goes with the pod's cgroup. */
static void stop_launch(struct run *r, const char *why)
{
	size_t n = strlen(why);
	memcpy(r->at.error, why, n + 1);
	if (kill(-r->at.pid, SIGKILL) != 0)
		kill(r->at.pid, SIGKILL);
}

/* Milliseconds until one that does not answer is given up; -1: none is asked. */
static int stop_overdue_launches(struct pause *p)
{
	int64_t least = -1, now = monotonic_ms();
	for (struct run *r = p->runs; r; r = r->next) {
		if (!r->launching)
			continue;
		int64_t left = r->launch_ms + LAUNCH_MS_MAX - now;
		if (left <= 0)
			stop_launch(r, "the OCI program did not answer for two minutes");
		left = left <= 0 ? RETRY_MS : left;
		least = least < 0 || left < least ? left : least;
	}
	return (int)least;
}

/* Between fork and setsid there is no group yet, only the process. */
static void signal_group(struct run *r, int number)
{
	if (number == SIGTERM && r->stop)
		number = r->stop;
	if (r->launching)
		r->pending = r->pending == SIGKILL ? SIGKILL : number;
	if (r->launching && number == SIGKILL)
		stop_launch(r, "it was killed while the OCI program made it");
	else if (r->launching)
		return;
	else if (r->bundle)
		kill(r->at.pid, number); /* as containerd does: its first process is told */
	else if (kill(-r->at.pid, number) != 0)
		kill(r->at.pid, number);
}

static void do_signal(struct pause *p, struct mp m)
{
	int64_t number = mp_path_int(m, "signal", 0);
	struct run *r = run_find(p, mp_path_str(m, "name"), mp_path_int(m, "attempt", -1), true);
	if (number <= 0 || number > SIGNAL_MAX)
		refuse(p, "signal: its number");
	else if (r)
		signal_group(r, (int)number);
}

static void do_list(struct pause *p, struct mp m)
{
	(void)m;
	for (struct run *r = p->runs; r; r = r->next)
		r->told_start = r->told_end = false;
	p->listed = false;
}

static void signal_all(struct pause *p, int number)
{
	for (struct run *r = p->runs; r; r = r->next)
		if (run_alive(r))
			signal_group(r, number);
}

static void do_exit(struct pause *p, struct mp m)
{
	int64_t grace = mp_path_int(m, "grace_ms", -1);
	p->leaving = true;
	if (grace < 0)
		return;
	int64_t kill_ms = monotonic_ms() + (grace < GRACE_MS_MAX ? grace : GRACE_MS_MAX);
	if (!p->by_signal)
		signal_all(p, SIGTERM);
	if (!p->kill_ms || p->by_signal || kill_ms < p->kill_ms)
		p->kill_ms = kill_ms;
	p->by_signal = false;
}

static void on_sigquit(struct pause *p)
{
	p->leaving = true;
	p->kill_ms = monotonic_ms();
}

static void on_sigterm(struct pause *p)
{
	p->leaving = true;
	if (p->kill_ms)
		return;
	signal_all(p, SIGTERM);
	p->kill_ms = monotonic_ms() + TERM_GRACE_MS;
	p->by_signal = true;
}

static void kill_overdue(struct pause *p)
{
	if (!p->kill_ms || monotonic_ms() < p->kill_ms)
		return;
	signal_all(p, SIGKILL);
	p->kill_ms = monotonic_ms() + KILL_AGAIN_MS;
}

static void command(struct pause *p, struct span message)
{
	static const struct {
		const char *name;
		void (*act)(struct pause *, struct mp);
	} table[] = {
		{"start", do_start}, {"signal", do_signal}, {"list", do_list}, {"exit", do_exit},
	};
	struct span what = {0};
	if (mp_check(message, NULL) == 0)
		what = mp_path_str(mp_of(message), "do");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (span_is(what, table[i].name)) {
			table[i].act(p, mp_of(message));
			return;
		}
	refuse(p, "not a command");
}

/* ---- the agent */

static void agent_drop(struct pause *p)
{
	if (p->agent >= 0)
		close(p->agent);
	p->agent = -1;
	p->deaf = false;
	buf_fini(&p->inbox);
	p->refusal[0] = 0;
}

/* Takes what it has sent, a bounded number of commands. */
static void agent_read(struct pause *p)
{
	for (int i = 0; i < COMMANDS_MAX && p->agent >= 0; i++) {
		int rc = packet_receive(p->agent, &p->inbox);
		if (rc == ERR_AGAIN)
			break;
		if (rc) {
			agent_drop(p);
			return;
		}
		command(p, span_buf(&p->inbox));
		p->inbox.len = 0;
	}
	if (p->inbox.len == 0)
		buf_fini(&p->inbox);
}

static void agent_accept(struct pause *p)
{
	int fd = socket_accept(p->listener);
	if (fd < 0)
		return;
	agent_read(p); /* the last words of the one before */
	agent_drop(p);
	p->agent = fd;
	do_list(p, (struct mp){0});
}

/* False: it was not taken, the socket is full or gone. */
static bool agent_send(struct pause *p, struct buf *message)
{
	size_t offset = 0;
	int rc = packet_send(p->agent, span_buf(message), &offset);
	buf_fini(message);
	p->deaf = rc && rc != ERR_AGAIN;
	return rc == 0;
}

static bool tell_run(struct pause *p, struct run *r)
{
	struct buf m = {0};
	if (!r->told_start && r->execed) {
		/* As it was then, even when it has ended since. */
		struct pause_attempt then = r->at;
		then.ended = false;
		pause_attempt_write(&then, "started", &m);
		r->told_start = agent_send(p, &m);
		if (!r->told_start)
			return false;
	}
	if (!r->told_end && r->at.ended) {
		pause_attempt_write(&r->at, "exited", &m);
		r->told_end = agent_send(p, &m);
		return r->told_end;
	}
	return true;
}

static bool tell_simple(struct pause *p, const char *event, const char *text)
{
	struct buf m = {0};
	mpw_map(&m, text ? 2 : 1);
	mpw_kv_str(&m, "event", event);
	if (text)
		mpw_kv_str(&m, "text", text);
	return agent_send(p, &m);
}

/* Says all that was not said; true when nothing is left. */
static bool agent_tell(struct pause *p)
{
	if (p->agent < 0 || p->deaf)
		return true;
	for (struct run *r = p->runs; r; r = r->next)
		if (!tell_run(p, r))
			return p->deaf;
	if (p->refusal[0]) {
		if (!tell_simple(p, "error", p->refusal))
			return p->deaf;
		p->refusal[0] = 0;
	}
	if (!p->listed)
		p->listed = tell_simple(p, "listed", NULL);
	return p->listed || p->deaf;
}

/* ---- the loop */

static void on_signals(struct pause *p)
{
	struct signalfd_siginfo info;
	while (read(p->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGTERM)
			on_sigterm(p);
		else if (info.ssi_signo == SIGQUIT)
			on_sigquit(p);
	}
	reap(p);
}

static size_t poll_count(struct pause *p)
{
	return FEW_FDS + 3 * runs_count(p) + execs_polls(&p->execs);
}

static void poll_fill(struct pause *p, bool want_write)
{
	size_t need = poll_count(p), n = FEW_FDS;
	if (need > p->poll_cap) {
		p->poll_cap = need + 6;
		p->polls = mem_realloc(p->polls, p->poll_cap * sizeof *p->polls);
	}
	short agent = (short)(POLLIN | (want_write ? POLLOUT : 0));
	p->polls[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
	p->polls[1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
	p->polls[2] = (struct pollfd){.fd = p->agent, .events = agent};
	p->polls[3] = (struct pollfd){.fd = p->execs.listener, .events = POLLIN};
	for (struct run *r = p->runs; r; r = r->next) {
		p->polls[n++] = (struct pollfd){.fd = r->started_fd, .events = POLLIN};
		bool held = attach_waits(r);
		for (int i = 0; i < 2; i++)
			p->polls[n++] = (struct pollfd){.fd = held ? -1 : r->pipe[i],
							.events = POLLIN};
	}
	execs_fill(&p->execs, p->polls + n);
}

static int patience_ms(struct pause *p)
{
	if (p->leaving && runs_alive(p) == 0)
		return LEAVE_MS;
	if (p->kill_ms) {
		int64_t left = p->kill_ms - monotonic_ms();
		return left > 0 ? (int)left : 0;
	}
	for (struct run *r = p->runs; r; r = r->next)
		if (r->at.ended && !r->saved)
			return RETRY_MS;
	return stop_overdue_launches(p);
}

static struct run *find_running(void *arg, struct span container)
{
	struct run *r = run_find(arg, container, -1, true);
	return r && !r->launching ? r : NULL;
}

/* Containers first, the agent second (its commands change the list of runs),
 * signals last: an exit is reported after the output that came before it. */
static void turn(struct pause *p)
{
	bool all_told = agent_tell(p);
	poll_fill(p, !all_told);
	if (poll(p->polls, poll_count(p), patience_ms(p)) < 0 && errno != EINTR)
		abort();
	struct pollfd *f = p->polls + FEW_FDS;
	for (struct run *r = p->runs; r; r = r->next, f += 3) {
		if (f[0].revents)
			run_started(r);
		for (int i = 0; i < 2; i++)
			if (f[1 + i].revents)
				run_read(r, i);
		if (r->at.ended)
			run_save(r);
	}
	execs_polled(&p->execs, f, find_running, p);
	if (p->polls[3].revents)
		execs_accept(&p->execs);
	if (p->polls[2].revents)
		agent_read(p);
	if (p->polls[1].revents)
		agent_accept(p);
	if (p->polls[0].revents)
		on_signals(p);
	kill_overdue(p);
}

static bool spare_none(void *arg, pid_t pid)
{
	(void)arg;
	(void)pid;
	return false;
}

/* Whether it may end now: no container, and no orphan that still dies. */
static bool left(struct pause *p)
{
	if (!p->leaving || runs_alive(p) > 0)
		return false;
	reap(p);
	sandbox_let_go(&p->sandbox);
	if (!p->leave_ms)
		p->leave_ms = monotonic_ms();
	int64_t waited = monotonic_ms() - p->leave_ms;
	/* An OCI program that removes a container has a while for it; no longer, or it would hold
	 * the pod's namespaces. */
	bool impatient = !p->sandbox.oci || waited > LEAVE_MS_MAX;
	if (impatient)
		tree_kill_orphans(spare_none, p);
	bool alone = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
	if (execs_wait(&p->execs) && waited <= HEARD_MS_MAX)
		return false;
	return alone || waited > (p->sandbox.oci ? 2 : 1) * LEAVE_MS_MAX;
}

/* ---- begin and end */

static int open_signals(void)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};
	sigset_t set;
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool write_pid(void)
{
	struct procid me;
	struct buf text = {0};
	if (!procid_of(getpid(), &me))
		return false;
	procid_write(&me, &text);
	int fd = open(PAUSE_PID_FILE ".tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
	if (fd >= 0)
		close(fd);
	buf_fini(&text);
	return good && rename(PAUSE_PID_FILE ".tmp", PAUSE_PID_FILE) == 0;
}

/* NULL when it is open, or what went wrong (errno says why), or PAUSE_READY_BUSY. */
static const char *open_pause(struct pause *p)
{
	umask(077);
	p->agent = -1;
	p->lock = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->lock < 0)
		return "the pod's directory";
	if (flock(p->lock, LOCK_EX | LOCK_NB) != 0)
		return PAUSE_READY_BUSY;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return "subreaper";
	mkdir("logs", 0750);
	mkdir("starts", 0700);
	mkdir("exits", 0700);
	struct err e = {0};
	if (sandbox_enter(&p->sandbox, &e)) {
		memcpy(p->refusal, e.text, sizeof p->refusal - 1);
		errno = 0;
		return p->refusal;
	}
	p->execs.sandbox = &p->sandbox;
	p->signals = open_signals();
	if (p->signals < 0)
		return "signals";
	p->listener = socket_listen(PAUSE_SOCKET, 4);
	if (p->listener < 0)
		return PAUSE_SOCKET;
	if (execs_open(&p->execs) < 0)
		return PAUSE_EXEC_SOCKET;
	return write_pid() ? NULL : PAUSE_PID_FILE;
}

static void tell_launcher(const char *what)
{
	struct buf text = {0};
	bool plain = !what || errno == 0 || strcmp(what, PAUSE_READY_BUSY) == 0;
	const char *why = plain ? NULL : strerrordesc_np(errno);
	buf_puts(&text, what ? what : PAUSE_READY_OK);
	if (why) {
		buf_puts(&text, ": ");
		buf_puts(&text, why);
	}
	ssize_t ignored = write(PAUSE_READY_FD, text.data, text.len);
	(void)ignored;
	close(PAUSE_READY_FD);
	buf_fini(&text);
}

static void close_pause(struct pause *p)
{
	while (p->runs) {
		struct run *r = p->runs;
		p->runs = r->next;
		for (int i = 0; i < 2; i++)
			while (run_read(r, i))
				;
		run_free(r);
	}
	unlink(PAUSE_SOCKET);
	unlink(PAUSE_EXEC_SOCKET);
	unlink(PAUSE_PID_FILE);
	agent_drop(p);
	free(p->polls);
}

int main(int argc, char **argv)
{
	struct pause p = {0};
	/* Otherwise the pod's uid, for people who look at `ps`. */
	if (argc == 2 && strcmp(argv[1], "--true") == 0)
		return 0;
	if (argc == 3 && strcmp(argv[2], "--trial") == 0)
		return trial_run();
	if (argc == 3 && strcmp(argv[2], "--undo") == 0) {
		sandbox_undo();
		return 0;
	}
	if (argc != 2)
		return 64;
	const char *why = open_pause(&p);
	tell_launcher(why);
	if (why) {
		if (p.sandbox.oci) /* else it has not even begun to enter */
			sandbox_leave(&p.sandbox, argv[1]);
		return 1;
	}
	while (!left(&p))
		turn(&p);
	agent_tell(&p);
	sandbox_leave(&p.sandbox, argv[1]);
	sandbox_free(&p.sandbox);
	close_pause(&p);
	return 0;
}
