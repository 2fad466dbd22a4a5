/* A pod's own network, as its pause makes it: `lo`, and one end `eth0` of a pair
 * whose other end is a port of the node's bridge.
 *
 * The map `network` (in the pod's file `sandbox`, written by the port):
 *   namespace    path of the node's network namespace; absent: the pause's own
 *   host         true: the pod is on its node's network; nothing more counts
 *   cni          a map (pod_cni.h): plugins make the rest; nothing more counts
 *   bridge       of the node's namespace; it is there. Absent: only `lo`, of a
 *                namespace that others will furnish
 *   host_ifname  the pair's other end (pod_network_ifname)
 *   address      "10.244.1.5/24"
 *   gateway      "10.244.1.1", in that prefix
 *   mtu          bytes; 0 or absent: the kernel's
 * No map at all: as `host`, in the pause's own.
 *
 * It goes with the pod's namespace: when its last process has ended, the kernel
 * removes both ends. Linked into the pause. */
#ifndef NETWORK_POD_NETWORK_H
#define NETWORK_POD_NETWORK_H

#include "broker/base/mp.h"
#include "nodes/network/netlink.h"

struct pod_network {
	const char *bridge, *host_ifname, *address, *gateway;
	const char *namespace; /* NULL: absent */
	uint32_t mtu;
};

/* "veth1a2b3c4d", by the pod's uid: the same each time. */
void pod_network_ifname(const char *uid, char out[NETLINK_NAME_MAX + 1]);
void pod_network_write(struct buf *b, const struct pod_network *n);

/* ---- in the pause, in this order */

/* Whether the pod has a namespace of its own. */
bool pod_network_is_own(struct mp network);
/* Of the node's namespace: a netlink socket, and, where plugins are to run there, a
 * descriptor; -1: none. */
struct pod_network_node {
	int socket, namespace;
};

/* Enters the node's namespace, if the map names one, and opens what is needed of it
 * afterwards. */
int pod_network_enter_node(struct mp network, struct pod_network_node *node, struct err *e);
/* In the pod's namespaces, once; of a pod that has its own. A pair of that name that is
 * still there, of a pause that has just died, is replaced. Takes about a millisecond;
 * plugins take what they take. ERR_INVALID: the map; else as netlink.h and pod_cni.h.
 * What was made until then goes with the namespace. */
int pod_network_up(struct mp network, const struct pod_network_node *node, struct err *e);
/* Before the pause ends: plugins undo what they have made. */
void pod_network_down(struct mp network, const struct pod_network_node *node);
/* The same after a pause that was killed, in any process of root's, which is in the
 * node's namespace afterwards. */
void pod_network_undo(struct mp network);
void pod_network_leave_node(struct pod_network_node *node); /* closes what is open */

#endif
