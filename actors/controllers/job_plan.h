/* What a Job is to do, as arithmetic over facts.
 *
 *	pods it selects, nobody's    adopted; owned, not selected: let go
 *	active too few               created, after a pause when some failed
 *	active too many, suspended   marked, then deleted
 *	ended                        counted, then let go of (the finalizer)
 *
 * A pod is counted in three steps, each of which rests on what the one before
 * has written, so that a crash between any two loses and doubles nothing:
 *
 *	its uid into uncountedTerminatedPods     (a write of the status)
 *	its finalizer is taken away              (a write of the pod)
 *	the uid becomes one more of succeeded or failed     (of the status)
 *
 * Successes of an indexed job are a set of indexes and need no uids.
 *
 * How a job ends is decided in one write (SuccessCriteriaMet, FailureTarget);
 * only then are its pods deleted; and only when they are gone and counted is it
 * Complete or Failed. Pure; results are in the caller's arena. */
#ifndef CONTROLLERS_JOB_PLAN_H
#define CONTROLLERS_JOB_PLAN_H

#include "actors/controllers/job_facts.h"

enum {
	JOB_BATCH = 500,	 /* pods made or deleted by one plan */
	JOB_UNCOUNTED_MAX = 500, /* uids in the status at a time */
	JOB_BACKOFF_S = 10,	 /* after a failure; doubled with each more */
	JOB_BACKOFF_MAX_S = 360,
};

struct job_create {
	int64_t index; /* JOB_NO_INDEX */
	int64_t failures, ignored; /* of that index so far */
};

struct job_pods {
	const struct job_pod **list;
	size_t count;
};

struct job_uids {
	struct span *list;
	size_t count;
};

enum job_suspension { JOB_AS_IT_WAS, JOB_SUSPENDED, JOB_RESUMED };

struct job_status {
	int64_t active, ready, terminating, succeeded, failed;
	int64_t started_us; /* 0: not yet */
	const char *completed_indexes, *failed_indexes; /* NULL: none are kept */
	struct job_uids uncounted_succeeded, uncounted_failed;
	enum job_suspension suspension;
	enum job_verdict verdict; /* as decided now or before */
	const char *reason, *message;
	bool finished; /* now */
};

struct job_plan {
	bool nothing; /* not ours, or over: but for `untrack` */
	struct job_pods adopt, release;
	struct job_pods mark, remove; /* marked first, in another plan deleted */
	struct job_pods untrack;      /* counted, or never to be */
	struct job_create *create;
	size_t create_count;
	struct job_status status;
	int64_t again_in_us; /* 0: time alone changes nothing */
};

/* `pods` are the owned ones and the selected orphans, in any order. */
void job_plan(struct arena *a, const struct job_facts *j, struct job_pod *pods, size_t count,
	      int64_t now_us, struct job_plan *out);

#endif
