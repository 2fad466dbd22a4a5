#include "nodes/pause/subpath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES_MAX = 100 }; /* of a resolution that a rename disturbed */

static int open_below(int base, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	for (int i = 0; i < TRIES_MAX; i++) {
		long fd = syscall(SYS_openat2, base, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			return fd >= 0 ? (int)fd : -errno;
	}
	return -EAGAIN;
}

/* Opened to change its mode: a new directory, which nobody has put a link for since. */
static int set_mode(int parent, const char *name, mode_t mode)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int rc = fchmod(fd, mode) ? -errno : 0;
	close(fd);
	return rc;
}

/* Each part below the one before it, which is a directory by then. */
static int make_parts(int base, const char *path, mode_t mode)
{
	char before[PATH_MAX], name[NAME_MAX + 1];
	for (const char *at = path; *at;) {
		size_t n = strcspn(at, "/");
		memcpy(before, path, (size_t)(at - path));
		before[at - path] = 0;
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, at, n);
		name[n] = 0;
		at += n;
		at += strspn(at, "/");
		int parent = open_below(base, *before ? before : ".");
		if (parent < 0)
			return parent;
		int rc = mkdirat(parent, name, mode & 0777) ? -errno : set_mode(parent, name, mode);
		close(parent);
		if (rc && rc != -EEXIST)
			return rc;
	}
	return 0;
}

int subpath_open(const char *base, const char *path)
{
	struct stat st;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	int root = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	int fd = open_below(root, path);
	if (fd == -ENOENT) {
		int rc = fstat(root, &st) ? -errno : make_parts(root, path, st.st_mode & 07777);
		fd = rc ? rc : open_below(root, path);
	}
	close(root);
	return fd;
}

static int make_place(int fd, const char *place)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return mkdir(place, 0700) && errno != EEXIST ? -errno : 0;
	int file = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	close(file);
	return 0;
}

int subpath_bind(const char *base, const char *path, const char *place)
{
	int fd = subpath_open(base, path);
	if (fd < 0)
		return fd;
	int rc = make_place(fd, place), tree = -1;
	if (!rc) {
		tree = (int)syscall(SYS_open_tree, fd, "",
				    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
		rc = tree < 0 ? -errno : 0;
	}
	if (!rc && syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH))
		rc = -errno;
	if (tree >= 0)
		close(tree);
	close(fd);
	return rc;
}

/* Never a tree: a mount that stays would be emptied. What cannot go is left. */
void subpath_release(const char *dir, const char *id)
{
	char path[PATH_MAX];
	if (strlen(dir) + strlen(id) + sizeof SUBPATHS_DIR + 2 > sizeof path)
		return;
	stpcpy(stpcpy(stpcpy(stpcpy(path, dir), "/" SUBPATHS_DIR), "/"), id);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	if (d && fchdir(fd) == 0)
		while ((e = readdir(d))) {
			if (e->d_name[0] == '.')
				continue;
			/* What is mounted below stays with those who share it. */
			mount(NULL, e->d_name, NULL, MS_REC | MS_PRIVATE, NULL);
			umount2(e->d_name, MNT_DETACH | UMOUNT_NOFOLLOW);
			if (unlink(e->d_name) != 0)
				rmdir(e->d_name);
		}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	rmdir(path);
}
