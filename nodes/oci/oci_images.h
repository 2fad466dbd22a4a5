/* The images of a node: which it has, for its status, and which of them go when the
 * disk is nearly full: those that no pod here uses, the longest unused first.
 *
 * Source of the rules: kubernetes pkg/kubelet/images/image_gc_manager.go.
 * Threads: the port's loop. */
#ifndef OCI_IMAGES_H
#define OCI_IMAGES_H

#include "nodes/images/images.h"
#include "nodes/runtime_machine.h"

struct oci_images;

/* Config: image-gc-high, image-gc-low (percent of the disk; high 100: never),
 * image-gc-period (microseconds). Tells RUNTIME_IMAGES when there is news;
 * reclaimed(m) is called at the end of what oci_images_reclaim began. */
struct oci_images *oci_images_new(struct machine *m, struct images *store, struct mp cfg,
				  void (*reclaimed)(void *m));
void oci_images_free(struct oci_images *o); /* NULL is fine */
/* A pod has a container of that image ("NAME@sha256:..." or the digest alone). */
void oci_images_use(struct oci_images *o, const char *pod, const char *image);
void oci_images_unuse(struct oci_images *o, const char *pod); /* the pod is gone */
/* There may be news: at once. */
void oci_images_look(struct oci_images *o);
/* All go that nobody uses, however full the disk is; but as ever none that was in use a
 * short while ago. */
void oci_images_reclaim(struct oci_images *o);
/* What is due; how long the loop may sleep, in microseconds. */
uint64_t oci_images_due(struct oci_images *o);

#endif
