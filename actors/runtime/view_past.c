/* A view as it was: the rows of now with what happened since undone. The
 * first change of a key behind that version tells what the key was then. The
 * same as store/past.c does for the store, from what the cell has itself. */
#include "actors/runtime/view_private.h"

struct undone {
	struct span from;
	struct omap keys; /* key -> its first change since */
};

static void undo(struct undone *u, const struct change *h)
{
	struct span key = {(const uint8_t *)h->key, h->key_len};
	if (span_cmp(key, u->from) >= 0 && !omap_get(&u->keys, key))
		omap_put(&u->keys, key, (void *)h);
}

struct merging {
	struct onode *now, *then;
	int (*each)(void *arg, struct span key, struct view_object *o);
	void *arg;
};

/* What was there of the key that comes next, and whether there is one. */
static bool next_row(struct merging *m, struct span *key, struct view_object **o)
{
	if (!m->now && !m->then)
		return false;
	int order = !m->then ? -1 : !m->now ? 1 : span_cmp(onode_key(m->now), onode_key(m->then));
	const struct onode *n = order < 0 ? m->now : m->then;
	*key = onode_key(n);
	*o = order < 0 ? n->value : ((const struct change *)n->value)->was;
	if (order <= 0)
		m->now = omap_next(m->now);
	if (order >= 0)
		m->then = omap_next(m->then);
	return true;
}

int view_range_at(const struct view *v, struct span from, uint64_t version,
		  int (*each)(void *arg, struct span key, struct view_object *o), void *arg)
{
	struct undone u = {.from = from};
	int rc = version < v->last ? view_history(v, version, NULL, NULL) : 0;
	if (rc)
		return rc;
	for (size_t i = 0; version < v->last && i < v->history.count; i++) {
		const struct change *h = changes_at(&v->history, i);
		if (h->version > version)
			undo(&u, h);
	}
	struct merging m = {omap_seek(&v->objects, from), omap_first(&u.keys), each, arg};
	struct span key;
	struct view_object *o;
	while (!rc && next_row(&m, &key, &o))
		rc = o ? each(arg, key, o) : 0;
	omap_fini(&u.keys, NULL);
	return rc;
}
