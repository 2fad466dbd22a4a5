/* A port over launcher, pauses and log files. Per pod:
 *
 *   (none) ──SANDBOX──► ASKED ──answer──► LINKED ──REMOVE──► ENDING ──closed──► (none)
 *      └────ATTACH, its pause lives────────►┘ └──closed: DOWN, from its files──►┘
 *
 * Everything a pause says is passed on as it comes; the agent's workers take
 * each thing any number of times. */
#include "nodes/port_body.h"
#include "nodes/runtime_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "nodes/launcher/launcher.h"
#include "nodes/logs.h"
#include "nodes/pause_link.h"
#include "nodes/runtime.h"
#include "nodes/runtime_exec.h"

enum {
	READERS_MAX = 256,
	LOG_CHUNK_BYTES = 256 * 1024,
	FOLLOW_WAIT_US = 200000,
	FOLLOW_TURNS_MAX = 40, /* of FOLLOW_WAIT_US: then an empty chunk */
	READER_IDLE_US = 30000000,
};

struct pod {
	struct machine *m;
	uint64_t id; /* the agent's number */
	char *uid, *dir;
	struct pause_link *link;
	struct loop_watch *watch;
	bool asked, listing;
};

struct reader {
	struct log_reader *log;
	uint64_t cursor, request; /* request 0: nobody waits */
	char *uid, *container; /* whose log it is */
	uint32_t attempt;
	int turns;
	uint64_t used_us;
	struct reader *next;
};

struct machine {
	struct port *port;
	char *node, *data_dir, *pods_dir;
	struct omap pods; /* id -> struct pod */
	int launcher_fd;
	struct loop_watch *launcher_watch;
	struct reader *readers;
	size_t reader_count;
	uint64_t next_cursor, due_us;
	struct loop_hook *hook;
	struct exec_sessions *execs;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void tell(struct machine *m, uint32_t op, uint64_t id, struct buf *b)
{
	if (!b->len)
		mpw_map(b, 0);
	if (port_deliver(m->port, op, id, 0, bytes_take(b)))
		log_warn("node", "%s: an observation was lost: the agent's queue is full", m->node);
}

static void tell_text(struct machine *m, uint32_t op, uint64_t id, const char *key,
		      const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, key, text);
	tell(m, op, id, &b);
}

static void tell_nothing(struct machine *m, uint32_t op, uint64_t id)
{
	struct buf b = {0};
	tell(m, op, id, &b);
}

/* ---- addresses */

static uint32_t hash(const char *text, uint32_t h)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h;
}

/* 127.96.0.0/16 is for services, 127.0.0.0/16 for the machine itself. */
static void address_of(const char *uid, unsigned try, char out[16])
{
	uint32_t h = hash(uid, 2166136261u + try * 7919u);
	unsigned a = 1 + (h >> 16) % 254, b = h >> 8 & 255, c = 1 + (h & 255) % 254;
	if (a == 96)
		a = 97;
	snprintf(out, 16, "127.%u.%u.%u", a, b, c);
}

static bool owns(const char *path, const char *uid)
{
	char text[LAUNCHER_UID_BYTES_MAX + 1] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	return n > 0 && strcmp(text, uid) == 0;
}

static bool claim(const char *path, const char *uid)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return owns(path, uid);
	bool good = write(fd, uid, strlen(uid)) == (ssize_t)strlen(uid);
	close(fd);
	return good;
}

static void address_take(const struct pod *p, char out[16])
{
	char path[600];
	for (unsigned try = 0; try < 64; try++) {
		address_of(p->uid, try, out);
		snprintf(path, sizeof path, "%s/ips/%s", p->m->data_dir, out);
		if (claim(path, p->uid))
			return;
	}
}

static void address_free(const struct pod *p)
{
	char path[600], ip[16];
	for (unsigned try = 0; try < 64; try++) {
		address_of(p->uid, try, ip);
		snprintf(path, sizeof path, "%s/ips/%s", p->m->data_dir, ip);
		if (!owns(path, p->uid))
			continue;
		unlink(path);
		return;
	}
}

/* ---- one pod's pause */

static void tell_attempt(struct pod *p, const struct pause_attempt *a, bool lost)
{
	struct buf b = {0};
	mpw_map(&b, 8);
	mpw_kv_str(&b, "name", a->name);
	mpw_kv_u64(&b, "attempt", a->attempt);
	mpw_kv_bool(&b, "ended", a->ended);
	mpw_kv_bool(&b, "lost", lost);
	mpw_kv_i64(&b, "code", a->code);
	mpw_kv_i64(&b, "started_us", a->started_us);
	mpw_kv_i64(&b, "finished_us", a->finished_us);
	mpw_kv_str(&b, "error", a->error);
	tell(p->m, RUNTIME_ATTEMPT, p->id, &b);
}

static void end_followers(struct pod *p, const struct pause_attempt *a);

static void on_attempt(void *arg, const struct pause_attempt *a)
{
	struct pod *p = arg;
	if (a->ended)
		end_followers(p, a);
	tell_attempt(p, a, false);
}

static void tell_up(struct pod *p)
{
	char ip[16];
	address_take(p, ip);
	tell_text(p->m, RUNTIME_UP, p->id, "ip", ip);
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

/* The pause is gone: what it left in its files is the truth. */
static void tell_down(struct pod *p)
{
	unlink_pod(p);
	p->asked = p->listing = false;
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

static struct pod *find_pod(struct machine *m, uint64_t id)
{
	return omap_get_u64(&m->pods, id);
}

static struct pod *need_pod(struct machine *m, uint64_t id, struct mp body)
{
	struct pod *p = find_pod(m, id);
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
			tell_text(m, RUNTIME_FAILED, p->id, "text", "the launcher was started again");
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
			tell_text(m, RUNTIME_FAILED, p->id, "text", a->text);
		else if (!p->link && connect_pod(p, &e))
			tell_text(m, RUNTIME_FAILED, p->id, "text", e.text);
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

static void sandbox(struct pod *p)
{
	struct err e = {0};
	if (p->link || p->asked) {
		attach(p);
		return;
	}
	int rc = need_launcher(p->m, &e)
			 ? launcher_ask(p->m->launcher_fd, span_of(p->uid), p->dir)
			 : ERR_UNREACHABLE;
	if (rc == ERR_CLOSED)
		drop_launcher(p->m);
	if (rc)
		tell_text(p->m, RUNTIME_FAILED, p->id, "text", e.text[0] ? e.text : err_text(rc));
	p->asked = rc == 0;
}

/* ---- containers */

static void start_container(struct pod *p, struct mp body)
{
	struct arena a = {0};
	char *cwd = body_text(&a, body, "cwd");
	struct pause_start s = {
		.name = body_text(&a, body, "name"),
		.attempt = (uint32_t)mp_path_int(body, "attempt", 0),
		.argv = body_texts(&a, body, "argv"),
		.env = body_texts(&a, body, "env"),
		.cwd = *cwd ? cwd : NULL,
		.uid = -1,
		.gid = -1,
	};
	int rc = p->link ? pause_link_start(p->link, &s) : ERR_CLOSED;
	if (rc && p->link) {
		struct pause_attempt failed = {.attempt = s.attempt, .ended = true, .code = 128};
		snprintf(failed.name, sizeof failed.name, "%s", s.name);
		snprintf(failed.error, sizeof failed.error, "%s", err_text(rc));
		tell_attempt(p, &failed, false);
	}
	if (p->link)
		watch_pod(p);
	arena_fini(&a);
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

static void remove_tree(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_DIR)
			remove_tree(fd, e->d_name);
		else
			unlinkat(fd, e->d_name, 0);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	unlinkat(at, name, AT_REMOVEDIR);
}

static void pod_free(void *ptr)
{
	struct pod *p = ptr;
	unlink_pod(p);
	free(p->uid);
	free(p->dir);
	free(p);
}

static void forget(struct pod *p)
{
	struct machine *m = p->m;
	address_free(p);
	remove_tree(AT_FDCWD, p->dir);
	omap_remove_u64(&m->pods, p->id);
	pod_free(p);
}

/* ---- logs: a reader per cursor, kept between the chunks */

static void reader_free(struct machine *m, struct reader *r)
{
	struct reader **at = &m->readers;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	m->reader_count--;
	log_close(r->log);
	free(r->uid);
	free(r->container);
	free(r);
}

static void tell_refused(struct machine *m, uint64_t request, int code, const char *why)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", why);
	port_deliver(m->port, RUNTIME_CHUNK, request, (uint32_t)-code, bytes_take(&b));
}

static void answer_chunk(struct machine *m, struct reader *r, struct buf *data, bool end)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_str(&b, "data");
	mpw_bin(&b, span_buf(data));
	mpw_kv_u64(&b, "cursor", r->cursor);
	mpw_kv_bool(&b, "end", end);
	tell(m, RUNTIME_CHUNK, r->request, &b);
	r->request = 0;
	r->turns = 0;
	r->used_us = now_us();
	if (end)
		reader_free(m, r);
}

/* Answers when there is something, nothing more, or it has waited enough. */
static void read_chunk(struct machine *m, struct reader *r)
{
	struct buf data = {0};
	int rc = 0;
	while (rc == 0 && data.len < LOG_CHUNK_BYTES)
		rc = log_read(r->log, &data);
	bool end = rc == ERR_CLOSED || (rc && rc != ERR_AGAIN);
	if (data.len || end || ++r->turns > FOLLOW_TURNS_MAX) {
		answer_chunk(m, r, &data, end);
	} else {
		uint64_t due = now_us() + FOLLOW_WAIT_US;
		if (!m->due_us || due < m->due_us)
			m->due_us = due;
	}
	buf_fini(&data);
}

static struct reader *reader_of(struct machine *m, uint64_t cursor)
{
	struct reader *r = m->readers;
	while (r && r->cursor != cursor)
		r = r->next;
	return r;
}

static struct reader *open_reader(struct machine *m, uint64_t request, struct mp body)
{
	char dir[700], container[PAUSE_NAME_BYTES_MAX + 1];
	struct span uid = mp_path_str(body, "uid"), name = mp_path_str(body, "container");
	struct err e = {0};
	struct log_options o = {
		.tail_lines = mp_path_int(body, "tail", -1),
		.limit_bytes = mp_path_int(body, "limit", -1),
		.since_us = mp_path_int(body, "since_us", 0),
		.timestamps = mp_path_bool(body, "timestamps", false),
		.follow = mp_path_bool(body, "follow", false),
	};
	if (m->reader_count >= READERS_MAX) {
		tell_refused(m, request, ERR_OVERLOADED, "too many logs are being read");
		return NULL;
	}
	snprintf(dir, sizeof dir, "%s/%.*s", m->pods_dir, (int)uid.len, (const char *)uid.data);
	snprintf(container, sizeof container, "%.*s", (int)name.len, (const char *)name.data);
	struct log_reader *log;
	int rc = log_open(&log, dir, container, (uint32_t)mp_path_int(body, "attempt", 0), &o, &e);
	if (rc) {
		tell_refused(m, request, rc, e.text);
		return NULL;
	}
	struct reader *r = mem_alloc(sizeof *r);
	r->log = log;
	r->uid = mem_ndup(uid.data, uid.len);
	r->container = mem_dup(container);
	r->attempt = (uint32_t)mp_path_int(body, "attempt", 0);
	r->cursor = ++m->next_cursor;
	r->next = m->readers;
	m->readers = r;
	m->reader_count++;
	return r;
}

static void read_log(struct machine *m, uint64_t request, struct mp body)
{
	uint64_t cursor = (uint64_t)mp_path_int(body, "cursor", 0);
	struct reader *r = cursor ? reader_of(m, cursor) : open_reader(m, request, body);
	if (!r) {
		if (cursor)
			tell_refused(m, request, ERR_COMPACTED, "that log is not being read any more");
		return;
	}
	if (mp_path_bool(body, "ended", false))
		log_finish(r->log);
	r->request = request;
	read_chunk(m, r);
}

/* Who follows a container that ended gets its last lines, and the end. */
static void end_followers(struct pod *p, const struct pause_attempt *a)
{
	struct reader *next;
	for (struct reader *r = p->m->readers; r; r = next) {
		next = r->next;
		if (strcmp(r->uid, p->uid) || strcmp(r->container, a->name) ||
		    r->attempt != a->attempt)
			continue;
		log_finish(r->log);
		if (r->request)
			read_chunk(p->m, r);
	}
}

static uint64_t before_sleep(void *arg)
{
	struct machine *m = arg;
	uint64_t now = now_us();
	if (!m->due_us)
		return UINT64_MAX;
	if (now < m->due_us)
		return m->due_us - now;
	m->due_us = 0;
	struct reader *next;
	for (struct reader *r = m->readers; r; r = next) {
		next = r->next;
		if (r->request)
			read_chunk(m, r);
		else if (now - r->used_us > READER_IDLE_US)
			reader_free(m, r);
	}
	if (m->readers && !m->due_us)
		m->due_us = now + READER_IDLE_US;
	return m->due_us ? m->due_us - now : UINT64_MAX;
}

/* ---- the port */

static void call(struct port *port, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct machine *m = port->state;
	struct mp body = mp_of_bytes(payload);
	if (exec_sessions_call(m->execs, op, id, arg, payload))
		return;
	if (op == RUNTIME_LOG) {
		read_log(m, id, body);
		return;
	}
	struct pod *p = need_pod(m, id, body);
	if (!p)
		return;
	switch (op) {
	case RUNTIME_ATTACH:
		attach(p);
		break;
	case RUNTIME_SANDBOX:
		sandbox(p);
		break;
	case RUNTIME_START:
		start_container(p, body);
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
	struct buf b = {0};
	uname(&u);
	read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
	read_line("/etc/machine-id", id, sizeof id);
	mpw_map(&b, 6);
	mpw_kv_i64(&b, "cpu", sysconf(_SC_NPROCESSORS_ONLN));
	mpw_kv_i64(&b, "memory", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
	mpw_kv_str(&b, "kernel", u.release);
	mpw_kv_str(&b, "os", u.sysname);
	mpw_kv_str(&b, "boot_id", boot);
	mpw_kv_str(&b, "machine_id", id);
	tell(m, RUNTIME_INFO, 0, &b);
}

static int tell_found(void *arg, const struct pause_found *f)
{
	tell_text(arg, RUNTIME_FOUND, 0, "uid", f->uid);
	return 0;
}

static char *join(const char *dir, const char *name)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	char *path = mem_alloc(n);
	snprintf(path, n, "%s/%s", dir, name);
	return path;
}

static void close_port(struct port *port)
{
	struct machine *m = port->state;
	while (m->readers)
		reader_free(m, m->readers);
	exec_sessions_free(m->execs);
	loop_hook_remove(m->hook);
	loop_remove(m->launcher_watch);
	if (m->launcher_fd >= 0)
		close(m->launcher_fd);
	omap_fini(&m->pods, pod_free); /* the pods go on */
	free(m->node);
	free(m->data_dir);
	free(m->pods_dir);
	free(m);
}

static int open_port(struct port *port, struct mp cfg, struct err *e)
{
	struct machine *m = mem_alloc(sizeof *m);
	struct span node = mp_path_str(cfg, "node"), dir = mp_path_str(cfg, "data_dir");
	m->port = port;
	m->node = mem_ndup(node.data, node.len);
	m->data_dir = mem_ndup(dir.data, dir.len);
	/* Each node of the machine has its own folder of pods. */
	char *all = join(m->data_dir, "pods");
	m->pods_dir = join(all, m->node);
	mkdir(all, 0700);
	mkdir(m->pods_dir, 0700);
	m->execs = exec_sessions_new(port, m->pods_dir);
	free(all);
	char *ips = join(m->data_dir, "ips");
	mkdir(ips, 0700);
	free(ips);
	m->launcher_fd = -1;
	port->state = m;
	m->hook = loop_hook_add(port->loop, before_sleep, m);
	tell_info(m);
	int rc = pause_find(m->pods_dir, tell_found, m, e);
	if (rc) {
		close_port(port);
		return rc;
	}
	tell_nothing(m, RUNTIME_LISTED, 0);
	return 0;
}

const struct port_driver runtime_process_port_driver = {
	.name = "runtime-process",
	.open = open_port,
	.call = call,
	.close = close_port,
};
