/* fsGroup: a tree is given to a group. Source of the rules: kubernetes
 * pkg/volume/volume_linux.go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/volumes/volume_files.h"

enum { DEPTH_MAX = 1000 }; /* each holds a descriptor open */

static mode_t wanted(const struct volume_owner *o, mode_t mode)
{
	mode_t more = o->read_only ? 0440 : 0660;
	if (S_ISDIR(mode))
		more |= S_ISGID | 0110;
	return (mode & 07777) | more;
}

static bool is_owned(const struct volume_owner *o, const struct stat *st)
{
	return st->st_gid == o->gid && (st->st_mode & 07777) == wanted(o, st->st_mode);
}

/* The group first: changing it takes the setgid bit away. */
static int own_one(int at, const char *name, const struct volume_owner *o, const struct stat *st)
{
	if (fchownat(at, name, (uid_t)-1, o->gid, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (S_ISLNK(st->st_mode))
		return 0;
	return fchmodat(at, name, wanted(o, st->st_mode), AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

static int own_below(int fd, const struct volume_owner *o, int depth);

static int own_entry(int at, const char *name, const struct volume_owner *o, int depth)
{
	struct stat st;
	if (o->stop && atomic_load(o->stop))
		return -ECANCELED;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode)) {
		int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int rc = fd < 0 ? -errno : own_below(fd, o, depth + 1);
		if (rc)
			return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
	}
	int rc = is_owned(o, &st) ? 0 : own_one(at, name, o, &st);
	return rc == -ENOENT ? 0 : rc; /* it went meanwhile */
}

/* Takes the descriptor over. */
static int own_below(int fd, const struct volume_owner *o, int depth)
{
	int rc = 0;
	DIR *d = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	if (!d) {
		rc = depth < DEPTH_MAX ? -errno : -ELOOP;
		close(fd);
		return rc;
	}
	for (struct dirent *x; !rc && (x = readdir(d));)
		if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
			rc = own_entry(dirfd(d), x->d_name, o, depth);
	closedir(d);
	return rc;
}

/* The root comes last: what says that all of it is done. */
int volume_own(int fd, const struct volume_owner *o, struct err *e)
{
	struct stat st;
	int rc = fstat(fd, &st) ? -errno : 0;
	if (!rc && !o->always && is_owned(o, &st))
		return 0;
	if (!rc && S_ISDIR(st.st_mode)) {
		int below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = below < 0 ? -errno : own_below(below, o, 0);
	}
	if (!rc && fchown(fd, (uid_t)-1, o->gid))
		rc = -errno;
	if (!rc && fchmod(fd, wanted(o, st.st_mode)))
		rc = -errno;
	return rc ? err_set(e, ERR_IO, "applyFSGroup failed: %s", strerror(-rc)) : 0;
}
