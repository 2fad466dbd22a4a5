/* Pods of one owner (a replica set, a replication controller, a stateful set), which the scheduler
 * spreads over nodes and zones when they ask for nothing of the kind themselves: nothing is refused
 * for it, less is better.
 *
 * How many there are on each node and in each zone is counted as pods come and go, so that a choice
 * looks up two numbers of a node, however many pods there are.
 * Source of the rule: kubernetes pkg/scheduler/framework/plugins/podtopologyspread (1.34), its
 * default constraints; but for pods that only a service selects, which are not spread here.
 * Pure but for memory; one owner. */
#ifndef SCHEDULER_REPLICAS_H
#define SCHEDULER_REPLICAS_H

#include "broker/base/mp.h"
#include "broker/base/omap.h"

struct zone; /* of the label topology.kubernetes.io/zone */

/* A zeroed one is empty. */
struct spreading {
	struct omap owners; /* uid -> struct replicas */
	struct omap zones;  /* value -> struct zone */
	size_t zone_count;  /* of those that a node is in */
};

struct replicas; /* of one owner */

/* Whether the pod is one of these, by its object; r NULL: of none. */
bool replicas_has(const struct replicas *r, struct mp pod);
/* Those of which the pod is one, NULL: it has no such owner. Given back by replicas_leave, when it
 * is nowhere. */
struct replicas *replicas_join(struct spreading *s, struct mp pod);
void replicas_leave(struct spreading *s, struct replicas *r);

/* The zone that a node is in from now on, NULL: none; it was in `was`. Object p NULL: the node is
 * gone. */
struct zone *spreading_zone(struct spreading *s, struct zone *was, struct mp node);
void spreading_fini(struct spreading *s); /* of all owners the pods have left */

/* One of them is there (sign 1), or no more (-1). `node` is who it is, never looked into; zone may
 * be NULL. */
void replicas_move(struct replicas *r, const void *node, struct zone *zone, int sign);

/* A choice: what one more of its like weighs, on the node and in the zone. */
struct replicas_look {
	const struct replicas *replicas; /* NULL: nobody asks */
	int64_t node_weight, zone_weight;
};

/* `nodes`: how many there are to choose from. */
struct replicas_look replicas_look(const struct spreading *s, const struct replicas *r,
				   size_t nodes);
/* How many of its like are there already, weighed; less is better. */
int64_t replicas_spread(const struct replicas_look *l, const void *node, const struct zone *zone);

#endif
