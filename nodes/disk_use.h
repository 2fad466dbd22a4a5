/* What a pod uses of the disk (RUNTIME_DISK, oci/oci_disk.h), beside what it asked for and
 * may. Pure. Source of the rules: kubernetes pkg/kubelet/eviction (eviction_manager.go:
 * localStorageEviction; helpers.go: podDiskUsage). */
#ifndef NODES_DISK_USE_H
#define NODES_DISK_USE_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/disk_walk.h"

/* Of a container by its name; nothing of one that is not there. */
struct disk_used disk_use_rootfs(struct mp disk, struct span container);
struct disk_used disk_use_logs(struct mp disk, struct span container);
/* Whether it counts as the pod's ephemeral storage: empty directories on the disk, and
 * config maps. */
bool disk_use_counts(struct mp pod, struct span volume);
/* All that counts as its ephemeral storage. */
struct disk_used disk_use_pod(struct mp pod, struct mp disk);
/* Why it is to be evicted, in a kubelet's words and order: an empty directory, the pod, or a
 * container uses more than it may. NULL: none does. */
const char *disk_use_excess(struct arena *a, struct mp pod, struct mp disk);

#endif
