/* What a stateful set is to do with its pods, as arithmetic over facts.
 *
 *	in order (OrderedReady)  one step at a time: a pod that is missing is made
 *	                         when all below it are ready, and the highest that
 *	                         is too many goes when all others are ready
 *	Parallel                 all of that at once
 *	then, RollingUpdate      from the highest number down to the partition, the
 *	                         next one of another revision goes when all above
 *	                         it are ready
 *
 * After stateful_set_control.go of Kubernetes. Pure; results are in the
 * caller's arena. */
#ifndef CONTROLLERS_STATEFULSET_PLAN_H
#define CONTROLLERS_STATEFULSET_PLAN_H

#include "actors/controllers/replica.h"

struct ordinal_pod {
	const struct replica *pod;
	int64_t ordinal;
	struct span revision; /* that its label names */
	bool available;
};

struct statefulset_want {
	int64_t start, replicas, partition;
	bool ordered, rolling, deleting;
	struct span current, update; /* names of revisions */
};

struct ordinal_create {
	int64_t ordinal;
	bool of_current; /* of the current revision, not of the one it rolls to */
};

struct ordinal_remove {
	const struct ordinal_pod *pod;
	bool condemned; /* its number is none of the set's any more */
};

struct statefulset_plan {
	struct ordinal_create *create;
	struct ordinal_remove *remove;
	size_t create_count, remove_count;
	/* Of the status; `complete`: the current revision is the one rolled to. */
	int64_t replicas, ready, available, current, updated;
	bool complete;
};

enum { STATEFUL_MAX = 100000 }; /* pods of one set */

/* The number in a pod's name; -1: the name is not one of the set's. */
int64_t statefulset_ordinal(struct span set, struct span pod);

/* `pods` is ordered by the plan. */
void statefulset_plan(struct arena *a, struct ordinal_pod *pods, size_t count,
		      const struct statefulset_want *want, struct statefulset_plan *out);

#endif
