/* The post: from an actor here to an actor anywhere, and the two lists that
 * make a request answered exactly once: *pending* (ours, waiting for others)
 * and *parked* (theirs, waiting for us).
 *
 * Within the cell a message is an item in a mailbox: the body's bytes are
 * shared, nothing is encoded. Everything else goes over the link. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"

enum {
	SWEEP_US = 50000,
	TXN_RETRY_US = 1000000,
	TXN_DOUBLED_MAX = 4,
	REFUSED_DOUBLED_MAX = 6, /* from SWEEP_US on */
};

void post_error(struct cell *c, const char *from, const char *to, uint64_t correlation, int code,
		const char *text, const struct trace *trace)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "code", err_name(code));
	mpw_kv_str(&b, "text", text);
	struct bytes *body = bytes_take(&b);
	post(c, ENV_ERROR, from, to, MSG_ERROR, correlation, 0, trace, body);
	bytes_unref(body);
}

static void settle_error(struct cell *c, uint64_t correlation, struct span from, struct mp body,
			 struct bytes *owner)
{
	struct span code = mp_path_str(body, "code");
	char name[64];
	snprintf(name, sizeof name, "%.*s", (int)code.len, code.data);
	struct reply r = {
		.status = err_by_name(name),
		.text = mp_path_str(body, "text"),
		.from = from,
		.owner = owner,
	};
	pending_settle(c, correlation, &r);
}

void tap_message(struct cell *c, unsigned event, const struct envelope *env, int error)
{
	if (!c->ops.tap)
		return;
	struct tap_record r = {
		.event = event,
		.type = env->type,
		.kind = env->kind,
		.from = env->from,
		.to = env->to,
		.trace = env->trace,
		.body = env->body,
		.id = env->sequence,
		.correlation = env->correlation,
		.error = error,
	};
	cell_tap(c, &r);
}

/* What stays the same when a message is sent again: a request's correlation, a
 * command's place in its channel, a send's sequence. */
struct msg_id msg_id_of(const struct envelope *env)
{
	uint64_t number = env->sequence;
	if (env->type == ENV_REQUEST)
		number = env->correlation | UINT64_C(1) << 63;
	else if (env->flags & ENV_COMMAND)
		number = env->sequence << 24 | (env->correlation & 0xffffff) | UINT64_C(1) << 62;
	return (struct msg_id){env->incarnation, number};
}

static unsigned crashes_of(const struct cell *c, const struct actor *a, const struct envelope *env)
{
	unsigned known = turn_record_crashes(c->record, a->name, msg_id_of(env));
	return known > env->attempt ? known : env->attempt;
}

int item_of_message(struct cell *c, const struct actor *a, const struct envelope *env,
		    struct bytes *owner, struct item **out)
{
	struct err e = {0};
	const struct msg_row *row = catalogue_numbered(c->rows, env->kind);
	unsigned crashes = crashes_of(c, a, env);
	int rc = !row			    ? ERR_UNSUPPORTED
		 : crashes >= CRASHES_MAX ? ERR_POISON
					    : catalogue_check(row, mp_of(env->body), &e);
	if (rc)
		return rc;
	struct item *i = item_new(ITEM_MSG, env->from);
	i->row = row;
	i->request = env->type == ENV_REQUEST;
	i->correlation = env->correlation;
	i->channel = env->sequence;
	i->trace = env->trace;
	i->id = msg_id_of(env);
	i->attempt = crashes;
	if (env->deadline_ms)
		i->deadline_us = c->clock_us + (uint64_t)env->deadline_ms * 1000;
	i->owner = bytes_ref(owner);
	i->body = env->body;
	*out = i;
	return 0;
}

static int queue_message(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	struct actor *a = actor_by_name(c, env->to);
	struct item *i = NULL;
	int rc = a ? item_of_message(c, a, env, owner, &i) : ERR_UNREACHABLE;
	return rc ? rc : actor_queue(c, a, i);
}

static enum dead_reason reason_of(int code)
{
	static const struct {
		int code;
		enum dead_reason reason;
	} rows[] = {
		{ERR_UNREACHABLE, DEAD_NO_RECEIVER},
		{ERR_OVERLOADED, DEAD_FULL},
		{ERR_POISON, DEAD_POISON},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].code == code)
			return rows[i].reason;
	return DEAD_UNKNOWN;
}

/* Nobody took it: who asked is told, who only sent is not. */
static void undeliverable(struct cell *c, const struct envelope *env, struct bytes *owner,
			  int code, const char *text)
{
	char sender[ENV_NAME_BYTES_MAX + 1], receiver[ENV_NAME_BYTES_MAX + 1];
	span_text(sender, sizeof sender, env->from);
	span_text(receiver, sizeof receiver, env->to);
	c->dead++;
	tap_message(c, RING_DEAD, env, code);
	if (env->type != ENV_REQUEST || code == ERR_POISON)
		letter_add(c, reason_of(code), env, owner);
	if (env->type == ENV_REQUEST)
		post_error(c, receiver, sender, env->correlation, code, text, &env->trace);
}

static bool command_traffic(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	if (env->flags & ENV_COMMAND)
		command_arrived(c, env, owner);
	else if (env->kind == MSG_COMMAND_ACK)
		command_acknowledged(c, mp_of(env->body));
	else
		return false;
	return true;
}

/* A message for somebody in this cell. `owner` is borrowed. */
static void deliver(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	tap_message(c, RING_DELIVERED, env, 0);
	if (env->type == ENV_REPLY) {
		struct reply r = {.from = env->from, .body = mp_of(env->body), .owner = owner};
		pending_settle(c, env->correlation, &r);
		return;
	}
	if (env->type == ENV_ERROR) {
		settle_error(c, env->correlation, env->from, mp_of(env->body), owner);
		return;
	}
	if (env->kind == MSG_CELL_ACTORS && span_is(env->to, c->self)) {
		listing_answer(c, env);
		return;
	}
	if (letters_on_request(c, env) || command_traffic(c, env, owner))
		return;
	int rc = queue_message(c, env, owner);
	if (rc)
		undeliverable(c, env, owner, rc, err_text(rc));
}

bool lives_here(const struct cell *c, const char *name)
{
	return strcmp(name, c->self) == 0 || actor_by_name(c, span_of(name));
}

void post_envelope(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	if (c->stopping)
		return;
	bool answer = env->type == ENV_REPLY || env->type == ENV_ERROR;
	tap_message(c, answer ? RING_REPLIED : RING_SENT, env, 0);
	bool here = span_is(env->to, c->self) || actor_by_name(c, env->to);
	if (env->type != ENV_SYSTEM && here)
		deliver(c, env, owner);
	else
		outbox_send(c, env, owner);
}

void post(struct cell *c, enum env_type type, const char *from, const char *to, uint16_t kind,
	  uint64_t correlation, uint32_t deadline_ms, const struct trace *trace,
	  struct bytes *body)
{
	struct envelope env = {
		.type = type,
		.from = span_of(from),
		.to = span_of(to),
		.incarnation = c->incarnation,
		.sequence = ++c->sequence,
		.kind = kind,
		.correlation = correlation,
		.deadline_ms = deadline_ms,
		.trace = *trace,
		.body = bytes_span(body),
	};
	post_envelope(c, &env, body);
}

/* ---- requests of ours */

struct pending *pending_new(const char *from, const char *to)
{
	size_t from_bytes = strlen(from) + 1, to_bytes = strlen(to) + 1;
	struct pending *p = mem_alloc(sizeof *p + from_bytes + to_bytes);
	char *names = (char *)(p + 1);
	p->from = memcpy(names, from, from_bytes);
	p->to = memcpy(names + from_bytes, to, to_bytes);
	return p;
}

void pending_free(void *ptr)
{
	struct pending *p = ptr;
	if (!p)
		return;
	effects_free(&p->after);
	bytes_unref(p->body);
	free(p->arg);
	free(p);
}

void parked_free(void *ptr)
{
	struct parked *p = ptr;
	if (!p)
		return;
	free(p->from);
	free(p);
}

/* When something is to be done about it: said again, or given up. */
static uint64_t pending_due(const struct pending *p)
{
	return p->txn && p->retry_us < p->deadline_us ? p->retry_us : p->deadline_us;
}

/* All that fall due within SWEEP_US share a sweep; with nothing due there is none. */
static void sweep_by(struct cell *c, uint64_t due_us)
{
	uint64_t soonest = c->clock_us + SWEEP_US;
	if (due_us < soonest)
		due_us = soonest;
	if (due_us < c->next_sweep_us)
		c->next_sweep_us = due_us;
}

/* How long an answer to a transaction may take before it is asked for again. Inside a cell
 * nothing is lost on the way: it waits in a queue, which is only longer for it, so it is asked
 * for less and less. */
static uint64_t txn_patience_us(struct pending *p)
{
	unsigned doubled = p->asked;
	if (p->local && p->asked < TXN_DOUBLED_MAX)
		p->asked++;
	return (uint64_t)TXN_RETRY_US << doubled;
}

uint64_t pending_add(struct cell *c, struct pending *p)
{
	uint64_t id = ++c->next_id;
	struct key8 k = key8_of(id);
	p->local = lives_here(c, p->to);
	if (p->txn)
		p->retry_us = c->clock_us + txn_patience_us(p);
	if (!c->pendings.count)
		c->next_sweep_us = UINT64_MAX;
	sweep_by(c, pending_due(p));
	omap_put(&c->pendings, SPAN8(k), p);
	return id;
}

static void settle_actor(struct cell *c, struct pending *p, const struct reply *r)
{
	struct actor *a = actor_by_uid(c, p->actor_uid);
	if (!a)
		return;
	if (p->txn && r->status == 0 && span_is(mp_path_str(r->body, "status"), "ok") &&
	    mp_path_bool(r->body, "compared", false))
		effects_release(c, a, &p->after, &p->trace, NULL);
	struct item *i = item_new(p->txn ? ITEM_OUTCOME : ITEM_REPLY, r->from);
	i->tag = p->tag;
	i->status = r->status;
	i->trace = p->trace;
	/* A text may lie outside of the owner's bytes: keep a copy of it. */
	i->owner = r->status ? bytes_copy(r->text.data, r->text.len) : bytes_ref(r->owner);
	i->body = r->status ? bytes_span(i->owner)
			    : (struct span){r->body.p, (size_t)(r->body.end - r->body.p)};
	actor_queue(c, a, i);
}

/* The store did not say what became of it: it may have happened. Only the
 * store knows, by the request id, so the same transaction is asked again. */
static bool txn_unknown(const struct pending *p, const struct reply *r)
{
	return p->txn && (r->status == ERR_TIMEOUT || r->status == ERR_UNREACHABLE ||
			  r->status == ERR_CRASHED || r->status == ERR_CLOSED ||
			  r->status == ERR_OVERLOADED || r->status == ERR_STALE);
}

void pending_settle(struct cell *c, uint64_t correlation, const struct reply *r)
{
	struct key8 k = key8_of(correlation);
	struct pending *p = omap_get(&c->pendings, SPAN8(k));
	if (!p)
		return; /* late: the asker was told already */
	if (txn_unknown(p, r)) {
		unsigned doubled = p->refused < REFUSED_DOUBLED_MAX ? p->refused : REFUSED_DOUBLED_MAX;
		p->refused = r->status == ERR_OVERLOADED ? p->refused + 1 : 0;
		p->retry_us = c->ops.now_us(c->ops.arg) +
			      ((uint64_t)SWEEP_US << (r->status == ERR_OVERLOADED ? doubled : 0));
		sweep_by(c, p->retry_us);
		return;
	}
	omap_remove(&c->pendings, SPAN8(k));
	if (p->done)
		p->done(c, p->arg, p->tag, r);
	else
		settle_actor(c, p, r);
	pending_free(p);
}

void cell_request(struct cell *c, const char *to, uint16_t kind, struct buf *body,
		  uint32_t timeout_ms, uint64_t tag,
		  void (*done)(struct cell *, void *, uint64_t, const struct reply *), void *arg)
{
	struct pending *p = pending_new(c->self, to);
	p->tag = tag;
	p->deadline_us = c->ops.now_us(c->ops.arg) + (uint64_t)timeout_ms * 1000;
	p->kind = kind;
	p->done = done;
	p->arg = arg;
	uint64_t id = pending_add(c, p);
	struct bytes *b = bytes_take(body);
	struct trace none = {0};
	post(c, ENV_REQUEST, c->self, to, kind, id, timeout_ms, &none, b);
	bytes_unref(b);
}

static uint64_t id_of(const struct onode *n)
{
	struct span k = onode_key(n);
	uint64_t id = 0;
	for (size_t i = 0; i < 8; i++)
		id = id << 8 | k.data[i];
	return id;
}

static struct onode *pending_from(struct cell *c, uint64_t id)
{
	struct key8 k = key8_of(id);
	return omap_seek(&c->pendings, SPAN8(k));
}

void pendings_sweep(struct cell *c, uint64_t now_us)
{
	if (!c->pendings.count || now_us < c->next_sweep_us)
		return;
	c->next_sweep_us = UINT64_MAX;
	uint64_t last = c->next_id; /* what is added meanwhile waits for the next sweep */
	uint64_t at = 0;
	for (struct onode *n = omap_first(&c->pendings);; n = pending_from(c, at)) {
		/* While nothing is done about them the map stays as it is. */
		while (n && id_of(n) <= last && pending_due(n->value) > now_us) {
			sweep_by(c, pending_due(n->value));
			n = omap_next(n);
		}
		if (!n || id_of(n) > last)
			return;
		uint64_t id = id_of(n);
		struct pending *p = n->value;
		at = id + 1;
		if (p->txn && p->retry_us <= now_us) {
			p->retry_us = now_us + txn_patience_us(p);
			post(c, ENV_REQUEST, p->from, p->to, p->kind, id, 0, &p->trace, p->body);
		} else {
			struct reply r = {.status = ERR_TIMEOUT,
					  .text = span_of(err_text(ERR_TIMEOUT)),
					  .from = span_of(p->to)};
			pending_settle(c, id, &r);
			continue;
		}
		sweep_by(c, pending_due(p));
	}
}

void pendings_of_actor_drop(struct cell *c, uint64_t uid)
{
	struct onode *n = omap_first(&c->pendings);
	while (n) {
		struct onode *next = omap_next(n);
		struct pending *p = n->value;
		if (p->actor_uid == uid && uid)
			pending_free(omap_remove(&c->pendings, onode_key(n)));
		n = next;
	}
}

/* The session is gone, and with it perhaps the answers on their way. */
void pendings_link_lost(struct cell *c)
{
	uint64_t at = 0, last = c->next_id;
	for (;;) {
		struct key8 k = key8_of(at);
		struct onode *n = omap_seek(&c->pendings, SPAN8(k));
		if (!n || id_of(n) > last)
			return;
		struct pending *p = n->value;
		at = id_of(n) + 1;
		if (p->local)
			continue;
		struct reply r = {.status = ERR_UNREACHABLE,
				  .text = span_of("the session with the broker was lost"),
				  .from = span_of(p->to)};
		pending_settle(c, at - 1, &r);
	}
}

/* ---- from the broker */

static void on_envelope(struct cell *c, struct bytes *frame, bool trusted)
{
	struct envelope env;
	struct err e = {0};
	int rc = trusted ? env_decode_trusted(bytes_span(frame), &env, &e)
			 : env_decode(bytes_span(frame), &env, &e);
	if (rc || env.cluster != c->cfg.cluster) {
		log_warn(c->name, "a frame was dropped: %s", rc ? e.text : "another cluster's");
		return;
	}
	c->heard_us = c->clock_us;
	if (env.type != ENV_SYSTEM)
		link_took(c, bytes_span(frame).len);
	if (env.type == ENV_SYSTEM)
		link_on_system(c, &env);
	else
		deliver(c, &env, frame);
}

/* What waits in a mailbox or stays in a state must not keep the others of its
 * batch: each is copied out, which costs less than to count references. */
void cell_on_frame(struct cell *c, struct bytes *frame, bool trusted)
{
	struct batch_reader in;
	struct span raw;
	struct err e = {0};
	cell_clock(c);
	if (!batch_is(bytes_span(frame))) {
		on_envelope(c, frame, trusted);
		return;
	}
	if (batch_open(&in, bytes_span(frame), &e)) {
		log_warn(c->name, "a frame was dropped: %s", e.text);
		return;
	}
	while (batch_next(&in, &raw)) {
		struct bytes *one = bytes_part(frame, raw);
		on_envelope(c, one, trusted);
		bytes_unref(one);
	}
}

void cell_on_bus(struct cell *c, struct bytes *frame, bool trusted)
{
	struct span topic, rest;
	struct envelope env;
	struct err e = {0};
	if (env_split_topic(bytes_span(frame), &topic, &rest))
		return;
	int rc = trusted ? env_decode_trusted(rest, &env, &e) : env_decode(rest, &env, &e);
	if (rc) {
		log_warn(c->name, "a bus frame was dropped: %s", e.text);
		return;
	}
	cell_clock(c);
	views_on_bus_body(c, topic, env.kind, mp_of(env.body), frame);
}
