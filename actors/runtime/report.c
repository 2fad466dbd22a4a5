/* Notices. Crash reports: a line in the log, and a notice on the bus (topic `notices`)
 * with actor, incarnation, reason, the message of that turn and its attempt,
 * and what the state was (its `inspect` map; only its size and checksum when
 * that is large).
 *
 * Notices are numbered by this cell and not journaled: who is not there when
 * one is said does not hear it from the bus, but finds it in the cell's ring of
 * notices (tap.c). Crash reports from before the session wait for it; what actors
 * have to say (ctx_notice) does not. */
#include <stdlib.h>

#include "actors/runtime/cell_private.h"
#include "broker/base/crc.h"
#include "broker/base/log.h"
#include "broker/messages.h"

struct notice {
	struct notice *next;
	struct bytes *frame;
};

static void notice_drop_first(struct cell *c)
{
	struct notice *n = c->notice_first;
	c->notice_first = n->next;
	if (!c->notice_first)
		c->notice_last = NULL;
	c->notice_count--;
	bytes_unref(n->frame);
	free(n);
}

void notices_flush(struct cell *c)
{
	while (c->link == LINK_UP && c->notice_first) {
		outbox_publish(c, c->notice_first->frame);
		notice_drop_first(c);
	}
}

void notices_free(struct cell *c)
{
	while (c->notice_first)
		notice_drop_first(c);
}

/* Into the ring; returns the frame for the bus. */
static struct bytes *write_down(struct cell *c, const char *from, uint16_t kind,
				const struct trace *trace, struct span body)
{
	struct buf out = {0};
	struct envelope env = {
		.type = ENV_EVENT,
		.cluster = c->cfg.cluster,
		.to = span_of(BUS_NOTICES),
		.from = span_of(from),
		.incarnation = c->incarnation,
		.sequence = ++c->notice_number,
		.kind = kind,
		.hops = ENV_HOPS,
		.trace = *trace,
		.body = body,
	};
	buf_append(&out, BUS_NOTICES, sizeof BUS_NOTICES); /* with the zero byte */
	env_encode(&out, &env);
	struct tap_record seen = {
		.event = RING_SENT,
		.type = ENV_EVENT,
		.kind = kind,
		.from = env.from,
		.to = env.to,
		.trace = *trace,
		.body = env.body,
		.id = env.sequence,
	};
	cell_tap(c, &seen);
	return bytes_take(&out);
}

/* What crashed is worth waiting for the session. `body` is taken over. */
static void publish(struct cell *c, const char *from, const struct trace *trace, struct buf *body)
{
	struct notice *n = mem_alloc(sizeof *n);
	n->frame = write_down(c, from, MSG_BUS_NOTICE, trace, span_buf(body));
	buf_fini(body);
	if (c->notice_last)
		c->notice_last->next = n;
	else
		c->notice_first = n;
	c->notice_last = n;
	if (++c->notice_count > CELL_NOTICES_MAX)
		notice_drop_first(c);
	notices_flush(c);
}

void notice_say(struct cell *c, const char *from, uint16_t kind, const struct trace *trace,
		struct bytes *body)
{
	struct bytes *frame = write_down(c, from, kind, trace, bytes_span(body));
	/* The broker would have nobody to give it to. */
	if (c->notices_followed)
		c->notices_dropped += !outbox_publish(c, frame);
	bytes_unref(frame);
}

/* An actor that did not get through `init` has no state that could be shown. */
static void put_state(struct buf *b, const struct actor *a)
{
	struct buf state = {0};
	if (a->begun && a->spec->inspect)
		a->spec->inspect(a->state, &state);
	mpw_str(b, "state");
	if (state.len && state.len <= CELL_REPORT_STATE_MAX)
		mpw_raw(b, span_buf(&state));
	else
		mpw_nil(b);
	mpw_kv_u64(b, "state_bytes", state.len);
	mpw_kv_u64(b, "state_crc", crc32c(0, span_buf(&state)));
	buf_fini(&state);
}

void report_crash(struct cell *c, const struct actor *a, const struct crash *crash)
{
	const struct item *i = crash->item;
	const char *message = i ? item_kind(i) : "no turn";
	unsigned attempt = i ? i->attempt : 0;
	struct trace none = {0};
	struct buf b = {0};
	log_warn(a->name, "failed in %s (attempt %u): %s", message, attempt, crash->why);
	mpw_map(&b, 2);
	mpw_kv_str(&b, "what", "actor.crashed");
	mpw_str(&b, "detail");
	mpw_map(&b, 12);
	mpw_kv_str(&b, "actor", a->name);
	mpw_kv_str(&b, "kind", a->spec->kind);
	mpw_kv_str(&b, "cell", c->name);
	mpw_kv_u64(&b, "incarnation", a->uid);
	mpw_kv_u64(&b, "restarts", a->restarts);
	mpw_kv_str(&b, "reason", crash->why);
	mpw_kv_str(&b, "message", message);
	mpw_kv_u64(&b, "attempt", attempt);
	mpw_kv_str(&b, "from", i ? i->from : "");
	put_state(&b, a);
	publish(c, a->name, i ? &i->trace : &none, &b);
}

void report_interrupted(struct cell *c, const struct turn_note *n)
{
	struct trace none = {0};
	struct buf b = {0};
	log_warn(c->name, "the process before this one ended amid a turn of %s (%s, attempt %u)",
		 n->actor, n->message, (unsigned)n->attempt);
	mpw_map(&b, 2);
	mpw_kv_str(&b, "what", "process.crashed");
	mpw_str(&b, "detail");
	mpw_map(&b, 4);
	mpw_kv_str(&b, "cell", c->name);
	mpw_kv_str(&b, "actor", n->actor);
	mpw_kv_str(&b, "message", n->message);
	mpw_kv_u64(&b, "attempt", n->attempt);
	publish(c, c->self, &none, &b);
}
