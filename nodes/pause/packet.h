/* Messages over a SOCK_SEQPACKET socket: cut into packets, because the kernel
 * takes about 200 KB at once and a container's environment can be larger.
 * A packet's first byte is 1 while more of the message follows, else 0. */
#ifndef NODES_PAUSE_PACKET_H
#define NODES_PAUSE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"

/* Collects a message in *message, which the caller empties (len = 0) after
 * each. Never blocks. 0: complete; ERR_AGAIN: not yet; ERR_CLOSED: the other
 * side is gone; ERR_LIMIT: larger than PAUSE_MESSAGE_BYTES_MAX, give up. */
int packet_receive(int fd, struct buf *message);
/* The same with descriptors that came along, close-on-exec; those beyond the
 * room of *fds are closed, and so is what an earlier message brought. */
struct packet_fds {
	int fd[3];
	size_t count;
};
int packet_receive_fds(int fd, struct buf *message, struct packet_fds *fds);
void packet_close_fds(struct packet_fds *fds);
/* Sends the packet of `message` that starts at *offset and moves *offset on;
 * all is sent when it equals message.len. Never blocks. 0, ERR_AGAIN, ERR_CLOSED. */
int packet_send(int fd, struct span message, size_t *offset);
/* The same; its first packet takes descriptors along (NULL: none). */
int packet_send_fds(int fd, struct span message, size_t *offset, const struct packet_fds *fds);

#endif
