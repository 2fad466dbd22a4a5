/* What a replication controller is to do, as arithmetic over facts.
 *
 *	pods it owns and selects   counted
 *	pods it selects, nobody's  adopted
 *	pods it owns, not selected let go
 *	too few                    created; too many: deleted, in Kubernetes' order
 *
 * Pure; results are in the caller's arena. */
#ifndef CONTROLLERS_REPLICATION_PLAN_H
#define CONTROLLERS_REPLICATION_PLAN_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

enum {
	REPLICATION_BATCH = 500,  /* pods made or deleted by one plan */
	REPLICATION_MAX = 100000, /* pods of one controller */
};

/* One pod, as far as it matters. Spans point into the view's objects. */
struct replica {
	struct span key, namespace, name, uid, node;
	struct span controller; /* uid; empty: nobody's */
	struct mp labels;	/* an empty cursor: none */
	uint64_t version;
	bool deleting, ended, ready;
	bool owned, selected; /* by the controller that is planned for */
	bool labelled;	      /* has all of its template's labels */
	int phase;	      /* 0 Pending, 1 Unknown, 2 Running */
	int64_t cost, restarts, created_us, ready_us; /* ready_us: since when; 0 not known */
	int neighbours;				      /* replicas on the same node */
};

/* What a pod is by itself: all but its key, and what it is to a controller. */
void replica_read(struct replica *r, struct mp pod, uint64_t version);
/* And that. `template_labels` may be an empty cursor. */
void replica_relate(struct replica *r, struct span owner_uid, struct mp selector,
		    struct mp template_labels);

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
