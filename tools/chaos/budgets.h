/* Whether the disruption budgets say what their pods are, from the ledger alone. */
#ifndef CHAOS_BUDGETS_H
#define CHAOS_BUDGETS_H

#include "tools/chaos/judge.h"

/* Each status is of the newest spec, and counts those that are healthy. */
bool budgets_exact(struct judge *j, struct err *why);

#endif
