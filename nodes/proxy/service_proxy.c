/* Services and slices in, differences out.
 *
 *   change of a service, or of one of its slices ──► plan ──► listeners of
 *   that service: gone ► PROXY_CLOSE, new or other ► PROXY_LISTEN
 *
 * Nothing is opened before both views are complete: a proxy that has seen half
 * of the slices would send everybody to half of the endpoints. Differences are
 * found by comparing what was last told with what would be told now.
 *
 * A listener: OPEN ──PROXY_FAILED──► FAILED ──timer, address left──► told again
 *               ▲────────────────────PROXY_BOUND───────────────────────┘ */
#include "nodes/proxy/service_proxy.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/view.h"
#include "broker/base/log.h"
#include "nodes/proxy/plane.h"
#include "nodes/proxy/proxy_plan.h"
#include "nodes/proxy/proxy_port.h"

enum {
	RETRY_FIRST_US = 1000000, /* doubles up to the last */
	RETRY_LAST_US = 300000000,
	/* An address of a node's may come a moment later than its proxy. */
	SOON_US = 100000,
	SOON_MAX = 20,
	API_RETRY_US = 2000000, /* after those */
	MESSAGE_BYTES = 1000,
};

/* Number of the API's own listener, and tag of its timer. */
#define API_ID UINT64_MAX

struct service;

struct listener {
	uint64_t id;
	struct service *service;
	struct proxy_address at;
	enum proxy_protocol protocol;
	bool external, failed;
	bool left_out; /* some of its endpoints, and it was told */
	bool wanted;   /* while a plan is compared */
	unsigned failures;
	uint64_t timer;
	struct bytes *told; /* PROXY_LISTEN's payload */
	struct listener *next; /* of its service */
};

struct service {
	char *key; /* "default/db" */
	struct omap slices; /* keys of its slices */
	struct listener *listeners;
};

struct proxy {
	struct view *services, *slices;
	int port;
	struct proxy_address node_ports_at[PROXY_NODE_ADDRESSES_MAX + 1];
	struct omap known;     /* "default/db" -> struct service */
	struct omap listeners; /* id -> struct listener */
	size_t failed; /* of the listeners */
	uint64_t next_id;
	struct bytes *api; /* PROXY_LISTEN's payload; NULL: there is none */
	unsigned api_failures;
	struct plane_counters counters; /* as last told */
};

static struct listener *listener_by_id(const struct proxy *p, uint64_t id)
{
	return omap_get_u64(&p->listeners, id);
}

/* ---- apply: which slices a service has */

static bool both_synced(const struct proxy *p)
{
	return view_synced(p->services) && view_synced(p->slices);
}

static struct mp object_of(const struct view_object *o)
{
	return mp_of_bytes(o->value);
}

/* "default/db" of a slice; empty: it is no service's. */
static struct span service_key(struct arena *a, const struct view_object *slice)
{
	struct mp labels, label;
	struct span name = {0}, ns;
	if (!slice || !mp_path(object_of(slice), "metadata.labels", &labels) ||
	    !mp_find(labels, "kubernetes.io/service-name", &label) || mp_str(&label, &name) ||
	    !name.len)
		return (struct span){0};
	ns = mp_path_str(object_of(slice), "metadata.namespace");
	return span_of(arena_printf(a, "%.*s/%.*s", (int)ns.len, (const char *)ns.data,
				    (int)name.len, (const char *)name.data));
}

static struct service *need_service(struct proxy *p, struct span key)
{
	struct service *s = omap_get(&p->known, key);
	if (s)
		return s;
	s = mem_alloc(sizeof *s);
	s->key = mem_ndup(key.data, key.len);
	omap_put(&p->known, key, s);
	return s;
}

static void apply_slice(struct proxy *p, struct span service, struct span slice, bool there)
{
	struct service *s = there ? need_service(p, service) : omap_get(&p->known, service);
	if (there)
		omap_put(&s->slices, slice, s);
	else if (s)
		omap_remove(&s->slices, slice);
}

static void apply_all_slices(struct proxy *p, struct arena *a)
{
	for (struct onode *n = omap_first(&p->known); n; n = omap_next(n))
		omap_fini(&((struct service *)n->value)->slices, NULL);
	for (struct onode *n = omap_first(view_map(p->slices)); n; n = omap_next(n)) {
		struct span key = service_key(a, n->value);
		if (key.len)
			apply_slice(p, key, onode_key(n), true);
	}
}

/* ---- plan */

static struct view_object *service_object(const struct proxy *p, const struct service *s)
{
	char key[STORE_KEY_BYTES_MAX];
	snprintf(key, sizeof key, "services/%s", s->key);
	return view_get(p->services, span_of(key));
}

/* A view may be ahead of the changes that we were told: what it has counts. */
static void plan(const struct proxy *p, const struct service *s, struct arena *a,
		 struct proxy_plan *out)
{
	struct view_object *service = service_object(p, s);
	struct mp *slices = arena_alloc(a, (s->slices.count + 1) * sizeof *slices);
	size_t count = 0;
	*out = (struct proxy_plan){0};
	if (!service)
		return;
	for (struct onode *n = omap_first(&s->slices); n; n = omap_next(n)) {
		struct view_object *o = view_get(p->slices, onode_key(n));
		if (o && span_is(service_key(a, o), s->key))
			slices[count++] = object_of(o);
	}
	proxy_plan_service(a, p->node_ports_at, object_of(service), slices, count, out);
}

static struct bytes *listen_payload(const struct service *s, const struct proxy_listener *l)
{
	struct buf b = {0};
	char text[PROXY_ADDRESS_TEXT_MAX];
	mpw_map(&b, 6);
	mpw_kv_str(&b, "service", s->key);
	proxy_address_ip(&l->at, text);
	mpw_kv_str(&b, "address", text);
	mpw_kv_u64(&b, "port", l->at.port);
	mpw_kv_u64(&b, "protocol", l->protocol);
	mpw_kv_u64(&b, "affinity_s", l->affinity_s);
	mpw_str(&b, "endpoints");
	mpw_array(&b, l->endpoint_count);
	for (size_t i = 0; i < l->endpoint_count; i++) {
		proxy_address_ip(&l->endpoints[i], text);
		mpw_array(&b, 2);
		mpw_str(&b, text);
		mpw_u64(&b, l->endpoints[i].port);
	}
	return bytes_take(&b);
}

/* ---- act */

static void act_event(struct ctx *c, const struct proxy *p, const struct service *s,
		      const char *reason, struct span message)
{
	struct view_object *o = service_object(p, s);
	struct buf b = {0};
	if (!o)
		return;
	if (message.len > MESSAGE_BYTES)
		message.len = MESSAGE_BYTES;
	mpw_map(&b, 8);
	mpw_kv_str(&b, "kind", "Service");
	mpw_kv_span(&b, "namespace", mp_path_str(object_of(o), "metadata.namespace"));
	mpw_kv_span(&b, "name", mp_path_str(object_of(o), "metadata.name"));
	mpw_kv_span(&b, "uid", mp_path_str(object_of(o), "metadata.uid"));
	mpw_kv_str(&b, "type", "Warning");
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_span(&b, "message", message);
	mpw_kv_str(&b, "component", "service-proxy");
	ctx_send(c, "gate", "event.record", &b, 0);
}

static void act_listen(struct ctx *c, struct proxy *p, struct listener *l)
{
	ctx_port_call(c, p->port, PROXY_LISTEN, l->id, 0, bytes_ref(l->told));
}

static void stop_timer(struct ctx *c, struct listener *l)
{
	if (l->timer)
		ctx_cancel(c, l->timer);
	l->timer = 0;
}

static void end_failure(struct ctx *c, struct proxy *p, struct listener *l)
{
	stop_timer(c, l);
	p->failed -= l->failed;
	l->failed = false;
	l->failures = 0;
}

static void act_retry(struct ctx *c, struct proxy *p, struct listener *l)
{
	stop_timer(c, l);
	act_listen(c, p, l);
}

/* Who waits for the address that is free now. */
static void act_address_left(struct ctx *c, struct proxy *p, const struct listener *left)
{
	for (struct onode *n = p->failed ? omap_first(&p->listeners) : NULL; n; n = omap_next(n)) {
		struct listener *l = n->value;
		if (l->failed && l->protocol == left->protocol &&
		    proxy_address_cmp(&l->at, &left->at) == 0)
			act_retry(c, p, l);
	}
}

static void listener_free(struct listener *l)
{
	bytes_unref(l->told);
	free(l);
}

static void act_close(struct ctx *c, struct proxy *p, struct listener *l)
{
	ctx_port_call(c, p->port, PROXY_CLOSE, l->id, 0, NULL);
	end_failure(c, p, l);
	omap_remove_u64(&p->listeners, l->id);
	act_address_left(c, p, l);
	listener_free(l);
}

static struct listener *find_listener(const struct service *s, const struct proxy_listener *w)
{
	struct listener *l = s->listeners;
	while (l && (l->protocol != w->protocol || proxy_address_cmp(&l->at, &w->at) != 0))
		l = l->next;
	return l;
}

static struct listener *new_listener(struct proxy *p, struct service *s,
				     const struct proxy_listener *w)
{
	struct listener *l = mem_alloc(sizeof *l);
	l->id = ++p->next_id;
	l->service = s;
	l->at = w->at;
	l->protocol = w->protocol;
	l->next = s->listeners;
	s->listeners = l;
	omap_put_u64(&p->listeners, l->id, l);
	return l;
}

static void act_left_out(struct ctx *c, struct proxy *p, struct listener *l,
			 const struct proxy_listener *w)
{
	char text[200];
	if (w->left_out && !l->left_out) {
		snprintf(text, sizeof text, "%zu of %zu endpoints get no connections: too many",
			 w->left_out, w->left_out + w->endpoint_count);
		act_event(c, p, l->service, "EndpointsLeftOut", span_of(text));
	}
	l->left_out = w->left_out > 0;
}

static void act_change(struct ctx *c, struct proxy *p, struct service *s,
		       const struct proxy_listener *w)
{
	struct listener *l = find_listener(s, w);
	struct bytes *payload = listen_payload(s, w);
	if (!l)
		l = new_listener(p, s, w);
	l->wanted = true;
	l->external = w->external;
	act_left_out(c, p, l, w);
	if (l->told && span_eq(bytes_span(l->told), bytes_span(payload))) {
		bytes_unref(payload);
		return;
	}
	bytes_unref(l->told);
	l->told = payload;
	act_listen(c, p, l);
	if (w->endpoint_count)
		return;
	end_failure(c, p, l); /* nothing will be opened */
	act_address_left(c, p, l);
}

static void act_close_unwanted(struct ctx *c, struct proxy *p, struct service *s)
{
	struct listener **at = &s->listeners;
	while (*at) {
		struct listener *l = *at;
		if (l->wanted) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		act_close(c, p, l);
	}
}

static void service_free(void *ptr)
{
	struct service *s = ptr;
	while (s->listeners) {
		struct listener *l = s->listeners;
		s->listeners = l->next;
		listener_free(l);
	}
	omap_fini(&s->slices, NULL);
	free(s->key);
	free(s);
}

/* Leaves go first: an address may pass from one listener to another. */
static void act_service(struct ctx *c, struct proxy *p, struct service *s)
{
	struct proxy_plan want;
	plan(p, s, ctx_arena(c), &want);
	for (struct listener *l = s->listeners; l; l = l->next)
		l->wanted = false;
	for (size_t i = 0; i < want.count; i++) {
		struct listener *l = find_listener(s, &want.listeners[i]);
		if (l)
			l->wanted = true;
	}
	act_close_unwanted(c, p, s);
	for (size_t i = 0; i < want.count; i++)
		act_change(c, p, s, &want.listeners[i]);
	if (!s->listeners && !s->slices.count && !service_object(p, s)) {
		omap_remove(&p->known, span_of(s->key));
		service_free(s);
	}
}

static void act_key(struct ctx *c, struct proxy *p, struct span key)
{
	struct service *s = key.len ? omap_get(&p->known, key) : NULL;
	if (s)
		act_service(c, p, s);
}

static void act_all(struct ctx *c, struct proxy *p)
{
	struct onode *next;
	for (struct onode *n = omap_first(view_map(p->services)); n; n = omap_next(n)) {
		struct span key = onode_key(n), prefix = span_of("services/");
		need_service(p, (struct span){key.data + prefix.len, key.len - prefix.len});
	}
	for (struct onode *n = omap_first(&p->known); n; n = next) {
		next = omap_next(n);
		act_service(c, p, n->value);
	}
}

/* ---- turns */

static void on_service_change(struct ctx *c, struct proxy *p, const struct view_change *v)
{
	struct span prefix = span_of("services/");
	struct span key = {v->key.data + prefix.len, v->key.len - prefix.len};
	if (v->now)
		need_service(p, key);
	act_key(c, p, key);
}

static void on_slice_change(struct ctx *c, struct proxy *p, const struct view_change *v)
{
	struct span was = service_key(ctx_arena(c), v->was);
	struct span now = service_key(ctx_arena(c), v->now);
	if (was.len && !span_eq(was, now)) {
		apply_slice(p, was, v->key, false);
		act_key(c, p, was);
	}
	if (now.len)
		apply_slice(p, now, v->key, true);
	act_key(c, p, now);
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct proxy *p = state;
	if (!both_synced(p))
		return 0; /* the last one to be complete brings everything */
	if (!v->key.len) {
		apply_all_slices(p, ctx_arena(c));
		act_all(c, p);
	} else if (v->view == p->services) {
		on_service_change(c, p, v);
	} else {
		on_slice_change(c, p, v);
	}
	return 0;
}

static uint64_t backoff_us(unsigned failures)
{
	uint64_t us = RETRY_FIRST_US;
	for (unsigned i = 1; i < failures && us < RETRY_LAST_US; i++)
		us *= 2;
	return us < RETRY_LAST_US ? us : RETRY_LAST_US;
}

static void on_failed(struct ctx *c, struct proxy *p, struct listener *l,
		      const struct port_event *e)
{
	struct span text = mp_path_str(mp_of_bytes(e->payload), "text");
	int code = -(int)e->arg;
	stop_timer(c, l);
	p->failed += !l->failed;
	l->failed = true;
	l->failures++;
	bool absent = code == ERR_NOT_FOUND;
	bool soon = absent && !l->external && l->failures <= SOON_MAX;
	if (!soon && !(l->external && absent)) {
		log_warn("service-proxy", "%s: %.*s", l->service->key, (int)text.len,
			 (const char *)text.data);
		act_event(c, p, l->service, "FailedToBind", text);
	}
	unsigned counted = absent && !l->external ? l->failures - SOON_MAX : l->failures;
	if (code != ERR_UNSUPPORTED)
		l->timer = ctx_timer(c, soon ? SOON_US : backoff_us(counted), l->id);
}

static void on_counters(struct proxy *p, struct mp body)
{
#define READ(name) p->counters.name = (uint64_t)mp_path_int(body, #name, 0);
	PLANE_COUNTERS(READ)
#undef READ
}

static void act_api(struct ctx *c, const struct proxy *p)
{
	if (p->api)
		ctx_port_call(c, p->port, PROXY_LISTEN, API_ID, 0, bytes_ref(p->api));
}

static int on_port(struct ctx *c, void *state, const struct port_event *e)
{
	struct proxy *p = state;
	struct listener *l = listener_by_id(p, e->id);
	if (e->op == PROXY_FAILED && e->id == API_ID) /* the node has no such address yet */
		ctx_timer(c, ++p->api_failures <= SOON_MAX ? SOON_US : API_RETRY_US, API_ID);
	else if (e->op == PROXY_COUNTERS)
		on_counters(p, mp_of_bytes(e->payload));
	else if (e->op == PROXY_FAILED && l)
		on_failed(c, p, l, e);
	else if (e->op == PROXY_BOUND && l)
		end_failure(c, p, l);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct proxy *p = state;
	struct listener *l = listener_by_id(p, tag);
	if (tag == API_ID)
		act_api(c, p);
	if (!l)
		return 0;
	l->timer = 0;
	if (l->failed)
		act_listen(c, p, l);
	return 0;
}

/* ---- life */

/* An API that listens on the machine's loopback has an address for pods, too. */
static void read_api(struct proxy *p, struct mp cfg)
{
	struct proxy_address at, to;
	int64_t port = mp_path_int(cfg, "api.port", 0);
	struct proxy_listener l = {.protocol = PROXY_TCP, .endpoints = &to, .endpoint_count = 1};
	struct service s = {.key = (char *)(uintptr_t)"default/kubernetes"};
	if (!proxy_address_parse(mp_path_str(cfg, "api.address"), (uint16_t)port, &at) ||
	    !proxy_address_parse(mp_path_str(cfg, "api.target"), (uint16_t)port, &to))
		return;
	l.at = at;
	p->api = listen_payload(&s, &l);
}

static bool read_node_ports(struct ctx *c, struct proxy *p, struct span list)
{
	struct span one;
	size_t n = 0;
	if (!list.len)
		list = span_of("127.0.0.1");
	while (span_next(&list, ',', &one))
		if (n == PROXY_NODE_ADDRESSES_MAX ||
		    !proxy_address_parse(one, 0, &p->node_ports_at[n++])) {
			ctx_why(c, "node-port-address '%.*s' is no IP address, or one too many",
				(int)one.len, (const char *)one.data);
			return false;
		}
	return true;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct proxy *p = state;
	struct err e = {0};
	p->port = -1;
	if (!read_node_ports(c, p, mp_path_str(cfg, "node-port-address")))
		return ERR_INVALID;
	p->port = ctx_port_open(c, "proxy-userspace", cfg, &e);
	if (p->port < 0) {
		ctx_why(c, "%s", e.text);
		return p->port;
	}
	read_api(p, cfg);
	act_api(c, p);
	p->services = ctx_follow(c, "services");
	p->slices = ctx_follow(c, "endpointslices.discovery.k8s.io");
	return 0;
}

static int check(const void *state, struct err *why)
{
	const struct proxy *p = state;
	size_t count = 0, failed = 0;
	for (struct onode *n = omap_first(&p->known); n; n = omap_next(n)) {
		const struct service *s = n->value;
		for (const struct listener *l = s->listeners; l; l = l->next, count++) {
			failed += l->failed;
			if (listener_by_id(p, l->id) != l || l->service != s || !l->told)
				return err_set(why, ERR_INVALID, "%s: a stray listener", s->key);
			for (const struct listener *k = l->next; k; k = k->next)
				if (k->protocol == l->protocol &&
				    proxy_address_cmp(&k->at, &l->at) == 0)
					return err_set(why, ERR_INVALID, "%s: twice", s->key);
		}
	}
	return count == p->listeners.count && failed == p->failed
		       ? 0 : err_set(why, ERR_INVALID, "a listener without a service");
}

static void inspect(const void *state, struct buf *out)
{
	const struct proxy *p = state;
	size_t n = 2, at = mpw_map_open(out);
	mpw_kv_u64(out, "listeners", p->listeners.count);
	mpw_kv_u64(out, "listeners_failed", p->failed);
#define PUT(name) n++, mpw_kv_u64(out, #name, p->counters.name);
	PLANE_COUNTERS(PUT)
#undef PUT
	mpw_map_close(out, at, n);
}

static void fini(void *state)
{
	struct proxy *p = state;
	omap_fini(&p->listeners, NULL);
	omap_fini(&p->known, service_free);
	bytes_unref(p->api);
}

const struct actor_spec service_proxy_actor = {
	.kind = "service-proxy",
	.state_bytes = sizeof(struct proxy),
	.init = init,
	.on_view = on_view,
	.on_timer = on_timer,
	.on_port = on_port,
	.check = check,
	.inspect = inspect,
	.fini = fini,
};
