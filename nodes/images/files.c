#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "nodes/images/private.h"

enum { PIECE = 1 << 16 };

static int fail(struct err *e, const char *path)
{
	return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path, strerror(errno));
}

int file_read(struct arena *a, const char *path, struct span *out, struct err *e)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	if (!f || fstat(fileno(f), &st)) {
		int rc = fail(e, path);
		if (f)
			fclose(f);
		return rc;
	}
	if (st.st_size > JSON_FILE_MAX) {
		fclose(f);
		return err_set(e, ERR_LIMIT, "%s: larger than %d bytes", path, JSON_FILE_MAX);
	}
	uint8_t *data = arena_alloc(a, (size_t)st.st_size + 1);
	size_t n = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	*out = (struct span){data, n};
	return 0;
}

int file_json(struct arena *a, const char *path, struct doc **out, struct err *e)
{
	struct span text;
	struct err why = {0};
	int rc = file_read(a, path, &text, e);
	if (rc)
		return rc;
	if (json_parse(a, text, out, NULL, &why))
		return err_set(e, ERR_INVALID, "%s: %s", path, why.text);
	return 0;
}

int file_write(const char *path, struct span data, struct err *e)
{
	char beside[IMAGES_PATH_MAX];
	snprintf(beside, sizeof beside, "%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(e, beside);
	ssize_t n = write(fd, data.data, data.len);
	bool good = n == (ssize_t)data.len && fsync(fd) == 0;
	int number = n >= 0 && !good ? ENOSPC : errno;
	close(fd);
	errno = number;
	if (!good || rename(beside, path))
		return fail(e, path);
	return 0;
}

bool file_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

int64_t file_bytes(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

void tree_remove(const char *path)
{
	(void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ---- digests */

static void hex_of(const uint8_t *sum, char out[DIGEST_TEXT_MAX])
{
	int n = snprintf(out, DIGEST_TEXT_MAX, "sha256:");
	for (int i = 0; i < 32; i++)
		n += snprintf(out + n, DIGEST_TEXT_MAX - (size_t)n, "%02x", sum[i]);
}

struct hash {
	gnutls_hash_hd_t handle;
};

struct hash *hash_new(void)
{
	struct hash *h = mem_alloc(sizeof *h);
	if (gnutls_hash_init(&h->handle, GNUTLS_DIG_SHA256))
		abort(); /* it has no other reason than no memory */
	return h;
}

void hash_add(struct hash *h, struct span data)
{
	gnutls_hash(h->handle, data.data, data.len);
}

void hash_end(struct hash *h, char out[DIGEST_TEXT_MAX])
{
	uint8_t sum[32];
	gnutls_hash_deinit(h->handle, sum);
	hex_of(sum, out);
	free(h);
}

int text_digest(struct span data, char out[DIGEST_TEXT_MAX])
{
	uint8_t sum[32];
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data.data, data.len, sum))
		return ERR_IO;
	hex_of(sum, out);
	return 0;
}

int file_digest(const char *path, char out[DIGEST_TEXT_MAX], struct err *e)
{
	struct hash *h = hash_new();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *piece = mem_alloc(PIECE);
	ssize_t n = -1;
	while (fd >= 0 && (n = read(fd, piece, PIECE)) > 0)
		hash_add(h, (struct span){piece, (size_t)n});
	int rc = n < 0 ? fail(e, path) : 0;
	hash_end(h, out);
	free(piece);
	if (fd >= 0)
		close(fd);
	return rc;
}

const char *digest_hex(struct arena *a, struct span digest)
{
	if (digest.len != 7 + 64 || memcmp(digest.data, "sha256:", 7) != 0)
		return NULL;
	for (size_t i = 7; i < digest.len; i++)
		if (!memchr("0123456789abcdef", digest.data[i], 16))
			return NULL;
	return arena_ndup(a, digest.data + 7, 64);
}

const char *blob_path(const struct images *im, struct arena *a, const char *hex)
{
	return arena_printf(a, "%s/blobs/sha256/%s", im->dir, hex);
}

const char *layer_path(const struct images *im, struct arena *a, const char *hex)
{
	return arena_printf(a, "%s/layers/%s", im->dir, hex);
}
