/* A write on its way, for every actor that writes objects: plan, ask the
 * store, and on a conflict plan again from the rows that came with it.
 *
 *	writing_start(c, w, tag)            in some turn
 *	writing_outcome(c, w, outcome, tag) in the on_outcome turn of that tag
 *
 * Both return true when it is over: the answer is in w->plan.answer. At most
 * one per turn (they use the turn's one transaction).
 *
 * Ownership: the caller allocates the struct, which must not move while the
 * write is under way; writing_fini ends it. `request.arena` is its own. */
#ifndef OBJECTS_WRITING_H
#define OBJECTS_WRITING_H

#include "actors/objects/objects.h"
#include "actors/runtime/actor.h"
#include "actors/runtime/view.h"

enum {
	WRITING_PLANS_MAX = 20,
	/* Of a create that a quota is charged with: whoever writes into the
	 * namespace at the same time may win before it. */
	WRITING_CHARGES_MAX = 1000,
};

struct writing {
	struct arena arena;
	struct obj_request request;
	struct obj_plan plan;
	bool planned;
	int plans;
	struct store_row *fresh; /* rows that came with conflicts */
	size_t fresh_count;
	/* A singleton's lease: another writer with its key ends this one. */
	struct span fence_key;
	uint64_t fence_token;
	/* What the writer himself may not do, looking at the plan's value; a
	 * refusal, or NULL. May be NULL. */
	struct doc *(*permit)(struct writing *w);
	/* The view of a stream, or NULL: then a key is taken as absent, and
	 * the store corrects that. */
	struct view *(*view)(void *arg, struct span stream);
	void *arg;
};

/* Zeroes it and sets who, when, ids and entropy from the turn. */
void writing_init(struct ctx *c, struct writing *w, const struct schema *s,
		  const struct schema_resource *r, enum obj_verb verb,
		  struct view *(*view)(void *arg, struct span stream), void *arg);
bool writing_start(struct ctx *c, struct writing *w, uint64_t tag);
/* The first half of writing_start: true when it is over; else w->plan.txn is
 * to be sent by the caller, alone or as a part of a transaction. */
bool writing_plan(struct writing *w);
bool writing_outcome(struct ctx *c, struct writing *w, const struct store_outcome *o,
		     uint64_t tag);
void writing_fini(struct writing *w);
/* Text in the write's arena. */
struct span writing_text(struct writing *w, struct span text);

#endif
