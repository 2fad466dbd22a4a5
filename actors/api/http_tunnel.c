#include "actors/api/http_tunnel.h"

#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>

#include "actors/api/tls_stream.h"
#include "broker/base/mem.h"

enum { PIECE_BYTES = 16384 };

/* Bytes on their way, and nothing more is taken until they are gone. */
struct piece {
	uint8_t data[PIECE_BYTES];
	size_t at, len;
	bool ended; /* nothing comes behind them */
};

struct http_tunnel {
	struct http_forward *forward;
	struct tls_stream client;
	int fd;
	struct loop_watch *watch;
	unsigned watched;
	void (*closed)(void *arg);
	void *arg;
	struct buf head; /* the server's, and how much of it the client has */
	size_t head_at;
	struct piece to_client, to_server;
	bool done;
};

static struct span left_of(const struct piece *p)
{
	return (struct span){p->data + p->at, p->len - p->at};
}

/* ---- from the server to the client */

/* False: the network does not take more for now. */
static bool write_client(struct http_tunnel *t, struct span data, size_t *at)
{
	ssize_t n = tls_stream_write(&t->client, data);
	if (n == ERR_AGAIN)
		return false;
	if (n <= 0)
		t->to_server.ended = true;
	*at += n > 0 ? (size_t)n : data.len;
	return true;
}

static void serve_client(struct http_tunnel *t)
{
	struct piece *p = &t->to_client;
	while (t->head_at < t->head.len)
		if (!write_client(t, (struct span){t->head.data + t->head_at,
						   t->head.len - t->head_at},
				  &t->head_at))
			return;
	for (;;) {
		while (p->at < p->len)
			if (!write_client(t, left_of(p), &p->at))
				return;
		if (p->ended)
			return;
		ssize_t n = http_forward_read(t->forward, p->data, sizeof p->data);
		p->at = 0;
		p->len = n > 0 ? (size_t)n : 0;
		p->ended = n < 0;
		if (n == 0)
			return;
	}
}

/* ---- from the client to the server */

static void serve_server(struct http_tunnel *t)
{
	struct piece *p = &t->to_server;
	for (;;) {
		while (p->at < p->len) {
			size_t n = http_forward_give(t->forward, left_of(p));
			if (!n)
				return;
			p->at += n;
		}
		if (p->ended)
			return;
		ssize_t n = tls_stream_read(&t->client, p->data, sizeof p->data);
		p->at = 0;
		p->len = n > 0 ? (size_t)n : 0;
		p->ended = n <= 0 && n != ERR_AGAIN;
		if (n == ERR_AGAIN)
			return;
	}
}

/* ---- the loop */

static bool is_broken(int fd)
{
	struct pollfd p = {.fd = fd};
	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR);
}

static void on_ready(void *arg, unsigned events)
{
	struct http_tunnel *t = arg;
	/* Told of what it did not ask for: if that is no event of a moment ago, the
	 * connection is broken. */
	if (events & ~t->watched && is_broken(t->fd))
		t->to_server.ended = t->to_client.ended = true;
	http_tunnel_step(t);
}

static bool has_more(const struct http_tunnel *t)
{
	return t->head_at < t->head.len || t->to_client.at < t->to_client.len;
}

/* Either side's end is the end, when the other one has all that came before. */
static bool is_over(const struct http_tunnel *t)
{
	const struct piece *up = &t->to_server, *down = &t->to_client;
	return (down->ended && !has_more(t)) ||
	       (up->ended && up->at == up->len && http_forward_sent(t->forward)) ||
	       (up->ended && down->ended);
}

static void finish(struct http_tunnel *t)
{
	t->done = true;
	(void)gnutls_bye(t->client.session, GNUTLS_SHUT_WR);
	loop_remove(t->watch);
	t->watch = NULL;
	t->closed(t->arg);
}

void http_tunnel_step(struct http_tunnel *t)
{
	if (t->done)
		return;
	serve_server(t);
	serve_client(t); /* last: what came as the server was given something wakes nobody */
	if (is_over(t)) {
		finish(t);
		return;
	}
	t->watched = (t->to_server.at < t->to_server.len || t->to_server.ended ? 0 : LOOP_READ) |
		     (has_more(t) ? LOOP_WRITE : 0);
	loop_change(t->watch, t->watched);
}

/* ---- life */

struct http_tunnel *http_tunnel_open(struct loop *l, struct http_forward *forward, int fd,
				     void *session, void (*closed)(void *arg), void *arg)
{
	const struct http_answer *a = http_forward_answer(forward);
	struct http_tunnel *t = mem_alloc(sizeof *t);
	t->forward = forward;
	t->fd = fd;
	t->client.session = session;
	t->closed = closed;
	t->arg = arg;
	buf_append(&t->head, a->head.data, a->head.len);
	tls_stream_keep_alive(fd);
	t->watched = LOOP_READ | LOOP_WRITE; /* which begins it */
	t->watch = loop_add(l, fd, t->watched, on_ready, t);
	return t;
}

void http_tunnel_free(struct http_tunnel *t)
{
	if (!t)
		return;
	loop_remove(t->watch);
	buf_fini(&t->head);
	free(t);
}
