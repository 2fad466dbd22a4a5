/* What the cluster makes of a node's state: taints, and how fast nodes that
 * were lost are emptied. Pure.
 *
 * Source of the rules: Kubernetes' node lifecycle controller (taints by
 * condition; zones whose nodes are mostly lost are emptied slower, and none is
 * when all are lost: then it is probably we who are cut off). */
#ifndef CONTROLLERS_NODE_HEALTH_H
#define CONTROLLERS_NODE_HEALTH_H

#include "actors/controllers/object.h"

#define TAINT_NOT_READY "node.kubernetes.io/not-ready"
#define TAINT_UNREACHABLE "node.kubernetes.io/unreachable"
#define TAINT_OUT_OF_SERVICE "node.kubernetes.io/out-of-service"

enum node_ready { NODE_READY, NODE_NOT_READY, NODE_UNKNOWN, NODE_UNTOLD };

/* The Ready condition; untold: there is none. */
enum node_ready node_ready(struct mp node);

/* ---- zones */

/* "REGION/ZONE" of the node's labels, in `a`; "/" of a node without. */
struct span node_zone(struct arena *a, struct mp node);

enum zone_state { ZONE_NORMAL, ZONE_PARTLY_LOST, ZONE_LOST };
enum {
	ZONE_LOST_PERCENT = 55, /* from here on a zone is partly lost */
	ZONE_SMALL = 50,	/* nodes; a small one that is partly lost is not emptied */
	ZONE_SLOWER = 10,	/* a large one is, so much slower */
};
struct zone {
	int64_t ready, lost;
	int64_t next_us; /* when the next node may be emptied */
};
enum zone_state zone_state(const struct zone *z);
/* Between two nodes that are emptied, `normal_us` when all is well; -1: none is
 * for now. */
int64_t zone_interval_us(const struct zone *z, bool all_lost, int64_t normal_us);

/* ---- taints */

/* Whether a node that is not ready is emptied (a NoExecute taint). */
enum emptying {
	EMPTY_AS_IT_IS, /* one that is there stays, under the name of today's reason */
	EMPTY_BEGIN,
	EMPTY_STOP,
};
/* The node's taints as they should be: those of others as they are, and ours by
 * its conditions and its cordon. NULL: they are so. */
struct doc *node_taints(struct arena *a, struct mp node, enum emptying emptying, const char *now);
/* Whether it has a taint of that key and effect; effect NULL: any. */
bool node_has_taint(struct mp node, const char *key, const char *effect);

#endif
