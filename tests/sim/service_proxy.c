/* The service proxy under the simulator: a user who makes, changes and deletes
 * services (some of one address) and slices, a data plane that is a ledger of
 * what it was told and sometimes fails, and every kind of fault.
 *
 * At every call: a listener's address never changes, only what is there is
 * closed, a plane is never opened before the former one was closed. Once the
 * faults stop: the plane has what a plan over the store's own view has, no
 * more and no less; what can listen does; and one seed is one history. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/gate/messages.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/port.h"
#include "actors/runtime/sim.h"
#include "actors/runtime/store_actor.h"
#include "actors/runtime/view.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/proxy/proxy_plan.h"
#include "nodes/proxy/proxy_port.h"
#include "nodes/proxy/service_proxy.h"
#include "tests/lib/seeds.h"

enum { SEEDS = 200, SERVICES = 6, SLICES = 9, ADDRESSES = 5, FAULTS = 10 };

#define SLICE_STREAM "endpointslices.discovery.k8s.io"

/* ---- what is outside of the actors */

struct told {
	struct bytes *payload;
	bool bound;
};

struct ledger {
	struct omap plane; /* id, eight bytes -> struct told */
	bool open, settle, spoken; /* spoken: the open plane was told something */
	struct sim *sim;
	uint64_t random, events, opened, accepted;
};

static uint64_t draw(struct ledger *l, uint64_t below)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random % below;
}

/* ---- the data plane */

/* Half of the slices would send everybody to half of the endpoints. */
static void expect_complete_views(struct ledger *l)
{
	struct cell *node = sim_cell(l->sim, "node");
	cr_assert(l->spoken || (view_synced(cell_view(node, "services")) &&
				view_synced(cell_view(node, SLICE_STREAM))),
		  "something is opened before all is known");
	l->spoken = true;
}

static void told_free(void *p)
{
	struct told *t = p;
	bytes_unref(t->payload);
	free(t);
}

/* "127.96.0.1:80/0" */
static const char *place_of(struct bytes *payload, char out[100])
{
	struct mp m = mp_of_bytes(payload);
	struct span at = mp_path_str(m, "address");
	snprintf(out, 100, "%.*s:%lld/%lld", (int)at.len, (const char *)at.data,
		 (long long)mp_path_int(m, "port", 0), (long long)mp_path_int(m, "protocol", 0));
	return out;
}

static size_t endpoints_of(struct bytes *payload)
{
	struct mp list;
	size_t n = 0;
	return mp_find(mp_of_bytes(payload), "endpoints", &list) &&
		       mp_array(&list, &n) == 0 ? n : 0;
}

static bool in_use(const struct ledger *l, const char *place)
{
	char other[100];
	for (struct onode *n = omap_first(&l->plane); n; n = omap_next(n)) {
		struct told *t = n->value;
		if (t->bound && strcmp(place_of(t->payload, other), place) == 0)
			return true;
	}
	return false;
}

static void fail(struct port *p, uint64_t id, int code)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", err_text(code));
	port_deliver(p, PROXY_FAILED, id, (uint32_t)-code, bytes_take(&b));
}

static void bind_told(struct port *p, struct ledger *l, uint64_t id, struct told *t)
{
	char place[100];
	if (!endpoints_of(t->payload))
		t->bound = false;
	else if (!t->bound && in_use(l, place_of(t->payload, place)))
		fail(p, id, ERR_BUSY);
	else if (!t->bound && !l->settle && draw(l, 5) == 0)
		fail(p, id, ERR_IO);
	else if (!t->bound) {
		t->bound = true;
		port_deliver(p, PROXY_BOUND, id, 0, NULL);
	}
}

/* What `inspect` must show then. */
static void tell_counters(struct port *p, struct ledger *l)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "accepted", ++l->accepted);
	port_deliver(p, PROXY_COUNTERS, 0, 0, bytes_take(&b));
}

static void plane_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg,
		       struct bytes *payload)
{
	struct ledger *l = p->state;
	struct span key = {(const uint8_t *)&id, sizeof id};
	struct told *t = omap_get(&l->plane, key);
	char was[100], is[100];
	(void)arg;
	expect_complete_views(l);
	if (op == PROXY_CLOSE) {
		cr_assert_not_null(t, "closes what is not there");
		told_free(omap_remove(&l->plane, key));
		return;
	}
	cr_assert_eq(op, PROXY_LISTEN);
	if (!t) {
		t = mem_alloc(sizeof *t);
		omap_put(&l->plane, key, t);
	} else {
		cr_assert_str_eq(place_of(t->payload, was), place_of(payload, is));
	}
	bytes_unref(t->payload);
	t->payload = bytes_ref(payload);
	bind_told(p, l, id, t);
	tell_counters(p, l);
}

static int plane_open(struct port *p, struct mp cfg, struct err *e)
{
	struct ledger *l = p->state = p->shared(p, "ledger");
	(void)cfg, (void)e;
	cr_assert_not(l->open, "the former plane was not closed");
	l->open = true;
	l->spoken = false;
	l->opened++;
	return 0;
}

static void plane_close(struct port *p)
{
	struct ledger *l = p->state;
	l->open = false;
	omap_fini(&l->plane, told_free);
}

static const struct port_driver plane_driver = {
	.name = "proxy-userspace",
	.open = plane_open,
	.call = plane_call,
	.close = plane_close,
};

/* ---- a gate that only hears of failures */

static int gate_event(struct ctx *c, void *st, const struct msg *m)
{
	struct ledger *l = ctx_shared(c, "ledger");
	(void)st;
	cr_assert(span_is(mp_path_str(m->body, "kind"), "Service"));
	cr_assert(span_is(mp_path_str(m->body, "reason"), "FailedToBind"));
	l->events++;
	return 0;
}

static const struct actor_handler gate_handlers[] = {{"event.record", gate_event}, {NULL, NULL}};
static const struct actor_spec gate_spec = {.kind = "gate", .handlers = gate_handlers};

/* ---- the user: straight into the store */

static void put_metadata(struct buf *b, const char *name, int service)
{
	char text[32];
	mpw_str(b, "metadata");
	mpw_map(b, service >= 0 ? 3 : 2);
	mpw_kv_str(b, "name", name);
	mpw_kv_str(b, "namespace", "default");
	if (service < 0)
		return;
	mpw_str(b, "labels");
	mpw_map(b, 1);
	snprintf(text, sizeof text, "svc%d", service);
	mpw_kv_str(b, "kubernetes.io/service-name", text);
}

static void put_service(struct ctx *c, struct buf *b, const char *name)
{
	char text[32];
	snprintf(text, sizeof text, "127.96.0.%d", 1 + (int)(ctx_random(c) % ADDRESSES));
	mpw_map(b, 2);
	put_metadata(b, name, -1);
	mpw_str(b, "spec");
	mpw_map(b, 3);
	mpw_kv_str(b, "clusterIP", ctx_random(c) % 8 ? text : "None");
	mpw_kv_str(b, "sessionAffinity", ctx_random(c) % 3 ? "None" : "ClientIP");
	mpw_str(b, "ports");
	size_t n = 1 + ctx_random(c) % 2;
	mpw_array(b, n);
	for (size_t i = 0; i < n; i++) {
		mpw_map(b, 2);
		mpw_kv_str(b, "name", i ? "b" : "a");
		mpw_kv_u64(b, "port", 80 + i);
	}
}

static void put_slice(struct ctx *c, struct buf *b, const char *name)
{
	char text[32];
	mpw_map(b, 3);
	put_metadata(b, name, (int)(ctx_random(c) % SERVICES));
	mpw_str(b, "ports");
	mpw_array(b, 2);
	for (size_t i = 0; i < 2; i++) {
		mpw_map(b, 2);
		mpw_kv_str(b, "name", i ? "b" : "a");
		mpw_kv_u64(b, "port", 8080 + i);
	}
	mpw_str(b, "endpoints");
	size_t n = ctx_random(c) % 4;
	mpw_array(b, n);
	for (size_t i = 0; i < n; i++) {
		mpw_map(b, 2);
		snprintf(text, sizeof text, "127.1.0.%d", (int)(ctx_random(c) % 8));
		mpw_str(b, "addresses");
		mpw_array(b, 1);
		mpw_str(b, text);
		mpw_str(b, "conditions");
		mpw_map(b, 1);
		mpw_kv_bool(b, "ready", ctx_random(c) % 4 != 0);
	}
}

static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	const struct ledger *l = ctx_shared(c, "ledger");
	bool service = ctx_random(c) % 3 == 0;
	char key[100], name[16];
	struct buf b = {0};
	(void)st, (void)tag;
	ctx_timer(c, 1000 + ctx_random(c) % 40000, 0);
	if (l->settle)
		return 0;
	snprintf(name, sizeof name, service ? "svc%d" : "slice%d",
		 (int)(ctx_random(c) % (service ? SERVICES : SLICES)));
	snprintf(key, sizeof key, "%s/default/%s", service ? "services" : SLICE_STREAM, name);
	struct store_op op = {.verb = ctx_random(c) % 5 ? STORE_PUT : STORE_DELETE,
			      .key = span_of(key)};
	(service ? put_service : put_slice)(c, &b, name);
	op.value = bytes_take(&b);
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	ctx_txn(c, &t, 0);
	bytes_unref(op.value);
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_timer(c, 1000, 0);
	return 0;
}

static const struct actor_spec user_spec = {
	.kind = "user",
	.state_bytes = 1,
	.init = user_init,
	.on_timer = user_timer,
};

/* ---- two services of one address; later the one that has it goes */

enum { HEIR_AT_US = 4500000 };

static struct store_op heir_put(const char *stream, const char *name, int service)
{
	static char keys[4][100];
	struct buf b = {0};
	bool slice = strcmp(stream, SLICE_STREAM) == 0;
	char *key = keys[service * 2 + slice];
	snprintf(key, 100, "%s/default/%s", stream, name);
	mpw_map(&b, slice ? 3 : 2);
	put_metadata(&b, name, slice ? service : -1);
	if (!slice) {
		mpw_str(&b, "spec");
		mpw_map(&b, 2);
		mpw_kv_str(&b, "clusterIP", "127.96.0.1");
	}
	mpw_str(&b, "ports");
	mpw_array(&b, 1);
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "port", 80);
	if (slice) {
		mpw_str(&b, "endpoints");
		mpw_array(&b, 1);
		mpw_map(&b, 1);
		mpw_str(&b, "addresses");
		mpw_array(&b, 1);
		mpw_str(&b, "127.1.0.1");
	}
	return (struct store_op){.verb = STORE_PUT, .key = span_of(key), .value = bytes_take(&b)};
}

static int heir_init(struct ctx *c, void *st, struct mp cfg)
{
	struct store_op ops[] = {
		heir_put("services", "svc0", 0), heir_put("services", "svc1", 1),
		heir_put(SLICE_STREAM, "slice0", 0), heir_put(SLICE_STREAM, "slice1", 1)};
	struct store_txn t = {.then_ops = ops, .then_count = 4};
	(void)st, (void)cfg;
	ctx_txn(c, &t, 0);
	for (size_t i = 0; i < 4; i++)
		bytes_unref(ops[i].value);
	ctx_timer(c, HEIR_AT_US, 0);
	return 0;
}

static int heir_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct store_op op = {.verb = STORE_DELETE, .key = span_of("services/default/svc0")};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	(void)st, (void)tag;
	ctx_txn(c, &t, 0);
	return 0;
}

static const struct actor_spec heir_spec = {
	.kind = "heir", .state_bytes = 1, .init = heir_init, .on_timer = heir_timer};

/* The core's own views, to compare with. */
static int witness_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_follow(c, "services");
	ctx_follow(c, SLICE_STREAM);
	return 0;
}

static const struct actor_spec witness_spec = {
	.kind = "witness", .state_bytes = 1, .init = witness_init};

/* ---- the cluster */

static const struct actor_spec *const kinds[] = {
	&store_actor,  &gate_spec,	     &user_spec, &heir_spec,
	&witness_spec, &service_proxy_actor, NULL};
static const struct port_driver *const drivers[] = {&plane_driver, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &gate_messages, NULL};
static const struct catalogue catalogue = {tables};

static const struct {
	const char *cell, *actor;
} members[] = {{"core", "store"},    {"core", "witness"},      {"core", "gate"},
	       {"user", "user"},     {"node", "service-proxy"}};
enum { MEMBERS = sizeof members / sizeof *members };

static void refill(void *arg, struct cell *c)
{
	struct buf b = {0};
	(void)arg;
	mpw_map(&b, 0);
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(members[i].cell, cell_name(c)) == 0)
			cr_assert_eq(cell_add_actor(c, members[i].actor, members[i].actor,
						    mp_of(span_buf(&b)), NULL), 0);
	buf_fini(&b);
}

struct run {
	struct sim *sim;
	struct ledger ledger;
};

static void one_fault(struct run *r)
{
	static const char *const cells[] = {"core", "user", "node", "node"};
	const char *cell = cells[sim_random(r->sim) % 4];
	size_t who = sim_random(r->sim) % MEMBERS;
	switch (sim_random(r->sim) % 4) {
	case 0:
		sim_crash_actor(r->sim, members[who].cell, members[who].actor);
		break;
	case 1:
		sim_crash_cell(r->sim, cell, refill, NULL);
		break;
	case 2:
		sim_restart_broker(r->sim);
		break;
	default:
		sim_partition(r->sim, cell, sim_random(r->sim) & 1);
	}
}

/* ---- what must be so in the end */

static struct told *find_told(const struct ledger *l, const char *service, const char *place)
{
	char at[100];
	for (struct onode *n = omap_first(&l->plane); n; n = omap_next(n)) {
		struct told *t = n->value;
		if (span_is(mp_path_str(mp_of_bytes(t->payload), "service"), service) &&
		    strcmp(place_of(t->payload, at), place) == 0)
			return t;
	}
	return NULL;
}

static bool same_endpoints(struct bytes *payload, const struct proxy_listener *l)
{
	struct mp m = mp_of_bytes(payload), list;
	size_t n = 0, two;
	if (!mp_find(m, "endpoints", &list) || mp_array(&list, &n) || n != l->endpoint_count)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct proxy_address at;
		struct span ip;
		int64_t port;
		if (mp_array(&list, &two) || mp_str(&list, &ip) || mp_i64(&list, &port) ||
		    !proxy_address_parse(ip, (uint16_t)port, &at) ||
		    proxy_address_cmp(&at, &l->endpoints[i]) != 0)
			return false;
	}
	return (uint32_t)mp_path_int(m, "affinity_s", -1) == l->affinity_s;
}

static size_t slices_of(struct view *slices, struct span name, struct mp *out)
{
	size_t count = 0;
	for (struct onode *n = omap_first(view_map(slices)); n; n = omap_next(n)) {
		struct mp slice = mp_of(bytes_span(((struct view_object *)n->value)->value)), label;
		struct span text;
		if (mp_path(slice, "metadata.labels", &label) &&
		    mp_find(label, "kubernetes.io/service-name", &label) &&
		    mp_str(&label, &text) == 0 && span_eq(text, name))
			out[count++] = slice;
	}
	return count;
}

static const char *wrong_listener(const struct ledger *l, struct span service,
				  const struct proxy_listener *want)
{
	char key[100], at[PROXY_ADDRESS_TEXT_MAX], place[100];
	snprintf(key, sizeof key, "default/%.*s", (int)service.len, (const char *)service.data);
	proxy_address_text(&want->at, at);
	snprintf(place, sizeof place, "%s/%d", at, want->protocol);
	struct told *t = find_told(l, key, place);
	if (!t)
		return "a listener is missing";
	if (!same_endpoints(t->payload, want))
		return "a listener has other endpoints";
	return want->endpoint_count && !in_use(l, place) ? "nobody listens where one could" : NULL;
}

static const char *wrong_inspect(struct run *r)
{
	void *state = cell_actor_state(sim_cell(r->sim, "node"), "service-proxy");
	struct buf b = {0};
	if (!state)
		return "the proxy is down";
	service_proxy_actor.inspect(state, &b);
	struct mp m = mp_of(span_buf(&b));
	bool right = mp_check(span_buf(&b), NULL) == 0 &&
		     mp_path_int(m, "listeners", -1) == (int64_t)r->ledger.plane.count &&
		     (!r->ledger.plane.count ||
		      mp_path_int(m, "accepted", -1) == (int64_t)r->ledger.accepted);
	buf_fini(&b);
	return right ? NULL : "inspect shows something else";
}

/* NULL: all is as it must be. */
static const char *unfinished(struct run *r)
{
	struct view *services = cell_view(sim_cell(r->sim, "core"), "services");
	struct view *slices = cell_view(sim_cell(r->sim, "core"), SLICE_STREAM);
	struct proxy_address node_ports_at[2] = {{0}};
	const char *why = NULL;
	struct arena a = {0};
	size_t count = 0;
	if (!services || !slices || !view_synced(services) || !view_synced(slices))
		return "the core's views are not synced";
	proxy_address_parse(span_of("127.0.0.1"), 0, &node_ports_at[0]);
	for (struct onode *n = omap_first(view_map(services)); n && !why; n = omap_next(n)) {
		struct mp service = mp_of(bytes_span(((struct view_object *)n->value)->value));
		struct span name = mp_path_str(service, "metadata.name");
		struct mp list[SLICES];
		struct proxy_plan plan;
		proxy_plan_service(&a, node_ports_at, service, list, slices_of(slices, name, list),
				   &plan);
		for (size_t i = 0; i < plan.count && !why; i++, count++)
			why = wrong_listener(&r->ledger, name, &plan.listeners[i]);
	}
	arena_fini(&a);
	if (!why && count != r->ledger.plane.count)
		why = "a listener too many";
	return why ? why : wrong_inspect(r);
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(service_proxy, .init = quiet);

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "ledger") == 0 ? arg : NULL;
}

static void begin(struct run *r, uint64_t seed, bool faults)
{
	struct sim_config cfg = {
		.seed = seed,
		.catalogue = &catalogue,
		.kinds = kinds,
		.drivers = drivers,
		.latency_min_us = 20,
		.latency_max_us = 3000,
		.bus_loss_permille = faults ? 100 : 0,
		.link_loss_permille = faults ? 20 : 0,
		.sync_min_us = 100,
		.sync_max_us = 4000,
		.shared = shared,
		.shared_arg = &r->ledger,
	};
	r->ledger.random = seed * 2654435761u + 1;
	r->sim = r->ledger.sim = sim_new(&cfg);
	refill(NULL, sim_cell(r->sim, "core"));
	refill(NULL, sim_cell(r->sim, "node"));
}

static uint64_t run_seed(uint64_t seed, bool faults, struct ledger *out)
{
	struct run r = {0};
	const char *why = "it was not asked";
	begin(&r, seed, faults);
	refill(NULL, sim_cell(r.sim, "user"));
	for (int i = 0; i < FAULTS; i++) {
		sim_run(r.sim, sim_now_us(r.sim) + 20000 + sim_random(r.sim) % 400000, NULL, NULL);
		if (faults)
			one_fault(&r);
	}
	sim_heal(r.sim);
	r.ledger.settle = true;
	for (int i = 0; why && i < 400; i++) {
		sim_run(r.sim, sim_now_us(r.sim) + 1000000, NULL, NULL);
		why = unfinished(&r);
	}
	cr_assert_null(why, "seed %llu does not converge: %s", (unsigned long long)seed, why);
	uint64_t digest = sim_digest(r.sim);
	*out = r.ledger;
	sim_free(r.sim);
	return digest;
}

Test(service_proxy, tells_the_plane_what_services_and_slices_mean)
{
	struct ledger l = {0};
	uint64_t a = run_seed(1, false, &l), b = run_seed(1, false, &l);
	cr_expect_eq(a, b, "one seed is one history");
	cr_expect_eq(l.opened, 1);
	cr_expect_gt(l.events, 0, "what could not listen was told");
}

static bool svc1_listens(const struct ledger *l)
{
	const struct told *t = find_told(l, "default/svc1", "127.96.0.1:80/0");
	return t && t->bound;
}

static bool svc1_failed(void *arg)
{
	return ((const struct ledger *)arg)->events == 3;
}

static bool svc0_closed(void *arg)
{
	return !find_told(arg, "default/svc0", "127.96.0.1:80/0");
}

/* Its tries: at first, 1 s, 3 s and, by its own clock only, 7 s later. */
Test(service_proxy, an_address_that_is_left_goes_to_who_waits_for_it_at_once)
{
	struct run r = {.ledger.settle = true};
	uint8_t none = 0x80; /* the empty map */
	begin(&r, 1, false);
	cr_assert_eq(cell_add_actor(sim_cell(r.sim, "user"), "heir", "heir",
				    mp_of((struct span){&none, 1}), NULL), 0);
	cr_expect(sim_run(r.sim, 2 * HEIR_AT_US, svc1_failed, &r.ledger));
	cr_expect_not(svc0_closed(&r.ledger));
	cr_expect_not(svc1_listens(&r.ledger));
	cr_expect(sim_run(r.sim, 2 * HEIR_AT_US, svc0_closed, &r.ledger));
	cr_expect(svc1_listens(&r.ledger));
	sim_free(r.sim);
}

Test(service_proxy, converges_after_every_kind_of_fault_and_replays_the_same)
{
	struct seed_range r = seed_range(SEEDS);
	uint64_t opened = 0;
	for (uint64_t seed = r.first; seed < r.first + r.count; seed++) {
		struct ledger l = {0};
		uint64_t a = run_seed(seed, true, &l), b = run_seed(seed, true, &l);
		cr_assert_eq(a, b, "seed %llu has two histories", (unsigned long long)seed);
		opened += l.opened;
	}
	cr_expect_gt(opened, r.count, "the proxy was restarted now and then");
}
