/* Releasing a turn's effects: sends and port calls, then replies, then
 * timers, each group in the order in which the turn asked. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"

/* Numbers that no other cell and no other life of this one gives: the
 * incarnation was drawn. Source of the mixing: Vigna, splitmix64. */
static uint64_t trace_number(struct cell *c)
{
	uint64_t z = c->incarnation + ++c->next_id * UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct trace trace_root(struct cell *c)
{
	return (struct trace){.hi = c->incarnation, .lo = trace_number(c)};
}

struct trace trace_child(struct cell *c, const struct trace *t)
{
	struct trace child = *t;
	child.parent = t->span;
	child.span = trace_number(c);
	return child;
}

static void release_request(struct cell *c, struct actor *a, struct effect *f,
			    const struct trace *trace)
{
	struct pending *p = pending_new(a->name, f->to);
	p->actor_uid = a->uid;
	p->tag = f->tag;
	p->deadline_us = c->clock_us + (uint64_t)f->timeout_ms * 1000;
	p->kind = f->row->number;
	p->trace = *trace;
	uint64_t id = pending_add(c, p);
	post(c, ENV_REQUEST, a->name, f->to, f->row->number, id, f->timeout_ms, trace, f->body);
}

static void release_publish(struct cell *c, struct actor *a, struct effect *f,
			    const struct trace *trace)
{
	struct span topic = span_of(f->to);
	struct envelope env = {
		.type = ENV_EVENT,
		.cluster = c->cfg.cluster,
		.to = topic,
		.from = span_of(a->name),
		.incarnation = c->incarnation,
		.sequence = ++c->sequence,
		.kind = f->row->number,
		.hops = ENV_HOPS,
		.trace = *trace,
		.body = bytes_span(f->body),
	};
	struct buf out = {0};
	buf_append(&out, topic.data, topic.len);
	buf_putc(&out, 0);
	env_encode(&out, &env);
	struct bytes *frame = bytes_take(&out);
	outbox_publish(c, frame);
	bytes_unref(frame);
	struct tap_record seen = {
		.event = RING_SENT,
		.type = ENV_EVENT,
		.kind = env.kind,
		.from = env.from,
		.to = topic,
		.trace = *trace,
		.body = env.body,
		.id = env.sequence,
	};
	struct mp version;
	if (c->ops.tap && mp_find(mp_of(env.body), "version", &version))
		mp_u64(&version, &seen.correlation);
	cell_tap(c, &seen);
	/* Followers in this cell get it at once; the bus would bring it again. */
	views_on_bus_body(c, topic, f->row->number, mp_of_bytes(f->body), f->body);
}

static void release_notice(struct cell *c, struct actor *a, struct effect *f,
			   const struct trace *trace)
{
	notice_say(c, a->name, f->row->number, trace, f->body);
}

static void release_port(struct actor *a, struct effect *f)
{
	if (f->port < 0 || (size_t)f->port >= a->port_count)
		return;
	struct port *p = a->ports[f->port];
	p->driver->call(p, f->op, f->id, f->arg, f->body);
}

static void release_spawn(struct cell *c, struct effect *f)
{
	char *sep = strchr(f->to, 1);
	struct err e = {0};
	*sep = 0;
	if (actor_add(c, f->to, sep + 1, mp_of_bytes(f->body), RESTART_TRANSIENT, &e))
		log_warn(c->name, "spawn: %s", e.text);
}

static void release_stop(struct cell *c, struct actor *by, struct effect *f)
{
	struct actor *a = actor_by_name(c, span_of(f->to));
	if (a)
		actor_stop(c, a, a == by);
}

static void release_reply(struct cell *c, struct actor *a, struct effect *f,
			  const struct item *item)
{
	enum env_type type = f->code ? ENV_ERROR : ENV_REPLY;
	if (!f->id) {
		post(c, type, a->name, item->from,
		     f->code ? MSG_ERROR : (uint16_t)(item->row->number + 1), item->correlation, 0,
		     &item->trace, f->body);
		return;
	}
	struct key8 k = key8_of(f->id);
	struct parked *p = omap_remove(&c->parkeds, SPAN8(k));
	if (!p)
		return;
	post(c, type, a->name, p->from, f->code ? MSG_ERROR : (uint16_t)(p->kind + 1),
	     p->correlation, 0, &p->trace, f->body);
	parked_free(p);
}

static void release_outward(struct cell *c, struct actor *a, struct effect *f,
			    const struct trace *trace)
{
	struct trace child = trace_child(c, trace);
	switch (f->type) {
	case FX_SEND:
		post(c, ENV_SEND, a->name, f->to, f->row->number, 0, 0, &child, f->body);
		break;
	case FX_REQUEST:
		release_request(c, a, f, &child);
		break;
	case FX_COMMAND:
		command_begin(c, a, f->to, f->row->number, f->tag, &child, f->body);
		break;
	case FX_PUBLISH:
		release_publish(c, a, f, trace);
		break;
	case FX_NOTICE:
		release_notice(c, a, f, trace);
		break;
	case FX_PORT:
		release_port(a, f);
		break;
	case FX_SPAWN:
		release_spawn(c, f);
		break;
	case FX_MONITOR:
		monitor_add(c, a, f->to);
		break;
	case FX_ON_SESSION:
		a->session_tag = f->tag;
		break;
	case FX_ROLE:
		free(a->role);
		a->role = mem_dup(f->to);
		break;
	default:
		break;
	}
}

void effects_release(struct cell *c, struct actor *a, struct effects *fx,
		     const struct trace *trace, const struct item *item)
{
	/* What nothing led to begins a trace of its own. */
	struct trace whole = trace->hi || trace->lo || !fx->count ? *trace : trace_root(c);
	for (size_t i = 0; i < fx->count; i++)
		release_outward(c, a, &fx->list[i], &whole);
	for (size_t i = 0; i < fx->count; i++)
		if (fx->list[i].type == FX_REPLY)
			release_reply(c, a, &fx->list[i], item);
	for (size_t i = 0; i < fx->count; i++) {
		struct effect *f = &fx->list[i];
		if (f->type == FX_TIMER)
			timer_add(c, f->due_us, a->uid, f->tag, f->id);
		else if (f->type == FX_CANCEL)
			timer_cancel(c, f->id);
	}
	for (size_t i = 0; i < fx->count; i++)
		if (fx->list[i].type == FX_STOP)
			release_stop(c, a, &fx->list[i]);
}
