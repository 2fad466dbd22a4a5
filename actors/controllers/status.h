/* What a controller says in an object's status: counts and conditions, as a
 * merge patch that is written only when it says something new. Pure. */
#ifndef CONTROLLERS_STATUS_H
#define CONTROLLERS_STATUS_H

#include "actors/controllers/reconcile.h"

struct status {
	struct arena *arena;
	struct mp object;
	int64_t now_us;	   /* wall clock */
	struct doc *was;   /* the status as it is; an empty map: none */
	struct doc *patch; /* what it shall say; null takes a field out */
};

struct status_condition {
	const char *type, *status, *reason, *message; /* "True", "False"; borrowed */
	const char *touched; /* a time of the last change, of whatever: "lastUpdateTime"; NULL */
	bool again; /* touched, though it says the same as before */
};

/* The arena outlives the plan: reconcile_arena. */
void status_begin(struct status *s, struct arena *a, struct mp object, int64_t now_us);
void status_int(struct status *s, const char *field, int64_t n);
void status_count(struct status *s, const char *field, int64_t n); /* zero is left out */
void status_set(struct status *s, const char *field, struct doc *value); /* NULL: left out */
void status_observed(struct status *s); /* observedGeneration is the generation */

/* Sets a condition; its lastTransitionTime stays while the status does. */
void status_say(struct status *s, const struct status_condition *c);
void status_unsay(struct status *s, const char *type);
/* A condition as it stands now, in the patch or before; NULL: none. */
const struct doc *status_condition_of(const struct status *s, const char *type);
bool status_condition_is(const struct status *s, const char *type, const char *status);

/* Whether the object says all that already. */
bool status_told(const struct status *s);
/* The write, added to the plan when it is not told; NULL: it is. */
struct reconcile_action *status_write(struct reconcile_item *i, const struct status *s,
				      const struct schema_resource *resource);

#endif
