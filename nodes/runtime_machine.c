/* A port over launcher, pauses and log files. Per pod:
 *
 *   (none) ──SANDBOX──► ASKED ──answer──► LINKED ──REMOVE──► ENDING ──closed──► (none)
 *      └────ATTACH, its pause lives────────►┘ └──closed: DOWN, from its files──►┘
 *
 * Everything a pause says is passed on as it comes; the agent's workers take
 * each thing any number of times. */
#include "nodes/runtime_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/launcher/launcher.h"
#include "nodes/port_body.h"
#include "nodes/pause/remove.h"
#include "nodes/runtime.h"
#include "nodes/runtime_exec.h"

enum { SWEEP_AGAIN_US = 20000 };

uint64_t machine_now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void machine_tell(struct machine *m, uint32_t op, uint64_t id, struct buf *b)
{
	if (!b->len)
		mpw_map(b, 0);
	if (port_deliver(m->port, op, id, 0, bytes_take(b)))
		log_warn("node", "%s: an observation was lost: the agent's queue is full", m->node);
}

void machine_tell_text(struct machine *m, uint32_t op, uint64_t id, const char *key,
		       const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, key, text);
	machine_tell(m, op, id, &b);
}

static void tell_nothing(struct machine *m, uint32_t op, uint64_t id)
{
	struct buf b = {0};
	machine_tell(m, op, id, &b);
}

/* ---- one pod's pause */

static void tell_attempt(struct pod *p, const struct pause_attempt *a, bool lost)
{
	struct buf b = {0}, more = {0};
	size_t extra = p->m->kind->attempt ? p->m->kind->attempt(p, a, &more) : 0;
	mpw_map(&b, 8 + extra);
	mpw_kv_str(&b, "name", a->name);
	mpw_kv_u64(&b, "attempt", a->attempt);
	mpw_kv_bool(&b, "ended", a->ended);
	mpw_kv_bool(&b, "lost", lost);
	mpw_kv_i64(&b, "code", a->code);
	mpw_kv_i64(&b, "started_us", a->started_us);
	mpw_kv_i64(&b, "finished_us", a->finished_us);
	mpw_kv_str(&b, "error", a->error);
	buf_append(&b, more.data, more.len);
	buf_fini(&more);
	machine_tell(p->m, RUNTIME_ATTEMPT, p->id, &b);
}

static void on_attempt(void *arg, const struct pause_attempt *a)
{
	struct pod *p = arg;
	if (a->ended)
		log_readers_end(p->m->logs, p->uid, a->name, a->attempt);
	tell_attempt(p, a, false);
}

static void tell_up(struct pod *p)
{
	char ip[POD_ADDRESS_MAX];
	p->m->kind->address(p, ip);
	machine_tell_text(p->m, RUNTIME_UP, p->id, "ip", ip);
}

static void on_listed(void *arg)
{
	struct pod *p = arg;
	if (p->listing)
		tell_up(p);
	p->listing = false;
}

static void on_refused(void *arg, const char *text)
{
	struct pod *p = arg;
	log_warn("node", "pod %s: its pause refused: %s", p->uid, text);
}

static int on_recovered(void *arg, const struct pause_attempt *a)
{
	tell_attempt(arg, a, !a->ended);
	return 0;
}

static void unlink_pod(struct pod *p)
{
	loop_remove(p->watch);
	pause_link_close(p->link);
	p->watch = NULL;
	p->link = NULL;
}

/* The pause is gone: what it left in its files is the truth. It is only said
 * when nothing of it is left, so that whoever hears it can begin anew. */
static void tell_down(struct pod *p)
{
	unlink_pod(p);
	p->asked = p->listing = false;
	p->sweeping = p->m->kind->sweep && !p->m->kind->sweep(p);
	if (p->sweeping) {
		p->m->sweep_us = machine_now_us() + SWEEP_AGAIN_US;
		return;
	}
	pause_recover(p->dir, on_recovered, p);
	tell_nothing(p->m, RUNTIME_DOWN, p->id);
}

static void watch_pod(struct pod *p)
{
	unsigned events = LOOP_READ | (pause_link_wants_write(p->link) ? (unsigned)LOOP_WRITE : 0);
	loop_change(p->watch, events);
}

static void on_pod_ready(void *arg, unsigned events)
{
	struct pod *p = arg;
	(void)events;
	if (pause_link_poll(p->link) == ERR_CLOSED)
		tell_down(p);
	else
		watch_pod(p);
}

static int connect_pod(struct pod *p, struct err *e)
{
	struct pause_events ev = {p, on_attempt, on_listed, on_refused};
	int rc = pause_link_open(&p->link, p->dir, &ev, e);
	if (rc)
		return rc;
	p->listing = true;
	p->watch = loop_add(p->m->port->loop, pause_link_fd(p->link), LOOP_READ, on_pod_ready, p);
	watch_pod(p);
	return 0;
}

struct pod *machine_pod(struct machine *m, uint64_t id)
{
	return omap_get_u64(&m->pods, id);
}

static struct pod *need_pod(struct machine *m, uint64_t id, struct mp body)
{
	struct pod *p = machine_pod(m, id);
	struct span uid = mp_path_str(body, "uid");
	if (p || uid.len == 0 || uid.len > LAUNCHER_UID_BYTES_MAX ||
	    memchr(uid.data, '/', uid.len) || uid.data[0] == '.')
		return p;
	p = mem_alloc(sizeof *p);
	p->m = m;
	p->id = id;
	p->uid = mem_ndup(uid.data, uid.len);
	size_t n = strlen(m->pods_dir) + uid.len + 2;
	p->dir = mem_alloc(n);
	snprintf(p->dir, n, "%s/%s", m->pods_dir, p->uid);
	omap_put_u64(&m->pods, id, p);
	return p;
}

static void attach(struct pod *p)
{
	struct err e = {0};
	pid_t pid;
	if (p->link) {
		p->listing = true;
		pause_link_list(p->link);
	} else if (!pause_alive(p->dir, &pid) || connect_pod(p, &e)) {
		tell_down(p);
	}
}

/* ---- the launcher */

static void on_launcher(void *arg, unsigned events);

static bool need_launcher(struct machine *m, struct err *e)
{
	if (m->launcher_fd >= 0)
		return true;
	if (launcher_connect(m->data_dir, &m->launcher_fd, e))
		return false;
	m->launcher_watch = loop_add(m->port->loop, m->launcher_fd, LOOP_READ, on_launcher, m);
	return true;
}

static void drop_launcher(struct machine *m)
{
	loop_remove(m->launcher_watch);
	m->launcher_watch = NULL;
	if (m->launcher_fd >= 0)
		close(m->launcher_fd);
	m->launcher_fd = -1;
	for (struct onode *n = omap_first(&m->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		if (p->asked)
			machine_tell_text(m, RUNTIME_FAILED, p->id, "text", "the launcher was started again");
		p->asked = false;
	}
}

static void on_launched(struct machine *m, const struct launcher_answer *a)
{
	for (struct onode *n = omap_first(&m->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		struct err e = {0};
		if (!p->asked || strcmp(p->uid, a->uid) != 0)
			continue;
		p->asked = false;
		if (a->code)
			machine_tell_text(m, RUNTIME_FAILED, p->id, "text", a->text);
		else if (!p->link && connect_pod(p, &e))
			machine_tell_text(m, RUNTIME_FAILED, p->id, "text", e.text);
	}
}

static void on_launcher(void *arg, unsigned events)
{
	struct machine *m = arg;
	struct launcher_answer a;
	int rc;
	(void)events;
	while ((rc = launcher_answer(m->launcher_fd, &a)) == 0)
		on_launched(m, &a);
	if (rc == ERR_CLOSED)
		drop_launcher(m);
}

static void sandbox(struct pod *p, struct mp body)
{
	struct err e = {0};
	if (p->link || p->asked) {
		attach(p);
		return;
	}
	int rc = p->m->kind->prepare && !p->preparing ? p->m->kind->prepare(p, body, &e) : 0;
	if (p->preparing || rc == ERR_AGAIN)
		p->preparing = true;
	else if (rc)
		machine_tell_text(p->m, RUNTIME_FAILED, p->id, "text", e.text);
	else
		machine_launch(p);
}

void machine_launch(struct pod *p)
{
	struct err e = {0};
	p->preparing = false;
	int rc = need_launcher(p->m, &e)
			 ? launcher_ask(p->m->launcher_fd, span_of(p->uid), p->dir)
			 : ERR_UNREACHABLE;
	if (rc == ERR_CLOSED)
		drop_launcher(p->m);
	if (rc)
		machine_tell_text(p->m, RUNTIME_FAILED, p->id, "text", e.text[0] ? e.text : err_text(rc));
	p->asked = rc == 0;
}

/* ---- containers */

void machine_start_failed(struct pod *p, const char *name, uint32_t attempt, const char *why)
{
	struct pause_attempt failed = {.attempt = attempt, .ended = true, .code = 128};
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	failed.finished_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	snprintf(failed.name, sizeof failed.name, "%s", name);
	snprintf(failed.error, sizeof failed.error, "%s", why);
	tell_attempt(p, &failed, false);
}

void machine_start_waits(struct pod *p, const char *name, uint32_t attempt, const char *reason,
			 const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "name", name);
	mpw_kv_u64(&b, "attempt", attempt);
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_str(&b, "text", text);
	machine_tell(p->m, RUNTIME_WAITING, p->id, &b);
}

void machine_start(struct pod *p, const struct pause_start *s)
{
	int rc = p->link ? pause_link_start(p->link, s) : ERR_CLOSED;
	if (rc && p->link)
		machine_start_failed(p, s->name, s->attempt, err_text(rc));
	if (p->link)
		watch_pod(p);
}

static void signal_container(struct pod *p, struct mp body)
{
	struct arena a = {0};
	if (p->link) {
		pause_link_signal(p->link, body_text(&a, body, "name"),
				  mp_path_int(body, "attempt", -1),
				  (int)mp_path_int(body, "signal", 15));
		watch_pod(p);
	}
	arena_fini(&a);
}

static void remove_sandbox(struct pod *p)
{
	p->preparing = false;
	if (!p->link) {
		tell_down(p);
		return;
	}
	pause_link_exit(p->link);
	watch_pod(p);
}

/* The cluster ends in order. The pause itself sees to it that what ignores
 * TERM is killed: this process will be gone by then. */
static void end_pod(struct pod *p, struct mp body)
{
	if (!p->link)
		return;
	pause_link_stop(p->link, mp_path_int(body, "grace_ms", 0));
	pause_link_poll(p->link);
}

static void pod_free(void *ptr)
{
	struct pod *p = ptr;
	unlink_pod(p);
	if (p->m->kind->pod_free)
		p->m->kind->pod_free(p);
	free(p->uid);
	free(p->dir);
	free(p);
}

static void forget(struct pod *p)
{
	struct machine *m = p->m;
	if (m->kind->forget)
		m->kind->forget(p);
	if (m->kind->remove)
		m->kind->remove(p);
	else
		remove_tree(p->dir);
	omap_remove_u64(&m->pods, p->id);
	pod_free(p);
}

/* ---- what takes a while */

static void sweep_all(struct machine *m)
{
	for (struct onode *n = omap_first(&m->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		if (p->sweeping)
			tell_down(p);
	}
}

static uint64_t before_sleep(void *arg)
{
	struct machine *m = arg;
	uint64_t now = machine_now_us(), logs = log_readers_due(m->logs);
	if (m->sweep_us && now >= m->sweep_us) {
		m->sweep_us = 0;
		sweep_all(m);
	}
	uint64_t due = m->kind->due ? m->kind->due(m) : UINT64_MAX;
	logs = due < logs ? due : logs;
	uint64_t sweep = m->sweep_us ? m->sweep_us - now : UINT64_MAX;
	return logs < sweep ? logs : sweep;
}

/* ---- the port */

void machine_call(struct port *port, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct machine *m = port->state;
	struct mp body = mp_of_bytes(payload);
	if (exec_sessions_call(m->execs, op, id, arg, payload))
		return;
	if (op == RUNTIME_LOG) {
		log_readers_call(m->logs, id, body);
		return;
	}
	if (m->kind->call && m->kind->call(m, op, id, arg, body))
		return;
	struct pod *p = need_pod(m, id, body);
	if (!p)
		return;
	switch (op) {
	case RUNTIME_ATTACH:
		if (m->kind->attach)
			m->kind->attach(p, body);
		attach(p);
		break;
	case RUNTIME_SANDBOX:
		sandbox(p, body);
		break;
	case RUNTIME_START:
		if (p->link)
			m->kind->start(p, body);
		break;
	case RUNTIME_SIGNAL:
		signal_container(p, body);
		break;
	case RUNTIME_REMOVE:
		remove_sandbox(p);
		break;
	case RUNTIME_END:
		end_pod(p, body);
		break;
	case RUNTIME_FORGET:
		forget(p);
		break;
	default:
		break;
	}
}

static void read_line(const char *path, char *out, size_t max)
{
	FILE *f = fopen(path, "re");
	out[0] = 0;
	if (f && fgets(out, (int)max, f))
		out[strcspn(out, "\n")] = 0;
	if (f)
		fclose(f);
}

static void tell_info(struct machine *m)
{
	struct utsname u;
	char boot[64], id[64];
	struct buf b = {0}, more = {0};
	size_t extra = m->kind->info ? m->kind->info(m, &more) : 0;
	uname(&u);
	read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
	read_line("/etc/machine-id", id, sizeof id);
	struct statvfs disk = {.f_frsize = 1};
	statvfs(m->data_dir, &disk);
	mpw_map(&b, 7 + extra);
	mpw_kv_i64(&b, "disk", (int64_t)disk.f_blocks * (int64_t)disk.f_frsize);
	mpw_kv_i64(&b, "cpu", sysconf(_SC_NPROCESSORS_ONLN));
	mpw_kv_i64(&b, "memory", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
	mpw_kv_str(&b, "kernel", u.release);
	mpw_kv_str(&b, "os", u.sysname);
	mpw_kv_str(&b, "boot_id", boot);
	mpw_kv_str(&b, "machine_id", id);
	buf_append(&b, more.data, more.len);
	buf_fini(&more);
	machine_tell(m, RUNTIME_INFO, 0, &b);
}

static int tell_found(void *arg, const struct pause_found *f)
{
	machine_tell_text(arg, RUNTIME_FOUND, 0, "uid", f->uid);
	return 0;
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = mem_alloc(n);
	snprintf(path, n, "%s/%s", dir, name);
	return path;
}

void machine_close(struct port *port)
{
	struct machine *m = port->state;
	log_readers_free(m->logs);
	exec_sessions_free(m->execs);
	loop_hook_remove(m->hook);
	loop_remove(m->launcher_watch);
	if (m->launcher_fd >= 0)
		close(m->launcher_fd);
	omap_fini(&m->pods, pod_free); /* the pods go on */
	if (m->kind->close)
		m->kind->close(m);
	free(m->node);
	free(m->data_dir);
	free(m->pods_dir);
	free(m);
}

int machine_open(struct port *port, const struct container_kind *kind, struct mp cfg,
		 struct err *e)
{
	struct machine *m = mem_alloc(sizeof *m);
	struct span node = mp_path_str(cfg, "node"), dir = mp_path_str(cfg, "data_dir");
	m->port = port;
	m->kind = kind;
	m->node = mem_ndup(node.data, node.len);
	m->data_dir = mem_ndup(dir.data, dir.len);
	/* Each node of the machine has its own folder of pods. */
	char *all = join(m->data_dir, "pods");
	m->pods_dir = join(all, m->node);
	mkdir(all, 0700);
	mkdir(m->pods_dir, 0700);
	m->execs = exec_sessions_new(port, m->pods_dir);
	m->logs = log_readers_new(port, m->pods_dir);
	free(all);
	m->launcher_fd = -1;
	port->state = m;
	m->hook = loop_hook_add(port->loop, before_sleep, m);
	int rc = kind->open ? kind->open(m, cfg, e) : 0;
	if (rc == 0) {
		tell_info(m);
		rc = pause_find(m->pods_dir, tell_found, m, e);
	}
	if (rc) {
		machine_close(port);
		return rc;
	}
	tell_nothing(m, RUNTIME_LISTED, 0);
	return 0;
}
