/* One step does what can be done: connect, send, read a window full. */
#include "actors/api/http_forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/base/mem.h"

struct http_forward {
	struct loop *loop;
	void (*wake)(void *arg);
	void *arg;
	struct http_backend *backend; /* NULL: no more */
	bool connected;
	char name[32]; /* the server's address, for people */
	/* to the server: head, then body in its framing */
	struct buf out;
	size_t out_at;
	bool chunked, given, switched;
	bool deaf; /* it takes no more */
	/* from it */
	struct http_answer answer;
	uint8_t *in;
	size_t in_at, in_len;
	bool ended; /* nothing more comes */
	struct err failure; /* code 0: none */
	struct loop_watch *client;
	bool left;
	struct loop_hook *hook; /* while due_us is set */
	uint64_t due_us;
	bool late;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- what ends by itself */

/* The rest follows from the backend's event: a hook cannot remove itself. */
static uint64_t before_sleep(void *arg)
{
	struct http_forward *f = arg;
	uint64_t now = now_us();
	if (f->late)
		return UINT64_MAX;
	if (now < f->due_us)
		return f->due_us - now;
	f->late = true;
	if (f->backend)
		http_backend_abort(f->backend);
	return UINT64_MAX;
}

static void due_in(struct http_forward *f, uint64_t us)
{
	f->due_us = us ? now_us() + us : 0;
	if (us && !f->hook) {
		f->hook = loop_hook_add(f->loop, before_sleep, f);
	} else if (!us) {
		loop_hook_remove(f->hook);
		f->hook = NULL;
	}
}

static void hang_up(struct http_forward *f)
{
	http_backend_close(f->backend);
	f->backend = NULL;
	f->ended = true;
	due_in(f, 0);
}

static void fail(struct http_forward *f, const struct err *e)
{
	if (!f->failure.code)
		f->failure = *e;
	hang_up(f);
}

/* ---- to the server */

static size_t waiting(const struct http_forward *f)
{
	return f->out.len - f->out_at;
}

static void send_some(struct http_forward *f)
{
	struct err e = {0};
	while (waiting(f) && !f->deaf) {
		ssize_t n = http_backend_write(
			f->backend, (struct span){f->out.data + f->out_at, waiting(f)}, &e);
		if (n == ERR_AGAIN)
			return;
		f->out_at += n > 0 ? (size_t)n : 0;
		/* It may have answered and gone: that is read before it is a failure. */
		f->deaf = n < 0;
	}
	if (f->deaf && !f->failure.code && !f->answer.status)
		f->failure = e;
	f->out.len = f->out_at = 0;
}

/* ---- from the server */

/* Whether there is something in the window; false: none yet, or no more. */
static bool fill(struct http_forward *f)
{
	struct err e = {0};
	if (f->in_len)
		return true;
	if (f->ended || !f->connected)
		return false;
	if (!f->in)
		f->in = mem_alloc(HTTP_FORWARD_WINDOW);
	ssize_t n = http_backend_read(f->backend, f->in, HTTP_FORWARD_WINDOW, &e);
	if (n == ERR_AGAIN)
		return false;
	f->in_at = 0;
	f->in_len = n > 0 ? (size_t)n : 0;
	if (n < 0 && !f->failure.code)
		f->failure = e;
	if (n <= 0)
		hang_up(f);
	return n > 0;
}

static void read_head(struct http_forward *f)
{
	struct err e = {0};
	int rc = ERR_AGAIN;
	while (rc == ERR_AGAIN && fill(f)) {
		struct span in = {f->in + f->in_at, f->in_len};
		rc = http_answer_head(&f->answer, &in, &e);
		f->in_at = (size_t)(in.data - f->in);
		f->in_len = in.len;
	}
	if (rc == 0) {
		f->failure = (struct err){0};
	} else if (rc != ERR_AGAIN) {
		fail(f, &e);
	} else if (f->ended) {
		err_set(&e, ERR_CLOSED, "EOF");
		fail(f, &e);
	}
}

/* ---- the loop */

static bool is_stuck(const struct http_forward *f)
{
	return f->answer.status && !f->given && !f->switched && f->in_len &&
	       waiting(f) >= HTTP_FORWARD_WINDOW;
}

static void rearm(struct http_forward *f)
{
	if (!f->backend)
		return;
	http_backend_watch(f->backend, (f->in_len || f->ended ? 0 : LOOP_READ) |
					       (waiting(f) ? LOOP_WRITE : 0));
	if (is_stuck(f) != (f->due_us != 0))
		due_in(f, is_stuck(f) ? HTTP_STUCK_US : 0);
}

static void step(struct http_forward *f)
{
	struct err e = {0};
	if (!f->backend)
		return;
	if (f->late) {
		err_set(&e, ERR_TIMEOUT, f->connected ? "%s answers before it has read the request"
						      : "dial tcp %s: i/o timeout",
			f->name);
		fail(f, &e);
		return;
	}
	int rc = f->connected ? 0 : http_backend_connect(f->backend, &e);
	if (rc == ERR_AGAIN)
		return;
	if (rc) {
		fail(f, &e);
		return;
	}
	if (!f->connected)
		due_in(f, 0);
	f->connected = true;
	send_some(f);
	if (!f->answer.status)
		read_head(f);
	else
		fill(f);
	rearm(f);
}

static void on_ready(void *arg, unsigned events)
{
	struct http_forward *f = arg;
	(void)events;
	step(f);
	f->wake(f->arg);
}

static void on_client(void *arg, unsigned events)
{
	struct http_forward *f = arg;
	(void)events;
	loop_remove(f->client);
	f->client = NULL;
	f->left = true;
	hang_up(f);
	f->wake(f->arg);
}

/* ---- life */

struct http_forward *http_forward_open(struct loop *l, const struct http_backend_address *at,
				       int client_fd, struct buf *head, bool chunked,
				       bool to_head, void (*wake)(void *arg), void *arg)
{
	struct http_forward *f = mem_alloc(sizeof *f);
	struct err e = {0};
	f->loop = l;
	f->wake = wake;
	f->arg = arg;
	f->chunked = chunked;
	f->answer.to_head = to_head;
	snprintf(f->name, sizeof f->name, "%s:%u", at->ip, (unsigned)at->port);
	f->out = *head;
	*head = (struct buf){0};
	if (http_backend_open(&f->backend, l, at, on_ready, f, &e)) {
		fail(f, &e);
		return f;
	}
	due_in(f, HTTP_DIAL_US);
	f->client = loop_add(l, client_fd, LOOP_HANGUP, on_client, f);
	return f;
}

void http_forward_free(struct http_forward *f)
{
	if (!f)
		return;
	http_backend_close(f->backend);
	loop_remove(f->client);
	loop_hook_remove(f->hook);
	http_answer_fini(&f->answer);
	buf_fini(&f->out);
	free(f->in);
	free(f);
}

bool http_forward_connected(const struct http_forward *f)
{
	return f->connected;
}

/* What was sent makes room for what follows. */
static void make_room(struct http_forward *f)
{
	if (f->out_at < HTTP_FORWARD_WINDOW)
		return;
	memmove(f->out.data, f->out.data + f->out_at, waiting(f));
	f->out.len = waiting(f);
	f->out_at = 0;
}

size_t http_forward_give(struct http_forward *f, struct span body)
{
	if (!f->backend || f->deaf || f->answer.done)
		return body.len;
	size_t room = waiting(f) < HTTP_FORWARD_WINDOW ? HTTP_FORWARD_WINDOW - waiting(f) : 0;
	size_t n = body.len < room ? body.len : room;
	make_room(f);
	if (n && f->chunked)
		buf_printf(&f->out, "%zx\r\n", n);
	buf_append(&f->out, body.data, n);
	if (n && f->chunked)
		buf_puts(&f->out, "\r\n");
	if (f->connected)
		step(f);
	return n;
}

void http_forward_given(struct http_forward *f)
{
	f->given = true;
	if (f->chunked)
		buf_puts(&f->out, "0\r\n\r\n");
	if (f->connected)
		step(f);
}

void http_forward_switch(struct http_forward *f)
{
	loop_remove(f->client);
	f->client = NULL;
	f->switched = true;
}

bool http_forward_sent(const struct http_forward *f)
{
	return !f->backend || f->deaf || !waiting(f);
}

const struct http_answer *http_forward_answer(const struct http_forward *f)
{
	return f->answer.status ? &f->answer : NULL;
}

const char *http_forward_failure(const struct http_forward *f)
{
	bool none = f->answer.status || !f->failure.code || f->backend;
	return none ? NULL : f->failure.text;
}

bool http_forward_left(const struct http_forward *f)
{
	return f->left;
}

ssize_t http_forward_read(struct http_forward *f, uint8_t *to, size_t max)
{
	for (;;) {
		struct span in = {f->in + f->in_at, f->in_len}, data;
		if (http_answer_body(&f->answer, &in, max, &data, NULL))
			return HTTP_FORWARD_CUT;
		f->in_at += f->in_len - in.len;
		f->in_len = in.len;
		if (data.len) {
			memcpy(to, data.data, data.len);
			return (ssize_t)data.len;
		}
		if (f->answer.done)
			return HTTP_FORWARD_OVER;
		if (fill(f))
			continue;
		if (f->ended)
			return http_answer_closed(&f->answer) && !f->failure.code
				       ? HTTP_FORWARD_OVER
				       : HTTP_FORWARD_CUT;
		rearm(f);
		return 0;
	}
}
