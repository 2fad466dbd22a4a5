#include "nodes/oci/oci_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char root[] = "/sys/fs/cgroup";

static void kill_all(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	int pid;
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 1)
			kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

/* The children first; whether all is gone. */
static bool remove_at(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	if (!d)
		return fd < 0 && errno == ENOENT;
	while ((e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_at(fd, e->d_name);
	kill_all(fd);
	closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

static bool is_unified(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

bool oci_cgroup_remove(const char *path)
{
	char full[600];
	struct dirent *e;
	bool gone = true;
	if (is_unified()) {
		snprintf(full, sizeof full, "%s%s", root, path);
		return remove_at(AT_FDCWD, full);
	}
	DIR *d = opendir(root);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(full, sizeof full, "%s/%s%s", root, e->d_name, path);
		gone = remove_at(AT_FDCWD, full) && gone;
	}
	if (d)
		closedir(d);
	return gone;
}

void oci_cgroup_oom_file(const char *path, struct buf *out)
{
	if (is_unified())
		buf_printf(out, "%s%s/memory.events", root, path);
	else
		buf_printf(out, "%s/memory%s/memory.oom_control", root, path);
}
