/* The gate's events in a simulated cluster: those that come together go
 * together, each is written though others are refused, and nobody fills the
 * store with what he says about one object. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "actors/gate/gate_private.h"
#include "actors/runtime/view.h"
#include "tools/chaos/cluster.h"

enum { OBJECTS = 100, BURST = 25, OFTEN = 40 };

/* What a test lets its speaker say, once the namespace is there; `twice`: again
 * when it has taken the Events of the first time away. */
struct speech {
	void (*say)(struct ctx *c);
	bool said, twice, taken;
};

enum { FORGET_US = 2000000, AGAIN_US = 2000000 };

static void say(struct ctx *c, const char *ns, const char *name, const char *message)
{
	struct buf b = {0};
	mpw_map(&b, 8);
	mpw_kv_str(&b, "kind", "ConfigMap");
	mpw_kv_str(&b, "namespace", ns);
	mpw_kv_str(&b, "name", name);
	mpw_kv_str(&b, "uid", name);
	mpw_kv_str(&b, "type", "Normal");
	mpw_kv_str(&b, "reason", "Said");
	mpw_kv_str(&b, "message", message);
	mpw_kv_str(&b, "component", "speaker");
	ctx_send(c, "gate", "event.record", &b, 0);
}

struct speaker {
	struct view *events;
};

static int speaker_init(struct ctx *c, void *state, struct mp cfg)
{
	struct speaker *s = state;
	(void)cfg;
	ctx_follow(c, "namespaces");
	s->events = ctx_follow(c, "events");
	return 0;
}

static void take_away(struct ctx *c, const struct speaker *s)
{
	struct store_op ops[STORE_OPS_MAX];
	size_t n = 0;
	for (struct onode *o = omap_first(view_map(s->events)); o && n < STORE_OPS_MAX; o = omap_next(o))
		ops[n++] = (struct store_op){.verb = STORE_DELETE, .key = onode_key(o)};
	ctx_txn(c, &(struct store_txn){.then_ops = ops, .then_count = n}, 1);
	ctx_timer(c, AGAIN_US, 0);
}

static int speaker_on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct speech *s = ctx_shared(c, "speech");
	(void)tag;
	if (s->taken)
		s->say(c);
	else
		take_away(c, state);
	s->taken = true;
	return 0;
}

static int speaker_on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	(void)c, (void)state, (void)tag;
	cr_expect_eq(o->status, 0);
	return 0;
}

static int speaker_on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct speech *s = ctx_shared(c, "speech");
	(void)state;
	if (!s->said && v->now && v->key.len && span_is(view_stream(v->view), "namespaces") &&
	    span_is(mp_path_str(mp_of_bytes(v->now->value), "metadata.name"), "default")) {
		s->said = true;
		s->say(c);
		if (s->twice)
			ctx_timer(c, FORGET_US, 0);
	}
	return 0;
}

static const struct actor_spec speaker = {
	.kind = "speaker",
	.state_bytes = sizeof(struct speaker),
	.init = speaker_init,
	.on_view = speaker_on_view,
	.on_timer = speaker_on_timer,
	.on_outcome = speaker_on_outcome,
};

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "speech") == 0 ? arg : NULL;
}

/* What the gate has and how many Events there are, when all is quiet. */
struct told {
	size_t events;
	uint64_t transactions, dropped;
};

static struct told run_speech(struct speech speech)
{
	static const struct cluster_actor extra[] = {{.cell = "speaker", .name = "speaker", .spec = &speaker},
						     {.cell = NULL}};
	struct sim_config cfg = {
		.seed = 7,
		.latency_min_us = 20,
		.latency_max_us = 200,
		.sync_min_us = 1000,
		.sync_max_us = 4000,
		.shared = shared,
		.shared_arg = &speech,
	};
	struct cluster cluster = {0};
	struct cluster_wish wish = {.node_cpu = "1", .node_pods = 10, .extra = extra};
	cluster_plan(&cluster, &wish);
	struct sim *sim = cluster_start(&cluster, &cfg);
	sim_run(sim, sim_now_us(sim) + 10000000, NULL, NULL);
	cr_assert(speech.said);
	struct cell *core = sim_cell(sim, cluster.cells[0]);
	const struct gate *g = cell_actor_state(core, "gate");
	cr_assert_not_null(g);
	struct told t = {view_count(g->event_view), g->event_queue.transactions, g->dropped};
	cr_expect_eq(g->jobs.count, 0, "all of them are over");
	cr_expect_eq(cell_actor_restarts(core, "gate"), 0);
	sim_free(sim);
	cluster_fini(&cluster);
	return t;
}

static struct told run(void (*what)(struct ctx *c))
{
	return run_speech((struct speech){.say = what});
}

static void about_many(struct ctx *c)
{
	char name[32];
	for (int i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof name, "m%d", i);
		say(c, "default", name, "it is there");
	}
}

Test(events, that_come_together_go_together)
{
	struct told t = run(about_many);
	cr_expect_eq(t.events, OBJECTS);
	cr_expect_leq(t.transactions, 1 + OBJECTS / EVENTS_TOGETHER_MAX + 2, "%llu",
		      (unsigned long long)t.transactions);
	cr_expect_eq(t.dropped, 0);
}

static void one_is_refused(struct ctx *c)
{
	char name[32];
	for (int i = 0; i < OBJECTS; i++) {
		snprintf(name, sizeof name, "m%d", i);
		say(c, i == OBJECTS / 2 ? "nowhere" : "default", name, "it is there");
	}
}

Test(events, are_written_though_one_among_them_is_refused)
{
	struct told t = run(one_is_refused);
	cr_expect_eq(t.events, OBJECTS - 1);
}

static void always_of_one(struct ctx *c)
{
	char message[32];
	for (int i = 0; i < OFTEN; i++) {
		snprintf(message, sizeof message, "the %d. time", i);
		say(c, "default", "m", message);
	}
}

/* Nine are themselves, the tenth and those behind it are one. */
Test(events, of_one_object_by_one_component_are_combined_and_not_more_than_a_burst)
{
	struct told t = run(always_of_one);
	cr_expect_eq(t.events, 10);
	cr_expect_eq(t.dropped, OFTEN - BURST);
}

static void about_ten(struct ctx *c)
{
	char name[32];
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "m%d", i);
		say(c, "default", name, "it is there");
	}
}

/* The same again is the count of an Event, and whole where somebody has deleted
 * that. */
Test(events, that_were_deleted_are_made_again)
{
	struct told t = run_speech((struct speech){.say = about_ten, .twice = true});
	cr_expect_eq(t.events, 10);
	cr_expect_eq(t.dropped, 0);
}
