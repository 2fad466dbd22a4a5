/* A pod's claims, and where they let it run.
 *
 *	claim bound            ──► nodes that its volume reaches
 *	class waits for a pod  ──► nodes where a free volume fits, or any where one
 *	                           can be made: the scheduler keeps the volume for
 *	                           the claim, or selects the node (an annotation)
 *	being made or bound    ──► that node; the pod waits for it
 *	anything else          ──► no node, with the reason
 *
 * What is read is noted with its version, so that a binding rests on it. The
 * views are followed from the first pod with claims on. */
#ifndef SCHEDULER_VOLUMES_H
#define SCHEDULER_VOLUMES_H

#include "actors/objects/objects.h"
#include "actors/runtime/actor.h"

struct volumes {
	const struct schema_resource *claim_row, *volume_row;
	struct view *claims, *volumes, *classes; /* NULL: nobody has asked yet */
	struct view_index *by_binding, *pods;
};

struct pod_claim; /* private */

struct pod_volumes {
	const struct volumes *of;
	struct arena *arena;
	struct pod_claim *claims;
	size_t count;
	const char *refusal; /* why no node will do; NULL: one may */
	bool waits; /* a claim is being made or bound: nothing to do but wait */
	struct store_compare *basis; /* the claims, as they were read; `count` of them */
};

/* What is to be written next for a node; row NULL: nothing. */
struct volume_write {
	const struct schema_resource *row;
	struct span namespace, name;
	struct doc *body;		   /* a merge patch */
	const struct store_compare *basis; /* two at most */
	size_t basis_count;
};

/* Follows what is needed, once. */
void volumes_follow(struct ctx *c, struct volumes *v, const struct schema *s,
		    struct view *pods);
bool volumes_synced(const struct volumes *v);
struct view *volumes_view(const struct volumes *v, struct span stream); /* NULL: none of ours */
bool pod_has_claims(struct mp pod);

/* What the scheduler knows beyond the views. */
struct volume_asks {
	const void *arg;
	bool (*has_node)(const void *arg, struct span name);
	bool (*is_placed)(const void *arg, struct span pod); /* by its key; also one on its way */
};
/* All in the arena. */
void volumes_read(struct pod_volumes *out, const struct volumes *v, struct arena *a,
		  struct span pod_key, struct mp pod, const struct volume_asks *asks);
/* FIT_VOLUME_NODE and FIT_VOLUME_NONE, or 0. */
unsigned volumes_fault(const struct pod_volumes *v, struct mp node);
/* For a node without a fault. */
struct volume_write volumes_next(const struct pod_volumes *v, struct mp node);

/* The pods that a change may help: calls each(arg, key of a pod) for those with
 * the claim that it is about. True: it may help any pod. */
bool volumes_helped(const struct volumes *v, const struct view_change *change,
		    void (*each)(void *arg, struct span pod), void *arg);

#endif
