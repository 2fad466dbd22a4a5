/* Control groups that an OCI program made, and whose maker may be gone. */
#ifndef OCI_CGROUP_H
#define OCI_CGROUP_H

#include <stdbool.h>

#include "broker/base/bytes.h"

/* Kills what runs below `path` ("/troupe/UID") in every hierarchy of the machine and
 * removes it. False: something is still there, try again in a while. */
bool oci_cgroup_remove(const char *path);
/* The file in which the kernel counts what it killed for want of memory below the
 * group at `path` (of version 1 or 2), as this machine is mounted. */
void oci_cgroup_oom_file(const char *path, struct buf *out);

#endif
