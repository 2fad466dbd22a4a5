/* A world: where a script runs. The runner (run.h) knows this table only, so
 * that the same tree breaks a simulated cluster and, later, a real one.
 *
 * A fault is on or off at a *spot*: a name that a target of the script means
 * ("n1" of `node n*`). Faults of one spot may overlap; each off takes back
 * its own on. Threads: one. */
#ifndef CHAOS_WORLD_H
#define CHAOS_WORLD_H

#include "tools/chaos/script.h"

struct world;
struct judge;

struct spots {
	const char **names;
	size_t count;
};

/* A fault at a spot. */
struct strike {
	const struct act *act;
	const char *spot;
	int64_t by_us;  /* of a clock: drawn from act->by_us */
	uint64_t chance; /* where its stream of random numbers begins: what it does to
			  * which message depends on its line and seed alone */
};

/* A message between cells, on its way: an end is an actor and a cell, either of
 * which may be "" where the world does not know it, or "broker". */
struct sent_message {
	const char *kind, *from, *from_cell, *to, *to_cell;
};

/* What a user of the cluster wants; it is tried until it is done. */
enum wish_type { WISH_CREATE, WISH_SCALE, WISH_ROLL, WISH_DELETE, WISH_TOUCH, WISH_COMPACT, WISH_CORDON, WISH_TAINT, WISH_EVICT };

struct wish {
	enum wish_type type;
	const struct workload *load; /* create, scale, roll */
	const char *name;            /* delete, evict: pod; touch: key; cordon, taint: node. Outlives the world */
	const struct taint *taint;   /* taint; the effect and key alone, when it is taken back */
	int64_t number;              /* cordon, taint: 0 takes it back */
	bool urgent; /* before those that wait and are not: an operator's */
	bool given_up; /* it is not tried any more */
	bool done;
	int code;          /* of the answer that ended it */
	uint64_t done_us;
};

struct world_type {
	const char *name;
	const char *cannot; /* why this program cannot run it; NULL: it can */
	/* All that a target may mean in the script's cluster, in a fixed order.
	 * A zone's name is no spot: its nodes are. */
	void (*match)(const struct script *s, const struct target *t, struct arena *a,
		      struct spots *out);
	struct world *(*open)(const struct script *s, uint64_t seed, struct judge *j);
	void (*close)(struct world *w);
	uint64_t (*now_us)(struct world *w);
	/* Until then, or until the judge has seen enough or pauses. */
	void (*run)(struct world *w, uint64_t until_us);
	void (*set)(struct world *w, const struct strike *k, bool on);
	/* How much it has affected so far: rises. */
	uint64_t (*touched)(struct world *w, const struct strike *k);
	void (*begin)(struct world *w); /* the warm-up is over: clients may begin */
	void (*wish)(struct world *w, struct wish *wish); /* kept until close */
	void (*heal)(struct world *w); /* all faults off, random ones too */
	/* Every cell and actor is there and connected. */
	bool (*whole)(struct world *w, struct err *why);
	/* Every view equals the store. */
	bool (*converged)(struct world *w, struct err *why);
	/* What nodes hold is what the store says; no two hold one pod. */
	bool (*no_orphans)(struct world *w, struct err *why);
	bool (*one_identity)(struct world *w, struct err *why);
	uint64_t (*digest)(struct world *w); /* 0: this world has no such thing */
	uint64_t (*events)(struct world *w);
	int64_t (*figure)(struct world *w, int figure); /* enum figure (expr.h) */
};

/* The first is the default; ends with NULL. */
extern const struct world_type *const world_types[];
extern const struct world_type world_sim;

#endif
