#include "nodes/probes/probe_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

int probe_link_connect(struct probe_link *l, const struct sockaddr_storage *at, socklen_t n)
{
	int one = 1;
	l->fd = socket(at->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return ERR_IO;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(l->fd, (const struct sockaddr *)at, n) == 0)
		return 0;
	return errno == EINPROGRESS ? ERR_AGAIN : ERR_IO;
}

int probe_link_connected(struct probe_link *l)
{
	int error = 0;
	socklen_t n = sizeof error;
	return getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n) ? errno : error;
}

void probe_link_close(struct probe_link *l)
{
	if (l->tls)
		gnutls_deinit(l->tls);
	l->tls = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

/* ---- TLS */

/* Who does not speak it is told by the first bytes. */
static ssize_t pull(gnutls_transport_ptr_t arg, void *to, size_t max)
{
	struct probe_link *l = arg;
	ssize_t n = recv(l->fd, to, max, 0);
	for (ssize_t i = 0; i < n && l->said_bytes < sizeof l->said; i++)
		l->said[l->said_bytes++] = ((const char *)to)[i];
	return n;
}

static ssize_t push(gnutls_transport_ptr_t arg, const void *from, size_t n)
{
	return send(((struct probe_link *)arg)->fd, from, n, MSG_NOSIGNAL);
}

int probe_link_secure(struct probe_link *l, const char *name,
		      gnutls_certificate_credentials_t *nobody)
{
	if (!*nobody && gnutls_certificate_allocate_credentials(nobody))
		return ERR_IO;
	if (gnutls_init(&l->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK))
		return ERR_IO;
	if (name)
		gnutls_server_name_set(l->tls, GNUTLS_NAME_DNS, name, strlen(name));
	l->said_bytes = 0;
	gnutls_transport_set_ptr(l->tls, l);
	gnutls_transport_set_pull_function(l->tls, pull);
	gnutls_transport_set_push_function(l->tls, push);
	return gnutls_set_default_priority(l->tls) ||
			       gnutls_credentials_set(l->tls, GNUTLS_CRD_CERTIFICATE, *nobody)
		       ? ERR_IO
		       : 0;
}

static bool would_block(ssize_t rc)
{
	return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
}

static bool is_warning(ssize_t rc)
{
	return rc < 0 && !would_block(rc) && !gnutls_error_is_fatal((int)rc);
}

static int shake_failed(struct probe_link *l, int rc, struct err *e)
{
	if (l->said_bytes == sizeof l->said && memcmp(l->said, "HTTP/", sizeof l->said) == 0)
		return err_set(e, ERR_INVALID, "http: server gave HTTP response to HTTPS client");
	switch (rc) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return err_set(e, ERR_INVALID, "remote error: tls: %s",
			       gnutls_alert_get_name(gnutls_alert_get(l->tls)));
	case GNUTLS_E_PREMATURE_TERMINATION:
		return err_set(e, ERR_CLOSED, "EOF");
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return err_set(e, ERR_INVALID, "tls: first record does not look like a TLS handshake");
	default:
		return err_set(e, ERR_INVALID, "tls: %s", gnutls_strerror(rc));
	}
}

int probe_link_shake(struct probe_link *l, bool *writes, struct err *e)
{
	int rc;
	do
		rc = gnutls_handshake(l->tls);
	while (rc == GNUTLS_E_INTERRUPTED || is_warning(rc));
	*writes = gnutls_record_get_direction(l->tls);
	return rc == 0 ? 0 : rc == GNUTLS_E_AGAIN ? ERR_AGAIN : shake_failed(l, rc, e);
}

/* ---- both */

ssize_t probe_link_put(struct probe_link *l, struct span data)
{
	ssize_t n;
	if (!l->tls) {
		n = send(l->fd, data.data, data.len, MSG_NOSIGNAL);
		return n >= 0 ? n : errno == EAGAIN ? ERR_AGAIN : ERR_IO;
	}
	n = gnutls_record_send(l->tls, data.data, data.len);
	errno = ECONNRESET;
	return n >= 0 ? n : would_block(n) ? ERR_AGAIN : ERR_IO;
}

ssize_t probe_link_get(struct probe_link *l, uint8_t *to, size_t max)
{
	ssize_t n;
	if (!l->tls) {
		n = recv(l->fd, to, max, 0);
		return n >= 0 ? n : errno == EAGAIN ? ERR_AGAIN : ERR_IO;
	}
	do
		n = gnutls_record_recv(l->tls, to, max);
	while (is_warning(n));
	errno = ECONNRESET;
	return n >= 0 ? n : would_block(n) ? ERR_AGAIN : n == GNUTLS_E_PREMATURE_TERMINATION ? 0 : ERR_IO;
}
