/* What Jobs and the templates of CronJobs have in common. Private to
 * actors/objects. */
#ifndef OBJECTS_JOB_H
#define OBJECTS_JOB_H

#include "actors/objects/strategy.h"

/* `spec` is a JobSpec at `p`. */
void job_spec_defaults(struct arena *a, struct doc *spec);
void job_spec_validate(struct faults *f, const struct fpath *p, const struct doc *spec);

/* job_policy.c: podFailurePolicy and successPolicy of a JobSpec at `p`. */
void job_check_failure_policy(struct faults *f, const struct fpath *p, const struct doc *spec);
void job_check_success_policy(struct faults *f, const struct fpath *p, const struct doc *spec);

#endif
