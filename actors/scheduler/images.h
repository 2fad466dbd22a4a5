/* Images that nodes have: a node that need not pull much is a better one. An image that few have
 * counts for less, so that not all pods go where it was first.
 *
 * Source of the rule and its bounds: kubernetes pkg/scheduler/framework/plugins/imagelocality
 * (1.34). Names without a tag are :latest; those of Docker's registry are found with and without
 * its name. Pure but for memory; one owner. */
#ifndef SCHEDULER_IMAGES_H
#define SCHEDULER_IMAGES_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "broker/base/omap.h"

/* A zeroed one is empty. */
struct images {
	struct omap all; /* name -> struct image */
};

struct image;

/* What a node has; a zeroed one has none. */
struct node_images {
	struct image **all;
	size_t count;
};

/* As its object says by now; p NULL: the node is gone, or forgotten. */
void images_of_node(struct images *s, struct node_images *n, struct mp node);
void images_fini(struct images *s); /* of all nodes that have been forgotten */

/* A choice: what having each of the pod's images counts. */
struct images_look {
	struct image_worth *all; /* in the arena */
	size_t count, containers;
};

/* `nodes`: how many there are. */
void images_look(struct images_look *out, struct arena *a, const struct images *s, struct mp pod,
		 size_t nodes);
/* 0 to 100; more is better. */
int images_score(const struct images_look *l, const struct node_images *n);

#endif
