/* Other clusters on this machine: whose bridges say where their data directories are, in
 * which it is written what they have made (node_record.h). So two clusters can be told
 * apart, and told what to change, before either has made anything. */
#ifndef NETWORK_NEIGHBOURS_H
#define NETWORK_NEIGHBOURS_H

#include "nodes/network/netlink.h"

/* Whether these ranges are nobody else's; `pods` of 0 bits: none of them. ERR_BUSY: whose, and
 * what to set instead, in words. In the caller's network namespace. */
int neighbours_check(const char *data_dir, struct netlink_prefix pods, struct netlink_prefix services,
		     struct err *e);

#endif
