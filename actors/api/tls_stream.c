#include "actors/api/tls_stream.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

void tls_stream_keep_alive(int fd)
{
	int on = 1, idle_s = 30;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

ssize_t tls_stream_read(struct tls_stream *t, uint8_t *to, size_t max)
{
	ssize_t n;
	do
		n = gnutls_record_recv(t->session, to, max);
	while (n == GNUTLS_E_INTERRUPTED);
	if (n == GNUTLS_E_AGAIN)
		return ERR_AGAIN;
	return n >= 0 ? n : ERR_IO;
}

/* TLS that was told to try again sends what it has before anything else; the
 * same bytes are given again then, and count as sent. It has a record at most, so
 * more is not offered. */
ssize_t tls_stream_write(struct tls_stream *t, struct span data)
{
	ssize_t n;
	size_t record = gnutls_record_get_max_size(t->session);
	if (data.len > record)
		data.len = record;
	do
		n = t->unflushed ? gnutls_record_send(t->session, NULL, 0)
				 : gnutls_record_send(t->session, data.data, data.len);
	while (n == GNUTLS_E_INTERRUPTED);
	if (n == GNUTLS_E_AGAIN) {
		t->unflushed = t->unflushed ? t->unflushed : data.len;
		return ERR_AGAIN;
	}
	if (n < 0)
		return ERR_IO;
	if (t->unflushed) {
		n = (ssize_t)t->unflushed;
		t->unflushed = 0;
	}
	return n;
}
