/* A whole cluster under the simulator: store, gate, namespaces and scheduler
 * in one cell, three nodes in cells of their own, a user who creates and
 * deletes more pods than fit, and every kind of fault.
 *
 * The judge of chaos scripts is fed with every record that reaches the disk:
 * a pod never moves to another node, no node has more bound than it can take,
 * what has ended stays so, versions rise. After the faults: what fits runs or
 * has ended, the rest says why it waits, what was deleted is gone, all views
 * are equal; and one seed is one history. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/objects/writing.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "tests/lib/seeds.h"
#include "tools/chaos/converge.h"
#include "tools/chaos/invariants.h"

enum { SEEDS = 200, PODS = 20, NODES = 3, NODE_MILLI = 2000, FAULTS = 12 };

/* ---- what is outside of the actors */

enum want { WANT_CREATE, WANT_KEEP, WANT_DELETE, WANT_GONE, WANT_DONE };

struct wanted {
	enum want wish;
	bool asked;      /* a request is on its way */
	bool recreate;   /* once gone, again by the same name */
	char gone[40];   /* uid of the deleted one */
};

struct book {
	struct wanted pods[PODS];
};

static struct span text_at(const struct view_object *o, const char *path)
{
	return mp_path_str(mp_of_bytes(o->value), path);
}

/* ---- the user */

struct user {
	struct view *pods;
	struct book *book;
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
	u->book->pods[i].asked = true;
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
	struct wanted *w = &u->book->pods[i];
	w->asked = false;
	if (a->code < 300 || a->code == 404)
		w->wish = WANT_GONE;
	if (a->code < 300 && a->object) {
		struct span uid = mp_path_str(mp_of_bytes(a->object), "metadata.uid");
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
	u->book->pods[i].asked = true;
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
	struct wanted *w = &u->book->pods[i];
	(void)tag;
	ctx_timer(c, 2000 + ctx_random(c) % 60000, 0);
	if (w->asked || !view_synced(u->pods))
		return 0;
	if (w->wish == WANT_CREATE)
		user_create(c, u, i);
	else if (w->wish == WANT_KEEP && i % 3 == 0 && !w->recreate && ctx_random(c) % 8 == 0)
		w->wish = WANT_DELETE;
	else if (w->wish == WANT_DELETE)
		user_delete(c, u, i);
	else if (w->wish == WANT_GONE && !user_sees(u, i) && i % 2 == 0) {
		w->wish = WANT_CREATE;
		w->recreate = true;
	}
	return 0;
}

static int user_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct user *u = st;
	struct wanted *w = &u->book->pods[tag];
	int64_t code = r->status ? 0 : mp_path_int(r->body, "code", 0);
	struct view_object *o = user_sees(u, (int)tag);
	(void)c;
	w->asked = false;
	/* "Exists": ours, whose answer was lost, or still the one that was deleted. */
	bool ours = !w->gone[0] || (o && !span_is(text_at(o, "metadata.uid"), w->gone));
	if (code == 201 || (code == 409 && ours))
		w->wish = WANT_KEEP;
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
	u->book = ctx_shared(c, "book");
	u->schema = schema_new();
	objects_install(u->schema);
	u->row = schema_find(u->schema, (struct span){0}, span_of("v1"), span_of("pods"));
	u->pods = ctx_follow(c, "pods");
	for (int i = 0; i < PODS; i++)
		u->book->pods[i].asked = false; /* who asked is gone */
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

static const struct cluster_actor extra[] = {
	{"user", "user", &user_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

struct run {
	struct cluster cluster;
	struct sim *sim;
	struct script script;
	struct judge judge;
	struct book book;
};

static void crash_actor(struct run *r)
{
	const struct cluster *c = &r->cluster;
	const struct cluster_actor *a = &c->actors[sim_random(r->sim) % c->actor_count];
	sim_crash_actor(r->sim, a->cell, a->name);
}

static const char *any_cell(struct run *r)
{
	return r->cluster.cells[sim_random(r->sim) % r->cluster.cell_count];
}

static void crash_cell(struct run *r)
{
	sim_crash_cell(r->sim, any_cell(r), cluster_fill, &r->cluster);
}

static void restart_broker(struct run *r)
{
	sim_restart_broker(r->sim);
}

static void partition(struct run *r)
{
	const char *cell = any_cell(r);
	sim_partition(r->sim, cell, sim_random(r->sim) & 1);
}

static void (*const faults[])(struct run *) = {crash_actor, crash_actor, crash_cell, crash_cell,
					       restart_broker, partition, partition};

/* ---- what must be so in the end */

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

static bool fits_somewhere(const struct ledger *l, const struct led_object *pod)
{
	for (struct onode *n = omap_first(&l->nodes); n; n = omap_next(n)) {
		const struct led_node *node = n->value;
		if (node->has.cpu_milli - node->used.cpu_milli >= pod->pod.wants.cpu_milli)
			return true;
	}
	return false;
}

static const char *wrong_with(struct run *r, const struct led_object *o)
{
	struct mp pod = mp_of_bytes(o->value);
	if (o->pod.deleted)
		return "a pod is not deleted yet";
	if (o->pod.bound)
		return o->pod.ended || span_is(mp_path_str(pod, "status.phase"), "Running")
			       ? NULL : "a bound pod does not run";
	if (fits_somewhere(&r->judge.ledger, o))
		return "a pod that fits is not bound";
	return waits_with_reason(pod) ? NULL : "a pod waits without a reason";
}

/* NULL: all is as it must be. */
static const char *unfinished(struct run *r)
{
	const struct ledger *l = &r->judge.ledger;
	static struct err why;
	char key[32];
	for (int i = 0; i < PODS; i++) {
		const struct wanted *w = &r->book.pods[i];
		snprintf(key, sizeof key, "pods/default/p%d", i);
		bool there = ledger_get(l, key) != NULL;
		if (w->asked || (w->wish != WANT_KEEP && w->wish != WANT_GONE))
			return "the user is not done";
		if (w->wish == WANT_KEEP && !w->recreate && i % 3 == 0)
			return "the user will delete it";
		if (there != (w->wish == WANT_KEEP))
			return there ? "a deleted pod is there" : "a pod is lost";
	}
	for (struct onode *n = ledger_first(l, "pods/"); n; n = ledger_next(n, "pods/")) {
		const char *wrong = wrong_with(r, n->value);
		if (wrong)
			return wrong;
	}
	return converged(r->sim, &r->cluster, l, &why) ? NULL : why.text;
}

/* ---- runs */

static void quiet(void)
{
	log_init("off");
}

TestSuite(cluster, .init = quiet);

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "book") == 0 ? arg : NULL;
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct run *r = arg;
	judge_record(&r->judge, 0, revision, record);
}

static void begin(struct run *r, uint64_t seed, bool with_faults)
{
	static const char always[] = "chaos 1\nalways one-binding\nalways capacity\nalways no-return\n"
				     "always rev-monotonic\n";
	struct err e = {0};
	struct sim_config cfg = {
		.seed = seed,
		.latency_min_us = 20,
		.latency_max_us = 3000,
		.bus_loss_permille = with_faults ? 50 : 0,
		.link_loss_permille = with_faults ? 10 : 0,
		.sync_min_us = 100,
		.sync_max_us = 4000,
		.shared = shared,
		.shared_arg = &r->book,
		.committed = on_committed,
		.committed_arg = r,
	};
	struct cluster_wish wish = {
		.nodes = NODES, .node_cpu = "2", .node_pods = 10, .extra = extra};
	cr_assert_eq(script_parse(&r->script, "always", span_of(always), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(&r->script, &e), 0, "%s", e.text);
	judge_init(&r->judge, &r->script);
	cluster_plan(&r->cluster, &wish);
	r->sim = cluster_start(&r->cluster, &cfg);
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
	cr_assert_null(r.judge.violation.name, "seed %llu: %s %s", (unsigned long long)seed,
		       r.judge.violation.name, r.judge.violation.text);
	cr_assert_null(why, "seed %llu does not converge: %s", (unsigned long long)seed, why);
	uint64_t digest = sim_digest(r.sim);
	sim_free(r.sim);
	cluster_fini(&r.cluster);
	judge_fini(&r.judge);
	script_fini(&r.script);
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
	seeds_twice(SEEDS, run_seed);
}
