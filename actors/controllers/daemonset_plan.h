/* What a daemon set is to do, node by node, as arithmetic over facts.
 *
 *	node that is meant, without a pod     one is made
 *	node that is meant, with several      the one that was there first stays
 *	node that is not meant (any more)     its pods go
 *	pod that has ended                    goes, after a pause that grows
 *	pod of an older template              goes, as far as unavailability lets
 *	                                      it, or a new one comes beside it, as
 *	                                      far as surge lets it
 *
 * After daemon_controller.go and update.go of Kubernetes. Pure; results are in
 * the caller's arena. */
#ifndef CONTROLLERS_DAEMONSET_PLAN_H
#define CONTROLLERS_DAEMONSET_PLAN_H

#include "actors/controllers/replica.h"

enum { DAEMON_BATCH = 250 }; /* pods made or deleted by one plan */

struct daemon_node {
	struct span name;
	bool meant;    /* a pod is made there */
	bool may_stay; /* one that is there may stay */
};

struct daemon_pod {
	const struct replica *pod;
	struct span node;  /* where it is, or is meant to go */
	bool updated;	   /* of the template of now */
	bool available;
	int64_t wait_us;   /* ended: how long it is kept yet */
};

struct daemon_want {
	bool rolling, deleting;
	int64_t unavailable, surge; /* at most, of the nodes that are meant */
};

struct daemonset_plan {
	struct span *create; /* names of nodes */
	const struct daemon_pod **remove;
	size_t create_count, remove_count;
	int64_t desired, current, misscheduled, ready, updated, available;
	int64_t wait_us; /* until an ended pod may go; 0: none waits */
};

/* `nodes` in the order of names; `pods` is ordered by the plan. */
void daemonset_plan(struct arena *a, const struct daemon_node *nodes, size_t node_count,
		    struct daemon_pod *pods, size_t pod_count, const struct daemon_want *want,
		    struct daemonset_plan *out);

#endif
