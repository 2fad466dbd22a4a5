/* One key per pod. The create rests on the pod, so that no claim is made for one
 * that is gone; a claim of another owner is left alone, and the pod waits. */
#include "actors/controllers/ephemeral_volume.h"

#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"
#include "actors/objects/volume_index.h"
#include "actors/objects/volume_match.h"

static const char *const streams[] = {"pods", "persistentvolumeclaims", "namespaces", NULL};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *pods, *claims;
	struct view *pod_view, *claim_view;
	struct view_index *users;
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which pods a change is about */

static void note_ephemeral(void *arg, const struct pod_claim_name *n)
{
	*(bool *)arg |= n->ephemeral.p != NULL;
}

static bool has_ephemeral(struct mp pod)
{
	bool has = false;
	pod_claims_each(pod, note_ephemeral, &has);
	return has;
}

struct wanting {
	struct ctx *c;
	struct reconciler *r;
};

static int want_found(void *arg, const struct view_found *f)
{
	struct wanting *w = arg;
	if (has_ephemeral(object_of(f->object)))
		reconcile_want(w->c, w->r, f->key);
	return 0;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct wanting w = {c, r};
	char text[VOLUME_UNDER_MAX];
	bool is_new = v->now && !span_eq(object_uid(object_of(v->now)),
					 v->was ? object_uid(object_of(v->was)) : (struct span){0});
	if (v->view == s->pod_view && is_new && has_ephemeral(object_of(v->now)))
		reconcile_want(c, r, v->key);
	if (v->view == s->claim_view && !v->now)
		view_index_each(s->users,
				pods_with(text, object_namespace(object_of(v->was)),
					  object_name(object_of(v->was))),
				want_found, &w);
}

/* ---- the plan */

struct planning {
	struct reconciler *r;
	struct reconcile_item *i;
	struct span key;
	struct mp pod;
};

static struct doc *claim_body(struct arena *a, struct mp pod, struct span name, struct mp source)
{
	static const char *const parts[] = {"labels", "annotations"};
	struct doc *template = doc_path(object_tree(a, source), "volumeClaimTemplate");
	struct doc *claim = doc_new(a, DOC_MAP), *m = doc_new(a, DOC_MAP);
	struct doc *owners = doc_new(a, DOC_ARRAY);
	doc_set_str(a, claim, "apiVersion", "v1");
	doc_set_str(a, claim, "kind", "PersistentVolumeClaim");
	doc_set(a, claim, "metadata", m);
	doc_set(a, m, "name", doc_span(a, name));
	for (size_t k = 0; k < 2; k++) {
		const struct doc *d = doc_get(doc_get(template, "metadata"), parts[k]);
		if (doc_is(d, DOC_MAP))
			doc_set(a, m, parts[k], doc_copy(a, d));
	}
	doc_add(owners, owners_new_ref(a, pod));
	doc_set(a, m, "ownerReferences", owners);
	doc_set(a, claim, "spec", doc_copy(a, doc_get(template, "spec")));
	return claim;
}

static void need_claim(void *arg, const struct pod_claim_name *n)
{
	struct planning *p = arg;
	struct arena *a = reconcile_arena(p->i);
	const struct schema_resource *claims = state_of(p->r)->claims;
	struct span ns = object_namespace(p->pod), name = object_copy(a, n->claim);
	struct buf b = {0};
	if (!n->ephemeral.p)
		return;
	schema_key(&b, claims, ns, name);
	bool there = reconcile_get(p->r, span_buf(&b)) != NULL;
	buf_fini(&b);
	if (there)
		return;
	struct reconcile_action *x = reconcile_add(p->i, OBJ_CREATE, claims, object_copy(a, ns), name);
	x->body = claim_body(a, p->pod, name, n->ephemeral);
	reconcile_rest_on(p->r, p->i, x, p->key);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct planning p = {r, i, key, object_of(reconcile_get(r, key))};
	(void)c;
	if (p.pod.p && !object_is_deleting(p.pod))
		pod_claims_each(p.pod, need_claim, &p);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "ephemeral_volume",
	.fence = "ephemeral-volume",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->pods = reconcile_resource(&s->r, "pods");
	s->claims = reconcile_resource(&s->r, "persistentvolumeclaims");
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	s->claim_view = reconcile_view(&s->r, span_of("persistentvolumeclaims"));
	s->users = ctx_index(c, s->pod_view, &pods_by_claim);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	reconcile_fini(&s->r);
}

const struct actor_spec ephemeral_volume_actor = {
	.kind = "ephemeral-volume",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
