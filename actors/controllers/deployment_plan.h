/* What a deployment is to do with its replica sets, as arithmetic over facts.
 *
 *   one set has the deployment's template: the new one; all others are old
 *   not yet there       made
 *   replicas changed    spread over the sets in proportion
 *   rolling             the new one grows as far as surge lets it, then old
 *                       ones shrink as far as availability lets them
 *   recreate            old ones to nothing, their pods gone, then the new one
 *   all is as asked     old sets beyond the history's limit go
 *
 * One kind of step per plan, as Kubernetes does it (deployment/rolling.go,
 * recreate.go, sync.go). Pure; results are in the caller's arena. */
#ifndef CONTROLLERS_DEPLOYMENT_PLAN_H
#define CONTROLLERS_DEPLOYMENT_PLAN_H

#include "actors/controllers/children.h"

/* A replica set, as far as it matters. */
struct rollout_set {
	struct child child; /* first */
	uint64_t digest;    /* of its template */
	int64_t replicas, min_ready_s;		 /* asked for */
	int64_t running, ready, available;	 /* as its status says */
	int64_t generation, observed;
	int64_t revision;			 /* 0: none */
	int64_t desired, most;			 /* annotations of its last scaling; -1: none */
	struct span failure_reason, failure;	 /* of ReplicaFailure; empty: none */
};

void rollout_set_read(struct rollout_set *s, const struct view_object *o);
extern const struct view_index_spec rollout_set_index; /* by controller */

/* What is asked for. */
struct rollout_want {
	uint64_t digest; /* of the template */
	int64_t replicas, min_ready_s;
	int64_t history;	   /* old sets that are kept; -1: all */
	int64_t surge, unavailable; /* resolved: rollout_bounds */
	int64_t status_replicas;
	bool recreate, paused, deleting;
	bool old_pods_run; /* recreate: some pod of an old set has not ended */
};

/* Shares of a number of replicas: surge is rounded up, unavailable down, and
 * both are never nothing. */
void rollout_bounds(struct mp deployment, int64_t *surge, int64_t *unavailable);

struct set_change {
	const struct rollout_set *set;
	int64_t replicas; /* asked for from now on */
	bool scaled;	  /* its annotations of scaling are written too */
};

struct deployment_plan {
	const struct rollout_set **adopt, **release, **remove;
	size_t adopt_count, release_count, remove_count;
	const struct rollout_set *fresh; /* the new set; NULL: none yet */
	bool create;
	int64_t create_replicas;
	int64_t revision; /* that the new set has, or shall have */
	struct set_change *changes; /* of sets that there are */
	size_t change_count;
	bool complete; /* nothing is left to roll */
	/* Of the deployment's status. */
	int64_t replicas, updated, ready, available, unavailable;
	const struct rollout_set *failing; /* whose failure is told; NULL: none */
};

/* `sets` is ordered by the plan. */
void deployment_plan(struct arena *a, struct rollout_set *sets, size_t count,
		     const struct rollout_want *want, struct deployment_plan *out);

#endif
