/* What a replication controller or a replica set is to do, as arithmetic over facts.
 *
 *	pods it owns and selects   counted
 *	pods it selects, nobody's  adopted
 *	pods it owns, not selected let go
 *	too few                    created; too many: deleted, in Kubernetes' order
 *
 * Pure; results are in the caller's arena. */
#ifndef CONTROLLERS_REPLICATION_PLAN_H
#define CONTROLLERS_REPLICATION_PLAN_H

#include "actors/controllers/replica.h"

enum {
	REPLICATION_BATCH = 500,  /* pods made or deleted by one plan */
	REPLICATION_MAX = 100000, /* pods of one controller */
};

struct replication_status {
	int64_t replicas, labelled, ready, available;
	int64_t available_in_us; /* until one more is available; 0: none will be by time alone */
};

struct replication_plan {
	const struct replica **adopt, **release, **remove;
	size_t adopt_count, release_count, remove_count;
	size_t create_count;
	bool too_many_wanted; /* more than REPLICATION_MAX */
	struct replication_status status;
};

/* `pods` is ordered by the plan. */
void replication_plan(struct arena *a, struct replica *pods, size_t count, int64_t wanted,
		      bool deleting, int64_t min_ready_s, int64_t now_us,
		      struct replication_plan *out);

#endif
