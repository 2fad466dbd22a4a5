/* A pod as the controller sees it that made it. Pure. */
#ifndef CONTROLLERS_REPLICA_H
#define CONTROLLERS_REPLICA_H

#include "actors/controllers/children.h"

/* Spans point into the view's object. */
struct replica {
	struct child child; /* first */
	struct span node;
	bool ended, failed, ready; /* ended: failed or succeeded */
	int phase;		   /* 0 Pending, 1 Unknown, 2 Running */
	int64_t cost, restarts, ready_us; /* ready_us: since when; 0 not known */
	/* Of a plan: has all of the template's labels; replicas on its node. */
	bool labelled;
	int neighbours;
};

/* All but what hangs on the owner. */
void replica_read(struct replica *r, const struct view_object *o);
/* The index that all controllers of pods share: by controller, with replicas
 * as facts. */
extern const struct view_index_spec replica_index;

static inline bool replica_is_active(const struct replica *r)
{
	return !r->child.deleting && !r->ended;
}

/* Ready for so long; *in_us: until it is, if time alone brings it (0: not). */
bool replica_is_available(const struct replica *r, int64_t min_ready_s, int64_t now_us,
			  int64_t *in_us);

/* A pod from the owner's spec.template: metadata of its own (labels,
 * annotations, finalizers, generateName NAME-, the owner as controller), the
 * spec as it is. NULL: the owner has no template. */
struct doc *replica_from_template(struct arena *a, struct mp owner);

#endif
