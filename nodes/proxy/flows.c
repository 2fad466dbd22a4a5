/* UDP: a flow is a client's address and a socket that is connected to its
 * endpoint, so that answers find their way back and a refusal is heard.
 *
 * It ends when it idles, when its endpoint goes (the next datagram finds
 * another one: there is no connection to drain), when the endpoint refuses,
 * or when a newer one needs its place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "nodes/proxy/plane_private.h"

enum { DATAGRAMS_A_ROUND = 128, KEY_BYTES = 19 };

struct flow {
	struct watch watch;
	struct listener *listener;
	int fd;
	struct proxy_address client, endpoint;
	uint64_t used_us;
	struct flow *older, *newer; /* older: also the next of the dead */
};

static void key_of(const struct proxy_address *a, uint8_t key[KEY_BYTES])
{
	key[0] = a->family;
	memcpy(key + 1, a->ip, 16);
	key[17] = (uint8_t)(a->port >> 8);
	key[18] = (uint8_t)a->port;
}

static void unlink_flow(struct plane *p, struct flow *f)
{
	*(f->older ? &f->older->newer : &p->flow_oldest) = f->newer;
	*(f->newer ? &f->newer->older : &p->flow_newest) = f->older;
	f->older = f->newer = NULL;
}

static void link_newest(struct plane *p, struct flow *f)
{
	f->used_us = p->now_us;
	f->older = p->flow_newest;
	*(p->flow_newest ? &p->flow_newest->newer : &p->flow_oldest) = f;
	p->flow_newest = f;
}

static void used(struct plane *p, struct flow *f)
{
	unlink_flow(p, f);
	link_newest(p, f);
}

static void flow_end(struct flow *f)
{
	struct plane *p = f->listener->plane;
	uint8_t key[KEY_BYTES];
	key_of(&f->client, key);
	omap_remove(&f->listener->flows, (struct span){key, sizeof key});
	unlink_flow(p, f);
	close(f->fd);
	f->watch.ready = NULL;
	p->counters.flows--;
	f->older = p->flow_dead;
	p->flow_dead = f;
}

void flows_bury(struct plane *p)
{
	while (p->flow_dead) {
		struct flow *f = p->flow_dead;
		p->flow_dead = f->older;
		free(f);
	}
}

void flows_drop(struct listener *l, bool all)
{
	struct onode *next;
	for (struct onode *n = omap_first(&l->flows); n; n = next) {
		struct flow *f = n->value;
		next = omap_next(n);
		if (all || !balancer_has(&l->balancer, &f->endpoint))
			flow_end(f);
	}
}

/* ---- answers */

static void on_answer(struct watch *w, uint32_t events)
{
	struct flow *f = (struct flow *)w;
	struct plane *p = f->listener->plane;
	struct sockaddr_storage to;
	socklen_t len = plane_sockaddr(&f->client, &to);
	(void)events;
	for (int i = 0; i < DATAGRAMS_A_ROUND; i++) {
		ssize_t n = recv(f->fd, p->scratch, SCRATCH_BYTES, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			flow_end(f); /* refused: the next datagram tries another endpoint */
		if (n < 0)
			return;
		used(p, f);
		ssize_t sent = sendto(f->listener->fd, p->scratch, (size_t)n, 0,
				      (struct sockaddr *)&to, len);
		if (sent < 0)
			p->counters.datagrams_lost++;
		else
			p->counters.bytes_out += (size_t)sent;
	}
}

/* ---- questions */

static struct flow *flow_new(struct listener *l, const struct proxy_address *client)
{
	struct plane *p = l->plane;
	struct balancer_pick pick;
	struct sockaddr_storage at;
	const struct proxy_address *endpoint =
		balancer_first(&l->balancer, &pick, client, p->now_us / 1000000);
	if (!endpoint)
		return NULL;
	socklen_t len = plane_sockaddr(endpoint, &at);
	int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, len)) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	struct flow *f = mem_alloc(sizeof *f);
	*f = (struct flow){{on_answer}, l, fd, *client, *endpoint, 0, NULL, NULL};
	uint8_t key[KEY_BYTES];
	key_of(client, key);
	omap_put(&l->flows, (struct span){key, sizeof key}, f);
	link_newest(p, f);
	p->counters.flows++;
	p->counters.flows_opened++;
	plane_watch(p, fd, EPOLLIN, &f->watch);
	return f;
}

static struct flow *need_flow(struct listener *l, const struct proxy_address *client)
{
	struct plane *p = l->plane;
	uint8_t key[KEY_BYTES];
	key_of(client, key);
	struct flow *f = omap_get(&l->flows, (struct span){key, sizeof key});
	if (f) {
		used(p, f);
		return f;
	}
	if (p->counters.flows >= p->cfg.flows_max && p->flow_oldest) {
		flow_end(p->flow_oldest);
		p->counters.flows_pushed_out++;
	}
	return flow_new(l, client);
}

static void pass_on(struct listener *l, const struct proxy_address *client, size_t n)
{
	struct plane *p = l->plane;
	struct flow *f = need_flow(l, client);
	ssize_t sent = f ? send(f->fd, p->scratch, n, MSG_NOSIGNAL) : -1;
	if (sent < 0) {
		p->counters.datagrams_lost++;
		if (f && errno != EAGAIN && errno != EMSGSIZE)
			flow_end(f);
		return;
	}
	p->counters.bytes_in += (size_t)sent;
}

void flows_receive(struct watch *w, uint32_t events)
{
	struct listener *l = (struct listener *)w;
	(void)events;
	for (int i = 0; i < DATAGRAMS_A_ROUND; i++) {
		struct sockaddr_storage from;
		struct proxy_address client;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(l->fd, l->plane->scratch, SCRATCH_BYTES, 0,
				     (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		plane_address(&from, &client);
		pass_on(l, &client, (size_t)n);
	}
}

/* ---- time */

uint64_t flows_tick(struct plane *p)
{
	uint64_t idle = (uint64_t)p->cfg.flow_idle_ms * 1000;
	while (p->flow_oldest && p->now_us - p->flow_oldest->used_us >= idle)
		flow_end(p->flow_oldest);
	return p->flow_oldest ? p->flow_oldest->used_us + idle - p->now_us : UINT64_MAX;
}
