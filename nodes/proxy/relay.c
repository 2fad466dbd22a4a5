/* TCP: a relay is two sockets, the client's and an endpoint's.
 *
 *   accepted ──► CONNECTING ──connected──► OPEN ──both ends passed on──► dead
 *                  │    ▲ refused, timed out: the next endpoint, each once
 *                  └────┘ none left: reset
 *
 * Each direction: read into the plane's scratch, written at once; what the
 * other side does not take waits in a buffer of its own, and nothing more is
 * read until it is gone. So a relay that idles holds no memory but itself.
 * Both sockets are edge triggered and registered once; what an edge said is
 * kept in the side's flags.
 *
 * splice(2) was measured and left out: two pipes a connection cost 10 to 15 us
 * and four descriptors, and it gains on large bodies only. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "nodes/proxy/plane_private.h"

enum {
	SMALL_READ = 4096,
	ACCEPTS_A_ROUND = 128,
	READS_A_ROUND = 4, /* of SCRATCH_BYTES, then the others have their turn */
	PAUSE_US = 100000, /* without descriptors */
	KEEPALIVE_S = 60,
	EDGES = (int)(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET),
};

struct relay;

struct side {
	struct watch watch;
	struct relay *relay;
	int fd;
	bool readable, writable;
	bool hangup; /* its end is in the queue behind the last bytes */
	bool ended;  /* it said all: read to the end */
	bool told;   /* that the other one has ended */
	bool failed;
	uint8_t *pending; /* read from the other side, not taken yet */
	size_t at, left;
	uint64_t *bytes; /* counter of what it is sent */
};

enum relay_state { CONNECTING, OPEN, DEAD };

struct relay {
	struct plane *plane;
	enum relay_state state;
	struct side client, server;
	struct service *service;
	struct listener *listener; /* until it is connected */
	struct balancer_pick pick;
	uint64_t deadline_us;
	bool waits; /* in plane->connecting */
	bool more;  /* in plane->more */
	struct relay *prev, *next;           /* of all; next: of the dead */
	struct relay *wait_prev, *wait_next; /* of those that connect */
	struct relay *more_next;
};

/* ---- lists */

static void link_relay(struct plane *p, struct relay *r)
{
	r->next = p->relays;
	if (p->relays)
		p->relays->prev = r;
	p->relays = r;
}

static void unlink_relay(struct plane *p, struct relay *r)
{
	*(r->prev ? &r->prev->next : &p->relays) = r->next;
	if (r->next)
		r->next->prev = r->prev;
}

static void wait_end(struct plane *p, struct relay *r)
{
	if (!r->waits)
		return;
	*(r->wait_prev ? &r->wait_prev->wait_next : &p->connecting_first) = r->wait_next;
	*(r->wait_next ? &r->wait_next->wait_prev : &p->connecting_last) = r->wait_prev;
	r->wait_prev = r->wait_next = NULL;
	r->waits = false;
}

/* The time is the same for all: who comes last is due last. */
static void wait_begin(struct plane *p, struct relay *r)
{
	wait_end(p, r);
	r->deadline_us = p->now_us + (uint64_t)p->cfg.connect_timeout_ms * 1000;
	r->wait_prev = p->connecting_last;
	*(p->connecting_last ? &p->connecting_last->wait_next : &p->connecting_first) = r;
	p->connecting_last = r;
	r->waits = true;
}

static void more_later(struct plane *p, struct relay *r)
{
	if (r->more)
		return;
	r->more = true;
	r->more_next = p->more;
	p->more = r;
}

/* ---- the end */

static void drop_pending(struct side *s)
{
	s->relay->plane->counters.bytes_waiting -= s->left;
	s->left = 0;
	free(s->pending);
	s->pending = NULL;
}

static void close_side(struct side *s, bool reset)
{
	struct linger now = {1, 0};
	if (s->fd < 0)
		return;
	if (reset)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(s->fd);
	s->fd = -1;
	s->watch.ready = NULL;
	drop_pending(s);
}

static void relay_end(struct relay *r, bool reset)
{
	struct plane *p = r->plane;
	if (r->state == DEAD)
		return;
	close_side(&r->client, reset);
	close_side(&r->server, reset);
	wait_end(p, r);
	unlink_relay(p, r);
	p->counters.connections--;
	r->service->connections--;
	service_unref(r->service);
	if (r->listener)
		listener_unref(r->listener);
	r->state = DEAD;
	r->next = p->dead;
	p->dead = r;
}

/* One that is still in the list of those with more to do stays until then. */
void relay_bury(struct plane *p)
{
	struct relay *kept = NULL;
	while (p->dead) {
		struct relay *r = p->dead;
		p->dead = r->next;
		if (r->more) {
			r->next = kept;
			kept = r;
		} else {
			free(r);
		}
	}
	p->dead = kept;
}

void relay_close_all(struct plane *p)
{
	while (p->relays)
		relay_end(p->relays, true);
	while (p->more) {
		p->more->more = false;
		p->more = p->more->more_next;
	}
}

/* ---- passing on */

enum step { STEP_ON, STEP_BLOCKED, STEP_BROKEN };

static bool transient(int error)
{
	return error == EAGAIN || error == EINTR;
}

static enum step keep(struct side *to, const uint8_t *data, size_t n)
{
	to->writable = false;
	to->pending = mem_alloc(n);
	memcpy(to->pending, data, n);
	to->at = 0;
	to->left = n;
	to->relay->plane->counters.bytes_waiting += n;
	return STEP_BLOCKED;
}

static enum step write_to(struct side *to, const uint8_t *data, size_t n)
{
	ssize_t sent = send(to->fd, data, n, MSG_NOSIGNAL);
	if (sent < 0 && !transient(errno))
		return STEP_BROKEN;
	size_t done = sent > 0 ? (size_t)sent : 0;
	*to->bytes += done;
	return done == n ? STEP_ON : keep(to, data + done, n - done);
}

static enum step write_pending(struct side *to)
{
	if (!to->pending)
		return STEP_ON;
	if (!to->writable)
		return STEP_BLOCKED;
	ssize_t sent = send(to->fd, to->pending + to->at, to->left, MSG_NOSIGNAL);
	if (sent < 0 && !transient(errno))
		return STEP_BROKEN;
	size_t done = sent > 0 ? (size_t)sent : 0;
	*to->bytes += done;
	to->at += done;
	to->left -= done;
	to->relay->plane->counters.bytes_waiting -= done;
	if (to->left) {
		to->writable = false;
		return STEP_BLOCKED;
	}
	drop_pending(to);
	return STEP_ON;
}

/* A short read has emptied the socket, unless its end is in there too. */
static enum step read_from(struct side *from, struct side *to)
{
	struct plane *p = from->relay->plane;
	size_t most = p->counters.bytes_waiting > PLANE_WAITING_BYTES ? (size_t)SMALL_READ
								      : sizeof p->scratch;
	ssize_t n = recv(from->fd, p->scratch, most, 0);
	if (n > 0) {
		if ((size_t)n < most && !from->hangup)
			from->readable = false;
		return write_to(to, p->scratch, (size_t)n);
	}
	if (n == 0) {
		from->ended = true;
		return STEP_ON;
	}
	if (!transient(errno))
		return STEP_BROKEN;
	from->readable = false;
	return STEP_BLOCKED;
}

static enum step pass(struct side *from, struct side *to)
{
	struct relay *r = from->relay;
	for (int i = 0; i < READS_A_ROUND; i++) {
		enum step s = write_pending(to);
		if (s != STEP_ON)
			return s;
		if (from->ended) {
			if (!to->told)
				shutdown(to->fd, SHUT_WR);
			to->told = true;
			return STEP_BLOCKED;
		}
		if (!from->readable)
			return STEP_BLOCKED;
		s = read_from(from, to);
		if (s != STEP_ON)
			return s;
	}
	more_later(r->plane, r);
	return STEP_ON;
}

/* Its last bytes are passed on before its failure is. */
static void go_on(struct relay *r)
{
	bool broken = pass(&r->client, &r->server) == STEP_BROKEN;
	broken |= pass(&r->server, &r->client) == STEP_BROKEN;
	if (broken || r->client.failed || r->server.failed) {
		r->plane->counters.reset++;
		relay_end(r, true);
	} else if (r->client.told && r->server.told) {
		relay_end(r, false);
	}
}

/* ---- finding an endpoint */

static void on_server(struct watch *w, uint32_t events);

static int begin_connect(struct relay *r, const struct proxy_address *endpoint)
{
	struct sockaddr_storage at;
	socklen_t n = plane_sockaddr(endpoint, &at);
	struct side *s = &r->server;
	int one = 1, idle = KEEPALIVE_S;
	s->fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	if (connect(s->fd, (struct sockaddr *)&at, n) && errno != EINPROGRESS) {
		close(s->fd);
		s->fd = -1;
		return -1;
	}
	s->watch.ready = on_server;
	s->readable = s->writable = s->hangup = s->failed = false;
	plane_watch(r->plane, s->fd, (uint32_t)EDGES, &s->watch);
	return 0;
}

/* From this endpoint on, the first that can be tried; or the client is reset. */
static void try_endpoints(struct relay *r, const struct proxy_address *endpoint)
{
	struct plane *p = r->plane;
	for (; endpoint; endpoint = balancer_again(&r->listener->balancer, &r->pick,
						   p->now_us / 1000000)) {
		if (begin_connect(r, endpoint) == 0) {
			wait_begin(p, r);
			return;
		}
		p->counters.connect_failed++;
	}
	p->counters.unserved++;
	relay_end(r, true);
}

static void next_endpoint(struct relay *r)
{
	r->plane->counters.connect_failed++;
	close_side(&r->server, true);
	try_endpoints(r, balancer_again(&r->listener->balancer, &r->pick,
					r->plane->now_us / 1000000));
}

static void connected(struct relay *r)
{
	r->state = OPEN;
	wait_end(r->plane, r);
	listener_unref(r->listener);
	r->listener = NULL;
	go_on(r);
}

/* ---- events */

static void note(struct side *s, uint32_t events)
{
	s->readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	s->writable |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
	s->hangup |= (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
	s->failed |= (events & EPOLLERR) != 0;
}

static void on_server(struct watch *w, uint32_t events)
{
	struct side *s = (struct side *)w;
	struct relay *r = s->relay;
	note(s, events);
	if (r->state == OPEN)
		go_on(r);
	else if (s->failed || (events & EPOLLHUP))
		next_endpoint(r);
	else if (s->writable)
		connected(r);
}

/* A client that gave up while we connect: nobody is left to serve. One that
 * has only said all it wanted still waits for its answer. */
static void on_client(struct watch *w, uint32_t events)
{
	struct side *s = (struct side *)w;
	struct relay *r = s->relay;
	note(s, events);
	if (r->state == OPEN)
		go_on(r);
	else if (s->failed || (events & EPOLLHUP))
		relay_end(r, true);
}

/* ---- accepting */

static void refuse(int fd, uint64_t *counter)
{
	struct linger now = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
	(*counter)++;
}

static void begin(struct listener *l, int fd, const struct proxy_address *client)
{
	struct plane *p = l->plane;
	struct relay *r = mem_alloc(sizeof *r);
	r->plane = p;
	r->service = l->service;
	r->service->refs++;
	r->service->connections++;
	r->listener = l;
	l->refs++;
	r->client = (struct side){{on_client}, r, .fd = fd, .bytes = &p->counters.bytes_out};
	r->server = (struct side){{NULL}, r, .fd = -1, .bytes = &p->counters.bytes_in};
	link_relay(p, r);
	p->counters.connections++;
	p->counters.accepted++;
	plane_watch(p, fd, (uint32_t)EDGES, &r->client.watch);
	try_endpoints(r, balancer_first(&l->balancer, &r->pick, client, p->now_us / 1000000));
}

/* Nobody could accept it, and it would be announced again at once. */
static void pause_accepting(struct listener *l)
{
	struct plane *p = l->plane;
	struct epoll_event ev = {.events = 0, .data.ptr = &l->watch};
	epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, l->fd, &ev);
	p->paused += !l->paused_until_us;
	l->paused_until_us = p->now_us + PAUSE_US;
	p->counters.no_descriptors++;
}

static bool without_descriptors(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

void relay_accept(struct watch *w, uint32_t events)
{
	struct listener *l = (struct listener *)w;
	struct plane *p = l->plane;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
		struct sockaddr_storage from;
		struct proxy_address client;
		socklen_t n = sizeof from;
		int fd = accept4(l->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && without_descriptors(errno))
			pause_accepting(l);
		if (fd < 0)
			return; /* also one that was aborted: the rest comes next round */
		plane_address(&from, &client);
		if (p->counters.connections >= p->cfg.connections_max)
			refuse(fd, &p->counters.over_limit);
		else if (l->service->connections >= p->cfg.service_connections_max)
			refuse(fd, &p->counters.over_service_limit);
		else
			begin(l, fd, &client);
	}
}

/* ---- time */

uint64_t relay_tick(struct plane *p)
{
	struct relay *more = p->more;
	p->more = NULL;
	while (more) {
		struct relay *r = more;
		more = r->more_next;
		r->more = false;
		if (r->state == OPEN)
			go_on(r);
	}
	while (p->connecting_first && p->connecting_first->deadline_us <= p->now_us)
		next_endpoint(p->connecting_first);
	if (p->more)
		return 0;
	return p->connecting_first ? p->connecting_first->deadline_us - p->now_us : UINT64_MAX;
}
