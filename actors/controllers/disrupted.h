/* A pod that is about to be deleted by no fault of its own says so: the
 * condition DisruptionTarget. Pure. */
#ifndef CONTROLLERS_DISRUPTED_H
#define CONTROLLERS_DISRUPTED_H

#include "actors/controllers/reconcile.h"

/* The write that says it; NULL: it is said. */
struct reconcile_action *disrupted_say(struct reconcile_item *i,
				       const struct schema_resource *pods, struct mp pod,
				       const char *reason, const char *message, int64_t now_us);

#endif
