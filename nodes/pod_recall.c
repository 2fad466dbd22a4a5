/* What a new worker takes over from its pod's status: an agent that was
 * restarted goes on counting restarts, keeps what it said about containers
 * that ended, and does not move the times of conditions.
 *
 * A container that runs according to its status is only a claim: unless the
 * runtime has told of it by the first step, it is lost. */
#include <string.h>

#include "actors/schema/rfc3339.h"
#include "broker/base/mem.h"
#include "nodes/pod_worker_private.h"

const char *const pod_condition_types[CONDITIONS] = {
	[POD_READY_TO_START] = "PodReadyToStartContainers",
	[POD_INITIALIZED] = "Initialized",
	[POD_READY] = "Ready",
	[POD_CONTAINERS_READY] = "ContainersReady",
	[POD_SCHEDULED] = "PodScheduled",
};

int pod_condition_index(struct span type)
{
	for (int i = 0; i < CONDITIONS; i++)
		if (span_is(type, pod_condition_types[i]))
			return i;
	return -1;
}

/* A list of maps behind a path: calls each for every one. */
static void each_in(struct pod_worker *w, const char *path,
		    void (*each)(struct pod_worker *, struct mp))
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(w->pod, path, &list) || mp_array(&list, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		each(w, list);
		mp_skip(&list);
	}
}

static void recall_condition(struct pod_worker *w, struct mp condition)
{
	int which = pod_condition_index(mp_path_str(condition, "type"));
	if (which < 0)
		return;
	struct condition *c = &w->conditions[which];
	c->status = span_is(mp_path_str(condition, "status"), "True") ? "True" : "False";
	rfc3339_parse(mp_path_str(condition, "lastTransitionTime"), &c->since_us);
}

static char *text_at(struct mp map, const char *key)
{
	struct span s = mp_path_str(map, key);
	return s.len ? mem_ndup(s.data, s.len) : NULL;
}

/* Which attempt an id is of (pod_container_id): while a postStart runs the status
 * counts one more than the last that ended. */
static uint32_t attempt_of(struct span id, uint32_t otherwise)
{
	size_t at = id.len;
	uint64_t n = 0;
	while (at > 0 && id.data[at - 1] >= '0' && id.data[at - 1] <= '9')
		at--;
	if (at == 0 || at == id.len || id.data[at - 1] != '-')
		return otherwise;
	for (; at < id.len && n <= otherwise; at++)
		n = n * 10 + id.data[at] - '0';
	return n <= otherwise ? (uint32_t)n : otherwise;
}

static void recall_ending(struct mp state, uint32_t attempt, struct ending *out)
{
	struct mp t;
	if (!mp_find(state, "terminated", &t))
		return;
	out->there = true;
	out->attempt = attempt_of(mp_path_str(t, "containerID"), attempt);
	out->code = (int32_t)mp_path_int(t, "exitCode", 0);
	out->reason = text_at(t, "reason");
	if (!out->reason)
		out->reason = mem_dup(out->code ? "Error" : "Completed");
	out->message = text_at(t, "message");
	rfc3339_parse(mp_path_str(t, "startedAt"), &out->started_us);
	rfc3339_parse(mp_path_str(t, "finishedAt"), &out->finished_us);
}

static void recall_container(struct pod_worker *w, struct mp status)
{
	struct container *c = container_find(w, mp_path_str(status, "name"));
	struct mp state, last, running;
	if (!c || c->state != CONTAINER_NEW || !mp_find(status, "state", &state) ||
	    !mp_find(status, "lastState", &last))
		return;
	uint32_t attempt = (uint32_t)mp_path_int(status, "restartCount", 0);
	if (mp_find(state, "running", &running)) {
		c->state = CONTAINER_RUNNING;
		c->claimed = w->claims = true;
		c->startup_done = mp_path_bool(status, "started", false);
		c->ready_probe = mp_path_bool(status, "ready", false);
		rfc3339_parse(mp_path_str(running, "startedAt"), &c->started_us);
	} else {
		recall_ending(state, attempt, &c->end);
		if (!c->end.there) { /* it waits to be started again */
			recall_ending(last, attempt, &c->end);
			last = (struct mp){0};
		}
		if (!c->end.there)
			return;
		c->state = CONTAINER_ENDED;
		w->claims = true;
	}
	c->shown = true;
	resize_recall(c, status);
	c->attempt = attempt;
	if (attempt > 0)
		recall_ending(last, attempt - 1, &c->last);
	c->image_id = text_at(status, "imageID");
	c->image = text_at(status, "image");
	if (c->kind == CONTAINER_MAIN)
		w->initialized = true;
}

void pod_status_recall(struct pod_worker *w)
{
	rfc3339_parse(mp_path_str(w->pod, "status.startTime"), &w->start_us);
	each_in(w, "status.conditions", recall_condition);
	each_in(w, "status.initContainerStatuses", recall_container);
	each_in(w, "status.containerStatuses", recall_container);
	each_in(w, "status.ephemeralContainerStatuses", recall_container);
}
