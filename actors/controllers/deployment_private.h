/* What the two files of the deployment controller share. */
#ifndef CONTROLLERS_DEPLOYMENT_PRIVATE_H
#define CONTROLLERS_DEPLOYMENT_PRIVATE_H

#include "actors/controllers/deployment_plan.h"
#include "actors/controllers/status.h"

#define DEPLOYMENT_REVISION "deployment.kubernetes.io/revision"

/* ---- deployment_status.c: what is said, and how long until it is another */

/* Fills the patch. `why` is what stops the new set from being made, or NULL.
 * Returns microseconds until time alone changes it; 0: never. */
uint64_t deployment_say(struct status *s, const struct deployment_plan *p,
			const struct rollout_want *want, const char *why);

#endif
