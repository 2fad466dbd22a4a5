#include "actors/scheduler/preempt.h"

#include <string.h>

#include "actors/schema/selectors.h"
#include "broker/base/sort.h"

/* More important: of higher priority, or there for longer. */
static int by_importance(const void *x, const void *y, void *arg)
{
	const struct preempt_pod *a = x, *b = y;
	(void)arg;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	return (a->start_us > b->start_us) - (a->start_us < b->start_us);
}

/* ---- budgets */

static bool is_of(const struct preempt_budget *b, const struct preempt_pod *p)
{
	struct mp m;
	return p->labels.p && span_eq(b->namespace, p->namespace) && label_object_match(b->selector, p->labels) &&
	       !mp_find_span(b->disrupted, p->name, &m);
}

/* In order of importance each takes from what its budgets allow. */
static void guard(struct arena *a, struct preempt_pod *pods, size_t count, const struct preempt_budget *budgets,
		  size_t budget_count)
{
	int64_t *left = arena_alloc(a, (budget_count + 1) * sizeof *left);
	for (size_t k = 0; k < budget_count; k++)
		left[k] = budgets[k].allowed;
	for (size_t i = 0; i < count; i++) {
		pods[i].guarded = false;
		for (size_t k = 0; k < budget_count; k++)
			if (is_of(&budgets[k], &pods[i]) && --left[k] < 0)
				pods[i].guarded = true;
	}
}

/* ---- a node */

/* Who comes back and leaves no room goes again, and is a victim. */
static void give_back(struct preempt_pod *pods, size_t count, bool guarded, const struct preempt_trial *t,
		      bool *leaves)
{
	for (size_t i = 0; i < count; i++) {
		if (pods[i].guarded != guarded)
			continue;
		t->move(t->arg, pods[i].own, 1);
		leaves[i] = t->faults(t->arg) != 0;
		if (leaves[i])
			t->move(t->arg, pods[i].own, -1);
	}
}

void preempt_on_node(struct arena *a, struct preempt_pod *pods, size_t count, const struct preempt_budget *budgets,
		     size_t budget_count, const struct preempt_trial *t, struct preempt_node *out)
{
	bool *leaves = arena_alloc(a, count + 1);
	*out = (struct preempt_node){.name = out->name, .victims = arena_alloc(a, (count + 1) * sizeof *out->victims)};
	memset(leaves, 0, count + 1);
	sort_stable(pods, count, sizeof *pods, by_importance, NULL);
	guard(a, pods, count, budgets, budget_count);
	for (size_t i = 0; i < count; i++)
		t->move(t->arg, pods[i].own, -1);
	out->faults = t->faults(t->arg);
	if (out->faults) {
		for (size_t i = 0; i < count; i++)
			t->move(t->arg, pods[i].own, 1);
		return;
	}
	give_back(pods, count, true, t, leaves);
	give_back(pods, count, false, t, leaves);
	for (size_t i = 0; i < count; i++) {
		if (!leaves[i])
			continue;
		t->move(t->arg, pods[i].own, 1);
		out->victims[out->count++] = pods[i];
		out->guarded += pods[i].guarded;
	}
}

/* ---- the best of them */

/* Priorities may be below zero: a node with many of those must not be the cheapest. */
static int64_t sum_of(const struct preempt_node *n)
{
	int64_t sum = 0;
	for (size_t i = 0; i < n->count; i++)
		sum += n->victims[i].priority + INT64_C(2147483648);
	return sum;
}

/* When the first of its most important victims began. */
static int64_t began(const struct preempt_node *n)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < n->count && n->victims[i].priority == n->victims[0].priority; i++)
		if (n->victims[i].start_us < first)
			first = n->victims[i].start_us;
	return first;
}

bool preempt_is_better(const struct preempt_node *x, const struct preempt_node *y)
{
	if (x->guarded != y->guarded)
		return x->guarded < y->guarded;
	if (x->victims[0].priority != y->victims[0].priority)
		return x->victims[0].priority < y->victims[0].priority;
	if (sum_of(x) != sum_of(y))
		return sum_of(x) < sum_of(y);
	if (x->count != y->count)
		return x->count < y->count;
	return began(x) > began(y);
}
