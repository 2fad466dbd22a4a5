/* What is held counts as sent: TLS and the library go on to the body at once. Where
 * the socket takes only some, TLS is told to try again until all that was held is
 * gone, and that of its own so many bytes were taken as went behind it. */
#include "actors/api/tls_output.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { PARTS_MAX = 16 }; /* TLS gives one or two; the rest is given again */

void tls_output_open(struct tls_output *o, gnutls_session_t session, int fd)
{
	*o = (struct tls_output){.fd = fd};
	gnutls_transport_set_ptr2(session, (gnutls_transport_ptr_t)(intptr_t)fd, o);
	gnutls_transport_set_vec_push_function(session, tls_output_push);
}

void tls_output_close(struct tls_output *o)
{
	buf_fini(&o->held);
}

void tls_output_hold(struct tls_output *o)
{
	o->holds = o->held.len == 0;
}

static ssize_t send_parts(int fd, struct iovec *parts, size_t count)
{
	struct msghdr m = {.msg_iov = parts, .msg_iovlen = count};
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static bool hold(struct tls_output *o, const giovec_t *parts, int count)
{
	size_t total = 0;
	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	if (total > TLS_OUTPUT_HELD_MAX)
		return false;
	for (int i = 0; i < count; i++)
		buf_append(&o->held, parts[i].iov_base, parts[i].iov_len);
	return true;
}

/* What was held is gone, or at least its first bytes. */
static ssize_t after_held(struct tls_output *o, size_t sent)
{
	struct buf *h = &o->held;
	if (sent < h->len) {
		memmove(h->data, h->data + sent, h->len - sent);
		h->len -= sent;
		errno = EAGAIN;
		return -1;
	}
	sent -= h->len;
	buf_fini(h);
	if (sent)
		return (ssize_t)sent;
	errno = EAGAIN;
	return -1;
}

ssize_t tls_output_push(gnutls_transport_ptr_t to, const giovec_t *parts, int count)
{
	struct tls_output *o = to;
	struct iovec all[1 + PARTS_MAX];
	bool holds = o->holds;
	size_t n = count < PARTS_MAX ? (size_t)count : PARTS_MAX;
	o->holds = false;
	if (holds && hold(o, parts, count))
		return (ssize_t)o->held.len;
	memcpy(all + 1, parts, n * sizeof *all);
	if (!o->held.len)
		return send_parts(o->fd, all + 1, n);
	all[0] = (struct iovec){o->held.data, o->held.len};
	ssize_t sent = send_parts(o->fd, all, n + 1);
	return sent < 0 ? -1 : after_held(o, (size_t)sent);
}
