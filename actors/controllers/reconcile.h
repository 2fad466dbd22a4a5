/* What controllers here are made of: keys that want looking at, and plans.
 *
 *   change of a view ──changed()──► key, queued once
 *        ▲                              │ nothing of it is on its way,
 *        │                              │ and what it wrote is in the views
 *        │                            plan(): actions, from what is there
 *        │                              │ one write a turn, many on their way
 *        └───────── store ◄─────────────┘
 *
 * A controller says which streams it follows, which key a change is about,
 * and, purely, what is to be done about a key. The rest is here: coalescing,
 * pacing (one transaction a turn), the fence, waiting until the views show
 * what was written (so that no plan counts too little), and trying again
 * after refusals, later each time.
 *
 * Level-triggered: a plan is made from what is there, never from the change.
 * After a crash all keys are looked at again.
 *
 * Embed `struct reconciler` as the first member of the actor's state and put
 * the reconcile_* handlers into its spec. */
#ifndef CONTROLLERS_RECONCILE_H
#define CONTROLLERS_RECONCILE_H

#include "actors/controllers/object.h"
#include "actors/objects/writing.h"
#include "actors/runtime/fence.h"

/* One write of a plan. Body and names may borrow from the views: they are copied
 * when the plan is made. All else lives in the item's arena; what `plan` leaves
 * zero means nothing. */
struct reconcile_action {
	struct reconcile_action *next;
	const struct schema_resource *resource;
	enum obj_verb verb;
	const char *sub; /* subresource; NULL: the object */
	struct span namespace, name;
	struct doc *body; /* NULL: made by the spec's `body` */
	struct span uid;  /* of what is deleted: a precondition */
	enum obj_propagation propagation;
	int64_t grace_s;		   /* of a deletion; -1: its own */
	const struct store_compare *basis; /* what else it rests on */
	size_t basis_count;
	bool report; /* tells of what was refused: its success changes
		      * nothing about when that is tried again */
	bool passing; /* tells how things stand, and nothing follows from it. While other
		       * writes of its plan are under way or were made it is about to
		       * change again, and left to the next plan */
	int what;    /* the controller's own */
	const void *own; /* and in the item's arena: what `done` wants to know */
};

struct reconcile_item; /* a key that is looked at */
struct reconciler;

struct reconcile_spec {
	const char *name;	    /* component and principal: "replication-controller" */
	const char *fence;	    /* of all its transactions */
	const char *const *streams; /* followed; NULL: all that are served */
	/* Which keys a change is about: reconcile_want for each. */
	void (*changed)(struct ctx *c, struct reconciler *r, const struct view_change *v);
	/* What is to be done about a key: reconcile_add for each write. */
	void (*plan)(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		     struct span key);
	/* The body of a create that has none yet, in arena `a`. */
	struct doc *(*body)(struct ctx *c, struct reconciler *r, const struct reconcile_action *x,
			    struct arena *a);
	/* What became of a write. May be NULL. */
	void (*done)(struct ctx *c, struct reconciler *r, struct span key,
		     const struct reconcile_action *x, const struct obj_answer *answer);
};

enum {
	RECONCILE_WRITES_MAX = 256, /* on their way at once */
	RECONCILE_HELPERS = 2,	    /* streams that admission reads */
};

struct reconciler {
	const struct reconcile_spec *spec;
	struct schema *schema;
	struct fence fence;
	struct view **views; /* in the order of the streams */
	size_t view_count;
	struct view *helpers[RECONCILE_HELPERS]; /* not looked at here */
	struct omap items;  /* key -> item */
	struct omap by_id;  /* id -> item */
	struct omap queue;  /* place -> item */
	struct omap *waits; /* per view: (version, id) -> item */
	struct omap writes; /* tag -> write */
	uint64_t next_id, next_place, next_tag;
	bool running; /* a turn that runs the queue is on its way */
	uint64_t written, refused, plans;
};

/* ---- for the controller */

/* The key wants looking at. */
void reconcile_want(struct ctx *c, struct reconciler *r, struct span key);
/* Whether the change is just what a passing write of ours has told. */
bool reconcile_told(const struct reconciler *r, const struct view_change *v);
/* And again so much later, whatever happens. From `plan`. */
void reconcile_later(struct ctx *c, struct reconcile_item *i, uint64_t us);
struct arena *reconcile_arena(struct reconcile_item *i); /* of this plan */
/* Creates in a namespace that is known to be on its way out are left undone, without a word. */
struct reconcile_action *reconcile_add(struct reconcile_item *i, enum obj_verb verb,
				       const struct schema_resource *resource,
				       struct span namespace, struct span name);
/* Whether the views are known to show all that the store had when the key's
 * last plan asked this. False: asks the store, and the key is planned again
 * when they do. For what cannot be taken back. */
bool reconcile_fresh(struct ctx *c, struct reconciler *r, struct reconcile_item *i);
/* The view of a stream; NULL: not followed. */
struct view *reconcile_view(const struct reconciler *r, struct span stream);
/* The object behind a key of a followed stream; NULL: none. */
struct view_object *reconcile_get(const struct reconciler *r, struct span key);
const struct schema_resource *reconcile_resource(const struct reconciler *r, const char *stream);
/* A compare with what the view shows of a key, for an action's basis. */
struct store_compare reconcile_basis(const struct reconciler *r, struct span key);
/* The action rests on that key alone, which is copied. */
void reconcile_rest_on(const struct reconciler *r, struct reconcile_item *i,
		       struct reconcile_action *x, struct span key);
/* A Kubernetes Event about an object. */
void reconcile_event(struct ctx *c, const struct reconciler *r, struct mp object, const char *type,
		     const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* ---- the actor's handlers */
int reconcile_init(struct ctx *c, struct reconciler *r, const struct reconcile_spec *spec);
int reconcile_on_view(struct ctx *c, void *state, const struct view_change *v);
int reconcile_on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r);
int reconcile_on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o);
int reconcile_on_timer(struct ctx *c, void *state, uint64_t tag);
int reconcile_on_down(struct ctx *c, void *state, struct span who, int reason);
int reconcile_check(const void *state, struct err *why);
void reconcile_inspect(const void *state, struct buf *out);
void reconcile_fini(void *state);

/* All of them but init and fini, which are the controller's own. */
#define RECONCILE_HANDLERS                                                                         \
	.on_view = reconcile_on_view, .on_reply = reconcile_on_reply,                              \
	.on_outcome = reconcile_on_outcome, .on_timer = reconcile_on_timer,                        \
	.on_down = reconcile_on_down, .check = reconcile_check, .inspect = reconcile_inspect

#endif
