/* Whether what the cells of a simulated cluster believe is what is true: every
 * view of every cell, and the pods that every node agent holds, against the
 * ledger. */
#ifndef CHAOS_CONVERGE_H
#define CHAOS_CONVERGE_H

#include "tools/chaos/cluster.h"
#include "tools/chaos/ledger.h"

/* False: `why` names the first cell, view and object that differ. Dead cells
 * believe nothing. */
bool converged(struct sim *s, const struct cluster *cluster, const struct ledger *l,
	       struct err *why);

/* Every pod that an agent holds is in the store, bound to its node. */
bool no_orphans(struct sim *s, const struct cluster *cluster, const struct ledger *l, struct err *why);
/* No two agents hold pods of one name. */
bool one_identity(struct sim *s, const struct cluster *cluster, struct err *why);

#endif
