/* Pods that are not to be near each other, from the ledger alone. */
#ifndef CHAOS_APART_H
#define CHAOS_APART_H

#include "tools/chaos/judge.h"

/* The invariant apart: by required anti-affinity between pods of one namespace, whose terms have
 * matchLabels, over nodes and zones. */
bool apart_holds(struct judge *j, struct err *why);

#endif
