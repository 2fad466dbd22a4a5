/* A connection of a probe, plain or by TLS with whoever answers: no certificate is
 * looked at. Never blocks; its descriptor is for the caller's loop.
 *
 * Threads: one owner. */
#ifndef PROBES_PROBE_LINK_H
#define PROBES_PROBE_LINK_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

struct probe_link {
	int fd; /* -1: none */
	gnutls_session_t tls; /* NULL: plain, or not yet */
	char said[5]; /* the first bytes that came where TLS was to */
	size_t said_bytes;
};

/* 0: it is connected. ERR_AGAIN: when it can be written, ask probe_link_connected.
 * ERR_IO with errno. The descriptor is there in any case but for the want of one. */
int probe_link_connect(struct probe_link *l, const struct sockaddr_storage *at, socklen_t n);
/* 0, or an errno. */
int probe_link_connected(struct probe_link *l);
/* Ends it; may be called again. */
void probe_link_close(struct probe_link *l);

/* From here on it is TLS. `name`: of the server, NULL when it has none. `nobody`: made
 * when it is NULL, for all links of a port; the caller's to free. */
int probe_link_secure(struct probe_link *l, const char *name,
		      gnutls_certificate_credentials_t *nobody);
/* 0. ERR_AGAIN: *writes says what it waits for. ERR_CLOSED, ERR_INVALID: *e has Go's
 * words for it. */
int probe_link_shake(struct probe_link *l, bool *writes, struct err *e);

/* Bytes; ERR_AGAIN; 0 (get): the end; ERR_IO with errno. */
ssize_t probe_link_put(struct probe_link *l, struct span data);
ssize_t probe_link_get(struct probe_link *l, uint8_t *to, size_t max);

#endif
