#include "tools/chaos/plan.h"

#include <string.h>

#include "broker/base/sort.h"

/* ---- of a line, over all seeds */

struct range line_begin(const struct line *l)
{
	struct range r = l->when.at;
	if (l->when.type == WHEN_EVERY)
		return (struct range){l->when.from_us, l->when.to_us};
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
static int64_t begin_of(const struct line *l, uint64_t seed)
{
	struct chance s = chance_of(seed, l->identity ^ 1);
	int64_t at = chance_between(&s, l->when.at.min, l->when.at.max);
	return l->follows ? at + begin_of(l->follows, seed) : at;
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
	h->spots.names = arena_alloc(&p->arena, (take + 1) * sizeof *h->spots.names);
	for (size_t i = 0; i < all.count && h->spots.count < take; i++, left--) {
		size_t need = take - h->spots.count;
		if (chance_next(&h->chance) % left < need)
			h->spots.names[h->spots.count++] = all.names[i];
	}
}

static void add_happening(struct plan *p, const struct script *s, const struct line *l,
			  uint64_t seed, int64_t at, uint64_t nth)
{
	struct happening *h = &p->happenings[p->happening_count++];
	h->line = l;
	h->begin_us = h->end_us = at;
	h->chance = chance_of(seed, l->identity + 2 + nth);
	if (l->ended_by)
		h->end_us = begin_of(l->ended_by, seed);
	else if (l->act.for_us > 0)
		h->end_us += l->act.for_us;
	draw_spots(p, s, h);
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

static void add_step(struct plan *p, struct happening *h, bool end)
{
	p->steps[p->step_count] = (struct step){.at_us = end ? h->end_us : h->begin_us,
						.order = p->step_count, .what = h, .end = end};
	p->step_count++;
}

void plan_make(struct plan *p, const struct script *s, uint64_t seed)
{
	size_t most = 0;
	memset(p, 0, sizeof *p);
	for (size_t i = 0; i < s->line_count; i++)
		most += line_times(&s->lines[i]);
	p->happenings = arena_alloc(&p->arena, (most + 1) * sizeof *p->happenings);
	p->steps = arena_alloc(&p->arena, (2 * most + 1) * sizeof *p->steps);
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
		add_step(p, &p->happenings[i], false);
		if (verb_lasts(p->happenings[i].line->act.verb))
			add_step(p, &p->happenings[i], true);
	}
	sort_stable(p->steps, p->step_count, sizeof *p->steps, step_cmp, NULL);
}

void plan_fini(struct plan *p)
{
	arena_fini(&p->arena);
}
