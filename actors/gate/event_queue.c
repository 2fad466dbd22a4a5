/* Events on their way to the store.
 *
 *   events.c ──► queue ──► transaction of several
 *                  ▲            │
 *                  └── refused ─┘ each alone
 *
 * One transaction is under way at a time, and what comes meanwhile goes together
 * in the next: events are half of what is written when many pods are made, and
 * nobody waits for one. */
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

static bool has_key(const struct event_queue *e, struct span key)
{
	for (size_t i = 0; i < e->sent_count; i++)
		if (span_eq(e->sent[i]->writing.plan.compares[0].key, key))
			return true;
	return false;
}

/* A transaction has one principal and changes a key once; of a quota there is one
 * figure. */
static bool may_join(const struct event_queue *e, const struct job *j, size_t compares, size_t ops)
{
	const struct obj_plan *p = &j->writing.plan;
	return !p->charged && !has_key(e, p->compares[0].key) &&
	       compares + p->txn.compare_count <= STORE_OPS_MAX &&
	       ops + p->txn.then_count <= STORE_OPS_MAX;
}

/* Takes from the queue what one transaction can have. */
static void gather(struct ctx *c, struct gate *g)
{
	struct event_queue *e = &g->event_queue;
	size_t compares = 0, ops = 0, looks = 0;
	struct job **at = &e->first;
	while (*at && e->sent_count < EVENTS_TOGETHER_MAX && looks++ < LOOKS_MAX) {
		struct job *j = *at;
		if (e->sent_count && (j->alone || e->sent[0]->alone))
			break;
		if (e->sent_count && !same_principal(j, e->sent[0])) {
			at = &j->next;
			continue;
		}
		if (writing_plan(&j->writing)) {
			gate_job_answer(c, g, unqueue(e, at));
			continue;
		}
		if (e->sent_count && !may_join(e, j, compares, ops))
			break;
		compares += j->writing.plan.txn.compare_count;
		ops += j->writing.plan.txn.then_count;
		e->sent[e->sent_count++] = unqueue(e, at);
		if (j->writing.plan.charged)
			break;
	}
}

/* What was gathered, as one. */
static void send(struct ctx *c, struct gate *g)
{
	struct event_queue *e = &g->event_queue;
	struct job *first = e->sent[0];
	struct store_txn t = first->writing.plan.txn;
	struct arena *a = &first->writing.arena;
	struct store_compare *compares = arena_alloc(a, STORE_OPS_MAX * sizeof *compares);
	struct store_op *ops = arena_alloc(a, STORE_OPS_MAX * sizeof *ops);
	t.compare_count = t.then_count = 0;
	for (size_t i = 0; i < e->sent_count; i++) {
		const struct store_txn *one = &e->sent[i]->writing.plan.txn;
		memcpy(compares + t.compare_count, one->compares,
		       one->compare_count * sizeof *compares);
		memcpy(ops + t.then_count, one->then_ops, one->then_count * sizeof *ops);
		t.compare_count += one->compare_count;
		t.then_count += one->then_count;
	}
	t.compares = compares;
	t.then_ops = ops;
	if (e->sent_count > 1)
		t.else_count = 0; /* if it is refused, each asks for itself */
	e->tag = ++g->next_tag;
	e->transactions++;
	ctx_resume(c, &first->trace);
	ctx_txn(c, &t, e->tag);
}

static void pump(struct ctx *c, struct gate *g)
{
	struct event_queue *e = &g->event_queue;
	if (e->sent_count)
		return;
	gather(c, g);
	if (e->sent_count)
		send(c, g);
}

/* Refused together: one of them must be at fault. */
static void part(struct event_queue *e)
{
	for (size_t i = e->sent_count; i-- > 0;) {
		struct job *j = e->sent[i];
		j->alone = true;
		j->next = e->first;
		e->first = j;
		if (!j->next)
			e->last = &j->next;
	}
	e->sent_count = 0;
}

static void share_out(struct ctx *c, struct gate *g, const struct store_outcome *o)
{
	struct event_queue *e = &g->event_queue;
	size_t at = 0, n = e->sent_count;
	e->sent_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct job *j = e->sent[i];
		struct store_outcome own = *o;
		own.row_count = j->writing.plan.txn.then_count;
		own.rows = o->rows + at;
		at += own.row_count;
		objects_answer(&j->writing.plan, &own);
		gate_job_answer(c, g, j);
	}
}

static size_t rows_due(const struct event_queue *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->sent_count; i++)
		n += e->sent[i]->writing.plan.txn.then_count;
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
	if (!e->sent_count || tag != e->tag)
		return false;
	if (e->sent_count == 1) {
		if (!writing_outcome(c, &e->sent[0]->writing, o, tag))
			return true; /* once more, with what it has learnt */
		e->sent_count = 0;
		gate_job_answer(c, g, e->sent[0]);
	} else if (o->status == 0 && o->compared && o->row_count == rows_due(e)) {
		share_out(c, g, o);
	} else {
		part(e);
	}
	pump(c, g);
	return true;
}
