/* Hooks: what a container's spec wants to be run beside it, right after its start
 * and before its stop.
 *
 *	started ──► START_DUE ──► START_RUNS ──good──► it runs, for all to see
 *	                              └──failed──► it is stopped, and restarted
 *	to stop ──► STOP_DUE ──► STOP_RUNS ──over, or no time left──► TERM
 *
 * Until its postStart is over a container is STARTING, with what was seen of it
 * held back: so its status, its probes and those after it wait. A start that no
 * status has told of is one whose hook may not have run: a new agent runs it
 * (again), since hooks are run at least once.
 *
 * Source of the rules: kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go
 * (startContainer, killContainer). */
#include <string.h>

#include "nodes/pod_worker_private.h"

static bool has(const struct pod_worker *w, const struct container *c, const char *path)
{
	struct mp hook;
	return w->cfg.hooks && mp_path(c->spec, path, &hook) && mp_peek(&hook) == MP_MAP;
}

/* ---- after the start */

bool hook_holds_start(struct pod_worker *w, struct container *c, const struct pod_observation *o)
{
	if (c->held_us && c->attempt == o->attempt)
		return true; /* it is told again */
	if (c->killing || !has(w, c, "lifecycle.postStart"))
		return false;
	c->state = CONTAINER_STARTING;
	c->attempt = o->attempt;
	c->hook = HOOK_START_DUE;
	c->held_us = o->started_us > 0 ? o->started_us : 1;
	pod_set_text(&c->held_image_id, o->image_id);
	container_wait(c, NULL, NULL);
	container_tell_started(w, c);
	return true;
}

/* Containers begin in order: each after the first postStart of those before it. */
bool hook_holds_others(const struct pod_worker *w, const struct container *c)
{
	return c->kind == CONTAINER_MAIN && c->state == CONTAINER_STARTING && !c->shown &&
	       has(w, c, "lifecycle.postStart");
}

static void start_is_over(struct pod_worker *w, struct container *c,
			  const struct pod_observation *seen)
{
	if (!seen->good) {
		container_failed(c, "PostStartHookError", seen->text ? seen->text : "");
		pod_event(w, c->name, true, "FailedPostStartHook", "PostStartHook failed");
		c->start_hook_failed = true;
		return;
	}
	struct pod_observation o = {.attempt = c->attempt, .started_us = c->held_us,
				    .image_id = c->held_image_id};
	c->ready_probe = c->startup_done = c->adopted = false;
	container_runs(w, c, &o);
	hook_clear(c);
}

/* ---- before the stop */

bool hook_before_stop(const struct pod_worker *w, const struct container *c)
{
	return (c->state == CONTAINER_RUNNING || c->held_us) && has(w, c, "lifecycle.preStop");
}

void hook_stop(struct pod_worker *w, struct container *c)
{
	c->hook = hook_before_stop(w, c) ? HOOK_STOP_DUE : HOOK_NONE;
}

bool hook_holds_term(const struct container *c)
{
	return c->hook == HOOK_STOP_DUE || c->hook == HOOK_STOP_RUNS;
}

/* ---- both */

const char *hook_due(struct container *c)
{
	if (c->hook == HOOK_START_DUE) {
		c->hook = HOOK_START_RUNS;
		return "postStart";
	}
	if (c->hook == HOOK_STOP_DUE && !c->termed) {
		c->hook = HOOK_STOP_RUNS;
		return "preStop";
	}
	return NULL;
}

void hook_seen(struct pod_worker *w, struct container *c, const struct pod_observation *o)
{
	bool post_start = o->reason && strcmp(o->reason, "postStart") == 0;
	if (c->attempt != o->attempt)
		return;
	if (post_start && c->hook == HOOK_START_RUNS) {
		c->hook = HOOK_NONE;
		start_is_over(w, c, o);
	} else if (!post_start && c->hook == HOOK_STOP_RUNS) {
		if (!o->good)
			pod_event(w, c->name, true, "FailedPreStopHook", "PreStopHook failed");
		c->hook = HOOK_STOP_OVER;
	}
}

void hook_clear(struct container *c)
{
	c->hook = HOOK_NONE;
	c->held_us = c->spare_ms = 0;
	c->start_hook_failed = c->termed = false;
	pod_set_text(&c->held_image_id, NULL);
}

/* ---- for those who run something beside containers */

const void *pod_worker_each(const struct pod_worker *w, const void *at, struct pod_container *out)
{
	const struct container *c = at ? ((const struct container *)at)->next : w->containers;
	if (!c)
		return NULL;
	*out = (struct pod_container){
		.name = c->name,
		.spec = c->spec,
		.attempt = c->attempt,
		.there = c->state == CONTAINER_RUNNING || c->held_us,
		.runs = c->state == CONTAINER_RUNNING && !c->claimed,
		.started = container_started(w, c),
		.ready = c->ready_probe,
		.adopted = c->adopted,
		.started_us = c->started_us,
	};
	return c;
}

bool pod_worker_ending(const struct pod_worker *w)
{
	return w->ending;
}

const char *pod_worker_ip(const struct pod_worker *w)
{
	return w->ips ? w->ips[0] : NULL;
}
