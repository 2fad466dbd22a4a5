/* Which pod goes when a node runs out of memory. Pure.
 * Source of the rules: kubernetes pkg/kubelet/eviction (helpers.go: rankMemoryPressure,
 * manager.go: evictionMessage). */
#ifndef NODES_EVICTION_H
#define NODES_EVICTION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"

struct eviction_pod {
	struct mp pod;	      /* the object */
	struct mp containers; /* of RUNTIME_FIGURES: what each uses */
	void *owner;
};

/* The first to go of those that may; NULL: none. */
const struct eviction_pod *eviction_choose(const struct eviction_pod *pods, size_t count);
/* "The node was low on resource: memory. ..." In the arena. */
const char *eviction_message(struct arena *a, const struct eviction_pod *p, int64_t threshold,
			     int64_t available);

#endif
