/* A whole cluster under the simulator: store, gate, namespaces and scheduler
 * in one cell (in every other seed the scheduler in its own, where it hears
 * of what it wrote after the answer), three nodes in cells of their own, a user who creates and
 * deletes more pods than fit, and every kind of fault.
 *
 * A judge follows the store's events and holds what it has ever seen in a
 * ledger outside of all actors. At every change: a pod never moves to another
 * node, no node has more bound than it can take, restart counts and versions
 * never go back. After the faults: what fits runs or has ended, the rest says
 * why it waits, what was deleted is gone, all views are equal; and one seed is
 * one history. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/namespaces.h"
#include "actors/gate/gate.h"
#include "actors/gate/messages.h"
#include "actors/objects/writing.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/sim.h"
#include "actors/runtime/store_actor.h"
#include "actors/scheduler/fit.h"
#include "actors/scheduler/scheduler.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/messages.h"
#include "nodes/node_agent.h"

enum { SEEDS = 200, PODS = 20, NODES = 3, NODE_MILLI = 2000, FAULTS = 12 };

/* ---- what is outside of the actors */

enum wish { WISH_CREATE, WISH_KEEP, WISH_DELETE, WISH_GONE, WISH_DONE };

struct wanted {
	enum wish wish;
	bool asked;      /* a request is on its way */
	bool recreate;   /* once gone, again by the same name */
	char gone[40];   /* uid of the deleted one */
};

/* What was ever seen of a pod. */
struct seen {
	char node[16];
	int64_t restarts, milli;
	uint64_t version;
	bool counts;
};

struct ledger {
	struct wanted pods[PODS];
	struct omap seen; /* uid -> struct seen */
	bool settle;      /* faults are over: nothing is deleted any more */
	uint64_t seed;
};

static struct span text_at(const struct view_object *o, const char *path)
{
	return mp_path_str(mp_of(bytes_span(o->value)), path);
}

static bool over(const struct view_object *o)
{
	struct span phase = text_at(o, "status.phase");
	return span_is(phase, "Succeeded") || span_is(phase, "Failed");
}

/* ---- the judge */

struct judge {
	struct view *pods, *nodes;
	bool listed; /* until then the ledger is that of a former incarnation */
	uint64_t listed_to; /* changes up to here are in what was iterated */
	struct ledger *ledger;
};

static int judge_init(struct ctx *c, void *st, struct mp cfg)
{
	struct judge *j = st;
	(void)cfg;
	j->ledger = ctx_shared(c, "ledger");
	j->nodes = ctx_follow(c, "nodes");
	j->pods = ctx_follow(c, "pods");
	return 0;
}

static int64_t restarts_of(const struct view_object *o)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(mp_of(bytes_span(o->value)), "status.containerStatuses", &list) ||
	    mp_array(&list, &n) || n == 0)
		return -1;
	return mp_path_int(list, "restartCount", 0);
}

static void judge_pod(struct ledger *l, struct span key, const struct view_object *o)
{
	struct span uid = text_at(o, "metadata.uid"), node = text_at(o, "spec.nodeName");
	struct seen *s = omap_get(&l->seen, uid);
	if (!s) {
		s = mem_alloc(sizeof *s);
		s->restarts = -1;
		s->milli = fit_requests(mp_of(bytes_span(o->value))).cpu_milli;
		omap_put(&l->seen, uid, s);
	}
	cr_assert(!s->node[0] || span_is(node, s->node), "seed %llu: %.*s moved from %s to %.*s",
		  (unsigned long long)l->seed, (int)key.len, (const char *)key.data, s->node,
		  (int)node.len, (const char *)node.data);
	cr_assert_geq(o->version, s->version, "seed %llu: a version goes back",
		      (unsigned long long)l->seed);
	int64_t restarts = restarts_of(o);
	cr_assert_geq(restarts, s->restarts, "seed %llu: %.*s restarted %lld times, then %lld",
		      (unsigned long long)l->seed, (int)key.len, (const char *)key.data,
		      (long long)s->restarts, (long long)restarts);
	snprintf(s->node, sizeof s->node, "%.*s", (int)node.len, (const char *)node.data);
	s->version = o->version;
	s->restarts = restarts;
	s->counts = !over(o);
}

static void judge_room(const struct ledger *l)
{
	int64_t used[NODES] = {0};
	for (struct onode *n = omap_first(&l->seen); n; n = omap_next(n)) {
		const struct seen *s = n->value;
		if (s->counts && s->node[0])
			used[s->node[1] - '1'] += s->milli;
	}
	for (int i = 0; i < NODES; i++)
		cr_assert_leq(used[i], NODE_MILLI, "seed %llu: n%d has %lldm bound",
			      (unsigned long long)l->seed, i + 1, (long long)used[i]);
}

/* A new view tells of no deletions that happened before it. */
static void judge_list(struct judge *j)
{
	struct ledger *l = j->ledger;
	j->listed_to = view_version(j->pods);
	for (struct onode *n = omap_first(&l->seen); n; n = omap_next(n))
		((struct seen *)n->value)->counts = false;
	for (struct onode *n = omap_first(view_map(j->pods)); n; n = omap_next(n))
		judge_pod(l, onode_key(n), n->value);
}

static int judge_view(struct ctx *c, void *st, const struct view_change *v)
{
	struct judge *j = st;
	(void)c;
	if (v->view != j->pods || (v->key.len && v->version <= j->listed_to))
		return 0;
	if (!v->key.len)
		judge_list(j);
	else if (v->now)
		judge_pod(j->ledger, v->key, v->now);
	if (v->was && (!v->now || !span_eq(text_at(v->was, "metadata.uid"),
					   text_at(v->now, "metadata.uid")))) {
		struct seen *s = omap_get(&j->ledger->seen, text_at(v->was, "metadata.uid"));
		if (s)
			s->counts = false;
	}
	j->listed |= !v->key.len;
	if (j->listed && view_synced(j->pods))
		judge_room(j->ledger);
	return 0;
}

static const struct actor_spec judge_spec = {
	.kind = "judge",
	.state_bytes = sizeof(struct judge),
	.init = judge_init,
	.on_view = judge_view,
};

/* ---- the user */

struct user {
	struct view *pods;
	struct ledger *ledger;
	struct schema *schema;
	const struct schema_resource *row;
	struct writing *writing[PODS];
};

/* Who they are and what they do, by number. */
static const struct role {
	const char *script, *policy;
	int milli, grace_s;
} roles[] = {
	{"run", "Always", 500, 2},
	{"run, start 300ms, ready 1s", "Always", 700, 1},
	{"exit 0 after 2s", "Never", 400, 2},
	{"exit 1 after 1s; exit 1 after 1s; run", "OnFailure", 300, 2},
	{"run, term ignore", "Always", 600, 3},
	{"exit 3 after 500ms", "Never", 300, 1},
	{"exit 1 after 2s", "Always", 200, 2},
	{"error no such program; run", "Always", 100, 2},
};
enum { ROLES = sizeof roles / sizeof *roles };

static void put_pod(struct buf *b, int i)
{
	const struct role *r = &roles[i % ROLES];
	char text[32];
	mpw_map(b, 4);
	mpw_kv_str(b, "apiVersion", "v1");
	mpw_kv_str(b, "kind", "Pod");
	mpw_str(b, "metadata");
	mpw_map(b, 3);
	snprintf(text, sizeof text, "p%d", i);
	mpw_kv_str(b, "name", text);
	mpw_kv_str(b, "namespace", "default");
	mpw_str(b, "annotations");
	mpw_map(b, 1);
	mpw_kv_str(b, "sim.troupe", r->script);
	mpw_str(b, "spec");
	mpw_map(b, 3);
	mpw_kv_str(b, "restartPolicy", r->policy);
	mpw_kv_i64(b, "terminationGracePeriodSeconds", r->grace_s);
	mpw_str(b, "containers");
	mpw_array(b, 1);
	mpw_map(b, 3);
	mpw_kv_str(b, "name", "c");
	mpw_kv_str(b, "image", "none");
	mpw_str(b, "resources");
	mpw_map(b, 1);
	mpw_str(b, "requests");
	mpw_map(b, 1);
	snprintf(text, sizeof text, "%dm", r->milli);
	mpw_kv_str(b, "cpu", text);
}

static void user_create(struct ctx *c, struct user *u, int i)
{
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_kv_str(&b, "group", "");
	mpw_kv_str(&b, "version", "v1");
	mpw_kv_str(&b, "resource", "pods");
	mpw_kv_str(&b, "namespace", "default");
	mpw_str(&b, "object");
	put_pod(&b, i);
	u->ledger->pods[i].asked = true;
	ctx_request(c, "gate", "object.create", &b, 3000, (uint64_t)i);
}

static struct view *user_view_of(void *arg, struct span stream)
{
	struct user *u = arg;
	return span_is(stream, "pods") ? u->pods : NULL;
}

static void user_end_write(struct user *u, int i)
{
	if (u->writing[i])
		writing_fini(u->writing[i]);
	free(u->writing[i]);
	u->writing[i] = NULL;
}

static void user_deleted(struct user *u, int i)
{
	const struct obj_answer *a = &u->writing[i]->plan.answer;
	struct wanted *w = &u->ledger->pods[i];
	w->asked = false;
	if (a->code < 300 || a->code == 404)
		w->wish = WISH_GONE;
	if (a->code < 300 && a->object) {
		struct span uid = mp_path_str(mp_of(bytes_span(a->object)), "metadata.uid");
		snprintf(w->gone, sizeof w->gone, "%.*s", (int)uid.len, (const char *)uid.data);
	}
	user_end_write(u, i);
}

static void user_delete(struct ctx *c, struct user *u, int i)
{
	char name[16];
	struct writing *w = u->writing[i] = mem_alloc(sizeof *w);
	writing_init(c, w, u->schema, u->row, OBJ_DELETE, user_view_of, u);
	snprintf(name, sizeof name, "p%d", i);
	w->request.namespace = span_of("default");
	w->request.name = writing_text(w, span_of(name));
	u->ledger->pods[i].asked = true;
	if (writing_start(c, w, (uint64_t)i))
		user_deleted(u, i);
}

static struct view_object *user_sees(const struct user *u, int i)
{
	char key[32];
	snprintf(key, sizeof key, "pods/default/p%d", i);
	return view_get(u->pods, span_of(key));
}

/* One step about one pod, drawn; a write is the turn's only one. */
static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct user *u = st;
	int i = (int)(ctx_random(c) % PODS);
	struct wanted *w = &u->ledger->pods[i];
	(void)tag;
	ctx_timer(c, 2000 + ctx_random(c) % 60000, 0);
	if (w->asked || !view_synced(u->pods))
		return 0;
	if (w->wish == WISH_CREATE)
		user_create(c, u, i);
	else if (w->wish == WISH_KEEP && i % 3 == 0 && !w->recreate && ctx_random(c) % 8 == 0)
		w->wish = WISH_DELETE;
	else if (w->wish == WISH_DELETE)
		user_delete(c, u, i);
	else if (w->wish == WISH_GONE && !user_sees(u, i) && i % 2 == 0) {
		w->wish = WISH_CREATE;
		w->recreate = true;
	}
	return 0;
}

static int user_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct user *u = st;
	struct wanted *w = &u->ledger->pods[tag];
	int64_t code = r->status ? 0 : mp_path_int(r->body, "code", 0);
	struct view_object *o = user_sees(u, (int)tag);
	(void)c;
	w->asked = false;
	/* "Exists": ours, whose answer was lost, or still the one that was deleted. */
	bool ours = !w->gone[0] || (o && !span_is(text_at(o, "metadata.uid"), w->gone));
	if (code == 201 || (code == 409 && ours))
		w->wish = WISH_KEEP;
	return 0;
}

static int user_outcome(struct ctx *c, void *st, uint64_t tag, const struct store_outcome *o)
{
	struct user *u = st;
	if (u->writing[tag] && writing_outcome(c, u->writing[tag], o, tag))
		user_deleted(u, (int)tag);
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	struct user *u = st;
	(void)cfg;
	u->ledger = ctx_shared(c, "ledger");
	u->schema = schema_new();
	objects_install(u->schema);
	u->row = schema_find(u->schema, (struct span){0}, span_of("v1"), span_of("pods"));
	u->pods = ctx_follow(c, "pods");
	for (int i = 0; i < PODS; i++)
		u->ledger->pods[i].asked = false; /* who asked is gone */
	ctx_timer(c, 1000, 0);
	return 0;
}

static void user_fini(void *st)
{
	struct user *u = st;
	for (int i = 0; i < PODS; i++)
		user_end_write(u, i);
	schema_free(u->schema);
}

static const struct actor_spec user_spec = {
	.kind = "user",
	.state_bytes = sizeof(struct user),
	.init = user_init,
	.on_timer = user_timer,
	.on_reply = user_reply,
	.on_outcome = user_outcome,
	.on_view = NULL,
	.fini = user_fini,
};

/* ---- the cluster */

static const struct actor_spec *const kinds[] = {
	&store_actor,	   &gate_actor, &namespaces_actor, &scheduler_actor,
	&node_agent_actor, &judge_spec, &user_spec,	   NULL,
};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &gate_messages, &node_messages, NULL};
static const struct catalogue catalogue = {tables};

static void add(struct cell *c, const char *kind, const char *name, const char *node)
{
	struct buf b = {0};
	mpw_map(&b, node ? 4 : 0);
	if (node) {
		mpw_kv_str(&b, "node", node);
		mpw_kv_str(&b, "runtime", "sim");
		mpw_kv_str(&b, "cpu", "2");
		mpw_kv_i64(&b, "pods", 10);
	}
	cr_assert_eq(cell_add_actor(c, kind, name, mp_of(span_buf(&b)), NULL), 0);
	buf_fini(&b);
}

static void refill(void *arg, struct cell *c)
{
	char name[32];
	const char *cell = cell_name(c);
	const struct ledger *l = arg;
	if (strcmp(cell, "core") == 0) {
		add(c, "store", "store", NULL);
		add(c, "judge", "judge", NULL);
		add(c, "gate", "gate", NULL);
		add(c, "namespaces", "namespaces", NULL);
		if (l->seed % 2)
			add(c, "scheduler", "scheduler", NULL);
	} else if (strcmp(cell, "sched") == 0) {
		if (l->seed % 2 == 0)
			add(c, "scheduler", "scheduler", NULL);
	} else if (strcmp(cell, "user") == 0) {
		add(c, "user", "user", NULL);
	} else {
		snprintf(name, sizeof name, "node-agent/%s", cell);
		add(c, "node-agent", name, cell);
	}
}

static const char *const cells[] = {"core", "user", "n1", "n2", "n3", "sched"};
enum { CELLS = sizeof cells / sizeof *cells };

struct run {
	struct sim *sim;
	struct ledger ledger;
};

static void crash_actor(struct run *r)
{
	static const struct {
		const char *cell, *actor;
	} who[] = {
		{"core", "store"},    {"core", "gate"},	      {"core", "namespaces"},
		{"core", "scheduler"}, {"core", "scheduler"}, {"core", "judge"},
		{"user", "user"},     {"n1", "node-agent/n1"}, {"n2", "node-agent/n2"},
		{"n3", "node-agent/n3"},
	};
	size_t i = sim_random(r->sim) % (sizeof who / sizeof *who);
	bool moved = strcmp(who[i].actor, "scheduler") == 0 && r->ledger.seed % 2 == 0;
	sim_crash_actor(r->sim, moved ? "sched" : who[i].cell, who[i].actor);
}

static void crash_cell(struct run *r)
{
	sim_crash_cell(r->sim, cells[sim_random(r->sim) % CELLS], refill, &r->ledger);
}

static void restart_broker(struct run *r)
{
	sim_restart_broker(r->sim);
}

static void partition(struct run *r)
{
	const char *cell = cells[sim_random(r->sim) % CELLS];
	sim_partition(r->sim, cell, sim_random(r->sim) & 1);
}

static void (*const faults[])(struct run *) = {crash_actor, crash_actor, crash_cell, crash_cell,
					       restart_broker, partition, partition};

/* ---- what must be so in the end */

static bool same_objects(struct view *a, struct view *b, const char *node)
{
	size_t n = 0;
	if (!a || !view_synced(a))
		return false;
	for (struct onode *it = omap_first(view_map(b)); it; it = omap_next(it)) {
		struct view_object *o = it->value, *other = view_get(a, onode_key(it));
		if (node && !span_is(text_at(o, "spec.nodeName"), node))
			continue;
		n++;
		if (!other || other->version != o->version)
			return false;
	}
	return n == view_count(a);
}

static const char *unequal_view(struct run *r, struct view *pods)
{
	char stream[32];
	if (!same_objects(cell_view(sim_cell(r->sim, "user"), "pods"), pods, NULL))
		return "the user's view is not the store's";
	for (int i = 0; i < NODES; i++) {
		const char *node = cells[2 + i];
		snprintf(stream, sizeof stream, "pods@%s", node);
		if (!same_objects(cell_view(sim_cell(r->sim, node), stream), pods, node))
			return "a node's view is not the store's";
	}
	return NULL;
}

static bool waits_with_reason(struct mp pod)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(pod, "status.conditions", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (span_is(mp_path_str(list, "type"), "PodScheduled"))
			return span_is(mp_path_str(list, "status"), "False") &&
			       span_is(mp_path_str(list, "reason"), "Unschedulable");
	return false;
}

static bool fits_somewhere(const struct ledger *l, int64_t milli)
{
	int64_t room[NODES];
	bool fits = false;
	for (int i = 0; i < NODES; i++)
		room[i] = NODE_MILLI;
	for (struct onode *n = omap_first(&l->seen); n; n = omap_next(n)) {
		const struct seen *s = n->value;
		if (s->counts && s->node[0])
			room[s->node[1] - '1'] -= s->milli;
	}
	for (int i = 0; i < NODES; i++)
		fits = fits || room[i] >= milli;
	return fits;
}

static const char *wrong_with(struct run *r, const struct view_object *o)
{
	struct mp pod = mp_of(bytes_span(o->value));
	const struct seen *s = omap_get(&r->ledger.seen, mp_path_str(pod, "metadata.uid"));
	if (mp_path_str(pod, "metadata.deletionTimestamp").len)
		return "a pod is not deleted yet";
	if (!s || s->version != o->version)
		return "the judge has not seen it";
	if (mp_path_str(pod, "spec.nodeName").len)
		return over(o) || span_is(mp_path_str(pod, "status.phase"), "Running")
			       ? NULL : "a bound pod does not run";
	if (fits_somewhere(&r->ledger, s->milli))
		return "a pod that fits is not bound";
	return waits_with_reason(pod) ? NULL : "a pod waits without a reason";
}

/* NULL: all is as it must be. */
static const char *unfinished(struct run *r)
{
	struct view *pods = cell_view(sim_cell(r->sim, "core"), "pods");
	char key[32];
	if (!pods || !view_synced(pods))
		return "the core's view is not synced";
	for (int i = 0; i < PODS; i++) {
		const struct wanted *w = &r->ledger.pods[i];
		snprintf(key, sizeof key, "pods/default/p%d", i);
		bool there = view_get(pods, span_of(key)) != NULL;
		if (w->asked || (w->wish != WISH_KEEP && w->wish != WISH_GONE))
			return "the user is not done";
		if (w->wish == WISH_KEEP && !w->recreate && i % 3 == 0)
			return "the user will delete it";
		if (there != (w->wish == WISH_KEEP))
			return there ? "a deleted pod is there" : "a pod is lost";
	}
	for (struct onode *n = omap_first(view_map(pods)); n; n = omap_next(n)) {
		const char *why = wrong_with(r, n->value);
		if (why)
			return why;
	}
	return unequal_view(r, pods);
}

/* ---- runs */

static void quiet(void)
{
	log_init("off");
}

TestSuite(cluster, .init = quiet);

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "ledger") == 0 ? arg : NULL;
}

static void begin(struct run *r, uint64_t seed, bool with_faults)
{
	struct sim_config cfg = {
		.seed = seed,
		.catalogue = &catalogue,
		.kinds = kinds,
		.latency_min_us = 20,
		.latency_max_us = 3000,
		.bus_loss_permille = with_faults ? 50 : 0,
		.link_loss_permille = with_faults ? 10 : 0,
		.sync_min_us = 100,
		.sync_max_us = 4000,
		.shared = shared,
		.shared_arg = &r->ledger,
	};
	r->ledger.seed = seed;
	r->sim = sim_new(&cfg);
	for (int i = 0; i < CELLS; i++)
		refill(&r->ledger, sim_cell(r->sim, cells[i]));
}

static uint64_t run_seed(uint64_t seed, bool with_faults)
{
	struct run r = {0};
	const char *why = "it was not asked";
	begin(&r, seed, with_faults);
	for (int i = 0; with_faults && i < FAULTS; i++) {
		sim_run(r.sim, sim_now_us(r.sim) + 20000 + sim_random(r.sim) % 1000000, NULL, NULL);
		faults[sim_random(r.sim) % (sizeof faults / sizeof *faults)](&r);
	}
	sim_heal(r.sim);
	for (int i = 0; why && i < 120; i++) {
		sim_run(r.sim, sim_now_us(r.sim) + 1000000, NULL, NULL);
		why = unfinished(&r);
	}
	cr_assert_null(why, "seed %llu does not converge: %s", (unsigned long long)seed, why);
	uint64_t digest = sim_digest(r.sim);
	sim_free(r.sim);
	omap_fini(&r.ledger.seen, free);
	return digest;
}

Test(cluster, runs_what_fits_and_says_why_the_rest_waits)
{
	uint64_t a = run_seed(1, false), b = run_seed(1, false), other = run_seed(2, false);
	cr_expect_eq(a, b, "one seed is one history");
	cr_expect_neq(a, other);
}

Test(cluster, keeps_its_promises_through_every_kind_of_fault_and_replays_the_same)
{
	const char *from = getenv("SEED_FROM"), *count = getenv("SEEDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	uint64_t n = count ? strtoull(count, NULL, 10) : SEEDS;
	for (uint64_t seed = first; seed < first + n; seed++) {
		uint64_t a = run_seed(seed, true), b = run_seed(seed, true);
		cr_assert_eq(a, b, "seed %llu has two histories", (unsigned long long)seed);
	}
}
