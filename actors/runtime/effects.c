/* Releasing a turn's effects: sends and port calls, then replies, then
 * timers, each group in the order in which the turn asked. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"

static struct trace child_of(struct cell *c, const struct trace *t)
{
	struct trace child = *t;
	if (t->hi || t->lo) {
		child.parent = t->span;
		child.span = ++c->next_id;
	}
	return child;
}

static void release_request(struct cell *c, struct actor *a, struct effect *f,
			    const struct trace *trace)
{
	struct pending *p = mem_alloc(sizeof *p);
	p->actor_uid = a->uid;
	p->tag = f->tag;
	p->deadline_us = c->ops.now_us(c->ops.arg) + (uint64_t)f->timeout_ms * 1000;
	p->to = mem_dup(f->to);
	p->from = mem_dup(a->name);
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
	link_publish(c, frame);
	bytes_unref(frame);
	cell_tap(c, false, ENV_EVENT, f->row->number, env.from, topic, trace, env.body, 0);
	/* Followers in this cell get it at once; the bus would bring it again. */
	views_on_bus_body(c, topic, f->row->number, mp_of(bytes_span(f->body)), f->body);
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
	if (actor_add(c, f->to, sep + 1, mp_of(bytes_span(f->body)), RESTART_TRANSIENT, &e))
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
	struct trace child = child_of(c, trace);
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
	case FX_PORT:
		release_port(a, f);
		break;
	case FX_SPAWN:
		release_spawn(c, f);
		break;
	case FX_MONITOR:
		monitor_add(c, a, f->to);
		break;
	default:
		break;
	}
}

void effects_release(struct cell *c, struct actor *a, struct effects *fx,
		     const struct trace *trace, const struct item *item)
{
	for (size_t i = 0; i < fx->count; i++)
		release_outward(c, a, &fx->list[i], trace);
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
