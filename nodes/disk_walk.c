#include "nodes/disk_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 1000, BLOCK = 512 }; /* each level holds a descriptor open */

struct walk {
	const atomic_bool *stop;
	dev_t device;
	struct disk_used used;
	bool given_up;
};

static void count(struct walk *w, const struct stat *st)
{
	int64_t names = S_ISDIR(st->st_mode) || st->st_nlink < 1 ? 1 : (int64_t)st->st_nlink;
	w->used.bytes += (int64_t)st->st_blocks * BLOCK / names;
	w->used.inodes++;
}

/* Takes the descriptor over. */
static void count_below(struct walk *w, int fd, int depth)
{
	DIR *d = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	struct stat st;
	if (!d) {
		close(fd);
		return;
	}
	for (struct dirent *x; !w->given_up && (x = readdir(d));) {
		w->given_up = w->stop && atomic_load(w->stop);
		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0 ||
		    fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) || st.st_dev != w->device)
			continue;
		count(w, &st);
		int below = S_ISDIR(st.st_mode) ? openat(dirfd(d), x->d_name,
							 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
						: -1;
		if (below >= 0)
			count_below(w, below, depth + 1);
	}
	closedir(d);
}

bool disk_walk(const char *path, const atomic_bool *stop, struct disk_used *sum)
{
	struct walk w = {.stop = stop};
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st)) {
		close(fd);
		return false;
	}
	w.device = st.st_dev;
	count(&w, &st);
	count_below(&w, fd, 0);
	if (w.given_up)
		return false;
	sum->bytes += w.used.bytes;
	sum->inodes += w.used.inodes;
	return true;
}
