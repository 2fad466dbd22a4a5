/* Deployments. What is to be done is deployment_plan.h, what is said is
 * deployment_status.c; here are the facts that both need, and the writes.
 *
 * The new set's name comes from the template, so that it is made once, whoever
 * asks how often. A name that somebody else's set has is told in the status as
 * a collision, and the next name is another one.
 *
 * Every write on a set rests on the deployment and on the set: what was
 * planned from an older one of either is refused and planned again. */
#include "actors/controllers/deployment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/deployment_private.h"
#include "actors/controllers/replica.h"
#include "actors/controllers/revision.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

#define HISTORY "deployment.kubernetes.io/revision-history"
#define DESIRED "deployment.kubernetes.io/desired-replicas"
#define MOST "deployment.kubernetes.io/max-replicas"

enum { CREATE = 1, CHANGE };

static const char *const streams[] = {"deployments.apps", "replicasets.apps", "pods", "namespaces",
				      NULL};

struct state {
	struct reconciler r; /* first */
	struct children sets;
	struct view *pod_view;
	struct view_index *pod_index;
	struct omap failures; /* key -> why its new set could not be made */
};

/* What the event of a write says. */
struct scaling {
	struct span set;
	int64_t from, to;
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which deployments a change is about */

/* Recreate waits for the last pod of the old sets. */
static void pod_gone(struct ctx *c, struct reconciler *r, struct mp pod)
{
	struct state *s = state_of(r);
	struct owner_ref ref;
	struct buf b = {0};
	if (!owners_controller(pod, &ref) || !span_is(ref.kind, "ReplicaSet"))
		return;
	schema_key(&b, s->sets.resource, object_namespace(pod), ref.name);
	children_want_owner(c, r, &s->sets, view_get(s->sets.view, span_buf(&b)));
	buf_fini(&b);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (children_changed(c, r, &s->sets, v))
		return;
	if (v->view == s->pod_view) {
		if (!v->now)
			pod_gone(c, r, object_of(v->was));
	} else if (v->view == s->sets.owner_view) {
		if (v->now)
			reconcile_want(c, r, v->key);
		else
			free(omap_remove(&s->failures, v->key));
	}
}

/* ---- facts */

static int pod_runs(void *arg, const struct view_found *found)
{
	const struct replica *pod = found->facts;
	(void)arg;
	return !pod->ended;
}

static bool old_pods_run(struct state *s, const struct rollout_set *sets, size_t n,
			 uint64_t digest)
{
	for (size_t i = 0; i < n; i++)
		if (sets[i].child.owned && sets[i].digest != digest &&
		    view_index_each(s->pod_index, sets[i].child.uid, pod_runs, NULL))
			return true;
	return false;
}

static struct rollout_want read_want(struct mp d)
{
	struct mp template = {0};
	struct rollout_want w = {
		.replicas = mp_path_int(d, "spec.replicas", 1),
		.min_ready_s = mp_path_int(d, "spec.minReadySeconds", 0),
		.history = mp_path_int(d, "spec.revisionHistoryLimit", -1),
		.status_replicas = mp_path_int(d, "status.replicas", 0),
		.recreate = span_is(mp_path_str(d, "spec.strategy.type"), "Recreate"),
		.paused = mp_path_bool(d, "spec.paused", false),
		.deleting = object_is_deleting(d),
	};
	mp_path(d, "spec.template", &template);
	w.digest = revision_digest(template);
	if (!w.recreate)
		rollout_bounds(d, &w.surge, &w.unavailable);
	return w;
}

/* ---- the new set */

static const char *set_hash(struct arena *a, struct mp d, uint64_t digest)
{
	char text[REVISION_TEXT_MAX];
	revision_text(text, digest, mp_path_int(d, "status.collisionCount", 0));
	return arena_dup(a, text);
}

static struct span set_name(struct arena *a, struct mp d, const char *hash)
{
	struct span name = object_name(d);
	return span_of(
		arena_printf(a, "%.*s-%s", (int)name.len, (const char *)name.data, hash));
}

static void put_number(struct arena *a, struct doc *map, const char *key, int64_t n)
{
	doc_set(a, map, key, doc_printf(a, "%lld", (long long)n));
}

static bool is_own_annotation(struct span key)
{
	static const char *const own[] = {
		"kubectl.kubernetes.io/last-applied-configuration", DEPLOYMENT_REVISION, HISTORY,
		DESIRED, MOST, "deprecated.deployment.rollback.to"};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (span_is(key, own[i]))
			return true;
	return false;
}

/* What of the deployment's annotations a set has not, or has otherwise. */
static struct doc *inherited(struct arena *a, const struct doc *d, const struct doc *set)
{
	struct doc *out = doc_new(a, DOC_MAP);
	const struct doc *has = doc_path(set, "metadata.annotations");
	const struct doc *all = doc_path(d, "metadata.annotations");
	if (doc_is(all, DOC_MAP))
		DOC_EACH(x, all)
			if (!is_own_annotation(x->key) &&
			    !doc_equal(x, doc_get_span(has, x->key)))
				doc_set_span(a, out, x->key, doc_copy(a, x));
	return out;
}

static void put_scaling(struct arena *a, struct doc *annotations, const struct rollout_want *w)
{
	put_number(a, annotations, DESIRED, w->replicas);
	put_number(a, annotations, MOST, w->replicas + w->surge);
}

static struct doc *set_body(struct arena *a, struct mp deployment, const char *hash,
			    const struct rollout_want *w, const struct deployment_plan *p)
{
	struct doc *d = object_tree(a, deployment), *set = doc_new(a, DOC_MAP);
	struct doc *template = doc_copy(a, doc_path(d, "spec.template"));
	doc_set(a, doc_need_map(a, doc_need_map(a, template, "metadata"), "labels"),
		REVISION_LABEL, doc_str(a, hash));
	doc_set_str(a, set, "apiVersion", "apps/v1");
	doc_set_str(a, set, "kind", "ReplicaSet");
	struct doc *meta = doc_set(a, set, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "name", doc_span(a, set_name(a, deployment, hash)));
	doc_set(a, meta, "labels", doc_copy(a, doc_path(template, "metadata.labels")));
	struct doc *annotations = doc_set(a, meta, "annotations", inherited(a, d, NULL));
	put_scaling(a, annotations, w);
	put_number(a, annotations, DEPLOYMENT_REVISION, p->revision);
	doc_add(doc_set(a, meta, "ownerReferences", doc_new(a, DOC_ARRAY)),
		owners_new_ref(a, deployment));
	struct doc *spec = doc_set(a, set, "spec", doc_new(a, DOC_MAP));
	doc_set_int(a, spec, "replicas", p->create_replicas);
	if (w->min_ready_s)
		doc_set_int(a, spec, "minReadySeconds", w->min_ready_s);
	struct doc *selector = doc_copy(a, doc_path(d, "spec.selector"));
	doc_set(a, doc_need_map(a, selector, "matchLabels"), REVISION_LABEL, doc_str(a, hash));
	doc_set(a, spec, "selector", selector);
	doc_set(a, spec, "template", template);
	return set;
}

static const struct scaling *scaling_of(struct arena *a, struct span set, int64_t from, int64_t to)
{
	struct scaling *s = arena_alloc(a, sizeof *s);
	*s = (struct scaling){object_copy(a, set), from, to};
	return s;
}

/* Whether somebody has the name that the new set shall have. One of ours with
 * that name is on its way out, and is waited for. */
static bool make_set(struct reconciler *r, struct reconcile_item *i, struct span key, struct mp d,
		     const struct rollout_want *w, const struct deployment_plan *p)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct buf b = {0};
	struct owner_ref ref;
	const char *hash = set_hash(a, d, w->digest);
	struct span name = set_name(a, d, hash), ns = object_namespace(d);
	schema_key(&b, s->sets.resource, ns, name);
	struct mp there = object_of(view_get(s->sets.view, span_buf(&b)));
	buf_fini(&b);
	if (there.p)
		return !object_is_deleting(there) || !owners_controller(there, &ref) ||
		       !span_eq(ref.uid, object_uid(d));
	struct reconcile_action *x = children_create(r, i, &s->sets, key, ns);
	x->what = CREATE;
	x->name = name;
	x->body = set_body(a, d, hash, w, p);
	x->own = scaling_of(a, name, 0, p->create_replicas);
	return false;
}

/* ---- sets that there are */

static const char *longer_history(struct arena *a, const struct doc *set, int64_t was)
{
	struct span h = doc_get_str(doc_path(set, "metadata.annotations"), HISTORY);
	return h.len ? arena_printf(a, "%.*s,%lld", (int)h.len, (const char *)h.data,
				    (long long)was)
		     : arena_printf(a, "%lld", (long long)was);
}

/* What the new set takes over from the deployment. */
static void take_over(struct arena *a, struct doc *annotations, struct doc *spec,
		      const struct doc *set, const struct rollout_want *w,
		      const struct deployment_plan *p)
{
	const struct rollout_set *f = p->fresh;
	if (f->revision != p->revision) {
		put_number(a, annotations, DEPLOYMENT_REVISION, p->revision);
		if (f->revision)
			doc_set_str(a, annotations, HISTORY,
				    longer_history(a, set, f->revision));
	}
	if (f->min_ready_s != w->min_ready_s)
		doc_set_int(a, spec, "minReadySeconds", w->min_ready_s);
}

static void change_set(struct reconciler *r, struct reconcile_item *i, struct span key,
		       struct mp deployment, const struct rollout_want *w,
		       const struct deployment_plan *p, const struct rollout_set *set,
		       const struct set_change *change)
{
	struct arena *a = reconcile_arena(i);
	struct doc *annotations = doc_new(a, DOC_MAP), *spec = doc_new(a, DOC_MAP);
	if (set == p->fresh) {
		struct doc *now = object_tree(a, object_of(reconcile_get(r, set->child.key)));
		annotations = inherited(a, object_tree(a, deployment), now);
		take_over(a, annotations, spec, now, w, p);
	}
	if (change) {
		doc_set_int(a, spec, "replicas", change->replicas);
		put_scaling(a, annotations, w);
	}
	if (!annotations->count && !spec->count)
		return;
	struct reconcile_action *x =
		children_act(r, i, &state_of(r)->sets, key, &set->child, OBJ_PATCH_MERGE);
	x->what = CHANGE;
	x->body = doc_new(a, DOC_MAP);
	struct doc *meta = doc_set(a, x->body, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "uid", doc_span(a, x->uid));
	if (annotations->count)
		doc_set(a, meta, "annotations", annotations);
	if (spec->count)
		doc_set(a, x->body, "spec", spec);
	if (change && change->replicas != set->replicas)
		x->own = scaling_of(a, set->child.name, set->replicas, change->replicas);
}

static void change_sets(struct reconciler *r, struct reconcile_item *i, struct span key,
			struct mp d, const struct rollout_want *w, const struct deployment_plan *p)
{
	const struct set_change *of_fresh = NULL;
	for (size_t k = 0; k < p->change_count; k++) {
		if (p->changes[k].set == p->fresh)
			of_fresh = &p->changes[k];
		else
			change_set(r, i, key, d, w, p, p->changes[k].set, &p->changes[k]);
	}
	if (p->fresh && !w->deleting)
		change_set(r, i, key, d, w, p, p->fresh, of_fresh);
}

/* ---- the deployment itself */

static void note_revision(struct reconciler *r, struct reconcile_item *i, struct span key,
			  struct mp d, const struct deployment_plan *p)
{
	struct arena *a = reconcile_arena(i);
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)p->revision);
	if (!p->fresh || span_is(object_annotation(d, DEPLOYMENT_REVISION), text))
		return;
	struct reconcile_action *x = reconcile_add(i, OBJ_PATCH_MERGE, state_of(r)->sets.owners,
						   object_copy(a, object_namespace(d)),
						   object_copy(a, object_name(d)));
	x->body = doc_new(a, DOC_MAP);
	struct doc *meta = doc_set(a, x->body, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "uid", doc_span(a, object_copy(a, object_uid(d))));
	doc_set_str(a, doc_set(a, meta, "annotations", doc_new(a, DOC_MAP)), DEPLOYMENT_REVISION,
		    arena_dup(a, text));
	reconcile_rest_on(r, i, x, key);
}

/* ---- the plan */

static void act(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		struct mp d, const struct rollout_want *w, const struct deployment_plan *p,
		bool *collides)
{
	const struct children *sets = &state_of(r)->sets;
	for (size_t k = 0; k < p->adopt_count; k++)
		children_adopt(r, i, sets, key, &p->adopt[k]->child);
	for (size_t k = 0; k < p->release_count; k++)
		children_release(r, i, sets, key, &p->release[k]->child);
	if (p->create)
		*collides = make_set(r, i, key, d, w, p);
	change_sets(r, i, key, d, w, p);
	if (p->remove_count && reconcile_fresh(c, r, i))
		for (size_t k = 0; k < p->remove_count; k++)
			children_act(r, i, sets, key, &p->remove[k]->child, OBJ_DELETE);
	if (!w->deleting)
		note_revision(r, i, key, d, p);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct deployment_plan p;
	struct status st;
	struct mp d = object_of(reconcile_get(r, key));
	bool collides = false;
	size_t n;
	if (!d.p)
		return;
	struct rollout_set *sets = children_gather(&s->sets, a, d, &n);
	struct rollout_want w = read_want(d);
	w.old_pods_run = w.recreate && old_pods_run(s, sets, n, w.digest);
	deployment_plan(a, sets, n, &w, &p);
	const char *why = p.create ? omap_get(&s->failures, key) : NULL;
	status_begin(&st, a, d, ctx_wall_us(c));
	uint64_t in_us = deployment_say(&st, &p, &w, why);
	/* What cannot be done is told before it is tried again. */
	if (!why || status_told(&st))
		act(c, r, i, key, d, &w, &p, &collides);
	if (!p.create)
		free(omap_remove(&s->failures, key));
	if (collides)
		status_int(&st, "collisionCount", mp_path_int(d, "status.collisionCount", 0) + 1);
	/* The set that is made brings the next plan, which has more to tell. */
	bool later = p.create && !why && !collides;
	struct reconcile_action *told = later ? NULL : status_write(i, &st, s->sets.owners);
	if (told)
		told->report = why != NULL;
	if (in_us)
		reconcile_later(c, i, in_us);
}

/* ---- what became of it */

static void tell_scaling(struct ctx *c, struct reconciler *r, struct mp d,
			 const struct scaling *s)
{
	if (s->from == s->to)
		return;
	reconcile_event(c, r, d, "Normal", "ScalingReplicaSet",
			"Scaled %s replica set %.*s from %lld to %lld",
			s->to > s->from ? "up" : "down", (int)s->set.len,
			(const char *)s->set.data, (long long)s->from, (long long)s->to);
}

static void note_failure(struct ctx *c, struct reconciler *r, struct span key, struct mp d,
			 const struct reconcile_action *x, const struct doc *status)
{
	struct state *s = state_of(r);
	const char *was = omap_get(&s->failures, key);
	struct span m = doc_get_str(status, "message");
	char *why = arena_printf(ctx_arena(c), "Failed to create new replica set \"%.*s\": %.*s",
				 (int)x->name.len, (const char *)x->name.data, (int)m.len,
				 (const char *)m.data);
	if (doc_str_is(doc_path(status, "details.causes[0].reason"), "NamespaceTerminating") ||
	    (was && strcmp(was, why) == 0))
		return;
	free(omap_put(&s->failures, key, mem_dup(why)));
	reconcile_event(c, r, d, "Warning", "ReplicaSetCreateError", "%s", why);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct mp d = object_of(reconcile_get(r, key));
	if (!d.p)
		return;
	if (answer->code < 300 && x->own)
		tell_scaling(c, r, d, x->own);
	else if (x->what == CREATE && answer->code != 409)
		note_failure(c, r, key, d, x, answer->status);
}

/* ---- life */

static const struct children_spec children = {
	.owner_stream = "deployments.apps",
	.owner_kind = "Deployment",
	.stream = "replicasets.apps",
	.index = &rollout_set_index,
};

static const struct reconcile_spec spec = {
	.name = "deployment-controller",
	.fence = "deployment",
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
	children_init(c, &s->r, &s->sets, &children);
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	s->pod_index = ctx_index(c, s->pod_view, &replica_index);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->failures, free);
	reconcile_fini(&s->r);
}

const struct actor_spec deployment_actor = {
	.kind = "deployment",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
