/* Terms, and what a pod asks of them; near.c keeps them, near_plan.c reads them. */
#ifndef SCHEDULER_NEAR_PRIVATE_H
#define SCHEDULER_NEAR_PRIVATE_H

#include "actors/scheduler/near.h"

/* On one node. */
struct tally {
	int64_t here, leaving; /* pods of the term; those of them that are being deleted */
	int64_t held;	       /* pods that must have none of them near */
	int64_t liked;	       /* weights of those that would like to, or (below 0) not to */
};

struct near_term {
	struct bytes *key; /* [topology key or "", part...]; a pod of it is of all parts */
	struct omap on;	   /* node -> struct tally */
	size_t askers;
	bool of_namespaces;
};

enum ask_kind { ASK_AFFINITY, ASK_ANTI, ASK_LIKE, ASK_SPREAD, ASK_SPREAD_SOFT };

struct ask {
	enum ask_kind kind;
	struct near_term *term;
	char *topology;
	int64_t weight; /* of ASK_LIKE */
	int64_t skew, domains; /* of ASK_SPREAD: at most so uneven; over so many at least */
	bool any_node;	 /* nodes that its node affinity keeps it from count as well */
	bool untainted; /* those that it does not tolerate do not */
};

struct near_asks {
	struct ask *all;
	size_t count;
};

/* Goes into a list; 0 where there is none. */
static inline size_t near_items(struct mp *list)
{
	size_t n;
	return mp_array(list, &n) ? 0 : n;
}

bool near_matches(struct near *n, const struct near_term *t, struct mp pod);

#endif
