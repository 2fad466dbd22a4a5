/* Disruption budgets. An eviction notes the pod in the budget's status
 * (disruptedPods) and takes one disruption away; here the pod counts as gone
 * until it is deleted, or two minutes have shown that it will not be. Every
 * write rests on the budget, so that no eviction is forgotten by it. */
#include "actors/controllers/disruption.h"

#include <string.h>

#include "actors/controllers/disruption_plan.h"
#include "actors/controllers/replica.h"
#include "actors/controllers/status.h"
#include "actors/schema/rfc3339.h"
#include "actors/schema/selectors.h"
#include "broker/base/omap.h"

#define DELETED_WITHIN_US (120 * INT64_C(1000000))

/* What has a scale; the budget counts pods by it. */
static const struct scaled {
	const char *kind, *stream;
} scaled[] = {
	{"Deployment", "deployments.apps"},
	{"ReplicaSet", "replicasets.apps"},
	{"StatefulSet", "statefulsets.apps"},
	{"ReplicationController", "replicationcontrollers"},
};
enum { SCALED = sizeof scaled / sizeof *scaled };

static const char *const streams[] = {
	"poddisruptionbudgets.policy", "pods", "deployments.apps", "replicasets.apps",
	"statefulsets.apps", "replicationcontrollers", "namespaces", NULL};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *budgets, *pods;
	struct view *budget_view, *pod_view;
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static bool selects(struct mp budget, struct mp labels)
{
	struct mp selector = {0};
	mp_path(budget, "spec.selector", &selector);
	return label_object_match_all(selector, labels);
}

/* ---- which budgets a change is about */

/* Those of a namespace; `pod`: only those that select it. */
static void want_in(struct ctx *c, struct reconciler *r, struct span namespace,
		    const struct mp *pod)
{
	const struct state *s = state_of(r);
	struct mp labels = {0};
	struct objects_in it = objects_in(s->budget_view, s->budgets, namespace);
	if (pod)
		mp_path(*pod, "metadata.labels", &labels);
	while (objects_next(&it))
		if (!pod || selects(it.object, labels))
			reconcile_want(c, r, it.key);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp was = object_of(v->was), now = object_of(v->now);
	if (v->view == s->budget_view) {
		if (v->now)
			reconcile_want(c, r, v->key);
	} else if (v->view == s->pod_view) {
		if (was.p)
			want_in(c, r, object_namespace(was), &was);
		if (now.p)
			want_in(c, r, object_namespace(now), &now);
	} else if (!was.p || !now.p ||
		   mp_path_int(was, "spec.replicas", 1) != mp_path_int(now, "spec.replicas", 1)) {
		want_in(c, r, object_namespace(now.p ? now : was), NULL);
	}
}

/* ---- facts */

struct controllers {
	struct span uids[64]; /* that were counted; those beyond count by pod */
	size_t count;
};

static struct mp owner_of(struct reconciler *r, struct mp object, struct owner_ref *ref)
{
	struct buf b = {0};
	struct mp owner = {0};
	if (!owners_controller(object, ref))
		return owner;
	for (size_t i = 0; i < SCALED; i++)
		if (span_is(ref->kind, scaled[i].kind)) {
			schema_key(&b, reconcile_resource(r, scaled[i].stream),
				   object_namespace(object), ref->name);
			owner = object_of(reconcile_get(r, span_buf(&b)));
		}
	buf_fini(&b);
	return owner.p && span_eq(object_uid(owner), ref->uid) ? owner : (struct mp){0};
}

/* What the pod adds to the expected: the scale of its controller, once. */
static int64_t scale_by(struct reconciler *r, struct controllers *seen, struct mp pod)
{
	struct owner_ref ref, above;
	struct mp owner = owner_of(r, pod, &ref);
	if (!owner.p)
		return ref.controller; /* of a kind without a scale: the pod itself */
	struct mp over = owner_of(r, owner, &above);
	if (over.p)
		owner = over;
	struct span uid = object_uid(owner);
	for (size_t i = 0; i < seen->count; i++)
		if (span_eq(seen->uids[i], uid))
			return 0;
	if (seen->count == sizeof seen->uids / sizeof *seen->uids)
		return 1;
	seen->uids[seen->count++] = uid;
	return mp_path_int(owner, "spec.replicas", 1);
}

struct gather {
	struct ctx *c;
	struct reconciler *r;
	struct reconcile_item *i;
	struct mp budget;
	struct disruption_facts facts;
	bool unmanaged; /* a pod is no controller's: it has no scale */
	struct controllers seen;
};

/* Whether the pod was evicted and is on its way. */
static bool is_disrupted(struct gather *g, struct mp pod)
{
	struct span at = {0}, name = object_name(pod);
	struct mp map, value;
	size_t n = 0;
	int64_t since_us;
	if (!mp_path(g->budget, "status.disruptedPods", &map) || mp_map(&map, &n))
		return false;
	for (; n > 0; n--) {
		struct span key;
		if (mp_str(&map, &key))
			return false;
		value = map;
		if (mp_skip(&map))
			return false;
		if (span_eq(key, name))
			(void)mp_str(&value, &at);
	}
	if (!at.len || rfc3339_parse(at, &since_us))
		return false;
	int64_t left_us = since_us + DELETED_WITHIN_US - ctx_wall_us(g->c);
	if (left_us <= 0)
		return false;
	reconcile_later(g->c, g->i, (uint64_t)left_us);
	return true;
}

static void look_at(struct gather *g, struct mp pod, const struct view_object *o)
{
	struct replica p;
	replica_read(&p, o);
	struct owner_ref ref;
	g->facts.pods++;
	g->unmanaged |= !owners_controller(pod, &ref);
	g->facts.scale += scale_by(g->r, &g->seen, pod);
	bool going = p.child.deleting || p.ended;
	if (!going && is_disrupted(g, pod))
		return;
	g->facts.healthy += p.ready && !going;
}

static void gather(struct gather *g)
{
	const struct state *s = state_of(g->r);
	struct objects_in it = objects_in(s->pod_view, s->pods, object_namespace(g->budget));
	while (objects_next(&it)) {
		struct mp labels = {0};
		mp_path(it.object, "metadata.labels", &labels);
		if (selects(g->budget, labels))
			look_at(g, it.object, it.value);
	}
}

/* disruptedPods without those that are deleted, gone, or stayed: a patch. */
static struct doc *over(struct gather *g)
{
	const struct state *s = state_of(g->r);
	struct arena *a = reconcile_arena(g->i);
	struct doc *was = doc_path(object_tree(a, g->budget), "status.disruptedPods");
	struct doc *patch = doc_new(a, DOC_MAP);
	DOC_EACH(d, doc_is(was, DOC_MAP) ? was : NULL)
	{
		struct buf b = {0};
		schema_key(&b, s->pods, object_namespace(g->budget), d->key);
		struct mp pod = object_of(view_get(s->pod_view, span_buf(&b)));
		buf_fini(&b);
		if (!pod.p || object_is_deleting(pod) || !is_disrupted(g, pod))
			doc_set_span(a, patch, d->key, doc_new(a, DOC_NULL));
	}
	return patch->count ? patch : NULL;
}

/* ---- the plan */

/* What of the budget is not as its writer may think. */
static void warn(struct ctx *c, const struct reconciler *r, const struct gather *g)
{
	if (!g->facts.pods)
		reconcile_event(c, r, g->budget, "Normal", "NoPods", "No matching pods found");
	if (g->unmanaged && disruption_counts_scale(g->budget))
		reconcile_event(c, r, g->budget, "Warning", "UnmanagedPods",
				"Pods selected by this PodDisruptionBudget were found to be unmanaged. As a result, the status of "
				"the PDB cannot be calculated correctly, which may result in undefined behavior. To account for "
				"these pods please set \".spec.minAvailable\" field of the PDB to an integer value.");
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct status st;
	struct gather g = {.c = c, .r = r, .i = i, .budget = object_of(reconcile_get(r, key))};
	if (!g.budget.p || object_is_deleting(g.budget))
		return;
	gather(&g);
	struct disruption_counts n = disruption_count(g.budget, &g.facts);
	status_begin(&st, a, g.budget, ctx_wall_us(c));
	status_int(&st, "currentHealthy", n.healthy);
	status_int(&st, "desiredHealthy", n.desired);
	status_int(&st, "disruptionsAllowed", n.allowed);
	status_int(&st, "expectedPods", n.expected);
	status_observed(&st);
	struct doc *gone = over(&g);
	if (gone)
		status_set(&st, "disruptedPods", gone);
	status_say(&st, &(struct status_condition){"DisruptionAllowed", n.allowed ? "True" : "False",
						   n.allowed ? "SufficientPods" : "InsufficientPods",
						   NULL, NULL, false});
	struct reconcile_action *x = status_write(i, &st, s->budgets);
	if (x) {
		warn(c, r, &g);
		reconcile_rest_on(r, i, x, key);
	}
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "disruption-controller",
	.fence = "disruption",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	s->budgets = reconcile_resource(&s->r, streams[0]);
	s->pods = reconcile_resource(&s->r, "pods");
	s->budget_view = reconcile_view(&s->r, span_of(streams[0]));
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	reconcile_fini(&s->r);
}

const struct actor_spec disruption_actor = {
	.kind = "disruption",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
