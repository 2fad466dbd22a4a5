/* A network namespace for each node, where several are on one machine, and the
 * net between them:
 *
 *   machine   troupe-nodes, 172.30.255.254/16 ─┬─ pair ── n1: eth0, 172.30.0.1
 *             (a bridge)                       └─ pair ── n2: eth0, 172.30.0.2
 *
 * The machine and each node know by which node's address the others' subnets are
 * reached; so pods of different nodes reach each other, and the machine all of
 * them. Blackholes and local services are on the machine too (node_network.h).
 * A second such cluster on the machine has another bridge and another range.
 *
 * A namespace is held by a pause without containers (<data>/spaces/NODE), which
 * the launcher starts, as a pod's: so it outlives agents, and pods in it go on. If it
 * is killed the agent, which is in the namespace by a socket, has another one started
 * in it before a pod needs it. */
#ifndef NETWORK_NODE_SPACE_H
#define NETWORK_NODE_SPACE_H

#include "nodes/network/netlink.h"

#define NODE_SPACE_BRIDGE "troupe-nodes"
#define NODE_SPACE_RANGE "172.30.0.0/16"

enum {
	NODE_SPACE_BITS_MIN = 16, /* of a range */
	NODE_SPACE_BITS_MAX = 29,
	NODE_SPACE_PATH_MAX = 40,
};

struct node_peer {
	const char *subnet, *address; /* subnet "": its pods are others' business */
};

struct node_space_config {
	const char *data_dir, *node, *address; /* "172.30.0.1" */
	const char *pods_dir;                  /* of the node's pods; NULL: there are none */
	const char *services;                  /* NULL: node_network.h's */
	const char *range, *bridge;            /* between nodes; NULL: the ones above */
	const struct node_peer *peers;         /* all nodes, itself too */
	size_t peer_count;
};

/* The machine's address in such a range: its last one. */
struct in_addr node_space_machine(struct netlink_prefix range);
/* As node_network_check, of the bridge between nodes; `subnet`: of one of them. Of `cfg` data_dir,
 * services, range, bridge. */
int node_space_check(const struct node_space_config *cfg, const char *subnet, struct err *e);
/* Makes the machine's part of it, or finds it: then it is this cluster's. Of `cfg` all but node and
 * address. As node_space_open. */
int node_space_claim(const struct node_space_config *cfg, struct err *e);
/* Makes it, or finds it from before. Pods of before are ended where it had to be made: the one
 * that they are in is lost, and nobody would reach them. `path` is then good for node_network_open. Blocks
 * for the start of a pause (milliseconds; ERR_TIMEOUT after five seconds). ERR_BUSY,
 * and else as netlink.h. */
int node_space_open(const struct node_space_config *cfg, char path[NODE_SPACE_PATH_MAX],
		    struct err *e);
/* Its holder was killed, and `fd` is of the namespace, which others are in: it has a holder again.
 * `path` as node_space_open's. */
int node_space_hold(const char *data_dir, const char *node, int fd, char path[NODE_SPACE_PATH_MAX],
		    struct err *e);
/* Where that node's is, for others of the same cluster. ERR_NOT_FOUND: not made yet. */
int node_space_find(const char *data_dir, const char *node, char path[NODE_SPACE_PATH_MAX],
		    struct err *e);
/* The cluster ends: its holders end, and the namespaces with them. */
void node_space_remove(const char *data_dir);

#endif
