/* A network of CNI plugins instead of the built-in one: the config's `cni`, a network
 * configuration list (.conflist; a single .conf too), read once. The pauses run the
 * plugins (network/pod_cni.h).
 *
 * Threads: one owner. */
#ifndef NODES_OCI_CNI_H
#define NODES_OCI_CNI_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

#define OCI_CNI_PATH "/opt/cni/bin:/usr/lib/cni"

struct oci_cni;

/* `path`: directories of plugins, with colons between; NULL: the ones above. ERR_INVALID,
 * ERR_NOT_FOUND: the file, or one of its plugins. */
int oci_cni_open(struct oci_cni **out, const char *file, const char *path, struct err *e);
void oci_cni_close(struct oci_cni *c); /* NULL is fine */

/* Appends the map `cni` of a pod. Its host ports are the plugins' business: one that says it
 * can do `portMappings` is told of them. ERR_UNSUPPORTED: the pod has some, and none can. */
int oci_cni_put(const struct oci_cni *c, struct arena *a, struct mp pod, const char *uid,
		struct buf *b, struct err *e);
/* The address that the plugins gave a pod, by its directory; false: none. */
bool oci_cni_address(const char *pod_dir, char *out, size_t max);

#endif
