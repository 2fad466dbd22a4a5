/* What pods ask of the pods that are there: affinity and anti-affinity between pods, and
 * how evenly they are spread over zones, nodes, or whatever label their nodes have.
 *
 * A *term* says which pods are meant: of which namespaces, and taken by which selector.
 * Equal terms of many pods are one. How many pods of a term are on each node is counted as
 * pods come and go, and so is on which nodes pods are that want none (or some) of them near:
 *
 *	pods come and go ──near_moved──► terms: per node, how many
 *	a pod's asks ──► its terms, summed up per value of a label of the nodes (near_plan)
 *	               ──► near_fault, near_affinity, near_spread of each node
 *
 * So a choice looks at nodes, and at no pod. Pods that ask nothing cost nothing while nobody
 * does. Source of the rules: kubernetes pkg/scheduler/framework/plugins, interpodaffinity and
 * podtopologyspread (1.34). Pure but for memory; one owner. */
#ifndef SCHEDULER_NEAR_H
#define SCHEDULER_NEAR_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "broker/base/omap.h"

struct near_term;

/* A zeroed one with its functions set is ready. */
struct near {
	void *arg;
	/* Calls one(with, pod, node) for each pod that is counted on a node. */
	void (*each_placed)(void *arg, void (*one)(void *with, struct mp pod, struct span node),
			    void *with);
	/* The object of a namespace; p NULL: not there (yet). */
	struct mp (*namespace)(void *arg, struct span name);
	struct omap terms;
	size_t of_namespaces; /* terms that select namespaces by their labels */
};

struct near_asks; /* of a pod */

/* NULL: it asks nothing. Given back by near_forget, when it is on no node. */
struct near_asks *near_asks_of(struct near *n, struct mp pod);
void near_forget(struct near *n, struct near_asks *asks);
/* It says itself how evenly pods like it are to be. */
bool near_spreads(struct mp pod);
/* The pod is counted on that node from now on (sign 1), or no more (-1); as it was then.
 * True: somebody asks for pods like it, or for none. */
bool near_moved(struct near *n, const struct near_asks *asks, struct mp pod, struct span node,
		int sign);
/* Whether a pod counts as it did when it was that. */
bool near_same(struct mp was, struct mp is);
/* Labels of a namespace have changed. */
void near_namespaces_changed(struct near *n);
void near_fini(struct near *n); /* all asks have been given back */

/* ---- a choice */

struct near_node {
	struct span name;
	struct mp object;
};

struct near_plan {
	struct near_rule *rules; /* in the arena, but for their sums */
	size_t count;
};

/* `asks` of the pod, which is on no node now. All in the arena; near_plan_fini gives back what is
 * not. */
void near_plan_make(struct near_plan *out, struct arena *a, struct near *n,
		    const struct near_asks *asks, struct mp pod, const struct near_node *nodes,
		    size_t node_count);
void near_plan_fini(struct near_plan *p);
/* 0, or the first of FIT_SPREAD_LABEL, FIT_SPREAD, FIT_AFFINITY, FIT_ANTI_AFFINITY and
 * FIT_OTHERS (fit.h) that is so. */
unsigned near_fault(const struct near_plan *p, struct mp node);
/* How much the pod and those that are there would like it to be there; more is better. */
int64_t near_affinity(const struct near_plan *p, struct mp node);
/* How many of its like are there already; less is better. -1: the node has not all labels
 * that it is spread over. */
int64_t near_spread(const struct near_plan *p, struct mp node);
/* What one more of its like weighs in that, in hundredths: among many nodes or zones more. */
int64_t near_weight(uint64_t domains);

#endif
