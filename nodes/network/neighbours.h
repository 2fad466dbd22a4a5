/* Other clusters on this machine: whose bridges say where their data directories are, in
 * which it is written what they have made (node_record.h). So two clusters can be told
 * apart, and told what to change, before either has made anything. */
#ifndef NETWORK_NEIGHBOURS_H
#define NETWORK_NEIGHBOURS_H

#include "nodes/network/node_record.h"

/* Whether the ranges of `own` (only they count) are nobody else's. ERR_BUSY: whose, and what to set
 * instead, in words. In the caller's network namespace. */
int neighbours_check(const char *data_dir, const struct node_record *own, struct err *e);

/* Who chooses what nobody else has is alone with it until its bridge shows that it is taken: `*fd`
 * is to be closed then. Waits for others' turns (milliseconds each); after ten seconds it goes on
 * without, -1: somebody who holds this for so long is no cluster that starts. */
void neighbours_lock(int *fd);

#endif
