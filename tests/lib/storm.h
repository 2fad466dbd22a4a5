/* A simulated cluster that a test breaks: its world with a judge at every
 * revision, the faults that are drawn, and a user who draws what to do and does
 * not care how it ends. */
#ifndef TESTS_STORM_H
#define TESTS_STORM_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/object.h"
#include "actors/objects/writing.h"
#include "broker/base/mem.h"
#include "tools/chaos/converge.h"
#include "tools/chaos/invariants.h"

/* ---- the user: an actor's state begins with this */

enum { STORM_WRITES = 4, STORM_VIEWS_MAX = 12 };

struct storm_user {
	struct schema *schema;
	const char *const *streams; /* that it follows; ends with NULL */
	struct view *views[STORM_VIEWS_MAX];
	struct writing *writing[STORM_WRITES];
	bool *quiet; /* the storm's: nothing more is done */
};

static inline struct view *storm_view(void *arg, struct span stream)
{
	struct storm_user *u = arg;
	for (size_t i = 0; u->streams[i]; i++)
		if (span_is(stream, u->streams[i]))
			return u->views[i];
	return NULL;
}

static inline int storm_user_init(struct ctx *c, struct storm_user *u, const char *const *streams)
{
	u->quiet = ctx_shared(c, "quiet");
	u->streams = streams;
	u->schema = schema_new();
	objects_install(u->schema);
	for (size_t i = 0; streams[i]; i++)
		u->views[i] = ctx_follow(c, streams[i]);
	ctx_timer(c, 1000, 0);
	return 0;
}

static inline void storm_user_end(struct storm_user *u, int slot)
{
	writing_fini(u->writing[slot]);
	free(u->writing[slot]);
	u->writing[slot] = NULL;
}

/* A place for one more write; -1: not now. */
static inline int storm_user_slot(const struct storm_user *u)
{
	int slot = 0;
	while (slot < STORM_WRITES && u->writing[slot])
		slot++;
	for (size_t i = 0; u->streams[i]; i++)
		if (!view_synced(u->views[i]))
			return -1;
	return slot < STORM_WRITES ? slot : -1;
}

/* The write of a slot, begun; it is asked by writing_start. */
static inline struct writing *storm_user_write(struct ctx *c, struct storm_user *u, int slot,
					       const char *resource, enum obj_verb verb)
{
	struct writing *w = u->writing[slot] = mem_alloc(sizeof *w);
	writing_init(c, w, u->schema, schema_find_stream(u->schema, span_of(resource)), verb,
		     storm_view, u);
	w->request.origin.principal = span_of("user");
	return w;
}

static inline void storm_user_ask(struct ctx *c, struct storm_user *u, int slot)
{
	if (writing_start(c, u->writing[slot], (uint64_t)slot))
		storm_user_end(u, slot);
}

static inline int storm_user_outcome(struct ctx *c, void *st, uint64_t tag,
				     const struct store_outcome *o)
{
	struct storm_user *u = st;
	if (u->writing[tag] && writing_outcome(c, u->writing[tag], o, tag))
		storm_user_end(u, (int)tag);
	return 0;
}

static inline void storm_user_fini(void *st)
{
	struct storm_user *u = st;
	for (int i = 0; i < STORM_WRITES; i++)
		if (u->writing[i])
			storm_user_end(u, i);
	schema_free(u->schema);
}

/* Of an actor's spec: the user's own are init and on_timer. */
#define STORM_USER_HANDLERS                                                                        \
	.kind = "user", .on_outcome = storm_user_outcome, .fini = storm_user_fini

/* ---- objects of the ledger */

static inline struct mp value_of(const struct led_object *o)
{
	return o ? mp_of_bytes(o->value) : (struct mp){0};
}

static inline bool is_deleting(const struct led_object *o)
{
	return o && object_is_deleting(value_of(o));
}

/* ---- the world */

struct storm {
	struct cluster cluster;
	struct sim *sim;
	struct script script;
	struct judge judge;   /* of the invariants with a name */
	struct ledger ledger; /* of what is particular to the test */
	uint64_t seed;
	bool quiet, calm; /* calm: without faults */
	void *world;	  /* the test's, for its actors and ports: "world" */
	char wrong[400]; /* the first thing that must not be */
};

static inline void storm_wrong(struct storm *s, const char *what, struct span key)
{
	if (!s->wrong[0])
		snprintf(s->wrong, sizeof s->wrong, "r%llu: %s: %.*s",
			 (unsigned long long)s->ledger.revision, what, (int)key.len,
			 (const char *)key.data);
}

static inline void *storm_shared(void *arg, const char *name)
{
	struct storm *s = arg;
	return strcmp(name, "quiet") == 0 ? &s->quiet : strcmp(name, "world") == 0 ? s->world : NULL;
}

struct storm_wish {
	const char *always; /* a script: which invariants hold at every revision */
	size_t nodes;
	const struct cluster_actor *extra;
	const struct port_driver *const *drivers; /* may be NULL */
	/* Called for each record, with the storm; folds it into the ledger. */
	void (*committed)(void *storm, uint64_t revision, struct span record);
	bool faults;
};

static inline void storm_begin(struct storm *s, const struct storm_wish *w)
{
	struct err e = {0};
	struct sim_config cfg = {
		.seed = s->seed,
		.latency_min_us = 20,
		.latency_max_us = 3000,
		.bus_loss_permille = w->faults ? 200 : 0,
		.link_loss_permille = w->faults ? 10 : 0,
		.sync_min_us = 100,
		.sync_max_us = 4000,
		.drivers = w->drivers,
		.shared = storm_shared,
		.shared_arg = s,
		.committed = w->committed,
		.committed_arg = s,
	};
	struct cluster_wish wish = {.nodes = w->nodes,
				    .node_cpu = "8",
				    .node_pods = 60,
				    .workloads = true,
				    .apart = true,
				    .extra = w->extra};
	s->calm = !w->faults;
	cr_assert_eq(script_parse(&s->script, "always", span_of(w->always), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(&s->script, &e), 0, "%s", e.text);
	judge_init(&s->judge, &s->script);
	cluster_plan(&s->cluster, &wish);
	s->sim = cluster_start(&s->cluster, &cfg);
}

/* A turn that fails by itself is no fault that anybody drew. */
static inline void storm_nobody_failed(struct storm *s)
{
	for (size_t i = 0; i < s->cluster.actor_count; i++) {
		const struct cluster_actor *a = &s->cluster.actors[i];
		struct cell *c = sim_cell(s->sim, a->cell);
		cr_assert(c && cell_actor_restarts(c, a->name) == 0, "seed %llu: %s began anew",
			  (unsigned long long)s->seed, a->name);
	}
}

/* Asserts that nothing was wrong in at most so many events (more, and somebody
 * runs in a circle). Returns the history's digest. */
static inline uint64_t storm_end(struct storm *s, uint64_t events_max)
{
	cr_assert_null(s->judge.violation.name, "seed %llu: %s %s", (unsigned long long)s->seed,
		       s->judge.violation.name, s->judge.violation.text);
	cr_assert_str_empty(s->wrong, "seed %llu: %s", (unsigned long long)s->seed, s->wrong);
	cr_assert_lt(sim_events(s->sim), events_max, "seed %llu: %llu events",
		     (unsigned long long)s->seed, (unsigned long long)sim_events(s->sim));
	if (s->calm)
		storm_nobody_failed(s);
	uint64_t digest = sim_digest(s->sim);
	sim_free(s->sim);
	cluster_fini(&s->cluster);
	judge_fini(&s->judge);
	ledger_fini(&s->ledger);
	script_fini(&s->script);
	return digest;
}

/* ---- faults */

static inline const char *storm_any_cell(struct storm *s)
{
	return s->cluster.cells[sim_random(s->sim) % s->cluster.cell_count];
}

/* One that is drawn: actors and cells crash, the broker begins again, links are
 * cut, a cell stands still. */
static inline void storm_fault(struct storm *s)
{
	switch (sim_random(s->sim) % 9) {
	case 0:
	case 1:
	case 2: {
		const struct cluster_actor *a =
			&s->cluster.actors[sim_random(s->sim) % s->cluster.actor_count];
		sim_crash_actor(s->sim, a->cell, a->name);
		break;
	}
	case 3:
	case 4:
		sim_crash_cell(s->sim, storm_any_cell(s), cluster_fill, &s->cluster);
		break;
	case 5:
		sim_restart_broker(s->sim);
		break;
	case 6:
	case 7: {
		const char *cell = storm_any_cell(s);
		sim_cut(s->sim, cell, (unsigned)(sim_random(s->sim) % 4));
		break;
	}
	default: {
		const char *cell = storm_any_cell(s);
		sim_pause_cell(s->sim, cell, sim_random(s->sim) & 1);
	}
	}
}

/* So many faults, up to a second apart; then the world heals and the user rests. */
static inline void storm_rage(struct storm *s, int faults, bool with_faults,
			      void (*fault)(struct storm *))
{
	for (int i = 0; i < faults; i++) {
		sim_run(s->sim, sim_now_us(s->sim) + 20000 + sim_random(s->sim) % 1000000, NULL,
			NULL);
		if (with_faults)
			fault(s);
	}
	sim_heal(s->sim);
	s->quiet = true;
}

/* ---- seeds: one is one history */

static inline void storm_without_faults(uint64_t (*run)(uint64_t seed, bool with_faults))
{
	uint64_t a = run(1, false), b = run(1, false), other = run(2, false);
	cr_expect_eq(a, b, "one seed is one history");
	cr_expect_neq(a, other);
}

#endif
