/* Events on their way to the store.
 *
 *   events.c ──► queue ──► transaction of several
 *                  ▲            │
 *                  └── refused ─┘ each alone
 *
 * Of one principal one transaction is under way at a time, and what comes meanwhile
 * goes together in the next: events are half of what is written when many pods are
 * made, and nobody waits for one. */
#include <string.h>

#include "actors/gate/gate_private.h"

enum { LOOKS_MAX = 64 /* in the queue, for others of the same principal */ };

static void queue(struct event_queue *e, struct job *j)
{
	if (!e->last)
		e->last = &e->first;
	*e->last = j;
	e->last = &j->next;
}

static struct job *unqueue(struct event_queue *e, struct job **at)
{
	struct job *j = *at;
	*at = j->next;
	if (e->last == &j->next)
		e->last = at;
	j->next = NULL;
	return j;
}

static bool same_principal(const struct job *a, const struct job *b)
{
	return span_eq(a->writing.request.origin.principal, b->writing.request.origin.principal);
}

/* Whether some that are under way are the same principal's. */
static bool is_busy(const struct event_queue *e, const struct job *j)
{
	for (size_t i = 0; i < EVENT_FLIGHTS_MAX; i++)
		if (e->flights[i].count && same_principal(e->flights[i].sent[0], j))
			return true;
	return false;
}

static bool has_key(const struct event_flight *f, struct span key)
{
	for (size_t i = 0; i < f->count; i++)
		if (span_eq(f->sent[i]->writing.plan.compares[0].key, key))
			return true;
	return false;
}

/* A transaction has one principal and changes a key once; of a quota there is one
 * figure. */
static bool may_join(const struct event_flight *f, const struct job *j)
{
	const struct obj_plan *p = &j->writing.plan;
	return !p->charged && !has_key(f, p->compares[0].key) &&
	       f->compares + p->txn.compare_count <= STORE_OPS_MAX &&
	       f->ops + p->txn.then_count <= STORE_OPS_MAX;
}

/* Takes from the queue what one transaction can have. */
static void gather(struct ctx *c, struct gate *g, struct event_flight *f)
{
	struct event_queue *e = &g->event_queue;
	size_t looks = 0;
	struct job **at = &e->first;
	f->compares = f->ops = 0;
	while (*at && f->count < EVENTS_TOGETHER_MAX && looks++ < LOOKS_MAX) {
		struct job *j = *at;
		if (f->count ? !same_principal(j, f->sent[0]) : is_busy(e, j)) {
			at = &j->next;
			continue;
		}
		if (f->count && (j->alone || f->sent[0]->alone))
			break;
		j->writing.arena.block = 0; /* it waits no longer */
		if (writing_plan(&j->writing)) {
			gate_job_answer(c, g, unqueue(e, at));
			continue;
		}
		if (f->count && !may_join(f, j))
			break;
		f->compares += j->writing.plan.txn.compare_count;
		f->ops += j->writing.plan.txn.then_count;
		f->sent[f->count++] = unqueue(e, at);
		if (j->writing.plan.charged)
			break;
	}
}

/* What was gathered, as one. */
static void send(struct ctx *c, struct gate *g, struct event_flight *f)
{
	struct job *first = f->sent[0];
	struct store_txn t = first->writing.plan.txn;
	struct arena *a = &first->writing.arena;
	struct store_compare *compares = arena_alloc(a, f->compares * sizeof *compares);
	struct store_op *ops = arena_alloc(a, f->ops * sizeof *ops);
	t.compare_count = t.then_count = 0;
	for (size_t i = 0; i < f->count; i++) {
		const struct store_txn *one = &f->sent[i]->writing.plan.txn;
		memcpy(compares + t.compare_count, one->compares,
		       one->compare_count * sizeof *compares);
		memcpy(ops + t.then_count, one->then_ops, one->then_count * sizeof *ops);
		t.compare_count += one->compare_count;
		t.then_count += one->then_count;
	}
	t.compares = compares;
	t.then_ops = ops;
	if (f->count > 1)
		t.else_count = 0; /* if it is refused, each asks for itself */
	f->tag = ++g->next_tag;
	g->event_queue.transactions++;
	ctx_resume(c, &first->trace);
	ctx_txn(c, &t, f->tag);
}

/* One more transaction, if there is room and something to write: a turn has one. */
static void pump(struct ctx *c, struct gate *g)
{
	struct event_queue *e = &g->event_queue;
	for (size_t i = 0; i < EVENT_FLIGHTS_MAX; i++) {
		struct event_flight *f = &e->flights[i];
		if (f->count)
			continue;
		gather(c, g, f);
		if (f->count)
			send(c, g, f);
		return;
	}
}

/* Refused together: one of them must be at fault. */
static void part(struct event_queue *e, struct event_flight *f)
{
	while (f->count > 0) {
		struct job *j = f->sent[--f->count];
		j->alone = true;
		j->next = e->first;
		e->first = j;
		if (!j->next)
			e->last = &j->next;
	}
}

static void share_out(struct ctx *c, struct gate *g, struct event_flight *f,
		      const struct store_outcome *o)
{
	size_t at = 0, n = f->count;
	f->count = 0;
	for (size_t i = 0; i < n; i++) {
		struct job *j = f->sent[i];
		struct store_outcome own = *o;
		own.row_count = j->writing.plan.txn.then_count;
		own.rows = o->rows + at;
		at += own.row_count;
		objects_answer(&j->writing.plan, &own);
		gate_job_answer(c, g, j);
	}
}

static size_t rows_due(const struct event_flight *f)
{
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++)
		n += f->sent[i]->writing.plan.txn.then_count;
	return n;
}

void event_queue_again(struct gate *g, struct job *j)
{
	j->alone = true;
	queue(&g->event_queue, j);
}

void event_queue_add(struct ctx *c, struct gate *g, struct job *j)
{
	j->trace = ctx_trace(c);
	j->event = true;
	queue(&g->event_queue, j);
	pump(c, g);
}

bool event_queue_outcome(struct ctx *c, struct gate *g, uint64_t tag, const struct store_outcome *o)
{
	struct event_queue *e = &g->event_queue;
	struct event_flight *f = e->flights, *end = e->flights + EVENT_FLIGHTS_MAX;
	while (f < end && !(f->count && f->tag == tag))
		f++;
	if (f == end)
		return false;
	if (f->count == 1) {
		if (!writing_outcome(c, &f->sent[0]->writing, o, tag))
			return true; /* once more, with what it has learnt */
		f->count = 0;
		gate_job_answer(c, g, f->sent[0]);
	} else if (o->status == 0 && o->compared && o->row_count == rows_due(f)) {
		share_out(c, g, f, o);
	} else {
		part(e, f);
	}
	pump(c, g);
	return true;
}
