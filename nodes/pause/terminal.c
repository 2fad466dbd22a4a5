#include "nodes/pause/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int terminal_open(int fd[2], int64_t owner)
{
	int unlocked = 0;
	fd[1] = -1;
	fd[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (fd[0] < 0)
		return -1;
	/* By the master, not by a name: there may be another /dev/pts here. */
	if (ioctl(fd[0], TIOCSPTLCK, &unlocked) == 0)
		fd[1] = ioctl(fd[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd[1] < 0 || (owner >= 0 && fchown(fd[1], (uid_t)owner, (gid_t)-1) != 0)) {
		int number = errno;
		if (fd[1] >= 0)
			close(fd[1]);
		close(fd[0]);
		fd[0] = fd[1] = -1;
		errno = number;
		return -1;
	}
	return 0;
}

int terminal_listen(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, len);
	unlink(a.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0)
		return fd;
	int number = errno;
	if (fd >= 0)
		close(fd);
	errno = number;
	return -1;
}

int terminal_accept(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int terminal_take(int conn)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char name[256];
	int master = -1;
	struct iovec iov = {name, sizeof name};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof control};
	ssize_t n = recvmsg(conn, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&master, CMSG_DATA(c), sizeof master);
	if (master >= 0)
		fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
	return master;
}

/* Whoever sent it may be gone: it waits in the connection. */
int terminal_receive(int listener)
{
	int conn = terminal_accept(listener);
	int master = conn < 0 ? -1 : terminal_take(conn);
	if (conn >= 0)
		close(conn);
	return master;
}

void terminal_resize(int master, uint16_t width, uint16_t height)
{
	struct winsize size = {.ws_col = width, .ws_row = height};
	ioctl(master, TIOCSWINSZ, &size);
}
