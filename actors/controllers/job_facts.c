#include "actors/controllers/job_facts.h"

#include "actors/controllers/owners.h"
#include "actors/schema/conditions.h"

/* ---- pods */

/* A label's or annotation's number; `otherwise` when there is none. */
static int64_t number_of(struct mp pod, const char *map, const char *key, int64_t otherwise)
{
	struct mp m;
	struct span s;
	int64_t n = 0;
	if (!mp_path(pod, map, &m) || !mp_find(m, key, &m) || mp_str(&m, &s) || s.len == 0 ||
	    s.len > 10)
		return otherwise;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return otherwise;
		n = 10 * n + s.data[i] - '0';
	}
	return n;
}

static void read_containers(struct job_pod *p, struct mp pod, const char *path, bool times)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(pod, path, &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		int64_t at = times ? object_time_us(list, "state.terminated.finishedAt") : 0;
		p->restarts += mp_path_int(list, "restartCount", 0);
		p->finished_us = at > p->finished_us ? at : p->finished_us;
		if (mp_skip(&list))
			return;
	}
}

static int64_t not_ready_since(struct mp pod)
{
	struct mp m;
	return condition_find(pod, span_of("Ready"), &m) &&
			       span_is(mp_path_str(m, "status"), "False")
		       ? object_time_us(m, "lastTransitionTime")
		       : 0;
}

/* As Kubernetes finds it: by its containers, by the loss of readiness, by its
 * deletion. */
static void read_end(struct job_pod *p, struct mp pod)
{
	int64_t deleted = object_time_us(pod, "metadata.deletionTimestamp");
	if (!p->finished_us)
		p->finished_us = not_ready_since(pod);
	deleted -= 1000000 * mp_path_int(pod, "metadata.deletionGracePeriodSeconds", 0);
	/* Who ended before was deleted by somebody else, after the job would have. */
	if (p->replica.ended && p->finished_us && p->finished_us < deleted)
		p->chosen = false;
	if (!p->finished_us && p->replica.child.deleting)
		p->finished_us = deleted;
	if (!p->finished_us)
		p->finished_us = p->replica.child.created_us;
}

void job_pod_read(struct job_pod *p, const struct view_object *o)
{
	struct mp pod = object_of(o), m;
	*p = (struct job_pod){.object = pod};
	replica_read(&p->replica, o);
	p->succeeded = p->replica.ended && !p->replica.failed;
	p->tracked = object_lists(pod, "metadata.finalizers", JOB_FINALIZER);
	p->chosen = mp_path(pod, "metadata.annotations", &m) && mp_find(m, JOB_CHOSEN, &m);
	p->index = number_of(pod, "metadata.annotations", JOB_INDEX, JOB_NO_INDEX);
	p->failures = number_of(pod, "metadata.annotations", JOB_FAILURES, 0);
	p->ignored = number_of(pod, "metadata.annotations", JOB_IGNORED, 0);
	read_containers(p, pod, "status.initContainerStatuses", false);
	read_containers(p, pod, "status.containerStatuses", true);
	if (p->replica.ended || p->replica.child.deleting)
		read_end(p, pod);
}

static void read_facts(const struct view_object *o, void *facts)
{
	job_pod_read(facts, o);
}

/* What is another kind's is none of ours: most pods are, and facts are large. */
static void keys(struct mp pod, void (*put)(void *arg, struct span under), void *arg)
{
	struct owner_ref ref;
	if (!owners_controller(pod, &ref) || span_is(ref.kind, "Job"))
		owners_controller_keys(pod, put, arg);
}

const struct view_index_spec job_pod_index = {
	.name = "pods of jobs",
	.keys = keys,
	.facts_bytes = sizeof(struct job_pod),
	.facts = read_facts,
};

/* ---- the job */

bool job_condition(struct mp job, const char *type, struct mp *out)
{
	return condition_find(job, span_of(type), out) &&
	       span_is(mp_path_str(*out, "status"), "True");
}

bool job_is_finished(struct mp job)
{
	struct mp m;
	return job_condition(job, "Complete", &m) || job_condition(job, "Failed", &m);
}

int64_t job_expires_us(struct mp job)
{
	int64_t ttl_s = mp_path_int(job, "spec.ttlSecondsAfterFinished", -1);
	struct mp m;
	if (ttl_s < 0 ||
	    (!job_condition(job, "Complete", &m) && !job_condition(job, "Failed", &m)))
		return 0;
	int64_t since = object_time_us(m, "lastTransitionTime");
	return since ? since + ttl_s * 1000000 : 0;
}

static void read_verdict(struct job_facts *j, struct mp job)
{
	struct mp m = {0};
	if (job_condition(job, "SuccessCriteriaMet", &m))
		j->verdict = JOB_SUCCEEDS;
	else if (job_condition(job, "FailureTarget", &m))
		j->verdict = JOB_FAILS;
	else
		return;
	j->reason = mp_path_str(m, "reason");
	j->message = mp_path_str(m, "message");
}

static struct mp cursor(struct mp job, const char *path)
{
	struct mp m = {0};
	return mp_path(job, path, &m) ? m : (struct mp){0};
}

void job_read(struct job_facts *j, struct mp job)
{
	struct span manager = mp_path_str(job, "spec.managedBy");
	int64_t parallel = mp_path_int(job, "spec.parallelism", 1);
	struct mp m;
	*j = (struct job_facts){
		.parallelism = parallel < JOB_PARALLEL_MAX ? parallel : JOB_PARALLEL_MAX,
		.too_parallel = parallel > JOB_PARALLEL_MAX,
		.completions = mp_path_int(job, "spec.completions", -1),
		.backoff_limit = mp_path_int(job, "spec.backoffLimit", 6),
		.backoff_per_index = mp_path_int(job, "spec.backoffLimitPerIndex", -1),
		.max_failed_indexes = mp_path_int(job, "spec.maxFailedIndexes", -1),
		.deadline_s = mp_path_int(job, "spec.activeDeadlineSeconds", -1),
		.indexed = span_is(mp_path_str(job, "spec.completionMode"), "Indexed"),
		.suspend = mp_path_bool(job, "spec.suspend", false),
		.deleting = object_is_deleting(job),
		.counts_restarts = span_is(mp_path_str(job, "spec.template.spec.restartPolicy"),
					   "OnFailure"),
		.failure_policy = cursor(job, "spec.podFailurePolicy.rules"),
		.success_policy = cursor(job, "spec.successPolicy.rules"),
		.foreign = manager.len && !span_is(manager, "kubernetes.io/job-controller"),
		.started_us = object_time_us(job, "status.startTime"),
		.succeeded = mp_path_int(job, "status.succeeded", 0),
		.failed = mp_path_int(job, "status.failed", 0),
		.completed_indexes = mp_path_str(job, "status.completedIndexes"),
		.failed_indexes = mp_path_str(job, "status.failedIndexes"),
		.uncounted_succeeded = cursor(job, "status.uncountedTerminatedPods.succeeded"),
		.uncounted_failed = cursor(job, "status.uncountedTerminatedPods.failed"),
		.suspended = job_condition(job, "Suspended", &m),
		.finished = job_is_finished(job),
	};
	j->waits_for_end = span_is(mp_path_str(job, "spec.podReplacementPolicy"), "Failed") ||
			   j->failure_policy.p;
	read_verdict(j, job);
}
