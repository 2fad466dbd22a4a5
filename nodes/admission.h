/* Whether a node takes a pod that was given to it, whoever did: a scheduler that was faster
 * than the node's last word, or somebody who wrote spec.nodeName. Pure.
 * Source of the rules: kubernetes pkg/kubelet/lifecycle/predicate.go. */
#ifndef NODES_ADMISSION_H
#define NODES_ADMISSION_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

struct admission {
	struct mp pod, node; /* objects; node: empty where the pod asks nothing of it */
	struct mp allocatable;
	const struct mp *others; /* pods that the node has already */
	size_t count;
};

/* What the node's system cannot do for it: of another operating system, or (`containers`:
 * it has real ones) AppArmor that is not there. */
bool admission_forbids(struct mp pod, bool containers, bool apparmor, const char **reason,
		       const char **message);
/* Whether it can only be told with the node's object. */
bool admission_needs_node(struct mp pod);
/* True: it is refused; reason and message of its status ("OutOfcpu", "Node didn't have enough
 * resource: ..."), in the arena. */
bool admission_refuses(struct arena *a, const struct admission *x, const char **reason,
		       const char **message);

/* The same of a pod that is here and wants other resources; the reason is "Infeasible" (the
 * node has not so much, whoever goes) or "Deferred". */
bool admission_defers(struct arena *a, const struct admission *x, const char **reason,
		      const char **message);

#endif
