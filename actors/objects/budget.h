/* Disruption budgets: whether an eviction may take a pod, and the charge for
 * it, in the very transaction that deletes the pod. Private to actors/objects. */
#ifndef OBJECTS_BUDGET_H
#define OBJECTS_BUDGET_H

#include "actors/objects/strategy.h"

enum { BUDGETS_MAX = 1000 }; /* of a namespace */

/* False: refused (429 while the budget is used up), the plan is finished. */
bool budget_charge(struct write *w);

#endif
