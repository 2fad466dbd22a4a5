/* Nodes that are cut off for minutes, under every other kind of fault: pods that
 * bear it for ever, for a while and not at all, and a user who taints nodes.
 *
 * At every revision: who drives pods out has a taint for it whose time has come;
 * the garbage collector of pods takes none that lives on a node; a pod that bears
 * everything is never deleted. In the end: all nodes are Ready and bear no taint
 * but the user's, and there are as many ready pods as asked for. Without faults
 * no node is ever thought to be lost. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/node_health.h"
#include "actors/objects/placement.h"
#include "actors/schema/conditions.h"
#include "broker/base/log.h"
#include "broker/catalogue.h"
#include "tests/lib/doc_text.h"
#include "tests/lib/seeds.h"
#include "tests/lib/storm.h"

enum { SEEDS = 15, NODES = 4, FAULTS = 14, EVENTS_MAX = 1500000 };

/* ---- the user */

struct user {
	struct storm_user storm; /* first */
};

static const char *const user_streams[] = {"pods", "namespaces", "nodes", "replicasets.apps", NULL};

/* What the pods of each set bear. */
static const struct set {
	const char *name, *tolerations;
	int64_t replicas;
} sets[] = {
	{"short", "{'key':'node.kubernetes.io/unreachable','operator':'Exists','effect':'NoExecute',"
		  "'tolerationSeconds':20}", 3},
	{"usual", "", 4},
	{"all", "{'operator':'Exists'}", 3},
};
enum { SETS = sizeof sets / sizeof *sets };

static struct doc *set_doc(struct arena *a, const struct set *s)
{
	return doc_quoted(a, arena_printf(
		a,
		"{'metadata':{'name':'%s'},'spec':{'replicas':%d,'selector':{'matchLabels':{'app':"
		"'%s'}},'template':{'metadata':{'labels':{'app':'%s'}},'spec':{'tolerations':[%s],"
		"'terminationGracePeriodSeconds':1,'containers':[{'name':'c','image':'none','resources':{'requests':{'cpu':'500m'}}}]}}}}",
		s->name, (int)s->replicas, s->name, s->name, s->tolerations));
}

/* A taint of the user's comes or goes; those of others stay, since it rests on
 * what was there. */
static void taint(struct ctx *c, struct user *u, int slot)
{
	char key[40];
	snprintf(key, sizeof key, "nodes/n%d", 1 + (int)(ctx_random(c) % NODES));
	struct view_object *o = view_get(u->storm.views[2], span_of(key));
	if (!o)
		return;
	struct writing *w = storm_user_write(c, &u->storm, slot, "nodes", OBJ_PATCH_MERGE);
	struct arena *a = &w->arena;
	struct doc *node = object_tree(a, object_of(o)), *list = doc_path(node, "spec.taints");
	struct doc *kept = doc_new(a, DOC_ARRAY), *body = doc_new(a, DOC_MAP), *mine = NULL;
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
		if (doc_str_is(doc_get(d, "key"), "user"))
			mine = d;
		else
			doc_add(kept, doc_copy(a, d));
	if (!mine) {
		mine = doc_add(kept, doc_new(a, DOC_MAP));
		doc_set_str(a, mine, "key", "user");
		doc_set_str(a, mine, "effect", "NoExecute");
	}
	doc_set(a, doc_set(a, body, "spec", doc_new(a, DOC_MAP)), "taints",
		kept->count ? kept : doc_new(a, DOC_NULL));
	struct doc *meta = doc_set(a, body, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "resourceVersion", doc_printf(a, "%llu", (unsigned long long)o->version));
	w->request.name = span_of(arena_dup(a, key + 6));
	w->request.body = body;
	storm_user_ask(c, &u->storm, slot);
}

/* One that is not there yet: the first try may have come before its namespace. */
static const struct set *missing_set(const struct user *u)
{
	char key[60];
	for (size_t i = 0; i < SETS; i++) {
		snprintf(key, sizeof key, "replicasets.apps/default/%s", sets[i].name);
		if (!view_get(u->storm.views[3], span_of(key)))
			return &sets[i];
	}
	return NULL;
}

static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct user *u = st;
	(void)tag;
	if (*u->storm.quiet)
		return 0;
	int slot = storm_user_slot(&u->storm);
	ctx_timer(c, 1000000 + ctx_random(c) % 30000000, 0);
	if (slot < 0)
		return 0;
	const struct set *s = missing_set(u);
	if (s) {
		struct writing *w =
			storm_user_write(c, &u->storm, slot, "replicasets.apps", OBJ_CREATE);
		w->request.namespace = span_of("default");
		w->request.body = set_doc(&w->arena, s);
		storm_user_ask(c, &u->storm, slot);
	} else if (ctx_random(c) % 4 == 0) {
		taint(c, u, slot);
	}
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)cfg;
	return storm_user_init(c, st, user_streams);
}

static const struct actor_spec user_spec = {
	STORM_USER_HANDLERS,
	.state_bytes = sizeof(struct user),
	.init = user_init,
	.on_timer = user_timer,
};

static const struct cluster_actor extra[] = {
	{"user", "user", &user_spec, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

/* ---- the judge */

struct run {
	struct storm storm; /* first */
	bool faults;
	uint64_t evicted, unknown;
};

static const struct led_object *node_of(const struct run *r, struct mp pod)
{
	char key[300];
	struct span name = mp_path_str(pod, "spec.nodeName");
	snprintf(key, sizeof key, "nodes/%.*s", (int)name.len, (const char *)name.data);
	return name.len ? ledger_get(&r->storm.ledger, key) : NULL;
}

static bool bears_everything(struct mp pod)
{
	return span_is(object_label(pod, "app"), "all");
}

static int64_t since_us(struct mp pod)
{
	struct mp scheduled;
	int64_t us = 0;
	if (condition_find(pod, span_of("PodScheduled"), &scheduled))
		us = object_time_us(scheduled, "lastTransitionTime");
	return us ? us : object_time_us(pod, "metadata.creationTimestamp");
}

static void judge_eviction(struct run *r, struct mp pod, struct span key)
{
	const struct led_object *node = node_of(r, pod);
	struct mp tolerations = {0};
	mp_path(pod, "spec.tolerations", &tolerations);
	r->evicted++;
	if (!node || placement_leave_us(tolerations, value_of(node), since_us(pod), NULL) >
			     r->storm.ledger.record.origin.wall_us)
		storm_wrong(&r->storm, "driven out before its time", key);
}

static void judge_pod(struct run *r, const struct led_change *x)
{
	struct span who = r->storm.ledger.record.origin.principal;
	bool deleted = x->was && !is_deleting(x->was) && (!x->now || is_deleting(x->now));
	if (!deleted)
		return;
	struct mp pod = value_of(x->was);
	if (bears_everything(pod) && !x->was->pod.ended)
		storm_wrong(&r->storm, "a pod that bears everything was deleted", x->was->key);
	if (span_is(who, "taint-eviction-controller"))
		judge_eviction(r, pod, x->was->key);
	if (span_is(who, "pod-garbage-collector") && !x->was->pod.ended && node_of(r, pod))
		storm_wrong(&r->storm, "taken from a node that is there", x->was->key);
}

static void judge_node(struct run *r, const struct led_change *x)
{
	bool lost = x->now && node_ready(value_of(x->now)) == NODE_UNKNOWN;
	r->unknown += lost;
	if (lost && !r->faults)
		storm_wrong(&r->storm, "thought to be lost", x->now->key);
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct run *r = arg;
	const struct ledger *l = &r->storm.ledger;
	judge_record(&r->storm.judge, 0, revision, record);
	cr_assert_eq(ledger_fold(&r->storm.ledger, revision, record), 0);
	for (size_t i = 0; i < l->change_count; i++) {
		const struct led_change *x = &l->changes[i];
		const struct led_object *o = x->now ? x->now : x->was;
		if (o && o->is_pod)
			judge_pod(r, x);
		else if (o && span_is(o->stream, "nodes"))
			judge_node(r, x);
	}
	ledger_close(&r->storm.ledger);
}

/* ---- the end */

static const char *wrong_node(const struct led_object *o)
{
	struct mp node = value_of(o);
	if (node_ready(node) != NODE_READY)
		return "a node is not ready";
	return node_has_taint(node, TAINT_UNREACHABLE, NULL) ||
			       node_has_taint(node, TAINT_NOT_READY, NULL)
		       ? "a node that lives is tainted"
		       : NULL;
}

static bool is_free(const struct led_object *node)
{
	return !node_has_taint(value_of(node), "user", NULL);
}

static const char *unfinished(const struct run *r)
{
	const struct ledger *l = &r->storm.ledger;
	int64_t ready[SETS] = {0};
	bool room = false;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		if (span_is(o->stream, "nodes")) {
			const char *wrong = wrong_node(o);
			if (wrong)
				return wrong;
			room |= is_free(o);
		}
		if (!o->is_pod)
			continue;
		if (o->pod.deleted)
			return "a pod is on its way out";
		for (int i = 0; i < SETS; i++)
			ready[i] += o->pod.ready && span_is(object_label(value_of(o), "app"), sets[i].name);
	}
	for (int i = 0; i < SETS; i++)
		if ((room || i == SETS - 1) && ready[i] != sets[i].replicas)
			return "pods are missing";
	return NULL;
}

static void fault(struct storm *s)
{
	if (sim_random(s->sim) % 2) {
		storm_fault(s);
		return;
	}
	/* A node is alone for up to seven minutes. */
	char cell[16];
	snprintf(cell, sizeof cell, "n%d", 1 + (int)(sim_random(s->sim) % NODES));
	sim_cut(s->sim, cell, 1 + (unsigned)(sim_random(s->sim) % 3));
	sim_run(s->sim, sim_now_us(s->sim) + sim_random(s->sim) % 420000000, NULL, NULL);
	if (sim_random(s->sim) % 2)
		sim_heal(s->sim);
}

static uint64_t run_nodes(uint64_t seed, bool with_faults)
{
	struct run r = {.storm.seed = seed, .faults = with_faults};
	const char *why = "it was not asked";
	storm_begin(&r.storm, &(struct storm_wish){.always = "chaos 1\nalways one-binding\n"
							     "always no-return\nalways rev-monotonic\n",
						   .nodes = NODES,
						   .extra = extra,
						   .committed = on_committed,
						   .faults = with_faults});
	/* The sets are there before the first node is lost. */
	sim_run(r.storm.sim, 200000000, NULL, NULL);
	storm_rage(&r.storm, FAULTS, with_faults, fault);
	for (int i = 0; why && i < 900; i++) {
		sim_run(r.storm.sim, sim_now_us(r.storm.sim) + 1000000, NULL, NULL);
		why = unfinished(&r);
	}
	cr_assert_null(why, "seed %llu does not converge: %s %s", (unsigned long long)seed, why,
		       r.storm.wrong);
	if (getenv("NODES_TOLD"))
		fprintf(stderr, "seed %llu: %llu evicted, %llu lost, %llu s\n",
			(unsigned long long)seed, (unsigned long long)r.evicted,
			(unsigned long long)r.unknown,
			(unsigned long long)(sim_now_us(r.storm.sim) / 1000000));
	return storm_end(&r.storm, EVENTS_MAX);
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(nodes, .init = quiet);

Test(nodes, live_as_long_as_nothing_goes_wrong)
{
	storm_without_faults(run_nodes);
}

/* What one message loses is told again soon, not after a kubelet's ten seconds,
 * and by many nodes not at once. */
static void lose_first_report(void *arg, const struct sim_message *m, struct sim_fate *out)
{
	bool *lost = arg;
	if (*lost || !m->request || !span_is(m->to, "gate") || !span_is(m->from, "node-agent/n2") ||
	    m->kind != catalogue_by_name(&cluster_catalogue, "node.status")->number)
		return;
	*lost = true;
	out->copies = 0;
}

Test(nodes, whose_registration_is_lost_register_again_soon)
{
	bool lost = false;
	struct run r = {.storm.seed = 1};
	struct sim_faults faults = {.arg = &lost, .message = lose_first_report};
	storm_begin(&r.storm, &(struct storm_wish){.always = "chaos 1\nalways rev-monotonic\n",
						   .nodes = NODES,
						   .extra = extra,
						   .committed = on_committed});
	sim_set_faults(r.storm.sim, &faults);
	for (int i = 0; i < 100 && !ledger_get(&r.storm.ledger, "nodes/n1"); i++)
		sim_run(r.storm.sim, sim_now_us(r.storm.sim) + 50000, NULL, NULL);
	cr_assert(ledger_get(&r.storm.ledger, "nodes/n1"));
	cr_assert(lost);
	cr_assert_null(ledger_get(&r.storm.ledger, "nodes/n2"));
	sim_run(r.storm.sim, sim_now_us(r.storm.sim) + 4000000, NULL, NULL);
	cr_expect(ledger_get(&r.storm.ledger, "nodes/n2"), "within 4 s");
	storm_end(&r.storm, EVENTS_MAX);
}

Test(nodes, are_lost_and_come_back_through_every_kind_of_fault, .timeout = 3600)
{
	seeds_twice(SEEDS, run_nodes);
}
