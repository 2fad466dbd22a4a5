/* Heartbeats of nodes: their Leases in kube-node-lease, as a kubelet renews
 * them. What came while a transaction was on its way is in the next one, so
 * that a hundred thousand nodes cost a transaction per hundred.
 *
 *   node.heartbeat ──► pending ──► one transaction of up to 100 ──► store (soft)
 *                └─ no lease yet, or one that somebody changed: written by itself */
#ifndef GATE_HEARTBEAT_H
#define GATE_HEARTBEAT_H

#include "actors/runtime/actor.h"
#include "broker/base/omap.h"

#define HEARTBEAT_TAG (UINT64_MAX - 1) /* of its transactions */

struct gate;

struct renewal {
	char *node;
	uint64_t version; /* of the lease that it rests on */
};

struct heartbeats {
	struct omap pending; /* node -> its renewTime, as a number */
	struct omap changed; /* nodes whose lease was not as it had been shown */
	struct renewal *on_way;
	size_t on_way_count;
};

int gate_on_heartbeat(struct ctx *c, void *state, const struct msg *m);
void heartbeats_on_outcome(struct ctx *c, struct gate *g, const struct store_outcome *o);
void heartbeats_fini(struct heartbeats *h);

#endif
