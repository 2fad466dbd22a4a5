/* The owner opens sockets, so that it hears at once of one that is in use; the
 * thread, which begins with the first, gets them through a queue.
 *
 *   add ── all opened ──► notes {listen, fd} ──► plane_adopt
 *    └── one failed: all closed                   remove ──► notes {close} ──► plane_close */
#include "nodes/network/port_map.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "nodes/network/node_network.h"
#include "nodes/proxy/plane.h"

enum { ADDRESSES_MAX = 64, CLOSE_MS = 50 };

struct note {
	uint64_t id;
	int fd; /* -1: close it */
	char *service;
	enum proxy_protocol protocol;
	struct proxy_address at, to;
	struct note *next;
};

/* A pod's: its notes while it is added, then their numbers. */
struct mapped {
	char *uid;
	uint64_t first, count;
};

struct port_map {
	char *namespace;
	struct netlink_prefix services;
	struct omap pods; /* uid -> struct mapped */
	size_t sockets;
	uint64_t next_id;
	struct plane *plane;
	pthread_t thread;
	_Atomic bool stop;
	pthread_mutex_t lock;
	pthread_cond_t closed;
	size_t closing; /* sockets that the thread has still to close */
	struct note *first, **end;
};

static void note_free(struct note *n)
{
	if (n->fd >= 0)
		close(n->fd);
	free(n->service);
	free(n);
}

static void drop_notes(struct note *n)
{
	for (struct note *next; n; n = next) {
		next = n->next;
		note_free(n);
	}
}

/* ---- the thread */

static struct note *take_notes(struct port_map *m)
{
	pthread_mutex_lock(&m->lock);
	struct note *all = m->first;
	m->first = NULL;
	m->end = &m->first;
	pthread_mutex_unlock(&m->lock);
	return all;
}

static void close_one(struct port_map *m, uint64_t id)
{
	plane_close(m->plane, id);
	pthread_mutex_lock(&m->lock);
	m->closing--;
	pthread_cond_signal(&m->closed);
	pthread_mutex_unlock(&m->lock);
}

static void do_notes(struct port_map *m)
{
	for (struct note *n = take_notes(m), *next; n; n = next) {
		struct proxy_listener l = {.at = n->at, .protocol = n->protocol,
					   .endpoints = &n->to, .endpoint_count = 1};
		next = n->next;
		if (n->fd < 0)
			close_one(m, n->id);
		else
			plane_adopt(m->plane, n->id, span_of(n->service), &l, n->fd);
		n->fd = -1;
		note_free(n);
	}
}

/* What it connects to is on the node's network, too. */
static void *run(void *arg)
{
	struct port_map *m = arg;
	struct node_visit v;
	struct err e = {0};
	prctl(PR_SET_NAME, "port-map");
	pthread_mutex_lock(&m->lock); /* port_map_move */
	int rc = node_visit_begin(&v, m->namespace, &e);
	pthread_mutex_unlock(&m->lock);
	if (rc) {
		log_warn("node", "host ports: %s", e.text);
		return NULL;
	}
	while (!m->stop) {
		do_notes(m);
		plane_turn(m->plane, -1);
	}
	node_visit_end(&v);
	return NULL;
}

static void told(void *arg, uint64_t id, int code, const char *text)
{
	(void)arg;
	(void)id;
	(void)code;
	(void)text;
}

static int need_thread(struct port_map *m, struct err *e)
{
	struct plane_config c = {.told = told, .arg = m};
	int rc = m->plane ? 0 : plane_new(&m->plane, &c, e);
	if (rc || m->thread)
		return rc;
	if (pthread_create(&m->thread, NULL, run, m) == 0)
		return 0;
	m->thread = 0;
	return err_set(e, ERR_IO, "no thread for host ports");
}

static void send_notes(struct port_map *m, struct note *list, size_t closing)
{
	pthread_mutex_lock(&m->lock);
	m->closing += closing;
	*m->end = list;
	while (*m->end)
		m->end = &(*m->end)->next;
	pthread_mutex_unlock(&m->lock);
	plane_wake(m->plane);
}

/* ---- opening */

struct adding {
	struct port_map *m;
	char *service; /* for limits and counters: the pod */
	struct note *first, **end;
	struct proxy_address to, every[ADDRESSES_MAX];
	size_t count, every_count;
};

static bool is_service(const struct port_map *m, struct in_addr ip)
{
	struct netlink_prefix p = {ip, m->services.bits};
	return netlink_prefix_network(p).ip.s_addr ==
	       netlink_prefix_network(m->services).ip.s_addr;
}

/* Those of the namespace that the thread is in. */
static void read_every(struct adding *x)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i && x->every_count < ADDRESSES_MAX; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		struct in_addr ip = ((struct sockaddr_in *)i->ifa_addr)->sin_addr;
		struct proxy_address *a = &x->every[x->every_count];
		if (is_service(x->m, ip))
			continue;
		*a = (struct proxy_address){.family = 4};
		memcpy(a->ip, &ip, 4);
		x->every_count++;
	}
	freeifaddrs(all);
}

static int open_one(struct adding *x, const struct proxy_address *at, enum proxy_protocol protocol,
		    struct err *e)
{
	char text[PROXY_ADDRESS_TEXT_MAX];
	int fd;
	proxy_address_text(at, text);
	if (x->m->sockets + x->count >= PORT_MAP_SOCKETS_MAX)
		return err_set(e, ERR_LIMIT, "host port %s: too many on this node", text);
	int why = plane_open(at, protocol, &fd);
	if (why)
		return err_set(e, why == EADDRINUSE ? ERR_BUSY : why == EADDRNOTAVAIL ?
				       ERR_NOT_FOUND : ERR_IO,
			       "cannot listen on host port %s/%s: %s", text,
			       proxy_protocol_name(protocol), strerror(why));
	struct note *n = mem_alloc(sizeof *n);
	*n = (struct note){++x->m->next_id, fd, mem_dup(x->service), protocol, *at, x->to, NULL};
	*x->end = n;
	x->end = &n->next;
	x->count++;
	return 0;
}

static int open_port(void *arg, struct mp port, struct err *e)
{
	struct adding *x = arg;
	int64_t number = mp_path_int(port, "hostPort", 0);
	struct span ip = mp_path_str(port, "hostIP"), name = mp_path_str(port, "protocol");
	struct proxy_address at;
	int rc = 0;
	if (number > 65535)
		return err_set(e, ERR_INVALID, "host port %lld is none", (long long)number);
	if (span_is(name, "SCTP"))
		return err_set(e, ERR_UNSUPPORTED, "host port %d/SCTP: TCP and UDP only",
			       (int)number);
	enum proxy_protocol protocol = span_is(name, "UDP") ? PROXY_UDP : PROXY_TCP;
	x->to.port = (uint16_t)mp_path_int(port, "containerPort", 0);
	if (ip.len && !span_is(ip, "0.0.0.0") && !span_is(ip, "::")) {
		if (!proxy_address_parse(ip, (uint16_t)number, &at))
			return err_set(e, ERR_INVALID, "hostIP '%.*s' is no address", (int)ip.len,
				       (const char *)ip.data);
		return open_one(x, &at, protocol, e);
	}
	for (size_t i = 0; i < x->every_count && rc == 0; i++) {
		x->every[i].port = (uint16_t)number;
		rc = open_one(x, &x->every[i], protocol, e);
	}
	return rc;
}

/* Each port of the containers, and of the init containers that stay, until `act` is not 0. */
static int each_port(struct mp pod, int (*act)(void *arg, struct mp port, struct err *e), void *arg,
		     struct err *e)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};
	int rc = 0;
	for (size_t l = 0; l < 2; l++) {
		struct mp list, ports;
		size_t n = 0, count;
		if (!mp_path(pod, lists[l], &list) || mp_array(&list, &n))
			continue;
		for (; n > 0 && rc == 0; n--, mp_skip(&list)) {
			bool stays = l == 0 || span_is(mp_path_str(list, "restartPolicy"), "Always");
			if (!stays || !mp_find(list, "ports", &ports) || mp_array(&ports, &count))
				continue;
			for (; count > 0 && rc == 0; count--, mp_skip(&ports))
				if (mp_path_int(ports, "hostPort", 0) > 0)
					rc = act(arg, ports, e);
		}
	}
	return rc;
}

static int count_port(void *arg, struct mp port, struct err *e)
{
	(void)port;
	(void)e;
	++*(size_t *)arg;
	return 0;
}

static void await_closing(struct port_map *m)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += CLOSE_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&m->lock);
	while (m->closing && pthread_cond_timedwait(&m->closed, &m->lock, &until) == 0)
		;
	pthread_mutex_unlock(&m->lock);
}

static int open_all(struct adding *x, struct mp pod, struct err *e)
{
	struct node_visit v;
	int rc = node_visit_begin(&v, x->m->namespace, e);
	if (rc)
		return rc;
	read_every(x);
	rc = each_port(pod, open_port, x, e);
	node_visit_end(&v);
	return rc;
}

/* ---- */

struct port_map *port_map_new(const char *namespace, struct netlink_prefix services)
{
	struct port_map *m = mem_alloc(sizeof *m);
	m->namespace = namespace ? mem_dup(namespace) : NULL;
	m->services = services;
	m->end = &m->first;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->closed, NULL);
	return m;
}

void port_map_move(struct port_map *m, const char *namespace)
{
	char *old = m->namespace;
	pthread_mutex_lock(&m->lock);
	m->namespace = mem_dup(namespace);
	pthread_mutex_unlock(&m->lock);
	free(old);
}

int port_map_add(struct port_map *m, const char *uid, struct mp pod, const char *ip,
		 struct err *e)
{
	struct adding x = {.m = m};
	struct span name = mp_path_str(pod, "metadata.name"), ns = mp_path_str(pod, "metadata.namespace");
	struct buf service = {0};
	size_t wanted = 0;
	each_port(pod, count_port, &wanted, NULL);
	if (!wanted || omap_get(&m->pods, span_of(uid)))
		return 0;
	if (!proxy_address_parse(span_of(ip), 0, &x.to))
		return err_set(e, ERR_INVALID, "'%s' is no address", ip);
	buf_printf(&service, "%.*s/%.*s", (int)ns.len, (const char *)ns.data, (int)name.len,
		   (const char *)name.data);
	x.service = (char *)(uintptr_t)buf_text(&service);
	x.end = &x.first;
	int rc = open_all(&x, pod, e);
	if (rc == ERR_BUSY) { /* it may be that of a pod that has just gone */
		await_closing(m);
		drop_notes(x.first);
		x.first = NULL;
		x.end = &x.first;
		x.count = x.every_count = 0;
		rc = open_all(&x, pod, e);
	}
	buf_fini(&service);
	rc = rc ? rc : need_thread(m, e);
	if (rc || !x.count) { /* it has none, if the node has no address */
		drop_notes(x.first);
		return rc;
	}
	struct mapped *p = mem_alloc(sizeof *p);
	*p = (struct mapped){mem_dup(uid), x.first->id, x.count};
	omap_put(&m->pods, span_of(uid), p);
	m->sockets += x.count;
	send_notes(m, x.first, 0);
	return 0;
}

static void mapped_free(void *ptr)
{
	struct mapped *p = ptr;
	free(p->uid);
	free(p);
}

void port_map_remove(struct port_map *m, const char *uid)
{
	struct mapped *p = omap_remove(&m->pods, span_of(uid));
	struct note *first = NULL, **end = &first;
	if (!p)
		return;
	for (uint64_t i = 0; i < p->count; i++) {
		*end = mem_alloc(sizeof **end);
		**end = (struct note){.id = p->first + i, .fd = -1};
		end = &(*end)->next;
	}
	m->sockets -= p->count;
	send_notes(m, first, p->count);
	mapped_free(p);
}

void port_map_free(struct port_map *m)
{
	if (!m)
		return;
	m->stop = true;
	if (m->thread) {
		plane_wake(m->plane);
		pthread_join(m->thread, NULL);
	}
	plane_free(m->plane);
	drop_notes(m->first);
	omap_fini(&m->pods, mapped_free);
	pthread_mutex_destroy(&m->lock);
	pthread_cond_destroy(&m->closed);
	free(m->namespace);
	free(m);
}
