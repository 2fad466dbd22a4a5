/* A container's bundle: what its pause hands to the OCI program, made on disk below
 * the pod's directory. Reads the image's files, writes a few small ones. */
#ifndef OCI_BUNDLE_H
#define OCI_BUNDLE_H

#include "nodes/images/images.h"
#include "nodes/oci/oci_config.h"
#include "nodes/pause_link.h"

#define BUNDLES_DIR "bundles" /* of a pod */

/* Of the machine, the same for all containers. */
struct oci_machine {
	const struct doc *profile; /* of system calls; NULL: there is none */
	struct oci_powers powers;
	int64_t memory;		   /* bytes */
};

struct oci_bundle {
	const struct oci_machine *machine;
	const char *dir, *uid, *name; /* the pod's directory, absolute; its uid; the container */
	uint32_t attempt;
	struct mp pod, spec, container; /* the object, its spec, of it this container */
	struct image image;
	const char *const *command, *const *args, *const *env; /* NULL terminated */
	const char *cwd;
	bool shm; /* <dir>/shm is the pod's */
	const struct oci_mount *mounts; /* of its volumes */
	size_t mount_count;
};

/* Fills bundle, layers, lower, image, oom, word, target and stop of *start; texts live in the arena.
 * ERR_INVALID: the spec cannot be had on this image, with a kubelet's text for
 * CreateContainerConfigError. Any other code: the same for CreateContainerError. */
int oci_bundle_make(struct arena *a, const struct oci_bundle *b, struct pause_start *start,
		    struct err *e);

#endif
