/* Pulls of images beside the loop: each is a process of its own (`troupe image pull`),
 * one at a time, as a kubelet does it; what asks for the same image waits for the
 * same pull.
 *
 * Threads: the port's loop. */
#ifndef OCI_PULLS_H
#define OCI_PULLS_H

#include "actors/runtime/port.h"

struct oci_pulls;

struct oci_pull_end {
	const char *image;
	bool good;
	const char *text; /* why not */
	int64_t pull_ms, wait_ms; /* wait_ms: since it was asked for, also behind others */
};

/* Told for each that was asked for; must not free the pulls. */
typedef void oci_pull_told(void *arg, uint64_t pod, const char *container,
			   const struct oci_pull_end *end);

/* A pull in which nothing comes for `patience` microseconds is given up. */
struct oci_pulls *oci_pulls_new(struct loop *loop, const char *data_dir, const char *node,
				uint64_t patience, oci_pull_told *told, void *arg);
/* Ends the one that runs; nobody is told. NULL is fine. */
void oci_pulls_free(struct oci_pulls *p);
/* The pod is gone: nobody is told for it, and a pull that no other waits for ends. */
void oci_pulls_drop(struct oci_pulls *p, uint64_t pod);
/* `auth`: text of a file as Docker's config.json, empty: none. */
void oci_pulls_ask(struct oci_pulls *p, const char *image, uint64_t pod, const char *container,
		   struct span auth);

#endif
