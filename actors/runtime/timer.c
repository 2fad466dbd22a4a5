/* Timers: a binary heap by (due, id), so that equal times fire in the order
 * in which they were set. Cancelling marks by removal: the heap is searched,
 * which is fine for the few timers that are ever cancelled. */
#include "actors/runtime/cell_private.h"

static bool before(const struct timer *a, const struct timer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->id < b->id;
}

static void swap(struct timer *a, struct timer *b)
{
	struct timer t = *a;
	*a = *b;
	*b = t;
}

static void sift_up(struct cell *c, size_t i)
{
	while (i > 0 && before(&c->timers[i], &c->timers[(i - 1) / 2])) {
		swap(&c->timers[i], &c->timers[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct cell *c, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < c->timer_count; k++)
			if (before(&c->timers[k], &c->timers[least]))
				least = k;
		if (least == i)
			return;
		swap(&c->timers[i], &c->timers[least]);
		i = least;
	}
}

static void remove_at(struct cell *c, size_t i)
{
	c->timers[i] = c->timers[--c->timer_count];
	if (i < c->timer_count) {
		sift_up(c, i);
		sift_down(c, i);
	}
}

uint64_t timer_add(struct cell *c, uint64_t due_us, uint64_t uid, uint64_t tag, uint64_t id)
{
	if (c->timer_count == c->timer_cap) {
		c->timer_cap = c->timer_cap ? 2 * c->timer_cap : 64;
		c->timers = mem_realloc(c->timers, c->timer_cap * sizeof *c->timers);
	}
	c->timers[c->timer_count] = (struct timer){due_us, id, uid, tag};
	sift_up(c, c->timer_count++);
	return id;
}

void timer_cancel(struct cell *c, uint64_t id)
{
	for (size_t i = 0; id && i < c->timer_count; i++) {
		if (c->timers[i].id == id) {
			remove_at(c, i);
			return;
		}
	}
}

void timers_run(struct cell *c, uint64_t now_us)
{
	while (c->timer_count && c->timers[0].due_us <= now_us) {
		struct timer t = c->timers[0];
		remove_at(c, 0);
		timer_fire(c, &t);
	}
}
