/* One key per claim and per volume. A claim's plan keeps a volume for it, names
 * the volume, and says so, a write each; a volume's says its phase. Every write
 * rests on both at the revisions that were looked at, so that no volume is ever
 * two claims'. */
#include "actors/controllers/persistentvolume.h"

#include <stdlib.h>
#include <string.h>

#include "actors/controllers/reconcile.h"
#include "actors/controllers/volume_plan.h"
#include "actors/objects/volume_index.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

static const char *const streams[] = {"persistentvolumeclaims", "persistentvolumes",
				      "storageclasses.storage.k8s.io", "namespaces", NULL};
enum { KEEP = 1 }; /* of a volume, for a claim */

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *claims, *volumes, *classes;
	struct view *claim_view, *volume_view, *class_view;
	struct view_index *claims_by, *volumes_by;
	/* Volumes that another claim is being given: their key -> uint64_t, the
	 * version from which on the view shows it (0: not known yet). Only so that
	 * many claims at once do not all try the same one. */
	struct omap given;
	struct omap told; /* key -> what was said of it last, so that it is said once */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static bool is_kept(struct mp volume)
{
	return mp_path_str(volume, "spec.claimRef.name").len > 0;
}

/* ---- which keys a change is about */

struct wanting {
	struct ctx *c;
	struct reconciler *r;
};

static int want_found(void *arg, const struct view_found *f)
{
	struct wanting *w = arg;
	reconcile_want(w->c, w->r, f->key);
	return 0;
}

static void want_under(struct ctx *c, struct reconciler *r, struct view_index *x,
		       struct span value)
{
	struct wanting w = {c, r};
	view_index_each(x, value, want_found, &w);
}

static void want(struct ctx *c, struct reconciler *r, const struct schema_resource *row,
		 struct span namespace, struct span name)
{
	struct buf b = {0};
	if (!name.len)
		return;
	schema_key(&b, row, namespace, name);
	if (reconcile_get(r, span_buf(&b)))
		reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
}

static void claim_changed(struct ctx *c, struct reconciler *r, struct mp claim)
{
	struct state *s = state_of(r);
	char text[VOLUME_UNDER_MAX];
	if (!claim.p)
		return;
	want(c, r, s->volumes, (struct span){0}, mp_path_str(claim, "spec.volumeName"));
	want_under(c, r, s->volumes_by,
		   volumes_for(text, object_namespace(claim), object_name(claim)));
}

static void volume_changed(struct ctx *c, struct reconciler *r, struct mp volume)
{
	struct state *s = state_of(r);
	char text[VOLUME_UNDER_MAX];
	if (!volume.p)
		return;
	want(c, r, s->claims, mp_path_str(volume, "spec.claimRef.namespace"),
	     mp_path_str(volume, "spec.claimRef.name"));
	want_under(c, r, s->claims_by, claims_on(text, object_name(volume)));
	if (volume_is_free(volume))
		want_under(c, r, s->claims_by,
			   claims_that_want(text, volume_class(volume)));
}

static void forget(struct omap *m, struct span key)
{
	free(omap_remove(m, key));
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp was = object_of(v->was), now = object_of(v->now);
	char text[VOLUME_UNDER_MAX];
	if (v->view == s->claim_view || v->view == s->volume_view) {
		if (v->now)
			reconcile_want(c, r, v->key);
		else
			forget(&s->told, v->key);
	}
	if (v->view == s->claim_view) {
		claim_changed(c, r, was);
		claim_changed(c, r, now);
	} else if (v->view == s->volume_view) {
		uint64_t *given = omap_get(&s->given, v->key);
		if (given && *given && v->version >= *given)
			forget(&s->given, v->key);
		volume_changed(c, r, was);
		volume_changed(c, r, now);
	} else if (v->view == s->class_view) {
		want_under(c, r, s->claims_by,
			   claims_that_want(text, object_name(now.p ? now : was)));
		if (now.p && class_is_default(now))
			want_under(c, r, s->claims_by, span_of(CLAIMS_WITHOUT_CLASS));
	}
}

/* ---- facts */

static struct mp object_at(struct reconciler *r, const struct schema_resource *row,
			   struct span namespace, struct span name)
{
	struct buf b = {0};
	if (!name.len)
		return (struct mp){0};
	schema_key(&b, row, namespace, name);
	struct mp m = object_of(reconcile_get(r, span_buf(&b)));
	buf_fini(&b);
	return m;
}

/* Of several default classes the newest, and of those the first by name. */
static struct span default_class(const struct state *s)
{
	struct span best = {0}, made = {0};
	for (struct onode *n = omap_first(view_map(s->class_view)); n; n = omap_next(n)) {
		struct mp class = object_of(n->value);
		struct span when = mp_path_str(class, "metadata.creationTimestamp");
		if (!class_is_default(class) || (best.len && span_cmp(when, made) <= 0))
			continue;
		best = object_name(class);
		made = when;
	}
	return best;
}

struct search {
	const struct state *s;
	struct mp claim, best;
};

static int look_at(void *arg, const struct view_found *f)
{
	struct search *x = arg;
	struct mp volume = object_of(f->object);
	bool kept = is_kept(volume);
	bool fits = kept ? volume_will_be_of(volume, x->claim)
			 : !volume_mismatch(volume, x->claim) &&
				   volume_is_selected(volume, x->claim) &&
				   !omap_get(&x->s->given, f->key);
	if (fits && volume_is_better(volume, x->best))
		x->best = volume;
	/* Kept for it by its uid: there is no other. */
	if (!fits || !kept || !mp_path_str(volume, "spec.claimRef.uid").len)
		return 0;
	x->best = volume;
	return 1;
}

/* What is kept for the claim, else the best of those that are to be had; of a
 * class that waits for a pod only what the scheduler has kept. */
static struct mp find_volume(const struct state *s, struct mp claim, struct mp class)
{
	struct search x = {.s = s, .claim = claim};
	char text[VOLUME_UNDER_MAX];
	view_index_each(s->volumes_by,
			volumes_for(text, object_namespace(claim), object_name(claim)), look_at,
			&x);
	if (!x.best.p && !class_waits(class))
		view_index_each(s->volumes_by,
				volumes_free(text, volume_class(claim)),
				look_at, &x);
	return x.best;
}

/* ---- writes */

/* The key of a claim or a volume; empty: it has no name. */
static struct span key_of(struct arena *a, const struct schema_resource *row,
			  struct span namespace, struct span name)
{
	struct buf b = {0};
	if (!name.len)
		return (struct span){0};
	schema_key(&b, row, namespace, name);
	struct span key = object_copy(a, span_buf(&b));
	buf_fini(&b);
	return key;
}

/* A patch that rests on its object and on another key, be it there or not. */
static struct reconcile_action *patch(struct reconciler *r, struct reconcile_item *i,
				      const struct schema_resource *row, struct mp object,
				      struct doc *body, const char *sub, struct span other)
{
	struct arena *a = reconcile_arena(i);
	struct store_compare *basis = arena_alloc(a, 2 * sizeof *basis);
	struct span namespace = object_copy(a, object_namespace(object));
	struct span name = object_copy(a, object_name(object));
	struct reconcile_action *x = reconcile_add(i, OBJ_PATCH_MERGE, row, namespace, name);
	x->body = body;
	x->sub = sub;
	x->basis = basis;
	basis[x->basis_count++] = reconcile_basis(r, key_of(a, row, namespace, name));
	if (other.len)
		basis[x->basis_count++] = reconcile_basis(r, other);
	return x;
}

static void tell(struct ctx *c, struct reconciler *r, struct span key, struct mp object,
		 const struct volume_event *e)
{
	struct state *s = state_of(r);
	const char *was = omap_get(&s->told, key);
	if (!e->reason) {
		forget(&s->told, key);
		return;
	}
	if (was && strcmp(was, e->message) == 0)
		return;
	free(omap_put(&s->told, key, mem_dup(e->message)));
	reconcile_event(c, r, object, e->type, e->reason, "%s", e->message);
}

/* Kept for this claim: others look elsewhere until the view shows it. */
static void give(struct state *s, struct reconcile_action *x)
{
	free(omap_put(&s->given, x->basis[0].key, mem_alloc(sizeof(uint64_t))));
	x->what = KEEP;
}

static void plan_claim(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
		       struct span key, struct mp claim)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct claim_plan p;
	struct claim_facts f = {.claim = claim,
				.named = object_at(r, s->volumes, (struct span){0},
						   mp_path_str(claim, "spec.volumeName")),
				.class = object_at(r, s->classes, (struct span){0},
						   volume_class(claim))};
	if (!mp_path_str(claim, "spec.volumeName").len &&
	    !volume_note(claim, VOLUME_BIND_COMPLETED).len) {
		f.found = find_volume(s, claim, f.class);
		f.default_class = default_class(s);
	}
	claim_plan(a, &f, &p);
	bool writes = p.of_volume || p.of_claim || p.status;
	if (p.final && writes && !reconcile_fresh(c, r, i))
		return;
	tell(c, r, key, claim, &p.event);
	struct span volume = key_of(a, s->volumes, (struct span){0},
				    p.volume.p ? object_name(p.volume)
					       : mp_path_str(claim, "spec.volumeName"));
	if (p.of_volume)
		give(s, patch(r, i, s->volumes, p.volume, p.of_volume, NULL, object_copy(a, key)));
	else if (p.of_claim)
		patch(r, i, s->claims, claim, p.of_claim, NULL, volume);
	else if (p.status)
		patch(r, i, s->claims, claim, p.status, "status", volume);
}

static void plan_volume(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
			struct span key, struct mp volume)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct volume_plan p;
	struct span claim = key_of(a, s->claims, mp_path_str(volume, "spec.claimRef.namespace"),
				   mp_path_str(volume, "spec.claimRef.name"));
	volume_plan(a, volume, claim.len ? object_of(reconcile_get(r, claim)) : (struct mp){0},
		    ctx_wall_us(c), &p);
	if (!p.patch && !p.status)
		return;
	if (p.final && !reconcile_fresh(c, r, i))
		return;
	tell(c, r, key, volume, &p.event);
	if (p.patch)
		patch(r, i, s->volumes, volume, p.patch, NULL, claim);
	else
		patch(r, i, s->volumes, volume, p.status, "status", claim);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct mp object = object_of(reconcile_get(r, key));
	if (!object.p)
		return;
	if (span_is(store_stream_of(key), "persistentvolumes"))
		plan_volume(c, r, i, key, object);
	else
		plan_claim(c, r, i, key, object);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct state *s = state_of(r);
	char text[VOLUME_UNDER_MAX];
	(void)key;
	if (x->what != KEEP)
		return;
	struct span volume = x->basis[0].key;
	struct view_object *o = view_get(s->volume_view, volume);
	uint64_t *given = omap_get(&s->given, volume);
	if (given && answer->code < 300 && o && o->version < answer->version) {
		*given = answer->version;
		return;
	}
	forget(&s->given, volume);
	if (o && answer->code >= 300) /* who passed it over may have it */
		want_under(c, r, s->claims_by,
			   claims_that_want(text, volume_class(object_of(o))));
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "persistentvolume-controller",
	.fence = "persistentvolume",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.done = done,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->claims = reconcile_resource(&s->r, streams[0]);
	s->volumes = reconcile_resource(&s->r, streams[1]);
	s->classes = reconcile_resource(&s->r, streams[2]);
	s->claim_view = reconcile_view(&s->r, span_of(streams[0]));
	s->volume_view = reconcile_view(&s->r, span_of(streams[1]));
	s->class_view = reconcile_view(&s->r, span_of(streams[2]));
	s->claims_by = ctx_index(c, s->claim_view, &claims_by_binding);
	s->volumes_by = ctx_index(c, s->volume_view, &volumes_by_binding);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->given, free);
	omap_fini(&s->told, free);
	reconcile_fini(&s->r);
}

const struct actor_spec persistentvolume_actor = {
	.kind = "persistentvolume",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
