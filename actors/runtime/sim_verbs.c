/* Single messages, by name. A hold stands at the doors of cells: it lets pass
 * until its message comes, keeps that and from then on what the same pair says
 * to that cell, so that the order of a pair is the same as without it. What is
 * allowed is an event like any other, and passes the other holds again. */
#include "actors/runtime/sim_verbs.h"

#include <stdlib.h>

#include "actors/runtime/sim_private.h"
#include "broker/base/mem.h"
#include "broker/batch.h"

enum { SEEN_MAX = 8 };

struct want {
	struct sim_which which;
	uint16_t kind;
	unsigned left; /* the message when it is 0 */
};

struct kept {
	struct kept *next;
	struct event event;
};

struct hold {
	int number;
	struct want want;
	struct kept *first, *last;
	struct buf pair; /* whose message it keeps, at that cell */
};

struct sim_verbs {
	struct hold holds[SIM_HOLDS_MAX];
	size_t count;
	int last_number;
	struct want *expected; /* NULL: nobody waits */
	bool arrived;
	struct omap seen; /* "kind from -> to" -> itself */
	size_t seen_more;
};

/* ---- which */

static int want_init(const struct sim *s, struct want *w, const struct sim_which *which)
{
	const struct msg_row *row = which->kind ? catalogue_by_name(s->cfg.catalogue, which->kind) : NULL;
	if (which->kind && !row)
		return ERR_NOT_FOUND;
	*w = (struct want){*which, row ? row->number : 0, which->nth ? which->nth : 1};
	return 0;
}

static bool named(const char *name, struct span s)
{
	return !name || span_is(s, name);
}

static bool letter_of(enum event_type type, struct bytes *frame, struct envelope *env)
{
	struct span letter = sim_letter_in(type, bytes_span(frame));
	return letter.len && !batch_is(letter) && env_decode_trusted(letter, env, NULL) == 0;
}

/* cell NULL: not known yet. */
static bool is_wanted(const struct want *w, const char *cell, const struct envelope *env)
{
	return (!w->which.kind || env->kind == w->kind) && named(w->which.from, env->from) &&
	       named(w->which.to, env->to) &&
	       (!w->which.cell || (cell && strcmp(w->which.cell, cell) == 0));
}

static bool is_the_one(struct want *w, const char *cell, const struct envelope *env)
{
	return w->left && is_wanted(w, cell, env) && --w->left == 0;
}

static bool same_pair(const struct buf *pair, struct bytes *frame)
{
	struct buf b = {0};
	sim_pair_of(bytes_span(frame), &b);
	bool same = span_eq(span_buf(pair), span_buf(&b));
	buf_fini(&b);
	return same;
}

/* ---- batches: a verb is about one message */

static void split(struct sim *s, size_t at)
{
	struct event e = s->heap[at], one = e;
	struct batch_reader r;
	struct span letter;
	bool first = true;
	if ((e.type != EV_TO_BROKER && e.type != EV_TO_CELL) || !batch_is(bytes_span(e.frame)) ||
	    batch_open(&r, bytes_span(e.frame), NULL))
		return;
	while (batch_next(&r, &letter)) {
		one.frame = bytes_copy(letter.data, letter.len);
		if (first)
			s->heap[at].frame = one.frame; /* its place in time is taken over */
		else
			sim_push_drawn(s, one);
		first = false;
	}
	if (!first)
		bytes_unref(e.frame);
}

/* Batches that are on their way come apart with the first verb; after that none
 * is sent whole. Those that a push has moved are seen by another round. */
static struct sim_verbs *verbs_of(struct sim *s)
{
	if (s->verbs)
		return s->verbs;
	s->verbs = mem_alloc(sizeof *s->verbs);
	for (size_t i = 0, count; i < s->count; i = s->count == count ? i + 1 : 0) {
		count = s->count;
		split(s, i);
	}
	return s->verbs;
}

/* ---- what arrives */

static void keep(struct hold *h, struct sim_cell_slot *slot, enum event_type type,
		 struct bytes *frame, bool damaged)
{
	struct kept *k = mem_alloc(sizeof *k);
	k->event = (struct event){.type = type, .slot = slot, .life = slot->life,
				  .frame = bytes_ref(frame), .damaged = damaged};
	if (h->last)
		h->last->next = k;
	else
		h->first = k;
	h->last = k;
}

static void see(struct sim *s, struct sim_verbs *v, const struct envelope *env)
{
	struct buf text = {0};
	const struct msg_row *row = catalogue_by_number(s->cfg.catalogue, env->kind);
	buf_printf(&text, "%s %.*s -> %.*s", row ? row->name : "?", (int)env->from.len,
		   (const char *)env->from.data, (int)env->to.len, (const char *)env->to.data);
	if (v->seen.count < SEEN_MAX && !omap_get(&v->seen, span_buf(&text)))
		omap_put(&v->seen, span_buf(&text), v);
	else if (!omap_get(&v->seen, span_buf(&text)))
		v->seen_more++;
	buf_fini(&text);
}

static struct hold *catcher(struct sim_verbs *v, struct sim_cell_slot *slot, struct bytes *frame,
			    const struct envelope *env)
{
	for (size_t i = 0; i < v->count; i++) {
		struct hold *h = &v->holds[i];
		bool behind = h->first && h->first->event.slot == slot && same_pair(&h->pair, frame);
		if (!behind && !(h->first == NULL && is_the_one(&h->want, slot->name, env)))
			continue;
		if (!behind)
			sim_pair_of(bytes_span(frame), &h->pair);
		return h;
	}
	return NULL;
}

bool sim_verbs_keep(struct sim_cell_slot *slot, enum event_type type, struct bytes *frame, bool damaged)
{
	struct sim_verbs *v = slot->sim->verbs;
	struct envelope env;
	if (damaged || !letter_of(type, frame, &env))
		return false;
	struct hold *h = catcher(v, slot, frame, &env);
	if (h) {
		keep(h, slot, type, frame, damaged);
		return true;
	}
	if (v->expected && is_the_one(v->expected, slot->name, &env))
		v->arrived = true;
	else if (v->expected)
		see(slot->sim, v, &env);
	return false;
}

/* ---- hold and allow */

int sim_hold(struct sim *s, const struct sim_which *which)
{
	struct sim_verbs *v = verbs_of(s);
	struct hold h = {0};
	int rc = want_init(s, &h.want, which);
	if (rc || v->count == SIM_HOLDS_MAX)
		return rc ? rc : ERR_LIMIT;
	h.number = ++v->last_number;
	v->holds[v->count++] = h;
	return h.number;
}

static struct hold *hold_numbered(struct sim_verbs *v, int number)
{
	for (size_t i = 0; v && i < v->count; i++)
		if (v->holds[i].number == number)
			return &v->holds[i];
	return NULL;
}

size_t sim_held(const struct sim *s, int number)
{
	const struct hold *h = hold_numbered(s->verbs, number);
	size_t n = 0;
	for (const struct kept *k = h ? h->first : NULL; k; k = k->next)
		n++;
	return n;
}

/* Its place is free before what it kept goes on: that may meet other holds. */
static struct kept *end_hold(struct sim_verbs *v, struct hold *h)
{
	struct kept *first = h->first;
	buf_fini(&h->pair);
	memmove(h, h + 1, (size_t)(v->holds + --v->count - h) * sizeof *h);
	return first;
}

int sim_allow(struct sim *s, int number)
{
	struct hold *h = hold_numbered(s->verbs, number);
	if (!h)
		return ERR_NOT_FOUND;
	for (struct kept *k = end_hold(s->verbs, h), *next; k; k = next) {
		next = k->next;
		k->event.at = s->now;
		sim_happens(s, &k->event);
		free(k);
	}
	return 0;
}

void sim_verbs_over(struct sim *s)
{
	while (s->verbs && s->verbs->count)
		sim_allow(s, s->verbs->holds[0].number);
}

void sim_verbs_free(struct sim_verbs *v)
{
	while (v && v->count)
		for (struct kept *k = end_hold(v, &v->holds[0]), *next; k; k = next) {
			next = k->next;
			bytes_unref(k->event.frame);
			free(k);
		}
	free(v);
}

/* ---- bring forward */

static bool is_underway(const struct event *e, enum event_type type)
{
	bool to_cell = e->type == EV_TO_CELL || e->type == EV_BUS;
	return e->frame && !e->damaged && e->slot && e->life == e->slot->life &&
	       (type == EV_TO_CELL ? to_cell : e->type == type);
}

/* The earliest in that stage that `w` (or the pair) names, after `after`. */
static size_t find(const struct sim *s, enum event_type stage, const struct want *w,
		   const struct buf *pair, const struct event *after)
{
	size_t found = SIZE_MAX;
	for (size_t i = 0; i < s->count; i++) {
		const struct event *e = &s->heap[i];
		struct envelope env;
		if (!is_underway(e, stage) || (after && !sim_before(after, e)) ||
		    (found != SIZE_MAX && !sim_before(e, &s->heap[found])) ||
		    !letter_of(e->type, e->frame, &env))
			continue;
		if (stage == EV_TO_BROKER && (env.type == ENV_EVENT || span_is(env.to, "broker")))
			continue;
		if (w ? is_wanted(w, stage == EV_TO_CELL ? e->slot->name : NULL, &env)
		      : same_pair(pair, e->frame))
			found = i;
	}
	return found;
}

/* All of the pair in that stage, up to that number (0: all there are). */
static void hurry(struct sim *s, enum event_type stage, const struct buf *pair,
		  const struct sim_cell_slot *slot, uint64_t last)
{
	struct event at = {0};
	for (size_t i; (i = find(s, stage, NULL, pair, at.number ? &at : NULL)) != SIZE_MAX;) {
		at = s->heap[i];
		if (slot && at.slot != slot)
			continue;
		sim_handle_now(s, i);
		if (at.number == last)
			return;
	}
}

static int allow_kept(struct sim *s, struct want *w)
{
	for (size_t i = 0; i < s->verbs->count; i++)
		for (struct kept *k = s->verbs->holds[i].first; k; k = k->next) {
			struct envelope env;
			if (letter_of(k->event.type, k->event.frame, &env) &&
			    is_the_one(w, k->event.slot->name, &env))
				return sim_allow(s, s->verbs->holds[i].number);
		}
	return ERR_NOT_FOUND;
}

int sim_bring_forward(struct sim *s, const struct sim_which *which)
{
	static const enum event_type stages[] = {EV_TO_CELL, EV_TO_BROKER};
	struct want w;
	verbs_of(s);
	int rc = want_init(s, &w, which);
	if (rc || allow_kept(s, &w) == 0)
		return rc;
	for (int stage = 0; stage < 2; stage++) {
		struct event e = {0};
		for (size_t i; (i = find(s, stages[stage], &w, NULL, e.number ? &e : NULL)) != SIZE_MAX;) {
			e = s->heap[i];
			if (--w.left)
				continue;
			struct buf pair = {0};
			sim_pair_of(bytes_span(e.frame), &pair);
			bool arriving = stages[stage] == EV_TO_CELL;
			hurry(s, EV_TO_CELL, &pair, arriving ? e.slot : NULL, arriving ? e.number : 0);
			if (!arriving) {
				hurry(s, EV_TO_BROKER, &pair, NULL, e.number);
				hurry(s, EV_TO_CELL, &pair, NULL, 0);
			}
			buf_fini(&pair);
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

/* ---- expect */

static bool has_arrived(void *arg)
{
	return ((struct sim_verbs *)arg)->arrived;
}

static const char *or_any(const char *name)
{
	return name ? name : "any";
}

static int explain(const struct sim_verbs *v, const struct want *w, uint64_t within_us, struct err *e)
{
	struct buf b = {0};
	size_t held = 0;
	buf_printf(&b, "no %s %s -> %s", or_any(w->which.kind), or_any(w->which.from), or_any(w->which.to));
	if (w->which.cell)
		buf_printf(&b, " at cell %s", w->which.cell);
	if (w->which.nth > 1)
		buf_printf(&b, ", number %u,", w->which.nth);
	buf_printf(&b, " within %llu us; came instead:", (unsigned long long)within_us);
	for (struct onode *n = omap_first(&v->seen); n; n = omap_next(n))
		buf_printf(&b, "%s %.*s", n == omap_first(&v->seen) ? "" : ",", (int)onode_key(n).len,
			   (const char *)onode_key(n).data);
	buf_puts(&b, v->seen.count ? "" : " nothing");
	if (v->seen_more)
		buf_printf(&b, " and %zu more", v->seen_more);
	for (size_t i = 0; i < v->count; i++)
		held += v->holds[i].first != NULL;
	if (held)
		buf_printf(&b, "; %zu holds keep what they wait for", held);
	int rc = err_set(e, ERR_TIMEOUT, "%s", buf_text(&b));
	buf_fini(&b);
	return rc;
}

int sim_expect(struct sim *s, const struct sim_which *which, uint64_t within_us, struct err *e)
{
	struct sim_verbs *v = verbs_of(s);
	struct want w;
	int rc = want_init(s, &w, which);
	if (rc)
		return err_set(e, rc, "the catalogue has no %s", which->kind);
	v->expected = &w;
	v->arrived = false;
	if (!sim_run(s, s->now + within_us, has_arrived, v))
		rc = explain(v, &w, within_us, e);
	v->expected = NULL;
	omap_fini(&v->seen, NULL);
	v->seen_more = 0;
	return rc;
}
