/* One turn of an actor.
 *
 *   queued item ──► handler ──► 0: effects released (effects.c)
 *                           └─► error or broken invariant: nothing is released,
 *                               state dropped, request answered CRASHED, restart */
#include <stdio.h>
#include <string.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"

enum { EFFECTS_KEPT = 64 }; /* places for effects that a cell keeps between turns */

static int turn_msg(struct ctx *x)
{
	struct item *i = x->item;
	struct actor *a = x->actor;
	const struct actor_handler *h = a->spec->handlers;
	while (h && h->message && strcmp(h->message, i->row->name) != 0)
		h++;
	struct msg m = {
		.row = i->row,
		.from = span_of(i->from),
		.request = i->request,
		.body = mp_of(i->body),
		.owner = i->owner,
		.trace = i->trace,
		.attempt = i->attempt,
	};
	if (h && h->message)
		return h->on(x, a->state, &m);
	if (i->row->number == MSG_ACTOR_INSPECT && i->request) {
		struct buf out = {0};
		mpw_map(&out, 1);
		mpw_str(&out, "state");
		if (a->spec->inspect)
			a->spec->inspect(a->state, &out);
		else
			mpw_map(&out, 0);
		ctx_reply(x, &out);
		return 0;
	}
	if (i->request)
		ctx_reply_error(x, ERR_UNSUPPORTED, "%s does not take %s", a->name, i->row->name);
	return 0;
}

static int turn_reply(struct ctx *x)
{
	struct item *i = x->item;
	if (!x->actor->spec->on_reply)
		return 0;
	struct reply r = {.status = i->status, .from = span_of(i->from), .owner = i->owner};
	if (i->status)
		r.text = i->body;
	else
		r.body = mp_of(i->body);
	return x->actor->spec->on_reply(x, x->actor->state, i->tag, &r);
}

static int read_rows(struct ctx *x, struct mp *m, struct store_outcome *o)
{
	size_t n;
	if (o->rows || mp_array(m, &n))
		return ERR_INVALID;
	struct store_row *list = arena_alloc(&x->cell->arena, n * sizeof *list + 1);
	o->rows = list;
	for (; o->row_count < n; o->row_count++) {
		struct store_row *r = &list[o->row_count];
		size_t places;
		struct span value;
		if (mp_array(m, &places) || places != 5 || mp_str(m, &r->key) || mp_raw(m, &value) ||
		    mp_u64(m, &r->create_version) || mp_u64(m, &r->mod_version) ||
		    mp_u64(m, &r->changes))
			return ERR_INVALID;
		if (value.len > 1 || (value.len == 1 && value.data[0] != 0xc0))
			r->value = bytes_slice(x->item->owner, value);
	}
	return 0;
}

static int read_status(struct mp *m, int *status)
{
	struct span word;
	char name[64];
	if (mp_str(m, &word))
		return ERR_INVALID;
	snprintf(name, sizeof name, "%.*s", (int)word.len, word.data);
	*status = span_is(word, "ok") ? 0 : err_by_name(name);
	return 0;
}

static int read_text(struct mp *m, struct store_outcome *o)
{
	struct span text;
	if (mp_str(m, &text))
		return ERR_INVALID;
	size_t n = text.len < sizeof o->text ? text.len : sizeof o->text - 1;
	memcpy(o->text, text.data, n);
	o->text[n] = 0;
	return 0;
}

/* In one pass, whatever the order: the rows are large. */
static int read_outcome(struct ctx *x, struct mp m, struct store_outcome *o)
{
	size_t n;
	o->status = ERR_INVALID; /* until it says */
	if (mp_map(&m, &n))
		return ERR_INVALID;
	for (; n > 0; n--) {
		struct span key;
		int rc = mp_str(&m, &key);
		if (rc)
			return rc;
		if (span_is(key, "rows"))
			rc = read_rows(x, &m, o);
		else if (span_is(key, "status"))
			rc = read_status(&m, &o->status);
		else if (span_is(key, "compared"))
			rc = mp_bool(&m, &o->compared);
		else if (span_is(key, "revision"))
			rc = mp_u64(&m, &o->revision);
		else if (span_is(key, "text"))
			rc = read_text(&m, o);
		else
			rc = mp_skip(&m);
		if (rc)
			return rc;
	}
	return o->rows ? 0 : ERR_INVALID;
}

static int turn_outcome(struct ctx *x)
{
	struct item *i = x->item;
	struct actor *a = x->actor;
	if (!a->spec->on_outcome)
		return 0;
	struct store_outcome o = {.ticket = i->tag, .status = i->status};
	int rc = 0;
	if (i->status)
		snprintf(o.text, sizeof o.text, "%.*s", (int)i->body.len, i->body.data);
	else
		rc = read_outcome(x, mp_of(i->body), &o);
	if (!rc)
		rc = a->spec->on_outcome(x, a->state, i->tag, &o);
	for (size_t k = 0; k < o.row_count; k++)
		bytes_unref(o.rows[k].value);
	return rc;
}

static int turn_view(struct ctx *x)
{
	struct item *i = x->item;
	struct view_change v = {
		.view = i->view,
		.key = {(const uint8_t *)i->key, i->key_len},
		.was = i->was,
		.now = i->now,
		.version = i->version,
	};
	return x->actor->spec->on_view ? x->actor->spec->on_view(x, x->actor->state, &v) : 0;
}

static int turn_dispatch(struct ctx *x)
{
	const struct actor_spec *s = x->actor->spec;
	void *st = x->actor->state;
	switch (x->item->type) {
	case ITEM_INIT:
		return s->init ? s->init(x, st, mp_of_bytes(x->actor->cfg)) : 0;
	case ITEM_MSG:
		return turn_msg(x);
	case ITEM_REPLY:
		return turn_reply(x);
	case ITEM_OUTCOME:
		return turn_outcome(x);
	case ITEM_TIMER:
		return s->on_timer ? s->on_timer(x, st, x->item->tag) : 0;
	case ITEM_VIEW:
		return turn_view(x);
	case ITEM_PORT:
		return s->on_port ? s->on_port(x, st, &x->item->port) : 0;
	case ITEM_DOWN:
		return s->on_down ? s->on_down(x, st, span_of(x->item->from), x->item->status) : 0;
	case ITEM_STOP:
		return s->stop ? s->stop(x, st) : 0;
	}
	return 0;
}

const char *cell_item_name(unsigned item)
{
	static const char *const names[] = {"init", "message", "reply", "outcome", "timer",
					    "view", "port",    "down",	"stop"};
	return item < sizeof names / sizeof *names ? names[item] : "?";
}

const char *item_kind(const struct item *i)
{
	return i->type == ITEM_MSG ? i->row->name : cell_item_name(i->type);
}

static int turn_check(struct ctx *x)
{
	const struct actor_spec *s = x->actor->spec;
	struct err why = {0};
	if (!x->cell->cfg.check || !s->check || s->check(x->actor->state, &why) == 0)
		return 0;
	x->fault = why;
	return ERR_INVALID;
}

static void turn_release_txn(struct ctx *x)
{
	struct cell *c = x->cell;
	struct pending *p = pending_new(x->actor->name, "store");
	p->actor_uid = x->actor->uid;
	p->tag = x->txn_tag;
	p->deadline_us = UINT64_MAX;
	p->txn = true;
	p->kind = MSG_STORE_TXN;
	p->body = bytes_ref(x->txn);
	p->trace = x->txn_trace;
	/* What waits for the commit moves to the request that brings it. */
	for (size_t i = 0; i < x->effects.count; i++) {
		struct effect *f = &x->effects.list[i];
		if (!(f->flags & SEND_AFTER_COMMIT))
			continue;
		*effect_add(&p->after) = *f;
		memset(f, 0, sizeof *f);
		f->type = FX_CANCEL; /* of no timer: nothing */
	}
	uint64_t id = pending_add(c, p);
	post(c, ENV_REQUEST, x->actor->name, "store", MSG_STORE_TXN, id, 0, &x->txn_trace,
	     x->txn);
}

/* A send whose turn released nothing is as good as not delivered: it comes
 * again when its receiver does, until it is poison. Others were answered. */
static bool comes_again(struct cell *c, const struct actor *a, const struct item *i)
{
	if (i->type != ITEM_MSG || i->request)
		return false;
	bool poison = i->attempt >= CRASHES_MAX;
	bool gone = a->restart == RESTART_TEMPORARY || c->ending;
	if (poison || gone)
		letter_of_item(c, a, i, poison ? DEAD_POISON : DEAD_CRASHED);
	return !poison && !gone;
}

/* Takes the item. */
static void turn_failed(struct ctx *x, int rc)
{
	struct cell *c = x->cell;
	struct actor *a = x->actor;
	struct item *i = x->item;
	char why[600];
	snprintf(why, sizeof why, "%s%s%s", x->fault.text[0] ? x->fault.text : err_text(rc),
		 rc < 0 ? " / " : "", rc < 0 ? err_name(rc) : "");
	bool hopeless = i->type == ITEM_INIT && (rc == ERR_CORRUPT || rc == ERR_UNSUPPORTED);
	struct crash crash = {.why = why, .item = i, .hopeless = hopeless};
	if (i->type == ITEM_STOP) {
		report_crash(c, a, &crash);
		actor_stopped(c, a, ERR_CRASHED);
		item_free(i);
		return;
	}
	if (i->type == ITEM_MSG) {
		turn_record_crashed(c->record, a->name, i->id);
		i->attempt++;
	}
	if (i->type == ITEM_MSG && i->request)
		post_error(c, a->name, i->from, i->correlation, ERR_CRASHED, why, &i->trace);
	bool again = comes_again(c, a, i);
	actor_fail(c, a, &crash); /* and is gone, unless it comes again */
	if (again)
		actor_queue_first(c, a, i);
	else
		item_free(i);
}

/* Its asker was told that it took too long: nobody would hear the answer, and
 * what it asks for may have been asked of somebody else. */
static bool expired(struct cell *c, const struct actor *a, const struct item *i, uint64_t now_us)
{
	if (!i->deadline_us || now_us < i->deadline_us)
		return false;
	letter_of_item(c, a, i, DEAD_EXPIRED);
	return true;
}

static bool waits_for_nothing(const struct ctx *x)
{
	for (size_t i = 0; i < x->effects.count && !x->txn; i++)
		if (x->effects.list[i].flags & SEND_AFTER_COMMIT)
			return true;
	return false;
}

static int turn_result(struct ctx *x)
{
	const struct item *i = x->item;
	int rc = turn_dispatch(x);
	if (rc == 0 && x->failed)
		rc = ERR_INVALID;
	if (rc == 0 && i->type == ITEM_MSG && i->request && !x->answered) {
		err_set(&x->fault, ERR_INVALID, "the handler neither replied nor parked");
		rc = ERR_INVALID;
	}
	if (rc == 0 && waits_for_nothing(x)) {
		err_set(&x->fault, ERR_INVALID, "an effect after a commit, and no transaction");
		rc = ERR_INVALID;
	}
	return rc ? rc : turn_check(x);
}

static void turn_succeeded(struct ctx *x)
{
	struct cell *c = x->cell;
	struct item *i = x->item;
	if (i->type == ITEM_INIT)
		x->actor->begun = true;
	if (i->attempt)
		turn_record_forgive(c->record, x->actor->name, i->id);
	if (x->txn)
		turn_release_txn(x);
	effects_release(c, x->actor, &x->effects, &x->trace, i);
	if (i->command)
		command_done(c, i, 0);
	if (i->type == ITEM_STOP)
		actor_stopped(c, x->actor, ERR_CLOSED);
	item_free(i);
}

static void turn_tap(const struct ctx *x, unsigned event)
{
	if (!x->cell->ops.tap)
		return;
	const struct item *i = x->item;
	struct tap_record r = {
		.event = event,
		.kind = i->type == ITEM_MSG ? i->row->number : 0,
		.from = span_of(i->from),
		.to = span_of(x->actor->name),
		.trace = x->trace,
		.item = i->type,
		.attempt = i->attempt,
		.correlation = i->correlation,
		.wait_us = x->now_us - i->queued_us,
		.turn_us = x->cell->clock_us - x->now_us,
	};
	cell_tap(x->cell, &r);
}

/* One look at the clock ends this turn and begins the next one. */
static void turn_count(const struct ctx *x)
{
	struct actor_stats *s = &x->actor->stats;
	uint64_t end = cell_clock(x->cell);
	histogram_add(&s->wait, x->now_us - x->item->queued_us);
	histogram_add(&s->turn, end - x->now_us);
}

void turn_run(struct cell *c, struct actor *a, struct item *i)
{
	struct ctx x = {
		.cell = c,
		.actor = a,
		.item = i,
		.now_us = c->clock_us,
		.trace = i->trace,
		.effects = c->spare,
	};
	if (expired(c, a, i, x.now_us)) {
		item_free(i);
		return;
	}
	c->spare = (struct effects){0};
	a->turns++;
	c->turns++;
	turn_record_begin(c->record, a->name, item_kind(i), i->id, i->attempt, x.now_us);
	turn_tap(&x, TAP_TURN_BEGINS);
	int rc = turn_result(&x);
	turn_count(&x);
	outbox_flush_old(c);
	turn_tap(&x, RING_TURN);
	if (rc)
		turn_failed(&x, rc);
	else
		turn_succeeded(&x);
	turn_record_end(c->record);
	effects_clear(&x.effects);
	if (x.effects.cap <= EFFECTS_KEPT)
		c->spare = x.effects;
	else
		effects_free(&x.effects);
	bytes_unref(x.txn);
	arena_reset(&c->arena);
}
