/* A request on its way to a server, and the answer on its way back: inside the
 * port "http", for the proxy.
 *
 * Both bodies pass through a window each and nothing else is kept: what does
 * not fit waits where it comes from, so a slow reader slows the writer.
 * When something can go on `wake(arg)` is called, also when nothing can any more;
 * of what came while the caller gave something he hears as he asks.
 *
 * Threads: the port's loop. */
#ifndef API_HTTP_FORWARD_H
#define API_HTTP_FORWARD_H

#include "actors/api/http_answer.h"
#include "actors/api/http_backend.h"

enum {
	HTTP_FORWARD_WINDOW = 64 * 1024, /* bytes, each way */
	HTTP_DIAL_US = 30000000,
	/* An answer that comes before the request is over is held back until then;
	 * a server that waits for its answer to be taken would wait for ever. */
	HTTP_STUCK_US = 10000000,
};

struct http_forward;

enum http_forward_end {
	HTTP_FORWARD_OVER = -1,  /* the answer's body is complete */
	HTTP_FORWARD_CUT = -2, /* it broke off */
};

/* `head`: the request's, up to its empty line; taken over. `chunked`: its body has no
 * length. `to_head`: it is a HEAD. `client_fd` is watched for the client's end. */
struct http_forward *http_forward_open(struct loop *l, const struct http_backend_address *at,
				       int client_fd, struct buf *head, bool chunked,
				       bool to_head, void (*wake)(void *arg), void *arg);
void http_forward_free(struct http_forward *f); /* NULL is fine */

/* The server is there. */
bool http_forward_connected(const struct http_forward *f);
/* The next bytes of the request's body: how many were taken, also to be dropped
 * when nobody wants them. 0: wait. */
size_t http_forward_give(struct http_forward *f, struct span body);
void http_forward_given(struct http_forward *f); /* that was all of it */

/* The answer's head; NULL: not yet, or never. */
const struct http_answer *http_forward_answer(const struct http_forward *f);
/* Why there will be no answer; NULL: there may be one. */
const char *http_forward_failure(const struct http_forward *f);
bool http_forward_left(const struct http_forward *f); /* the client has */

/* It became another protocol (101): what is given and read is that from now on, in
 * any order, and the client's end is the caller's to see. */
void http_forward_switch(struct http_forward *f);
bool http_forward_sent(const struct http_forward *f); /* all that was given, or nobody takes it */

/* The next bytes of the answer's body. 0: wait; or an http_forward_end. */
ssize_t http_forward_read(struct http_forward *f, uint8_t *to, size_t max);

#endif
