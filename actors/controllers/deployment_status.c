/* A deployment's status: counts, and the conditions Available, Progressing and
 * ReplicaFailure with Kubernetes' reasons and texts (deployment/progress.go,
 * util/deployment_util.go). */
#include <stdio.h>

#include "actors/controllers/deployment_private.h"
#include "actors/schema/rfc3339.h"

enum { NO_DEADLINE = INT32_MAX };

static int64_t was_count(const struct status *s, const char *field)
{
	return doc_get_int(s->was, field, 0);
}

static bool has_moved(const struct status *s, const struct deployment_plan *p)
{
	int64_t old_before = was_count(s, "replicas") - was_count(s, "updatedReplicas");
	return p->updated > was_count(s, "updatedReplicas") ||
	       p->replicas - p->updated < old_before || p->ready > was_count(s, "readyReplicas") ||
	       p->available > was_count(s, "availableReplicas");
}

static const char *subject(struct status *s, const struct deployment_plan *p)
{
	struct span name = p->fresh ? p->fresh->child.name : object_name(s->object);
	return arena_printf(s->arena, "%s \"%.*s\"", p->fresh ? "ReplicaSet" : "Deployment",
			    (int)name.len, (const char *)name.data);
}

static void progressing(struct status *s, const char *status, const char *reason, const char *text,
			bool again)
{
	status_say(s, &(struct status_condition){"Progressing", status, reason, text,
						 "lastUpdateTime", again});
}

static bool reason_is(const struct doc *condition, const char *reason)
{
	return doc_str_is(doc_get(condition, "reason"), reason);
}

/* When the deployment has been still for too long; 0: it need not hurry. */
static int64_t deadline_us(const struct doc *condition, int64_t deadline_s)
{
	int64_t since_us;
	struct span at = doc_get_str(condition, "lastUpdateTime");
	if (!condition || reason_is(condition, "NewReplicaSetAvailable") || !at.len ||
	    rfc3339_parse(at, &since_us))
		return 0;
	return since_us + deadline_s * 1000000;
}

static uint64_t say_progress(struct status *s, const struct deployment_plan *p,
			     const struct rollout_want *want, const char *why)
{
	int64_t deadline_s = mp_path_int(s->object, "spec.progressDeadlineSeconds", NO_DEADLINE);
	const struct doc *was = status_condition_of(s, "Progressing");
	if (deadline_s == NO_DEADLINE) {
		status_unsay(s, "Progressing");
		return 0;
	}
	if (why) {
		progressing(s, "False", "ReplicaSetCreateError", why, false);
		return 0;
	}
	if (want->deleting)
		return 0;
	if (want->paused) {
		if (!was || !reason_is(was, "ProgressDeadlineExceeded"))
			progressing(s, "Unknown", "DeploymentPaused", "Deployment is paused", false);
		return 0;
	}
	if (was && reason_is(was, "DeploymentPaused"))
		progressing(s, "Unknown", "DeploymentResumed", "Deployment is resumed", false);
	/* Done, and done before: crashes and scaling later are no progress. */
	if (p->replicas == p->updated && was && reason_is(was, "NewReplicaSetAvailable") &&
	    p->fresh)
		return 0;
	const char *who = subject(s, p);
	if (p->complete) {
		progressing(s, "True", "NewReplicaSetAvailable",
			    arena_printf(s->arena, "%s has successfully progressed.", who), false);
		return 0;
	}
	if (!was && p->fresh) {
		struct span name = p->fresh->child.name;
		progressing(s, "True", "NewReplicaSetCreated",
			    arena_printf(s->arena, "Created new replica set \"%.*s\"",
					 (int)name.len, (const char *)name.data),
			    false);
	} else if (has_moved(s, p)) {
		progressing(s, "True", "ReplicaSetUpdated",
			    arena_printf(s->arena, "%s is progressing.", who), true);
	}
	const struct doc *now = status_condition_of(s, "Progressing");
	if (!now || reason_is(now, "ProgressDeadlineExceeded"))
		return 0;
	int64_t due_us = deadline_us(now, deadline_s);
	if (due_us && due_us <= s->now_us) {
		progressing(s, "False", "ProgressDeadlineExceeded",
			    arena_printf(s->arena, "%s has timed out progressing.", who), false);
		return 0;
	}
	return due_us ? (uint64_t)(due_us - s->now_us) : 0;
}

uint64_t deployment_say(struct status *s, const struct deployment_plan *p,
			const struct rollout_want *want, const char *why)
{
	bool enough = p->available >= want->replicas - (want->recreate ? 0 : want->unavailable);
	status_observed(s);
	status_count(s, "replicas", p->replicas);
	status_count(s, "updatedReplicas", p->updated);
	status_count(s, "readyReplicas", p->ready);
	status_count(s, "availableReplicas", p->available);
	status_count(s, "unavailableReplicas", p->unavailable);
	status_say(s, &(struct status_condition){
			      "Available", enough ? "True" : "False",
			      enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
			      enough ? "Deployment has minimum availability."
				     : "Deployment does not have minimum availability.",
			      "lastUpdateTime", false});
	uint64_t in_us = say_progress(s, p, want, why);
	const struct rollout_set *f = p->failing;
	if (f) {
		struct arena *a = s->arena;
		status_say(s, &(struct status_condition){
				      "ReplicaFailure", "True",
				      arena_ndup(a, f->failure_reason.data, f->failure_reason.len),
				      arena_ndup(a, f->failure.data, f->failure.len),
				      "lastUpdateTime", false});
	} else {
		status_unsay(s, "ReplicaFailure");
	}
	return in_us;
}
