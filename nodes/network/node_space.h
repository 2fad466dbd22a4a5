/* A network namespace for each node, where several are on one machine, and the
 * net between them:
 *
 *   machine   troupe-nodes, 172.30.255.254/16 ─┬─ pair ── n1: eth0, 172.30.0.1
 *             (a bridge)                       └─ pair ── n2: eth0, 172.30.0.2
 *
 * The machine and each node know by which node's address the others' subnets are
 * reached; so pods of different nodes reach each other, and the machine all of
 * them. Blackholes and local services are on the machine too (node_network.h).
 *
 * A namespace is held by a pause without containers (<data>/spaces/NODE), which
 * the launcher starts, as a pod's: so it outlives agents, and pods in it go on. */
#ifndef NETWORK_NODE_SPACE_H
#define NETWORK_NODE_SPACE_H

#include "nodes/network/netlink.h"

#define NODE_SPACE_BRIDGE "troupe-nodes"
#define NODE_SPACE_MACHINE "172.30.255.254/16"

enum {
	NODE_SPACE_BITS = 16,
	NODE_SPACE_FIRST = 0x1e0001, /* of the address of the first node, behind 172 << 24 */
	NODE_SPACE_PATH_MAX = 40,
};
#define UNDERLAY_FIRST ((UINT32_C(172) << 24) + NODE_SPACE_FIRST)

struct node_peer {
	const char *subnet, *address; /* subnet "": its pods are others' business */
};

struct node_space_config {
	const char *data_dir, *node, *address; /* "172.30.0.1" */
	const char *services;                  /* NULL: node_network.h's */
	const struct node_peer *peers;         /* all nodes, itself too */
	size_t peer_count;
};

/* As node_network_check, of the bridge between nodes; `subnet`: of one of them. */
int node_space_check(const char *data_dir, const char *subnet, const char *services, struct err *e);
/* Makes it, or finds it from before; `path` is then good for node_network_open. Blocks
 * for the start of a pause (milliseconds; ERR_TIMEOUT after five seconds). ERR_BUSY,
 * and else as netlink.h. */
int node_space_open(const struct node_space_config *cfg, char path[NODE_SPACE_PATH_MAX],
		    struct err *e);
/* Where that node's is, for others of the same cluster. ERR_NOT_FOUND: not made yet. */
int node_space_find(const char *data_dir, const char *node, char path[NODE_SPACE_PATH_MAX],
		    struct err *e);
/* The cluster ends: its holders end, and the namespaces with them. */
void node_space_remove(const char *data_dir);

#endif
