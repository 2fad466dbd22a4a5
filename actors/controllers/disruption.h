/* The actor of kind "disruption": PodDisruptionBudgets know how many of their
 * pods may be evicted. Follows budgets, pods and what scales pods; writes
 * status. The eviction itself charges the budget (actors/objects/budget.h). */
#ifndef CONTROLLERS_DISRUPTION_H
#define CONTROLLERS_DISRUPTION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec disruption_actor;

#endif
