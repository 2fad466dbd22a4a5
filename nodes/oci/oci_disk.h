/* How much of the disk pods use: each is walked through now and then, one after the
 * other, by a thread of little priority. It rests for many times as long as a walk took, so
 * that pods with millions of files cost no more than a small part of a processor; and pods
 * that write nothing are looked at less and less often, down to every sixth time.
 *
 * RUNTIME_DISK, of a pod: {time_us, containers: [{name, rootfs: USED, logs: USED}], volumes:
 * [{name, used, inodes_used, fs?}]}; USED is {used, inodes_used}, in bytes. `rootfs` is what
 * the container has written; a volume with `fs` ({capacity, available, inodes, inodes_free})
 * is a file system of its own: one in memory.
 *
 * Threads: the port's loop, and one of its own that only looks. */
#ifndef OCI_DISK_H
#define OCI_DISK_H

#include <stdatomic.h>

#include "nodes/disk_walk.h"
#include "nodes/runtime_machine.h"

struct oci_disk;

/* Config: figures-period (microseconds): no pod is looked at more often. ERR_IO. */
int oci_disk_new(struct oci_disk **out, struct machine *m, struct mp cfg, struct err *e);
/* Gives up what it is at. NULL is fine. */
void oci_disk_free(struct oci_disk *d);
/* Goes on when it is due; how long the loop may sleep, in microseconds. */
uint64_t oci_disk_due(struct oci_disk *d);

/* What a pod in this directory uses, as above, and all of it: for the thread and tests.
 * Blocks. False: `stop` was set before the end. */
bool oci_disk_look(const char *pod_dir, const atomic_bool *stop, struct buf *out,
		   struct disk_used *all);

#endif
