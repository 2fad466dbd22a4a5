/* Between the cell's loop and the plane's thread.
 *
 *   call ──► queue `calls`, plane_wake ──► thread: plane_listen, plane_close
 *   port_deliver ◄── eventfd, queue `events` ◄── thread: bound, failed, counters
 *
 * An event that the actor's full mailbox did not take stays at the head of the
 * queue: a listener whose failure is lost would never be tried again. */
#include "nodes/proxy/userspace.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "nodes/network/node_space.h"
#include "nodes/proxy/plane.h"
#include "nodes/proxy/proxy_port.h"

enum { COUNTERS_MS = 1000, ENTER_MS = 100 };

struct note {
	uint32_t op, arg;
	uint64_t id;
	struct bytes *payload;
	struct note *next;
};

struct queue {
	pthread_mutex_t lock;
	struct note *first, **end;
};

struct userspace {
	struct port *port;
	struct plane *plane;
	pthread_t thread;
	bool started;
	_Atomic bool stop;
	struct queue calls, events;
	int told_fd;
	char *node, *data_dir; /* whose namespace; NULL: this process' */
	struct loop_watch *watch;
	struct plane_counters shown; /* the thread's: last told */
};

/* ---- queues */

static void queue_init(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	q->first = NULL;
	q->end = &q->first;
}

/* True: it was empty. A reference to the payload is taken over. */
static bool queue_put(struct queue *q, uint32_t op, uint64_t id, uint32_t arg,
		      struct bytes *payload)
{
	struct note *n = mem_alloc(sizeof *n);
	*n = (struct note){op, arg, id, payload, NULL};
	pthread_mutex_lock(&q->lock);
	bool empty = !q->first;
	*q->end = n;
	q->end = &n->next;
	pthread_mutex_unlock(&q->lock);
	return empty;
}

static struct note *queue_take(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	struct note *n = q->first;
	if (n)
		q->first = n->next;
	if (!q->first)
		q->end = &q->first;
	pthread_mutex_unlock(&q->lock);
	return n;
}

static void queue_put_back(struct queue *q, struct note *n)
{
	pthread_mutex_lock(&q->lock);
	n->next = q->first;
	if (!q->first)
		q->end = &n->next;
	q->first = n;
	pthread_mutex_unlock(&q->lock);
}

static void note_free(struct note *n)
{
	bytes_unref(n->payload);
	free(n);
}

static void queue_fini(struct queue *q)
{
	for (struct note *n; (n = queue_take(q));)
		note_free(n);
	pthread_mutex_destroy(&q->lock);
}

/* ---- the plane's thread */

static void tell(struct userspace *u, uint32_t op, uint64_t id, uint32_t arg, struct buf *b)
{
	uint64_t one = 1;
	if (queue_put(&u->events, op, id, arg, bytes_take(b)))
		(void)!write(u->told_fd, &one, sizeof one);
}

static void told(void *arg, uint64_t id, int code, const char *text)
{
	struct buf b = {0};
	mpw_map(&b, code ? 1 : 0);
	if (code)
		mpw_kv_str(&b, "text", text);
	tell(arg, code ? PROXY_FAILED : PROXY_BOUND, id, (uint32_t)-code, &b);
}

static void tell_counters(struct userspace *u)
{
	const struct plane_counters *now = plane_counters(u->plane);
	struct buf b = {0};
	size_t n = 0, at;
	if (memcmp(now, &u->shown, sizeof *now) == 0)
		return;
	u->shown = *now;
	at = mpw_map_open(&b);
#define PUT(name) n++, mpw_kv_u64(&b, #name, now->name);
	PLANE_COUNTERS(PUT)
#undef PUT
	mpw_map_close(&b, at, n);
	tell(u, PROXY_COUNTERS, 0, 0, &b);
}

static size_t read_endpoints(struct mp body, struct proxy_address *out, size_t max)
{
	struct mp list;
	size_t n = 0, pair, count = 0;
	if (!mp_find(body, "endpoints", &list) || mp_array(&list, &n))
		return 0;
	for (size_t i = 0; i < n && count < max; i++) {
		struct span ip;
		int64_t port;
		if (mp_array(&list, &pair) || pair != 2 || mp_str(&list, &ip) ||
		    mp_i64(&list, &port))
			break;
		count += proxy_address_parse(ip, (uint16_t)port, &out[count]);
	}
	return count;
}

static void do_listen(struct userspace *u, const struct note *n)
{
	struct mp body = mp_of_bytes(n->payload);
	struct arena a = {0};
	struct proxy_listener l = {
		.protocol = (enum proxy_protocol)mp_path_int(body, "protocol", PROXY_TCP),
		.affinity_s = (uint32_t)mp_path_int(body, "affinity_s", 0),
		.endpoints = arena_alloc(&a, PROXY_ENDPOINTS_MAX * sizeof *l.endpoints),
	};
	l.endpoint_count = read_endpoints(body, l.endpoints, PROXY_ENDPOINTS_MAX);
	if (proxy_address_parse(mp_path_str(body, "address"),
				(uint16_t)mp_path_int(body, "port", 0), &l.at))
		plane_listen(u->plane, n->id, mp_path_str(body, "service"), &l);
	arena_fini(&a);
}

static void do_calls(struct userspace *u)
{
	for (struct note *n; (n = queue_take(&u->calls)); note_free(n)) {
		if (n->op == PROXY_LISTEN)
			do_listen(u, n);
		else if (n->op == PROXY_CLOSE)
			plane_close(u->plane, n->id);
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* False: not there yet. The thread then is in it for good. */
static bool enter_node(struct userspace *u)
{
	char path[NODE_SPACE_PATH_MAX];
	if (!u->node)
		return true;
	if (node_space_find(u->data_dir, u->node, path, NULL))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

/* Sleeps for ever when nothing happens: the counters are looked at a second
 * after something did. */
static void *run(void *arg)
{
	struct userspace *u = arg;
	uint64_t due = 0;
	prctl(PR_SET_NAME, "service-proxy");
	while (!u->stop && !enter_node(u))
		plane_turn(u->plane, ENTER_MS);
	do_calls(u);
	while (!u->stop) {
		int wait = -1;
		if (due) {
			uint64_t now = now_ms();
			wait = now < due ? (int)(due - now) : 0;
		}
		if (plane_turn(u->plane, wait))
			do_calls(u);
		if (!due)
			due = now_ms() + COUNTERS_MS;
		if (now_ms() >= due) {
			tell_counters(u);
			due = 0;
		}
	}
	return NULL;
}

/* ---- the loop's side */

static void on_told(void *arg, unsigned events)
{
	struct userspace *u = arg;
	uint64_t count, one = 1;
	(void)events;
	(void)!read(u->told_fd, &count, sizeof count);
	for (struct note *n; (n = queue_take(&u->events)); note_free(n)) {
		if (port_deliver(u->port, n->op, n->id, n->arg, bytes_ref(n->payload)) == 0)
			continue;
		queue_put_back(&u->events, n);
		(void)!write(u->told_fd, &one, sizeof one);
		return;
	}
}

static void call(struct port *port, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct userspace *u = port->state;
	if (queue_put(&u->calls, op, id, arg, bytes_ref(payload)))
		plane_wake(u->plane);
}

static void close_port(struct port *port)
{
	struct userspace *u = port->state;
	u->stop = true;
	if (u->started) {
		plane_wake(u->plane);
		pthread_join(u->thread, NULL);
	}
	loop_remove(u->watch);
	plane_free(u->plane);
	queue_fini(&u->calls);
	queue_fini(&u->events);
	if (u->told_fd >= 0)
		close(u->told_fd);
	free(u->node);
	free(u->data_dir);
	free(u);
}

static size_t limit(struct mp cfg, const char *key)
{
	int64_t n = mp_path_int(cfg, key, 0);
	return n > 0 ? (size_t)n : 0;
}

static int open_port(struct port *port, struct mp cfg, struct err *e)
{
	struct userspace *u = mem_alloc(sizeof *u);
	struct plane_config c = {
		.connections_max = limit(cfg, "connections"),
		.service_connections_max = limit(cfg, "service-connections"),
		.flows_max = limit(cfg, "flows"),
		.connect_timeout_ms = (uint32_t)limit(cfg, "connect-timeout-ms"),
		.told = told,
		.arg = u,
	};
	struct span node = mp_path_str(cfg, "node"), dir = mp_path_str(cfg, "data_dir");
	u->port = port;
	port->state = u;
	if (node.len) {
		u->node = mem_ndup(node.data, node.len);
		u->data_dir = mem_ndup(dir.data, dir.len);
	}
	queue_init(&u->calls);
	queue_init(&u->events);
	u->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int rc = plane_new(&u->plane, &c, e);
	if (rc == 0)
		u->watch = loop_add(port->loop, u->told_fd, LOOP_READ, on_told, u);
	if (rc == 0 && pthread_create(&u->thread, NULL, run, u))
		rc = err_set(e, ERR_IO, "no thread for the service proxy");
	u->started = rc == 0;
	if (rc)
		close_port(port);
	return rc;
}

const struct port_driver proxy_userspace_port_driver = {
	.name = "proxy-userspace",
	.open = open_port,
	.call = call,
	.close = close_port,
};
