/* Turns over sorted addresses; clients in a map and in a list by last use. */
#include "nodes/proxy/balancer.h"

#include <stdlib.h>
#include <string.h>

struct balancer_client {
	struct proxy_address endpoint;
	uint8_t key[17];
	uint64_t used_s;
	struct balancer_client *older, *newer;
};

/* ---- turns */

/* The first endpoint behind an address, around the end; count > 0. */
static size_t behind(const struct balancer *b, const struct proxy_address *at)
{
	size_t low = 0, high = b->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (proxy_address_cmp(&b->endpoints[mid], at) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low == b->count ? 0 : low;
}

bool balancer_has(const struct balancer *b, const struct proxy_address *endpoint)
{
	size_t after = b->count ? behind(b, endpoint) : 0;
	return b->count && proxy_address_cmp(&b->endpoints[(after + b->count - 1) % b->count],
					     endpoint) == 0;
}

static const struct proxy_address *take(struct balancer *b, size_t at)
{
	b->last = b->endpoints[at];
	b->next = (at + 1) % b->count;
	return &b->endpoints[at];
}

/* ---- clients that stay with an endpoint */

static void key_of(const struct proxy_address *client, uint8_t key[17])
{
	key[0] = client->family;
	memcpy(key + 1, client->ip, 16);
}

static void unlink_client(struct balancer *b, struct balancer_client *c)
{
	*(c->older ? &c->older->newer : &b->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &b->newest) = c->older;
	c->older = c->newer = NULL;
}

static void link_newest(struct balancer *b, struct balancer_client *c)
{
	c->older = b->newest;
	*(b->newest ? &b->newest->newer : &b->oldest) = c;
	b->newest = c;
}

static void forget(struct balancer *b, struct balancer_client *c)
{
	unlink_client(b, c);
	omap_remove(&b->clients, (struct span){c->key, sizeof c->key});
	free(c);
}

static void forget_old(struct balancer *b, uint64_t now_s)
{
	while (b->oldest && (b->clients.count > BALANCER_CLIENTS_MAX ||
			     now_s - b->oldest->used_s >= b->affinity_s))
		forget(b, b->oldest);
}

static void remember(struct balancer *b, const struct proxy_address *client,
		     const struct proxy_address *endpoint, uint64_t now_s)
{
	uint8_t key[17];
	key_of(client, key);
	struct balancer_client *c = omap_get(&b->clients, (struct span){key, sizeof key});
	if (c) {
		unlink_client(b, c);
	} else {
		c = mem_alloc(sizeof *c);
		memcpy(c->key, key, sizeof key);
		omap_put(&b->clients, (struct span){key, sizeof key}, c);
	}
	c->endpoint = *endpoint;
	c->used_s = now_s;
	link_newest(b, c);
	forget_old(b, now_s);
}

static const struct proxy_address *remembered(struct balancer *b,
					      const struct proxy_address *client, uint64_t now_s)
{
	uint8_t key[17];
	forget_old(b, now_s);
	key_of(client, key);
	struct balancer_client *c = omap_get(&b->clients, (struct span){key, sizeof key});
	return c && balancer_has(b, &c->endpoint) ? &c->endpoint : NULL;
}

/* ---- picks */

static const struct proxy_address *settle(struct balancer *b, struct balancer_pick *pick,
					  const struct proxy_address *endpoint, uint64_t now_s)
{
	pick->current = *endpoint;
	pick->tried++;
	if (b->affinity_s)
		remember(b, &pick->client, &pick->current, now_s);
	return &pick->current;
}

const struct proxy_address *balancer_first(struct balancer *b, struct balancer_pick *pick,
					   const struct proxy_address *client, uint64_t now_s)
{
	memset(pick, 0, sizeof *pick);
	if (!b->count)
		return NULL;
	pick->client = *client;
	const struct proxy_address *at = b->affinity_s ? remembered(b, client, now_s) : NULL;
	pick->first = at ? *at : *take(b, b->next);
	return settle(b, pick, &pick->first, now_s);
}

/* Whose turn is next anyway has had it then: the others are not passed over
 * because one of them is down. */
const struct proxy_address *balancer_again(struct balancer *b, struct balancer_pick *pick,
					   uint64_t now_s)
{
	if (pick->tried >= b->count)
		return NULL;
	size_t at = behind(b, &pick->current);
	if (proxy_address_cmp(&b->endpoints[at], &pick->first) == 0)
		return NULL;
	if (at == b->next)
		take(b, at);
	return settle(b, pick, &b->endpoints[at], now_s);
}

void balancer_set(struct balancer *b, const struct proxy_address *endpoints, size_t count,
		  uint32_t affinity_s)
{
	free(b->endpoints);
	b->endpoints = mem_alloc((count + 1) * sizeof *endpoints);
	if (count)
		memcpy(b->endpoints, endpoints, count * sizeof *endpoints);
	b->count = count;
	b->affinity_s = affinity_s;
	b->next = count ? behind(b, &b->last) : 0;
	while (!affinity_s && b->oldest)
		forget(b, b->oldest);
}

void balancer_fini(struct balancer *b)
{
	while (b->oldest)
		forget(b, b->oldest);
	omap_fini(&b->clients, NULL);
	free(b->endpoints);
	memset(b, 0, sizeof *b);
}
