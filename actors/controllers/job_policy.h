/* What a Job's policies say: which failures count, and when enough indexes
 * have succeeded. Pure. */
#ifndef CONTROLLERS_JOB_POLICY_H
#define CONTROLLERS_JOB_POLICY_H

#include "actors/controllers/indexes.h"
#include "actors/controllers/job_facts.h"

enum job_failure {
	JOB_FAILURE_COUNTS, /* also without a rule that matches */
	JOB_FAILURE_IGNORED,
	JOB_FAILURE_OF_INDEX, /* the index is not tried again */
	JOB_FAILURE_OF_JOB,
};

/* What the first matching rule makes of a pod that failed; *why, of a failure
 * of the job, in Kubernetes' words. */
enum job_failure job_failure_of(struct arena *a, const struct job_facts *j,
				const struct job_pod *p, const char **why);
/* The first rule of the success policy that these indexes meet, or -1. */
int job_success_rule(struct arena *a, const struct job_facts *j, const struct indexes *succeeded);

#endif
