#include "nodes/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int local_socket_connect(const char *dir, const char *name, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	/* Through a descriptor, because a socket's path may have 107 bytes. */
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, ERR_UNREACHABLE, "%s: %s", dir, strerror(errno));
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", at, name);
	int rc = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&a, sizeof a);
	int number = errno;
	close(at);
	if (rc == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(e, number == EAGAIN ? ERR_AGAIN : ERR_UNREACHABLE, "%s/%s: %s", dir,
		       name, strerror(number));
}
