/* Resources beside CPU, memory and storage: those of devices (nvidia.com/gpu), huge pages, and
 * whatever name a node's allocatable has. Whole numbers; of a pod as in fit_requests.
 *
 * Source of the rule: kubernetes pkg/scheduler/framework/plugins/noderesources (scalar
 * resources). Pure but for memory. */
#ifndef SCHEDULER_EXTENDED_H
#define SCHEDULER_EXTENDED_H

#include "broker/base/mp.h"

struct extended_one {
	char *name;
	int64_t amount;
};

/* A zeroed one is empty. */
struct extended {
	struct extended_one *all;
	size_t count;
};

/* What the pod asks for; most ask for none. */
void extended_read(struct extended *x, struct mp pod);
void extended_add(struct extended *to, const struct extended *x, int sign);
/* Bit i: the node has too little for the pod's i-th beside what is used; the last bit stands
 * for all from there on. */
uint32_t extended_lacking(const struct extended *pod, const struct extended *used, struct mp node);
void extended_fini(struct extended *x);

#endif
