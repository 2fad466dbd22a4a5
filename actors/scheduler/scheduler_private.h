/* The scheduler's state, and its parts: the accounts of the nodes, the search for a place and
 * for pods that make one, which know nothing of turns; what is written; who is evicted. */
#ifndef SCHEDULER_PRIVATE_H
#define SCHEDULER_PRIVATE_H

#include "actors/objects/writing.h"
#include "actors/runtime/fence.h"
#include "actors/scheduler/extended.h"
#include "actors/scheduler/fit.h"
#include "actors/scheduler/host_ports.h"
#include "actors/scheduler/images.h"
#include "actors/scheduler/near.h"
#include "actors/scheduler/preempt.h"
#include "actors/scheduler/reasons.h"
#include "actors/scheduler/replicas.h"
#include "actors/scheduler/volumes.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

struct node {
	struct fit_node facts;
	struct resources used;
	struct resources weight; /* of all that are there, in scores */
	struct host_ports ports; /* taken */
	struct extended extended; /* used */
	struct node_images images;
	struct pod *first; /* of those that are counted here */
	struct zone *zone; /* NULL: it is in none */
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
	POD_EVICTING, /* it is on a node, and leaves for another pod */
};

struct pod {
	enum pod_state state;
	char *key;             /* of the store */
	struct bytes *order;   /* its key in the queue, while active */
	int64_t priority;
	struct resources wants, weight;
	struct host_ports ports;
	struct extended extended;
	bool claims;           /* it has volumes that are claims */
	struct near_asks *asks; /* of other pods; NULL: nothing */
	char *node;            /* where it is counted, NULL nowhere */
	struct pod *beside, **link; /* there */
	struct replicas *replicas; /* of which it is one; NULL: of none */
	struct node *among;	   /* where it counts as one of them; NULL: nowhere */
	bool spreads;		   /* it says itself how */
	char *nominated; /* the node where others leave for it; NULL: none */
	uint64_t told;	 /* it was written with this version: older news is stale */
	bool thought;	 /* it is counted where it is nominated, for a moment */
	char *preemptor; /* the key of the pod that it leaves for; NULL: it does not */
	bool forewarned; /* its condition says so */
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
	struct view *budget_view;
	struct view *namespace_view; /* NULL: nobody selects by their labels */
	struct volumes volumes;
	struct near near;
	struct spreading spreading;
	struct images images;
	bool moved; /* a pod is where none was, which may help those that ask for others */
	char *name; /* spec.schedulerName that it serves */
	/* What a former incarnation has on its way is refused, and nothing is
	 * planned before the views show all that it has bound. */
	struct fence fence;
	struct omap nodes;   /* name -> struct node */
	struct node_place *places; /* the same in their order, node_count of them */
	size_t node_count, next_node; /* next_node: where the next pod looks first */
	struct omap priorities; /* of pods on nodes -> how many */
	struct omap nominated;	/* key -> struct pod */
	struct omap victims;	/* key -> struct pod that is to be evicted */
	bool victims_paused;	/* after a refusal, until a timer */
	bool budgets_known;
	bool missed; /* a pod was not taken for a victim because it is being written */
	struct omap pods;    /* key -> struct pod */
	struct omap queue;   /* order -> struct pod */
	struct omap writing; /* tag -> struct pod */
	size_t parked;
	uint64_t moves; /* how often something changed that may help */
	uint64_t next_tag, bound, conflicts, preempted;
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
/* It counts as one of its owner's where it is, by its object, until it is being deleted. */
void accounts_count_replica(struct scheduler *s, struct pod *p);
/* It is one of them no more, and counts nowhere as one. */
void accounts_leave_replicas(struct scheduler *s, struct pod *p);
/* The node's zone is that of its object from now on. */
void accounts_zone(struct scheduler *s, struct node *n);
/* As struct near wants it; `arg`: the scheduler. */
void accounts_each(void *arg, void (*one)(void *with, struct mp pod, struct span node), void *with);

/* A pod of lower priority is on some node. */
bool accounts_has_lower(const struct scheduler *s, int64_t priority);
/* The pod is nominated for that node; empty: for none. */
void nominate(struct scheduler *s, struct pod *p, struct span node);
/* Those of no lower priority that are nominated are counted as if they were there, for a choice
 * for this pod; and no more. */
void nominated_count(struct scheduler *s, const struct pod *p, bool on);

/* ---- place.c; all texts are in the arena */

struct place_search {
	struct span best; /* a node's name; empty: none will do */
	const char *why;  /* "0/3 nodes are available: ..." */
	unsigned *faults; /* then, of each of s->places that has an object, if none would do for a reason of its own */
};

/* The best node for the pod, which is on none. Of many nodes the next call looks at others. */
void place_find(struct place_search *out, struct scheduler *s, struct arena *a, const struct pod *p,
		const struct pod_volumes *v);
/* Of one node that has an object, as the accounts are. */
unsigned place_faults(struct scheduler *s, struct arena *a, const struct pod *p, const struct pod_volumes *v,
		      const struct node *node);
void place_add_reasons(struct reasons *r, struct arena *a, const struct pod *p, unsigned faults);
size_t place_nodes(const struct scheduler *s); /* how many there are */

/* ---- preemption.c */

struct preemption {
	struct preempt_node best; /* count 0: nobody leaves for it */
	const char *why;	  /* then */
	bool waits;		  /* and its nomination stays */
};

/* Who could leave for a pod that place_find found nothing for. */
void preemption_find(struct preemption *out, struct scheduler *s, struct arena *a, const struct pod *p,
		     const struct pod_volumes *v, const struct place_search *found);

/* ---- writes.c */

/* Of the pod, or of what belongs to it; one at a time. */
struct writing *writes_begin(struct ctx *c, struct scheduler *s, struct pod *p, const struct schema_resource *row,
			     enum obj_verb verb, const char *sub);
struct writing *writes_pod(struct ctx *c, struct scheduler *s, struct pod *p, enum obj_verb verb, const char *sub);
/* It is planned again, and refused, when one of these has changed. */
void writes_rest_on(struct writing *w, const struct store_compare *basis, size_t count);
void writes_rest_on_pod(struct writing *w, const struct pod *p);
/* The pod's condition of a type is that from now on: a list of all it has, or of that one. */
struct doc *writes_conditions(struct ctx *c, struct writing *w, struct span pod, const char *type, const char *status,
			      const char *reason, const char *message);
void writes_end(struct scheduler *s, struct pod *p);
/* An Event about the pod. */
void writes_tell(struct ctx *c, struct scheduler *s, const struct pod *p, const char *type, const char *reason,
		 const char *message);

/* ---- evict.c */

/* These leave for the pod, which is nominated for their node, as soon as its object says so. */
void evict_plan(struct scheduler *s, const struct pod *p, const struct preempt_node *node);
bool evict_is_due(const struct scheduler *s);
/* Begins one write; true: it is over already, and evict_over is to be called. */
bool evict_next(struct ctx *c, struct scheduler *s, struct pod **victim);
/* A write of a victim's is over. False: it was refused, and all of them pause. */
bool evict_over(struct ctx *c, struct scheduler *s, struct pod *victim);
void evict_forget(struct scheduler *s, struct pod *victim);

/* ---- queue.c */

enum { RETRY_US = 1000000, TAG_NEXT = 1, TAG_RETRY = 2 }; /* timers: the next pod; those that were refused */

bool pod_waits(const struct scheduler *s, struct mp pod); /* for a node from this scheduler */
bool pod_is_leaving(const struct pod *p);		  /* it is being deleted */
struct span pod_takes_room_on(struct bytes *object);	  /* empty: nowhere */
/* It is active from now on, in its place. */
void queue_put(struct ctx *c, struct scheduler *s, struct pod *p);
/* Neither active nor parked any more; its state is the caller's to set. */
void queue_take(struct scheduler *s, struct pod *p);
/* Parked, unless something that may help it has changed since it was tried. */
void queue_park(struct ctx *c, struct scheduler *s, struct pod *p);
/* Something has changed that may help: all those that are parked, or those that ask for other pods. */
void queue_wake(struct ctx *c, struct scheduler *s, bool all);
void queue_wake_all(struct ctx *c, struct scheduler *s);
/* The next pod, in a turn of its own, if there is one and the fence holds. */
void queue_run(struct ctx *c, struct scheduler *s);

/* ---- decided.c: one write of a pod at a time */

bool pod_is_bound(const struct pod *p); /* by us, and the news of it is still to come */
bool pod_nomination_is_told(const struct pod *p); /* its object says where, or that it has none */
void decided_bind(struct ctx *c, struct scheduler *s, struct pod *p, const char *node, const struct pod_volumes *v);
void decided_mark(struct ctx *c, struct scheduler *s, struct pod *p, const char *message);
void decided_claim(struct ctx *c, struct scheduler *s, struct pod *p, const char *node, const struct volume_write *x);
/* Its write is over, with the version that it got. */
void decided_written(struct ctx *c, struct scheduler *s, struct pod *p, uint64_t version);
void decided_evicted(struct ctx *c, struct scheduler *s, struct pod *victim);
/* Account and queue as its object says; nothing of it is being written. */
void decided_settle(struct ctx *c, struct scheduler *s, struct pod *p);

#endif
