/* Three kinds of keys:
 *
 *	nodes/NAME      its pods, when there is no such node, or it is out of service
 *	pods/NS/NAME    one that was deleted and never had a node
 *	ended           the pods that have ended, when there are too many
 *
 * A node that is not there may be about to come: its pods are taken away when it
 * has not been there for a while, and the store was asked. */
#include "actors/controllers/pod_gc.h"

#include <stdlib.h>

#include "actors/controllers/disrupted.h"
#include "actors/controllers/node_health.h"
#include "actors/controllers/node_pods.h"
#include "actors/controllers/reconcile.h"
#include "broker/base/omap.h"
#include "broker/base/sort.h"

#define ABSENT_US UINT64_C(40000000)
enum { TERMINATED_MAX = 12500, DELETED_A_PLAN = 500 };
static const char ENDED[] = "ended";

static const char *const streams[] = {"pods", "nodes", "namespaces", NULL};

struct state {
	struct reconciler r; /* first */
	const struct schema_resource *nodes, *pods;
	struct view *node_view, *pod_view;
	struct view_index *by_node;
	struct omap absent; /* node that pods name -> since when it is not there */
	int64_t ended, ended_max;
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- changes */

static struct span node_key(struct arena *a, const struct state *s, struct span name)
{
	struct buf b = {0};
	schema_key(&b, s->nodes, (struct span){0}, name);
	struct span key = object_copy(a, span_buf(&b));
	buf_fini(&b);
	return key;
}

static bool is_out_of_service(struct mp node)
{
	return node.p && node_ready(node) != NODE_READY &&
	       node_has_taint(node, TAINT_OUT_OF_SERVICE, NULL);
}

static void pod_changed(struct ctx *c, struct state *s, const struct view_change *v)
{
	struct mp was = object_of(v->was), now = object_of(v->now);
	struct span node = now.p ? mp_path_str(now, "spec.nodeName") : (struct span){0};
	s->ended += (now.p && pod_has_ended(now)) - (was.p && pod_has_ended(was));
	if (s->ended > s->ended_max)
		reconcile_want(c, &s->r, span_of(ENDED));
	if (now.p && !node.len && object_is_deleting(now))
		reconcile_want(c, &s->r, v->key);
	if (!node.len)
		return;
	struct span key = node_key(ctx_arena(c), s, node);
	struct mp on = object_of(view_get(s->node_view, key));
	if (!on.p || (object_is_deleting(now) && is_out_of_service(on)))
		reconcile_want(c, &s->r, key);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (v->view == s->pod_view)
		pod_changed(c, s, v);
	else if (v->view == s->node_view &&
		 (!v->now || !v->was || is_out_of_service(object_of(v->now))))
		reconcile_want(c, r, v->key);
}

/* ---- plans */

struct look {
	struct ctx *c;
	struct state *s;
	struct reconcile_item *i;
	struct span node; /* its key, which the deletions rest on; empty: none */
	size_t count;
};

static void rest_on(const struct look *l, struct reconcile_action *x, struct span pod)
{
	struct arena *a = reconcile_arena(l->i);
	struct store_compare *basis = arena_alloc(a, 2 * sizeof *basis);
	basis[0] = reconcile_basis(&l->s->r, object_copy(a, pod));
	x->basis = basis;
	x->basis_count = 1;
	if (l->node.len)
		basis[x->basis_count++] = reconcile_basis(&l->s->r, object_copy(a, l->node));
}

/* At once: nobody is there who would end it. */
static void take_away(struct look *l, struct span key, struct mp pod)
{
	struct arena *a = reconcile_arena(l->i);
	if (l->count++ >= DELETED_A_PLAN)
		return; /* these are gone before the others are looked at */
	struct reconcile_action *x =
		reconcile_add(l->i, OBJ_DELETE, l->s->pods, object_copy(a, object_namespace(pod)),
			      object_copy(a, object_name(pod)));
	x->uid = object_copy(a, object_uid(pod));
	x->grace_s = 0;
	rest_on(l, x, key);
}

/* One that has not ended did not end well: who counts it is told first. */
static void give_up(struct look *l, struct span key, struct mp pod, const char *message)
{
	struct reconcile_action *x;
	if (pod_has_ended(pod)) {
		take_away(l, key, pod);
		return;
	}
	x = disrupted_say(l->i, l->s->pods, pod, "DeletionByPodGC", message, ctx_wall_us(l->c));
	if (!x) {
		struct arena *a = reconcile_arena(l->i);
		x = reconcile_add(l->i, OBJ_PATCH_STRATEGIC, l->s->pods,
				  object_copy(a, object_namespace(pod)),
				  object_copy(a, object_name(pod)));
		x->sub = "status";
		x->body = doc_new(a, DOC_MAP);
		doc_set(a, x->body, "status", doc_new(a, DOC_MAP));
	}
	doc_set_str(reconcile_arena(l->i), doc_get(x->body, "status"), "phase", "Failed");
	rest_on(l, x, key);
	l->count++;
}

static int give_up_orphan(void *arg, const struct view_found *found)
{
	struct look *l = arg;
	give_up(l, found->key, object_of(found->object), "PodGC: node no longer exists");
	return l->count >= DELETED_A_PLAN;
}

static int give_up_terminating(void *arg, const struct view_found *found)
{
	struct look *l = arg;
	struct mp pod = object_of(found->object);
	if (object_is_deleting(pod))
		give_up(l, found->key, pod, "PodGC: node is out of service");
	return l->count >= DELETED_A_PLAN;
}

static int any(void *arg, const struct view_found *found)
{
	(void)arg;
	(void)found;
	return 1;
}

static void plan_node(struct look *l, struct span key)
{
	struct state *s = l->s;
	struct span stream, ns, name;
	if (!schema_key_split(key, &stream, &ns, &name))
		return;
	struct mp node = object_of(view_get(s->node_view, key));
	l->node = key;
	if (node.p) {
		omap_remove(&s->absent, name);
		if (is_out_of_service(node))
			view_index_each(s->by_node, name, give_up_terminating, l);
		return;
	}
	if (!view_index_each(s->by_node, name, any, NULL)) {
		omap_remove(&s->absent, name);
		return;
	}
	uint64_t now = ctx_now_us(l->c) + 1, since = (uintptr_t)omap_get(&s->absent, name);
	if (!since)
		omap_put(&s->absent, name, (void *)(uintptr_t)(since = now));
	if (now - since < ABSENT_US)
		reconcile_later(l->c, l->i, ABSENT_US - (now - since));
	else if (reconcile_fresh(l->c, &s->r, l->i))
		view_index_each(s->by_node, name, give_up_orphan, l);
}

static void plan_pod(struct look *l, struct span key)
{
	struct mp pod = object_of(reconcile_get(&l->s->r, key));
	if (pod.p && object_is_deleting(pod) && !mp_path_str(pod, "spec.nodeName").len)
		take_away(l, key, pod);
}

/* ---- too many that have ended */

struct ended {
	int64_t created_us;
	struct span key;
	struct mp pod;
};

static int older_first(const void *a, const void *b, void *arg)
{
	const struct ended *x = a, *y = b;
	(void)arg;
	return x->created_us != y->created_us ? (x->created_us < y->created_us ? -1 : 1)
					      : span_cmp(x->key, y->key);
}

static void plan_ended(struct look *l)
{
	struct state *s = l->s;
	int64_t over = s->ended - s->ended_max;
	if (over <= 0 || !reconcile_fresh(l->c, &s->r, l->i))
		return;
	struct ended *list = mem_alloc((size_t)s->ended * sizeof *list);
	size_t n = 0;
	for (struct onode *o = omap_first(view_map(s->pod_view)); o; o = omap_next(o)) {
		struct mp pod = object_of(o->value);
		if (!pod_has_ended(pod) || n == (size_t)s->ended)
			continue;
		list[n++] = (struct ended){object_time_us(pod, "metadata.creationTimestamp"),
					   onode_key(o), pod};
	}
	sort_stable(list, n, sizeof *list, older_first, NULL);
	for (size_t i = 0; i < n && i < (size_t)over; i++)
		if (!object_is_deleting(list[i].pod))
			take_away(l, list[i].key, list[i].pod);
	free(list);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct look l = {.c = c, .s = state_of(r), .i = i};
	if (span_is(key, ENDED))
		plan_ended(&l);
	else if (span_is(store_stream_of(key), "nodes"))
		plan_node(&l, key);
	else
		plan_pod(&l, key);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "pod-garbage-collector",
	.fence = "pod-garbage-collector",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	int rc = reconcile_init(c, &s->r, &spec);
	s->ended_max = mp_path_int(cfg, "terminated-pods", TERMINATED_MAX);
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
	omap_fini(&s->absent, NULL);
	reconcile_fini(&s->r);
}

const struct actor_spec pod_gc_actor = {
	.kind = "pod-gc",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
