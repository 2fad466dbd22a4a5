/* node.session.*: who asks for a stream session, and which command it is, or which
 * container it is attached to.
 *
 *   open ─► (environment known) ─► RUNTIME_EXEC ─► EXECED ─► opened
 *   read ─► RUNTIME_PULL ─► OUTPUT ─► output        one of each at a time
 *   write ─► RUNTIME_PUSH ─► TAKEN ─► taken
 *
 * The asker's end ends its sessions; a crash of ours does too, since their
 * descriptors were this process's. */
#include <stdio.h>
#include <stdlib.h>

#include "nodes/exec_link.h"
#include "nodes/node_private.h"
#include "nodes/runtime_exec.h"

enum {
	ANSWER_US = 10000000, /* a read or write is not kept longer */
	COMMAND_US = 50000,   /* until config maps and secrets are asked for again */
	COMMAND_TRIES_MAX = 100,
};

struct agent_session {
	uint64_t number;    /* ours, and the runtime's */
	struct bytes *key;  /* who asks, zero, its number */
	char *from;
	struct bytes *spec; /* the open message's body, until it is opened */
	unsigned tries;
	bool opened, pulling, pushing;
	uint64_t open_parked, read_parked, write_parked; /* 0: none */
	struct bytes *held; /* output that came when nobody waited for it */
	bool timer;
};

static struct bytes *key_of(const struct msg *m)
{
	struct buf key = {0};
	uint64_t number = (uint64_t)mp_path_int(m->body, "session", 0);
	buf_append(&key, m->from.data, m->from.len);
	buf_putc(&key, 0);
	buf_append(&key, &number, sizeof number);
	return bytes_take(&key);
}

static struct agent_session *session_of(struct agent *a, const struct msg *m)
{
	struct bytes *key = key_of(m);
	struct agent_session *s = omap_get(&a->session_keys, bytes_span(key));
	bytes_unref(key);
	return s;
}

void agent_session_free(void *arg)
{
	struct agent_session *s = arg;
	bytes_unref(s->key);
	bytes_unref(s->spec);
	bytes_unref(s->held);
	free(s->from);
	free(s);
}

static void fail(struct ctx *c, uint64_t *parked, int code, const char *text)
{
	if (*parked)
		ctx_error_parked(c, *parked, code, text);
	*parked = 0;
}

static void session_end(struct ctx *c, struct agent *a, struct agent_session *s, const char *why)
{
	fail(c, &s->open_parked, ERR_CLOSED, why);
	fail(c, &s->read_parked, ERR_CLOSED, why);
	fail(c, &s->write_parked, ERR_CLOSED, why);
	if (a->port >= 0)
		ctx_port_call(c, a->port, RUNTIME_KILL, s->number, 0, NULL);
	omap_remove(&a->session_keys, bytes_span(s->key));
	omap_remove_u64(&a->sessions, s->number);
	agent_session_free(s);
}

static void need_timer(struct ctx *c, struct agent_session *s, uint64_t after_us)
{
	if (!s->timer)
		ctx_timer(c, after_us, NODE_TAG(TAG_SESSION, s->number));
	s->timer = true;
}

/* ---- open */

static bool is_attach(struct mp body)
{
	return span_is(mp_path_str(body, "kind"), "attach");
}

static const char *text_of(struct ctx *c, struct mp body, const char *key)
{
	struct span s = mp_path_str(body, key);
	return arena_ndup(ctx_arena(c), s.data, s.len);
}

void agent_put_env(struct buf *b, const char *const *env, bool tty)
{
	mpw_str(b, "env");
	size_t at = mpw_array_open(b), n = 0;
	bool term = false;
	for (; env && env[n]; n++) {
		mpw_str(b, env[n]);
		term = term || strncmp(env[n], "TERM=", 5) == 0;
	}
	if (tty && !term)
		mpw_str(b, "TERM=xterm");
	mpw_array_close(b, at, n + (tty && !term));
}

static void call_exec(struct ctx *c, struct agent *a, struct agent_session *s,
		      const struct agent_pod *p, const struct pod_command *command)
{
	struct buf b = {0};
	struct mp body = mp_of_bytes(s->spec), list;
	struct span argv = {0};
	bool tty = mp_path_bool(body, "tty", false);
	if (mp_find(body, "command", &list))
		mp_raw(&list, &argv);
	mpw_map(&b, 7);
	mpw_kv_str(&b, "uid", p->uid);
	mpw_kv_span(&b, "container", mp_path_str(body, "container"));
	mpw_str(&b, "argv");
	mpw_raw(&b, argv);
	agent_put_env(&b, command->env, tty);
	mpw_kv_str(&b, "cwd", command->cwd ? command->cwd : "");
	mpw_kv_i64(&b, "streams", mp_path_int(body, "streams", 0));
	mpw_kv_bool(&b, "tty", tty);
	ctx_port_call(c, a->port, RUNTIME_EXEC, s->number, 0, bytes_take(&b));
}

static void session_refuse(struct ctx *c, struct agent *a, struct agent_session *s, int code,
			   const char *text)
{
	fail(c, &s->open_parked, code, text);
	session_end(c, a, s, text);
}

static void call_attach(struct ctx *c, struct agent *a, struct agent_session *s,
			const struct agent_pod *p)
{
	struct buf b = {0};
	struct mp body = mp_of_bytes(s->spec);
	mpw_map(&b, 4);
	mpw_kv_str(&b, "uid", p->uid);
	mpw_kv_span(&b, "container", mp_path_str(body, "container"));
	mpw_kv_bool(&b, "attach", true);
	mpw_kv_i64(&b, "streams", mp_path_int(body, "streams", 0));
	ctx_port_call(c, a->port, RUNTIME_EXEC, s->number, 0, bytes_take(&b));
}

/* Whether there is a terminal is the container's to say, not the asker's. */
static bool asks_too_much(const struct agent_pod *p, struct mp body, const char *container)
{
	struct mp spec;
	return agent_spec_of(p, container, &spec) && mp_path_bool(spec, "tty", false) &&
	       mp_path_int(body, "streams", 0) & 1 << EXEC_ERR;
}

/* In Kubernetes' words, who says the same for a container that is not there
 * and for one that does not run. */
static void session_start(struct ctx *c, struct agent *a, struct agent_session *s)
{
	struct mp body = mp_of_bytes(s->spec);
	const char *container = text_of(c, body, "container");
	struct agent_pod *p = agent_pod_named(a, body);
	struct pod_command command;
	struct err e = {0};
	uint32_t attempt;
	bool running = false, attach = is_attach(body);
	if (!p || !p->worker || !pod_worker_attempt(p->worker, container, &attempt, &running) ||
	    !running) {
		session_refuse(c, a, s, ERR_NOT_FOUND,
			       arena_printf(ctx_arena(c), "container not found (\"%s\")",
					    container));
		return;
	}
	if (a->sim) {
		session_refuse(c, a, s, ERR_UNSUPPORTED,
			       arena_printf(ctx_arena(c),
					    "the pods of node %s are simulated: no process of them "
					    "exists, so %s",
					    a->node,
					    attach ? "there is nothing to attach to"
						   : "no command can run beside one"));
		return;
	}
	if (attach && asks_too_much(p, body, container)) {
		session_refuse(c, a, s, ERR_INVALID, "tty and stderr cannot both be true");
		return;
	}
	if (attach) {
		call_attach(c, a, s, p);
		return;
	}
	int rc = pod_worker_command(p->worker, container, ctx_arena(c), &command, &e);
	if (rc == ERR_AGAIN && s->tries++ < COMMAND_TRIES_MAX)
		need_timer(c, s, COMMAND_US);
	else if (rc)
		session_refuse(c, a, s, rc, e.text[0] ? e.text : err_text(rc));
	else
		call_exec(c, a, s, p, &command);
}

int agent_on_session_open(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct agent_session *was = session_of(a, m);
	a->turn = c;
	if (was)
		session_end(c, a, was, "its asker began another of that number");
	if (!is_attach(m->body) && !span_is(mp_path_str(m->body, "kind"), "exec")) {
		ctx_reply_error(c, ERR_UNSUPPORTED, "no such kind of session");
		return 0;
	}
	if (a->sessions.count >= EXEC_SESSIONS_MAX) {
		ctx_reply_error(c, ERR_OVERLOADED, "too many commands run on node %s", a->node);
		return 0;
	}
	struct agent_session *s = mem_alloc(sizeof *s);
	s->number = ++a->next_id;
	s->key = key_of(m);
	s->from = mem_ndup(m->from.data, m->from.len);
	s->spec = bytes_copy(m->body.p, (size_t)(m->body.end - m->body.p));
	s->open_parked = ctx_park(c);
	omap_put(&a->session_keys, bytes_span(s->key), s);
	omap_put_u64(&a->sessions, s->number, s);
	ctx_monitor(c, s->from);
	session_start(c, a, s);
	return 0;
}

/* ---- reads and writes */

static void reply(struct ctx *c, uint64_t *parked, struct bytes *body)
{
	struct buf b = {0};
	struct span raw = bytes_span(body);
	buf_append(&b, raw.data, raw.len);
	ctx_reply_parked(c, *parked, &b);
	*parked = 0;
}

static bool is_end(struct bytes *output)
{
	return mp_path_bool(mp_of_bytes(output), "end", true);
}

static void reply_no_output(struct ctx *c, struct agent_session *s)
{
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_str(&b, "frames");
	mpw_array(&b, 0);
	mpw_kv_bool(&b, "end", false);
	mpw_kv_bool(&b, "unknown", false);
	mpw_kv_i64(&b, "code", 0);
	mpw_str(&b, "error");
	mpw_bin(&b, (struct span){0});
	ctx_reply_parked(c, s->read_parked, &b);
	s->read_parked = 0;
}

static void reply_taken(struct ctx *c, struct agent_session *s, bool taken)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_bool(&b, "taken", taken);
	ctx_reply_parked(c, s->write_parked, &b);
	s->write_parked = 0;
}

/* NULL: refused, there is no such session or it has one on its way. */
static struct agent_session *busy_session(struct ctx *c, struct agent *a, const struct msg *m,
					  uint64_t (*parked)(const struct agent_session *))
{
	struct agent_session *s = session_of(a, m);
	if (!s || !s->opened)
		ctx_reply_error(c, ERR_CLOSED, "no such session");
	else if (parked(s))
		ctx_reply_error(c, ERR_BUSY, "one at a time");
	else
		return s;
	return NULL;
}

static uint64_t parked_read(const struct agent_session *s)
{
	return s->read_parked;
}

static uint64_t parked_write(const struct agent_session *s)
{
	return s->write_parked;
}

int agent_on_session_read(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct agent_session *s = busy_session(c, a, m, parked_read);
	if (!s)
		return 0;
	s->read_parked = ctx_park(c);
	if (s->held) {
		bool end = is_end(s->held);
		reply(c, &s->read_parked, s->held);
		bytes_unref(s->held);
		s->held = NULL;
		if (end)
			session_end(c, a, s, "it has ended");
		return 0;
	}
	if (!s->pulling)
		ctx_port_call(c, a->port, RUNTIME_PULL, s->number, 0, NULL);
	s->pulling = true;
	need_timer(c, s, ANSWER_US);
	return 0;
}

int agent_on_session_write(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct agent_session *s = busy_session(c, a, m, parked_write);
	struct span data = {0};
	struct mp v;
	if (!s)
		return 0;
	if (mp_find(m->body, "data", &v))
		mp_bin(&v, &data);
	bool end = mp_path_bool(m->body, "end", false), more = data.len || end;
	if (s->pushing && more) {
		ctx_reply_error(c, ERR_BUSY, "one at a time");
		return 0;
	}
	s->write_parked = ctx_park(c);
	if (!s->pushing && !more) {
		reply_taken(c, s, true);
		return 0;
	}
	if (more)
		ctx_port_call(c, a->port, RUNTIME_PUSH, s->number, 0,
			      data.len ? bytes_copy(data.data, data.len) : NULL);
	s->pushing = true;
	need_timer(c, s, ANSWER_US);
	return 0;
}

static uint32_t half(int64_t n)
{
	return n < 0 ? 0 : n > UINT16_MAX ? UINT16_MAX : (uint32_t)n;
}

int agent_on_session_resize(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct agent_session *s = session_of(a, m);
	if (s && s->opened)
		ctx_port_call(c, a->port, RUNTIME_RESIZE, s->number,
			      half(mp_path_int(m->body, "width", 0)) |
				      half(mp_path_int(m->body, "height", 0)) << 16,
			      NULL);
	return 0;
}

int agent_on_session_close(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct agent_session *s = session_of(a, m);
	if (s)
		session_end(c, a, s, "closed");
	return 0;
}

/* ---- what the runtime says */

static void on_execed(struct ctx *c, struct agent *a, struct agent_session *s,
		      const struct port_event *p)
{
	if (p->arg) {
		struct span text = mp_path_str(mp_of_bytes(p->payload), "text");
		session_refuse(c, a, s, -(int)p->arg,
			       arena_ndup(ctx_arena(c), text.data, text.len));
		return;
	}
	struct buf b = {0};
	mpw_map(&b, 0);
	s->opened = true;
	ctx_reply_parked(c, s->open_parked, &b);
	s->open_parked = 0;
	bytes_unref(s->spec);
	s->spec = NULL;
}

static void on_output(struct ctx *c, struct agent *a, struct agent_session *s,
		      const struct port_event *p)
{
	s->pulling = false;
	if (!s->read_parked) {
		s->held = bytes_ref(p->payload);
		return;
	}
	reply(c, &s->read_parked, p->payload);
	if (is_end(p->payload))
		session_end(c, a, s, "it has ended");
}

void agent_on_session_event(struct ctx *c, struct agent *a, const struct port_event *p)
{
	struct agent_session *s = omap_get_u64(&a->sessions, p->id);
	if (!s)
		return;
	if (p->op == RUNTIME_EXECED) {
		on_execed(c, a, s, p);
	} else if (p->op == RUNTIME_OUTPUT) {
		on_output(c, a, s, p);
	} else {
		s->pushing = false;
		if (s->write_parked)
			reply_taken(c, s, true);
	}
}

void agent_on_session_timer(struct ctx *c, struct agent *a, uint64_t number)
{
	struct agent_session *s = omap_get_u64(&a->sessions, number);
	if (!s)
		return;
	s->timer = false;
	if (!s->opened) {
		if (s->spec && s->open_parked)
			session_start(c, a, s);
		return;
	}
	if (s->read_parked)
		reply_no_output(c, s);
	if (s->write_parked)
		reply_taken(c, s, false);
}

void agent_on_session_down(struct ctx *c, struct agent *a, struct span who)
{
	struct onode *next;
	for (struct onode *n = omap_first(&a->sessions); n; n = next) {
		struct agent_session *s = n->value;
		next = omap_next(n);
		if (span_is(who, s->from))
			session_end(c, a, s, "its asker is gone");
	}
}
