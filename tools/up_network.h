/* Where a cluster with real containers is in this machine's network: `troupe up` chooses a place that
 * no other cluster has, and takes it before anything runs. Between the two it holds neighbours_lock,
 * so that of clusters that start together none gets another's. Blocks for some requests to the
 * kernel. */
#ifndef TOOLS_UP_NETWORK_H
#define TOOLS_UP_NETWORK_H

#include "tools/places.h"

/* The slot that the cluster of that directory had, since its services have addresses there; else
 * the first that no other cluster has, which is said on stderr. ERR_BUSY: none, or it is another's
 * now. */
int up_network_choose(const char *data_dir, int nodes, unsigned *slot, struct err *e);
/* Makes what is the machine's, or finds it from before; where there are no such nodes nothing.
 * ERR_BUSY: whose it is and what to set, and nothing is made. */
int up_network_take(const char *data_dir, const struct config *c, const struct places *all,
		    struct err *e);

#endif
