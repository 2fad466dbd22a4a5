/* The directory of a cluster's sockets, under a name that always fits.
 *
 * A unix socket's path ends at 108 bytes, a data directory's does not: the
 * sockets are reached through an open descriptor of their directory. Any
 * thread; blocks on the file system only. */
#ifndef TOOLS_RUNDIR_H
#define TOOLS_RUNDIR_H

#include "broker/base/err.h"

struct rundir {
	int fd;        /* open as long as a socket is: its end unlinks the path */
	char path[32]; /* "/proc/self/fd/7" */
};

/* DATA-DIR/run. ERR_NOT_FOUND: there is none. */
int rundir_open(struct rundir *out, const char *data_dir, struct err *e);
void rundir_close(struct rundir *r); /* zeroed is fine */

#endif
