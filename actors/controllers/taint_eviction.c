/* Key by key, of pods. When a pod has to leave is arithmetic over its
 * tolerations and the taints' times (placement.h), so it is the same after a
 * restart. Only what says no time, as a taint by `kubectl taint`, counts from
 * when it was seen here, and anew after a restart, as in Kubernetes. The
 * deletion rests on the pod and on the node: who takes the taint away in
 * between saves the pod.
 *
 * First the pod says why (DisruptionTarget), then it is deleted, as Kubernetes
 * does it: a job's policy may look at that. */
#include "actors/controllers/taint_eviction.h"

#include <stdlib.h>

#include "actors/controllers/disrupted.h"
#include "actors/controllers/node_pods.h"
#include "actors/controllers/reconcile.h"
#include "actors/objects/placement.h"
#include "actors/schema/conditions.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

static const char *const streams[] = {"pods", "nodes", "namespaces", NULL};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *nodes, *pods;
	struct view *node_view, *pod_view;
	struct view_index *by_node;
	struct omap leaving; /* keys of pods that a timer waits for */
	struct omap seen;    /* taints without a time -> since when (int64_t *) */
};

enum { WHAT_DELETE = 1 };

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- taints that say no time */

static void seen_key(struct buf *b, struct span node, struct mp taint)
{
	struct span key = mp_path_str(taint, "key"), effect = mp_path_str(taint, "effect");
	buf_append(b, node.data, node.len);
	buf_append(b, "\n", 1);
	buf_append(b, key.data, key.len);
	buf_append(b, "\n", 1);
	buf_append(b, effect.data, effect.len);
}

struct sighting {
	struct ctx *c;
	struct state *s;
	struct span node; /* its key */
};

static int64_t seen_us(void *arg, struct mp taint)
{
	struct sighting *at = arg;
	struct buf b = {0};
	seen_key(&b, at->node, taint);
	int64_t *us = omap_get(&at->s->seen, span_buf(&b));
	if (!us) {
		us = mem_alloc(sizeof *us);
		*us = ctx_wall_us(at->c);
		omap_put(&at->s->seen, span_buf(&b), us);
	}
	buf_fini(&b);
	return *us;
}

static bool has_taint(struct mp node, struct mp taint)
{
	struct mp list;
	size_t n = 0;
	if (!node.p || !mp_path(node, "spec.taints", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (object_same_at(list, taint, "key") && object_same_at(list, taint, "effect"))
			return true;
	return false;
}

/* What comes again counts from then. */
static void forget_gone(struct state *s, struct span key, struct mp was, struct mp now)
{
	struct mp list;
	size_t n = 0;
	if (!s->seen.count || !was.p || !mp_path(was, "spec.taints", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--, mp_skip(&list)) {
		struct buf b = {0};
		seen_key(&b, key, list);
		if (!has_taint(now, list))
			free(omap_remove(&s->seen, span_buf(&b)));
		buf_fini(&b);
	}
}

/* ---- changes */

static bool drives_out(struct mp node)
{
	struct mp list;
	size_t n = 0;
	if (!node.p || !mp_path(node, "spec.taints", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (span_is(mp_path_str(list, "effect"), "NoExecute"))
			return true;
	return false;
}

static struct span node_key(struct arena *a, const struct state *s, struct mp pod)
{
	struct span name = mp_path_str(pod, "spec.nodeName");
	struct buf b = {0};
	if (!name.len)
		return name;
	schema_key(&b, s->nodes, (struct span){0}, name);
	struct span key = object_copy(a, span_buf(&b));
	buf_fini(&b);
	return key;
}

struct wanting {
	struct ctx *c;
	struct state *s;
};

static int want_pod(void *arg, const struct view_found *found)
{
	struct wanting *w = arg;
	reconcile_want(w->c, &w->s->r, found->key);
	return 0;
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	struct mp was = object_of(v->was), now = object_of(v->now);
	struct wanting w = {c, s};
	if (v->view == s->node_view) {
		forget_gone(s, v->key, was, now);
		if ((drives_out(was) || drives_out(now)) &&
		    !(was.p && now.p && object_same_at(was, now, "spec.taints")))
			view_index_each(s->by_node, object_name(now.p ? now : was), want_pod, &w);
	} else if (v->view == s->pod_view) {
		struct span node = now.p ? node_key(ctx_arena(c), s, now) : (struct span){0};
		if (omap_get(&s->leaving, v->key) ||
		    (node.len && drives_out(object_of(view_get(s->node_view, node)))))
			reconcile_want(c, r, v->key);
	}
}

/* ---- the plan */

/* Since when it is there. */
static int64_t since_us(struct mp pod)
{
	struct mp scheduled;
	int64_t us = 0;
	if (condition_find(pod, span_of("PodScheduled"), &scheduled))
		us = object_time_us(scheduled, "lastTransitionTime");
	return us ? us : object_time_us(pod, "metadata.creationTimestamp");
}

static void rest_on(struct reconciler *r, struct reconcile_item *i, struct reconcile_action *x,
		    struct span pod, struct span node)
{
	struct store_compare *basis = arena_alloc(reconcile_arena(i), 2 * sizeof *basis);
	basis[0] = reconcile_basis(r, object_copy(reconcile_arena(i), pod));
	basis[1] = reconcile_basis(r, node);
	x->basis = basis;
	x->basis_count = 2;
}

static void stay(struct ctx *c, struct state *s, struct span key, struct mp pod)
{
	struct span ns, name;
	if (!omap_remove(&s->leaving, key) || !pod.p || object_is_deleting(pod))
		return;
	ns = object_namespace(pod);
	name = object_name(pod);
	reconcile_event(c, &s->r, pod, "Normal", "TaintManagerEviction",
			"Cancelling deletion of Pod %.*s/%.*s", (int)ns.len,
			(const char *)ns.data, (int)name.len, (const char *)name.data);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp pod = object_of(reconcile_get(r, key)), tolerations = {0};
	bool over = !pod.p || object_is_deleting(pod) || pod_has_ended(pod);
	struct span node = over ? (struct span){0} : node_key(a, s, pod);
	struct mp on = node.len ? object_of(view_get(s->node_view, node)) : (struct mp){0};
	if (!on.p) {
		omap_remove(&s->leaving, key);
		return;
	}
	mp_path(pod, "spec.tolerations", &tolerations);
	struct sighting sighting = {c, s, node};
	int64_t leave_us = placement_leave_us(tolerations, on, since_us(pod),
					      &(struct placement_clock){seen_us, &sighting});
	int64_t now_us = ctx_wall_us(c);
	if (leave_us == INT64_MAX) {
		stay(c, s, key, pod);
		return;
	}
	omap_put(&s->leaving, key, s);
	if (leave_us > now_us) {
		reconcile_later(c, i, (uint64_t)(leave_us - now_us));
		return;
	}
	struct reconcile_action *x =
		disrupted_say(i, s->pods, pod, "DeletionByTaintManager",
			      "Taint manager: deleting due to NoExecute taint", now_us);
	if (!x) {
		x = reconcile_add(i, OBJ_DELETE, s->pods, object_copy(a, object_namespace(pod)),
				  object_copy(a, object_name(pod)));
		x->uid = object_copy(a, object_uid(pod));
		x->what = WHAT_DELETE;
	}
	rest_on(r, i, x, key, node);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct mp pod = object_of(reconcile_get(r, key));
	if (x->what != WHAT_DELETE || answer->code >= 300)
		return;
	omap_remove(&state_of(r)->leaving, key);
	if (pod.p)
		reconcile_event(c, r, pod, "Normal", "TaintManagerEviction",
				"Marking for deletion Pod %.*s/%.*s", (int)x->namespace.len,
				(const char *)x->namespace.data, (int)x->name.len,
				(const char *)x->name.data);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "taint-eviction-controller",
	.fence = "taint-eviction",
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
	s->nodes = reconcile_resource(&s->r, "nodes");
	s->pods = reconcile_resource(&s->r, "pods");
	s->node_view = reconcile_view(&s->r, span_of("nodes"));
	s->pod_view = reconcile_view(&s->r, span_of("pods"));
	s->by_node = ctx_index(c, s->pod_view, &pods_by_node);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->leaving, NULL);
	omap_fini(&s->seen, free);
	reconcile_fini(&s->r);
}

const struct actor_spec taint_eviction_actor = {
	.kind = "taint-eviction",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
