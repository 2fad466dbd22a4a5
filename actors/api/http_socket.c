/* The library that serves HTTP has an upgrade of its own, which for TLS moves
 * every byte through a pair of sockets, and through a buffer of eight bytes when
 * the headers have filled the connection's memory. So the connection stays
 * suspended there, and this speaks TLS on it. */
#include "actors/api/http_socket.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <wslay/wslay.h>

#include "actors/api/http_port.h"
#include "actors/api/tls_stream.h"
#include "broker/base/mem.h"

struct message {
	struct message *next;
	bool text;
	struct bytes *body;
};

struct http_socket {
	struct port *port;
	uint64_t id;
	void (*closed)(void *arg);
	void *arg;
	wslay_event_context_ptr ws;
	int fd; /* -1: not open yet, or no more */
	struct loop_watch *watch;
	unsigned watched;
	struct loop_hook *hook; /* while it closes */
	uint64_t due_us;
	struct tls_stream tls;
	struct buf head; /* the answer to the handshake */
	size_t head_at;
	struct message *first, **last; /* come and not asked for: of one read at most */
	bool asked, sending, shut, lost, done;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- what wslay calls */

static ssize_t would_block(struct http_socket *s)
{
	wslay_event_set_error(s->ws, WSLAY_ERR_WOULDBLOCK);
	return -1;
}

static ssize_t is_lost(struct http_socket *s)
{
	s->lost = true;
	wslay_event_set_error(s->ws, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

/* After the end was said nobody asks, and the client's part of it must come. */
static bool paused(const struct http_socket *s)
{
	return !s->shut && (s->first || !s->asked);
}

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *to, size_t max, int flags, void *arg)
{
	struct http_socket *s = arg;
	(void)ws;
	(void)flags;
	if (paused(s))
		return would_block(s);
	ssize_t n = tls_stream_read(&s->tls, to, max);
	if (n == ERR_AGAIN)
		return would_block(s);
	return n > 0 ? n : is_lost(s);
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
		       void *arg)
{
	struct http_socket *s = arg;
	(void)ws;
	(void)flags;
	ssize_t n = tls_stream_write(&s->tls, (struct span){data, len});
	if (n == ERR_AGAIN)
		return would_block(s);
	return n > 0 ? n : is_lost(s);
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m,
		       void *arg)
{
	struct http_socket *s = arg;
	(void)ws;
	if (m->opcode == WSLAY_PONG && !s->shut)
		(void)port_deliver(s->port, HTTP_PONG, s->id, 0, NULL);
	if (wslay_is_ctrl_frame(m->opcode) || s->shut)
		return;
	struct message *one = mem_alloc(sizeof *one);
	one->text = m->opcode == WSLAY_TEXT_FRAME;
	one->body = bytes_copy(m->msg, m->msg_length);
	*s->last = one;
	s->last = &one->next;
}

/* ---- life */

struct http_socket *http_socket_new(struct port *port, uint64_t id, void (*closed)(void *arg),
				    void *arg)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv,
		.send_callback = on_send,
		.on_msg_recv_callback = on_message,
	};
	struct http_socket *s = mem_alloc(sizeof *s);
	s->port = port;
	s->id = id;
	s->closed = closed;
	s->arg = arg;
	s->fd = -1;
	s->last = &s->first;
	if (wslay_event_context_server_init(&s->ws, &callbacks, s))
		abort();
	wslay_event_config_set_max_recv_msg_length(s->ws, HTTP_MESSAGE_BYTES_MAX);
	return s;
}

static struct message *pop(struct http_socket *s)
{
	struct message *m = s->first;
	s->first = m->next;
	if (!s->first)
		s->last = &s->first;
	return m;
}

static void unhook(struct http_socket *s)
{
	loop_remove(s->watch);
	loop_hook_remove(s->hook);
	s->watch = NULL;
	s->hook = NULL;
}

void http_socket_free(struct http_socket *s)
{
	if (!s)
		return;
	unhook(s);
	while (s->first) {
		struct message *m = pop(s);
		bytes_unref(m->body);
		free(m);
	}
	wslay_event_context_free(s->ws);
	buf_fini(&s->head);
	free(s);
}

/* ---- the loop */

static void finish(struct http_socket *s)
{
	s->done = true;
	if (!s->lost)
		(void)gnutls_bye(s->tls.session, GNUTLS_SHUT_WR);
	unhook(s);
	s->fd = -1;
	s->closed(s->arg);
}

static void deliver(struct http_socket *s)
{
	if (!s->first || !s->asked || s->shut)
		return;
	struct message *m = pop(s);
	s->asked = false;
	if (port_deliver(s->port, HTTP_MESSAGE, s->id, m->text, m->body))
		s->lost = true; /* the actor is overloaded: this client is the one to go */
	free(m);
}

static bool is_over(struct http_socket *s)
{
	return s->lost || (!wslay_event_want_read(s->ws) && !wslay_event_want_write(s->ws));
}

static void on_ready(void *arg, unsigned events);

static bool has_more(const struct http_socket *s)
{
	return s->head_at < s->head.len || wslay_event_want_write(s->ws);
}

static void rearm(struct http_socket *s)
{
	unsigned events = (paused(s) ? 0 : LOOP_READ) | (has_more(s) ? LOOP_WRITE : 0);
	s->watched = events;
	if (!s->watch)
		s->watch = loop_add(s->port->loop, s->fd, events, on_ready, s);
	else
		loop_change(s->watch, events);
}

/* False: the network does not take more for now. */
static bool send_head(struct http_socket *s)
{
	while (s->head_at < s->head.len) {
		ssize_t n = tls_stream_write(&s->tls, (struct span){s->head.data + s->head_at,
								    s->head.len - s->head_at});
		if (n == ERR_AGAIN)
			return false;
		s->lost = s->lost || n <= 0;
		s->head_at = n <= 0 ? s->head.len : s->head_at + (size_t)n;
	}
	buf_fini(&s->head);
	s->head_at = 0;
	return !s->lost;
}

static void step(struct http_socket *s)
{
	if (s->fd < 0 || s->done)
		return;
	if (!paused(s) && wslay_event_recv(s->ws))
		s->lost = true;
	deliver(s);
	if (!s->lost && send_head(s) && wslay_event_send(s->ws))
		s->lost = true;
	if (s->sending && !has_more(s)) {
		s->sending = false;
		if (!s->shut)
			(void)port_deliver(s->port, HTTP_SENT, s->id, 0, NULL);
	}
	if (is_over(s))
		finish(s);
	else
		rearm(s);
}

/* Told to read though it did not ask: the other side has hung up, which is
 * seen even while nothing is read. */
static void on_ready(void *arg, unsigned events)
{
	struct http_socket *s = arg;
	if (events & ~s->watched & LOOP_READ)
		s->lost = true;
	step(s);
}

/* A client that does not say its part of the end is cut off: it will be seen
 * as a hang-up. */
static uint64_t before_sleep(void *arg)
{
	struct http_socket *s = arg;
	uint64_t now = now_us();
	if (now < s->due_us)
		return s->due_us - now;
	shutdown(s->fd, SHUT_RDWR);
	return UINT64_MAX;
}

static void await_end(struct http_socket *s)
{
	if (s->hook || s->fd < 0)
		return;
	s->due_us = now_us() + HTTP_CLOSE_US;
	s->hook = loop_hook_add(s->port->loop, before_sleep, s);
}

static void put_accept(struct buf *out, struct span key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	struct buf b = {0};
	uint8_t digest[20];
	gnutls_datum_t in = {digest, sizeof digest}, text = {0};
	buf_append(&b, key.data, key.len);
	buf_puts(&b, guid);
	gnutls_hash_fast(GNUTLS_DIG_SHA1, b.data, b.len, digest);
	buf_fini(&b);
	if (gnutls_base64_encode2(&in, &text) == 0)
		buf_append(out, text.data, text.size);
	gnutls_free(text.data);
}

void http_socket_open(struct http_socket *s, int fd, void *session, struct span key,
		      struct span protocol)
{
	s->fd = fd;
	s->tls.session = session;
	buf_puts(&s->head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
			   "Upgrade: websocket\r\nSec-WebSocket-Accept: ");
	put_accept(&s->head, key);
	if (protocol.len) {
		buf_puts(&s->head, "\r\nSec-WebSocket-Protocol: ");
		buf_append(&s->head, protocol.data, protocol.len);
	}
	buf_puts(&s->head, "\r\n\r\n");
	tls_stream_keep_alive(fd);
	step(s);
}

/* ---- calls */

static void queue(struct http_socket *s, uint8_t opcode, struct span message)
{
	struct wslay_event_msg m = {opcode, message.data, message.len};
	if (wslay_event_queue_msg(s->ws, &m))
		return; /* the end was said already */
	step(s);
}

void http_socket_send(struct http_socket *s, bool text, struct span message)
{
	s->sending = true;
	queue(s, text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, message);
}

void http_socket_ping(struct http_socket *s)
{
	queue(s, WSLAY_PING, (struct span){0});
}

void http_socket_next(struct http_socket *s)
{
	s->asked = true;
	step(s);
}

void http_socket_shut(struct http_socket *s, uint32_t code, struct span reason)
{
	s->shut = true;
	wslay_event_queue_close(s->ws, (uint16_t)code, reason.data,
				reason.len < 120 ? reason.len : 120);
	await_end(s);
	step(s);
}
