#include "actors/api/http_backend.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/api/tls_stream.h"
#include "broker/base/mem.h"

enum state { CONNECTING, SHAKING_HANDS, OPEN, FAILED };

struct http_backend {
	int fd;
	enum state state;
	unsigned watched;
	struct loop_watch *watch;
	bool tls;
	struct tls_stream stream;
	gnutls_certificate_credentials_t credentials;
	char name[32]; /* "127.1.2.3:8080" */
};

/* The system's words as Go writes them. */
static const char *words(int error, char text[128])
{
	const char *said = strerrordesc_np(error);
	snprintf(text, 128, "%s", said ? said : "unknown error");
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int fail_dial(struct http_backend *b, const char *step, int error, struct err *e)
{
	char text[128];
	b->state = FAILED;
	return err_set(e, ERR_IO, "dial tcp %s: %s: %s", b->name, step, words(error, text));
}

static int start_tls(struct http_backend *b, struct err *e)
{
	gnutls_session_t session;
	if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK))
		return err_set(e, ERR_IO, "tls: no session");
	b->stream.session = session;
	if (gnutls_certificate_allocate_credentials(&b->credentials) ||
	    gnutls_set_default_priority(session) ||
	    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, b->credentials))
		return err_set(e, ERR_IO, "tls: no credentials");
	gnutls_transport_set_int(session, b->fd);
	return 0;
}

static int begin(struct http_backend *b, const struct http_backend_address *at, struct err *e)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(at->port)};
	int on = 1;
	if (inet_pton(AF_INET, at->ip, &to.sin_addr) != 1)
		return fail_dial(b, "address", EINVAL, e);
	b->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (b->fd < 0)
		return fail_dial(b, "socket", errno, e);
	setsockopt(b->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(b->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (connect(b->fd, (const struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
		return fail_dial(b, "connect", errno, e);
	return b->tls ? start_tls(b, e) : 0;
}

int http_backend_open(struct http_backend **out, struct loop *l,
		      const struct http_backend_address *at,
		      void (*ready)(void *arg, unsigned events), void *arg, struct err *e)
{
	struct http_backend *b = mem_alloc(sizeof *b);
	b->fd = -1;
	b->tls = at->tls;
	snprintf(b->name, sizeof b->name, "%s:%u", at->ip, (unsigned)at->port);
	int rc = begin(b, at, e);
	if (rc) {
		http_backend_close(b);
		return rc;
	}
	b->watched = LOOP_WRITE;
	b->watch = loop_add(l, b->fd, b->watched, ready, arg);
	*out = b;
	return 0;
}

void http_backend_close(struct http_backend *b)
{
	if (!b)
		return;
	if (b->stream.session) {
		if (b->state == OPEN)
			(void)gnutls_bye(b->stream.session, GNUTLS_SHUT_WR);
		gnutls_deinit(b->stream.session);
	}
	if (b->credentials)
		gnutls_certificate_free_credentials(b->credentials);
	loop_remove(b->watch);
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static void rearm(struct http_backend *b, unsigned events)
{
	if (b->watched != events)
		loop_change(b->watch, events);
	b->watched = events;
}

static int connected(struct http_backend *b, struct err *e)
{
	struct sockaddr_in peer;
	socklen_t n = sizeof peer, m = sizeof(int);
	int error = 0;
	if (getsockopt(b->fd, SOL_SOCKET, SO_ERROR, &error, &m) == 0 && error)
		return fail_dial(b, "connect", error, e);
	if (getpeername(b->fd, (struct sockaddr *)&peer, &n))
		return ERR_AGAIN;
	b->state = b->tls ? SHAKING_HANDS : OPEN;
	return 0;
}

static int shake_hands(struct http_backend *b, struct err *e)
{
	gnutls_session_t session = b->stream.session;
	int rc;
	do
		rc = gnutls_handshake(session);
	while (rc == GNUTLS_E_INTERRUPTED || (rc < 0 && rc != GNUTLS_E_AGAIN &&
					      !gnutls_error_is_fatal(rc)));
	if (rc == GNUTLS_E_AGAIN) {
		rearm(b, gnutls_record_get_direction(session) ? LOOP_WRITE : LOOP_READ);
		return ERR_AGAIN;
	}
	if (rc < 0) {
		b->state = FAILED;
		return err_set(e, ERR_IO, "tls: handshake with %s: %s", b->name,
			       gnutls_strerror(rc));
	}
	b->state = OPEN;
	return 0;
}

int http_backend_connect(struct http_backend *b, struct err *e)
{
	int rc = b->state == CONNECTING ? connected(b, e) : 0;
	if (rc == 0 && b->state == SHAKING_HANDS)
		rc = shake_hands(b, e);
	return rc ? rc : b->state == OPEN ? 0 : ERR_IO;
}

static ssize_t ended(struct http_backend *b, const char *step, struct err *e)
{
	char text[128];
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return ERR_AGAIN;
	return err_set(e, ERR_IO, "%s tcp %s: %s: %s", step, b->name, step, words(errno, text));
}

ssize_t http_backend_read(struct http_backend *b, uint8_t *to, size_t max, struct err *e)
{
	if (b->tls) {
		ssize_t n = tls_stream_read(&b->stream, to, max);
		return n == ERR_IO ? err_set(e, ERR_IO, "read tcp %s: tls", b->name) : n;
	}
	ssize_t n = recv(b->fd, to, max, 0);
	return n >= 0 ? n : ended(b, "read", e);
}

ssize_t http_backend_write(struct http_backend *b, struct span data, struct err *e)
{
	if (b->tls) {
		ssize_t n = tls_stream_write(&b->stream, data);
		return n == ERR_IO ? err_set(e, ERR_IO, "write tcp %s: tls", b->name) : n;
	}
	ssize_t n = send(b->fd, data.data, data.len, MSG_NOSIGNAL);
	return n >= 0 ? n : ended(b, "write", e);
}

void http_backend_watch(struct http_backend *b, unsigned events)
{
	if (b->state == OPEN)
		rearm(b, events);
}

void http_backend_abort(struct http_backend *b)
{
	shutdown(b->fd, SHUT_RDWR);
}
