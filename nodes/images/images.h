/* Images on this machine: an OCI image layout (blobs by digest, index.json) in a
 * directory, which skopeo can copy from and to, and beside it each layer
 * unpacked once, as overlayfs wants it:
 *
 *	oci-layout, index.json    names -> manifests
 *	blobs/sha256/HEX          manifests, configs, layers
 *	layers/HEX/               a layer's files, by the digest of its tar
 *	work/                     what is being loaded; nothing of worth. Of each pull its own
 *	                          directory, locked by it
 *
 * A name is in the index only when all that it needs is there and on the disk.
 * Writers hold a lock on the directory (ERR_BUSY is not told: they wait).
 *
 * Archives and layers are unpacked by tar, which writes nowhere but below the
 * directory that it is given. Layers keep owners and devices, so they are unpacked
 * as root only; without root images are kept and listed. Blocks: not for a turn. */
#ifndef IMAGES_IMAGES_H
#define IMAGES_IMAGES_H

#include "broker/base/err.h"
#include "broker/base/mem.h"

struct images;

/* Texts and lists (which end with NULL) in the arena that was given. */
struct image {
	const char *name; /* whole: docker.io/library/busybox:latest */
	const char *id;	  /* "sha256:...": of its config */
	const char *digest; /* "sha256:...": of its manifest */
	int64_t bytes;	  /* of its layers, as they came */
	const char *const *layers; /* directories, the lowest first */
	bool unpacked;	  /* all of them are there */
	const char *const *entrypoint, *const *command, *const *env;
	const char *workdir, *user, *stop_signal; /* "" of none */
};

/* Makes the directory when there is none. ERR_IO; ERR_CORRUPT: index.json. */
int images_open(struct images **out, const char *dir, struct err *e);
/* What loads and pulls that were killed have left is moved to work/gone, for the caller to
 * remove; nothing of those that are under way. Does not wait. */
void images_tidy(struct images *im);
void images_close(struct images *im); /* NULL is fine */

/* An archive of `docker save` or of an OCI layout, packed or not; calls
 * loaded(arg, image) for each image in it. ERR_INVALID: what is wrong with it;
 * ERR_CORRUPT: a digest does not fit; ERR_IO. Nothing is half loaded. */
int images_load(struct images *im, const char *file,
		void (*loaded)(void *arg, const struct image *image), void *arg, struct err *e);
/* From its registry (skopeo), or of it what is not here yet. `auth`: a file as Docker's
 * config.json, for registries that ask who one is; NULL. Waits for the network for as
 * long as skopeo does, but no longer than `patience` seconds (0: any time) in which nothing
 * comes. ERR_NOT_FOUND: skopeo is not installed; ERR_INVALID: its words; ERR_TIMEOUT. */
int images_pull(struct images *im, const char *name, const char *auth, unsigned patience,
		void (*pulled)(void *arg, const struct image *image), void *arg, struct err *e);
/* In the order of names, until `each` returns non-zero (returned). */
int images_each(struct images *im, int (*each)(void *arg, const struct image *image), void *arg,
		struct err *e);
/* By any form of its name, or by its id or the beginning of it (12 digits at
 * least). ERR_NOT_FOUND, ERR_INVALID. */
int images_find(struct images *im, const char *name, struct arena *a, struct image *out,
		struct err *e);
/* The name goes, and blobs and layers that no other image needs. ERR_NOT_FOUND. */
int images_remove(struct images *im, const char *name, struct err *e);

#endif
