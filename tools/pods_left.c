#include "tools/pods_left.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "nodes/pause_link.h"

struct left {
	int number, one;
	size_t count;
};

static int look(void *arg, const struct pause_found *f)
{
	struct left *l = arg;
	int fd = f->alive ? pidfd_open(f->pid, 0) : -1;
	if (fd < 0)
		return 0;
	/* Asked again: the number may be another's by the time of the open. */
	if (!pause_alive(f->dir, NULL)) {
		close(fd);
		return 0;
	}
	l->count++;
	if (l->number) {
		/* A stopped one must hear it; afterwards it may be in a debugger's hands,
		 * whose stop this would undo. */
		pidfd_send_signal(fd, SIGCONT, NULL, 0);
		pidfd_send_signal(fd, l->number, NULL, 0);
	}
	if (l->one < 0)
		l->one = fd;
	else
		close(fd);
	return 0;
}

size_t pods_left(const char *data_dir, int number, int *one)
{
	struct left l = {.number = number, .one = -1};
	char path[PATH_MAX];
	struct dirent *entry;
	snprintf(path, sizeof path, "%s/pods", data_dir);
	DIR *nodes = opendir(path);
	while (nodes && (entry = readdir(nodes))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/pods/%s", data_dir, entry->d_name);
		pause_find(path, look, &l, NULL);
	}
	if (nodes)
		closedir(nodes);
	*one = l.one;
	return l.count;
}
