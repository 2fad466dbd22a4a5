/* Names of images as people write them, and what they mean: "busybox" is
 * docker.io/library/busybox:latest. Pure.
 * Source of the rules: Docker's reference grammar (distribution/reference). */
#ifndef IMAGES_NAME_H
#define IMAGES_NAME_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"
#include "broker/base/mem.h"

/* Texts in the arena. */
struct image_name {
	const char *registry;	/* "docker.io", "localhost:5000" */
	const char *repository; /* "library/busybox" */
	const char *tag;	/* "latest"; NULL: only a digest was given */
	const char *digest;	/* "sha256:..."; NULL: none */
};

/* ERR_INVALID, in Docker's words. */
int image_name_parse(struct arena *a, struct span text, struct image_name *out, struct err *e);
/* "docker.io/library/busybox:latest"; with a digest: "...@sha256:...", without
 * the tag. In the arena. */
const char *image_name_text(struct arena *a, const struct image_name *n);

#endif
