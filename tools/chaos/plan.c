#include "tools/chaos/plan.h"

#include <string.h>

#include "broker/base/sort.h"

/* ---- of a line, over all seeds */

struct range line_begin(const struct line *l)
{
	struct range r = l->when.at;
	if (l->when.type == WHEN_EVERY)
		return (struct range){l->when.from_us, l->when.to_us};
	if (l->when.type == WHEN_SEEN)
		return (struct range){0, l->when.within_us};
	if (l->follows) {
		struct range other = line_begin(l->follows);
		r.min += other.min;
		r.max += other.max;
	}
	return r;
}

struct range line_span(const struct line *l)
{
	struct range r = line_begin(l);
	if (l->ended_by)
		r.max = line_begin(l->ended_by).max;
	else if (l->act.for_us > 0)
		r.max += l->act.for_us;
	return r;
}

bool line_awaits(const struct line *l)
{
	return l->when.type == WHEN_SEEN || (l->follows && line_awaits(l->follows));
}

uint64_t line_times(const struct line *l)
{
	if (l->when.type != WHEN_EVERY)
		return 1;
	return (uint64_t)((l->when.to_us - l->when.from_us) / l->when.period_us + 1);
}

int64_t target_amount(const struct target *t, size_t matching)
{
	int64_t n = (int64_t)matching, take = n;
	if (t->mode == MODE_ONE)
		take = 1;
	else if (t->mode == MODE_FIXED)
		take = t->amount;
	else if (t->mode == MODE_PERCENT)
		take = (n * t->amount + 99) / 100;
	return take < n ? take : n;
}

/* ---- for a seed */

/* Drawn from a stream of its own: the same whoever asks. */
static int64_t delay_of(const struct line *l, uint64_t seed)
{
	struct chance s = chance_of(seed, l->identity ^ 1);
	return chance_between(&s, l->when.at.min, l->when.at.max);
}

static int64_t begin_of(const struct line *l, uint64_t seed)
{
	int64_t at = delay_of(l, seed);
	return l->follows ? at + begin_of(l->follows, seed) : at;
}

struct spots nodes_of_zones(const struct script *s, const struct spots *zones, struct arena *a)
{
	struct spots out = {arena_alloc(a, (size_t)(s->nodes + 1) * sizeof *out.names), 0};
	for (size_t i = 0; i < zones->count; i++) {
		struct node_label in = {.key = "zone", .value = zones->names[i]};
		struct target t = {.type = TARGET_NODE, .name = "*", .with = &in, .with_count = 1};
		struct spots nodes;
		s->world->match(s, &t, a, &nodes);
		for (size_t k = 0; k < nodes.count && out.count < (size_t)s->nodes; k++)
			out.names[out.count++] = nodes.names[k];
	}
	return out;
}

/* The first so many of a shuffle, back in the world's order. */
static void draw_spots(struct plan *p, const struct script *s, struct happening *h)
{
	const struct target *t = &h->line->act.target;
	struct spots all;
	if (t->type == TARGET_NONE)
		return;
	s->world->match(s, t, &p->arena, &all);
	size_t take = (size_t)target_amount(t, all.count), left = all.count;
	h->drawn.names = arena_alloc(&p->arena, (take + 1) * sizeof *h->drawn.names);
	for (size_t i = 0; i < all.count && h->drawn.count < take; i++, left--) {
		size_t need = take - h->drawn.count;
		if (chance_next(&h->chance) % left < need)
			h->drawn.names[h->drawn.count++] = all.names[i];
	}
	h->spots = t->type == TARGET_ZONE ? nodes_of_zones(s, &h->drawn, &p->arena) : h->drawn;
}

static void add_happening(struct plan *p, const struct script *s, const struct line *l,
			  uint64_t seed, int64_t at, uint64_t nth)
{
	struct happening *h = &p->happenings[p->happening_count++];
	h->line = l;
	h->awaited = line_awaits(l);
	h->delay_us = delay_of(l, seed);
	h->begin_us = h->end_us = h->awaited ? line_begin(l).max : at;
	h->chance = chance_of(seed, l->identity + 2 + nth);
	if (l->ended_by)
		h->end_us = begin_of(l->ended_by, seed);
	else if (l->act.for_us > 0)
		h->end_us += l->act.for_us;
	draw_spots(p, s, h);
	h->by_us = chance_between(&h->chance, l->act.by_us.min, l->act.by_us.max);
	if (h->end_us > p->end_us)
		p->end_us = h->end_us;
}

static int step_cmp(const void *a, const void *b, void *arg)
{
	const struct step *x = a, *y = b;
	(void)arg;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static struct step step_of(struct plan *p, struct happening *h, enum step_type type)
{
	return (struct step){.at_us = type == STEP_END ? h->end_us : h->begin_us,
			     .order = p->step_count, .what = h, .type = type};
}

static void add_step(struct plan *p, struct happening *h, enum step_type type)
{
	p->steps[p->step_count] = step_of(p, h, type);
	p->step_count++;
}

/* Behind all that are due until then. */
static void insert_step(struct plan *p, struct happening *h, enum step_type type)
{
	struct step step = step_of(p, h, type);
	size_t at = p->step_count++;
	for (; at > 0 && p->steps[at - 1].at_us > step.at_us; at--)
		p->steps[at] = p->steps[at - 1];
	p->steps[at] = step;
}

static void drop_deadline(struct plan *p, const struct happening *h)
{
	size_t n = 0;
	for (size_t i = 0; i < p->step_count; i++)
		if (p->steps[i].what != h || p->steps[i].type != STEP_DEADLINE)
			p->steps[n++] = p->steps[i];
	p->step_count = n;
}

void plan_place(struct plan *p, struct happening *h, int64_t at_us)
{
	const struct act *a = &h->line->act;
	h->awaited = false;
	drop_deadline(p, h);
	h->begin_us = at_us;
	h->end_us = a->for_us > 0 ? at_us + a->for_us : at_us;
	insert_step(p, h, STEP_BEGIN);
	if (verb_lasts(a->verb))
		insert_step(p, h, STEP_END);
	for (size_t i = 0; i < p->happening_count; i++) {
		struct happening *next = &p->happenings[i];
		if (next->awaited && next->line->follows == h->line)
			plan_place(p, next, at_us + next->delay_us);
	}
}

void plan_make(struct plan *p, const struct script *s, uint64_t seed)
{
	size_t most = 0;
	memset(p, 0, sizeof *p);
	for (size_t i = 0; i < s->line_count; i++)
		most += line_times(&s->lines[i]);
	p->happenings = arena_alloc(&p->arena, (most + 1) * sizeof *p->happenings);
	p->steps = arena_alloc(&p->arena, (3 * most + 1) * sizeof *p->steps);
	for (size_t i = 0; i < s->line_count; i++) {
		const struct line *l = &s->lines[i];
		uint64_t times = l->act.verb == VERB_END ? 0 : line_times(l);
		for (uint64_t n = 0; n < times; n++)
			add_happening(p, s, l, seed,
				      l->when.type == WHEN_EVERY
					      ? l->when.from_us + (int64_t)n * l->when.period_us
					      : begin_of(l, seed), n);
	}
	for (size_t i = 0; i < p->happening_count; i++) {
		struct happening *h = &p->happenings[i];
		add_step(p, h, h->awaited ? STEP_DEADLINE : STEP_BEGIN);
		if (!h->awaited && verb_lasts(h->line->act.verb))
			add_step(p, h, STEP_END);
	}
	sort_stable(p->steps, p->step_count, sizeof *p->steps, step_cmp, NULL);
}

void plan_fini(struct plan *p)
{
	arena_fini(&p->arena);
}
