/* What an owner has made: the objects of another kind that name it as their
 * controller, and those of nobody that it selects. Controllers of workloads
 * share from here: which owners a child's change is about, the finding of
 * children, and the writes on them.
 *
 *   child changed ──► its controller by name, or, of nobody's child, all who
 *                     select it
 *   owner planned ──► its children (by an index of uids), and the selected
 *                     among those of nobody
 *
 * Every write rests on the owner and, where there is one, on the child, each
 * at the revision that was planned from. */
#ifndef CONTROLLERS_CHILDREN_H
#define CONTROLLERS_CHILDREN_H

#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"

struct children_spec {
	const char *owner_stream; /* "replicasets.apps" */
	const char *owner_kind;	  /* "ReplicaSet", as references name it */
	const char *stream;	  /* of the children: "pods" */
	/* With keys owners_controller_keys; facts begin with a struct child. */
	const struct view_index_spec *index;
	bool plain_selector; /* spec.selector is a map of labels, not a LabelSelector */
};

struct children {
	const struct children_spec *spec;
	const struct schema_resource *owners, *resource;
	struct view *owner_view, *view;
	struct view_index *index;
};

/* One child: facts of its own, and what it is to the owner that is planned
 * for. Spans point into the view's object. */
struct child {
	struct span key, namespace, name, uid;
	struct span controller; /* uid; empty: nobody's */
	struct mp labels;	/* an empty cursor: none */
	uint64_t version;
	int64_t created_us;
	bool deleting;
	bool owned, selected; /* by that owner */
};

/* After reconcile_init. Both streams are followed by the reconciler. */
void children_init(struct ctx *c, struct reconciler *r, struct children *ch,
		   const struct children_spec *spec);
/* Owners that a change of a child is about are looked at again. False: the
 * change is not one of children. */
bool children_changed(struct ctx *c, struct reconciler *r, const struct children *ch,
		      const struct view_change *v);
/* The same of one object, as it was or is; NULL is fine. */
void children_want_owner(struct ctx *c, struct reconciler *r, const struct children *ch,
			 const struct view_object *o);

/* All but key, owned and selected, which hang on the owner. */
void child_read(struct child *out, const struct view_object *o);

/* The owner's children and, if it selects them, orphans of its namespace: a
 * list in the arena of facts as the index has them, `facts_bytes` each, whose
 * struct child is complete. Returns the list. */
void *children_gather(const struct children *ch, struct arena *a, struct mp owner, size_t *count);
/* Whether one of the owner's is being deleted. */
bool children_leave(const struct children *ch, struct span owner_uid);
bool children_selects(const struct children_spec *spec, struct mp owner, struct mp labels);

/* ---- writes; bodies are the caller's where there is no other word */
struct reconcile_action *children_create(struct reconciler *r, struct reconcile_item *i,
					 const struct children *ch, struct span owner_key,
					 struct span namespace);
struct reconcile_action *children_act(struct reconciler *r, struct reconcile_item *i,
				      const struct children *ch, struct span owner_key,
				      const struct child *child, enum obj_verb verb);
void children_adopt(struct reconciler *r, struct reconcile_item *i, const struct children *ch,
		    struct span owner_key, const struct child *child);
void children_release(struct reconciler *r, struct reconcile_item *i, const struct children *ch,
		      struct span owner_key, const struct child *child);

#endif
