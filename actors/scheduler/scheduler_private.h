/* The scheduler's state, and the two parts of it that know nothing of turns: the accounts of
 * the nodes, and the search for a place. */
#ifndef SCHEDULER_PRIVATE_H
#define SCHEDULER_PRIVATE_H

#include "actors/objects/writing.h"
#include "actors/runtime/fence.h"
#include "actors/scheduler/extended.h"
#include "actors/scheduler/fit.h"
#include "actors/scheduler/host_ports.h"
#include "actors/scheduler/near.h"
#include "actors/scheduler/volumes.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

struct node {
	struct fit_node facts;
	struct resources used;
	struct resources weight; /* of all that are there, in scores */
	struct host_ports ports; /* taken */
	struct extended extended; /* used */
	struct bytes *object;
};

/* A node that is known, as it is looked at for every pod. */
struct node_place {
	struct node *node;
	struct span name; /* the map's */
};

enum pod_state {
	POD_OTHER,
	POD_ACTIVE,
	POD_BINDING,
	POD_MARKING,
	POD_CLAIMING, /* a volume is kept for it, or a node selected for its claim */
	POD_PARKED,
};

struct pod {
	enum pod_state state;
	char *key;             /* of the store */
	struct bytes *order;   /* its key in the queue, while active */
	struct resources wants, weight;
	struct host_ports ports;
	struct extended extended;
	bool claims;           /* it has volumes that are claims */
	struct near_asks *asks; /* of other pods; NULL: nothing */
	char *node;            /* where it is counted, NULL nowhere */
	struct bytes *object;
	uint64_t version; /* of that object */
	uint64_t bound;   /* we did it with this version: older news of it is stale */
	struct writing *writing;
	uint64_t tag;
	uint64_t tried;        /* s->moves when no node was found for it */
	char *why;             /* message of the condition that it has */
	struct trace trace;    /* of what put it into the queue */
};

struct scheduler {
	struct schema *schema;
	const struct schema_resource *pods_row;
	struct view *views[2]; /* the two below */
	struct view *pod_view, *node_view;
	struct view *namespace_view; /* NULL: nobody selects by their labels */
	struct volumes volumes;
	struct near near;
	bool moved; /* a pod is where none was, which may help those that ask for others */
	char *name; /* spec.schedulerName that it serves */
	/* What a former incarnation has on its way is refused, and nothing is
	 * planned before the views show all that it has bound. */
	struct fence fence;
	struct omap nodes;   /* name -> struct node */
	struct node_place *places; /* the same in their order, node_count of them */
	size_t node_count, next_node; /* next_node: where the next pod looks first */
	struct omap pods;    /* key -> struct pod */
	struct omap queue;   /* order -> struct pod */
	struct omap writing; /* tag -> struct pod */
	size_t parked;
	uint64_t moves; /* how often something changed that may help */
	uint64_t next_tag, bound, conflicts;
	bool running; /* a TAG_NEXT timer is on its way */
};

/* ---- accounts.c */

/* Made when it is not known yet. */
struct node *accounts_node(struct scheduler *s, const char *name);
/* The pod is on that node and no other; empty: on none. */
void accounts_count(struct scheduler *s, struct pod *p, struct span node);
/* What those that ask for others think of it where it is, by its object: from now on (sign 1), or
 * no more (-1). */
void accounts_count_near(struct scheduler *s, const struct pod *p, int sign);
/* As struct near wants it; `arg`: the scheduler. */
void accounts_each(void *arg, void (*one)(void *with, struct mp pod, struct span node), void *with);

/* ---- place.c */

enum { PLACE_WHY_MAX = 1000 };
/* The name of the best node for the pod, which is on none; empty: none will do, as `why` says
 * ("0/3 nodes are available: ..."). Of many nodes the next call looks at others. */
struct span place_find(struct scheduler *s, struct arena *a, const struct pod *p, const struct pod_volumes *v,
		       char why[PLACE_WHY_MAX]);

#endif
