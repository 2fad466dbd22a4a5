/* Service and slices to listeners (see proxy_plan.h).
 *
 *   addresses of the service × its ports ──► listeners
 *   slices, by port name and family ──► candidates ──► sorted, equal ones
 *   folded (the better state wins) ──► ready ones, or those that still serve */
#include "nodes/proxy/proxy_plan.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/sort.h"

enum { AFFINITY_S = 10800, ADDRESSES_MAX = 64 };

/* ---- addresses */

bool proxy_address_parse(struct span text, uint16_t port, struct proxy_address *out)
{
	char t[PROXY_ADDRESS_TEXT_MAX];
	memset(out, 0, sizeof *out);
	if (text.len == 0 || text.len >= sizeof t)
		return false;
	memcpy(t, text.data, text.len);
	t[text.len] = 0;
	out->port = port;
	if (inet_pton(AF_INET, t, out->ip) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, t, out->ip) == 1)
		out->family = 6;
	return out->family != 0;
}

void proxy_address_ip(const struct proxy_address *a, char out[PROXY_ADDRESS_TEXT_MAX])
{
	out[0] = 0;
	inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->ip, out, PROXY_ADDRESS_TEXT_MAX);
}

void proxy_address_text(const struct proxy_address *a, char out[PROXY_ADDRESS_TEXT_MAX])
{
	char ip[PROXY_ADDRESS_TEXT_MAX];
	proxy_address_ip(a, ip);
	snprintf(out, PROXY_ADDRESS_TEXT_MAX, a->family == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
}

int proxy_address_cmp(const struct proxy_address *a, const struct proxy_address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int by_ip = memcmp(a->ip, b->ip, sizeof a->ip);
	if (by_ip)
		return by_ip;
	return a->port < b->port ? -1 : a->port > b->port;
}

static const char *const protocols[] = {"TCP", "UDP", "SCTP"};

const char *proxy_protocol_name(enum proxy_protocol p)
{
	return protocols[p];
}

static enum proxy_protocol protocol_of(struct mp port)
{
	struct span text = mp_path_str(port, "protocol");
	return span_is(text, "UDP") ? PROXY_UDP : span_is(text, "SCTP") ? PROXY_SCTP : PROXY_TCP;
}

static uint16_t port_of(struct mp port, const char *key)
{
	int64_t n = mp_path_int(port, key, 0);
	return n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

/* ---- lists of a map, item by item */

struct each {
	struct mp items, item;
	size_t left;
};

static struct each each_of(struct mp map, const char *path)
{
	struct each e = {0};
	if (!mp_path(map, path, &e.items) || mp_array(&e.items, &e.left))
		e.left = 0;
	return e;
}

static bool each_next(struct each *e)
{
	e->item = e->items;
	if (e->left == 0)
		return false;
	e->left--;
	return mp_skip(&e->items) == 0;
}

/* ---- endpoints */

enum state { STATE_READY, STATE_SERVING, STATE_UNUSABLE }; /* best first */

struct candidate {
	struct proxy_address at;
	enum state state;
};

struct candidates {
	struct arena *a;
	struct candidate *list;
	size_t count, cap;
};

/* What is absent: ready. (Kubernetes 1.20 slices say nothing of `serving`.) */
static enum state state_of(struct mp endpoint)
{
	bool ready = mp_path_bool(endpoint, "conditions.ready", true);
	bool serving = mp_path_bool(endpoint, "conditions.serving", ready);
	if (ready)
		return STATE_READY;
	return serving && mp_path_bool(endpoint, "conditions.terminating", false)
		       ? STATE_SERVING : STATE_UNUSABLE;
}

static void add_candidate(struct candidates *c, const struct proxy_address *at, enum state state)
{
	if (c->count == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 16;
		struct candidate *list = arena_alloc(c->a, cap * sizeof *list);
		if (c->count)
			memcpy(list, c->list, c->count * sizeof *list);
		c->list = list;
		c->cap = cap;
	}
	c->list[c->count++] = (struct candidate){*at, state};
}

/* The first address counts; further ones are the same endpoint's. */
static void add_endpoint(struct candidates *c, struct mp endpoint, uint8_t family, uint16_t port)
{
	struct each addresses = each_of(endpoint, "addresses");
	struct proxy_address at;
	struct span text;
	if (each_next(&addresses) && mp_str(&addresses.item, &text) == 0 &&
	    proxy_address_parse(text, port, &at) && at.family == family)
		add_candidate(c, &at, state_of(endpoint));
}

static uint16_t slice_port(struct mp slice, struct span name, enum proxy_protocol protocol)
{
	struct each ports = each_of(slice, "ports");
	while (each_next(&ports))
		if (span_eq(mp_path_str(ports.item, "name"), name) &&
		    protocol_of(ports.item) == protocol)
			return port_of(ports.item, "port");
	return 0;
}

static void add_slice(struct candidates *c, struct mp slice, const struct proxy_listener *l,
		      struct span name)
{
	uint16_t port = slice_port(slice, name, l->protocol);
	struct each endpoints = each_of(slice, "endpoints");
	while (port && each_next(&endpoints))
		add_endpoint(c, endpoints.item, l->at.family, port);
}

static int by_address(const void *a, const void *b, void *arg)
{
	const struct candidate *x = a, *y = b;
	int cmp = proxy_address_cmp(&x->at, &y->at);
	(void)arg;
	return cmp ? cmp : (int)x->state - (int)y->state;
}

/* Sorted: of equal addresses the first is the best state. */
static size_t fold_equal(struct candidate *list, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (n == 0 || proxy_address_cmp(&list[n - 1].at, &list[i].at) != 0)
			list[n++] = list[i];
	return n;
}

static void choose(struct proxy_listener *l, const struct candidates *c)
{
	enum state wanted = STATE_SERVING;
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].state == STATE_READY)
			wanted = STATE_READY;
	l->endpoints = arena_alloc(c->a, (c->count + 1) * sizeof *l->endpoints);
	for (size_t i = 0; i < c->count; i++) {
		bool itself = proxy_address_cmp(&c->list[i].at, &l->at) == 0;
		if (c->list[i].state != wanted || itself)
			continue;
		if (l->endpoint_count < PROXY_ENDPOINTS_MAX)
			l->endpoints[l->endpoint_count++] = c->list[i].at;
		else
			l->left_out++;
	}
}

static void find_endpoints(struct arena *a, struct proxy_listener *l, struct span name,
			   const struct mp *slices, size_t n)
{
	struct candidates c = {.a = a};
	for (size_t i = 0; i < n; i++)
		add_slice(&c, slices[i], l, name);
	if (c.count) {
		sort_stable(c.list, c.count, sizeof *c.list, by_address, NULL);
		c.count = fold_equal(c.list, c.count);
	}
	choose(l, &c);
}

/* ---- listeners */

struct planning {
	struct arena *a;
	const struct proxy_address *node_ports_at;
	struct mp service;
	const struct mp *slices;
	size_t slice_count;
	uint32_t affinity_s;
	struct proxy_address cluster[ADDRESSES_MAX], external[ADDRESSES_MAX];
	size_t cluster_count, external_count;
	struct proxy_plan *out;
};

static size_t addresses(struct mp service, const char *path, struct proxy_address *out)
{
	struct each list = each_of(service, path);
	struct span text;
	size_t n = 0;
	while (n < ADDRESSES_MAX && each_next(&list))
		if (mp_str(&list.item, &text) == 0 && proxy_address_parse(text, 0, &out[n]))
			n++;
	return n;
}

static bool planned(const struct proxy_plan *p, const struct proxy_listener *l)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->listeners[i].protocol == l->protocol &&
		    proxy_address_cmp(&p->listeners[i].at, &l->at) == 0)
			return true;
	return false;
}

static void add_listener(struct planning *p, const struct proxy_address *at, uint16_t number,
			 struct mp port, bool external)
{
	struct proxy_listener l = {
		.at = *at,
		.protocol = protocol_of(port),
		.external = external,
		.affinity_s = p->affinity_s,
	};
	l.at.port = number;
	if (!number || !at->family || planned(p->out, &l))
		return;
	find_endpoints(p->a, &l, mp_path_str(port, "name"), p->slices, p->slice_count);
	p->out->listeners[p->out->count++] = l;
}

static void add_port(struct planning *p, struct mp port)
{
	uint16_t number = port_of(port, "port");
	for (size_t i = 0; i < p->cluster_count; i++)
		add_listener(p, &p->cluster[i], number, port, false);
	for (size_t i = 0; i < p->external_count; i++)
		add_listener(p, &p->external[i], number, port, true);
	for (size_t i = 0; i < PROXY_NODE_ADDRESSES_MAX && p->node_ports_at[i].family; i++)
		add_listener(p, &p->node_ports_at[i], port_of(port, "nodePort"), port, false);
}

static uint32_t affinity_of(struct mp service)
{
	if (!span_is(mp_path_str(service, "spec.sessionAffinity"), "ClientIP"))
		return 0;
	int64_t s = mp_path_int(service, "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
				AFFINITY_S);
	return s > 0 && s <= 86400 ? (uint32_t)s : AFFINITY_S;
}

static void read_addresses(struct planning *p)
{
	struct span one = mp_path_str(p->service, "spec.clusterIP");
	p->cluster_count = addresses(p->service, "spec.clusterIPs", p->cluster);
	if (!p->cluster_count && proxy_address_parse(one, 0, &p->cluster[0]))
		p->cluster_count = 1;
	p->external_count = addresses(p->service, "spec.externalIPs", p->external);
}

/* No address of its own: nothing to listen on, on no way. */
static bool without_proxy(struct mp service)
{
	struct span ip = mp_path_str(service, "spec.clusterIP");
	return ip.len == 0 || span_is(ip, "None") ||
	       span_is(mp_path_str(service, "spec.type"), "ExternalName");
}

void proxy_plan_service(struct arena *a, const struct proxy_address *node_ports_at,
			struct mp service, const struct mp *slices, size_t slice_count,
			struct proxy_plan *out)
{
	struct planning p = {a, node_ports_at, service, slices, slice_count, .out = out};
	struct each ports = each_of(service, "spec.ports");
	*out = (struct proxy_plan){0};
	if (without_proxy(service))
		return;
	p.affinity_s = affinity_of(service);
	read_addresses(&p);
	size_t most = (p.cluster_count + p.external_count + PROXY_NODE_ADDRESSES_MAX) * ports.left;
	out->listeners = arena_alloc(a, (most + 1) * sizeof *out->listeners);
	while (each_next(&ports))
		add_port(&p, ports.item);
}
