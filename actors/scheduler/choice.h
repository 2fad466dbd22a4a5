/* The best of the nodes that take a pod: what there is of room, and what the pod and those
 * that are there would like.
 *
 * Each wish is brought to 0..100 over all candidates, as in Kubernetes, and has its weight:
 * taints 3, node affinity, pod affinity and spread 2. Of equals the one with fewer pods: full
 * nodes are alike. Pure. */
#ifndef SCHEDULER_CHOICE_H
#define SCHEDULER_CHOICE_H

#include "broker/base/bytes.h"

struct candidate {
	struct span name;
	int room;	    /* fit_score: 0 to 200 */
	int64_t pods;	    /* that are there */
	int64_t preference; /* weights of the pod's node affinity that hold; more is better */
	int64_t unwelcome;  /* PreferNoSchedule taints that it does not tolerate; less is better */
	int64_t affinity;   /* near_affinity; more is better */
	int64_t spread;	    /* near_spread, replicas_spread; less is better, -1 is worst */
	int images;	    /* images_score: 0 to 100 */
};

/* NULL: there are none. */
const struct candidate *choice_best(const struct candidate *all, size_t count);

#endif
