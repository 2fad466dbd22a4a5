/* What a worker knows: the pod's object, its containers, and what was seen of
 * them. Facts only; what follows from them is decided in pod_worker.c.
 *
 * A fact may come twice (a pause tells everything again to each new agent)
 * and late. An attempt that is older than the one known is history: only of
 * interest as lastState. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/mem.h"
#include "nodes/pod_worker_private.h"

/* ---- events */

void pod_event(struct pod_worker *w, const char *container, bool warning, const char *reason,
	       const char *fmt, ...)
{
	struct buf text = {0};
	char line[1024];
	va_list ap;
	if (w->event_count >= PENDING_EVENTS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	buf_puts(&text, line);
	struct pending_event *e = mem_alloc(sizeof *e);
	pod_set_text(&e->container, container);
	pod_set_text(&e->reason, reason);
	pod_set_text(&e->message, buf_text(&text));
	buf_fini(&text);
	e->warning = warning;
	*w->events_end = e;
	w->events_end = &e->next;
	w->event_count++;
}

/* ---- containers */

static void ending_clear(struct ending *e)
{
	free(e->reason);
	free(e->message);
	memset(e, 0, sizeof *e);
}

void container_free(struct container *c)
{
	free(c->name);
	free(c->image_id);
	free(c->image_error);
	free(c->image);
	free(c->waiting_reason);
	free(c->waiting_message);
	free(c->held_image_id);
	resize_clear(c);
	bytes_unref(c->recalled);
	free(c->failed_message);
	ending_clear(&c->end);
	ending_clear(&c->last);
	free(c);
}

struct container *container_find(const struct pod_worker *w, struct span name)
{
	for (struct container *c = w->containers; c; c = c->next)
		if (span_is(name, c->name))
			return c;
	return NULL;
}

bool pod_alive(const struct pod_worker *w)
{
	for (const struct container *c = w->containers; c; c = c->next)
		if (container_alive(c))
			return true;
	return false;
}

void container_wait(struct container *c, const char *reason, const char *message)
{
	pod_set_text(&c->waiting_reason, reason);
	pod_set_text(&c->waiting_message, message);
}

void container_failed(struct container *c, const char *reason, const char *message)
{
	c->failed_reason = reason;
	pod_set_text(&c->failed_message, message);
}

/* ---- the object */

static enum container_kind kind_of(enum container_kind list, struct mp spec)
{
	if (list == CONTAINER_INIT && span_is(mp_path_str(spec, "restartPolicy"), "Always"))
		return CONTAINER_SIDECAR;
	return list;
}

/* A new image is a new container, whatever the restart policy says. */
static void take_spec(struct container *c, struct mp spec)
{
	struct span image = mp_path_str(spec, "image");
	c->spec = spec;
	if (c->image && c->state == CONTAINER_RUNNING && !span_eq(image, span_of(c->image)))
		c->replace = true;
}

static void take_list(struct pod_worker *w, const char *path, enum container_kind kind,
		      struct container ***end)
{
	struct mp items;
	size_t n = 0;
	if (!mp_path(w->pod, path, &items) || mp_array(&items, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct span name = mp_path_str(items, "name");
		struct container *c = NULL;
		for (struct container **at = &w->containers; *at; at = &(*at)->next)
			if (span_is(name, (*at)->name)) {
				c = *at;
				break;
			}
		if (!c) {
			c = mem_alloc(sizeof *c);
			c->name = mem_ndup(name.data, name.len);
			c->kind = kind_of(kind, items);
			c->next = **end;
			**end = c;
		}
		*end = &c->next;
		take_spec(c, items);
		mp_skip(&items);
	}
}

static void read_facts(struct pod_worker *w)
{
	struct span policy = mp_path_str(w->pod, "spec.restartPolicy");
	w->facts = (struct pod_facts){
		.deleting = mp_path_str(w->pod, "metadata.deletionTimestamp").len > 0,
		.generation = mp_path_int(w->pod, "metadata.generation", 0),
		.grace_s = mp_path_int(w->pod, "spec.terminationGracePeriodSeconds",
				       POD_UNSAID),
		.deletion_grace_s = mp_path_int(w->pod, "metadata.deletionGracePeriodSeconds",
						POD_UNSAID),
		.restart_policy = span_is(policy, "Never")	 ? RESTART_NEVER
				  : span_is(policy, "OnFailure") ? RESTART_ON_FAILURE
								 : RESTART_ALWAYS,
		.phase = mp_path_str(w->pod, "status.phase"),
	};
}

/* The lists only ever grow (ephemeral containers), so places hold. */
void pod_take_specs(struct pod_worker *w)
{
	struct container **end = &w->containers;
	w->pod = mp_of_bytes(w->object);
	read_facts(w);
	take_list(w, "spec.initContainers", CONTAINER_INIT, &end);
	take_list(w, "spec.containers", CONTAINER_MAIN, &end);
	take_list(w, "spec.ephemeralContainers", CONTAINER_EPHEMERAL, &end);
}

int pod_worker_desired(struct pod_worker *w, struct bytes *pod, struct err *e)
{
	struct mp m = mp_of_bytes(pod);
	struct span uid = mp_path_str(m, "metadata.uid");
	if (uid.len == 0 || mp_path_str(m, "metadata.name").len == 0)
		return err_set(e, ERR_INVALID, "a pod without uid or name");
	if (w->object && !span_eq(uid, mp_path_str(w->pod, "metadata.uid")))
		return err_set(e, ERR_INVALID, "another pod of the same name");
	struct bytes *was = w->object;
	if (!was) { /* what was given is in the status */
		w->object = was = bytes_ref(pod);
		pod_take_specs(w);
		pod_status_recall(w);
	}
	w->object = resize_take(w, pod);
	pod_take_specs(w);
	bytes_unref(was);
	return 0;
}

enum restart_policy pod_restart_policy(const struct pod_worker *w)
{
	return w->facts.restart_policy;
}

bool pod_deleting(const struct pod_worker *w)
{
	return w->facts.deleting;
}

/* ---- what was seen of a container */

/* Whether attempt `n` is news: later than what is known to have ended, and
 * not the one that is known to run. */
static bool is_older(const struct container *c, uint32_t n)
{
	if (c->state == CONTAINER_NEW)
		return false;
	if (c->state == CONTAINER_ENDED)
		return c->end.there && n <= c->end.attempt;
	return n < c->attempt;
}

/* The ending that is known becomes lastState of what comes. */
static void shift_ending(struct container *c, uint32_t next)
{
	if (!c->end.there || c->end.attempt >= next)
		return;
	ending_clear(&c->last);
	c->last = c->end;
	memset(&c->end, 0, sizeof c->end);
}

static void now_at(struct container *c, uint32_t attempt, enum container_state state)
{
	c->state = state;
	c->attempt = attempt;
	c->shown = true;
	c->claimed = false;
	container_wait(c, NULL, NULL);
}

void container_tell_started(struct pod_worker *w, const struct container *c)
{
	if (w->cfg.from_image)
		pod_event(w, c->name, false, "Created", "Created container: %s", c->name);
	pod_event(w, c->name, false, "Started", "Started container %s", c->name);
}

void container_runs(struct pod_worker *w, struct container *c, const struct pod_observation *o)
{
	struct span image = mp_path_str(c->spec, "image");
	shift_ending(c, o->attempt);
	now_at(c, o->attempt, CONTAINER_RUNNING);
	c->started_us = o->started_us;
	c->unhealthy = c->unstarted = false;
	free(c->image);
	c->image = mem_ndup(image.data, image.len);
	pod_set_text(&c->image_id, o->image_id);
	if (c->kind == CONTAINER_MAIN)
		w->initialized = true;
}

/* What probes said of one that ran before this worker was made holds until they
 * say something else: an agent that begins again must not empty services. */
static void see_started(struct pod_worker *w, struct container *c, const struct pod_observation *o)
{
	bool known = c->state == CONTAINER_RUNNING && c->attempt == o->attempt;
	if (is_older(c, o->attempt) || (known && !c->claimed))
		return;
	if (!known && hook_holds_start(w, c, o))
		return;
	c->adopted = known && w->cfg.probes;
	if (!c->adopted)
		c->ready_probe = c->startup_done = false;
	container_runs(w, c, o);
	if (!known)
		container_tell_started(w, c);
}

/* Milliseconds from a wall time until now; nothing for times that are odd. */
static int64_t age_ms(int64_t wall_us, struct pod_time now)
{
	int64_t age = (now.wall_us - wall_us) / 1000;
	return wall_us > 0 && age > 0 ? age : 0;
}

static void end_container(struct container *c, const struct ending *e, struct pod_time now)
{
	shift_ending(c, e->attempt);
	ending_clear(&c->end);
	c->end = *e;
	c->end.there = true;
	c->end.reason = mem_dup(e->reason);
	c->end.message = e->message ? mem_dup(e->message) : NULL;
	now_at(c, e->attempt, CONTAINER_ENDED);
	resize_clear(c);
	c->finished_ms = now.mono_ms - age_ms(e->finished_us, now);
	c->killing = c->unhealthy = c->unstarted = c->told_backoff = false;
	hook_clear(c);
}

static void see_ended(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		      struct pod_time now)
{
	struct ending e = {.attempt = o->attempt, .code = o->code, .started_us = o->started_us,
			   .finished_us = o->finished_us, .message = (char *)o->text};
	if (is_older(c, o->attempt))
		return;
	if (!e.started_us && c->state == CONTAINER_RUNNING && c->attempt == o->attempt)
		e.started_us = c->started_us;
	e.reason = (char *)(o->reason ? o->reason : o->code == 0 ? "Completed" : "Error");
	if (c->kind == CONTAINER_MAIN)
		w->initialized = true;
	end_container(c, &e, now);
}

void container_start_failed(struct pod_worker *w, struct container *c, uint32_t attempt,
			    const char *why, int64_t finished_us, struct pod_time now)
{
	struct ending e = {.attempt = attempt, .code = 128, .reason = "StartError",
			   .message = (char *)why, .finished_us = finished_us};
	if (is_older(c, attempt))
		return;
	end_container(c, &e, now);
	container_failed(c, "RunContainerError", why);
	pod_event(w, c->name, true, "Failed", "Error: %s", why);
}

static void see_lost(struct container *c, uint32_t attempt, struct pod_time now)
{
	struct ending e = {
		.attempt = attempt, .code = 137, .reason = "ContainerStatusUnknown",
		.message = "The container could not be located when the pod was terminated",
	};
	if (!is_older(c, attempt))
		end_container(c, &e, now);
}

/* A start that was never heard of did not happen. */
static void forget_start(struct container *c)
{
	c->state = c->shown ? CONTAINER_ENDED : CONTAINER_NEW;
	c->attempt -= c->shown;
	c->killing = false;
}

/* It cannot be made as things are: that is tried again in a while. */
static void see_waiting(struct pod_worker *w, struct container *c,
			const struct pod_observation *o, struct pod_time now)
{
	const char *text = o->text ? o->text : "";
	if (c->state != CONTAINER_STARTING || c->attempt != o->attempt)
		return;
	if (!c->waiting_message || strcmp(c->waiting_message, text) != 0)
		pod_event(w, c->name, true, "Failed", "Error: %s", text);
	forget_start(c);
	container_wait(c, o->reason, text);
	c->unmade_ms = now.mono_ms + w->cfg.limits.retry_ms;
}

static void see_unhealthy(struct container *c, const struct pod_observation *o)
{
	if (c->state != CONTAINER_RUNNING || c->attempt != o->attempt)
		return;
	if (o->reason && strcmp(o->reason, "startup") == 0)
		c->unstarted = true;
	else
		c->unhealthy = true;
}

static void see_container(struct pod_worker *w, struct container *c,
			  const struct pod_observation *o, struct pod_time now)
{
	switch (o->kind) {
	case POD_SEEN_PULLING:
	case POD_SEEN_IMAGE:
		pod_image_observe(w, c, o, now);
		break;
	case POD_SEEN_WAITING:
		see_waiting(w, c, o, now);
		break;
	case POD_SEEN_STARTED:
		see_started(w, c, o);
		break;
	case POD_SEEN_ENDED:
		see_ended(w, c, o, now);
		break;
	case POD_SEEN_START_FAILED:
		if (o->image_id && !is_older(c, o->attempt))
			pod_set_text(&c->image_id, o->image_id);
		container_start_failed(w, c, o->attempt, o->text ? o->text : "", o->finished_us,
				       now);
		break;
	case POD_SEEN_LOST:
		see_lost(c, o->attempt, now);
		break;
	case POD_SEEN_READY:
		c->ready_probe = o->good;
		break;
	case POD_SEEN_STARTUP:
		c->startup_done = true;
		break;
	case POD_SEEN_UNHEALTHY:
		see_unhealthy(c, o);
		break;
	case POD_SEEN_RESIZED:
		resize_seen(w, c, o, now);
		break;
	case POD_SEEN_HOOK:
		hook_seen(w, c, o);
		break;
	default:
		break;
	}
}

/* ---- what was seen of the sandbox */

static void free_ips(struct pod_worker *w)
{
	for (size_t i = 0; w->ips && w->ips[i]; i++)
		free(w->ips[i]);
	free(w->ips);
	w->ips = NULL;
}

static void see_up(struct pod_worker *w, const char *const *ips)
{
	size_t n = 0;
	if (w->sandbox != SANDBOX_LEAVING)
		w->sandbox = SANDBOX_UP;
	w->sandbox_wait_ms = 0;
	pod_set_text(&w->sandbox_error, NULL);
	while (ips && ips[n])
		n++;
	free_ips(w);
	w->ips = mem_alloc((n + 1) * sizeof *w->ips);
	for (size_t i = 0; i < n; i++)
		w->ips[i] = mem_dup(ips[i]);
}

/* Whoever was to answer may be gone. */
static void forget_image(struct container *c)
{
	if (c->image_state == IMAGE_ASKED)
		c->image_state = IMAGE_NONE;
}

static void see_down(struct pod_worker *w, struct pod_time now)
{
	bool expected = w->sandbox == SANDBOX_LEAVING || pod_terminal(w) || pod_deleting(w);
	bool had_any = false;
	w->sandbox = SANDBOX_NONE;
	w->claims = false;
	for (struct container *c = w->containers; c; c = c->next) {
		had_any = had_any || c->shown;
		forget_image(c);
		if (c->state == CONTAINER_RUNNING || c->held_us)
			see_lost(c, c->attempt, now);
		else if (c->state == CONTAINER_STARTING)
			forget_start(c);
	}
	if (expected || !had_any || pod_restart_policy(w) == RESTART_NEVER)
		return;
	/* A new sandbox is a new begin: what init containers did is gone. */
	w->initialized = false;
	w->anew = true;
	for (struct container *c = w->containers; c; c = c->next)
		if (c->kind == CONTAINER_INIT && c->shown)
			c->again = true;
}

void pod_settle_claims(struct pod_worker *w, struct pod_time now)
{
	w->claims = false;
	if (w->sandbox == SANDBOX_NONE) {
		see_down(w, now);
		return;
	}
	for (struct container *c = w->containers; c; c = c->next)
		if (c->state == CONTAINER_RUNNING && c->claimed)
			see_lost(c, c->attempt, now);
}

/* A reason of its own: its text is whole. */
static void see_failed(struct pod_worker *w, const char *reason, const char *text,
		       struct pod_time now)
{
	int64_t wait = w->sandbox_wait_ms ? 2 * w->sandbox_wait_ms : w->cfg.limits.sandbox_retry_ms;
	if (w->sandbox == SANDBOX_ASKED || w->sandbox == SANDBOX_UNKNOWN)
		w->sandbox = SANDBOX_NONE;
	w->sandbox_wait_ms = wait < 60000 ? wait : 60000;
	w->sandbox_retry_ms = now.mono_ms + w->sandbox_wait_ms;
	pod_set_text(&w->sandbox_error, text ? text : "");
	if (reason)
		pod_event(w, NULL, true, reason, "%s", w->sandbox_error);
	else
		pod_event(w, NULL, true, "FailedCreatePodSandBox",
			  "Failed to create pod sandbox: %s", w->sandbox_error);
}

void pod_worker_observe(struct pod_worker *w, const struct pod_observation *o, struct pod_time now)
{
	struct container *c = o->name ? container_find(w, span_of(o->name)) : NULL;
	if (o->kind == POD_SEEN_SANDBOX_UP)
		see_up(w, o->ips);
	else if (o->kind == POD_SEEN_SANDBOX_DOWN)
		see_down(w, now);
	else if (o->kind == POD_SEEN_SANDBOX_FAILED)
		see_failed(w, o->reason, o->text, now);
	else if (o->kind == POD_SEEN_RETIRED)
		w->retired = true;
	else if (c)
		see_container(w, c, o, now);
}

/* ---- making and unmaking a worker */

static int64_t or_else(int64_t v, int64_t otherwise)
{
	return v ? v : otherwise;
}

struct pod_worker *pod_worker_new(const struct pod_worker_config *cfg)
{
	struct pod_worker *w = mem_alloc(sizeof *w);
	struct pod_limits *l = &w->cfg.limits;
	w->cfg = *cfg;
	l->backoff_first_ms = or_else(l->backoff_first_ms, 10 * 1000);
	l->backoff_max_ms = or_else(l->backoff_max_ms, 300 * 1000);
	l->backoff_reset_ms = or_else(l->backoff_reset_ms, 600 * 1000);
	l->grace_s = or_else(l->grace_s, 30);
	l->retry_ms = or_else(l->retry_ms, 5000);
	l->sandbox_retry_ms = or_else(l->sandbox_retry_ms, 1000);
	l->leave_ms = or_else(l->leave_ms, 250);
	w->cfg.id_scheme = cfg->id_scheme ? cfg->id_scheme : "troupe";
	w->sandbox = cfg->found ? SANDBOX_UNKNOWN : SANDBOX_NONE;
	w->events_end = &w->events;
	return w;
}

void pod_worker_free(struct pod_worker *w)
{
	if (!w)
		return;
	while (w->containers) {
		struct container *c = w->containers;
		w->containers = c->next;
		container_free(c);
	}
	while (w->events) {
		struct pending_event *e = w->events;
		w->events = e->next;
		free(e->container);
		free(e->reason);
		free(e->message);
		free(e);
	}
	free_ips(w);
	free(w->sandbox_error);
	free(w->evict_reason);
	free(w->evict_message);
	buf_fini(&w->reported);
	free(w->pending_message);
	free(w->resize_error);
	bytes_unref(w->wanted);
	bytes_unref(w->object);
	free(w);
}
