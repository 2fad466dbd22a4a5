/* What is where: each pod that is on a node, or on its way, is counted there once. */
#include <stdlib.h>

#include "actors/scheduler/scheduler_private.h"
#include "broker/base/planted.h"

struct node *accounts_node(struct scheduler *s, const char *name)
{
	struct node *n = omap_get(&s->nodes, span_of(name));
	if (!n) {
		n = mem_alloc(sizeof *n);
		omap_put(&s->nodes, span_of(name), n);
	}
	return n;
}

void accounts_count_near(struct scheduler *s, const struct pod *p, int sign)
{
	if (!s->near.terms.count || !p->node || PLANTED(NEIGHBOURS_NOT_COUNTED))
		return;
	bool meant = near_moved(&s->near, p->asks, mp_of_bytes(p->object), span_of(p->node), sign);
	s->moved = s->moved || (meant && sign > 0);
}

/* ---- who is on a node, and of which priorities there are any */

static uint64_t rank_of(int64_t priority)
{
	return (uint64_t)(priority + INT64_C(2147483648));
}

static void count_priority(struct scheduler *s, int64_t priority, int sign)
{
	uintptr_t n = (uintptr_t)omap_get_u64(&s->priorities, rank_of(priority)) + (uintptr_t)sign;
	if (n)
		omap_put_u64(&s->priorities, rank_of(priority), (void *)n);
	else
		omap_remove_u64(&s->priorities, rank_of(priority));
}

static void join_list(struct scheduler *s, struct pod *p)
{
	struct node *n = accounts_node(s, p->node);
	p->beside = n->first;
	p->link = &n->first;
	if (n->first)
		n->first->link = &p->beside;
	n->first = p;
	count_priority(s, p->priority, 1);
}

static void leave_list(struct scheduler *s, struct pod *p)
{
	*p->link = p->beside;
	if (p->beside)
		p->beside->link = p->link;
	p->beside = NULL;
	p->link = NULL;
	count_priority(s, p->priority, -1);
}

bool accounts_has_lower(const struct scheduler *s, int64_t priority)
{
	struct onode *least = omap_first(&s->priorities);
	return least && onode_u64(least) < rank_of(priority);
}

/* ---- replicas of one owner */

static void count_among(struct pod *p, struct node *node)
{
	if (node == p->among)
		return;
	if (p->among)
		replicas_move(p->replicas, p->among, p->among->zone, -1);
	if (node)
		replicas_move(p->replicas, node, node->zone, 1);
	p->among = node;
}

void accounts_leave_replicas(struct scheduler *s, struct pod *p)
{
	count_among(p, NULL);
	replicas_leave(&s->spreading, p->replicas);
	p->replicas = NULL;
}

/* It may have been adopted. */
void accounts_count_replica(struct scheduler *s, struct pod *p)
{
	struct mp m = mp_of_bytes(p->object);
	if (!replicas_has(p->replicas, m)) {
		accounts_leave_replicas(s, p);
		p->replicas = replicas_join(&s->spreading, m);
	}
	bool counts = p->node && p->replicas && !pod_is_leaving(p);
	count_among(p, counts ? accounts_node(s, p->node) : NULL);
}

void accounts_zone(struct scheduler *s, struct node *n)
{
	struct zone *was = n->zone,
		    *is = spreading_zone(&s->spreading, was, mp_of_bytes(n->object));
	for (struct pod *p = was == is ? NULL : n->first; p; p = p->beside)
		if (p->among == n) {
			replicas_move(p->replicas, n, was, -1);
			replicas_move(p->replicas, n, is, 1);
		}
	n->zone = is;
}

/* ---- where a pod is */

void accounts_count(struct scheduler *s, struct pod *p, struct span node)
{
	if (p->node && span_is(node, p->node))
		return;
	accounts_count_near(s, p, -1);
	if (p->node) {
		leave_list(s, p);
		fit_add(&accounts_node(s, p->node)->used, &p->wants, -1);
		fit_add(&accounts_node(s, p->node)->weight, &p->weight, -1);
		host_ports_remove(&accounts_node(s, p->node)->ports, &p->ports);
		extended_add(&accounts_node(s, p->node)->extended, &p->extended, -1);
		free(p->node);
		p->node = NULL;
	}
	if (node.len) {
		p->node = mem_ndup(node.data, node.len);
		join_list(s, p);
		fit_add(&accounts_node(s, p->node)->used, &p->wants, 1);
		fit_add(&accounts_node(s, p->node)->weight, &p->weight, 1);
		host_ports_add(&accounts_node(s, p->node)->ports, &p->ports);
		extended_add(&accounts_node(s, p->node)->extended, &p->extended, 1);
	}
	accounts_count_replica(s, p);
	accounts_count_near(s, p, 1);
}

void accounts_each(void *arg, void (*one)(void *with, struct mp pod, struct span node), void *with)
{
	struct scheduler *s = arg;
	for (struct onode *n = omap_first(&s->pods); n; n = omap_next(n)) {
		const struct pod *p = n->value;
		if (p->node)
			one(with, mp_of_bytes(p->object), span_of(p->node));
	}
}

/* ---- nominations */

void nominate(struct scheduler *s, struct pod *p, struct span node)
{
	char *was = p->nominated;
	p->nominated = node.len ? mem_ndup(node.data, node.len) : NULL;
	free(was);
	if (node.len)
		omap_put(&s->nominated, span_of(p->key), p);
	else
		omap_remove(&s->nominated, span_of(p->key));
}

void nominated_count(struct scheduler *s, const struct pod *p, bool on)
{
	bool moved = s->moved; /* nobody has come */
	for (struct onode *n = omap_first(&s->nominated); n; n = omap_next(n)) {
		struct pod *q = n->value;
		if (q->thought) {
			accounts_count(s, q, (struct span){0});
			q->thought = false;
		} else if (on && q != p && !q->node && q->priority >= p->priority &&
			   omap_get(&s->nodes, span_of(q->nominated))) {
			accounts_count(s, q, span_of(q->nominated));
			q->thought = true;
		}
	}
	s->moved = moved;
}
