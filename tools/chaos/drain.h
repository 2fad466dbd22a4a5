/* Nodes that their operator takes out of use: cordoned, drained of their pods,
 * tainted, as kubectl does it: by a user's patches and evictions, which are
 * tried until the drain ends when a budget is against them. Faults of one
 * node may overlap; the last end makes it schedulable again. One thread. */
#ifndef CHAOS_DRAIN_H
#define CHAOS_DRAIN_H

#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "tools/chaos/ledger.h"
#include "tools/chaos/user.h"

struct drains {
	struct user_book *book; /* of who does it */
	struct arena arena;	/* wishes and names, until drains_fini */
	struct omap nodes;	/* name -> struct drained_node */
};

/* The begin or the end of one. At the begin of a drain all that the ledger has
 * on the node is evicted, but for the pods of daemon sets. */
void drains_set(struct drains *d, const struct ledger *l, const char *node, bool evict, bool on);
/* The begin or the end of a taint; `t` outlives the world. */
void drains_taint(struct drains *d, const char *node, const struct taint *t, bool on);
/* How much was done there so far. */
uint64_t drains_touched(const struct drains *d, const char *node);
/* All nodes are schedulable again, and without taints of ours. */
void drains_heal(struct drains *d);
void drains_fini(struct drains *d);

#endif
