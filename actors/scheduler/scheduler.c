/* The queue and what moves pods through it:
 *
 *   pod without node ──► ACTIVE ──► BINDING ──bound──► (its node's account)
 *                          ▲  └─no node fits─► MARKING ──► PARKED
 *                          └── something changed that may help ──┘
 *
 * Of those on a node some may be EVICTING for one that found no place (evict.c).
 *
 * Truth is in the views; the accounts of the nodes and the queue are a cache
 * that every change updates. A pod that is being bound is already counted on
 * its node (assumed), so that the next choice knows of it. */
#include "actors/scheduler/scheduler.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/scheduler/scheduler_private.h"

/* ---- volumes */

static bool has_node(const void *arg, struct span name)
{
	const struct scheduler *s = arg;
	const struct node *n = omap_get(&s->nodes, name);
	return n && n->object;
}

static bool is_placed(const void *arg, struct span key)
{
	const struct scheduler *s = arg;
	const struct pod *p = omap_get(&s->pods, key);
	return p && p->node;
}

struct helped {
	struct ctx *c;
	struct scheduler *s;
};

static void may_help(void *arg, struct span key)
{
	struct helped *h = arg;
	struct pod *p = omap_get(&h->s->pods, key);
	bool idle = p && (p->state == POD_PARKED ||
			  (p->state == POD_OTHER && !p->writing && !pod_is_bound(p)));
	if (idle && pod_waits(h->s, mp_of_bytes(p->object)))
		queue_put(h->c, h->s, p);
}

static void on_volumes(struct ctx *c, struct scheduler *s, const struct view_change *v)
{
	struct helped h = {c, s};
	s->moves++;
	if (volumes_helped(&s->volumes, v, may_help, &h))
		queue_wake_all(c, s);
}

/* ---- the choice */

/* On that node: first its volumes, then the pod. */
static void take(struct ctx *c, struct scheduler *s, struct pod *p, const char *node,
		 const struct pod_volumes *v)
{
	struct node *on = omap_get(&s->nodes, span_of(node));
	struct volume_write x = {0};
	if (v->count)
		x = volumes_next(v, mp_of_bytes(on->object));
	if (x.row) {
		decided_claim(c, s, p, node, &x);
	} else if (v->waits) {
		accounts_count(s, p, span_of(node));
		queue_park(c, s, p);
	} else {
		decided_bind(c, s, p, node, v);
	}
}

/* Those of lower priority that are nominated for the node it gets may not fit there any more:
 * they look elsewhere. */
static void pass_over(struct ctx *c, struct scheduler *s, const struct pod *p, struct span node)
{
	for (struct onode *n = omap_first(&s->nominated), *next; n; n = next) {
		struct pod *q = n->value;
		next = omap_next(n);
		if (q == p || q->priority >= p->priority || !span_is(node, q->nominated))
			continue;
		nominate(s, q, (struct span){0});
		if (q->state == POD_PARKED)
			queue_put(c, s, q);
	}
}

/* Others may leave for it: then it is nominated for their node. Returns why it has no place. */
static const char *preempt(struct ctx *c, struct scheduler *s, struct pod *p,
			   const struct pod_volumes *v, const struct place_search *found)
{
	struct preemption x;
	if (!place_nodes(s))
		return found->why;
	preemption_find(&x, s, ctx_arena(c), p, v, found);
	if (!x.waits)
		nominate(s, p, x.best.name);
	if (!x.best.count)
		return arena_printf(ctx_arena(c), "%s preemption: %s", found->why, x.why);
	pass_over(c, s, p, x.best.name);
	evict_plan(s, p, &x.best);
	return found->why;
}

/* Finds it a node, or tells why there is none. */
static void place(struct ctx *c, struct scheduler *s, struct pod *p, const struct pod_volumes *v)
{
	struct place_search found;
	place_find(&found, s, ctx_arena(c), p, v);
	p->tried = s->moves;
	if (found.best.len) {
		take(c, s, p, arena_ndup(ctx_arena(c), found.best.data, found.best.len), v);
		return;
	}
	const char *message = preempt(c, s, p, v, &found);
	if (p->why && strcmp(p->why, message) == 0 && pod_nomination_is_told(p)) {
		queue_park(c, s, p); /* it has this condition already */
		return;
	}
	writes_tell(c, s, p, "Warning", "FailedScheduling", message);
	decided_mark(c, s, p, message);
}

/* ---- those that leave */

static void evict(struct ctx *c, struct scheduler *s)
{
	struct pod *x;
	if (evict_next(c, s, &x))
		decided_evicted(c, s, x);
}

static void schedule(struct ctx *c, struct scheduler *s, struct pod *p)
{
	struct pod_volumes v = {0};
	bool held = p->node != NULL; /* a place, while its volumes are made */
	bool blind = (p->claims && !volumes_synced(&s->volumes)) || !view_synced(s->budget_view) ||
		     (s->namespace_view && !view_synced(s->namespace_view));
	if (blind) {
		p->tried = s->moves;
		queue_park(c, s, p);
		return;
	}
	accounts_count(s, p, (struct span){0});
	struct volume_asks asks = {s, has_node, is_placed};
	if (p->claims)
		volumes_read(&v, &s->volumes, ctx_arena(c), span_of(p->key), mp_of_bytes(p->object),
			     &asks);
	place(c, s, p, &v);
	if (held && !p->node)
		queue_wake_all(c, s);
}

/* One pod a turn: a turn has one transaction. */
static void schedule_next(struct ctx *c, struct scheduler *s)
{
	struct onode *first = omap_first(&s->queue);
	s->running = false;
	if (evict_is_due(s)) {
		evict(c, s);
		queue_run(c, s);
		return;
	}
	if (!first)
		return;
	struct pod *p = first->value;
	queue_take(s, p);
	p->state = POD_OTHER;
	ctx_resume(c, &p->trace);
	schedule(c, s, p);
	queue_run(c, s);
}

/* ---- what the views say */

static void pod_free(void *ptr)
{
	struct pod *p = ptr;
	if (p->writing) {
		writing_fini(p->writing);
		free(p->writing);
	}
	bytes_unref(p->object);
	bytes_unref(p->order);
	host_ports_fini(&p->ports);
	extended_fini(&p->extended);
	free(p->node);
	free(p->nominated);
	free(p->preemptor);
	free(p->key);
	free(p->why);
	free(p);
}

static void on_pod_gone(struct ctx *c, struct scheduler *s, struct span key)
{
	struct pod *p = omap_remove(&s->pods, key);
	if (!p)
		return;
	bool room = p->node || p->nominated;
	queue_take(s, p);
	nominate(s, p, (struct span){0});
	evict_forget(s, p);
	accounts_count(s, p, (struct span){0});
	near_forget(&s->near, p->asks);
	accounts_leave_replicas(s, p);
	writes_end(s, p);
	pod_free(p);
	if (room)
		queue_wake_all(c, s);
}

static void on_pod(struct ctx *c, struct scheduler *s, struct span key, struct bytes *object,
		   uint64_t version)
{
	struct pod *p = omap_get(&s->pods, key);
	struct mp m = mp_of_bytes(object);
	if (p && version < p->bound)
		return; /* from before we bound it */
	if (!p) {
		p = mem_alloc(sizeof *p);
		p->key = mem_ndup(key.data, key.len);
		p->priority = mp_path_int(m, "spec.priority", 0);
		p->wants = fit_requests(m);
		p->weight = fit_weight(&p->wants);
		host_ports_read(&p->ports, m);
		extended_read(&p->extended, m);
		p->claims = pod_has_claims(m);
		if (p->claims)
			volumes_follow(c, &s->volumes, s->schema, s->pod_view);
		p->asks = near_asks_of(&s->near, m);
		p->spreads = near_spreads(m);
		if (s->near.of_namespaces && !s->namespace_view)
			s->namespace_view = ctx_follow(c, "namespaces");
		omap_put(&s->pods, key, p);
	}
	bool same = !p->object || near_same(mp_of_bytes(p->object), m);
	if (!same)
		accounts_count_near(s, p, -1);
	bytes_unref(p->object);
	p->object = bytes_ref(object);
	p->version = version;
	if (!same)
		accounts_count_near(s, p, 1);
	accounts_count_replica(s, p);
	if (p->preemptor && pod_is_leaving(p) && !p->writing)
		evict_forget(s, p); /* it leaves */
	if (p->writing)		    /* its outcome decides */
		return;
	if (version > p->told)
		nominate(s, p, mp_path_str(m, "status.nominatedNodeName"));
	decided_settle(c, s, p);
}

static void on_node(struct ctx *c, struct scheduler *s, struct span key, struct bytes *object)
{
	struct span stream, ns, name;
	char text[300];
	if (!schema_key_split(key, &stream, &ns, &name) || name.len >= sizeof text)
		return;
	snprintf(text, sizeof text, "%.*s", (int)name.len, (const char *)name.data);
	struct node *n = accounts_node(s, text);
	bytes_unref(n->object);
	n->object = bytes_ref(object);
	n->facts = object ? fit_node_of(mp_of_bytes(object)) : (struct fit_node){0};
	images_of_node(&s->images, &n->images, mp_of_bytes(object));
	accounts_zone(s, n);
	queue_wake_all(c, s);
}

static void on_namespaces(struct ctx *c, struct scheduler *s)
{
	near_namespaces_changed(&s->near);
	queue_wake_all(c, s);
}

/* They help nobody to a place, but those that wait until they are known. */
static void on_budgets(struct ctx *c, struct scheduler *s)
{
	if (s->budgets_known || !view_synced(s->budget_view))
		return;
	s->budgets_known = true;
	queue_wake_all(c, s);
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct scheduler *s = state;
	if (s->namespace_view && v->view == s->namespace_view)
		on_namespaces(c, s);
	else if (v->view == s->budget_view)
		on_budgets(c, s);
	else if (v->view != s->pod_view && v->view != s->node_view)
		on_volumes(c, s, v);
	else if (v->key.len && v->view == s->node_view)
		on_node(c, s, v->key, v->now ? v->now->value : NULL);
	else if (v->key.len && v->now)
		on_pod(c, s, v->key, v->now->value, v->now->version);
	else if (v->key.len)
		on_pod_gone(c, s, v->key);
	queue_run(c, s); /* a view may be complete, or show enough now */
	return 0;
}

static int on_outcome(struct ctx *c, void *state, uint64_t tag, const struct store_outcome *o)
{
	struct scheduler *s = state;
	if (tag == FENCE_TAG)
		return fence_on_outcome(c, &s->fence, o);
	if (o->status == ERR_FENCED)
		return ERR_FENCED; /* another incarnation is at work: begin anew */
	struct pod *p = omap_get_u64(&s->writing, tag);
	if (p && writing_outcome(c, p->writing, o, tag))
		decided_written(c, s, p, store_version(o->revision, 0));
	return 0;
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct scheduler *s = state;
	if (tag == FENCE_TAG)
		fence_on_reply(c, &s->fence, r);
	queue_run(c, s);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct scheduler *s = state;
	if (tag == FENCE_TAG) {
		fence_on_timer(c, &s->fence);
		return 0;
	}
	if (tag == TAG_NEXT) {
		schedule_next(c, s);
		return 0;
	}
	s->victims_paused = false;
	for (struct onode *n = omap_first(&s->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		if (p->state == POD_OTHER && !p->writing && !pod_is_bound(p) &&
		    pod_waits(s, mp_of_bytes(p->object)))
			queue_put(c, s, p);
	}
	queue_run(c, s);
	return 0;
}

static int on_down(struct ctx *c, void *state, struct span who, int reason)
{
	struct scheduler *s = state;
	(void)reason;
	fence_on_down(c, &s->fence, who);
	return 0;
}

/* ---- life */

static struct mp namespace_object(void *arg, struct span name)
{
	struct scheduler *s = arg;
	struct buf key = {0};
	buf_puts(&key, "namespaces/");
	buf_append(&key, name.data, name.len);
	const struct view_object *o =
		s->namespace_view ? view_get(s->namespace_view, span_buf(&key)) : NULL;
	buf_fini(&key);
	return o ? mp_of_bytes(o->value) : (struct mp){0};
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct scheduler *s = state;
	struct span name = mp_path_str(cfg, "serves");
	s->name = name.len ? mem_ndup(name.data, name.len) : mem_dup("default-scheduler");
	s->near = (struct near){
		.arg = s, .each_placed = accounts_each, .namespace = namespace_object};
	s->schema = schema_new();
	objects_install(s->schema);
	s->pods_row = schema_find(s->schema, (struct span){0}, span_of("v1"), span_of("pods"));
	s->node_view = ctx_follow(c, "nodes");
	s->pod_view = ctx_follow(c, "pods");
	s->budget_view = ctx_follow(c, "poddisruptionbudgets.policy");
	s->views[0] = s->node_view;
	s->views[1] = s->pod_view;
	fence_take(c, &s->fence, s->name, s->views, 2);
	return 0;
}

/* The accounts are what the pods say. */
static int check(const void *state, struct err *why)
{
	const struct scheduler *s = state;
	size_t queued = 0, parked = 0;
	for (struct onode *n = omap_first(&s->pods); n; n = omap_next(n)) {
		const struct pod *p = n->value;
		queued += p->state == POD_ACTIVE;
		parked += p->state == POD_PARKED;
		if ((p->state == POD_BINDING) && !p->node)
			return err_set(why, ERR_INVALID, "%s is being bound to no node", p->key);
	}
	if (queued != s->queue.count)
		return err_set(why, ERR_INVALID, "%zu pods are active, %zu are queued", queued,
			       s->queue.count);
	if (parked != s->parked)
		return err_set(why, ERR_INVALID, "%zu pods are parked, %zu are counted", parked,
			       s->parked);
	return 0;
}

static void inspect(const void *state, struct buf *out)
{
	const struct scheduler *s = state;
	mpw_map(out, 9);
	mpw_kv_str(out, "serves", s->name);
	fence_inspect(&s->fence, out);
	mpw_kv_u64(out, "active", s->queue.count);
	mpw_kv_u64(out, "unschedulable", s->parked);
	mpw_kv_u64(out, "nodes", s->nodes.count);
	mpw_kv_u64(out, "bound", s->bound);
	mpw_kv_u64(out, "conflicts", s->conflicts);
	mpw_kv_u64(out, "nominated", s->nominated.count);
	mpw_kv_u64(out, "preempted", s->preempted);
}

static void node_free(void *ptr)
{
	struct node *n = ptr;
	bytes_unref(n->object);
	host_ports_fini(&n->ports);
	extended_fini(&n->extended);
	free(n);
}

static void fini(void *state)
{
	struct scheduler *s = state;
	for (struct onode *n = omap_first(&s->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		near_forget(&s->near, p->asks);
		accounts_leave_replicas(s, p);
	}
	near_fini(&s->near);
	spreading_fini(&s->spreading);
	omap_fini(&s->queue, NULL);
	omap_fini(&s->writing, NULL);
	omap_fini(&s->nominated, NULL);
	omap_fini(&s->victims, NULL);
	omap_fini(&s->priorities, NULL);
	omap_fini(&s->pods, pod_free);
	for (struct onode *n = omap_first(&s->nodes); n; n = omap_next(n))
		images_of_node(&s->images, &((struct node *)n->value)->images, (struct mp){0});
	images_fini(&s->images);
	omap_fini(&s->nodes, node_free);
	free(s->places);
	schema_free(s->schema);
	free(s->name);
	fence_fini(&s->fence);
}

const struct actor_spec scheduler_actor = {
	.kind = "scheduler",
	.state_bytes = sizeof(struct scheduler),
	.init = init,
	.on_view = on_view,
	.on_reply = on_reply,
	.on_outcome = on_outcome,
	.on_timer = on_timer,
	.on_down = on_down,
	.check = check,
	.inspect = inspect,
	.fini = fini,
};
