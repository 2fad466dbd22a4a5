/* The pods of a Job as documents: a new one, and the patches by which it takes
 * one over and lets it go. Each names the pod by its uid. Pure; all is in the
 * arena and does not point into the objects. */
#ifndef CONTROLLERS_JOB_POD_H
#define CONTROLLERS_JOB_POD_H

#include "actors/controllers/job_plan.h"

/* NULL: the job has no template. */
struct doc *job_pod_new(struct arena *a, struct mp job, const struct job_create *create);
/* Merge patches. */
struct doc *job_pod_adopted(struct arena *a, struct mp pod, struct mp job);
struct doc *job_pod_released(struct arena *a, struct mp pod, struct mp job);
struct doc *job_pod_untracked(struct arena *a, struct mp pod); /* no finalizer of ours */
struct doc *job_pod_chosen(struct arena *a, struct mp pod);    /* JOB_CHOSEN */

#endif
