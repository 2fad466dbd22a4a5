/* A plan while it is made: what job_plan.c and the files that it is divided
 * into (job_plan_indexes.c, job_plan_pods.c, job_plan_count.c) share. Private
 * to them. */
#ifndef CONTROLLERS_JOB_PLAN_PRIVATE_H
#define CONTROLLERS_JOB_PLAN_PRIVATE_H

#include "actors/controllers/indexes.h"
#include "actors/controllers/job_plan.h"
#include "actors/controllers/job_policy.h"

/* A uid of uncountedTerminatedPods. */
struct uncounted {
	struct span uid;
	bool succeeded;
	bool held; /* its pod still has the finalizer */
};

struct work {
	struct arena *a;
	const struct job_facts *j;
	struct job_pod **mine; /* that count for this job */
	size_t count;
	int64_t now_us;
	struct uncounted *uncounted; /* by uid */
	size_t uncounted_count;
	struct job_pod **active;
	size_t active_count;
	int64_t succeeded, failed; /* with those that are not counted yet */
	struct indexes stored, done, lost; /* succeeded as written; with new ones; failed */
	struct job_pod **delayed; /* by index: the last failure of each */
	size_t delayed_count;
	struct job_plan *out;
};

/* Completed and failed indexes, and of each that is to be tried again its last
 * failure. */
void job_plan_indexes(struct work *w);
/* That failure; NULL: there is none. */
const struct job_pod *job_plan_last_failure(const struct work *w, int64_t index);
/* Pods too many and too few. */
void job_plan_pods(struct work *w);
/* What is counted by now, what next, and who is let go. */
void job_plan_count(struct work *w);

/* ---- what a pod is */

static inline bool per_index(const struct job_facts *j)
{
	return j->indexed && j->backoff_per_index >= 0;
}

/* Deleted as one too many: however it ended, it does not count. */
static inline bool is_surplus(const struct job_pod *p)
{
	return p->chosen && p->replica.child.deleting;
}

/* One that is deleted before it has a node has nothing that could end. */
static inline bool has_ended(const struct job_pod *p)
{
	return p->replica.ended || (p->replica.child.deleting && !p->replica.node.len);
}

static inline bool is_failed(const struct job_facts *j, const struct job_pod *p)
{
	if (is_surplus(p) || p->succeeded)
		return false;
	return has_ended(p) || (p->replica.child.deleting && !j->waits_for_end);
}

static inline bool in_range(const struct job_facts *j, const struct job_pod *p)
{
	return !j->indexed || (p->index >= 0 && p->index < j->completions);
}

static inline bool is_ignored(const struct work *w, const struct job_pod *p)
{
	const char *why;
	return job_failure_of(w->a, w->j, p, &why) == JOB_FAILURE_IGNORED;
}

static inline void again_in(struct job_plan *out, int64_t us)
{
	if (!out->again_in_us || us < out->again_in_us)
		out->again_in_us = us;
}

static inline void put(struct job_pods *list, const struct job_pod *p)
{
	list->list[list->count++] = p;
}

/* A pod that has ended, and is in no count yet. */
static inline bool is_new(const struct work *w, const struct job_pod *p)
{
	return p->tracked && !p->counting && !is_surplus(p) && in_range(w->j, p);
}

#endif
