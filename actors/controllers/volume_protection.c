/* A pod is bound to its node by a write that rests on its claims (scheduler), so
 * a pod that the fresh views do not show cannot come to use a deleted one. */
#include "actors/controllers/volume_protection.h"

#include "actors/controllers/reconcile.h"
#include "actors/controllers/volume_plan.h"
#include "actors/objects/volume_index.h"

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *row, *other;
	struct view *view, *other_view;
	struct view_index *users; /* pods by their claims; NULL: of volumes */
	struct view_index *kept;  /* volumes by their claims; NULL: of claims */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which pods use a claim */

/* One that no node has yet uses nothing: it is not placed while its claim is
 * being deleted. */
static int found(void *arg, const struct view_found *f)
{
	bool *used = arg;
	*used = mp_path_str(object_of(f->object), "spec.nodeName").len > 0;
	return *used;
}

static bool claim_is_used(const struct state *s, struct mp claim)
{
	char text[VOLUME_UNDER_MAX];
	bool used = false;
	view_index_each(s->users, pods_with(text, object_namespace(claim), object_name(claim)),
			found, &used);
	return used;
}

/* ---- which claim a volume is bound to */

static bool volume_is_used(struct reconciler *r, struct mp volume)
{
	struct buf b = {0};
	struct span uid = mp_path_str(volume, "spec.claimRef.uid");
	if (!uid.len)
		return false;
	schema_key(&b, state_of(r)->other, mp_path_str(volume, "spec.claimRef.namespace"),
		   mp_path_str(volume, "spec.claimRef.name"));
	struct mp claim = object_of(reconcile_get(r, span_buf(&b)));
	buf_fini(&b);
	if (!claim.p || !span_eq(object_uid(claim), uid))
		return false;
	/* It is about to name it, or does; with another one it needs this one no more. */
	struct span named = mp_path_str(claim, "spec.volumeName");
	return !named.len || span_eq(named, object_name(volume));
}

/* ---- which keys a change is about */

struct wanting {
	struct ctx *c;
	struct reconciler *r;
	struct span namespace;
};

static void want(struct ctx *c, struct reconciler *r, struct span namespace, struct span name)
{
	struct buf b = {0};
	schema_key(&b, state_of(r)->row, namespace, name);
	if (object_is_deleting(object_of(reconcile_get(r, span_buf(&b)))))
		reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
}

static void want_claim(void *arg, const struct pod_claim_name *n)
{
	struct wanting *w = arg;
	want(w->c, w->r, w->namespace, n->claim);
}

static int want_kept(void *arg, const struct view_found *f)
{
	struct wanting *w = arg;
	if (object_is_deleting(object_of(f->object)))
		reconcile_want(w->c, w->r, f->key);
	return 0;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp was = object_of(v->was);
	struct wanting w = {c, r, object_namespace(was)};
	char text[VOLUME_UNDER_MAX];
	if (v->view == s->view && v->now) {
		reconcile_want(c, r, v->key);
	} else if (v->view == s->other_view && s->users && was.p && !v->now) {
		pod_claims_each(was, want_claim, &w);
	} else if (v->view == s->other_view && s->kept && was.p) {
		view_index_each(s->kept, volumes_for(text, w.namespace, object_name(was)),
				want_kept, &w);
	}
}

/* ---- the plan */

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	const char *finalizer = s->users ? CLAIM_PROTECTION : VOLUME_PROTECTION;
	struct mp object = object_of(reconcile_get(r, key));
	bool deleting = object_is_deleting(object);
	struct doc *body = object.p ? finalizer_patch(a, object, finalizer, !deleting) : NULL;
	if (!body || (deleting && !reconcile_fresh(c, r, i)) ||
	    (deleting && (s->users ? claim_is_used(s, object) : volume_is_used(r, object))))
		return;
	struct reconcile_action *x =
		reconcile_add(i, OBJ_PATCH_MERGE, s->row, object_copy(a, object_namespace(object)),
			      object_copy(a, object_name(object)));
	x->body = body;
	reconcile_rest_on(r, i, x, key);
}

/* ---- life */

static const char *const of_claims[] = {"persistentvolumeclaims", "pods", "namespaces", NULL};
static const char *const of_volumes[] = {"persistentvolumes", "persistentvolumeclaims", NULL};

static const struct reconcile_spec claims_spec = {
	.name = "pvc-protection-controller",
	.fence = "pvc-protection",
	.streams = of_claims,
	.changed = changed,
	.plan = plan,
};
static const struct reconcile_spec volumes_spec = {
	.name = "pv-protection-controller",
	.fence = "pv-protection",
	.streams = of_volumes,
	.changed = changed,
	.plan = plan,
};

static int begin(struct ctx *c, struct state *s, const struct reconcile_spec *spec)
{
	int rc = reconcile_init(c, &s->r, spec);
	s->row = reconcile_resource(&s->r, spec->streams[0]);
	s->other = reconcile_resource(&s->r, spec->streams[1]);
	s->view = reconcile_view(&s->r, span_of(spec->streams[0]));
	s->other_view = reconcile_view(&s->r, span_of(spec->streams[1]));
	return rc;
}

static int init_claims(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = begin(c, s, &claims_spec);
	s->users = ctx_index(c, s->other_view, &pods_by_claim);
	return rc;
}

static int init_volumes(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = begin(c, s, &volumes_spec);
	s->kept = ctx_index(c, s->view, &volumes_by_binding);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	reconcile_fini(&s->r);
}

const struct actor_spec pvc_protection_actor = {
	.kind = "pvc-protection",
	.state_bytes = sizeof(struct state),
	.init = init_claims,
	RECONCILE_HANDLERS,
	.fini = fini,
};

const struct actor_spec pv_protection_actor = {
	.kind = "pv-protection",
	.state_bytes = sizeof(struct state),
	.init = init_volumes,
	RECONCILE_HANDLERS,
	.fini = fini,
};
