/* What is true: every object at the present revision of the journal, folded
 * from its records one by one, outside of all actors. Beside the objects it
 * keeps the figures that invariants ask for, so that judging a revision costs
 * what the revision changed and not what there is.
 *
 * Threads: one. Everything here belongs to the ledger. */
#ifndef CHAOS_LEDGER_H
#define CHAOS_LEDGER_H

#include "actors/scheduler/fit.h"
#include "broker/base/bytes.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "store/local/record.h"

struct led_node;
struct led_owner;

/* What a pod's object says, as far as it matters here. */
struct led_pod {
	bool bound, deleted /* has a deletionTimestamp */, ended, ready;
	int64_t restarts;
	struct resources wants;
	struct led_node *node;   /* NULL: not bound */
	struct led_owner *owner; /* NULL: no controller */
};

/* A revision of an object, as a witness names it. */
struct led_trace {
	uint64_t revision, at_us;
	char by[48], what[80];
};
enum { LED_TRAIL = 3 };

/* An object. One that is gone leaves the ledger after its last revision. */
struct led_object {
	struct span key, stream, name;
	struct bytes *value; /* msgpack */
	uint64_t version, created;
	struct span uid; /* points into value */
	bool is_pod;
	struct led_pod pod;
	struct led_trace trail[LED_TRAIL]; /* its last revisions, the newest first */
	/* of pods: by which revision and whom it was bound */
	uint64_t bound_revision;
	char bound_by[64], bound_node[64];
};

/* A controller, by uid; also one that nobody has seen, when pods name it. */
struct led_owner {
	char name[320]; /* "replicationcontrollers/default/web" */
	bool present;
	int64_t wants, live, live_before; /* before this revision */
	uint64_t wants_revision;
	bool touched; /* by this revision */
};

struct led_node {
	char name[254], zone[64]; /* "": in none */
	bool present;
	struct resources has, used, used_before;
	bool touched;
};

/* One change of the revision at hand; `was` of a created one is NULL, and so
 * is `now` of a deleted one. */
struct led_change {
	struct led_object *was, *now; /* the trail of one that is gone ends with that */
	const struct record_change *raw;
	uint64_t token; /* the key's version before this revision, 0 none */
};

struct ledger {
	uint64_t revision, records, now_us; /* now_us: set before a fold */
	struct omap objects; /* key -> struct led_object */
	struct omap owners;  /* uid -> struct led_owner */
	struct omap nodes;   /* name -> struct led_node */
	struct record record; /* of the revision at hand */
	struct led_change changes[STORE_OPS_MAX];
	size_t change_count;
};

/* Folds one record. ERR_CORRUPT: it is none. What it changed stands in
 * `record` and `changes` until the next. */
int ledger_fold(struct ledger *l, uint64_t revision, struct span record);
/* Forgets what was gone with that revision; before the next fold. */
void ledger_close(struct ledger *l);
void ledger_fini(struct ledger *l);

/* "pods/default/web-x" as people say it. */
struct led_object *ledger_get(const struct ledger *l, const char *key);
/* Neither deleted nor ended. */
static inline bool led_pod_lives(const struct led_object *o)
{
	return o && o->is_pod && !o->pod.deleted && !o->pod.ended;
}
/* Leases of nodes are soft keys: no journal has them, so no ledger. */
extern const char ledger_soft[]; /* what they begin with */
bool ledger_is_soft(struct span key);
/* The kind of controller that a stream holds; false: none. */
bool ledger_is_controller(struct span stream);
/* Its keys begin with the first argument: 0 for the first object, NULL at the end. */
struct onode *ledger_first(const struct ledger *l, const char *prefix);
struct onode *ledger_next(struct onode *n, const char *prefix);

#endif
