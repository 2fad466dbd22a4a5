/* The pods of daemon sets: for which node one is, which nodes are meant, and
 * what one is made of. Pure. */
#ifndef CONTROLLERS_DAEMON_POD_H
#define CONTROLLERS_DAEMON_POD_H

#include "actors/controllers/daemonset_plan.h"
#include "broker/base/omap.h"

/* Where the pod is, or by its affinity is to go; empty: nowhere. */
struct span daemon_pod_node(const struct replica *r, struct mp pod);

/* All nodes, in the order of names, judged for the set's template. */
struct daemon_node *daemon_nodes(struct arena *a, const struct omap *nodes, struct mp set,
				 size_t *count);

/* The pod for a node. `hash` is that of the set's revision, `generation` the
 * template's (an annotation of the set). */
struct doc *daemon_pod_body(struct arena *a, struct mp set, struct span node, struct span hash);

#endif
