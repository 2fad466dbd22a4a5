/* Whether the quotas of a namespace hold, from the ledger alone: what there is
 * is counted again whenever something is made. */
#ifndef CHAOS_QUOTAS_H
#define CHAOS_QUOTAS_H

#include "tools/chaos/judge.h"

/* At this revision. What was there before its quota, or before that was made
 * smaller, may be too much: what is made then must not. */
bool quotas_hold(struct judge *j, struct err *why);
/* Each says that just what there is is used. */
bool quotas_exact(struct judge *j, struct err *why);

#endif
