/* A row moves from one map to the other when its batch is shown; if a later
 * transaction in flight has changed the key again, the newer row stays above. */
#include "store/local/state.h"

struct row *state_next(const struct state *s, struct span key, uint64_t *rests_on)
{
	struct row *r = s->flight.count ? hmap_get(&s->flight, key) : NULL;
	if (!r)
		return omap_get(&s->shown, key);
	if (*rests_on < row_revision(r))
		*rests_on = row_revision(r);
	return r->value ? r : NULL;
}

struct row *state_shown(const struct state *s, struct span key)
{
	return omap_get(&s->shown, key);
}

static struct span key_of(const void *row)
{
	return row_key(row);
}

void state_stage(struct state *s, struct row *r)
{
	s->flight.key = key_of;
	struct row *was = s->flight.count ? hmap_get(&s->flight, row_key(r)) : NULL;
	if (was)
		hmap_remove(&s->flight, was);
	hmap_add(&s->flight, r);
}

void state_load(struct state *s, struct row *r)
{
	struct row *was;
	if (r->value) {
		s->bytes += row_bytes(r);
		was = omap_put(&s->shown, row_key(r), r);
	} else {
		was = omap_remove(&s->shown, row_key(r));
		row_unref(r);
	}
	if (was)
		s->bytes -= row_bytes(was);
	row_unref(was);
}

void state_show(struct state *s, const struct commit *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		struct row *r = c->changes[i].row;
		if (s->flight.count && hmap_get(&s->flight, row_key(r)) == r)
			hmap_remove(&s->flight, r);
		state_load(s, row_ref(r));
	}
}

static void drop(void *row)
{
	row_unref(row);
}

void state_drop_flight(struct state *s)
{
	hmap_fini(&s->flight);
}

void state_fini(struct state *s)
{
	omap_fini(&s->shown, drop);
	hmap_fini(&s->flight);
}
