/* Pods that the scheduler deletes, from the ledger alone. */
#ifndef CHAOS_PREEMPTED_H
#define CHAOS_PREEMPTED_H

#include "tools/chaos/judge.h"

/* The invariant preempted: each leaves for one of higher priority, which waits and is nominated
 * for its node at that revision. */
bool preempted_hold(struct judge *j, struct err *why);

#endif
