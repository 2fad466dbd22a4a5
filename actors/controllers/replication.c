/* Replication controllers. What is to be done is replication_plan.h; here are
 * the facts that it needs, and the writes that it asks for.
 *
 * Never a pod too many: every write rests on the controller's object at the
 * revision that was planned from, and on the fence of this incarnation; a
 * plan is made only when the pods' view shows all that was written before. So
 * a pod that is made was missing, by the journal, at that revision. (Names
 * come from generateName: a create that was not acknowledged is asked again by
 * its request's id, and one of a former incarnation is fenced off.)
 *
 * A create that is refused is told once, as condition and event, and tried
 * again later and later. */
#include "actors/controllers/replication.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"
#include "actors/controllers/replication_plan.h"
#include "actors/schema/rfc3339.h"
#include "actors/schema/selectors.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { CREATE = 1, DELETE, ADOPT, RELEASE, STATUS };

static const char stream[] = "replicationcontrollers";
static const char *const streams[] = {stream, "pods", "namespaces", NULL};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *controllers, *pods;
	struct view *controller_view, *pod_view;
	struct view_index *pod_index; /* by controller, or namespace */
	struct omap failures;	      /* key -> why its last create was refused */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which controllers a pod's change is about */

static void want(struct ctx *c, struct reconciler *r, struct span namespace, struct span name)
{
	struct buf b = {0};
	schema_key(&b, state_of(r)->controllers, namespace, name);
	if (reconcile_get(r, span_buf(&b)))
		reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
}

/* Nobody's pod: whoever selects it may want it. */
static void want_selecting(struct ctx *c, struct reconciler *r, struct mp pod)
{
	struct buf b = {0};
	struct mp labels = {0}, selector;
	schema_key(&b, state_of(r)->controllers, object_namespace(pod), (struct span){0});
	mp_path(pod, "metadata.labels", &labels);
	for (struct onode *n = omap_seek(view_map(state_of(r)->controller_view), span_buf(&b)); n;
	     n = omap_next(n)) {
		struct span key = onode_key(n);
		struct view_object *o = n->value;
		if (key.len < b.len || memcmp(key.data, b.data, b.len) != 0)
			break;
		if (mp_path(object_of(o), "spec.selector", &selector) &&
		    label_map_match(selector, labels))
			reconcile_want(c, r, key);
	}
	buf_fini(&b);
}

static void want_owner(struct ctx *c, struct reconciler *r, const struct view_object *o)
{
	struct owner_ref ref;
	if (!o)
		return;
	struct mp pod = object_of(o);
	if (!owners_controller(pod, &ref))
		want_selecting(c, r, pod);
	else if (span_is(ref.kind, "ReplicationController"))
		want(c, r, object_namespace(pod), ref.name);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (v->view == s->controller_view) {
		if (v->now)
			reconcile_want(c, r, v->key);
		else
			free(omap_remove(&s->failures, v->key));
	} else if (v->view == s->pod_view) {
		want_owner(c, r, v->was);
		want_owner(c, r, v->now);
	}
}

/* ---- facts */

struct gather {
	struct replica *list;
	size_t count, cap;
	struct arena *arena;
	struct span uid;
	struct mp selector, template_labels;
	bool orphans; /* only those that are selected */
};

static void read_facts(const struct view_object *o, void *facts)
{
	replica_read(facts, object_of(o), o->version);
}

static const struct view_index_spec by_controller = {
	.name = "controller",
	.keys = owners_controller_keys,
	.facts_bytes = sizeof(struct replica),
	.facts = read_facts,
};

static int gather_one(void *arg, const struct view_found *found)
{
	struct gather *g = arg;
	struct replica r = *(const struct replica *)found->facts;
	r.key = found->key;
	replica_relate(&r, g->uid, g->selector, g->template_labels);
	if (g->orphans && !r.selected)
		return 0;
	if (g->count == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 16;
		struct replica *list = arena_alloc(g->arena, cap * sizeof *list);
		if (g->count)
			memcpy(list, g->list, g->count * sizeof *list);
		g->list = list;
		g->cap = cap;
	}
	g->list[g->count++] = r;
	return 0;
}

static struct gather gather(struct state *s, struct arena *a, struct mp rc)
{
	char under[300];
	struct span ns = object_namespace(rc);
	struct gather g = {.arena = a, .uid = object_uid(rc)};
	mp_path(rc, "spec.selector", &g.selector);
	mp_path(rc, "spec.template.metadata.labels", &g.template_labels);
	view_index_each(s->pod_index, g.uid, gather_one, &g);
	g.orphans = true;
	snprintf(under, sizeof under, "in/%.*s", (int)ns.len, (const char *)ns.data);
	view_index_each(s->pod_index, span_of(under), gather_one, &g);
	return g;
}

/* ---- writes */

/* The compares that a write rests on: the controller, and its victim. */
static void rest_on(struct reconciler *r, struct reconcile_item *i, struct reconcile_action *x,
		    struct span key, const struct replica *pod)
{
	struct store_compare *basis = arena_alloc(reconcile_arena(i), 2 * sizeof *basis);
	basis[0] = reconcile_basis(r, key);
	basis[1] = (struct store_compare){
		.key = pod ? pod->key : key, .field = STORE_MOD, .number = pod ? pod->version : 0};
	x->basis = basis;
	x->basis_count = pod ? 2 : 1;
}

static struct reconcile_action *on_pod(struct reconciler *r, struct reconcile_item *i,
				       struct span key, const struct replica *pod, int what,
				       enum obj_verb verb)
{
	struct arena *a = reconcile_arena(i);
	struct replica kept = *pod;
	kept.key = object_copy(a, pod->key);
	struct reconcile_action *x =
		reconcile_add(i, verb, state_of(r)->pods, object_copy(a, pod->namespace),
			      object_copy(a, pod->name));
	x->what = what;
	x->uid = object_copy(a, pod->uid);
	rest_on(r, i, x, key, &kept);
	return x;
}

static struct doc *metadata_patch(struct arena *a, struct span uid, struct doc **metadata)
{
	struct doc *d = doc_new(a, DOC_MAP);
	*metadata = doc_set(a, d, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, *metadata, "uid", doc_span(a, uid));
	return d;
}

static void adopt(struct reconciler *r, struct reconcile_item *i, struct span key, struct mp rc,
		  const struct replica *pod)
{
	struct arena *a = reconcile_arena(i);
	struct doc *m;
	struct reconcile_action *x = on_pod(r, i, key, pod, ADOPT, OBJ_PATCH_STRATEGIC);
	x->body = metadata_patch(a, x->uid, &m);
	struct doc *list = doc_set(a, m, "ownerReferences", doc_new(a, DOC_ARRAY));
	doc_add(list, owners_new_ref(a, rc));
}

static void release(struct reconciler *r, struct reconcile_item *i, struct span key, struct mp rc,
		    const struct replica *pod)
{
	struct arena *a = reconcile_arena(i);
	struct doc *m;
	struct view_object *o = reconcile_get(r, pod->key);
	struct doc *rest = owners_without(a, object_of(o), object_uid(rc));
	if (!rest)
		return;
	struct reconcile_action *x = on_pod(r, i, key, pod, RELEASE, OBJ_PATCH_MERGE);
	x->body = metadata_patch(a, x->uid, &m);
	doc_set(a, m, "ownerReferences", rest);
}

/* A pod from the template: metadata of its own, the spec as it is. */
static struct doc *body(struct ctx *c, struct reconciler *r, const struct reconcile_action *x,
			struct arena *a)
{
	static const char *const taken[] = {"labels", "annotations", "finalizers"};
	struct doc *pod = doc_new(a, DOC_MAP), *template = NULL;
	struct view_object *o = reconcile_get(r, x->basis[0].key);
	struct mp rc = object_of(o), m;
	struct span raw;
	(void)c;
	if (!mp_path(rc, "spec.template", &m) || mp_raw(&m, &raw) ||
	    doc_from_mp(a, mp_of(object_copy(a, raw)), &template, NULL))
		return pod; /* it is gone: the write's basis says so */
	doc_set_str(a, pod, "apiVersion", "v1");
	doc_set_str(a, pod, "kind", "Pod");
	struct doc *meta = doc_set(a, pod, "metadata", doc_new(a, DOC_MAP));
	struct span name = object_name(rc);
	doc_set(a, meta, "generateName",
		doc_printf(a, "%.*s-", (int)name.len, (const char *)name.data));
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		const struct doc *d = doc_get(doc_get(template, "metadata"), taken[i]);
		if (d)
			doc_set(a, meta, taken[i], doc_copy(a, d));
	}
	doc_add(doc_set(a, meta, "ownerReferences", doc_new(a, DOC_ARRAY)), owners_new_ref(a, rc));
	if (doc_get(template, "spec"))
		doc_set(a, pod, "spec", doc_copy(a, doc_get(template, "spec")));
	return pod;
}

/* ---- status */

static void put_count(struct arena *a, struct doc *status, const char *field, int64_t n)
{
	/* A merge patch: null takes out what zero leaves out. */
	doc_set(a, status, field, n ? doc_int(a, n) : doc_new(a, DOC_NULL));
}

static struct doc *failure_condition(struct ctx *c, struct arena *a, const char *why,
				     const struct doc *was)
{
	char now[RFC3339_MAX];
	struct doc *cond = doc_new(a, DOC_MAP);
	rfc3339_format(ctx_wall_us(c), now);
	bool same = doc_is(was, DOC_MAP) && doc_get(was, "lastTransitionTime");
	doc_set_str(a, cond, "type", "ReplicaFailure");
	doc_set_str(a, cond, "status", "True");
	doc_set(a, cond, "lastTransitionTime",
		same ? doc_copy(a, doc_get(was, "lastTransitionTime"))
		     : doc_str(a, arena_dup(a, now)));
	doc_set_str(a, cond, "reason", "FailedCreate");
	doc_set_str(a, cond, "message", arena_dup(a, why));
	return cond;
}

/* Conditions as they shall be: what others wrote, and ours if there is one. */
static struct doc *conditions(struct ctx *c, struct arena *a, const struct doc *was,
			      const char *why)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	const struct doc *mine = NULL;
	DOC_EACH(d, doc_is(was, DOC_ARRAY) ? was : NULL)
	{
		if (doc_str_is(doc_get(d, "type"), "ReplicaFailure"))
			mine = d;
		else
			doc_add(list, doc_copy(a, d));
	}
	if (why)
		doc_add(list, failure_condition(c, a, why, mine));
	return list->count ? list : doc_new(a, DOC_NULL);
}

static struct doc *status_patch(struct ctx *c, struct arena *a, struct mp rc,
				const struct replication_status *s, const char *why)
{
	struct doc *patch = doc_new(a, DOC_MAP), *was = NULL;
	struct doc *status = doc_set(a, patch, "status", doc_new(a, DOC_MAP));
	struct mp m;
	struct span raw;
	if (mp_path(rc, "status.conditions", &m) && mp_raw(&m, &raw) == 0)
		doc_from_mp(a, mp_of(object_copy(a, raw)), &was, NULL);
	doc_set_int(a, status, "replicas", s->replicas);
	put_count(a, status, "fullyLabeledReplicas", s->labelled);
	put_count(a, status, "readyReplicas", s->ready);
	put_count(a, status, "availableReplicas", s->available);
	put_count(a, status, "observedGeneration", mp_path_int(rc, "metadata.generation", 0));
	doc_set(a, status, "conditions", conditions(c, a, was, why));
	return patch;
}

static bool says(struct mp rc, const struct replication_status *s, const char *why)
{
	struct mp list;
	size_t n = 0;
	struct span told = {0};
	if (mp_path(rc, "status.conditions", &list) && mp_array(&list, &n) == 0)
		for (; n > 0; n--) {
			if (span_is(mp_path_str(list, "type"), "ReplicaFailure"))
				told = mp_path_str(list, "message");
			if (mp_skip(&list))
				break;
		}
	return mp_path_int(rc, "status.replicas", 0) == s->replicas &&
	       mp_path_int(rc, "status.fullyLabeledReplicas", 0) == s->labelled &&
	       mp_path_int(rc, "status.readyReplicas", 0) == s->ready &&
	       mp_path_int(rc, "status.availableReplicas", 0) == s->available &&
	       mp_path_int(rc, "status.observedGeneration", 0) ==
		       mp_path_int(rc, "metadata.generation", 0) &&
	       span_is(told, why ? why : "");
}

/* ---- the plan */

static void act(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		struct mp rc, const struct replication_plan *p)
{
	struct arena *a = reconcile_arena(i);
	for (size_t k = 0; k < p->adopt_count; k++)
		adopt(r, i, key, rc, p->adopt[k]);
	for (size_t k = 0; k < p->release_count; k++)
		release(r, i, key, rc, p->release[k]);
	for (size_t k = 0; k < p->create_count; k++) {
		struct reconcile_action *x =
			reconcile_add(i, OBJ_CREATE, state_of(r)->pods,
				      object_copy(a, object_namespace(rc)), (struct span){0});
		x->what = CREATE;
		rest_on(r, i, x, key, NULL);
	}
	if (!p->remove_count || !reconcile_fresh(c, r, i))
		return;
	for (size_t k = 0; k < p->remove_count; k++)
		on_pod(r, i, key, p->remove[k], DELETE, OBJ_DELETE);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct replication_plan p;
	struct view_object *o = reconcile_get(r, key);
	if (!o)
		return;
	struct mp rc = object_of(o);
	struct gather g = gather(s, a, rc);
	bool deleting = object_is_deleting(rc);
	replication_plan(a, g.list, g.count, mp_path_int(rc, "spec.replicas", 1), deleting,
			 mp_path_int(rc, "spec.minReadySeconds", 0), ctx_wall_us(c), &p);
	const char *why = omap_get(&s->failures, key);
	if (p.too_many_wanted)
		why = "more replicas are wanted than one controller makes: the limit is 100000";
	else if (!p.create_count)
		why = NULL;
	bool told = says(rc, &p.status, why);
	/* What cannot be done is told before it is tried again. */
	if (told || !why)
		act(c, r, i, key, rc, &p);
	if (!p.create_count)
		free(omap_remove(&s->failures, key));
	if (!told) {
		struct span ns = object_namespace(rc);
		struct reconcile_action *x =
			reconcile_add(i, OBJ_PATCH_MERGE, s->controllers, object_copy(a, ns),
				      object_copy(a, object_name(rc)));
		x->what = STATUS;
		x->sub = "status";
		x->report = why != NULL;
		x->body = status_patch(c, a, rc, &p.status, why);
	}
	if (p.status.available_in_us)
		reconcile_later(c, i, (uint64_t)p.status.available_in_us);
}

/* ---- what became of it */

static bool is_terminating(const struct doc *status)
{
	return doc_str_is(doc_path(status, "details.causes[0].reason"), "NamespaceTerminating");
}

/* Why, without the name that was drawn: the same refusal is the same text. */
static char *reason_of(struct arena *a, const struct doc *status, struct mp rc)
{
	struct span m = doc_get_str(status, "message"),
		    drawn = doc_path_str(status, "details.name");
	struct span prefix = object_name(rc);
	uint8_t *at = drawn.len ? memmem(m.data, m.len, drawn.data, drawn.len) : NULL;
	if (!at || drawn.len <= prefix.len)
		return arena_ndup(a, m.data, m.len);
	size_t before = (size_t)(at - m.data), after = m.len - before - drawn.len;
	return arena_printf(a, "%.*s%.*s-%.*s", (int)before, (const char *)m.data, (int)prefix.len,
			    (const char *)prefix.data, (int)after, (const char *)at + drawn.len);
}

static void note_failure(struct ctx *c, struct state *s, struct span key, struct mp rc,
			 const struct doc *status)
{
	const char *was = omap_get(&s->failures, key), *why = reason_of(ctx_arena(c), status, rc);
	if (is_terminating(status) || (was && strcmp(was, why) == 0))
		return;
	free(omap_put(&s->failures, key, mem_dup(why)));
	reconcile_event(c, &s->r, rc, "Warning", "FailedCreate", "Error creating: %s", why);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct state *s = state_of(r);
	struct view_object *o = reconcile_get(r, key);
	if (!o)
		return;
	struct mp rc = object_of(o);
	struct span name = answer->object
				   ? mp_path_str(mp_of_bytes(answer->object), "metadata.name")
				   : x->name;
	if (x->what == CREATE && answer->code == 201) {
		free(omap_remove(&s->failures, key));
		reconcile_event(c, r, rc, "Normal", "SuccessfulCreate", "Created pod: %.*s",
				(int)name.len, (const char *)name.data);
	} else if (x->what == CREATE && answer->code != 409) {
		note_failure(c, s, key, rc, answer->status);
	} else if (x->what == DELETE && answer->code < 300) {
		reconcile_event(c, r, rc, "Normal", "SuccessfulDelete", "Deleted pod: %.*s",
				(int)name.len, (const char *)name.data);
	}
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "replication-controller",
	.fence = "replication",
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
	s->controllers = reconcile_resource(&s->r, stream);
	s->pods = reconcile_resource(&s->r, "pods");
	s->controller_view = reconcile_view(&s->r, span_of(stream));
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	s->pod_index = ctx_index(c, s->pod_view, &by_controller);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->failures, free);
	reconcile_fini(&s->r);
}

const struct actor_spec replication_actor = {
	.kind = "replication",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
