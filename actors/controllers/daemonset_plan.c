#include "actors/controllers/daemonset_plan.h"

#include <string.h>

#include "broker/base/sort.h"

/* The pods of one node, the one that was there first at the front. */
struct group {
	struct daemon_pod *pods;
	size_t count;
	/* Of those that live: the first of the template of now, and of others. */
	struct daemon_pod *fresh, *old;
	bool thinned; /* one too many goes: nothing comes before it is gone */
};

struct rolling {
	struct daemonset_plan *out;
	const struct daemon_want *want;
	struct group *groups; /* of nodes that are meant and stay as they are */
	size_t count;
};

static int by_place(const void *x, const void *y, void *arg)
{
	const struct daemon_pod *a = x, *b = y;
	(void)arg;
	int order = span_cmp(a->node, b->node);
	if (order)
		return order;
	if ((a->pod->node.len > 0) != (b->pod->node.len > 0))
		return a->pod->node.len ? -1 : 1;
	if (a->pod->child.created_us != b->pod->child.created_us)
		return a->pod->child.created_us < b->pod->child.created_us ? -1 : 1;
	return span_cmp(a->pod->child.name, b->pod->child.name);
}

static bool lives(const struct daemon_pod *p)
{
	return replica_is_active(p->pod);
}

static void take(struct daemonset_plan *out, const struct daemon_pod *p)
{
	if (!p->pod->child.deleting && out->remove_count < DAEMON_BATCH)
		out->remove[out->remove_count++] = p;
}

static void make(struct daemonset_plan *out, struct span node)
{
	if (out->create_count < DAEMON_BATCH)
		out->create[out->create_count++] = node;
}

static void count(struct daemonset_plan *out, const struct daemon_node *n, const struct group *g)
{
	bool ready = false, available = false, fresh = false, old = false, serves = false;
	for (size_t i = 0; i < g->count; i++) {
		const struct daemon_pod *p = &g->pods[i];
		if (p->pod->child.deleting)
			continue;
		ready |= p->pod->ready;
		available |= p->available;
		fresh |= p->updated;
		old |= !p->updated;
		serves |= p->updated && p->available;
	}
	if (!n->meant) {
		out->misscheduled += g->count > 0;
		return;
	}
	out->desired++;
	out->current += g->count > 0;
	out->ready += ready;
	out->available += available;
	/* Beside an old one a surge is no update yet. */
	out->updated += old ? serves : fresh;
}

/* Takes away what has ended; whether something had. */
static bool bury(struct daemonset_plan *out, const struct group *g)
{
	bool any = false;
	for (size_t i = 0; i < g->count; i++) {
		struct daemon_pod *p = &g->pods[i];
		if (!p->pod->ended || p->pod->child.deleting)
			continue;
		any = true;
		if (p->wait_us <= 0)
			take(out, p);
		else if (!out->wait_us || p->wait_us < out->wait_us)
			out->wait_us = p->wait_us;
	}
	return any;
}

/* One pod to a node; with surge one of each template while the new one comes. */
static void thin_out(struct daemonset_plan *out, struct group *g, bool surge)
{
	struct daemon_pod *first = NULL;
	for (size_t i = 0; i < g->count; i++) {
		struct daemon_pod *p = &g->pods[i];
		struct daemon_pod **slot = p->updated ? &g->fresh : &g->old;
		if (!lives(p))
			continue;
		if (surge ? *slot != NULL : first != NULL) {
			take(out, p);
			g->thinned = true;
			continue;
		}
		first = p;
		*slot = p;
	}
}

static void look_at(struct rolling *l, const struct daemon_node *n, struct group g)
{
	struct daemonset_plan *out = l->out;
	count(out, n, &g);
	if (!n->may_stay) {
		for (size_t i = 0; i < g.count; i++)
			take(out, &g.pods[i]);
		return;
	}
	bool ended = bury(out, &g);
	thin_out(out, &g, l->want->rolling && l->want->surge > 0);
	if (n->meant && !g.count)
		make(out, n->name);
	else if (n->meant && !ended)
		l->groups[l->count++] = g;
}

/* ---- to the template of now */

/* Old ones go where nothing is lost by it, then as many as may be missing. */
static void roll_by_unavailability(struct rolling *l)
{
	int64_t missing = l->out->desired - l->out->current;
	for (size_t i = 0; i < l->count; i++) {
		const struct group *g = &l->groups[i];
		const struct daemon_pod *p = g->fresh ? g->fresh : g->old;
		if (!p || !p->available)
			missing++;
		if (p && p == g->old && !p->available)
			take(l->out, p);
	}
	for (size_t i = 0; i < l->count; i++) {
		const struct group *g = &l->groups[i];
		if (missing < l->want->unavailable && !g->fresh && g->old && g->old->available) {
			take(l->out, g->old);
			missing++;
		}
	}
}

/* New ones come beside old ones, which go when the new ones are there. */
static void roll_by_surge(struct rolling *l)
{
	int64_t both = 0;
	for (size_t i = 0; i < l->count; i++) {
		struct group *g = &l->groups[i];
		if (g->fresh && g->old && (g->fresh->available || !g->old->available))
			take(l->out, g->old);
		else if (g->fresh && g->old)
			both++;
	}
	for (size_t i = 0; i < l->count; i++) {
		struct group *g = &l->groups[i];
		if (g->fresh || !g->old || g->thinned)
			continue;
		if (!g->old->available) {
			make(l->out, g->old->node); /* it serves nobody: no surge */
		} else if (both < l->want->surge) {
			make(l->out, g->old->node);
			both++;
		}
	}
}

void daemonset_plan(struct arena *a, const struct daemon_node *nodes, size_t node_count,
		    struct daemon_pod *pods, size_t pod_count, const struct daemon_want *want,
		    struct daemonset_plan *out)
{
	struct rolling l = {.out = out, .want = want};
	size_t p = 0;
	memset(out, 0, sizeof *out);
	out->create = arena_alloc(a, (DAEMON_BATCH + 1) * sizeof *out->create);
	out->remove = arena_alloc(a, (DAEMON_BATCH + 1) * sizeof *out->remove);
	l.groups = arena_alloc(a, (node_count + 1) * sizeof *l.groups);
	sort_stable(pods, pod_count, sizeof *pods, by_place, NULL);
	for (size_t i = 0; i < node_count; i++) {
		/* Of a node that is gone, or never was. */
		for (; p < pod_count && span_cmp(pods[p].node, nodes[i].name) < 0; p++)
			take(out, &pods[p]);
		struct group g = {.pods = &pods[p]};
		for (; p < pod_count && span_eq(pods[p].node, nodes[i].name); p++)
			g.count++;
		look_at(&l, &nodes[i], g);
	}
	for (; p < pod_count; p++)
		take(out, &pods[p]);
	if (want->rolling && want->surge > 0)
		roll_by_surge(&l);
	else if (want->rolling)
		roll_by_unavailability(&l);
	if (want->deleting)
		out->create_count = out->remove_count = 0;
}
