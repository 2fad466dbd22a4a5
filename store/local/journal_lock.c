/* flock and not fcntl locks: those are per process, so that a second open in
 * one process would succeed, and closing any descriptor would drop them. */
#include "store/local/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static long holder_of(int fd)
{
	char text[24] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	return ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n ? -1 : 0;
}

int journal_lock(const char *dir, int *out, struct err *e)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
		return err_set(e, ERR_INVALID, "%s: path too long", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	int rc = 0;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK
			     ? err_set(e, ERR_BUSY, "%s is in use by process %ld", dir,
				       holder_of(fd))
			     : err_set(e, ERR_IO, "lock %s: %s", path, strerror(errno));
	else if (write_pid(fd))
		rc = err_set(e, ERR_IO, "write %s: %s", path, strerror(errno));
	if (rc)
		close(fd);
	else
		*out = fd;
	return rc;
}
