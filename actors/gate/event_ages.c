#include "actors/gate/event_ages.h"

#include <stdlib.h>

#include "broker/base/mem.h"

static struct span place(struct buf *b, const struct event_age *x)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_putc(b, (char)((uint64_t)x->at_us >> shift));
	buf_puts(b, x->key);
	return span_buf(b);
}

static void take_out(struct event_ages *a, struct event_age *x)
{
	struct buf b = {0};
	omap_remove(&a->by_age, place(&b, x));
	buf_fini(&b);
}

void event_ages_note(struct event_ages *a, struct span key, int64_t at_us, uint64_t version)
{
	struct buf b = {0};
	struct event_age *x = omap_get(&a->by_key, key);
	if (x) {
		take_out(a, x);
	} else {
		x = mem_alloc(sizeof *x);
		x->key = mem_ndup(key.data, key.len);
		omap_put(&a->by_key, key, x);
	}
	x->at_us = at_us > 0 ? at_us : 0;
	x->version = version;
	omap_put(&a->by_age, place(&b, x), x);
	buf_fini(&b);
}

static void age_free(void *p)
{
	struct event_age *x = p;
	free(x->key);
	free(x);
}

void event_ages_forget(struct event_ages *a, struct span key)
{
	struct event_age *x = omap_remove(&a->by_key, key);
	if (!x)
		return;
	take_out(a, x);
	age_free(x);
}

const struct event_age *event_ages_next(const struct event_ages *a, const struct event_age *after,
					size_t passed, int64_t before_us, size_t keep)
{
	struct onode *n = omap_first(&a->by_age);
	if (after) {
		struct buf b = {0};
		n = omap_next(omap_seek(&a->by_age, place(&b, after)));
		buf_fini(&b);
	}
	if (!n)
		return NULL;
	const struct event_age *x = n->value;
	return x->at_us <= before_us || a->by_key.count - passed > keep ? x : NULL;
}

void event_ages_fini(struct event_ages *a)
{
	omap_fini(&a->by_age, NULL);
	omap_fini(&a->by_key, age_free);
}
