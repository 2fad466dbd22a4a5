/* A layer's files as overlayfs wants them.
 *
 *   blob ─► gzip or zstd, if it is packed ─► hash ─► tar -x ─► marks
 *
 * What the layer deletes (.wh.NAME) becomes a device 0/0, and a directory that
 * hides what is below it (.wh..wh..opq) is given an attribute. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "nodes/images/private.h"

enum { PIECE = 1 << 16 };
static const char MARK[] = ".wh.", OPAQUE[] = ".wh..wh..opq";

/* ---- marks */

static int turn_mark(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	const char *base = path + at->base;
	char target[IMAGES_PATH_MAX];
	(void)st;
	if (flag != FTW_F || strncmp(base, MARK, sizeof MARK - 1) != 0)
		return 0;
	if (unlink(path))
		return -1;
	snprintf(target, sizeof target, "%.*s", at->base - 1, path);
	if (strcmp(base, OPAQUE) == 0)
		return setxattr(target, "trusted.overlay.opaque", "y", 1, 0);
	snprintf(target, sizeof target, "%.*s%s", at->base, path, base + sizeof MARK - 1);
	return mknod(target, S_IFCHR, makedev(0, 0)) && errno != EEXIST;
}

static int turn_marks(const char *dir, struct err *e)
{
	if (nftw(dir, turn_mark, 32, FTW_PHYS | FTW_MOUNT) == 0)
		return 0;
	return err_set(e, ERR_IO, "%s: what the layer deletes cannot be marked: %s", dir,
		       strerror(errno));
}

/* ---- bytes */

/* The program that unpacks what begins so; NULL: it is not packed. */
static const char *unpacker_of(int fd)
{
	uint8_t b[4] = {0};
	(void)!pread(fd, b, sizeof b, 0);
	if (b[0] == 0x1f && b[1] == 0x8b)
		return "gzip";
	return memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0 ? "zstd" : NULL;
}

static bool write_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		data += done;
		n -= (size_t)done;
	}
	return true;
}

/* Also what tar does not care for is hashed. */
static void pump(int from, int to, char digest[DIGEST_TEXT_MAX])
{
	struct hash *h = hash_new();
	uint8_t *piece = mem_alloc(PIECE);
	bool takes = true;
	ssize_t n;
	while ((n = read(from, piece, PIECE)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		hash_add(h, (struct span){piece, (size_t)n});
		takes = takes && write_all(to, piece, (size_t)n);
	}
	free(piece);
	hash_end(h, digest);
}

static int run_tar(int from, const char *dir, char digest[DIGEST_TEXT_MAX], struct err *e)
{
	const char *const tar[] = {"tar",	 "-x",	      "-f", "-", "-C", dir, "--numeric-owner",
				   "--same-owner", "-p", "--xattrs", "--xattrs-include=*", NULL};
	struct program p;
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC))
		return err_set(e, ERR_IO, "pipe: %s", strerror(errno));
	int rc = program_start(&p, tar, pipes[0], -1, e);
	close(pipes[0]);
	if (!rc)
		pump(from, pipes[1], digest);
	close(pipes[1]);
	return rc ? rc : program_end(&p, "a layer", e);
}

static int unpack(int blob, const char *dir, char digest[DIGEST_TEXT_MAX], struct err *e)
{
	const char *name = unpacker_of(blob);
	const char *const argv[] = {name, "-dc", NULL};
	struct program p;
	int pipes[2];
	if (!name)
		return run_tar(blob, dir, digest, e);
	if (pipe2(pipes, O_CLOEXEC))
		return err_set(e, ERR_IO, "pipe: %s", strerror(errno));
	int rc = program_start(&p, argv, blob, pipes[1], e);
	close(pipes[1]);
	if (!rc) {
		rc = run_tar(pipes[0], dir, digest, e);
		int packed = program_end(&p, "a packed layer", rc ? NULL : e);
		rc = rc ? rc : packed;
	}
	close(pipes[0]);
	return rc;
}

static int unpack_into(const char *blob, const char *made, const char *diff_hex, struct err *e)
{
	char digest[DIGEST_TEXT_MAX] = "";
	int fd = open(blob, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || mkdir(made, 0755)) {
		int rc = err_set(e, ERR_IO, "%s: %s", fd < 0 ? blob : made, strerror(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	int rc = unpack(fd, made, digest, e);
	close(fd);
	if (!rc && strcmp(digest + 7, diff_hex) != 0)
		rc = err_set(e, ERR_CORRUPT, "a layer is %s and was to be sha256:%s", digest, diff_hex);
	return rc ? rc : turn_marks(made, e);
}

int layer_unpack(const struct images *im, const char *blob, const char *diff_hex, struct err *e)
{
	char dir[IMAGES_PATH_MAX], made[IMAGES_PATH_MAX];
	snprintf(dir, sizeof dir, "%s/layers/%s", im->dir, diff_hex);
	snprintf(made, sizeof made, "%s/work/layer-%s", im->dir, diff_hex);
	if (geteuid() != 0 || file_exists(dir))
		return 0;
	tree_remove(made);
	int rc = unpack_into(blob, made, diff_hex, e);
	if (!rc && rename(made, dir))
		rc = err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
	if (rc)
		tree_remove(made);
	return rc;
}
