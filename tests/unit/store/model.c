/* Random transactions against a model that is too simple to be wrong: an
 * array of keys and a list of events. Reopened, and on the memory journal cut
 * off, at random; limits so small that checkpoint, compaction and trimming
 * run all the time. A seed is a history; a failure names its seed. */
#define SUITE_MEMORY store_model_on_memory
#define SUITE_LMDB store_model_on_lmdb
#include "tests/lib/store_rig.h"

enum { KEYS = 24, SOFT_FROM = 20, VALUE = 48, EVENTS = 8192, WAITING = 64, OPS_AT_ONCE = 4 };

struct model_row {
	bool there;
	char value[VALUE], part[4];
	uint64_t create, mod, changes;
};

struct model_event {
	int key;
	struct model_row row, was;
	uint64_t mod;
};

struct model {
	struct model_row rows[KEYS];
	uint64_t revision;
	size_t event_count; /* of the world's list */
};

struct expected {
	uint64_t ticket;
	int status;
	bool compared, changed;
	uint64_t revision;
	size_t rows;
	struct model_row row[OPS_AT_ONCE];
	struct model after;
};

struct world {
	uint64_t seed;
	uint32_t random;
	struct rig *rig;
	struct model model;
	struct model_event events[EVENTS];
	struct expected waiting[WAITING];
	size_t waiting_count;
	size_t seen_events; /* of the rig's, already compared */
	int serial;
};

#define agree(w, cond, ...) need(cond, "seed %llu", (unsigned long long)(w)->seed)

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random % below;
}

static const char *key_name(int key)
{
	static const char *const names[KEYS] = {
		"pods/a",  "pods/b",  "pods/c",  "pods/d",  "pods/e",   "pods/f",
		"pods/g",  "pods/h",  "pods/ab", "pods/a/", "jobs/a",   "jobs/b",
		"jobs/c",  "jobs/d",  "jobs/e",  "sets/a",  "sets/b",   "sets/c",
		"sets/d",  "sets/e",  "beats/a", "beats/b", "beats/c",  "beats/d",
	};
	return names[key];
}

/* ---- a random transaction, in the model's words and in the store's */

struct model_op {
	enum store_verb verb;
	int key;
	char value[VALUE], part[4];
};

struct model_txn {
	struct store_compare compares[2];
	int compare_keys[2];
	char compare_values[2][VALUE];
	size_t compare_count;
	struct model_op then_ops[OPS_AT_ONCE], else_ops[OPS_AT_ONCE];
	size_t then_count, else_count;
};

static size_t draw_ops(struct world *w, struct model_op *ops, bool soft)
{
	size_t n = 1 + draw(w, OPS_AT_ONCE);
	uint32_t used = 0;
	size_t made = 0;
	for (size_t i = 0; i < n; i++) {
		int key = soft ? SOFT_FROM + (int)draw(w, KEYS - SOFT_FROM)
			       : (int)draw(w, SOFT_FROM);
		if (used & 1u << key)
			continue;
		used |= 1u << key;
		struct model_op *op = &ops[made++];
		op->verb = (enum store_verb)(draw(w, 8) < 5 ? STORE_PUT : 1 + draw(w, 2));
		op->key = key;
		snprintf(op->value, sizeof op->value, "%d %.*s", w->serial++, (int)draw(w, 30),
			 "..............................");
		snprintf(op->part, sizeof op->part, "%s", draw(w, 2) ? "n1" : draw(w, 2) ? "n2" : "");
	}
	return made;
}

static void draw_compare(struct world *w, struct model_txn *t)
{
	int key = (int)draw(w, KEYS);
	const struct model_row *r = &w->model.rows[key];
	struct store_compare *c = &t->compares[t->compare_count];
	bool lie = draw(w, 4) == 0;
	*c = (struct store_compare){.key = span_of(key_name(key))};
	c->field = (enum store_field)draw(w, 5);
	c->number = c->field == STORE_MOD       ? r->mod
		    : c->field == STORE_CREATE  ? r->create
		    : c->field == STORE_CHANGES ? r->changes
						: r->there;
	c->number += lie;
	char *value = t->compare_values[t->compare_count]; /* the model moves on */
	snprintf(value, VALUE, "%s", lie || !r->there ? "another" : r->value);
	c->value = span_of(value);
	t->compare_keys[t->compare_count++] = key;
}

static void draw_txn(struct world *w, struct model_txn *t, bool may_be_soft)
{
	memset(t, 0, sizeof *t);
	bool soft = may_be_soft && draw(w, 5) == 0;
	for (uint32_t n = draw(w, 3); n; n--)
		draw_compare(w, t);
	t->then_count = draw_ops(w, t->then_ops, soft);
	if (draw(w, 2))
		t->else_count = draw_ops(w, t->else_ops, soft);
}

static bool model_holds(const struct model *m, const struct model_txn *t, size_t i)
{
	const struct store_compare *c = &t->compares[i];
	const struct model_row *r = &m->rows[t->compare_keys[i]];
	switch (c->field) {
	case STORE_MOD:
		return r->mod == c->number;
	case STORE_CREATE:
		return r->create == c->number;
	case STORE_CHANGES:
		return r->changes == c->number;
	case STORE_EXISTS:
		return r->there == c->number;
	default:
		return r->there && span_is(c->value, r->value);
	}
}

static void model_change(struct world *w, const struct model_op *op, unsigned position)
{
	struct model *m = &w->model;
	struct model_row *r = &m->rows[op->key];
	agree(w, m->event_count < EVENTS);
	struct model_event *e = &w->events[m->event_count++];
	*e = (struct model_event){.key = op->key, .was = *r};
	e->mod = store_version(m->revision, position);
	if (op->verb == STORE_DELETE) {
		*r = (struct model_row){0};
		return;
	}
	if (!r->there)
		r->create = e->mod;
	r->there = true;
	r->mod = e->mod;
	r->changes++;
	memcpy(r->value, op->value, sizeof r->value);
	memcpy(r->part, op->part, sizeof r->part);
	e->row = *r;
}

static void model_run(struct world *w, const struct model_txn *t, struct expected *x)
{
	struct model *m = &w->model;
	memset(x, 0, sizeof *x);
	x->compared = true;
	for (size_t i = 0; i < t->compare_count; i++)
		x->compared &= model_holds(m, t, i);
	if (!x->compared && t->else_count == 0) {
		x->status = ERR_CONFLICT;
		for (size_t i = 0; i < t->compare_count; i++)
			x->row[x->rows++] = m->rows[t->compare_keys[i]];
		return;
	}
	const struct model_op *ops = x->compared ? t->then_ops : t->else_ops;
	size_t count = x->compared ? t->then_count : t->else_count;
	unsigned position = 0;
	for (size_t i = 0; i < count; i++) {
		struct model_row *r = &m->rows[ops[i].key];
		if (ops[i].verb == STORE_PUT || (ops[i].verb == STORE_DELETE && r->there)) {
			m->revision += position == 0;
			model_change(w, &ops[i], position++);
		}
		x->row[x->rows++] = *r;
	}
	x->changed = position > 0;
	x->revision = m->revision;
}

static size_t store_ops_of(const struct model_op *from, size_t count, struct store_op *to)
{
	for (size_t i = 0; i < count; i++) {
		to[i] = (struct store_op){
			.verb = from[i].verb,
			.key = span_of(key_name(from[i].key)),
			.part = span_of(from[i].part),
			.soft = from[i].key >= SOFT_FROM,
		};
		if (from[i].verb == STORE_PUT)
			to[i].value = bytes_copy(from[i].value, strlen(from[i].value));
	}
	return count;
}

static void hand_in(struct world *w, bool may_be_soft)
{
	struct model_txn m;
	struct store_op then_ops[OPS_AT_ONCE], else_ops[OPS_AT_ONCE];
	draw_txn(w, &m, may_be_soft);
	struct expected *x = &w->waiting[w->waiting_count++];
	model_run(w, &m, x);
	x->after = w->model;
	struct store_txn t = {
		.compares = m.compares,
		.compare_count = m.compare_count,
		.then_ops = then_ops,
		.then_count = store_ops_of(m.then_ops, m.then_count, then_ops),
		.else_ops = else_ops,
		.else_count = store_ops_of(m.else_ops, m.else_count, else_ops),
	};
	t.origin.request[0] = 1;
	memcpy(t.origin.request + 4, &w->serial, sizeof w->serial);
	x->ticket = submit(w->rig, &t);
}

/* ---- comparing */

static void agree_row(struct world *w, const struct seen_row *s, const struct model_row *m)
{
	agree(w, same_text(s->value, m->there ? m->value : NULL));
	if (!m->there)
		return;
	agree(w, s->create == m->create && s->mod == m->mod && s->changes == m->changes);
	agree(w, same_text(s->part, m->part));
}

static void agree_event(struct world *w, const struct seen_event *s, const struct model_event *m)
{
	agree(w, s->row.mod == m->mod && same_text(s->row.key, key_name(m->key)));
	agree_row(w, &s->row, &m->row);
	agree_row(w, &s->was, &m->was);
}

static void agree_state(struct world *w)
{
	for (int key = 0; key < KEYS; key++) {
		const struct model_row *m = &w->model.rows[key];
		agree(w, has_value(w->rig, key_name(key), m->there ? m->value : NULL));
	}
}

/* Everything handed in is answered as the model said. */
static void settle(struct world *w)
{
	struct rig *r = w->rig;
	if (!r->on_lmdb)
		journal_memory_hold(r->journal, false);
	for (size_t i = 0; i < w->waiting_count; i++) {
		const struct expected *x = &w->waiting[i];
		const struct seen_outcome *o = wait_for(r, x->ticket);
		agree(w, o->status == x->status && o->compared == x->compared);
		agree(w, !x->changed || o->revision == x->revision);
		agree(w, o->rows == x->rows);
		for (size_t k = 0; k < x->rows; k++)
			agree_row(w, &o->row[k], &x->row[k]);
	}
	w->waiting_count = 0;
	size_t fresh = w->model.event_count - w->seen_events;
	agree(w, r->event_count == fresh);
	for (size_t i = 0; i < fresh; i++)
		agree_event(w, &r->events[i], &w->events[w->seen_events + i]);
	w->seen_events = w->model.event_count;
	rig_forget(r);
}

/* After a random point, of all streams or of one. */
static void agree_history(struct world *w)
{
	struct store_head head;
	settle(w);
	store_head(w->rig->store, &head);
	static const char *const names[] = {"", "pods", "jobs", "sets"};
	const char *stream = names[draw(w, 4)];
	uint64_t after = store_version(head.compacted + draw(w, 40), 1023);
	struct event_list l = events_after(w->rig, stream, after, 0);
	bool soft_gone = l.rc == ERR_COMPACTED && stream[0] == 0;
	agree(w, l.rc == 0 || soft_gone);
	size_t at = 0;
	for (size_t i = 0; i < w->model.event_count && !soft_gone; i++) {
		const struct model_event *e = &w->events[i];
		if (e->mod <= after || strncmp(key_name(e->key), stream, strlen(stream)) != 0)
			continue;
		/* soft ones are there unless the store was opened since */
		if (e->key >= SOFT_FROM && (at == l.count || l.events[at].row.mod != e->mod))
			continue;
		agree(w, at < l.count);
		agree_event(w, &l.events[at++], e);
	}
	agree(w, soft_gone || at == l.count);
	forget_events(&l);
}

/* ---- what happens */

static void lose_soft(struct world *w)
{
	for (int key = SOFT_FROM; key < KEYS; key++)
		w->model.rows[key] = (struct model_row){0};
}

/* The batch in flight may be done or not, so that transactions pile up on
 * writes of two generations. */
static void act_poll(struct world *w)
{
	struct rig *r = w->rig;
	if (!r->on_lmdb) {
		journal_memory_hold(r->journal, true);
		journal_memory_allow(r->journal, draw(w, 2));
	}
	store_poll(r->store);
}

static void act_reopen(struct world *w)
{
	settle(w);
	rig_reopen(w->rig);
	lose_soft(w);
}

/* Some transactions in one batch; the power goes in the middle of it. */
static void act_cut(struct world *w)
{
	struct rig *r = w->rig;
	struct store_head head;
	settle(w);
	journal_memory_hold(r->journal, true);
	journal_memory_allow(r->journal, 0);
	struct model at_cut = w->model;
	for (uint32_t n = 1 + draw(w, 20); n; n--)
		hand_in(w, false);
	store_poll(r->store);
	size_t records = journal_memory_in_flight(r->journal);
	size_t survives = records ? draw(w, (uint32_t)records + 1) : 0;
	size_t i = 0;
	for (size_t left = survives; left; i++)
		if (w->waiting[i].changed) {
			at_cut = w->waiting[i].after;
			left--;
		}
	journal_memory_cut(r->journal, survives);
	store_poll(r->store);
	w->waiting_count = 0;
	rig_forget(r);
	rig_reopen(r);
	w->model = at_cut;
	w->seen_events = at_cut.event_count;
	lose_soft(w);
	store_head(r->store, &head);
	agree(w, head.revision >= w->model.revision);
	w->model.revision = head.revision;
}

static void play(struct rig *r, uint64_t seed, int steps)
{
	struct world *w = mem_alloc(sizeof *w);
	w->seed = seed;
	w->random = (uint32_t)(seed * 2654435761u) | 1;
	w->rig = r;
	rig_open(r);
	for (int i = 0; i < steps; i++) {
		uint32_t what = draw(w, 40);
		if (what == 0)
			act_reopen(w);
		else if (what == 1 && !r->on_lmdb)
			act_cut(w);
		else if (what < 8)
			settle(w);
		else if (what < 10)
			agree_history(w);
		else if (what < 20)
			act_poll(w);
		else if (w->waiting_count < WAITING / 2)
			hand_in(w, true);
		if (w->waiting_count == 0)
			agree_state(w);
	}
	settle(w);
	free(w);
}

static void play_seeds(struct rig *r, uint64_t from, uint64_t to, int steps)
{
	bool on_lmdb = r->on_lmdb;
	for (uint64_t seed = from; seed < to; seed++) {
		struct rig one;
		rig_init(&one, on_lmdb);
		one.limits.checkpoint_bytes = 200 + seed % 7 * 300;
		one.limits.slice = (struct slice_limits){1 + seed % 5, 400, 3 + seed % 9};
		one.limits.keep = (struct log_keep){.us = INT64_MAX / 2, .bytes = 3000, .count_min = 25};
		one.limits.recent = (struct history_limits){.bytes = 4000, .changes = 10};
		one.limits.trim_blocks = 1 + seed % 3;
		one.limits.reserve = 8 + seed % 50;
		one.limits.batch_txns = seed % 3 ? 1024 : 3;
		play(&one, seed, steps);
		rig_fini(&one);
	}
	rig_open(r);
}

static void store_agrees_with_the_model(struct rig *r)
{
	if (r->on_lmdb)
		play_seeds(r, 1000, 1012, 600);
	else
		play_seeds(r, 1, 150, 1500);
}

#define MODEL(X) X(store_agrees_with_the_model)

ON_BOTH(model, MODEL)
