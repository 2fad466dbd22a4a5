/* Packets: one receive or send a call, nothing is buffered here. */
#include "nodes/pause/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker/base/err.h"
#include "nodes/pause/proto.h"

static int fault(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_CLOSED;
}

enum { FDS_MAX = sizeof ((struct packet_fds *)0)->fd / sizeof(int) };

/* Room for the descriptors of one packet; the kernel closes what finds none. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

void packet_close_fds(struct packet_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		close(fds->fd[i]);
	fds->count = 0;
}

static void take_fds(struct msghdr *h, struct packet_fds *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		packet_close_fds(fds);
		fds->count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds->fd, CMSG_DATA(c), fds->count * sizeof(int));
	}
}

static int receive_one(int fd, struct buf *message, uint8_t *more, struct packet_fds *fds)
{
	union control control;
	buf_reserve(message, PAUSE_PACKET_BYTES_MAX);
	struct iovec iov[2] = {{more, 1},
			       {message->data + message->len, PAUSE_PACKET_BYTES_MAX - 1}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;
	if (fds) {
		h.msg_control = control.room;
		h.msg_controllen = sizeof control.room;
	}
	/* A peer that closed without having read all of ours leaves one
	 * ECONNRESET before what it sent: its last words come after it. */
	int resets = 0;
	do
		n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return fault();
	if (n == 0)
		return ERR_CLOSED;
	if (fds)
		take_fds(&h, fds);
	if (h.msg_flags & MSG_TRUNC)
		return ERR_LIMIT;
	message->len += (size_t)n - 1;
	return 0;
}

int packet_receive(int fd, struct buf *message)
{
	return packet_receive_fds(fd, message, NULL);
}

int packet_receive_fds(int fd, struct buf *message, struct packet_fds *fds)
{
	uint8_t more = 1;
	while (more) {
		int rc = receive_one(fd, message, &more, fds);
		if (rc)
			return rc;
		if (message->len > PAUSE_MESSAGE_BYTES_MAX)
			return ERR_LIMIT;
	}
	return 0;
}

int packet_send(int fd, struct span message, size_t *offset)
{
	return packet_send_fds(fd, message, offset, NULL);
}

static void put_fds(struct msghdr *h, union control *control, const struct packet_fds *fds)
{
	memset(control, 0, sizeof *control);
	h->msg_control = control->room;
	h->msg_controllen = CMSG_SPACE(fds->count * sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(fds->count * sizeof(int));
	memcpy(CMSG_DATA(c), fds->fd, fds->count * sizeof(int));
}

int packet_send_fds(int fd, struct span message, size_t *offset, const struct packet_fds *fds)
{
	union control control;
	size_t left = message.len - *offset;
	size_t part = left < PAUSE_PACKET_BYTES_MAX - 1 ? left : PAUSE_PACKET_BYTES_MAX - 1;
	uint8_t more = part < left;
	struct iovec iov[2] = {{&more, 1}, {(void *)(message.data + *offset), part}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;
	if (fds && fds->count && *offset == 0)
		put_fds(&h, &control, fds);
	do
		n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fault();
	*offset += part;
	return 0;
}
