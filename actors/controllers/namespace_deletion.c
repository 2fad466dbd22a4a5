/* Namespaces on their way out.
 *
 *	Terminating ──► pods that have a controller are deleted
 *	            ──► quiet ──► all content is deleted ──► none is left ──► finalized
 *
 * Quiet: who deletes a namespace and what is in it, one by one, as `kubectl
 * delete -f` does with a file of both, must find what he deletes. So its content
 * is left alone until nobody has deleted any of it for half a second, five
 * seconds at most: Kubernetes always waits five. Pods that a controller made are
 * in nobody's file, and take longest: they need not wait, and are no stir.
 * Nothing new comes into a namespace that is Terminating (every create rests
 * on the namespace's row), so once the views are known to show all that the
 * store had after that, an empty namespace stays empty.
 * What does not go (finalizers, pods with a long grace) is told in conditions,
 * as Kubernetes' namespace controller does. */
#include "actors/controllers/namespace_deletion.h"

#include <stdlib.h>
#include <string.h>

#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { BATCH = 500 };
#define TELL_EVERY_US INT64_C(2000000)
#define QUIET_US UINT64_C(500000)
#define QUIET_US_MAX UINT64_C(5000000)

/* What is known of a namespace that is Terminating; cache, lost with the actor. */
struct leaving {
	uint64_t seen_us, stirred_us; /* monotonic: first seen, last deletion of what may be in a file */
	bool begun;		      /* all its content is deleted from here */
	int64_t told_us;	      /* when its conditions were written; 0: never */
};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *namespaces;
	struct omap leaving; /* key -> struct leaving */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static struct leaving *leaving_of(struct ctx *c, struct state *s, struct span key)
{
	struct leaving *l = omap_get(&s->leaving, key);
	if (l)
		return l;
	l = mem_alloc(sizeof *l);
	*l = (struct leaving){.seen_us = ctx_now_us(c), .stirred_us = ctx_now_us(c)};
	omap_put(&s->leaving, key, l);
	return l;
}

static bool is_made_pod(struct span stream, struct mp object)
{
	struct owner_ref ref;
	return span_is(stream, "pods") && owners_controller(object, &ref);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp any = object_of(v->now ? v->now : v->was);
	struct span ns = object_namespace(any);
	struct buf key = {0};
	if (span_is(view_stream(v->view), s->namespaces->stream)) {
		if (object_is_deleting(any) && v->now)
			reconcile_want(c, r, v->key);
		else
			free(omap_remove(&s->leaving, v->key));
		return;
	}
	schema_key(&key, s->namespaces, (struct span){0}, ns);
	if (ns.len && object_is_deleting(object_of(reconcile_get(r, span_buf(&key))))) {
		bool gone = !v->now || object_is_deleting(any);
		if (gone && !is_made_pod(view_stream(v->view), any))
			leaving_of(c, s, span_buf(&key))->stirred_us = ctx_now_us(c);
		reconcile_want(c, r, span_buf(&key));
	}
	buf_fini(&key);
}

/* ---- what is left */

struct left {
	bool only_made;	  /* pods; all else is to wait */
	struct buf kinds; /* "pods. has 3 resource instances, ..." */
	size_t count, deleted;
};

static void delete_one(struct reconciler *r, struct reconcile_item *i,
		       const struct schema_resource *row, struct mp object)
{
	struct arena *a = reconcile_arena(i);
	struct reconcile_action *x =
		reconcile_add(i, OBJ_DELETE, row, object_copy(a, object_namespace(object)),
			      object_copy(a, object_name(object)));
	(void)r;
	x->uid = object_copy(a, object_uid(object));
	x->propagation = OBJ_BACKGROUND;
}

static void look_at_kind(struct reconciler *r, struct reconcile_item *i, struct view *v,
			 struct span ns, struct left *left)
{
	const struct schema_resource *row = schema_find_stream(r->schema, view_stream(v));
	size_t here = 0;
	if (!row || !row->namespaced)
		return;
	struct objects_in it = objects_in(v, row, ns);
	while (objects_next(&it)) {
		here++;
		if (object_is_deleting(it.object) || left->deleted >= BATCH)
			continue;
		if (left->only_made && !is_made_pod(view_stream(v), it.object))
			continue;
		left->deleted++;
		delete_one(r, i, row, it.object);
	}
	left->count += here;
	if (here)
		buf_printf(&left->kinds, "%s%s.%s has %zu resource instances",
			   left->kinds.len ? ", " : "", row->resource, row->group, here);
}

/* ---- conditions */

static struct doc *remaining_condition(struct ctx *c, struct arena *a, struct left *left)
{
	char now[RFC3339_MAX];
	struct doc *d = doc_new(a, DOC_MAP);
	rfc3339_format(ctx_wall_us(c), now);
	doc_set_str(a, d, "type", "NamespaceContentRemaining");
	doc_set_str(a, d, "status", left->count ? "True" : "False");
	doc_set_str(a, d, "lastTransitionTime", arena_dup(a, now));
	doc_set_str(a, d, "reason", left->count ? "SomeResourcesRemain" : "ContentRemoved");
	doc_set(a, d, "message",
		left->count
			? doc_printf(a, "Some resources are remaining: %s", buf_text(&left->kinds))
			: doc_str(a, "All content successfully removed"));
	return d;
}

static void tell(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		 struct leaving *leaving, struct mp ns, struct left *left)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	int64_t now = ctx_wall_us(c), since = 0;
	if (leaving->told_us)
		since = leaving->told_us;
	else if (rfc3339_parse(mp_path_str(ns, "metadata.deletionTimestamp"), &since))
		since = now;
	if (now - since < TELL_EVERY_US) {
		reconcile_later(c, i, (uint64_t)(TELL_EVERY_US - (now - since)));
		return;
	}
	leaving->told_us = now;
	struct reconcile_action *x =
		reconcile_add(i, OBJ_PATCH_STRATEGIC, s->namespaces, (struct span){0},
			      object_copy(a, object_name(ns)));
	struct doc *d = doc_new(a, DOC_MAP), *status = doc_set(a, d, "status", doc_new(a, DOC_MAP));
	x->sub = "status";
	x->body = d;
	doc_add(doc_set(a, status, "conditions", doc_new(a, DOC_ARRAY)),
		remaining_condition(c, a, left));
}

/* ---- the plan */

static void finalize(struct reconciler *r, struct reconcile_item *i, struct span key, struct mp ns)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct doc *d = object_tree(a, ns);
	struct doc *list = doc_path(d, "spec.finalizers");
	for (struct doc *f = doc_is(list, DOC_ARRAY) ? list->first : NULL, *next; f; f = next) {
		next = f->next;
		if (doc_str_is(f, "kubernetes"))
			doc_detach(list, f);
	}
	struct reconcile_action *x = reconcile_add(i, OBJ_UPDATE, s->namespaces, (struct span){0},
						   object_copy(a, object_name(ns)));
	reconcile_rest_on(r, i, x, key);
	x->sub = "finalize";
	x->body = d;
}

/* Whether its content may be deleted now; if not, it is looked at when it may. */
static bool may_begin(struct ctx *c, struct reconcile_item *i, struct leaving *l)
{
	uint64_t now = ctx_now_us(c), quiet = l->stirred_us + QUIET_US;
	uint64_t at = l->seen_us + QUIET_US_MAX < quiet ? l->seen_us + QUIET_US_MAX : quiet;
	if (!l->begun && now < at)
		reconcile_later(c, i, at - now);
	else
		l->begun = true;
	return l->begun;
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct mp ns = object_of(reconcile_get(r, key));
	struct left left = {0};
	if (!object_is_deleting(ns) || !object_lists(ns, "spec.finalizers", "kubernetes"))
		return;
	struct leaving *leaving = leaving_of(c, state_of(r), key);
	left.only_made = !may_begin(c, i, leaving);
	struct span name = object_name(ns);
	for (size_t k = 0; k < r->view_count; k++)
		look_at_kind(r, i, r->views[k], name, &left);
	if (!left.count && !left.only_made) {
		if (reconcile_fresh(c, r, i))
			finalize(r, i, key, ns);
	} else if (!left.deleted && !left.only_made) {
		tell(c, r, i, leaving, ns, &left);
	}
	buf_fini(&left.kinds);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "namespace-controller",
	.fence = "namespace-deletion",
	.streams = NULL,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->namespaces = reconcile_resource(&s->r, "namespaces");
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->leaving, free);
	reconcile_fini(&s->r);
}

const struct actor_spec namespace_deletion_actor = {
	.kind = "namespace-deletion",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
