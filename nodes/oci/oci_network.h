/* The network of a node's real pods, as the runtime `oci` has it: the node's
 * network (network/node_network.h, node_space.h), and of each pod its address, its
 * host ports, and the files etc/hosts, etc/hostname and etc/resolv.conf below its
 * directory.
 *
 * Threads: the port's loop; blocks for small files and for requests to the kernel. */
#ifndef NODES_OCI_NETWORK_H
#define NODES_OCI_NETWORK_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/network/pod_names.h"

enum { OCI_NETWORK_IP_MAX = 46 };

struct oci_network;

/* `cfg`: subnet, services, address, peers (tools/places.h); cni, cni-bin (oci_cni.h). Errors as node_network_open's and
 * node_space_open's. */
int oci_network_open(struct oci_network **out, const char *data_dir, const char *node,
		     const char *pods_dir, struct mp cfg, struct err *e);
void oci_network_close(struct oci_network *n); /* pods go on; NULL is fine */

/* What a pod's sandbox is made of. */
struct oci_network_pod {
	const char *uid, *dir; /* the directory is there */
	struct mp pod;         /* the object */
};

/* What comes of it, in the arena. */
struct oci_network_made {
	const char *hostname;
	/* Messages of warnings with reason DNSConfigForming. */
	const char *warnings[POD_RESOLV_WARNINGS_MAX];
	size_t warning_count;
};

/* Before the sandbox is made: takes an address, opens the host ports, writes the files;
 * appends the value of `network` (pause/sandbox.h) to `b`, whatever it returns. The text
 * of an error is for the pod's event. */
int oci_network_prepare(struct oci_network *n, struct arena *a, const struct oci_network_pod *p,
			struct buf *b, struct oci_network_made *out, struct err *e);
/* Before a container is started: its /etc/hosts, which names the pod's address. */
int oci_network_hosts(struct oci_network *n, struct arena *a, const struct oci_network_pod *p,
		      struct err *e);
/* A pod that is there already: its host ports lead to it again. */
void oci_network_adopt(struct oci_network *n, const struct oci_network_pod *p);
/* Its sandbox is gone. False: what its pause has left, because it was killed, is still
 * being undone: ask again in a while. */
bool oci_network_down(struct oci_network *n, const char *uid);
void oci_network_forget(struct oci_network *n, const char *uid); /* and its address */
void oci_network_address(struct oci_network *n, const char *uid, bool on_host,
			 char out[OCI_NETWORK_IP_MAX]);

#endif
