/* A pod's own network, as its pause makes it: `lo`, and one end `eth0` of a pair
 * whose other end is a port of the node's bridge.
 *
 * The map `network` (in the pod's file `sandbox`, written by the port with
 * pod_network_write):
 *   bridge       of the node's namespace; it is there
 *   host_ifname  the pair's other end (pod_network_ifname)
 *   address      "10.244.1.5/24"
 *   gateway      "10.244.1.1", in that prefix
 *   mtu          bytes; 0 or absent: the kernel's
 *
 * It goes with the pod's namespace: when its last process has ended, the kernel
 * removes both ends. Linked into the pause. */
#ifndef NETWORK_POD_NETWORK_H
#define NETWORK_POD_NETWORK_H

#include "broker/base/mp.h"
#include "nodes/network/netlink.h"

struct pod_network {
	const char *bridge, *host_ifname, *address, *gateway;
	uint32_t mtu;
};

/* "veth1a2b3c4d", by the pod's uid: the same each time. */
void pod_network_ifname(const char *uid, char out[NETLINK_NAME_MAX + 1]);
void pod_network_write(struct buf *b, const struct pod_network *n);

/* In the pod's namespaces, once. `node_socket`: a netlink socket that was opened
 * in the node's network namespace; it stays open. A pair of that name that is
 * still there, of a pause that has just died, is replaced. Takes about a
 * millisecond. ERR_INVALID: the map; else as netlink.h. What was made until
 * then goes with the namespace. */
int pod_network_up(struct mp network, int node_socket, struct err *e);

/* Only `lo`: what a namespace has before or without that. */
int pod_network_lo(struct err *e);

#endif
