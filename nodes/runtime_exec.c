#include "nodes/port_body.h"
#include "nodes/runtime_exec.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "nodes/exec_link.h"
#include "nodes/pause/proto.h"
#include "nodes/runtime.h"

struct session {
	struct exec_sessions *all;
	uint64_t id;
	struct exec_link *link;
	struct loop_watch *watch[EXEC_STREAMS];
	unsigned watched[EXEC_STREAMS];
	bool pulling;
	bool told; /* that it began, or why it did not */
	bool ended, unknown; /* unknown: the pause went first */
	struct exec_end end;
	struct bytes *input; /* that the command has not taken yet */
	size_t input_at;
};

struct exec_sessions {
	struct port *port;
	char *pods_dir;
	struct omap by_id;
};

struct exec_sessions *exec_sessions_new(struct port *port, const char *pods_dir)
{
	struct exec_sessions *x = mem_alloc(sizeof *x);
	x->port = port;
	x->pods_dir = mem_dup(pods_dir);
	return x;
}

/* ---- what is told */

static void tell(struct session *s, uint32_t op, int refused, struct bytes *payload)
{
	if (port_deliver(s->all->port, op, s->id, (uint32_t)-refused, payload))
		log_warn("node", "the end of a command was lost: the agent's queue is full");
}

static void tell_refused(struct session *s, int code, const char *why)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", why);
	tell(s, RUNTIME_EXECED, code, bytes_take(&b));
}

/* RUNTIME_EXECED, once it is known; the agent ends a session that was refused. */
static void tell_begun(struct session *s)
{
	s->told = exec_link_begun(s->link) || s->ended;
	if (exec_link_begun(s->link))
		tell(s, RUNTIME_EXECED, 0, NULL);
	else if (s->ended)
		tell_refused(s, s->unknown ? ERR_CLOSED : ERR_NOT_FOUND,
			     s->end.error[0] ? s->end.error : "its pod ended");
}

/* ---- output */

/* Appends [channel, bytes] when the stream has some. 1: it had, 0: none now,
 * or never again. */
static int put_frame(struct session *s, enum exec_stream stream, struct buf *frames)
{
	uint8_t bytes[EXEC_CHUNK_BYTES / 4];
	ssize_t n = exec_link_read(s->link, stream, bytes, sizeof bytes);
	if (n <= 0)
		return 0;
	mpw_array(frames, 2);
	mpw_u64(frames, stream);
	mpw_bin(frames, (struct span){bytes, (size_t)n});
	return 1;
}

static size_t put_frames(struct session *s, struct buf *frames)
{
	size_t count = 0, before;
	do {
		before = count;
		count += (size_t)put_frame(s, EXEC_OUT, frames);
		count += (size_t)put_frame(s, EXEC_ERR, frames);
	} while (count > before && frames->len < EXEC_CHUNK_BYTES);
	return count;
}

/* The end comes after all that was written before it. What a child in the
 * background may write later is nobody's. */
static void answer_pull(struct session *s)
{
	struct buf frames = {0}, b = {0};
	size_t count = put_frames(s, &frames);
	bool end = s->ended && count == 0;
	if (count == 0 && !end) {
		buf_fini(&frames);
		return;
	}
	mpw_map(&b, 5);
	mpw_str(&b, "frames");
	mpw_array(&b, count);
	buf_append(&b, frames.data, frames.len);
	mpw_kv_bool(&b, "end", end);
	mpw_kv_bool(&b, "unknown", s->unknown);
	mpw_kv_i64(&b, "code", s->end.code);
	mpw_str(&b, "error");
	mpw_bin(&b, span_of(s->end.error));
	buf_fini(&frames);
	s->pulling = false;
	tell(s, RUNTIME_OUTPUT, 0, bytes_take(&b));
}

/* ---- input */

static void answer_push(struct session *s)
{
	bytes_unref(s->input);
	s->input = NULL;
	tell(s, RUNTIME_TAKEN, 0, NULL);
}

/* What nobody reads any more counts as taken. */
static void feed(struct session *s)
{
	struct span all = bytes_span(s->input);
	ssize_t n = 0;
	while (s->input_at < all.len && n >= 0) {
		n = exec_link_write(s->link, (struct span){all.data + s->input_at,
							   all.len - s->input_at});
		s->input_at += n > 0 ? (size_t)n : 0;
	}
	if (n != ERR_AGAIN)
		answer_push(s);
}

/* ---- the loop */

static void step(struct session *s);

static void on_ready(void *arg, unsigned events)
{
	(void)events;
	step(arg);
}

/* A descriptor that nobody waits for is not watched at all: the loop would
 * be told of its hang-up without end. */
static void watch(struct session *s, enum exec_stream stream, unsigned events)
{
	int fd = exec_link_fd(s->link, stream);
	events = fd >= 0 ? events : 0;
	if (s->watched[stream] == events)
		return;
	loop_remove(s->watch[stream]);
	s->watch[stream] =
		events ? loop_add(s->all->port->loop, fd, events, on_ready, s) : NULL;
	s->watched[stream] = events;
}

static void forget_watches(struct session *s)
{
	for (int i = 0; i < EXEC_STREAMS; i++) {
		loop_remove(s->watch[i]);
		s->watch[i] = NULL;
		s->watched[i] = 0;
	}
}

static void step(struct session *s)
{
	int rc = s->ended ? ERR_AGAIN : exec_link_end(s->link, &s->end);
	if (rc != ERR_AGAIN) {
		s->ended = true;
		s->unknown = rc != 0;
	}
	if (!s->told)
		tell_begun(s);
	if (s->input)
		feed(s);
	if (s->pulling)
		answer_pull(s);
	unsigned out = s->pulling ? LOOP_READ : 0;
	watch(s, EXEC_IN, s->input ? LOOP_WRITE : 0);
	watch(s, EXEC_OUT, out);
	watch(s, EXEC_ERR, out);
	watch(s, EXEC_END, (s->ended ? 0 : LOOP_READ) | (exec_link_asks(s->link) ? LOOP_WRITE : 0));
	exec_link_tidy(s->link);
}

/* ---- calls */

static void session_free(void *arg)
{
	struct session *s = arg;
	forget_watches(s);
	exec_link_close(s->link);
	bytes_unref(s->input);
	free(s);
}

static int start(struct session *s, struct mp body, struct err *e)
{
	struct arena a = {0};
	int64_t wanted = mp_path_int(body, "streams", 0);
	struct exec_start x = {
		.container = body_text(&a, body, "container"),
		.attach = mp_path_bool(body, "attach", false),
		.argv = body_texts(&a, body, "argv"),
		.env = body_texts(&a, body, "env"),
		.cwd = body_text(&a, body, "cwd"),
		.uid = -1,
		.gid = -1,
		.in = wanted & 1 << EXEC_IN,
		.out = wanted & 1 << EXEC_OUT,
		.err = wanted & 1 << EXEC_ERR,
		.tty = mp_path_bool(body, "tty", false),
	};
	char *dir = arena_printf(&a, "%s/%s", s->all->pods_dir, body_text(&a, body, "uid"));
	int rc = exec_link_open(&s->link, dir, &x, e);
	arena_fini(&a);
	return rc;
}

static void open_session(struct exec_sessions *x, uint64_t id, struct mp body)
{
	struct err e = {0};
	struct session *s = mem_alloc(sizeof *s);
	s->all = x;
	s->id = id;
	int rc = x->by_id.count >= EXEC_SESSIONS_MAX
			 ? err_set(&e, ERR_OVERLOADED, "too many commands run on this node")
			 : start(s, body, &e);
	if (rc) {
		tell_refused(s, rc, e.text[0] ? e.text : err_text(rc));
		free(s);
		return;
	}
	omap_put_u64(&x->by_id, id, s);
	step(s);
}

static void push(struct session *s, struct bytes *payload)
{
	if (s->input)
		return; /* one at a time */
	if (!payload) {
		watch(s, EXEC_IN, 0);
		exec_link_close_input(s->link);
		tell(s, RUNTIME_TAKEN, 0, NULL);
		return;
	}
	s->input = bytes_ref(payload);
	s->input_at = 0;
	step(s);
}

bool exec_sessions_call(struct exec_sessions *x, uint32_t op, uint64_t id, uint32_t arg,
			struct bytes *payload)
{
	struct session *s = omap_get_u64(&x->by_id, id);
	if (op == RUNTIME_EXEC) {
		open_session(x, id, mp_of_bytes(payload));
		return true;
	}
	if (op != RUNTIME_PULL && op != RUNTIME_PUSH && op != RUNTIME_RESIZE && op != RUNTIME_KILL)
		return false;
	if (!s)
		return true;
	if (op == RUNTIME_PULL) {
		s->pulling = true;
		step(s);
	} else if (op == RUNTIME_PUSH) {
		push(s, payload);
	} else if (op == RUNTIME_RESIZE) {
		exec_link_resize(s->link, (uint16_t)(arg & 0xffff), (uint16_t)(arg >> 16));
	} else {
		omap_remove_u64(&x->by_id, id);
		session_free(s);
	}
	return true;
}

void exec_sessions_free(struct exec_sessions *x)
{
	if (!x)
		return;
	omap_fini(&x->by_id, session_free);
	free(x->pods_dir);
	free(x);
}
