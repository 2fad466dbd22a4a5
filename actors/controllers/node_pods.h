/* The pods of a node, by an index of the view of pods that all controllers of a
 * cell share. */
#ifndef CONTROLLERS_NODE_PODS_H
#define CONTROLLERS_NODE_PODS_H

#include "actors/controllers/object.h"

/* Under spec.nodeName; pods of no node are under nothing. No facts. */
extern const struct view_index_spec pods_by_node;

/* Whether it has ended: Succeeded or Failed. */
static inline bool pod_has_ended(struct mp pod)
{
	struct span phase = mp_path_str(pod, "status.phase");
	return span_is(phase, "Succeeded") || span_is(phase, "Failed");
}

#endif
