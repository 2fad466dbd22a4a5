/* Whether a pod may be on a node, and would like to: taints and tolerations,
 * nodeSelector and node affinity, as Kubernetes' component-helpers decide it. Pure;
 * used by whoever places pods or counts where they belong. */
#ifndef OBJECTS_PLACEMENT_H
#define OBJECTS_PLACEMENT_H

#include <stdint.h>

#include "broker/base/mp.h"

/* The strongest effect of the node's taints that the pod does not tolerate. */
enum placement_taint { TAINT_NONE, TAINT_NO_SCHEDULE, TAINT_NO_EXECUTE };

/* `tolerations` is the pod's spec.tolerations, an empty cursor for none.
 * spec.unschedulable counts as the taint node.kubernetes.io/unschedulable. */
enum placement_taint placement_taints(struct mp tolerations, struct mp node);
/* Since when a taint of a node that says no time of its own is there. */
struct placement_clock {
	int64_t (*added_us)(void *arg, struct mp taint);
	void *arg;
};
/* When a pod on the node must leave it, by the node's NoExecute taints: a wall
 * clock time in microseconds since 1970; INT64_MAX: never, INT64_MIN: now. A
 * toleration with seconds counts from when the taint was added (which `clock` knows
 * of one that does not say it; may be NULL) or, when that is later or not known,
 * from `since_us`. */
int64_t placement_leave_us(struct mp tolerations, struct mp node, int64_t since_us,
			   const struct placement_clock *clock);
/* nodeSelector and required node affinity of a pod's spec. */
bool placement_selects(struct mp pod_spec, struct mp node);
/* The weights of those of its preferred terms of node affinity that hold. */
int64_t placement_preference(struct mp pod_spec, struct mp node);
/* How many of the node's taints with the effect PreferNoSchedule are not tolerated. */
int placement_unwelcome(struct mp tolerations, struct mp node);
/* A NodeSelector: one of its nodeSelectorTerms holds. None of them: any node. */
bool placement_node_selector(struct mp selector, struct mp node);

#endif
