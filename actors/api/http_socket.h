/* A connection that became a WebSocket (RFC 6455), inside the port "http".
 *
 * Messages come one by one, each when it was asked for (http_socket_next), so
 * that who cannot take more lets the client wait; what is sent is counted
 * until the client has taken it (HTTP_SENT). Frames by wslay.
 *
 * Threads: the port's loop. */
#ifndef API_HTTP_SOCKET_H
#define API_HTTP_SOCKET_H

#include "actors/runtime/port.h"

enum {
	HTTP_MESSAGE_BYTES_MAX = 1024 * 1024, /* larger ones end the connection */
	HTTP_CLOSE_US = 5000000, /* for the client's part of the end */
};

struct http_socket;

/* `closed(arg)` is called once, from the loop: the descriptor is not used any
 * more, and only http_socket_free is left to do. */
struct http_socket *http_socket_new(struct port *port, uint64_t id, void (*closed)(void *arg),
				    void *arg);
void http_socket_free(struct http_socket *s); /* NULL is fine */
/* Takes the connection, on which nobody else reads or writes until `closed`,
 * and answers its handshake. `session` is a gnutls_session_t. */
void http_socket_open(struct http_socket *s, int fd, void *session, struct span key,
		      struct span protocol);
void http_socket_send(struct http_socket *s, bool text, struct span message);
void http_socket_ping(struct http_socket *s);
void http_socket_next(struct http_socket *s);
/* After what was sent: the end, with a code of RFC 6455. */
void http_socket_shut(struct http_socket *s, uint32_t code, struct span reason);

#endif
