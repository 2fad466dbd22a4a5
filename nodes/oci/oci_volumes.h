/* Volumes of OCI pods, between the port (runtime_oci.c) and nodes/volumes/: made
 * before a pod's pause is asked for, mounted by it and its OCI program. */
#ifndef OCI_VOLUMES_H
#define OCI_VOLUMES_H

#include "nodes/oci/oci_config.h"
#include "nodes/runtime_machine.h"

struct oci_volumes;

int oci_volumes_new(struct oci_volumes **out, struct machine *m, struct err *e);
void oci_volumes_free(struct oci_volumes *v); /* NULL is fine */

/* RUNTIME_SANDBOX. 0: there are none; ERR_AGAIN: machine_launch follows, or
 * RUNTIME_FAILED. */
int oci_volumes_prepare(struct oci_volumes *v, struct pod *p, struct mp body);
/* Adds `memory` and `shared` to the file `sandbox`; returns the number of fields. */
size_t oci_volumes_put(struct buf *b, struct mp body);
/* RUNTIME_VOLUMES. */
void oci_volumes_refresh(struct oci_volumes *v, struct pod *p, struct mp body);
/* The pod has ended for good: what it wrote goes, but for its logs; RUNTIME_RETIRED. */
void oci_volumes_retire(struct oci_volumes *v, const struct pod *p);
/* A pause that was killed has left the files of its containers: they go. */
void oci_volumes_clean(struct oci_volumes *v, const struct pod *p);
/* What is called "gone" in a directory. */
void oci_volumes_drop(struct oci_volumes *v, const char *dir);
/* Removes the pod's directory, volumes and all. */
void oci_volumes_remove(struct oci_volumes *v, const struct pod *p);

struct oci_volume_mounts {
	struct oci_mount *all;
	size_t count;
	struct span subpaths; /* for pause_start */
};

/* `list`: RUNTIME_START's mounts. All in the arena. ERR_INVALID: a sub-path leads out of its
 * volume, or cannot be made, in a kubelet's words; ERR_UNSUPPORTED: what is mounted in a path
 * of the machine could not be seen by the machine, in containerd's. */
int oci_volumes_mounts(struct arena *a, const char *dir, const char *container, uint32_t attempt,
		       struct mp list, struct oci_volume_mounts *out, struct err *e);

#endif
