/* A node lives while its Lease or its status changes: when that was seen is
 * kept here by our own clock, so that no clock of a node matters, and begins
 * anew when we do. What follows is a step at a time, each resting on the node
 * as it was:
 *
 *   silent ─► Ready is Unknown ─► taints ─► its pods are not ready
 *                                   └─ NoExecute in the zone's turn
 *
 * What a taint means for pods is the business of taint_eviction.c. */
#include "actors/controllers/node_lifecycle.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/node_health.h"
#include "actors/controllers/node_pods.h"
#include "actors/controllers/reconcile.h"
#include "actors/schema/conditions.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/omap.h"

#define GRACE_US INT64_C(50000000)    /* Kubernetes' since 1.32 */
#define INTERVAL_US INT64_C(10000000) /* a node of a zone in that time */
#define NEW_US INT64_C(60000000)

static const char *const streams[] = {"nodes", "leases.coordination.k8s.io", "pods", "namespaces",
				      NULL};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *nodes, *pods;
	struct view *node_view, *lease_view, *pod_view;
	struct view_index *by_node;
	struct omap seen;  /* node -> when it last gave a sign, ctx_now_us, as a number */
	struct omap zones; /* "REGION/ZONE" -> struct zone */
	int64_t grace_us, interval_us;
};

enum { WHAT_UNKNOWN = 1, WHAT_POD };

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- zones */

static struct zone *zone_of(struct ctx *c, struct state *s, struct mp node)
{
	struct span name = node_zone(ctx_arena(c), node);
	struct zone *z = omap_get(&s->zones, name);
	if (!z) {
		z = mem_alloc(sizeof *z);
		omap_put(&s->zones, name, z);
	}
	return z;
}

static void zone_count(struct ctx *c, struct state *s, struct mp node, int by)
{
	struct zone *z = zone_of(c, s, node);
	if (node_ready(node) == NODE_READY)
		z->ready += by;
	else
		z->lost += by;
}

static bool all_are_lost(const struct state *s)
{
	for (struct onode *n = omap_first(&s->zones); n; n = omap_next(n)) {
		const struct zone *z = n->value;
		if (z->ready)
			return false;
	}
	return true;
}

static void want_all(struct ctx *c, struct state *s)
{
	for (struct onode *n = omap_first(view_map(s->node_view)); n; n = omap_next(n))
		reconcile_want(c, &s->r, onode_key(n));
}

/* ---- signs of life */

static void note_sign(struct ctx *c, struct state *s, struct span node)
{
	omap_put(&s->seen, node, (void *)(uintptr_t)(ctx_now_us(c) + 1));
}

static int64_t silent_us(struct ctx *c, const struct state *s, struct span node)
{
	uint64_t at = (uintptr_t)omap_get(&s->seen, node);
	return at ? (int64_t)(ctx_now_us(c) + 1 - at) : 0;
}

/* Who could hear nobody may have been cut off itself: all have their grace again. */
static void note_all(struct ctx *c, struct state *s)
{
	for (struct onode *n = omap_first(&s->seen); n; n = omap_next(n))
		n->value = (void *)(uintptr_t)(ctx_now_us(c) + 1);
}

/* ---- changes */

static void tell(struct ctx *c, struct state *s, struct mp node, const char *type,
		 const char *reason, const char *what)
{
	struct span name = object_name(node);
	reconcile_event(c, &s->r, node, type, reason, "Node %.*s %s", (int)name.len,
			(const char *)name.data, what);
}

static void tell_of_node(struct ctx *c, struct state *s, struct mp was, struct mp now)
{
	struct mp node = now.p ? now : was;
	struct span name = object_name(node);
	char text[300];
	if (was.p && now.p)
		return;
	if (now.p && ctx_wall_us(c) - object_time_us(now, "metadata.creationTimestamp") > NEW_US)
		return; /* it is we who are new */
	snprintf(text, sizeof text,
		 now.p ? "event: Registered Node %.*s in Controller"
		       : "event: Removing Node %.*s from Controller",
		 (int)name.len, (const char *)name.data);
	tell(c, s, node, "Normal", now.p ? "RegisteredNode" : "RemovingNode", text);
}

static void node_changed(struct ctx *c, struct state *s, const struct view_change *v)
{
	struct mp was = object_of(v->was), now = object_of(v->now);
	bool were_lost = all_are_lost(s);
	enum zone_state before = was.p ? zone_state(zone_of(c, s, was)) : ZONE_NORMAL;
	if (was.p)
		zone_count(c, s, was, -1);
	if (now.p)
		zone_count(c, s, now, 1);
	tell_of_node(c, s, was, now);
	if (!now.p)
		omap_remove(&s->seen, object_name(was));
	else if (!was.p || !object_same_at(was, now, "status"))
		note_sign(c, s, object_name(now));
	if (were_lost && !all_are_lost(s))
		note_all(c, s);
	if (were_lost != all_are_lost(s) ||
	    (was.p && before != zone_state(zone_of(c, s, was))))
		want_all(c, s);
	reconcile_want(c, &s->r, v->key);
}

static void lease_changed(struct ctx *c, struct state *s, const struct view_change *v)
{
	struct span stream, namespace, name;
	if (v->now && schema_key_split(v->key, &stream, &namespace, &name) &&
	    span_is(namespace, "kube-node-lease") && omap_get(&s->seen, name))
		note_sign(c, s, name);
}

static bool is_ready(struct mp pod)
{
	return pod.p && condition_is(pod, "Ready", "True");
}

/* One that is said to be ready on a node that is not: the node is looked at. */
static void pod_changed(struct ctx *c, struct state *s, const struct view_change *v)
{
	struct mp now = object_of(v->now);
	struct buf key = {0};
	if (!is_ready(now) || is_ready(object_of(v->was)))
		return;
	schema_key(&key, s->nodes, (struct span){0}, mp_path_str(now, "spec.nodeName"));
	struct mp node = object_of(view_get(s->node_view, span_buf(&key)));
	if (node.p && node_ready(node) == NODE_UNKNOWN)
		reconcile_want(c, &s->r, span_buf(&key));
	buf_fini(&key);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (v->view == s->node_view)
		node_changed(c, s, v);
	else if (v->view == s->lease_view)
		lease_changed(c, s, v);
	else if (v->view == s->pod_view)
		pod_changed(c, s, v);
}

/* ---- the plan */

struct look {
	struct ctx *c;
	struct state *s;
	struct reconcile_item *i;
	struct arena *a;
	struct span key; /* of the node */
	struct mp node;
	const char *now; /* RFC 3339 */
	bool silent;
};

static struct doc *condition_doc(const struct look *l, const char *type, const char *status)
{
	struct doc *d = doc_new(l->a, DOC_MAP);
	doc_set_str(l->a, d, "type", type);
	doc_set_str(l->a, d, "status", status);
	doc_set_str(l->a, d, "lastTransitionTime", l->now);
	return d;
}

static struct reconcile_action *patch(const struct look *l, const struct schema_resource *r,
				      struct mp object, const char *part, struct doc *body)
{
	struct reconcile_action *x = reconcile_add(l->i, OBJ_PATCH_STRATEGIC, r,
						   object_copy(l->a, object_namespace(object)),
						   object_copy(l->a, object_name(object)));
	x->sub = part;
	x->body = body;
	return x;
}

static struct doc *conditions_body(const struct look *l, struct doc *list)
{
	struct doc *body = doc_new(l->a, DOC_MAP);
	doc_set(l->a, doc_set(l->a, body, "status", doc_new(l->a, DOC_MAP)), "conditions", list);
	return body;
}

/* Nobody knows any more what it said of itself. */
static bool say_unknown(const struct look *l)
{
	static const char *const types[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
	struct doc *list = doc_new(l->a, DOC_ARRAY);
	struct mp m;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		bool told = condition_find(l->node, span_of(types[i]), &m);
		if (told && span_is(mp_path_str(m, "status"), "Unknown"))
			continue;
		struct doc *d = doc_add(list, condition_doc(l, types[i], "Unknown"));
		doc_set_str(l->a, d, "reason", told ? "NodeStatusUnknown" : "NodeStatusNeverUpdated");
		doc_set_str(l->a, d, "message",
			    told ? "Kubelet stopped posting node status."
				 : "Kubelet never posted node status.");
	}
	if (!list->count)
		return false;
	struct reconcile_action *x =
		patch(l, l->s->nodes, l->node, "status", conditions_body(l, list));
	x->what = node_ready(l->node) == NODE_READY ? WHAT_UNKNOWN : 0;
	reconcile_rest_on(&l->s->r, l->i, x, l->key);
	return true;
}

static bool is_emptied(struct mp node)
{
	return node_has_taint(node, TAINT_NOT_READY, "NoExecute") ||
	       node_has_taint(node, TAINT_UNREACHABLE, "NoExecute");
}

static enum emptying emptying_of(const struct look *l)
{
	enum node_ready ready = node_ready(l->node);
	bool all_lost = all_are_lost(l->s);
	if (all_lost)
		return EMPTY_STOP;
	if (ready == NODE_READY || is_emptied(l->node) || (ready != NODE_NOT_READY && !l->silent))
		return EMPTY_AS_IT_IS;
	struct zone *z = zone_of(l->c, l->s, l->node);
	int64_t interval_us = zone_interval_us(z, all_lost, l->s->interval_us);
	int64_t now_us = (int64_t)ctx_now_us(l->c);
	if (interval_us <= 0)
		return EMPTY_AS_IT_IS;
	if (now_us < z->next_us) {
		reconcile_later(l->c, l->i, (uint64_t)(z->next_us - now_us));
		return EMPTY_AS_IT_IS;
	}
	z->next_us = now_us + interval_us;
	return EMPTY_BEGIN;
}

static bool taint(const struct look *l)
{
	struct doc *taints = node_taints(l->a, l->node, emptying_of(l), l->now);
	struct doc *body = doc_new(l->a, DOC_MAP);
	if (!taints)
		return false;
	struct reconcile_action *x = patch(l, l->s->nodes, l->node, NULL, body);
	x->verb = OBJ_PATCH_MERGE; /* the list as it is here, whole */
	doc_set(l->a, doc_set(l->a, body, "spec", doc_new(l->a, DOC_MAP)), "taints",
		taints->count ? taints : doc_new(l->a, DOC_NULL));
	reconcile_rest_on(&l->s->r, l->i, x, l->key);
	return true;
}

/* On the node, too: once that is back its agent has the last word. */
static int say_pod_not_ready(void *arg, const struct view_found *found)
{
	const struct look *l = arg;
	struct mp pod = object_of(found->object);
	if (!is_ready(pod) || pod_has_ended(pod))
		return 0;
	struct doc *list = doc_new(l->a, DOC_ARRAY);
	doc_add(list, condition_doc(l, "Ready", "False"));
	struct reconcile_action *x = patch(l, l->s->pods, pod, "status", conditions_body(l, list));
	struct store_compare *basis = arena_alloc(l->a, 2 * sizeof *basis);
	basis[0] = reconcile_basis(&l->s->r, object_copy(l->a, l->key));
	basis[1] = reconcile_basis(&l->s->r, object_copy(l->a, found->key));
	x->basis = basis;
	x->basis_count = 2;
	x->what = WHAT_POD;
	return 0;
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	char now[RFC3339_MAX];
	struct look l = {.c = c, .s = s, .i = i, .a = reconcile_arena(i), .key = key,
			 .node = object_of(reconcile_get(r, key))};
	if (!l.node.p || object_is_deleting(l.node))
		return;
	rfc3339_format(ctx_wall_us(c), now);
	l.now = arena_dup(l.a, now);
	int64_t silent = silent_us(c, s, object_name(l.node));
	l.silent = silent >= s->grace_us;
	if (!l.silent)
		reconcile_later(c, i, (uint64_t)(s->grace_us - silent));
	if ((l.silent && say_unknown(&l)) || taint(&l))
		return; /* the next step rests on it */
	if (node_ready(l.node) == NODE_UNKNOWN)
		view_index_each(s->by_node, object_name(l.node), say_pod_not_ready, &l);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct state *s = state_of(r);
	struct buf pod = {0};
	if (answer->code >= 300)
		return;
	if (x->what == WHAT_UNKNOWN)
		tell(c, s, object_of(reconcile_get(r, key)), "Normal", "NodeNotReady",
		     "status is now: NodeNotReady");
	if (x->what != WHAT_POD)
		return;
	schema_key(&pod, s->pods, x->namespace, x->name);
	struct mp object = object_of(reconcile_get(r, span_buf(&pod)));
	if (object.p)
		reconcile_event(c, r, object, "Warning", "NodeNotReady", "Node is not ready");
	buf_fini(&pod);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "node-controller",
	.fence = "node-lifecycle",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.done = done,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	int rc = reconcile_init(c, &s->r, &spec);
	s->grace_us = mp_path_int(cfg, "node-grace", GRACE_US);
	s->interval_us = mp_path_int(cfg, "node-eviction-rate", INTERVAL_US);
	s->nodes = reconcile_resource(&s->r, "nodes");
	s->pods = reconcile_resource(&s->r, "pods");
	s->node_view = reconcile_view(&s->r, span_of("nodes"));
	s->lease_view = reconcile_view(&s->r, span_of("leases.coordination.k8s.io"));
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	s->by_node = ctx_index(c, s->pod_view, &pods_by_node);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->seen, NULL);
	omap_fini(&s->zones, free);
	reconcile_fini(&s->r);
}

const struct actor_spec node_lifecycle_actor = {
	.kind = "node-lifecycle",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
