#include "tools/chaos/drain.h"

#include <stdlib.h>
#include <string.h>

/* What the user was asked for, of a node. */
struct deed {
	struct wish wish;
	struct deed *before;
};

/* Taints of one key and effect are one; the value is that of the last. */
struct tainted {
	const struct taint *taint;
	int count; /* that are on */
	struct tainted *next;
};

struct drained_node {
	const char *name;
	int cordons; /* that are on */
	struct tainted *taints;
	struct deed *last;
};

static struct drained_node *node_of(struct drains *d, const char *name)
{
	struct drained_node *n = omap_get(&d->nodes, span_of(name));
	if (!n) {
		n = arena_alloc(&d->arena, sizeof *n);
		n->name = arena_dup(&d->arena, name);
		omap_put(&d->nodes, span_of(name), n);
	}
	return n;
}

static struct wish *ask(struct drains *d, struct drained_node *n, enum wish_type type, struct span name, bool yes)
{
	struct deed *x = arena_alloc(&d->arena, sizeof *x);
	x->wish = (struct wish){.type = type, .name = arena_ndup(&d->arena, name.data, name.len), .number = yes, .urgent = true};
	x->before = n->last;
	n->last = x;
	user_book_add(d->book, &x->wish);
	return &x->wish;
}

/* Those would be made again on the node at once. */
static bool is_of_daemon_set(const struct led_object *pod)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(mp_of_bytes(pod->value), "metadata.ownerReferences", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (span_is(mp_path_str(list, "kind"), "DaemonSet"))
			return true;
	return false;
}

static void evict_all(struct drains *d, const struct ledger *l, struct drained_node *n)
{
	for (struct onode *it = ledger_first(l, "pods/default/"); it; it = ledger_next(it, "pods/default/")) {
		const struct led_object *o = it->value;
		if (led_pod_lives(o) && o->pod.node && strcmp(o->pod.node->name, n->name) == 0 && !is_of_daemon_set(o))
			ask(d, n, WISH_EVICT, o->name, true);
	}
}

static void give_up(struct drained_node *n)
{
	for (struct deed *x = n->last; x; x = x->before)
		x->wish.given_up = x->wish.given_up || x->wish.type == WISH_EVICT;
}

void drains_set(struct drains *d, const struct ledger *l, const char *node, bool evict, bool on)
{
	struct drained_node *n = node_of(d, node);
	n->cordons += on ? 1 : -1;
	if (n->cordons == on)
		ask(d, n, WISH_CORDON, span_of(node), on);
	if (on && evict)
		evict_all(d, l, n);
	else if (!on && !n->cordons)
		give_up(n);
}

static struct tainted *taint_of(struct drains *d, struct drained_node *n, const struct taint *t)
{
	struct tainted *x = n->taints;
	while (x && (strcmp(x->taint->key, t->key) != 0 || strcmp(x->taint->effect, t->effect) != 0))
		x = x->next;
	if (!x) {
		x = arena_alloc(&d->arena, sizeof *x);
		x->next = n->taints;
		n->taints = x;
	}
	x->taint = t;
	return x;
}

void drains_taint(struct drains *d, const char *node, const struct taint *t, bool on)
{
	struct drained_node *n = node_of(d, node);
	struct tainted *x = taint_of(d, n, t);
	x->count += on ? 1 : -1;
	if (on || !x->count)
		ask(d, n, WISH_TAINT, span_of(node), on)->taint = t;
}

static void untaint_all(struct drains *d, struct drained_node *n)
{
	for (struct tainted *x = n->taints; x; x = x->next) {
		if (x->count)
			ask(d, n, WISH_TAINT, span_of(n->name), false)->taint = x->taint;
		x->count = 0;
	}
}

uint64_t drains_touched(const struct drains *d, const char *node)
{
	const struct drained_node *n = omap_get(&d->nodes, span_of(node));
	uint64_t sum = 0;
	for (const struct deed *x = n ? n->last : NULL; x; x = x->before)
		sum += x->wish.done && x->wish.code < 300;
	return sum;
}

void drains_heal(struct drains *d)
{
	for (struct onode *it = omap_first(&d->nodes); it; it = omap_next(it)) {
		struct drained_node *n = it->value;
		if (n->cordons)
			ask(d, n, WISH_CORDON, span_of(n->name), false);
		give_up(n);
		n->cordons = 0;
		untaint_all(d, n);
	}
}

void drains_fini(struct drains *d)
{
	omap_fini(&d->nodes, NULL);
	arena_fini(&d->arena);
}
