/* Volumes are made and removed beside the loop: a group that gets a large volume, or
 * a pod that leaves a million files, keeps nobody waiting but its own pod.
 *
 * Two threads; jobs of one pod are done one after the other, in their order. What is
 * done is told on the loop. All calls are the loop's. */
#ifndef NODES_VOLUME_JOBS_H
#define NODES_VOLUME_JOBS_H

#include "actors/runtime/port.h"

struct volume_jobs;

struct volume_done {
	uint64_t id;	  /* as it was given */
	const char *dir;  /* of the pod */
	int code;	  /* 0, or as volume_files.h says */
	const char *text; /* why not; "" */
};

/* `done(arg, &d)` once for each job, unless all ends before. ERR_IO. */
int volume_jobs_new(struct volume_jobs **out, struct loop *l,
		    void (*done)(void *arg, const struct volume_done *d), void *arg, struct err *e);
/* What has begun is given up where it may take long; what was asked and not begun never
 * is. NULL is fine. */
void volume_jobs_free(struct volume_jobs *j);

/* volume_files_apply. A reference to the list is taken over. */
void volume_jobs_apply(struct volume_jobs *j, uint64_t id, const char *pod_dir, struct bytes *list);
/* Removes what has these names (NULL terminated; they outlive the job) in the pod's
 * directory; what is not there is removed already. */
void volume_jobs_clear(struct volume_jobs *j, uint64_t id, const char *pod_dir,
		       const char *const *names);
/* Removes the pod's directory with all that is in it. */
void volume_jobs_remove(struct volume_jobs *j, uint64_t id, const char *pod_dir);

#endif
