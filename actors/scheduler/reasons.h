/* Why nodes do not take a pod, in words: "0/3 nodes are available: 1 Insufficient cpu, 2
 * node(s) were not ready." Reasons stand in the order of their text with its number, as
 * Kubernetes' scheduler has it. Pure. */
#ifndef SCHEDULER_REASONS_H
#define SCHEDULER_REASONS_H

#include "broker/base/mem.h"

enum { REASONS_MAX = 40 };

struct reasons {
	struct {
		const char *text;
		size_t nodes;
	} all[REASONS_MAX];
	size_t count;
};

/* One more node; the text outlives the reasons. More kinds than there is room for are left out. */
void reasons_add(struct reasons *r, const char *text);
/* In the arena. */
const char *reasons_say(const struct reasons *r, struct arena *a, size_t nodes);

#endif
