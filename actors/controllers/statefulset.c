/* Stateful sets. What is to be done is statefulset_plan.h, what pods and claims
 * are made of stateful_pod.h, which template has which revision history.h;
 * here are the facts and the writes.
 *
 * Names are numbers: one that is there is never made again beside itself, and
 * whoever makes it twice is told that it exists. Claims are made before their
 * pod, and outlive it.
 *
 * Where several pods leave together their names stay free for a moment. `kubectl
 * delete` waits for one after the other: it gets the pod, lists it some milliseconds
 * later, and waits for ever when another of that name was made in between
 * (kubernetes/kubernetes#135562). A lone one is made again at once: who deletes it and
 * then looks expects it there. */
#include "actors/controllers/statefulset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/history.h"
#include "actors/controllers/stateful_pod.h"
#include "actors/controllers/statefulset_plan.h"
#include "actors/controllers/status.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { CREATE = 1, DELETE, CLAIM };
#define FREE_US UINT64_C(250000)

static const char *const streams[] = {
	"statefulsets.apps",	  "pods", "controllerrevisions.apps", "persistentvolumeclaims",
	"namespaces",		  NULL};

/* Monotonic. */
struct freed {
	uint64_t at_us;	   /* when a pod of it went last */
	uint64_t until_us; /* it makes none before */
};

struct state {
	struct reconciler r; /* first */
	struct children pods, revisions;
	struct omap freed; /* a set's uid -> struct freed; cache */
	const struct schema_resource *claims;
	struct view *claim_view;
};

/* Of a pod's write. */
struct stateful_act {
	int64_t ordinal;
	struct span revision, revision_key; /* empty key: of the set's own template */
	struct span pod;		    /* of a claim: for whom it is */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which sets a change is about */

/* A claim that is gone is made again: by whichever set of its namespace. */
static void claim_gone(struct ctx *c, struct reconciler *r, struct mp claim)
{
	const struct state *s = state_of(r);
	struct objects_in it =
		objects_in(s->pods.owner_view, s->pods.owners, object_namespace(claim));
	while (objects_next(&it))
		reconcile_want(c, r, it.key);
}

/* The pod's set, where it is still there. */
static bool set_of(const struct state *s, struct mp pod, struct owner_ref *set)
{
	struct buf key = {0};
	if (!owners_controller(pod, set) || !span_is(set->kind, s->pods.owners->kind))
		return false;
	schema_key(&key, s->pods.owners, object_namespace(pod), set->name);
	bool there = span_eq(object_uid(object_of(view_get(s->pods.owner_view, span_buf(&key)))),
			     set->uid);
	buf_fini(&key);
	return there;
}

static void note_freed(struct ctx *c, struct state *s, struct mp pod)
{
	struct owner_ref set;
	if (!set_of(s, pod, &set))
		return;
	struct freed *f = omap_get(&s->freed, set.uid);
	uint64_t now = ctx_now_us(c);
	if (!f) {
		f = mem_alloc(sizeof *f);
		omap_put(&s->freed, set.uid, f);
	}
	if (children_leave(&s->pods, set.uid) || (f->at_us && now < f->at_us + FREE_US))
		f->until_us = now + FREE_US;
	f->at_us = now;
}

/* How long the set makes no pod yet. */
static uint64_t stays_free_us(struct ctx *c, const struct state *s, struct mp set)
{
	const struct freed *f = omap_get(&s->freed, object_uid(set));
	uint64_t now = ctx_now_us(c);
	return f && now < f->until_us ? f->until_us - now : 0;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (v->view == s->pods.view && !v->now)
		note_freed(c, s, object_of(v->was));
	if (v->view == s->pods.owner_view && !v->now)
		free(omap_remove(&s->freed, object_uid(object_of(v->was))));
	if (children_changed(c, r, &s->pods, v) || children_changed(c, r, &s->revisions, v))
		return;
	if (v->view == s->pods.owner_view && v->now)
		reconcile_want(c, r, v->key);
	else if (v->view == s->claim_view && !v->now)
		claim_gone(c, r, object_of(v->was));
}

/* ---- facts */

/* The revision that the set has reached: named by its status, or the latest. */
static const struct revision *current_of(const struct history *h, struct mp set)
{
	struct span name = mp_path_str(set, "status.currentRevision");
	for (size_t i = 0; i < h->count; i++)
		if (name.len && span_eq(h->list[i].child.name, name))
			return &h->list[i];
	return h->now;
}

static struct statefulset_want read_want(struct mp set, const struct history *h)
{
	struct statefulset_want w = {
		.start = mp_path_int(set, "spec.ordinals.start", 0),
		.replicas = mp_path_int(set, "spec.replicas", 1),
		.partition = mp_path_int(set, "spec.updateStrategy.rollingUpdate.partition", 0),
		.ordered = !span_is(mp_path_str(set, "spec.podManagementPolicy"), "Parallel"),
		.rolling = span_is(mp_path_str(set, "spec.updateStrategy.type"), "RollingUpdate"),
		.deleting = object_is_deleting(set),
	};
	if (w.replicas > STATEFUL_MAX)
		w.replicas = STATEFUL_MAX;
	const struct revision *current = current_of(h, set);
	if (current)
		w.current = current->child.name;
	if (h->now)
		w.update = h->now->child.name;
	return w;
}

/* NULL: some are adopted first; what is there is known when they are ours. */
static struct ordinal_pod *gather(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
				  struct span key, struct mp set, size_t *count)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	int64_t min_ready_s = mp_path_int(set, "spec.minReadySeconds", 0), in_us;
	size_t n, own = 0, adopted = 0;
	struct replica *all = children_gather(&s->pods, a, set, &n);
	struct ordinal_pod *list = arena_alloc(a, (n + 1) * sizeof *list);
	bool deleting = object_is_deleting(set);
	for (size_t k = 0; k < n; k++) {
		struct replica *p = &all[k];
		int64_t ordinal = statefulset_ordinal(object_name(set), p->child.name);
		bool member = p->child.selected && ordinal >= 0;
		if (p->child.owned && !member && !deleting)
			children_release(r, i, &s->pods, key, &p->child);
		if (!p->child.owned && member && replica_is_active(p) && !deleting) {
			children_adopt(r, i, &s->pods, key, &p->child);
			adopted++;
		}
		if (!p->child.owned || !member)
			continue;
		struct ordinal_pod *o = &list[own++];
		*o = (struct ordinal_pod){.pod = p, .ordinal = ordinal};
		o->revision = object_label(object_of(reconcile_get(r, p->child.key)), HISTORY_HASH);
		o->available = replica_is_available(p, min_ready_s, ctx_wall_us(c), &in_us);
		if (in_us)
			reconcile_later(c, i, (uint64_t)in_us);
	}
	*count = own;
	return adopted ? NULL : list;
}

/* ---- claims */

struct claiming {
	struct reconciler *r;
	struct reconcile_item *i;
	struct span key; /* of the set */
	struct mp set;
	struct span pod, pod_uid;
	size_t writes, blocked;
};

static struct span claim_key(const struct claiming *x, struct arena *a, struct span name)
{
	struct buf b = {0};
	schema_key(&b, state_of(x->r)->claims, object_namespace(x->set), name);
	struct span key = object_copy(a, span_buf(&b));
	buf_fini(&b);
	return key;
}

static struct mp claim_of(const struct claiming *x, struct span name)
{
	struct span key = claim_key(x, reconcile_arena(x->i), name);
	return object_of(view_get(state_of(x->r)->claim_view, key));
}

static void need_claim(void *arg, struct span name, const struct doc *template)
{
	struct claiming *x = arg;
	struct arena *a = reconcile_arena(x->i);
	struct mp there = claim_of(x, name);
	if (there.p) {
		x->blocked += object_is_deleting(there);
		return;
	}
	struct stateful_act *own = arena_alloc(a, sizeof *own);
	own->pod = x->pod;
	struct reconcile_action *w =
		reconcile_add(x->i, OBJ_CREATE, state_of(x->r)->claims,
			      object_copy(a, object_namespace(x->set)), name);
	w->what = CLAIM;
	w->own = own;
	w->body = stateful_claim_body(a, x->set, template, name);
	reconcile_rest_on(x->r, x->i, w, x->key);
	x->writes++;
}

static void note_owner(void *arg, const struct owner_ref *ref)
{
	struct claiming *x = arg;
	x->blocked += span_eq(ref->uid, x->pod_uid);
}

static struct doc *other_owners(struct arena *a, struct mp claim, struct span uid)
{
	struct doc *rest = owners_without(a, claim, uid);
	const struct doc *all = doc_path(object_tree(a, claim), "metadata.ownerReferences");
	if (rest)
		return rest;
	return doc_is(all, DOC_ARRAY) ? doc_copy(a, all) : doc_new(a, DOC_ARRAY);
}

/* The claim goes with the pod that is let go (whenScaled: Delete), and is the
 * set's no more. */
static void bequeath(void *arg, struct span name, const struct doc *template)
{
	struct claiming *x = arg;
	struct arena *a = reconcile_arena(x->i);
	struct mp claim = claim_of(x, name);
	(void)template;
	x->blocked = 0;
	if (claim.p)
		owners_each(claim, note_owner, x);
	if (!claim.p || object_is_deleting(claim) || x->blocked)
		return;
	struct reconcile_action *w =
		reconcile_add(x->i, OBJ_PATCH_MERGE, state_of(x->r)->claims,
			      object_copy(a, object_namespace(x->set)), name);
	struct doc *ref = doc_new(a, DOC_MAP);
	struct doc *list = other_owners(a, claim, object_uid(x->set));
	doc_set_str(a, ref, "apiVersion", "v1");
	doc_set_str(a, ref, "kind", "Pod");
	doc_set(a, ref, "name", doc_span(a, x->pod));
	doc_set(a, ref, "uid", doc_span(a, object_copy(a, x->pod_uid)));
	doc_add(list, ref);
	w->body = doc_new(a, DOC_MAP);
	doc_path_set(a, w->body, "metadata.ownerReferences", list);
	reconcile_rest_on(x->r, x->i, w, x->key);
	x->writes++;
}

/* A claim that was made under another policy for the set's end. */
static void follow_policy(void *arg, struct span name, const struct doc *template)
{
	struct claiming *x = arg;
	struct arena *a = reconcile_arena(x->i);
	struct mp claim = claim_of(x, name);
	bool wanted = stateful_claims_go_with(x->set);
	(void)template;
	x->pod_uid = object_uid(x->set);
	x->blocked = 0;
	if (claim.p)
		owners_each(claim, note_owner, x);
	if (!claim.p || object_is_deleting(claim) || wanted == (x->blocked > 0))
		return;
	struct reconcile_action *w =
		reconcile_add(x->i, OBJ_PATCH_MERGE, state_of(x->r)->claims,
			      object_copy(a, object_namespace(x->set)), name);
	struct doc *list = other_owners(a, claim, object_uid(x->set));
	if (wanted)
		doc_add(list, stateful_claim_owner(a, x->set));
	w->body = doc_new(a, DOC_MAP);
	doc_path_set(a, w->body, "metadata.ownerReferences",
		     list->count ? list : doc_new(a, DOC_NULL));
	/* On the claim too: its list is written whole. */
	struct store_compare *basis = arena_alloc(a, 2 * sizeof *basis);
	basis[0] = reconcile_basis(x->r, object_copy(a, x->key));
	basis[1] = reconcile_basis(x->r, claim_key(x, a, name));
	w->basis = basis;
	w->basis_count = 2;
	x->writes++;
}

static struct claiming claiming_of(struct reconciler *r, struct reconcile_item *i, struct span key,
				   struct mp set, int64_t ordinal)
{
	return (struct claiming){.r = r,
				 .i = i,
				 .key = key,
				 .set = set,
				 .pod = stateful_pod_name(reconcile_arena(i), set, ordinal)};
}

static bool is_observed(struct mp set)
{
	return mp_path_int(set, "status.observedGeneration", 0) == mp_path_int(set, "metadata.generation", 0);
}

/* Asked once for each generation: until its status has observed it. Whether all
 * claims are by the policy. */
static bool claims_follow(struct reconciler *r, struct reconcile_item *i, struct span key,
			  struct mp set, const struct statefulset_want *want,
			  const struct ordinal_pod *pods, size_t n)
{
	size_t writes = 0;
	if (is_observed(set))
		return true;
	for (size_t k = 0; k < n; k++) {
		struct claiming x = claiming_of(r, i, key, set, pods[k].ordinal);
		/* The claims of pods that are too many are the pods' (bequeath). */
		if (pods[k].ordinal >= want->start &&
		    pods[k].ordinal < want->start + want->replicas)
			stateful_claims_each(reconcile_arena(i), set, pods[k].ordinal, follow_policy,
					     &x);
		writes += x.writes;
	}
	return writes == 0;
}

/* ---- the plan */

static void create(struct reconciler *r, struct reconcile_item *i, struct span key, struct mp set,
		   const struct history *h, const struct ordinal_create *o)
{
	struct arena *a = reconcile_arena(i);
	struct claiming x = claiming_of(r, i, key, set, o->ordinal);
	const struct revision *v = o->of_current ? current_of(h, set) : h->now;
	stateful_claims_each(a, set, o->ordinal, need_claim, &x);
	if (x.writes || x.blocked)
		return;
	struct stateful_act *own = arena_alloc(a, sizeof *own);
	*own = (struct stateful_act){.ordinal = o->ordinal,
				     .revision = object_copy(a, v->child.name),
				     .pod = x.pod};
	if (v != h->now)
		own->revision_key = object_copy(a, v->child.key);
	struct reconcile_action *w =
		children_create(r, i, &state_of(r)->pods, key, object_namespace(set));
	w->what = CREATE;
	w->name = x.pod;
	w->own = own;
}

static void let_go(struct reconciler *r, struct reconcile_item *i, struct span key, struct mp set,
		   const struct ordinal_remove *o)
{
	struct claiming x = claiming_of(r, i, key, set, o->pod->ordinal);
	x.pod_uid = o->pod->pod->child.uid;
	if (o->condemned &&
	    span_is(mp_path_str(set, "spec.persistentVolumeClaimRetentionPolicy.whenScaled"),
		    "Delete"))
		stateful_claims_each(reconcile_arena(i), set, o->pod->ordinal, bequeath, &x);
	if (!x.writes)
		children_act(r, i, &state_of(r)->pods, key, &o->pod->pod->child, OBJ_DELETE)->what =
			DELETE;
}

struct living {
	const struct ordinal_pod *pods;
	size_t count;
	struct span current;
};

static bool revision_lives(void *arg, const struct revision *v)
{
	const struct living *l = arg;
	for (size_t i = 0; i < l->count; i++)
		if (span_eq(l->pods[i].revision, v->child.name))
			return true;
	return span_eq(l->current, v->child.name);
}

static void say(struct status *st, const struct statefulset_plan *p,
		const struct statefulset_want *w)
{
	status_int(st, "replicas", p->replicas);
	status_count(st, "readyReplicas", p->ready);
	status_int(st, "availableReplicas", p->available);
	status_count(st, "currentReplicas", p->current);
	status_count(st, "updatedReplicas", p->updated);
	status_set(st, "currentRevision",
		   doc_span(st->arena, object_copy(st->arena, p->complete ? w->update : w->current)));
	status_set(st, "updateRevision", doc_span(st->arena, object_copy(st->arena, w->update)));
	status_int(st, "collisionCount", mp_path_int(st->object, "status.collisionCount", 0));
	status_observed(st);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp set = object_of(reconcile_get(r, key));
	struct statefulset_plan p;
	struct history h;
	struct status st;
	bool collides = false;
	size_t n;
	if (!set.p)
		return;
	history_read(&h, r, i, &s->revisions, key, set);
	status_begin(&st, a, set, ctx_wall_us(c));
	if (object_is_deleting(set))
		return;
	if (!history_keep(&h, r, i, &s->revisions, key, set, &collides)) {
		if (collides) {
			status_int(&st, "replicas", mp_path_int(set, "status.replicas", 0));
			status_int(&st, "collisionCount",
				   mp_path_int(set, "status.collisionCount", 0) + 1);
			status_write(i, &st, s->pods.owners);
		}
		return;
	}
	struct statefulset_want w = read_want(set, &h);
	struct ordinal_pod *pods = gather(c, r, i, key, set, &n);
	if (!pods)
		return;
	statefulset_plan(a, pods, n, &w, &p);
	uint64_t later = p.create_count ? stays_free_us(c, s, set) : 0;
	if (later)
		reconcile_later(c, i, later);
	for (size_t k = 0; !later && k < p.create_count; k++)
		create(r, i, key, set, &h, &p.create[k]);
	if (p.remove_count && reconcile_fresh(c, r, i))
		for (size_t k = 0; k < p.remove_count; k++)
			let_go(r, i, key, set, &p.remove[k]);
	struct living living = {pods, n, w.current};
	history_forget(&h, r, i, &s->revisions, key,
		       mp_path_int(set, "spec.revisionHistoryLimit", 10), revision_lives, &living);
	if (!claims_follow(r, i, key, set, &w, pods, n))
		return;
	if (mp_path_int(set, "spec.replicas", 1) > STATEFUL_MAX && !is_observed(set))
		reconcile_event(c, r, set, "Warning", "FailedCreate",
				"more replicas are wanted than one stateful set has: the limit is %d", STATEFUL_MAX);
	say(&st, &p, &w);
	status_write(i, &st, s->pods.owners);
}

static struct doc *body(struct ctx *c, struct reconciler *r, const struct reconcile_action *x,
			struct arena *a)
{
	const struct stateful_act *own = x->own;
	struct mp revision = {0};
	(void)c;
	if (own->revision_key.len)
		revision = object_of(reconcile_get(r, own->revision_key));
	return stateful_pod_body(a, object_of(reconcile_get(r, x->basis[0].key)), own->ordinal,
				 revision, own->revision);
}

/* ---- what became of it */

static void tell(struct ctx *c, struct reconciler *r, struct mp set, const char *verb,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	const struct stateful_act *own = x->own;
	struct span name = object_name(set), m = doc_get_str(answer->status, "message");
	bool well = answer->code < 300, removed = x->what == DELETE;
	char what[600];
	int n = x->what == CLAIM
			? snprintf(what, sizeof what, "Claim %.*s Pod %.*s", (int)x->name.len,
				   (const char *)x->name.data, (int)own->pod.len,
				   (const char *)own->pod.data)
			: snprintf(what, sizeof what, "Pod %.*s", (int)x->name.len,
				   (const char *)x->name.data);
	if (n < 0)
		return;
	const char *reason = removed ? (well ? "SuccessfulDelete" : "FailedDelete")
				     : (well ? "SuccessfulCreate" : "FailedCreate");
	if (well)
		reconcile_event(c, r, set, "Normal", reason, "%s %s in StatefulSet %.*s %s", verb,
				what, (int)name.len, (const char *)name.data,
				x->what == CLAIM ? "success" : "successful");
	else
		reconcile_event(c, r, set, "Warning", reason,
				"%s %s in StatefulSet %.*s failed error: %.*s", verb, what,
				(int)name.len, (const char *)name.data, (int)m.len,
				(const char *)m.data);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct mp set = object_of(reconcile_get(r, key));
	/* Refused because something changed meanwhile: planned again. */
	bool stale = answer->code == 409 &&
		     !doc_str_is(doc_get(answer->status, "reason"), "AlreadyExists");
	if (!set.p || !x->what || stale || answer->code == 404)
		return;
	tell(c, r, set, x->what == DELETE ? "delete" : "create", x, answer);
}

/* ---- life */

static const struct children_spec of_pods = {
	.owner_stream = "statefulsets.apps",
	.owner_kind = "StatefulSet",
	.stream = "pods",
	.index = &replica_index,
};
static const struct children_spec of_revisions = {
	.owner_stream = "statefulsets.apps",
	.owner_kind = "StatefulSet",
	.stream = "controllerrevisions.apps",
	.index = &revision_index,
};

static const struct reconcile_spec spec = {
	.name = "statefulset-controller",
	.fence = "statefulset",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.body = body,
	.done = done,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	children_init(c, &s->r, &s->pods, &of_pods);
	children_init(c, &s->r, &s->revisions, &of_revisions);
	s->claims = reconcile_resource(&s->r, "persistentvolumeclaims");
	s->claim_view = reconcile_view(&s->r, span_of("persistentvolumeclaims"));
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->freed, free);
	reconcile_fini(&s->r);
}

const struct actor_spec statefulset_actor = {
	.kind = "statefulset",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
