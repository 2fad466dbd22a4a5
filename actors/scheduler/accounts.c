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

void accounts_count(struct scheduler *s, struct pod *p, struct span node)
{
	if (p->node && span_is(node, p->node))
		return;
	accounts_count_near(s, p, -1);
	if (p->node) {
		fit_add(&accounts_node(s, p->node)->used, &p->wants, -1);
		fit_add(&accounts_node(s, p->node)->weight, &p->weight, -1);
		host_ports_remove(&accounts_node(s, p->node)->ports, &p->ports);
		extended_add(&accounts_node(s, p->node)->extended, &p->extended, -1);
		free(p->node);
		p->node = NULL;
	}
	if (node.len) {
		p->node = mem_ndup(node.data, node.len);
		fit_add(&accounts_node(s, p->node)->used, &p->wants, 1);
		fit_add(&accounts_node(s, p->node)->weight, &p->weight, 1);
		host_ports_add(&accounts_node(s, p->node)->ports, &p->ports);
		extended_add(&accounts_node(s, p->node)->extended, &p->extended, 1);
	}
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
