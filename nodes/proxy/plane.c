/* Listeners, and the epoll loop that everything hangs on.
 *
 *   listener: (wanted, no endpoints) ── endpoints ──► listens ── none left ──► closed
 *                      └── bind fails: told, and tried again with the next plane_listen
 *
 * Listening sockets are level triggered: what one round did not accept is
 * there in the next. Everything that an event of this round may still point
 * to is freed after the round. */
#include "nodes/proxy/plane.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "nodes/proxy/plane_private.h"

enum { EVENTS = 256, BACKLOG = 4096, KEEPALIVE_S = 60, DESCRIPTORS_FOR_OTHERS = 1000 };

static uint64_t clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- addresses */

socklen_t plane_sockaddr(const struct proxy_address *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == 6) {
		struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(a->port);
		memcpy(&six->sin6_addr, a->ip, 16);
		return sizeof *six;
	}
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	four->sin_family = AF_INET;
	four->sin_port = htons(a->port);
	memcpy(&four->sin_addr, a->ip, 4);
	return sizeof *four;
}

void plane_address(const struct sockaddr_storage *from, struct proxy_address *out)
{
	memset(out, 0, sizeof *out);
	if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
		out->family = 6;
		out->port = ntohs(six->sin6_port);
		memcpy(out->ip, &six->sin6_addr, 16);
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)from;
		out->family = 4;
		out->port = ntohs(four->sin_port);
		memcpy(out->ip, &four->sin_addr, 4);
	}
}

/* ---- services */

static struct service *service_ref(struct plane *p, struct span name)
{
	struct service *s = omap_get(&p->services, name);
	if (!s) {
		s = mem_alloc(sizeof *s);
		s->plane = p;
		s->name = mem_ndup(name.data, name.len);
		omap_put(&p->services, name, s);
	}
	s->refs++;
	return s;
}

void service_unref(struct service *s)
{
	if (--s->refs)
		return;
	omap_remove(&s->plane->services, span_of(s->name));
	free(s->name);
	free(s);
}

/* ---- listening */

void plane_watch(struct plane *p, int fd, uint32_t events, struct watch *w)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};
	epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static void set_option(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

/* Accepted sockets inherit what the listening one has. */
static void set_options(int fd, const struct proxy_address *at, bool tcp)
{
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, tcp);
	if (at->family == 6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!tcp)
		return;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S);
}

static int code_of(int error)
{
	return error == EADDRINUSE	? ERR_BUSY
	       : error == EADDRNOTAVAIL ? ERR_NOT_FOUND
	       : error == EMFILE	? ERR_LIMIT
					: ERR_IO;
}

int plane_open(const struct proxy_address *address, enum proxy_protocol protocol, int *out)
{
	struct sockaddr_storage at;
	socklen_t n = plane_sockaddr(address, &at);
	bool tcp = protocol == PROXY_TCP;
	int fd = socket(at.ss_family,
			(tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	set_options(fd, address, tcp);
	if (bind(fd, (struct sockaddr *)&at, n) || (tcp && listen(fd, BACKLOG))) {
		int why = errno;
		close(fd);
		return why;
	}
	*out = fd;
	return 0;
}

static void use_socket(struct listener *l, int fd)
{
	l->fd = fd;
	l->watch.ready = l->protocol == PROXY_TCP ? relay_accept : flows_receive;
	plane_watch(l->plane, fd, EPOLLIN, &l->watch);
}

static int open_socket(struct listener *l)
{
	int fd, why = plane_open(&l->at, l->protocol, &fd);
	if (why == 0)
		use_socket(l, fd);
	return why;
}

static void stop_listening(struct listener *l)
{
	if (l->fd < 0)
		return;
	if (l->paused_until_us)
		l->plane->paused--;
	l->paused_until_us = 0;
	close(l->fd);
	l->fd = -1;
}

static void start_listening(struct listener *l)
{
	struct plane *p = l->plane;
	char at[PROXY_ADDRESS_TEXT_MAX], text[200];
	proxy_address_text(&l->at, at);
	if (l->protocol == PROXY_SCTP) {
		snprintf(text, sizeof text, "%s/SCTP: this proxy does TCP and UDP only", at);
		p->cfg.told(p->cfg.arg, l->id, ERR_UNSUPPORTED, text);
		return;
	}
	int why = p->listeners.count > PLANE_LISTENERS_MAX ? EMFILE : open_socket(l);
	if (why == 0) {
		p->cfg.told(p->cfg.arg, l->id, 0, "");
		return;
	}
	snprintf(text, sizeof text, "cannot listen on %s/%s: %s", at,
		 proxy_protocol_name(l->protocol), strerror(why));
	p->cfg.told(p->cfg.arg, l->id, code_of(why), text);
}

/* ---- the set of listeners */

void listener_unref(struct listener *l)
{
	if (--l->refs)
		return;
	service_unref(l->service);
	balancer_fini(&l->balancer);
	omap_fini(&l->flows, NULL);
	free(l);
}

static struct listener *need_listener(struct plane *p, uint64_t id, struct span service,
				      const struct proxy_listener *wanted)
{
	struct listener *l = omap_get_u64(&p->listeners, id);
	if (l)
		return l;
	l = mem_alloc(sizeof *l);
	l->plane = p;
	l->id = id;
	l->service = service_ref(p, service);
	l->at = wanted->at;
	l->protocol = wanted->protocol;
	l->fd = -1;
	l->refs = 1;
	l->balancer.clients.seed = l->flows.seed = p->seed;
	omap_put_u64(&p->listeners, id, l);
	return l;
}

void plane_listen(struct plane *p, uint64_t id, struct span service,
		  const struct proxy_listener *wanted)
{
	struct listener *l = need_listener(p, id, service, wanted);
	balancer_set(&l->balancer, wanted->endpoints, wanted->endpoint_count, wanted->affinity_s);
	flows_drop(l, false);
	if (!wanted->endpoint_count)
		stop_listening(l);
	else if (l->fd < 0)
		start_listening(l);
}

void plane_adopt(struct plane *p, uint64_t id, struct span service,
		 const struct proxy_listener *wanted, int fd)
{
	struct listener *l = need_listener(p, id, service, wanted);
	balancer_set(&l->balancer, wanted->endpoints, wanted->endpoint_count, wanted->affinity_s);
	use_socket(l, fd);
}

/* The map's reference goes; an event of this round may still name it. */
static void retire(void *listener)
{
	struct listener *l = listener;
	flows_drop(l, true);
	stop_listening(l);
	balancer_set(&l->balancer, NULL, 0, 0);
	listener_unref(l);
}

void plane_close(struct plane *p, uint64_t id)
{
	struct listener *l = omap_remove_u64(&p->listeners, id);
	if (l)
		retire(l);
}

/* ---- rounds */

static void on_wake(struct watch *w, uint32_t events)
{
	struct plane *p = (struct plane *)((char *)w - offsetof(struct plane, wake));
	uint64_t count;
	(void)events;
	(void)!read(p->wake_fd, &count, sizeof count);
	p->woken = true;
}

void plane_wake(struct plane *p)
{
	uint64_t one = 1;
	(void)!write(p->wake_fd, &one, sizeof one);
}

static uint64_t resume_paused(struct plane *p)
{
	uint64_t next = UINT64_MAX;
	for (struct onode *n = p->paused ? omap_first(&p->listeners) : NULL; n; n = omap_next(n)) {
		struct listener *l = n->value;
		if (!l->paused_until_us)
			continue;
		if (l->paused_until_us > p->now_us) {
			uint64_t wait = l->paused_until_us - p->now_us;
			next = wait < next ? wait : next;
			continue;
		}
		l->paused_until_us = 0;
		p->paused--;
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &l->watch};
		epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, l->fd, &ev);
	}
	return next;
}

static int wait_ms(struct plane *p, int timeout_ms)
{
	uint64_t due = relay_tick(p), flows = flows_tick(p), paused = resume_paused(p);
	due = flows < due ? flows : due;
	due = paused < due ? paused : due;
	if (due == UINT64_MAX)
		return timeout_ms;
	int ms = due / 1000 < 60000 ? (int)((due + 999) / 1000) : 60000;
	return timeout_ms >= 0 && timeout_ms < ms ? timeout_ms : ms;
}

bool plane_turn(struct plane *p, int timeout_ms)
{
	struct epoll_event ev[EVENTS];
	p->woken = false;
	p->now_us = clock_us();
	int ms = wait_ms(p, timeout_ms);
	relay_bury(p);
	flows_bury(p);
	int n = epoll_wait(p->epoll_fd, ev, EVENTS, ms);
	p->now_us = clock_us();
	for (int i = 0; i < n; i++) {
		struct watch *w = ev[i].data.ptr;
		if (w->ready)
			w->ready(w, ev[i].events);
	}
	relay_bury(p);
	flows_bury(p);
	return p->woken;
}

const struct plane_counters *plane_counters(const struct plane *p)
{
	return &p->counters;
}

/* ---- life */

/* A relay takes two descriptors, and others of this process need some too. */
static size_t fitting(const char *what, size_t wanted, size_t otherwise)
{
	struct rlimit r = {0};
	size_t n = wanted ? wanted : otherwise;
	getrlimit(RLIMIT_NOFILE, &r);
	size_t room = r.rlim_cur > 2 * DESCRIPTORS_FOR_OTHERS
			      ? (size_t)(r.rlim_cur - DESCRIPTORS_FOR_OTHERS) / 2
			      : (size_t)r.rlim_cur / 4;
	if (n <= room)
		return n;
	log_warn("service-proxy", "room for %zu %s, not for %zu: too few descriptors", room, what,
		 n);
	return room;
}

int plane_new(struct plane **out, const struct plane_config *cfg, struct err *e)
{
	struct plane *p = mem_alloc(sizeof *p);
	struct plane_config *c = &p->cfg;
	*c = *cfg;
	c->connections_max = fitting("connections", c->connections_max, PLANE_CONNECTIONS);
	c->flows_max = fitting("flows", c->flows_max, PLANE_FLOWS);
	if (!c->service_connections_max)
		c->service_connections_max = PLANE_SERVICE_CONNECTIONS;
	if (!c->connect_timeout_ms)
		c->connect_timeout_ms = PLANE_CONNECT_TIMEOUT_MS;
	if (!c->flow_idle_ms)
		c->flow_idle_ms = PLANE_FLOW_IDLE_MS;
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epoll_fd < 0 || p->wake_fd < 0) {
		plane_free(p);
		return err_set(e, ERR_IO, "the service proxy's loop: %m");
	}
	(void)!getrandom(&p->seed, sizeof p->seed, 0);
	p->wake.ready = on_wake;
	plane_watch(p, p->wake_fd, EPOLLIN, &p->wake);
	*out = p;
	return 0;
}

void plane_free(struct plane *p)
{
	if (!p)
		return;
	relay_close_all(p);
	omap_fini(&p->listeners, retire);
	relay_bury(p);
	flows_bury(p);
	omap_fini(&p->services, NULL);
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	if (p->wake_fd >= 0)
		close(p->wake_fd);
	free(p);
}
