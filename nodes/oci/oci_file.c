#include "nodes/oci/oci_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int oci_write_file(const char *path, struct span data, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, data.data, data.len) == (ssize_t)data.len;
	int number = errno;
	if (fd >= 0)
		close(fd);
	return good ? 0 : err_set(e, ERR_IO, "%s: %s", path, strerror(number));
}
