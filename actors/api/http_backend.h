/* A connection to a server, TCP or TLS on it, on the loop. The server's
 * certificate is not looked at: as in Kubernetes a proxied pod shows what it has.
 *
 * Threads: the loop. Nothing blocks. */
#ifndef API_HTTP_BACKEND_H
#define API_HTTP_BACKEND_H

#include <sys/types.h>

#include "actors/runtime/port.h"

struct http_backend_address {
	const char *ip; /* IPv4 */
	uint16_t port;
	bool tls;
};

struct http_backend;

/* `ready(arg, events)` is called from the loop, as loop_add says. ERR_IO (no
 * descriptor, no route). */
int http_backend_open(struct http_backend **out, struct loop *l,
		      const struct http_backend_address *at,
		      void (*ready)(void *arg, unsigned events), void *arg, struct err *e);
void http_backend_close(struct http_backend *b); /* NULL is fine */
/* Goes on connecting: 0 when it is, ERR_AGAIN when the next event is to be waited for,
 * ERR_IO: it failed. */
int http_backend_connect(struct http_backend *b, struct err *e);
/* Once connected: how many bytes; 0: the server has ended it (of reads). ERR_AGAIN,
 * ERR_IO. What was not written is to be given again. */
ssize_t http_backend_read(struct http_backend *b, uint8_t *to, size_t max, struct err *e);
ssize_t http_backend_write(struct http_backend *b, struct span data, struct err *e);
/* LOOP_READ, LOOP_WRITE; while it connects it waits for what that needs. */
void http_backend_watch(struct http_backend *b, unsigned events);
/* Gives up: `ready` is called soon, and whatever is tried then fails. */
void http_backend_abort(struct http_backend *b);

#endif
