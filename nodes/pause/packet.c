/* Packets: one receive or send a call, nothing is buffered here. */
#include "nodes/pause/packet.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "broker/base/err.h"
#include "nodes/pause/proto.h"

static int fault(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_CLOSED;
}

static int receive_one(int fd, struct buf *message, uint8_t *more)
{
	buf_reserve(message, PAUSE_PACKET_BYTES_MAX);
	struct iovec iov[2] = {{more, 1},
			       {message->data + message->len, PAUSE_PACKET_BYTES_MAX - 1}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;
	/* A peer that closed without having read all of ours leaves one
	 * ECONNRESET before what it sent: its last words come after it. */
	int resets = 0;
	do
		n = recvmsg(fd, &h, MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return fault();
	if (n == 0)
		return ERR_CLOSED;
	if (h.msg_flags & MSG_TRUNC)
		return ERR_LIMIT;
	message->len += (size_t)n - 1;
	return 0;
}

int packet_receive(int fd, struct buf *message)
{
	uint8_t more = 1;
	while (more) {
		int rc = receive_one(fd, message, &more);
		if (rc)
			return rc;
		if (message->len > PAUSE_MESSAGE_BYTES_MAX)
			return ERR_LIMIT;
	}
	return 0;
}

int packet_send(int fd, struct span message, size_t *offset)
{
	size_t left = message.len - *offset;
	size_t part = left < PAUSE_PACKET_BYTES_MAX - 1 ? left : PAUSE_PACKET_BYTES_MAX - 1;
	uint8_t more = part < left;
	struct iovec iov[2] = {{&more, 1}, {(void *)(message.data + *offset), part}};
	struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n;
	do
		n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fault();
	*offset += part;
	return 0;
}
