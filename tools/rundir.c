#include "tools/rundir.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int rundir_open(struct rundir *out, const char *data_dir, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/run", data_dir);
	int fd = n < (int)sizeof path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return err_set(e, ERR_NOT_FOUND, "%s is not there", path);
	out->fd = fd;
	snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", fd);
	return 0;
}

void rundir_close(struct rundir *r)
{
	if (*r->path)
		close(r->fd);
	*r->path = 0;
}
