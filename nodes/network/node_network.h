/* A node's network, as the agent's port makes it in the node's namespace:
 *
 *   blackholes for the ranges of pods and services, first: what is meant for
 *       them and finds nobody here goes nowhere else
 *   a bridge with the first address of the node's subnet, the pods' gateway
 *   every address of services local (`local 10.96.0.0/16 dev lo`): where
 *       nobody listens, who connects is refused at once
 *   IPv4 forwarding
 *
 * All of it is made, or found from before and kept: so after a crash pods go on
 * and are adopted with their addresses. The bridge's alias says whose it is; one
 * of another cluster is left alone, unless that one's directory is gone.
 *
 * Threads: one owner. Each call is some requests to the kernel: milliseconds. */
#ifndef NETWORK_NODE_NETWORK_H
#define NETWORK_NODE_NETWORK_H

#include "nodes/network/pod_network.h"

#define NODE_NETWORK_PODS "10.244.0.0/16"
#define NODE_NETWORK_SERVICES "10.96.0.0/16"
#define NODE_NETWORK_BRIDGE "troupe0"

struct node_network_config {
	const char *data_dir, *node;
	const char *pods_dir; /* of this node's pods; may be NULL: addresses_open */
	const char *subnet;   /* "10.244.1.0/24" */
	const char *pods, *services, *bridge; /* NULL: the ones above */
	uint32_t mtu;         /* 0: the kernel's */
	int namespace;        /* descriptor of the node's; borrowed for the call; -1: the caller's */
};

/* The subnet of a node by its number: 10.244.N.0/24 of n1 to n254, of others by
 * their name. */
void node_network_subnet(const char *node, char out[24]);

struct node_network;

/* ERR_INVALID: config. ERR_BUSY: a range or the bridge is somebody else's. Else as
 * netlink.h. After an error what was made stays for the next try. */
int node_network_open(struct node_network **out, const struct node_network_config *cfg,
		      struct err *e);
/* `remove`: the cluster ends; no pod is left. Otherwise all stays as it is. NULL is fine. */
void node_network_close(struct node_network *n, bool remove);

/* What a pod is told: texts live as long as this. */
struct node_network_pod {
	struct pod_network network; /* for pod_network_write */
	char ip[16], address[20], gateway[16], host_ifname[NETLINK_NAME_MAX + 1];
};

/* Its address: the same until it is given back. ERR_FULL: none is left. ERR_IO. */
int node_network_take(struct node_network *n, const char *uid, struct node_network_pod *out,
		      struct err *e);
/* The pod is gone, and its link with its namespace: its address is free. */
void node_network_give_back(struct node_network *n, const char *uid);

/* What it was opened with, as texts; they live as long as it does. */
const char *node_network_gateway(const struct node_network *n); /* "10.244.1.1" */
const char *node_network_range(const struct node_network *n);   /* "10.244.1.0/24" */

/* A netlink socket and IPv4 forwarding of a namespace (-1: the caller's), for whoever has more to
 * do there. The caller's thread is in its own namespace again when it returns. */
int node_network_socket(int namespace, int *out, struct err *e);
int node_network_forward(int namespace, const char *node, struct err *e);

#endif
