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
	const char *subnet;   /* "10.244.1.0/24"; NULL: pods are others' business (CNI), and
				 only what services need is made */
	const char *services, *bridge; /* NULL: the ones above */
	const char *nodes;    /* of node_network_check: the range between several nodes, whose
				 bridge this is; NULL: the node is a lone one */
	uint32_t mtu;         /* 0: the kernel's */
	const char *namespace; /* path of the node's; NULL: the caller's */
};

/* The subnet of a node by its number: 10.244.N.0/24 of n1 to n254, of others by
 * their name. */
void node_network_subnet(const char *node, char out[24]);

struct node_network;

/* The range that the pods of a cluster with that subnet (NULL: of the usual ones) are in:
 * 10.244.0.0/16, or the 16 bits around it. ERR_INVALID. */
int node_network_pods(const char *subnet, struct netlink_prefix *out, struct err *e);
/* Whether that may be a bridge's name. */
bool node_network_bridge_named(const char *name);
/* Whether its bridge and ranges could be this node's, in the caller's namespace: ERR_BUSY, in
 * words for people that say what to set. Of `cfg` data_dir, node, subnet, services, bridge, nodes. */
int node_network_check(const struct node_network_config *cfg, struct err *e);

/* ERR_INVALID: config. ERR_BUSY: a range or the bridge is somebody else's. Else as
 * netlink.h. After an error what was made stays for the next try. */
int node_network_open(struct node_network **out, const struct node_network_config *cfg,
		      struct err *e);
/* All that was made stays: pods go on. NULL is fine. */
void node_network_close(struct node_network *n);
/* Whether nodes of that data directory have made something that is not removed yet. */
bool node_network_made(const char *data_dir);
/* The cluster ends, and no pod is left: removes all that nodes of that data
 * directory have made, whoever they were (DATA/network says it). What cannot be
 * removed is said in the log. */
void node_network_remove(const char *data_dir);

/* What a pod is told: texts live as long as this and the node's. */
struct node_network_pod {
	struct pod_network network; /* for pod_network_write */
	char ip[16], address[20], gateway[16], host_ifname[NETLINK_NAME_MAX + 1];
};

/* Its address: the same until it is given back. ERR_FULL: none is left. ERR_IO.
 * ERR_UNSUPPORTED: it was opened without a subnet. */
int node_network_take(struct node_network *n, const char *uid, struct node_network_pod *out,
		      struct err *e);
/* Writes the `network` of a pod that is on the node's own network (hostNetwork). */
void node_network_put_host(const struct node_network *n, struct buf *b);
/* The path of its namespace; NULL: it is this process'. */
const char *node_network_namespace(const struct node_network *n);
/* A descriptor of its namespace, which is there as long as this network is open, whoever held it;
 * the caller's to close. ERR_IO. */
int node_network_hold(const struct node_network *n, int *fd, struct err *e);
/* The path of its namespace is another one now. */
void node_network_move(struct node_network *n, const char *namespace);
/* The pod is gone, and its link with its namespace: its address is free. */
void node_network_give_back(struct node_network *n, const char *uid);

/* What it was opened with, as texts; they live as long as it does. */
const char *node_network_gateway(const struct node_network *n); /* "10.244.1.1" */
const char *node_network_range(const struct node_network *n);   /* "10.244.1.0/24" */

/* ---- for the files of this folder */

/* Enters a namespace (a path; NULL: none, and nothing happens) for a moment, on this
 * thread. */
struct node_visit {
	int home;
};
int node_visit_begin(struct node_visit *v, const char *namespace, struct err *e);
void node_visit_end(struct node_visit *v);

struct node_ranges {
	const char *pods, *services; /* pods NULL: no blackhole for them */
};
/* Blackholes and the services' local route, by a socket. */
int node_network_routes(int socket, const struct node_ranges *r, struct err *e);
/* The bridge of that name: made with `mac` and alias, or found and ours. */
int node_network_bridge(int socket, const char *name, const char *alias, uint32_t mtu,
			const uint8_t mac[6], struct netlink_link *out, struct err *e);
/* The data directory in an alias; NULL: in none, or it was cut. */
const char *node_network_owner(const char *alias);
void node_network_alias(const char *data_dir, const char *node, char out[NETLINK_ALIAS_MAX + 1]);

#endif
