/* A proxied connection that became another protocol (101): bytes as they are,
 * both ways, until one side ends it.
 *
 * Threads: the port's loop. */
#ifndef API_HTTP_TUNNEL_H
#define API_HTTP_TUNNEL_H

#include "actors/api/http_forward.h"

struct http_tunnel;

/* Takes the client's connection, on which nobody else reads or writes any more;
 * `session` is a gnutls_session_t. The client is first told the server's head.
 * `closed(arg)` is called once, from the loop: then only http_tunnel_free is left
 * to do, before `forward` (borrowed) ends. */
struct http_tunnel *http_tunnel_open(struct loop *l, struct http_forward *forward, int fd,
				     void *session, void (*closed)(void *arg), void *arg);
void http_tunnel_free(struct http_tunnel *t); /* NULL is fine */
/* The forward woke. */
void http_tunnel_step(struct http_tunnel *t);

#endif
