/* Quotas are counted again.
 *
 *	made, changed, something given back ──► the views show all that the
 *	store had ──► counted ──► status, if the quota is as it was
 *
 * Whoever makes something changes the quota's row in the same transaction. So
 * a count of views that are as new as the row, written on the condition that
 * the row has not changed, misses nothing: a quota never shows less than is
 * there. That condition is asked for when there is nothing to write, too: the
 * views may show somebody's pod before the row that has its charge, and what
 * is given back at the same time makes the sum look right. While others write without a pause the count begins again each time,
 * and what was given back is free later; when they are refused because of
 * that, the row stays, and the count is made. */
#include "actors/controllers/quota.h"

#include <stdlib.h>

#include "actors/controllers/quota_plan.h"
#include "actors/controllers/reconcile.h"
#include "broker/base/mem.h"
#include "broker/base/planted.h"

#define AGAIN_US (300 * UINT64_C(1000000))

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *quotas;
	struct omap asked; /* key -> uint64_t: its version when the views were asked about */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static void want_namespace(struct ctx *c, struct reconciler *r, struct span namespace)
{
	struct state *s = state_of(r);
	struct view *v = reconcile_view(r, span_of(s->quotas->stream));
	struct objects_in it = objects_in(v, s->quotas, namespace);
	while (objects_next(&it))
		reconcile_want(c, r, it.key);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp was = object_of(v->was), now = object_of(v->now);
	const struct schema_resource *row = schema_find_stream(r->schema, view_stream(v->view));
	if (row == s->quotas && quota_wants_count(was, now))
		reconcile_want(c, r, v->key);
	if (row == s->quotas && !v->now)
		free(omap_remove(&s->asked, v->key));
	if (row && quota_gives_back(row, was, now))
		want_namespace(c, r, object_namespace(was));
}

static void count_kind(struct quota_count *q, const struct schema_resource *row, struct view *v,
		       struct span namespace)
{
	struct objects_in it = objects_in(v, row, namespace);
	while (objects_next(&it))
		quota_count_object(q, row, it.object);
}

/* Whether the views show all that came before the quota's row. */
static bool is_fresh(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		     struct span key, uint64_t version)
{
	struct state *s = state_of(r);
	if (PLANTED(QUOTA_COUNTED_EARLY))
		return true;
	bool fresh = reconcile_fresh(c, r, i);
	uint64_t *asked = omap_get(&s->asked, key);
	if (!fresh && !asked) {
		asked = mem_alloc(sizeof *asked);
		*asked = version;
		omap_put(&s->asked, key, asked);
	}
	if (!fresh)
		return false;
	bool same = asked && *asked == version;
	free(omap_remove(&s->asked, key));
	if (!same)
		reconcile_want(c, r, key); /* it has changed meanwhile: ask again */
	return same;
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct view_object *o = reconcile_get(r, key);
	struct quota_count q;
	if (!o || !is_fresh(c, r, i, key, o->version))
		return;
	struct mp quota = object_of(o);
	quota_count_init(&q, quota, a);
	for (size_t k = 0; k < r->view_count; k++) {
		const struct schema_resource *row =
			schema_find_stream(r->schema, view_stream(r->views[k]));
		if (row && quota_counts_kind(&q, row))
			count_kind(&q, row, r->views[k], object_namespace(quota));
	}
	reconcile_later(c, i, AGAIN_US);
	struct doc *body = quota_status(&q);
	if (!body)
		return;
	struct reconcile_action *x = reconcile_add(i, OBJ_UPDATE, s->quotas,
						   object_copy(a, object_namespace(quota)),
						   object_copy(a, object_name(quota)));
	reconcile_rest_on(r, i, x, key);
	x->sub = "status";
	x->body = body;
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "resourcequota-controller",
	.fence = "resource-quota",
	.streams = NULL,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->quotas = reconcile_resource(&s->r, "resourcequotas");
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->asked, free);
	reconcile_fini(&s->r);
}

const struct actor_spec quota_actor = {
	.kind = "resource-quota",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
