/* The outbox: what leaves this cell for the broker, in order.
 *
 *   outbox_send ──► batch ──(end of the pass, full, or old)──► the socket
 *         └──► queue: while there is no session, or batch and socket are full;
 *              when that is full too, what comes is refused
 *
 * Everything that a pass of the loop sends leaves as one frame (batch.h), if
 * the broker takes those; a message that is alone is a frame like any other. What was put
 * into a batch is on its way: it goes down with the session. */
#include <stdlib.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"

/* Whoever gets it may begin while other turns go on here; and after a long turn
 * nobody has waited for those behind it. */
enum { GATHER_US = 30 };

/* ---- the batch */

/* False: the socket is full. */
static bool send_gathered(struct cell *c)
{
	for (;;) {
		if (!c->unsent)
			c->unsent = batch_take(&c->batch);
		if (!c->unsent)
			return true;
		if (c->ops.send(c->ops.arg, c->unsent) == ERR_OVERLOADED)
			return false;
		bytes_unref(c->unsent);
		c->unsent = NULL;
	}
}

/* Whether so many bytes go into the batch, for which it may have to leave first. */
static bool make_room(struct cell *c, size_t bytes)
{
	if (!batch_has_room(&c->batch, bytes) && !send_gathered(c))
		return false;
	if (!c->batch.count)
		c->batch_since_us = c->clock_us;
	return true;
}

static int send_alone(struct cell *c, struct bytes *frame)
{
	return send_gathered(c) ? c->ops.send(c->ops.arg, frame) : ERR_OVERLOADED;
}

int outbox_put(struct cell *c, struct envelope *env)
{
	size_t most = env_bytes_max(env);
	env->cluster = c->cfg.cluster;
	env->hops = ENV_HOPS;
	env->epoch = c->epoch;
	if (batch_takes(&c->batch, most)) {
		if (!make_room(c, most))
			return ERR_OVERLOADED;
		batch_add_envelope(&c->batch, env);
		return 0;
	}
	struct buf out = {0};
	env_encode(&out, env);
	struct bytes *frame = bytes_take(&out);
	int rc = send_alone(c, frame);
	bytes_unref(frame);
	return rc;
}

/* When they cannot go now, followers fetch what the frames were about. */
bool outbox_publish(struct cell *c, struct bytes *frame)
{
	struct span raw = bytes_span(frame);
	if (c->link != LINK_UP || c->stopping)
		return false;
	if (!batch_takes(&c->batch, raw.len))
		return send_alone(c, frame) == 0;
	if (!make_room(c, raw.len))
		return false;
	batch_add(&c->batch, raw);
	return true;
}

void outbox_welcome(struct cell *c, int64_t batch_bytes)
{
	c->batch.limit = batch_bytes > 0 ? (size_t)batch_bytes : 0;
}

void outbox_lost(struct cell *c)
{
	batch_fini(&c->batch);
	c->batch.limit = 0;
	bytes_unref(c->unsent);
	c->unsent = NULL;
}

/* ---- the queue */

/* A message that waits. */
struct out_msg {
	struct out_msg *next;
	struct envelope env; /* its names and body are ours */
	char *to, *from;
	struct bytes *body;
};

static struct out_msg *out_new(const struct envelope *env, struct bytes *owner)
{
	struct out_msg *m = mem_alloc(sizeof *m);
	m->env = *env;
	m->to = mem_ndup(env->to.data, env->to.len);
	m->from = mem_ndup(env->from.data, env->from.len);
	m->body = bytes_slice(owner, env->body);
	m->env.to = span_of(m->to);
	m->env.from = span_of(m->from);
	m->env.body = bytes_span(m->body);
	return m;
}

static void out_free(struct out_msg *m)
{
	bytes_unref(m->body);
	free(m->to);
	free(m->from);
	free(m);
}

/* Commands and their acknowledgements come again: not lost yet. */
static bool is_repeated(const struct envelope *env)
{
	return env->flags & ENV_COMMAND || env->kind == MSG_COMMAND_ACK;
}

static void refuse(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	c->dead++;
	tap_message(c, RING_DEAD, env, ERR_OVERLOADED);
	if (env->type == ENV_REQUEST) {
		char sender[ENV_NAME_BYTES_MAX + 1], receiver[ENV_NAME_BYTES_MAX + 1];
		span_text(sender, sizeof sender, env->from);
		span_text(receiver, sizeof receiver, env->to);
		post_error(c, receiver, sender, env->correlation, ERR_OVERLOADED,
			   "this cell's queue to the broker is full", &env->trace);
	} else if (env->type == ENV_SEND && !is_repeated(env)) {
		letter_add(c, DEAD_FULL, env, owner);
	}
}

void outbox_send(struct cell *c, const struct envelope *env, struct bytes *owner)
{
	struct envelope e = *env;
	if (!e.incarnation)
		e.incarnation = c->incarnation;
	if (!e.sequence)
		e.sequence = ++c->sequence;
	if (c->link == LINK_UP && !c->out_first && outbox_put(c, &e) == 0)
		return;
	if (c->out_count >= CELL_OUTBOX_ITEMS_MAX) {
		refuse(c, &e, owner);
		return;
	}
	struct out_msg *m = out_new(&e, owner);
	if (c->out_last)
		c->out_last->next = m;
	else
		c->out_first = m;
	c->out_last = m;
	c->out_count++;
}

static void drop_first(struct cell *c)
{
	struct out_msg *m = c->out_first;
	c->out_first = m->next;
	if (!c->out_first)
		c->out_last = NULL;
	c->out_count--;
	out_free(m);
}

void outbox_flush(struct cell *c)
{
	if (c->link != LINK_UP)
		return;
	while (c->out_first && outbox_put(c, &c->out_first->env) != ERR_OVERLOADED)
		drop_first(c);
	(void)send_gathered(c);
}

void outbox_flush_old(struct cell *c)
{
	if (c->batch.count && c->clock_us - c->batch_since_us > GATHER_US)
		(void)send_gathered(c);
}

bool outbox_waits(const struct cell *c)
{
	return c->out_first || c->batch.count || c->unsent;
}

void outbox_free(struct cell *c)
{
	outbox_lost(c);
	while (c->out_first)
		drop_first(c);
}
