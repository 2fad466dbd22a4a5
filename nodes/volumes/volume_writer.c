/* Files that change all at once. Readers open them through a link to a directory;
 * the new files are written to another directory, and the link is moved. Whoever
 * opened the old directory reads on in it.
 *
 * A crash leaves a directory that no link shows: the next write removes it. Source of
 * the scheme (people watch its links): kubernetes pkg/volume/util/atomic_writer.go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "nodes/volume_port.h"
#include "nodes/volumes/volume_files.h"

#define DATA "..data"
#define DATA_NEXT "..data_tmp"

enum { FILES_MAX = 100000, TRIES_MAX = 1000 };

struct file {
	const char *path;
	struct span data;
	mode_t mode;
	uid_t uid; /* (uid_t)-1: ours */
};

struct writing {
	struct arena a;
	struct file *files;
	size_t count;
	struct omap paths; /* of files and the directories above them -> struct file */
	int volume;
	char was[NAME_MAX + 1], is[NAME_MAX + 1]; /* directories; was "": none */
};

static int fail(struct err *e, const char *what)
{
	return err_set(e, ERR_IO, "%s: %s", what, strerror(errno));
}

/* ---- what is asked */

/* The plan made it clean; it came by message, so it is looked at again. */
static bool is_good(struct span path)
{
	struct span rest = path, part;
	if (!path.len || path.len >= PATH_MAX || memchr(path.data, 0, path.len) ||
	    (path.len >= 2 && memcmp(path.data, "..", 2) == 0))
		return false;
	while (rest.len) {
		const uint8_t *slash = memchr(rest.data, '/', rest.len);
		part = (struct span){rest.data, slash ? (size_t)(slash - rest.data) : rest.len};
		if (!part.len || part.len > NAME_MAX || span_is(part, ".") || span_is(part, ".."))
			return false;
		if (slash && part.len + 1 == rest.len)
			return false;
		rest.data += part.len + (slash != NULL);
		rest.len -= part.len + (slash != NULL);
	}
	return true;
}

static void note_path(struct writing *w, struct file *f)
{
	struct span path = span_of(f->path);
	omap_put(&w->paths, path, f);
	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] == '/')
			omap_put(&w->paths, (struct span){path.data, i}, f);
}

static int read_files(struct writing *w, struct mp list, struct err *e)
{
	size_t n, four;
	if (mp_array(&list, &n) || n > FILES_MAX)
		return err_set(e, ERR_INVALID, "no list of files");
	w->files = arena_alloc(&w->a, (n + 1) * sizeof *w->files);
	for (; w->count < n; w->count++) {
		struct file *f = &w->files[w->count];
		struct span path;
		int64_t mode, uid;
		if (mp_array(&list, &four) || four != 4 || mp_str(&list, &path) ||
		    mp_bin(&list, &f->data) || mp_i64(&list, &mode) || mp_i64(&list, &uid) ||
		    !is_good(path))
			return err_set(e, ERR_INVALID, "a file of a volume is none");
		f->path = arena_ndup(&w->a, path.data, path.len);
		f->mode = (mode_t)mode & 0777;
		f->uid = uid >= 0 ? (uid_t)uid : (uid_t)-1;
		note_path(w, f);
	}
	return 0;
}

/* ---- what is there */

static void read_link(struct writing *w)
{
	ssize_t n = readlinkat(w->volume, DATA, w->was, sizeof w->was - 1);
	w->was[n > 0 ? n : 0] = 0;
	if (strncmp(w->was, "..", 2) != 0 || !w->was[2] || strchr(w->was, '/'))
		w->was[0] = 0; /* not ours */
}

static bool is_same(int dir, const struct file *f)
{
	struct stat st;
	struct buf b = {0};
	ssize_t n = 1;
	int fd = openat(dir, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool same = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    (size_t)st.st_size == f->data.len;
	if (same)
		buf_reserve(&b, f->data.len + 1);
	while (same && n > 0 && b.len <= f->data.len) {
		n = read(fd, b.data + b.len, f->data.len + 1 - b.len);
		b.len += n > 0 ? (size_t)n : 0;
	}
	same = same && n >= 0 && span_eq(span_buf(&b), f->data);
	buf_fini(&b);
	if (fd >= 0)
		close(fd);
	return same;
}

/* Whether all below is among the paths that are asked for. */
static bool nothing_more(const struct writing *w, int parent, const char *name, const char *path)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char below[PATH_MAX];
	bool good = d != NULL;
	for (struct dirent *x; good && (x = readdir(d));) {
		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0)
			continue;
		int n = snprintf(below, sizeof below, "%s%s%s", path, *path ? "/" : "", x->d_name);
		good = n > 0 && (size_t)n < sizeof below && omap_get(&w->paths, span_of(below)) &&
		       (x->d_type != DT_DIR || nothing_more(w, dirfd(d), x->d_name, below));
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return good;
}

static bool is_as_asked(const struct writing *w)
{
	int dir = *w->was ? openat(w->volume, w->was, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			  : -1;
	bool same = dir >= 0;
	for (size_t i = 0; same && i < w->count; i++)
		same = is_same(dir, &w->files[i]);
	if (dir >= 0)
		close(dir);
	return same && nothing_more(w, w->volume, w->was, "");
}

/* ---- writing */

static int make_directory(struct writing *w, struct err *e)
{
	char stamp[40];
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(stamp, sizeof stamp, "..%Y_%m_%d_%H_%M_%S", gmtime_r(&now.tv_sec, &tm));
	for (long i = 0; i < TRIES_MAX; i++) {
		snprintf(w->is, sizeof w->is, "%s.%010ld", stamp, now.tv_nsec + i);
		if (mkdirat(w->volume, w->is, 0755) == 0)
			return fchmodat(w->volume, w->is, 0755, 0) ? fail(e, w->is) : 0;
		if (errno != EEXIST)
			break;
	}
	return fail(e, w->is);
}

/* The directories above a file. */
static int make_parents(int dir, const struct file *f, struct err *e)
{
	char path[PATH_MAX];
	for (const char *at = strchr(f->path, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(path, sizeof path, "%.*s", (int)(at - f->path), f->path);
		if (mkdirat(dir, path, 0755) == 0)
			(void)fchmodat(dir, path, 0755, 0);
		else if (errno != EEXIST)
			return fail(e, f->path);
	}
	return 0;
}

static int write_file(int dir, const struct file *f, struct err *e)
{
	size_t done = 0;
	int rc = make_parents(dir, f, e);
	if (rc)
		return rc;
	int fd = openat(dir, f->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(e, f->path);
	while (!rc && done < f->data.len) {
		ssize_t n = write(fd, f->data.data + done, f->data.len - done);
		if (n <= 0)
			rc = fail(e, f->path);
		else
			done += (size_t)n;
	}
	if (!rc && f->uid != (uid_t)-1 && fchown(fd, f->uid, (gid_t)-1))
		rc = fail(e, f->path);
	if (!rc && fchmod(fd, f->mode))
		rc = fail(e, f->path);
	close(fd);
	return rc;
}

static int write_files(struct writing *w, const struct volume_owner *owner, struct err *e)
{
	struct volume_owner all;
	int dir = openat(w->volume, w->is, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = dir < 0 ? fail(e, w->is) : 0;
	for (size_t i = 0; !rc && i < w->count; i++)
		rc = write_file(dir, &w->files[i], e);
	if (!rc && owner) {
		all = *owner;
		all.always = true;
		rc = volume_own(dir, &all, e);
	}
	if (dir >= 0)
		close(dir);
	return rc;
}

/* ---- showing */

/* The first part of a path, as a link in the volume's root. */
static int show(struct writing *w, const struct file *f, const struct volume_owner *owner,
		struct err *e)
{
	char name[NAME_MAX + 1], to[NAME_MAX + 16];
	snprintf(name, sizeof name, "%.*s", (int)strcspn(f->path, "/"), f->path);
	snprintf(to, sizeof to, DATA "/%s", name);
	if (symlinkat(to, w->volume, name))
		return errno == EEXIST ? 0 : fail(e, name);
	if (owner && fchownat(w->volume, name, (uid_t)-1, owner->gid, AT_SYMLINK_NOFOLLOW))
		return fail(e, name);
	return 0;
}

static int move_link(struct writing *w, const struct volume_owner *owner, struct err *e)
{
	(void)unlinkat(w->volume, DATA_NEXT, 0);
	if (symlinkat(w->is, w->volume, DATA_NEXT))
		return fail(e, DATA_NEXT);
	if (owner && fchownat(w->volume, DATA_NEXT, (uid_t)-1, owner->gid, AT_SYMLINK_NOFOLLOW))
		return fail(e, DATA_NEXT);
	return renameat(w->volume, DATA_NEXT, w->volume, DATA) ? fail(e, DATA) : 0;
}

/* What the volume's root has and is no part of it any more: links of files that are
 * gone, directories of former writes. What it cannot remove is no error: the files
 * are right. */
static void tidy(struct writing *w)
{
	int fd = openat(w->volume, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	for (struct dirent *x; d && (x = readdir(d));) {
		const char *name = x->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, DATA) == 0 ||
		    strcmp(name, w->is) == 0 || omap_get(&w->paths, span_of(name)))
			continue;
		(void)volume_remove_at(w->volume, name);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

static int write_all(struct writing *w, const struct volume_owner *owner, struct err *e)
{
	int rc = make_directory(w, e);
	if (rc)
		return rc;
	rc = write_files(w, owner, e);
	if (!rc)
		rc = move_link(w, owner, e);
	if (rc) {
		(void)volume_remove_at(w->volume, w->is);
		return rc;
	}
	for (size_t i = 0; !rc && i < w->count; i++)
		rc = show(w, &w->files[i], owner, e);
	tidy(w);
	return rc;
}

int volume_write(int volume, struct mp files, const struct volume_owner *owner, struct err *e)
{
	struct writing w = {.volume = volume};
	int rc = read_files(&w, files, e);
	if (!rc) {
		read_link(&w);
		if (!is_as_asked(&w))
			rc = write_all(&w, owner, e);
	}
	omap_fini(&w.paths, NULL);
	arena_fini(&w.a);
	return rc;
}
