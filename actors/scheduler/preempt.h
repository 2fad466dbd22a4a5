/* Which pods leave for one of higher priority that finds no room: on one node, and which of
 * the nodes it is.
 *
 *	all pods of lower priority are thought away ──► it does not fit: not this node
 *	those that budgets guard come back first, then the others, the important ones first:
 *	    who comes back and leaves room stays ──► who does not is a victim
 *
 * Of the nodes where that works, the one with the fewest victims that budgets guard; then
 * the least priority of the most important victim; the least sum; the fewest victims; the
 * one whose most important victims began last; the first.
 * Source of the rules: kubernetes pkg/scheduler/framework, preemption and
 * plugins/defaultpreemption (1.34). Pure but for what the trial does; one owner. */
#ifndef SCHEDULER_PREEMPT_H
#define SCHEDULER_PREEMPT_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

/* A pod of lower priority on the node. */
struct preempt_pod {
	void *own; /* the caller's */
	struct span namespace, name;
	struct mp labels; /* an empty cursor: none */
	int64_t priority;
	int64_t start_us; /* INT64_MAX: it has not begun */
	bool guarded;	  /* out: a budget would be overdrawn */
};

struct preempt_budget {
	struct span namespace;
	struct mp selector, disrupted; /* status.disruptedPods: those are counted already */
	int64_t allowed;
};

struct preempt_trial {
	void *arg;
	void (*move)(void *arg, void *own, int sign); /* away (-1), or back (1) */
	unsigned (*faults)(void *arg);		      /* of the node for the pod, as it is now; 0: it fits */
};

/* What a node would cost. */
struct preempt_node {
	struct span name;
	struct preempt_pod *victims; /* the most important first */
	size_t count;
	size_t guarded;	 /* of these */
	unsigned faults; /* that are there with all of them away; 0: it fits then */
};

/* `pods` are of lower priority, in any order, and afterwards in that of importance; all are
 * back when it returns. Fills all but the name. Nothing to gain: count is 0. */
void preempt_on_node(struct arena *a, struct preempt_pod *pods, size_t count,
		     const struct preempt_budget *budgets, size_t budget_count,
		     const struct preempt_trial *trial, struct preempt_node *out);
/* Whether `x`, which has victims, is rather taken than `y`, which has, too. */
bool preempt_is_better(const struct preempt_node *x, const struct preempt_node *y);

#endif
