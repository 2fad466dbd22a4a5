/* A Job and its pods as facts: what its plan is made from. Pure; spans and
 * cursors point into the objects. */
#ifndef CONTROLLERS_JOB_FACTS_H
#define CONTROLLERS_JOB_FACTS_H

#include "actors/controllers/replica.h"

/* Held by a pod until it is counted, so that none is lost or counted twice. */
#define JOB_FINALIZER "batch.kubernetes.io/job-tracking"
#define JOB_INDEX "batch.kubernetes.io/job-completion-index"
#define JOB_FAILURES "batch.kubernetes.io/job-index-failure-count"
#define JOB_IGNORED "batch.kubernetes.io/job-index-ignored-failure-count"
/* Put on a pod before the job deletes it as one too many: however it ends
 * then, it does not count. (Kubernetes takes the finalizer away first, and
 * loses the pod that succeeds in between.) */
#define JOB_CHOSEN "job.troupe/surplus"

enum { JOB_NO_INDEX = -1, JOB_PARALLEL_MAX = 100000 /* pods of one job at once */ };

struct job_pod {
	struct replica replica; /* first */
	struct mp object;
	bool succeeded;
	bool tracked; /* has the finalizer */
	bool chosen;  /* has JOB_CHOSEN */
	int64_t index; /* JOB_NO_INDEX: none */
	int64_t failures, ignored; /* of its index before it */
	int64_t restarts;	   /* of all containers; replica's is the most of one */
	int64_t finished_us;	   /* when it ended, as far as is known */
	/* Of a plan. */
	bool counting; /* stands in uncountedTerminatedPods */
	bool delayed;  /* keeps its index' failure count until it is replaced */
};

void job_pod_read(struct job_pod *p, const struct view_object *o);
extern const struct view_index_spec job_pod_index;

static inline bool job_pod_is_active(const struct job_pod *p)
{
	return replica_is_active(&p->replica);
}

enum job_verdict { JOB_GOES_ON, JOB_SUCCEEDS, JOB_FAILS };

/* -1: not said. */
struct job_facts {
	bool too_parallel; /* more than JOB_PARALLEL_MAX are asked for, and parallelism is that */
	int64_t parallelism, completions, backoff_limit, backoff_per_index, max_failed_indexes;
	int64_t deadline_s;
	bool indexed, suspend, deleting;
	bool waits_for_end; /* podReplacementPolicy Failed */
	bool counts_restarts; /* restartPolicy OnFailure */
	struct mp failure_policy, success_policy; /* empty: none */
	bool foreign; /* managedBy another controller */
	/* What its status says. */
	int64_t started_us, succeeded, failed; /* started_us 0: not yet */
	struct span completed_indexes, failed_indexes;
	struct mp uncounted_succeeded, uncounted_failed; /* lists of uids */
	bool suspended, finished;
	/* Decided before: SuccessCriteriaMet, FailureTarget. */
	enum job_verdict verdict;
	struct span reason, message;
};

void job_read(struct job_facts *j, struct mp job);
/* When a finished job goes by itself (ttlSecondsAfterFinished); 0: it does not,
 * or is not finished. */
int64_t job_expires_us(struct mp job);
/* Complete or Failed. */
bool job_is_finished(struct mp job);
/* The condition of that type, if its status is True; false: it is not. */
bool job_condition(struct mp job, const char *type, struct mp *out);

#endif
