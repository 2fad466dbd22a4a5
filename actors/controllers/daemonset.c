/* Daemon sets. What is to be done is daemonset_plan.h, what a pod is made of
 * daemon_pod.h, which template has which revision history.h; here are the
 * facts and the writes.
 *
 * A pod is made only where the views, which show all that was written before,
 * have none: by the journal there is never a second one beside it, but for a
 * surge. */
#include "actors/controllers/daemonset.h"

#include <stdlib.h>
#include <string.h>

#include "actors/controllers/daemon_pod.h"
#include "actors/controllers/history.h"
#include "actors/controllers/status.h"
#include "broker/base/mem.h"

#define BURY_FIRST_US INT64_C(1000000)
#define BURY_MOST_US (15 * 60 * INT64_C(1000000))

enum { CREATE = 1, DELETE, BURY };

static const char *const streams[] = {"daemonsets.apps", "pods", "nodes",
				      "controllerrevisions.apps", "namespaces", NULL};

struct state {
	struct reconciler r; /* first */
	struct children pods, revisions;
	struct view *node_view;
	struct omap buried; /* uid of a set and a node -> struct grave */
};

/* How often a pod of a set has ended on a node, and when the last one went. */
struct grave {
	int count;
	int64_t last_us;
};

/* Of a write: the node, and what its pod is of. */
struct daemon_act {
	struct span node, hash;
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which sets a change is about */

/* Where pods may be; a heartbeat is nothing to a daemon set. */
static bool is_other_place(const struct view_change *v)
{
	struct mp was = object_of(v->was), now = object_of(v->now);
	return !was.p || !now.p || !object_same_at(was, now, "metadata.labels") ||
	       !object_same_at(was, now, "spec.taints") || !object_same_at(was, now, "spec.unschedulable");
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (children_changed(c, r, &s->pods, v) || children_changed(c, r, &s->revisions, v))
		return;
	if (v->view == s->pods.owner_view && v->now)
		reconcile_want(c, r, v->key);
	if (v->view != s->node_view || !is_other_place(v))
		return;
	for (struct onode *n = omap_first(view_map(s->pods.owner_view)); n; n = omap_next(n))
		reconcile_want(c, r, onode_key(n));
}

/* ---- pods that have ended */

static struct span grave_key(struct arena *a, struct mp set, struct span node)
{
	struct span uid = object_uid(set);
	return span_of(arena_printf(a, "%.*s/%.*s", (int)uid.len, (const char *)uid.data,
				    (int)node.len, (const char *)node.data));
}

static int64_t wait_us(struct state *s, struct arena *a, struct mp set, struct span node,
		       int64_t now_us)
{
	const struct grave *g = omap_get(&s->buried, grave_key(a, set, node));
	if (!g)
		return 0;
	int64_t pause = BURY_FIRST_US << (g->count < 20 ? g->count - 1 : 19);
	return g->last_us + (pause < BURY_MOST_US ? pause : BURY_MOST_US) - now_us;
}

static void bury(struct ctx *c, struct state *s, struct mp set, struct span node)
{
	struct span key = grave_key(ctx_arena(c), set, node);
	struct grave *g = omap_get(&s->buried, key);
	int64_t now_us = ctx_wall_us(c);
	if (!g) {
		g = mem_alloc(sizeof *g);
		omap_put(&s->buried, key, g);
	}
	/* Well for long: that is forgotten. */
	if (now_us - g->last_us > 2 * BURY_MOST_US)
		g->count = 0;
	g->count++;
	g->last_us = now_us;
}

/* ---- facts */

/* NULL: some are adopted first; what is there is known when they are ours. */
static struct daemon_pod *gather(struct ctx *c, struct reconciler *r, struct reconcile_item *i,
				 struct span key, struct mp set, const struct revision *now,
				 size_t *count)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	int64_t min_ready_s = mp_path_int(set, "spec.minReadySeconds", 0), in_us;
	size_t n, own = 0, adopted = 0;
	struct replica *all = children_gather(&s->pods, a, set, &n);
	struct daemon_pod *list = arena_alloc(a, (n + 1) * sizeof *list);
	bool deleting = object_is_deleting(set);
	for (size_t k = 0; k < n; k++) {
		struct replica *p = &all[k];
		struct mp pod = object_of(reconcile_get(r, p->child.key));
		if (p->child.owned && !p->child.selected && !deleting)
			children_release(r, i, &s->pods, key, &p->child);
		if (!p->child.owned && replica_is_active(p) && !deleting) {
			children_adopt(r, i, &s->pods, key, &p->child);
			adopted++;
		}
		if (!p->child.owned || !p->child.selected)
			continue;
		struct daemon_pod *d = &list[own++];
		*d = (struct daemon_pod){.pod = p, .node = daemon_pod_node(p, pod)};
		d->updated = now->hash.len && span_eq(object_label(pod, HISTORY_HASH), now->hash);
		d->available = replica_is_available(p, min_ready_s, ctx_wall_us(c), &in_us);
		if (in_us)
			reconcile_later(c, i, (uint64_t)in_us);
		if (p->ended)
			d->wait_us = wait_us(s, a, set, d->node, ctx_wall_us(c));
	}
	*count = own;
	return adopted ? NULL : list;
}

static struct daemon_want read_want(struct mp set, size_t nodes)
{
	struct daemon_want w = {
		.rolling = span_is(mp_path_str(set, "spec.updateStrategy.type"), "RollingUpdate"),
		.deleting = object_is_deleting(set),
	};
	w.surge = object_share(set, "spec.updateStrategy.rollingUpdate.maxSurge", (int64_t)nodes,
			       true, 0);
	w.unavailable = object_share(set, "spec.updateStrategy.rollingUpdate.maxUnavailable",
				     (int64_t)nodes, true, 1);
	return w;
}

/* ---- the plan */

static const struct daemon_act *act_of(struct arena *a, struct span node, struct span hash)
{
	struct daemon_act *x = arena_alloc(a, sizeof *x);
	*x = (struct daemon_act){object_copy(a, node), object_copy(a, hash)};
	return x;
}

static void act(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		struct mp set, const struct revision *now, const struct daemonset_plan *p)
{
	const struct children *pods = &state_of(r)->pods;
	struct arena *a = reconcile_arena(i);
	for (size_t k = 0; k < p->create_count; k++) {
		struct reconcile_action *x =
			children_create(r, i, pods, key, object_namespace(set));
		x->what = CREATE;
		x->own = act_of(a, p->create[k], now->hash);
	}
	if (!p->remove_count || !reconcile_fresh(c, r, i))
		return;
	for (size_t k = 0; k < p->remove_count; k++) {
		const struct daemon_pod *d = p->remove[k];
		struct reconcile_action *x =
			children_act(r, i, pods, key, &d->pod->child, OBJ_DELETE);
		x->what = d->pod->ended ? BURY : DELETE;
		x->own = act_of(a, d->node, now->hash);
	}
}

struct living {
	const struct daemon_pod *pods;
	size_t count;
};

static bool revision_lives(void *arg, const struct revision *v)
{
	const struct living *l = arg;
	for (size_t i = 0; i < l->count; i++) {
		struct mp labels = l->pods[i].pod->child.labels, m;
		struct span hash = {0};
		if (labels.p && mp_find(labels, HISTORY_HASH, &m) && !mp_str(&m, &hash) &&
		    span_eq(hash, v->hash))
			return true;
	}
	return false;
}

static void say(struct status *st, const struct daemonset_plan *p)
{
	status_int(st, "desiredNumberScheduled", p->desired);
	status_int(st, "currentNumberScheduled", p->current);
	status_int(st, "numberMisscheduled", p->misscheduled);
	status_int(st, "numberReady", p->ready);
	status_count(st, "updatedNumberScheduled", p->updated);
	status_count(st, "numberAvailable", p->available);
	status_count(st, "numberUnavailable", p->desired - p->available);
	status_observed(st);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct mp set = object_of(reconcile_get(r, key));
	struct daemonset_plan p;
	struct history h;
	struct status st;
	bool collides;
	size_t node_count, pod_count;
	if (!set.p)
		return;
	history_read(&h, r, i, &s->revisions, key, set);
	status_begin(&st, a, set, ctx_wall_us(c));
	if (!object_is_deleting(set) &&
	    !history_keep(&h, r, i, &s->revisions, key, set, &collides)) {
		if (collides) {
			status_int(&st, "collisionCount",
				   mp_path_int(set, "status.collisionCount", 0) + 1);
			status_write(i, &st, s->pods.owners);
		}
		return;
	}
	const struct revision none = {0}, *now = h.now ? h.now : &none;
	struct daemon_node *nodes = daemon_nodes(a, view_map(s->node_view), set, &node_count);
	struct daemon_pod *pods = gather(c, r, i, key, set, now, &pod_count);
	if (!pods)
		return;
	size_t meant = 0;
	for (size_t k = 0; k < node_count; k++)
		meant += nodes[k].meant;
	struct daemon_want w = read_want(set, meant);
	daemonset_plan(a, nodes, node_count, pods, pod_count, &w, &p);
	act(c, r, i, key, set, now, &p);
	struct living living = {pods, pod_count};
	if (!w.deleting)
		history_forget(&h, r, i, &s->revisions, key,
			       mp_path_int(set, "spec.revisionHistoryLimit", 10), revision_lives,
			       &living);
	if (p.wait_us)
		reconcile_later(c, i, (uint64_t)p.wait_us);
	say(&st, &p);
	status_write(i, &st, s->pods.owners);
}

static struct doc *body(struct ctx *c, struct reconciler *r, const struct reconcile_action *x,
			struct arena *a)
{
	const struct daemon_act *d = x->own;
	(void)c;
	return daemon_pod_body(a, object_of(reconcile_get(r, x->basis[0].key)), d->node, d->hash);
}

/* ---- what became of it */

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct mp set = object_of(reconcile_get(r, key));
	struct span name = answer->object
				   ? mp_path_str(mp_of(bytes_span(answer->object)), "metadata.name")
				   : x->name;
	const struct daemon_act *d = x->own;
	struct span m = doc_get_str(answer->status, "message");
	if (!set.p || !x->what)
		return;
	if (x->what == CREATE && answer->code == 201)
		reconcile_event(c, r, set, "Normal", "SuccessfulCreate", "Created pod: %.*s",
				(int)name.len, (const char *)name.data);
	else if (x->what == CREATE && answer->code != 409)
		reconcile_event(c, r, set, "Warning", "FailedCreate", "Error creating: %.*s",
				(int)m.len, (const char *)m.data);
	else if (answer->code >= 300)
		return;
	else if (x->what == BURY)
		bury(c, state_of(r), set, d->node);
	if (x->what == BURY)
		reconcile_event(c, r, set, "Warning", "FailedDaemonPod",
				"Found failed daemon pod %.*s/%.*s on node %.*s, will try to kill it",
				(int)x->namespace.len, (const char *)x->namespace.data,
				(int)name.len, (const char *)name.data, (int)d->node.len,
				(const char *)d->node.data);
	if (x->what == BURY || x->what == DELETE)
		reconcile_event(c, r, set, "Normal", "SuccessfulDelete", "Deleted pod: %.*s",
				(int)name.len, (const char *)name.data);
}

/* ---- life */

static const struct children_spec of_pods = {
	.owner_stream = "daemonsets.apps",
	.owner_kind = "DaemonSet",
	.stream = "pods",
	.index = &replica_index,
};
static const struct children_spec of_revisions = {
	.owner_stream = "daemonsets.apps",
	.owner_kind = "DaemonSet",
	.stream = "controllerrevisions.apps",
	.index = &revision_index,
};

static const struct reconcile_spec spec = {
	.name = "daemon-set-controller",
	.fence = "daemonset",
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
	s->node_view = reconcile_view(&s->r, span_of("nodes"));
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->buried, free);
	reconcile_fini(&s->r);
}

const struct actor_spec daemonset_actor = {
	.kind = "daemonset",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
