/* Which pod goes when a node runs out of something. Pure.
 * Source of the rules: kubernetes pkg/kubelet/eviction (helpers.go: rankMemoryPressure,
 * rankDiskPressureFunc, rankPIDPressure, evictionMessage; eviction_manager.go: Admit). */
#ifndef NODES_EVICTION_H
#define NODES_EVICTION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum eviction_resource { EVICTION_MEMORY, EVICTION_STORAGE, EVICTION_INODES, EVICTION_PIDS, EVICTION_RESOURCES };

/* As messages and events call it: "memory", "ephemeral-storage", "inodes", "pids". */
const char *eviction_resource_name(enum eviction_resource r);

struct eviction_pod {
	struct mp pod;	      /* the object */
	struct mp containers; /* of RUNTIME_FIGURES: what each uses */
	struct mp disk;	      /* RUNTIME_DISK of it */
	void *owner;
};

/* The first to go of those that may; NULL: none. */
const struct eviction_pod *eviction_choose(enum eviction_resource r, const struct eviction_pod *pods,
					   size_t count);
/* "The node was low on resource: memory. ..." In the arena. */
const char *eviction_message(struct arena *a, enum eviction_resource r, const struct eviction_pod *p,
			     int64_t threshold, int64_t available);

/* Whether a node takes a pod while it has too little. `others`: of anything but memory. */
bool eviction_admits(struct mp pod, bool memory, bool others);

#endif
