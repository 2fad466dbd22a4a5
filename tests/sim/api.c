/* The API server under the simulator: its front cell behind a network that
 * loses frames, a store that crashes, and clients on a port of ours in place
 * of HTTP.
 *
 * Users create, patch, delete and list config maps of their own, and delete
 * collections by colour; a reflector lists and watches as client-go does. What
 * must hold: every request is answered once or its connection ends; an answer
 * says what happened; who was answered reads what he wrote; a collection is
 * deleted by its selector and nothing else goes; the reflector's picture is
 * the store's, and no event contradicts the one before; and one seed is one
 * history. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api.h"
#include "actors/api/http_port.h"
#include "actors/api/messages.h"
#include "actors/controllers/namespaces.h"
#include "actors/gate/gate.h"
#include "actors/gate/messages.h"
#include "actors/runtime/heads.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/sim.h"
#include "actors/runtime/store_actor.h"
#include "actors/runtime/view.h"
#include "actors/schema/json.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "tests/lib/seeds.h"

enum {
	SEEDS = 100,
	USERS = 4,
	MAPS = 3, /* of a user: the last one is safe, nobody else touches it */
	SAFE = MAPS - 1,
	FAULTS = 8,
	PATIENCE_US = 60000000,
	WIRE_GONE = 100, /* every connection ended */
};
enum { RED, BLUE, SAFE_COLOUR };
static const char *const colours[] = {"red", "blue", "safe"};

/* What a user knows of his safe map. */
enum knows { ABSENT, PRESENT, UNSURE };

struct user {
	bool busy;
	uint64_t id, asked_us;
	const struct act *act;
	int map, colour;
	enum knows safe;
	char mark[24]; /* the label "n" of the safe map, as last answered */
	char wish[24]; /* as asked */
};

static struct world {
	uint64_t seed;
	bool faults, settle;
	struct port *http, *wire;
	struct heads *heads;
	struct omap made, gone; /* uid: answered as created; seen deleted by the judge */
	struct omap claimed;    /* uid: answered as deleted */
	uint64_t answers, events, lists;
} world;

static unsigned long long seed(void)
{
	return (unsigned long long)world.seed;
}

/* ---- two ports that are each other's network */

static int http_open(struct port *p, struct mp cfg, struct err *e)
{
	(void)cfg, (void)e;
	world.http = p;
	return 0;
}

static void http_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)p;
	if (world.wire)
		port_deliver(world.wire, op, id, arg, bytes_ref(payload));
}

static void http_close(struct port *p)
{
	(void)p;
	world.http = NULL;
	if (world.wire)
		port_deliver(world.wire, WIRE_GONE, 0, 0, NULL);
}

static int wire_open(struct port *p, struct mp cfg, struct err *e)
{
	(void)cfg, (void)e;
	world.wire = p;
	return 0;
}

static void wire_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)arg;
	if (world.http)
		port_deliver(world.http, op, id, 0, bytes_ref(payload));
	else
		port_deliver(p, WIRE_GONE, 0, 0, NULL);
}

static void wire_close(struct port *p)
{
	(void)p;
	world.wire = NULL;
}

static const struct port_driver http = {"http", http_open, http_call, http_close};
static const struct port_driver wire = {"wire", wire_open, wire_call, wire_close};

/* ---- the clients: all of them are one actor */

struct clients {
	struct user users[USERS];
	int port;
	uint64_t next_id;
	/* the reflector */
	uint64_t list_id, watch_id, version, asked_us;
	struct omap picture; /* name -> its version, as text */
};

static void ask(struct ctx *c, struct clients *s, uint64_t id, const char *method, const char *path,
		const char *const args[][2], const char *type, const char *body)
{
	struct buf b = {0};
	size_t n = 0;
	while (args && args[n][0])
		n++;
	mpw_map(&b, 8);
	mpw_kv_str(&b, "method", method);
	mpw_kv_str(&b, "path", path);
	mpw_kv_str(&b, "auth", "Bearer secret");
	mpw_kv_str(&b, "accept", "application/json");
	mpw_kv_str(&b, "type", type);
	mpw_kv_str(&b, "user", "");
	mpw_str(&b, "args");
	mpw_array(&b, n);
	for (size_t i = 0; i < n; i++) {
		mpw_array(&b, 2);
		mpw_str(&b, args[i][0]);
		mpw_str(&b, args[i][1]);
	}
	mpw_str(&b, "body");
	mpw_bin(&b, span_of(body));
	ctx_port_call(c, s->port, HTTP_REQUEST, id, 0, bytes_take(&b));
}

static const char maps_path[] = "/api/v1/namespaces/default/configmaps";

static void name_of(const struct clients *s, const struct user *u, int map, char out[16])
{
	snprintf(out, 16, "u%d-%d", (int)(u - s->users), map);
}

/* ---- what users do, and what its answer must say */

struct answer {
	int code;
	const struct doc *body;
};

struct act {
	const char *method, *type;
	bool collection, write;
	int weight;
	int fine[4]; /* codes; others only through faults */
	void (*said)(struct clients *s, struct user *u, const struct answer *a);
};

static void note(struct omap *m, struct span uid)
{
	if (uid.len)
		omap_put(m, uid, m);
}

static void said_created(struct clients *s, struct user *u, const struct answer *a)
{
	(void)s;
	struct span uid = doc_path_str(a->body, "metadata.uid");
	if (a->code == 201)
		note(&world.made, uid);
	if (a->code == 404) {
		cr_assert_eq(world.made.count, 0, "seed %llu: the namespace went", seed());
		return; /* it is not made yet */
	}
	if (u->map != SAFE)
		return;
	cr_assert(a->code == 201 ? u->safe != PRESENT : u->safe != ABSENT,
		  "seed %llu: create is %d", seed(), a->code);
	if (a->code == 201)
		memcpy(u->mark, u->wish, sizeof u->mark);
	u->safe = a->code == 201 ? PRESENT : UNSURE;
}

static void said_patched(struct clients *s, struct user *u, const struct answer *a)
{
	(void)s;
	if (u->map != SAFE)
		return;
	cr_assert(a->code == 200 ? u->safe != ABSENT : u->safe != PRESENT,
		  "seed %llu: patch is %d", seed(), a->code);
	u->safe = a->code == 200 ? PRESENT : ABSENT;
	memcpy(u->mark, u->wish, sizeof u->mark);
}

static void said_deleted(struct clients *s, struct user *u, const struct answer *a)
{
	(void)s;
	if (a->code == 200)
		note(&world.claimed, doc_path_str(a->body, "details.uid"));
	if (u->map != SAFE)
		return;
	cr_assert(a->code == 200 ? u->safe != ABSENT : u->safe != PRESENT,
		  "seed %llu: delete is %d", seed(), a->code);
	u->safe = ABSENT;
}

static void said_swept(struct clients *s, struct user *u, const struct answer *a)
{
	(void)s;
	DOC_EACH(it, doc_get(a->body, "items")) {
		note(&world.claimed, doc_path_str(it, "metadata.uid"));
		cr_assert(span_is(doc_path_str(it, "metadata.labels.colour"), colours[u->colour]),
			  "seed %llu: a sweep of %s took another colour", seed(), colours[u->colour]);
	}
}

/* Who was answered reads what he wrote. */
static void said_listed(struct clients *s, struct user *u, const struct answer *a)
{
	char name[16];
	const struct doc *mine = NULL;
	name_of(s, u, SAFE, name);
	world.lists++;
	DOC_EACH(it, doc_get(a->body, "items"))
		if (span_is(doc_path_str(it, "metadata.name"), name))
			mine = it;
	if (u->safe == ABSENT)
		cr_assert_null(mine, "seed %llu: %s was deleted and is listed", seed(), name);
	if (u->safe == PRESENT) {
		cr_assert_not_null(mine, "seed %llu: %s was written and is not listed", seed(), name);
		cr_assert(span_is(doc_path_str(mine, "metadata.labels.n"), u->mark),
			  "seed %llu: an old %s is listed", seed(), name);
	}
}

static const struct act acts[] = {
	{"POST", "application/json", true, true, 4, {201, 409, 404}, said_created},
	{"PATCH", "application/merge-patch+json", false, true, 4, {200, 404}, said_patched},
	{"DELETE", "", false, true, 2, {200, 404}, said_deleted},
	{"DELETE", "", true, false, 1, {200}, said_swept},
	{"GET", "", true, false, 3, {200}, said_listed},
};
enum { ACTS = sizeof acts / sizeof *acts, WEIGHTS = 14 };

static const struct act *draw_act(struct ctx *c)
{
	int r = (int)(ctx_random(c) % WEIGHTS), i = 0;
	while (r >= acts[i].weight)
		r -= acts[i++].weight;
	return &acts[i];
}

static void begin(struct ctx *c, struct clients *s, struct user *u)
{
	char name[16], path[80], selector[32], body[200] = "";
	u->act = draw_act(c);
	u->map = (int)(ctx_random(c) % MAPS);
	u->colour = u->map == SAFE && u->act->write ? SAFE_COLOUR : (int)(ctx_random(c) % 2);
	u->busy = true;
	u->id = ++s->next_id;
	u->asked_us = ctx_now_us(c);
	name_of(s, u, u->map, name);
	snprintf(u->wish, sizeof u->wish, "%llu", (unsigned long long)u->id);
	snprintf(path, sizeof path, "%s%s%s", maps_path, u->act->collection ? "" : "/",
		 u->act->collection ? "" : name);
	if (*u->act->type)
		snprintf(body, sizeof body,
			 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
			 "\"%s\",\"labels\":{\"colour\":\"%s\",\"n\":\"%s\"}}}",
			 name, colours[u->colour], u->wish);
	snprintf(selector, sizeof selector, "colour=%s", colours[u->colour]);
	bool sweep = u->act->said == said_swept;
	const char *const args[][2] = {{sweep ? "labelSelector" : NULL, selector}, {NULL, NULL}};
	ask(c, s, u->id, u->act->method, path, args, u->act->type, body);
}

/* Nobody knows whether it happened. */
static void doubt(struct user *u)
{
	u->busy = false;
	if (u->act && u->act->write && u->map == SAFE)
		u->safe = UNSURE;
}

static bool is_fine(const struct act *act, int code)
{
	for (size_t i = 0; i < sizeof act->fine / sizeof *act->fine; i++)
		if (act->fine[i] == code)
			return true;
	return false;
}

static void on_answer(struct clients *s, struct user *u, int code, struct bytes *payload)
{
	struct arena a = {0};
	struct doc *body = NULL;
	struct err e = {0};
	cr_assert_eq(json_parse(&a, bytes_span(payload), &body, NULL, &e), 0, "%s", e.text);
	struct answer answer = {code, body};
	world.answers++;
	if (is_fine(u->act, code)) {
		u->busy = false;
		u->act->said(s, u, &answer);
	} else {
		cr_assert(world.faults && (code == 409 || code == 429 || code >= 500),
			  "seed %llu: %s is answered %d: %.*s", seed(), u->act->method, code,
			  (int)bytes_span(payload).len, (const char *)bytes_span(payload).data);
		doubt(u);
	}
	arena_fini(&a);
}

/* ---- the reflector: list, watch, list again when it is told to */

static void reflect(struct ctx *c, struct clients *s)
{
	char from[24];
	const char *const args[][2] = {{"watch", "1"}, {"resourceVersion", from}, {NULL, NULL}};
	if (s->list_id || s->watch_id || !world.http)
		return;
	snprintf(from, sizeof from, "%llu", (unsigned long long)s->version);
	s->asked_us = ctx_now_us(c);
	if (s->version)
		ask(c, s, s->watch_id = ++s->next_id, "GET", maps_path, args, "", "");
	else
		ask(c, s, s->list_id = ++s->next_id, "GET", maps_path, NULL, "", "");
}

static uint64_t version_of(const struct doc *d)
{
	char text[32];
	struct span v = doc_path_str(d, "metadata.resourceVersion");
	snprintf(text, sizeof text, "%.*s", (int)v.len, (const char *)v.data);
	return strtoull(text, NULL, 10);
}

static void see(struct clients *s, const struct doc *object)
{
	struct span v = doc_path_str(object, "metadata.resourceVersion");
	free(omap_put(&s->picture, doc_path_str(object, "metadata.name"),
		      mem_ndup(v.data, v.len)));
}

static void on_list(struct clients *s, int code, struct bytes *payload)
{
	struct arena a = {0};
	struct doc *body = NULL;
	s->list_id = 0;
	cr_assert_eq(json_parse(&a, bytes_span(payload), &body, NULL, NULL), 0);
	if (code == 200) {
		omap_fini(&s->picture, free);
		s->version = version_of(body);
		DOC_EACH(it, doc_get(body, "items")) {
			see(s, it);
			cr_assert_leq(version_of(it), s->version, "seed %llu: newer than its list",
				      seed());
		}
	}
	arena_fini(&a);
}

static void on_event(struct clients *s, struct span line)
{
	struct arena a = {0};
	struct doc *event = NULL;
	cr_assert_eq(json_parse(&a, line, &event, NULL, NULL), 0, "%.*s", (int)line.len,
		     (const char *)line.data);
	const struct doc *object = doc_get(event, "object");
	struct span type = doc_path_str(event, "type"), name = doc_path_str(object, "metadata.name");
	bool had = omap_get(&s->picture, name) != NULL;
	world.events++;
	cr_assert_gt(version_of(object), s->version, "seed %llu: an event goes back", seed());
	cr_assert_eq(had, !span_is(type, "ADDED"), "seed %llu: %.*s of %.*s", seed(),
		     (int)type.len, (const char *)type.data, (int)name.len, (const char *)name.data);
	s->version = version_of(object);
	if (span_is(type, "DELETED"))
		free(omap_remove(&s->picture, name));
	else
		see(s, object);
	arena_fini(&a);
}

static void on_data(struct clients *s, struct bytes *payload)
{
	struct span rest = bytes_span(payload);
	const uint8_t *end;
	while ((end = memchr(rest.data, '\n', rest.len))) {
		size_t n = (size_t)(end - rest.data);
		on_event(s, (struct span){rest.data, n});
		rest.data += n + 1;
		rest.len -= n + 1;
	}
	cr_assert_eq(rest.len, 0, "an event is one piece");
}

static void on_watch(struct clients *s, const struct port_event *p)
{
	unsigned code = p->arg & 0xffff;
	if (p->op == HTTP_DATA)
		on_data(s, p->payload);
	else if (p->op == HTTP_END)
		s->watch_id = 0; /* go on after the last one seen */
	else if (p->op == HTTP_REPLY) {
		cr_assert(code == 410 || code >= 500, "seed %llu: a watch is answered %u", seed(), code);
		s->watch_id = 0;
		s->version = code >= 500 ? s->version : 0;
	}
}

/* ---- turns of the clients */

static void connections_end(struct clients *s)
{
	for (int i = 0; i < USERS; i++)
		if (s->users[i].busy)
			doubt(&s->users[i]);
	s->list_id = s->watch_id = 0;
}

static int on_port(struct ctx *c, void *st, const struct port_event *p)
{
	struct clients *s = st;
	(void)c;
	if (p->op == WIRE_GONE)
		connections_end(s);
	else if (p->id == s->watch_id)
		on_watch(s, p);
	else if (p->op == HTTP_REPLY && p->id == s->list_id)
		on_list(s, (int)(p->arg & 0xffff), p->payload);
	for (int i = 0; i < USERS && p->op == HTTP_REPLY; i++)
		if (s->users[i].busy && s->users[i].id == p->id)
			on_answer(s, &s->users[i], (int)(p->arg & 0xffff), p->payload);
	return 0;
}

static int on_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct clients *s = st;
	uint64_t now = ctx_now_us(c);
	(void)tag;
	for (int i = 0; i < USERS; i++) {
		struct user *u = &s->users[i];
		cr_assert(!u->busy || now - u->asked_us < PATIENCE_US, "seed %llu: %s has no answer",
			  seed(), u->act->method);
		if (!u->busy && world.http && !world.settle && ctx_random(c) % 2)
			begin(c, s, u);
	}
	cr_assert(!s->list_id || now - s->asked_us < PATIENCE_US, "seed %llu: no list", seed());
	reflect(c, s);
	ctx_timer(c, 1000 + ctx_random(c) % 20000, 0);
	return 0;
}

static int clients_init(struct ctx *c, void *st, struct mp cfg)
{
	struct clients *s = st;
	for (int i = 0; i < USERS; i++)
		s->users[i].safe = UNSURE;
	s->port = ctx_port_open(c, "wire", cfg, NULL);
	s->next_id = ctx_random(c) >> 16;
	ctx_timer(c, 1000, 0);
	return 0;
}

static int on_listening(struct ctx *c, void *st, const struct msg *m)
{
	(void)c, (void)st, (void)m;
	return 0;
}

static void clients_fini(void *st)
{
	struct clients *s = st;
	omap_fini(&s->picture, free);
}

static const struct actor_handler client_handlers[] = {{"api.listening", on_listening}, {NULL, NULL}};
static const struct actor_spec clients_spec = {
	.kind = "clients",
	.state_bytes = sizeof(struct clients),
	.handlers = client_handlers,
	.init = clients_init,
	.on_port = on_port,
	.on_timer = on_timer,
	.fini = clients_fini,
};

/* ---- the judge, beside the store: what was deleted, and that safe maps only by their owner */

static int judge_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg, (void)st;
	ctx_follow(c, "configmaps");
	return 0;
}

static struct span text_at(const struct view_object *o, const char *path)
{
	return mp_path_str(mp_of_bytes(o->value), path);
}

static int judge_view(struct ctx *c, void *st, const struct view_change *v)
{
	(void)c, (void)st;
	if (!v->was || (v->now && span_eq(text_at(v->was, "metadata.uid"), text_at(v->now, "metadata.uid"))))
		return 0;
	note(&world.gone, text_at(v->was, "metadata.uid"));
	return 0;
}

static const struct actor_spec judge_spec = {
	.kind = "judge", .state_bytes = 1, .init = judge_init, .on_view = judge_view};

/* ---- the cluster */

static const struct actor_spec *const kinds[] = {&store_actor, &gate_actor, &namespaces_actor, &api_actor,
						 &judge_spec, &clients_spec, NULL};
static const struct port_driver *const drivers[] = {&http, &wire, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, &api_messages, &gate_messages,
						 NULL};
static const struct catalogue catalogue = {tables};

static void add(struct cell *c, const char *kind, const char *name)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "token", "secret");
	cr_assert_eq(cell_add_actor(c, kind, name, mp_of(span_buf(&b)), NULL), 0);
	buf_fini(&b);
}

static void refill(void *arg, struct cell *c)
{
	(void)arg;
	if (strcmp(cell_name(c), "core") == 0) {
		add(c, "store", "store");
		add(c, "judge", "judge");
		add(c, "gate", "gate");
		add(c, "namespaces", "namespaces");
	} else {
		add(c, "clients", "ready");
		add(c, "api", "api");
	}
}

static void crash_api(struct sim *s)
{
	sim_crash_actor(s, "front", "api");
}

static void crash_store(struct sim *s)
{
	sim_crash_actor(s, "core", "store");
}

static void crash_front(struct sim *s)
{
	sim_crash_cell(s, "front", refill, NULL);
}

static void cut(struct sim *s)
{
	sim_partition(s, "front", sim_random(s) & 1);
}

static void (*const faults[])(struct sim *) = {crash_api, crash_api, crash_store, crash_front,
					       sim_restart_broker, cut, cut};

/* ---- what must be so in the end */

static const char *missing_claim(void)
{
	for (struct onode *n = omap_first(&world.claimed); n; n = omap_next(n))
		if (!omap_get(&world.gone, onode_key(n)))
			return "what was answered as deleted never went";
	return NULL;
}

static const char *unlike(struct clients *s, struct view *maps)
{
	char version[24];
	size_t n = 0;
	for (struct onode *it = omap_first(view_map(maps)); it; it = omap_next(it)) {
		struct view_object *o = it->value;
		if (!span_is(text_at(o, "metadata.namespace"), "default"))
			continue;
		const char *seen = omap_get(&s->picture, text_at(o, "metadata.name"));
		snprintf(version, sizeof version, "%llu", (unsigned long long)o->version);
		if (!seen || strcmp(seen, version) != 0)
			return "the reflector's picture is another one";
		n++;
	}
	return n == s->picture.count ? NULL : "the reflector sees what is not there";
}

/* What was answered as created is there, or was seen to go. */
static const char *lost(struct view *maps)
{
	struct omap there = {0};
	const char *why = NULL;
	for (struct onode *it = omap_first(view_map(maps)); it; it = omap_next(it))
		note(&there, text_at(it->value, "metadata.uid"));
	for (struct onode *n = omap_first(&world.made); n; n = omap_next(n))
		if (!omap_get(&there, onode_key(n)) && !omap_get(&world.gone, onode_key(n)))
			why = "what was answered as created is lost";
	omap_fini(&there, NULL);
	return why;
}

static const char *unfinished(struct sim *s)
{
	struct view *maps = cell_view(sim_cell(s, "core"), "configmaps");
	struct clients *clients = cell_actor_state(sim_cell(s, "front"), "ready");
	if (!maps || !view_synced(maps) || !clients || !world.http)
		return "not all is there";
	for (int i = 0; i < USERS; i++)
		if (clients->users[i].busy)
			return "a user has no answer";
	const char *why = missing_claim();
	if (!why)
		why = lost(maps);
	return why ? why : unlike(clients, maps);
}

/* ---- runs */

static void quiet(void)
{
	log_init("off");
}

TestSuite(api, .init = quiet);

static void *shared(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "heads") == 0 ? world.heads : NULL;
}

static uint64_t run_seed(uint64_t number, bool with_faults)
{
	memset(&world, 0, sizeof world);
	world.seed = number;
	world.faults = with_faults;
	world.heads = heads_new();
	struct sim_config cfg = {
		.seed = number,
		.catalogue = &catalogue,
		.kinds = kinds,
		.drivers = drivers,
		.latency_min_us = 20,
		.latency_max_us = 3000,
		.bus_loss_permille = with_faults ? 50 : 0,
		.link_loss_permille = with_faults ? 10 : 0,
		.sync_min_us = 100,
		.sync_max_us = 4000,
		.shared = shared,
	};
	struct sim *s = sim_new(&cfg);
	const char *why = "it was not asked";
	refill(NULL, sim_cell(s, "core"));
	refill(NULL, sim_cell(s, "front"));
	sim_run(s, 3000000, NULL, NULL);
	for (int i = 0; with_faults && i < FAULTS; i++) {
		faults[sim_random(s) % (sizeof faults / sizeof *faults)](s);
		sim_run(s, sim_now_us(s) + 20000 + sim_random(s) % 1000000, NULL, NULL);
	}
	sim_heal(s);
	sim_run(s, sim_now_us(s) + 500000, NULL, NULL);
	world.settle = true;
	for (int i = 0; why && i < 60; i++) {
		sim_run(s, sim_now_us(s) + 1000000, NULL, NULL);
		why = unfinished(s);
	}
	cr_assert_null(why, "seed %llu does not converge: %s", seed(), why);

	/* Its clients would lose their connections and their watches. */
	if (!with_faults)
		cr_expect_eq(cell_actor_restarts(sim_cell(s, "front"), "api"), 0,
			     "seed %llu: a turn failed", seed());
	uint64_t digest = sim_digest(s);
	sim_free(s);
	heads_close(world.heads);
	omap_fini(&world.made, NULL);
	omap_fini(&world.gone, NULL);
	omap_fini(&world.claimed, NULL);
	return digest;
}

Test(api, answers_what_happened_when_nothing_fails)
{
	uint64_t a = run_seed(1, false);
	cr_expect_gt(world.lists, 20);
	cr_expect_gt(world.events, 50);
	cr_expect_eq(a, run_seed(1, false), "one seed is one history");
	cr_expect_neq(a, run_seed(2, false));
	for (uint64_t number = 3; number < 20; number++)
		run_seed(number, false);
}

Test(api, keeps_its_promises_through_faults_and_replays_the_same)
{
	seeds_twice(SEEDS, run_seed);
}
