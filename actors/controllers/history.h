/* The templates that a daemon set or a stateful set has had: ControllerRevisions
 * that it owns. The controller keeps one for its template of now, with the
 * highest number, and forgets old ones that no pod is of. */
#ifndef CONTROLLERS_HISTORY_H
#define CONTROLLERS_HISTORY_H

#include "actors/controllers/children.h"

#define HISTORY_HASH "controller-revision-hash"

struct revision {
	struct child child; /* first */
	uint64_t digest;    /* of its template */
	int64_t number;
	struct span hash; /* the label's value; what pods of it are labelled with */
};

extern const struct view_index_spec revision_index; /* by controller */

struct history {
	struct revision *list; /* the owner's, lowest number first */
	size_t count;
	const struct revision *now; /* of the owner's template; NULL: not there yet */
};

/* Finds them; adopts those of nobody that the owner selects. */
void history_read(struct history *h, struct reconciler *r, struct reconcile_item *i,
		  const struct children *ch, struct span owner_key, struct mp owner);
/* Adds the writes that give the template of now its revision. True: it has
 * one, and it is the latest; else plan again when it is there. */
bool history_keep(const struct history *h, struct reconciler *r, struct reconcile_item *i,
		  const struct children *ch, struct span owner_key, struct mp owner,
		  bool *collides);
/* Deletes the oldest beyond `limit` that `lives` denies; the one of now stays. */
void history_forget(const struct history *h, struct reconciler *r, struct reconcile_item *i,
		    const struct children *ch, struct span owner_key, int64_t limit,
		    bool (*lives)(void *arg, const struct revision *v), void *arg);

#endif
