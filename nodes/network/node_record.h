/* What a node has made on the machine, in a file (<data>/network/NODE) that is
 * written before anything is made: so that whoever ends the cluster finds all
 * of it, also of nodes whose agents are gone. Private to the network. */
#ifndef NETWORK_NODE_RECORD_H
#define NETWORK_NODE_RECORD_H

#include "nodes/network/netlink.h"

struct node_record {
	const char *node, *bridge;
	const char *alias; /* of the bridge: without it, it is not ours */
	struct netlink_prefix pods, services, nodes; /* of 0 bits: it has none */
};

int node_record_write(const char *data_dir, const struct node_record *r, struct err *e);
/* Each that is there; it lives as long as the call. `each` may remove its own. */
void node_record_each(const char *data_dir, void (*each)(void *arg, const struct node_record *r),
		      void *arg);
void node_record_remove(const char *data_dir, const char *node);

#endif
