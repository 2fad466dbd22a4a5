/* What the files of images share. */
#ifndef IMAGES_PRIVATE_H
#define IMAGES_PRIVATE_H

#include "broker/base/bytes.h"
#include "broker/base/doc.h"
#include "nodes/images/images.h"

enum { IMAGES_PATH_MAX = 1024, DIGEST_TEXT_MAX = 80, JSON_FILE_MAX = 2 * 1024 * 1024 };

struct images {
	char *dir;
	int lock; /* descriptor */
};

/* files.c: small files, whole */
int file_read(struct arena *a, const char *path, struct span *out, struct err *e);
int file_json(struct arena *a, const char *path, struct doc **out, struct err *e);
/* Through a file beside it, synced. */
int file_write(const char *path, struct span data, struct err *e);
bool file_exists(const char *path);
void tree_remove(const char *path);
int64_t file_bytes(const char *path); /* -1: there is none */
/* SHA-256 as "sha256:HEX". hash_end frees it. */
struct hash;
struct hash *hash_new(void);
void hash_add(struct hash *h, struct span data);
void hash_end(struct hash *h, char out[DIGEST_TEXT_MAX]);
int file_digest(const char *path, char out[DIGEST_TEXT_MAX], struct err *e);
/* HEX of "sha256:HEX", which is 64 small hex digits; NULL: it is none. */
const char *digest_hex(struct arena *a, struct span digest);
int text_digest(struct span data, char out[DIGEST_TEXT_MAX]);
const char *blob_path(const struct images *im, struct arena *a, const char *hex);
const char *layer_path(const struct images *im, struct arena *a, const char *hex);

/* program.c: tar and its like. `in`, `out`: descriptors, -1: none. Its last
 * words on stderr are in *e when it fails. */
struct program {
	int pid, words;
};
int program_start(struct program *p, const char *const *argv, int in, int out, struct err *e);
int program_end(struct program *p, const char *name, struct err *e);

/* archive.c: takes an archive that lies unpacked in `work` into the store */
int archive_take(struct images *im, const char *file, const char *work,
		 void (*loaded)(void *arg, const struct image *image), void *arg, struct err *e);

/* layer.c: unpacks once; its tar must be of that digest. 0 also when it cannot be
 * done here (no root). */
int layer_unpack(const struct images *im, const char *blob, const char *diff_hex, struct err *e);

/* images.c */
void images_lock(const struct images *im);
void images_unlock(const struct images *im);
int images_read_manifest(struct images *im, struct arena *a, const char *name, struct span digest,
			 struct image *out, struct err *e);
/* The name is of that manifest from now on. */
int images_put(struct images *im, struct arena *a, const char *name, const char *digest,
	       struct err *e);

#endif
