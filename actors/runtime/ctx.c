/* A turn's access to the world: reads, and the buffered effects. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/messages.h"

uint64_t ctx_now_us(struct ctx *c)
{
	return c->now_us;
}

int64_t ctx_wall_us(struct ctx *c)
{
	if (!c->wall_us)
		c->wall_us = c->cell->ops.wall_us(c->cell->ops.arg);
	return c->wall_us;
}

uint64_t ctx_random(struct ctx *c)
{
	return c->cell->ops.random(c->cell->ops.arg);
}

void ctx_random_bytes(struct ctx *c, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t r = ctx_random(c);
		memcpy(out + i, &r, n - i < 8 ? n - i : 8);
	}
}

struct span ctx_name(struct ctx *c)
{
	return span_of(c->actor->name);
}

struct arena *ctx_arena(struct ctx *c)
{
	return &c->cell->arena;
}

void ctx_why(struct ctx *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(c->fault.text, sizeof c->fault.text, fmt, ap);
	va_end(ap);
}

struct trace ctx_trace(struct ctx *c)
{
	return c->trace;
}

void ctx_resume(struct ctx *c, const struct trace *noted)
{
	c->trace = *noted;
}

void *ctx_shared(struct ctx *c, const char *name)
{
	return c->cell->ops.shared ? c->cell->ops.shared(c->cell->ops.arg, name) : NULL;
}

/* ---- effects */

struct effect *effect_add(struct effects *fx)
{
	if (fx->count == fx->cap) {
		fx->cap = fx->cap ? 2 * fx->cap : 8;
		fx->list = mem_realloc(fx->list, fx->cap * sizeof *fx->list);
	}
	struct effect *f = &fx->list[fx->count++];
	memset(f, 0, sizeof *f);
	return f;
}

static struct effect *add(struct ctx *c, enum effect_type type)
{
	struct effect *f = effect_add(&c->effects);
	f->type = type;
	return f;
}

void effects_clear(struct effects *fx)
{
	for (size_t i = 0; i < fx->count; i++) {
		free(fx->list[i].to);
		bytes_unref(fx->list[i].body);
	}
	fx->count = 0;
}

void effects_free(struct effects *fx)
{
	effects_clear(fx);
	free(fx->list);
	memset(fx, 0, sizeof *fx);
}

static void fail(struct ctx *c, const struct err *e)
{
	if (!c->failed)
		c->fault = *e;
	c->failed = true;
}

/* The row of a message that is about to leave, its body checked. */
static const struct msg_row *row_for(struct ctx *c, const char *kind, const struct buf *body)
{
	struct err e = {0};
	const struct msg_row *row = catalogue_named(c->cell->rows, kind);
	if (!row)
		err_set(&e, ERR_INVALID, "%s is not in the catalogue", kind);
	else if (catalogue_check(row, mp_of(span_buf(body)), &e) == 0)
		return row;
	fail(c, &e);
	return NULL;
}

static void put_message(struct ctx *c, enum effect_type type, const char *to, const char *kind,
			struct buf *body, unsigned flags, uint32_t timeout_ms, uint64_t tag)
{
	if (!body->len)
		mpw_map(body, 0);
	const struct msg_row *row = row_for(c, kind, body);
	if (!row) {
		buf_fini(body);
		return;
	}
	struct effect *f = add(c, type);
	f->to = mem_dup(to);
	f->row = row;
	f->body = bytes_take(body);
	f->flags = flags;
	f->timeout_ms = timeout_ms;
	f->tag = tag;
}

void ctx_send(struct ctx *c, const char *to, const char *kind, struct buf *body, unsigned flags)
{
	put_message(c, FX_SEND, to, kind, body, flags, 0, 0);
}

void ctx_request(struct ctx *c, const char *to, const char *kind, struct buf *body,
		 uint32_t timeout_ms, uint64_t tag)
{
	put_message(c, FX_REQUEST, to, kind, body, 0, timeout_ms, tag);
}

void ctx_command(struct ctx *c, const char *to, const char *kind, struct buf *body,
		 unsigned flags, uint64_t tag)
{
	put_message(c, FX_COMMAND, to, kind, body, flags, 0, tag);
	const struct effects *fx = &c->effects;
	const struct effect *f = fx->count ? &fx->list[fx->count - 1] : NULL;
	if (!f || f->type != FX_COMMAND || f->row->class == CLASS_COMMAND)
		return;
	struct err e;
	err_set(&e, ERR_INVALID, "%s is no command", kind);
	fail(c, &e);
}

void ctx_notice(struct ctx *c, const char *kind, struct buf *body)
{
	put_message(c, FX_NOTICE, "", kind, body, 0, 0, 0);
}

/* Whether this turn is about a request that waits for its one answer. */
static bool answerable(struct ctx *c, const char *what)
{
	if (c->item->type == ITEM_MSG && c->item->request && !c->answered)
		return true;
	struct err e;
	err_set(&e, ERR_INVALID, "%s without an open request in this turn", what);
	fail(c, &e);
	return false;
}

static void answer(struct ctx *c, uint64_t parked, int code, struct bytes *body)
{
	struct effect *f = add(c, FX_REPLY);
	f->id = parked;
	f->code = code;
	f->body = body;
}

static struct bytes *error_body(int code, const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "code", err_name(code));
	mpw_kv_str(&b, "text", text);
	return bytes_take(&b);
}

void ctx_reply(struct ctx *c, struct buf *body)
{
	if (!body->len)
		mpw_map(body, 0);
	struct bytes *b = bytes_take(body);
	if (!answerable(c, "a reply")) {
		bytes_unref(b);
		return;
	}
	c->answered = true;
	answer(c, 0, 0, b);
}

void ctx_reply_error(struct ctx *c, int code, const char *fmt, ...)
{
	char text[500];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!answerable(c, "an error"))
		return;
	c->answered = true;
	answer(c, 0, code, error_body(code, text));
}

uint64_t ctx_park(struct ctx *c)
{
	if (!answerable(c, "parking"))
		return 0;
	c->answered = true;
	struct parked *p = mem_alloc(sizeof *p);
	p->actor_uid = c->actor->uid;
	p->from = mem_dup(c->item->from);
	p->correlation = c->item->correlation;
	p->kind = c->item->row->number;
	p->trace = c->item->trace;
	uint64_t id = ++c->cell->next_id;
	struct key8 k = key8_of(id);
	omap_put(&c->cell->parkeds, SPAN8(k), p);
	return id;
}

void ctx_reply_parked(struct ctx *c, uint64_t parked, struct buf *body)
{
	if (!body->len)
		mpw_map(body, 0);
	answer(c, parked, 0, bytes_take(body));
}

void ctx_error_parked(struct ctx *c, uint64_t parked, int code, const char *text)
{
	answer(c, parked, code, error_body(code, text));
}

void ctx_txn(struct ctx *c, const struct store_txn *txn, uint64_t tag)
{
	if (c->txn) {
		struct err e;
		err_set(&e, ERR_INVALID, "two transactions in one turn");
		fail(c, &e);
		return;
	}
	struct store_txn t = *txn;
	static const uint8_t none[16];
	if (memcmp(t.origin.request, none, sizeof none) == 0)
		ctx_random_bytes(c, t.origin.request, sizeof t.origin.request);
	if (!t.origin.trace_hi && !t.origin.trace_lo) {
		if (!c->trace.hi && !c->trace.lo)
			c->trace = trace_root(c->cell);
		c->txn_trace = trace_child(c->cell, &c->trace);
		t.origin.trace_hi = c->txn_trace.hi;
		t.origin.trace_lo = c->txn_trace.lo;
		t.origin.span = c->txn_trace.span;
		t.origin.cause = c->txn_trace.cause;
	} else {
		c->txn_trace = (struct trace){.hi = t.origin.trace_hi, .lo = t.origin.trace_lo,
					      .span = t.origin.span, .cause = t.origin.cause};
	}
	if (!t.origin.principal.len)
		t.origin.principal = ctx_name(c);
	struct buf b = {0};
	txn_encode(&b, &t);
	c->txn = bytes_take(&b);
	c->txn_tag = tag;
}

uint64_t ctx_timer(struct ctx *c, uint64_t after_us, uint64_t tag)
{
	struct effect *f = add(c, FX_TIMER);
	f->id = ++c->cell->next_id;
	f->tag = tag;
	f->due_us = c->now_us + after_us;
	return f->id;
}

void ctx_cancel(struct ctx *c, uint64_t timer)
{
	add(c, FX_CANCEL)->id = timer;
}

struct view *ctx_follow(struct ctx *c, const char *stream)
{
	struct view *v = view_open(c->cell, stream, false);
	view_follow(c->cell, v, c->actor);
	return v;
}

struct view *ctx_follow_session(struct ctx *c, const char *stream)
{
	struct view *v = view_open(c->cell, stream, true);
	view_follow(c->cell, v, c->actor);
	return v;
}

struct view *ctx_follow_unmanaged(struct ctx *c, const char *stream)
{
	struct view *v = view_open(c->cell, stream, false);
	view_leave_managed(c->cell, v);
	view_follow(c->cell, v, c->actor);
	return v;
}

void ctx_recall(struct ctx *c, struct view *v, uint64_t after)
{
	view_recall(c->cell, v, after);
}

struct view_index *ctx_index(struct ctx *c, struct view *v, const struct view_index_spec *spec)
{
	(void)c;
	return view_index(v, spec);
}

int ctx_spawn(struct ctx *c, const char *kind, const char *name, struct mp cfg)
{
	struct effect *f = add(c, FX_SPAWN);
	size_t n = strlen(kind) + strlen(name) + 2;
	f->to = mem_alloc(n);
	snprintf(f->to, n, "%s%c%s", kind, 1, name);
	f->body = bytes_copy(cfg.p, (size_t)(cfg.end - cfg.p));
	return 0;
}

void ctx_stop(struct ctx *c, const char *name)
{
	add(c, FX_STOP)->to = mem_dup(name);
}

void ctx_monitor(struct ctx *c, const char *name)
{
	add(c, FX_MONITOR)->to = mem_dup(name);
}

void ctx_on_session(struct ctx *c, uint64_t tag)
{
	add(c, FX_ON_SESSION)->tag = tag;
}

void ctx_role(struct ctx *c, const char *fmt, ...)
{
	char text[ENV_NAME_BYTES_MAX + 32];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add(c, FX_ROLE)->to = mem_dup(text);
}

void ctx_publish(struct ctx *c, struct span topic, const char *kind, struct bytes *body)
{
	const struct msg_row *row = catalogue_named(c->cell->rows, kind);
	struct err e;
	if (!row) {
		err_set(&e, ERR_INVALID, "%s is not in the catalogue", kind);
		fail(c, &e);
		return;
	}
	struct effect *f = add(c, FX_PUBLISH);
	f->to = mem_ndup(topic.data, topic.len);
	f->row = row;
	f->body = bytes_ref(body);
}

/* ---- ports */

struct port_owner {
	struct cell *cell;
	uint64_t uid;
	int handle;
};

struct owned_port {
	struct port port;
	struct port_owner owner;
};

static void *port_shared(struct port *p, const char *name)
{
	struct port_owner *o = p->owner;
	return o->cell->ops.shared ? o->cell->ops.shared(o->cell->ops.arg, name) : NULL;
}

static const struct port_driver *driver_of(const struct cell *c, const char *name)
{
	for (const struct port_driver *const *d = c->cfg.drivers; d && *d; d++)
		if (strcmp((*d)->name, name) == 0)
			return *d;
	return NULL;
}

int ctx_port_open(struct ctx *c, const char *driver, struct mp cfg, struct err *e)
{
	const struct port_driver *d = driver_of(c->cell, driver);
	if (!d)
		return err_set(e, ERR_UNSUPPORTED, "there is no port driver %s", driver);
	struct owned_port *op = mem_alloc(sizeof *op);
	struct actor *a = c->actor;
	op->port.driver = d;
	op->port.loop = c->cell->cfg.loop;
	op->port.shared = port_shared;
	op->port.owner = &op->owner;
	op->owner = (struct port_owner){c->cell, a->uid, (int)a->port_count};
	int rc = d->open(&op->port, cfg, e);
	if (rc) {
		free(op);
		return rc;
	}
	a->ports = mem_realloc(a->ports, (a->port_count + 1) * sizeof(struct port *));
	a->ports[a->port_count] = &op->port; /* first member: freed as such */
	return (int)a->port_count++;
}

void ctx_port_call(struct ctx *c, int port, uint32_t op, uint64_t id, uint32_t arg,
		   struct bytes *payload)
{
	struct effect *f = add(c, FX_PORT);
	f->port = port;
	f->op = op;
	f->id = id;
	f->arg = arg;
	f->body = payload;
}

void *ctx_port_state(struct ctx *c, int port)
{
	if (port < 0 || (size_t)port >= c->actor->port_count)
		return NULL;
	return c->actor->ports[port]->state;
}

int port_deliver(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct port_owner *o = p->owner;
	struct actor *a = actor_by_uid(o->cell, o->uid);
	if (!a) {
		bytes_unref(payload);
		return ERR_CLOSED;
	}
	cell_clock(o->cell); /* the loop has slept since the last look */
	struct item *i = item_new(ITEM_PORT, (struct span){0});
	i->port = (struct port_event){o->handle, op, id, arg, payload};
	return actor_queue(o->cell, a, i);
}

bool port_heard(struct port *p, const char *kind)
{
	const struct port_owner *o = p->owner;
	struct cell *cell = o->cell;
	if (cell->notices_followed)
		return true;
	const struct msg_row *row = cell->ops.heard ? catalogue_named(cell->rows, kind) : NULL;
	return row && cell->ops.heard(cell->ops.arg, row->number, cell_clock(cell));
}
