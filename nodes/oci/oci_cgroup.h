/* Control groups that an OCI program made, and whose maker may be gone. */
#ifndef OCI_CGROUP_H
#define OCI_CGROUP_H

#include <stdbool.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct oci_limits;

/* Kills what runs below `path` ("/troupe/UID") in every hierarchy of the machine and
 * removes it. False: something is still there, try again in a while. */
bool oci_cgroup_remove(const char *path);
/* The file in which the kernel counts what it killed for want of memory below the
 * group at `path` (of version 1 or 2), as this machine is mounted. */
void oci_cgroup_oom_file(const char *path, struct buf *out);

/* Writes the limits of a group that has processes. `name`: of its container, for words.
 * ERR_BUSY: it uses more memory already. ERR_IO: why not, in words; some may have been written. */
int oci_cgroup_limit(const char *path, const char *name, const struct oci_limits *l, struct err *e);
/* Makes the group of a pod, with the limits that it has as a whole, before those of its
 * containers are made in it. Again is fine. ERR_IO: why not, in words. */
int oci_cgroup_make(const char *path, const struct oci_limits *l, struct err *e);
/* The same below `root`, of version 2 (`unified`) or 1. */
int oci_cgroup_limit_at(const char *root, bool unified, const char *path, const char *name,
			const struct oci_limits *l, struct err *e);

#endif
