/* Decisions about one pod: given what is desired and what was seen, what is
 * to be done next.
 *
 *	          POD_ATTACH            POD_SANDBOX
 *	unknown ------------> none/up, none --------> asked ----> up
 *	                                                           |
 *	   init containers, one after another; then all others     |
 *	   (start, wait, restart with back-off)                    |
 *	                                                           v
 *	ending: TERM, KILL after the grace, side cars last ---> leaving --> none
 *	   then: the final status, POD_DELETE if the object is to go;
 *	   and POD_FORGET once it is gone
 *
 * A pod ends for good when its object is deleted or to be deleted, when it
 * was evicted, when its phase is Succeeded or Failed, or when all containers
 * have ended and its policy restarts none of them. Everything else that
 * happens to it is repaired.
 *
 * Nothing here waits: a step looks at all of it again. Source of the rules:
 * kubernetes pkg/kubelet/kuberuntime (computePodActions, doBackOff),
 * client-go/util/flowcontrol/backoff.go. */
#include "nodes/pod_worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "actors/schema/rfc3339.h"
#include "nodes/network/pod_names.h"
#include "nodes/pod_worker_private.h"
#include "nodes/security.h"

enum {
	KILL_AGAIN_MS = 5000,
	EVICTION_GRACE_S = 1,
	AFTER_HOOK_MS = 2000,
	FAILED_SHOWN_MS = 1000, /* as long as a kubelet waits until it looks again */
	GRACE_MAX_S = 2000000000,
};

/* A step while it is made. */
struct step {
	struct pod_worker *w;
	struct pod_time now;
	struct arena *a;
	struct pod_plan *out;
	size_t cap;
};

static struct pod_action *act(struct step *s, enum pod_action_kind kind)
{
	struct pod_plan *p = s->out;
	if (p->action_count == s->cap) {
		struct pod_action *more = arena_alloc(s->a, (s->cap * 2 + 4) * sizeof *more);
		if (s->cap)
			memcpy(more, p->actions, s->cap * sizeof *more);
		s->cap = s->cap * 2 + 4;
		p->actions = more;
	}
	struct pod_action *action = &p->actions[p->action_count++];
	action->kind = kind;
	return action;
}

static void wake(struct step *s, int64_t mono_ms)
{
	if (mono_ms < s->out->wake_ms)
		s->out->wake_ms = mono_ms;
}

/* ---- what the pod's state means */

bool container_wants_start(const struct pod_worker *w, const struct container *c)
{
	enum restart_policy policy = pod_restart_policy(w);
	if (c->state == CONTAINER_NEW)
		return true;
	if (c->state != CONTAINER_ENDED)
		return false;
	if (c->replace || c->again)
		return true;
	switch (c->kind) {
	case CONTAINER_EPHEMERAL:
		return false;
	case CONTAINER_SIDECAR:
		return true;
	case CONTAINER_INIT:
		return c->end.code != 0 && policy != RESTART_NEVER;
	case CONTAINER_MAIN:
		break;
	}
	return policy == RESTART_ALWAYS || (policy == RESTART_ON_FAILURE && c->end.code != 0);
}

bool pod_finished(const struct pod_worker *w)
{
	bool all = true;
	for (const struct container *c = w->containers; c; c = c->next) {
		bool over = c->state == CONTAINER_ENDED && !container_wants_start(w, c);
		if (c->kind == CONTAINER_INIT && over && c->end.code != 0)
			return true; /* no main container will ever start */
		if (c->kind == CONTAINER_MAIN && !over)
			all = false;
	}
	return all;
}

bool pod_terminal(const struct pod_worker *w)
{
	struct span phase = w->facts.phase;
	return span_is(phase, "Succeeded") || span_is(phase, "Failed") ||
	       (w->phase && (strcmp(w->phase, "Succeeded") == 0 || strcmp(w->phase, "Failed") == 0));
}

static bool must_end(const struct pod_worker *w)
{
	return w->gone || w->evict_reason || pod_deleting(w) || pod_terminal(w) || pod_finished(w);
}

/* ---- stopping containers */

static void send_signal(struct step *s, struct container *c, int number)
{
	struct pod_action *action = act(s, POD_SIGNAL);
	action->name = c->name;
	action->attempt = c->attempt;
	action->signal = number;
}

/* It is to be gone at `deadline`: first its preStop runs, if it has one. */
static void begin_stop(struct step *s, struct container *c, int64_t deadline_ms, const char *why)
{
	if (!c->killing) {
		pod_event(s->w, c->name, false, "Killing", why, c->name);
		c->killing = true;
		c->kill_ms = deadline_ms;
		hook_stop(s->w, c);
	}
	if (deadline_ms < c->kill_ms)
		c->kill_ms = deadline_ms;
}

/* TERM once, KILL from `deadline` on. A preStop takes of that time, but leaves
 * the container some to react. */
static void stop_container(struct step *s, struct container *c, int64_t deadline_ms,
			   const char *why)
{
	begin_stop(s, c, deadline_ms, why);
	if (c->termed)
		return;
	if (hook_holds_term(c) && s->now.mono_ms < c->kill_ms) {
		wake(s, c->kill_ms);
		return;
	}
	if (c->hook)
		c->spare_ms = s->now.mono_ms + AFTER_HOOK_MS;
	send_signal(s, c, SIGTERM);
	c->termed = true;
}

static void kill_overdue(struct step *s)
{
	for (struct container *c = s->w->containers; c; c = c->next) {
		if (!container_alive(c) || !c->termed)
			continue;
		if (s->now.mono_ms >= c->kill_ms && s->now.mono_ms >= c->spare_ms) {
			send_signal(s, c, SIGKILL);
			c->kill_ms = s->now.mono_ms + KILL_AGAIN_MS;
		}
		wake(s, c->kill_ms > c->spare_ms ? c->kill_ms : c->spare_ms);
	}
}

/* Seconds; at least one, so that TERM is never a mere formality. */
static int64_t grace_of(const struct pod_worker *w)
{
	const struct pod_facts *f = &w->facts;
	int64_t s = f->grace_s != POD_UNSAID ? f->grace_s : w->cfg.limits.grace_s;
	if (pod_deleting(w) && f->deletion_grace_s != POD_UNSAID)
		s = f->deletion_grace_s;
	if (w->hurried && s > EVICTION_GRACE_S)
		s = EVICTION_GRACE_S;
	return s < 1 ? 1 : s > GRACE_MAX_S ? GRACE_MAX_S : s;
}

/* A later request can only shorten it. */
static void begin_end(struct step *s)
{
	struct pod_worker *w = s->w;
	int64_t grace = grace_of(w), until = s->now.mono_ms + grace * 1000;
	if (!w->ending || (grace < w->end_grace_s && until < w->end_ms))
		w->end_ms = until;
	if (!w->ending || grace < w->end_grace_s)
		w->end_grace_s = grace;
	w->ending = true;
}

/* Side cars stop after all others, the last one first; their preStops do not wait. */
static void stop_all(struct step *s)
{
	struct pod_worker *w = s->w;
	struct container *sidecar = NULL;
	bool others = false;
	for (struct container *c = w->containers; c; c = c->next) {
		if (!container_alive(c))
			continue;
		if (c->kind == CONTAINER_SIDECAR)
			sidecar = c;
		else
			others = true;
		if (c->kind != CONTAINER_SIDECAR || s->now.mono_ms >= w->end_ms)
			stop_container(s, c, w->end_ms, "Stopping container %s");
		else if (hook_before_stop(w, c))
			begin_stop(s, c, w->end_ms, "Stopping container %s");
	}
	if (sidecar && !others)
		stop_container(s, sidecar, w->end_ms, "Stopping container %s");
	if ((others || sidecar) && s->now.mono_ms < w->end_ms)
		wake(s, w->end_ms);
	kill_overdue(s);
}

/* ---- the end of a pod */

/* When its object may go: a name that may come at once with another pod is seen as
 * leaving for a while first (limits.leave_ms). Those of generated names go at once. */
static int64_t may_leave_at(const struct pod_worker *w)
{
	int64_t since = w->end_ms - w->end_grace_s * 1000;
	if (mp_path_str(w->pod, "metadata.generateName").len)
		return since;
	return since + w->cfg.limits.leave_ms;
}

static void plan_delete(struct step *s)
{
	struct pod_worker *w = s->w;
	int64_t retry = w->cfg.limits.retry_ms, leave = may_leave_at(w);
	if (s->now.mono_ms < leave) {
		wake(s, leave);
		return;
	}
	if (w->delete_ms == 0 || s->now.mono_ms - w->delete_ms >= retry) {
		act(s, POD_DELETE);
		w->delete_ms = s->now.mono_ms ? s->now.mono_ms : 1;
	}
	wake(s, w->delete_ms + retry);
}

/* It has ended, and its object is still there. */
static void plan_rest(struct step *s)
{
	struct pod_worker *w = s->w;
	if (pod_deleting(w)) {
		plan_delete(s);
	} else if (w->cfg.has_volumes && !w->retiring && pod_terminal(w)) {
		act(s, POD_RETIRE);
		w->retiring = true;
	}
}

static void plan_end(struct step *s)
{
	struct pod_worker *w = s->w;
	begin_end(s);
	if (pod_alive(w)) {
		stop_all(s);
	} else if (w->sandbox == SANDBOX_UP) {
		act(s, POD_SANDBOX_REMOVE);
		w->sandbox = SANDBOX_LEAVING;
	} else if (w->sandbox == SANDBOX_NONE && w->gone) {
		if (!w->forgotten)
			act(s, POD_FORGET);
		w->forgotten = true;
		s->out->done = true;
	}
	/* POD_DELETE comes behind the final status: see pod_worker_step. */
}

/* ---- starting containers */

/* Of those who are not root: the others' home is none of theirs. */
static const char home[] = "HOME=";

/* `c` may be NULL: of no container. */
static const char *const *base_env(struct step *s, const struct container *c)
{
	bool other = c && !s->w->cfg.from_image && security_id(s->w->pod, c->spec, "runAsUser") > 0;
	const char *const *given = s->w->cfg.base_env;
	struct pod_hostname host = {0};
	struct err ignored; /* too long a name: there is no sandbox either */
	size_t n = 0;
	while (given && given[n])
		n++;
	const char **all = arena_alloc(s->a, (n + 3) * sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[i] = other && strncmp(given[i], home, sizeof home - 1) == 0 ? "HOME=/" : given[i];
	(void)pod_hostname(s->a, s->w->pod, &(struct pod_names_facts){0}, &host, &ignored);
	if (!s->w->cfg.from_image || !pod_host_network(s->w->pod)) /* its runtime knows the machine's */
		all[n++] = arena_printf(s->a, "HOSTNAME=%s", host.kernel);
	if (!s->w->cfg.from_image && s->w->ips && s->w->ips[0])
		all[n] = arena_printf(s->a, "POD_IP=%s", s->w->ips[0]);
	return all;
}

static struct pod_env_facts facts_of(struct step *s, const struct container *c)
{
	const struct pod_worker_config *cfg = &s->w->cfg;
	return (struct pod_env_facts){
		.source = cfg->source,
		.host_ip = cfg->host_ip,
		.pod_ips = (const char *const *)s->w->ips,
		.allocatable = cfg->allocatable,
		.base = base_env(s, c),
	};
}

static int make_command(struct step *s, struct container *c, struct pod_command *out,
			struct err *e)
{
	struct pod_env_facts facts = facts_of(s, c);
	return pod_command_make(s->a, &facts, s->w->pod, c->spec, out, e);
}

/* As Go prints a duration of whole seconds, or of milliseconds below one. */
const char *pod_duration(struct arena *a, int64_t ms)
{
	long long seconds = ms / 1000;
	if (ms > 1000 && ms < 60000 && ms % 1000)
		return arena_printf(a, "%lld.%03llds", seconds, (long long)ms % 1000);
	if (ms < 1000)
		return arena_printf(a, "%lldms", (long long)ms);
	if (seconds < 60)
		return arena_printf(a, "%llds", seconds);
	if (seconds < 3600)
		return arena_printf(a, "%lldm%llds", seconds / 60, seconds % 60);
	return arena_printf(a, "%lldh%lldm%llds", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static const char *pod_title(struct step *s)
{
	struct span name = mp_path_str(s->w->pod, "metadata.name");
	struct span ns = mp_path_str(s->w->pod, "metadata.namespace");
	struct span uid = mp_path_str(s->w->pod, "metadata.uid");
	return arena_printf(s->a, "%.*s_%.*s(%.*s)", (int)name.len, (const char *)name.data,
			    (int)ns.len, (const char *)ns.data, (int)uid.len,
			    (const char *)uid.data);
}

static bool backoff_expired(const struct pod_worker *w, const struct container *c)
{
	return c->finished_ms - c->restarted_ms > w->cfg.limits.backoff_reset_ms;
}

/* True: it must wait. The first restart never does. */
static bool in_backoff(struct step *s, struct container *c)
{
	int64_t until = c->finished_ms + c->backoff_ms;
	if (c->backoff_ms == 0 || backoff_expired(s->w, c) || s->now.mono_ms >= until)
		return false;
	if (c->failed_reason && s->now.mono_ms < c->finished_ms + FAILED_SHOWN_MS) {
		container_wait(c, c->failed_reason, c->failed_message);
		wake(s, c->finished_ms + FAILED_SHOWN_MS);
		return true;
	}
	container_wait(c, "CrashLoopBackOff",
		       arena_printf(s->a, "back-off %s restarting failed container=%s pod=%s",
				    pod_duration(s->a, c->backoff_ms), c->name, pod_title(s)));
	if (!c->told_backoff)
		pod_event(s->w, c->name, true, "BackOff",
			  "Back-off restarting failed container %s in pod %s", c->name,
			  pod_title(s));
	c->told_backoff = true;
	wake(s, until);
	return true;
}

static void next_backoff(struct step *s, struct container *c)
{
	const struct pod_limits *l = &s->w->cfg.limits;
	if (c->backoff_ms == 0 || backoff_expired(s->w, c))
		c->backoff_ms = l->backoff_first_ms;
	else
		c->backoff_ms = 2 * c->backoff_ms < l->backoff_max_ms ? 2 * c->backoff_ms
								      : l->backoff_max_ms;
	c->restarted_ms = s->now.mono_ms;
}

/* Its configuration is not (yet) what it needs. */
static void not_configured(struct step *s, struct container *c, int code, const char *why)
{
	wake(s, s->now.mono_ms + s->w->cfg.limits.retry_ms);
	if (code == ERR_AGAIN)
		return;
	if (!c->waiting_message || strcmp(c->waiting_message, why) != 0)
		pod_event(s->w, c->name, true, "Failed", "Error: %s", why);
	container_wait(c, "CreateContainerConfigError", why);
}

static void start(struct step *s, struct container *c, const struct pod_command *command,
		  struct span mounts)
{
	struct pod_action *action = act(s, POD_START);
	c->attempt = c->shown ? c->attempt + 1 : 0;
	c->state = CONTAINER_STARTING;
	c->replace = c->again = c->killing = false;
	hook_clear(c);
	container_failed(c, NULL, NULL);
	c->image_state = IMAGE_NONE;
	if (!c->unmade_ms) /* else that is said until it runs */
		container_wait(c, NULL, NULL);
	c->unmade_ms = 0;
	if (c->kind == CONTAINER_MAIN)
		s->w->initialized = true;
	action->name = c->name;
	action->attempt = c->attempt;
	action->command = *command;
	action->mounts = mounts;
	action->spec = c->spec;
}

static bool have_image(struct step *s, struct container *c)
{
	struct pod_action ask = {.kind = POD_IMAGE};
	int64_t due = INT64_MAX;
	enum image_answer answer = pod_image_ready(s->w, c, s->now, s->a, &ask, &due);
	wake(s, due);
	if (answer == IMAGE_ASK)
		*act(s, POD_IMAGE) = ask;
	return answer == IMAGE_READY;
}

static void try_start(struct step *s, struct container *c)
{
	struct pod_command command;
	struct span mounts;
	struct err e = {0};
	bool restart = c->shown && !c->replace && !c->again;
	if (restart && in_backoff(s, c))
		return;
	if (s->now.mono_ms < c->unmade_ms) {
		wake(s, c->unmade_ms);
		return;
	}
	if (!have_image(s, c))
		return;
	int rc = make_command(s, c, &command, &e);
	rc = rc ? rc : pod_volumes_mounts(s->w, c, command.env, s->a, &mounts, &e);
	if (rc) {
		not_configured(s, c, rc, e.text);
		return;
	}
	if (restart)
		next_backoff(s, c);
	if (s->w->cfg.needs_command && !command.command[0]) {
		const char *why = arena_printf(s->a,
					       "container \"%s\" has no command: this node runs "
					       "programs of its machine and knows no image's "
					       "entrypoint (runtime process)", c->name);
		container_start_failed(s->w, c, c->shown ? c->attempt + 1 : 0, why, s->now.wall_us,
				       s->now);
		wake(s, s->now.mono_ms); /* that changes what is to be done */
		return;
	}
	start(s, c, &command, mounts);
}

/* Init containers in order. True: the main ones may start. */
static bool plan_init(struct step *s)
{
	struct pod_worker *w = s->w;
	for (struct container *c = w->containers; c; c = c->next) {
		if (c->kind == CONTAINER_SIDECAR) {
			if (container_wants_start(w, c))
				try_start(s, c);
			if (!w->initialized && !container_started(w, c))
				return false;
		} else if (c->kind == CONTAINER_INIT && !w->initialized) {
			if (container_wants_start(w, c))
				try_start(s, c);
			if (c->state != CONTAINER_ENDED || c->end.code != 0)
				return false;
		}
	}
	return true;
}

static void stop_unhealthy(struct step *s, struct container *c)
{
	const char *which = c->unhealthy ? "liveness" : "startup";
	char path[60];
	snprintf(path, sizeof path, "%sProbe.terminationGracePeriodSeconds", which);
	int64_t grace = mp_path_int(c->spec, path, grace_of(s->w));
	bool restarts = pod_restart_policy(s->w) != RESTART_NEVER;
	const char *why = arena_printf(s->a, c->kind == CONTAINER_SIDECAR ? "Init container %%s failed %s probe"
						: restarts ? "Container %%s failed %s probe, will be restarted"
							   : "Container %%s failed %s probe", which);
	stop_container(s, c, s->now.mono_ms + grace * 1000, why);
}

/* A container that a probe gave up, or whose postStart failed, or whose spec is
 * another one now, stops and is then restarted like any that ended. */
static void plan_replace(struct step *s, struct container *c)
{
	int64_t until = s->now.mono_ms + grace_of(s->w) * 1000;
	if (c->start_hook_failed && container_alive(c))
		stop_container(s, c, until, "FailedPostStartHook");
	if (c->state != CONTAINER_RUNNING)
		return;
	if (c->unhealthy || c->unstarted)
		stop_unhealthy(s, c);
	else if (c->replace)
		stop_container(s, c, until, c->actual ? "Container %s resize requires restart"
						      : "Container %s definition changed, will be restarted");
}

static void plan_resize(struct step *s, struct container *c)
{
	int64_t due = INT64_MAX;
	if (resize_plan(s->w, c, s->now, &due)) {
		struct pod_action *action = act(s, POD_RESIZE);
		action->name = c->name;
		action->attempt = c->attempt;
		action->spec = c->spec;
	}
	wake(s, due);
}

static void plan_sandbox(struct step *s)
{
	struct pod_worker *w = s->w;
	struct span volumes;
	if (w->sandbox != SANDBOX_NONE)
		return;
	if (s->now.mono_ms < w->sandbox_retry_ms) {
		wake(s, w->sandbox_retry_ms);
		return;
	}
	struct pod_env_facts facts = facts_of(s, NULL);
	if (!pod_volumes_known(w, &facts, s->now, s->a, &volumes)) {
		wake(s, s->now.mono_ms + VOLUMES_RETRY_MS);
		return;
	}
	if (w->anew)
		pod_event(w, NULL, false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
	w->anew = false;
	act(s, POD_SANDBOX)->volumes = volumes;
	w->sandbox = SANDBOX_ASKED;
}

static void plan_run(struct step *s)
{
	struct pod_worker *w = s->w;
	plan_sandbox(s);
	if (w->sandbox != SANDBOX_UP)
		return;
	bool initialized = plan_init(s);
	for (struct container *c = w->containers; c; c = c->next) {
		bool due = c->kind == CONTAINER_EPHEMERAL ||
			   (c->kind == CONTAINER_MAIN && initialized);
		if (due && container_wants_start(w, c))
			try_start(s, c);
		if (hook_holds_others(w, c))
			initialized = false;
		plan_resize(s, c);
		plan_replace(s, c);
	}
	kill_overdue(s);
}

static void plan_hooks(struct step *s)
{
	for (struct container *c = s->w->containers; c; c = c->next) {
		const char *hook = hook_due(c);
		if (!hook)
			continue;
		struct pod_action *action = act(s, POD_HOOK);
		action->name = c->name;
		action->attempt = c->attempt;
		action->hook = hook;
		action->spec = c->spec;
	}
}

/* ---- the step */

/* The first reason stays. */
static void put_out(struct pod_worker *w, const char *reason, const char *message)
{
	if (w->evict_reason)
		return;
	pod_set_text(&w->evict_reason, reason);
	pod_set_text(&w->evict_message, message);
}

static void check_deadline(struct step *s)
{
	struct pod_worker *w = s->w;
	int64_t seconds = mp_path_int(w->pod, "spec.activeDeadlineSeconds", -1);
	static const char message[] = "Pod was active on the node longer than the specified deadline";
	if (seconds < 0 || w->evict_reason || w->ending || w->start_us == 0)
		return;
	int64_t left_ms = (w->start_us - s->now.wall_us) / 1000 + seconds * 1000;
	if (left_ms > 0) {
		wake(s, s->now.mono_ms + left_ms);
		return;
	}
	put_out(w, "DeadlineExceeded", message);
	pod_event(w, NULL, false, "DeadlineExceeded", "%s", message);
}

static void take_events(struct step *s)
{
	struct pod_worker *w = s->w;
	struct pod_plan *p = s->out;
	p->events = arena_alloc(s->a, (w->event_count + 1) * sizeof *p->events);
	while (w->events) {
		struct pending_event *e = w->events;
		w->events = e->next;
		p->events[p->event_count++] = (struct pod_event){
			.container = e->container ? arena_dup(s->a, e->container) : NULL,
			.reason = arena_dup(s->a, e->reason),
			.message = arena_dup(s->a, e->message),
			.warning = e->warning,
		};
		free(e->container);
		free(e->reason);
		free(e->message);
		free(e);
	}
	w->events_end = &w->events;
	w->event_count = 0;
}

static void report(struct step *s)
{
	struct pod_worker *w = s->w;
	struct buf b = {0};
	pod_status_write(w, s->now, &b);
	if (!span_eq(span_buf(&b), span_buf(&w->reported))) {
		buf_fini(&w->reported);
		buf_trim(&b); /* it stays */
		w->reported = b;
		s->out->status = span_buf(&w->reported);
	} else {
		buf_fini(&b);
	}
}

void pod_worker_step(struct pod_worker *w, struct pod_time now, struct arena *a,
		     struct pod_plan *out)
{
	struct step s = {.w = w, .now = now, .a = a, .out = out};
	memset(out, 0, sizeof *out);
	out->wake_ms = INT64_MAX;
	if (w->sandbox == SANDBOX_UNKNOWN) {
		/* Nothing is said about a pod before it was looked at. */
		if (!w->asked)
			act(&s, POD_ATTACH);
		w->asked = true;
		return;
	}
	if (w->claims)
		pod_settle_claims(w, now);
	if (w->start_us == 0)
		w->start_us = now.wall_us;
	check_deadline(&s);
	if (must_end(w))
		plan_end(&s);
	else
		plan_run(&s);
	plan_hooks(&s);
	resize_settle(w);
	wake(&s, resize_wake(w, now));
	if (!w->gone)
		report(&s);
	if (!w->gone && w->ending && !pod_alive(w) && w->sandbox == SANDBOX_NONE)
		plan_rest(&s);
	/* The last container's end may have ended the pod in this very step. */
	if (!w->ending && must_end(w))
		wake(&s, now.mono_ms);
	take_events(&s);
}

void pod_worker_status_lost(struct pod_worker *w)
{
	buf_fini(&w->reported);
}

bool pod_worker_is_ready(const struct pod_worker *w)
{
	const char *status = w->conditions[POD_READY].status;
	return status && strcmp(status, "True") == 0;
}

struct span pod_worker_waits_for(const struct pod_worker *w, struct span container)
{
	static const char *const lists[] = {"containerStatuses", "initContainerStatuses",
					    "ephemeralContainerStatuses"};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct mp one = {0};
		size_t n = 0;
		if (!w->reported.len ||
		    !mp_find(mp_of(span_buf(&w->reported)), lists[i], &one) || mp_array(&one, &n))
			continue;
		for (; n > 0; n--, mp_skip(&one))
			if (span_eq(mp_path_str(one, "name"), container))
				return mp_path_str(one, "state.waiting.reason");
	}
	return (struct span){0};
}

void pod_worker_gone(struct pod_worker *w)
{
	w->gone = true;
}

void pod_worker_evict(struct pod_worker *w, const char *reason, const char *message)
{
	w->hurried = true;
	put_out(w, reason, message);
}

bool pod_worker_over(const struct pod_worker *w)
{
	return w->ending && !pod_alive(w) && w->sandbox == SANDBOX_NONE &&
	       (w->retired || w->delete_ms || !w->cfg.has_volumes);
}

bool pod_worker_counts(const struct pod_worker *w)
{
	return !w->gone && (pod_alive(w) || !(pod_terminal(w) || w->evict_reason));
}

void pod_worker_disrupt(struct pod_worker *w, const char *reason, const char *message)
{
	w->disrupted = w->disrupted || !w->evict_reason;
	pod_worker_evict(w, reason, message);
}

void pod_worker_refuse(struct pod_worker *w, const char *reason, const char *message)
{
	w->refused = true;
	put_out(w, reason, message);
}

struct mp pod_worker_object(const struct pod_worker *w)
{
	return w->pod;
}

int pod_worker_volumes(struct pod_worker *w, struct arena *a, struct volume_plan *out)
{
	struct step s = {.w = w, .a = a};
	struct pod_env_facts facts = facts_of(&s, NULL);
	return volume_plan_make(a, &w->cfg.volumes, &facts, w->pod, out);
}

int pod_worker_command(struct pod_worker *w, const char *name, struct arena *a,
		       struct pod_command *out, struct err *e)
{
	struct step s = {.w = w, .a = a};
	struct container *c = container_find(w, span_of(name));
	return c ? make_command(&s, c, out, e) : err_set(e, ERR_NOT_FOUND, "no such container");
}

bool pod_worker_attempt(const struct pod_worker *w, const char *name, uint32_t *attempt,
			bool *running)
{
	const struct container *c = container_find(w, span_of(name));
	if (!c || (!c->shown && !c->held_us))
		return false;
	*running = c->state == CONTAINER_RUNNING || c->held_us;
	*attempt = c->state == CONTAINER_STARTING && !c->held_us ? c->attempt - 1 : c->attempt;
	return true;
}

const char *pod_container_id(struct arena *a, const char *scheme, struct span uid,
			     struct span name, uint32_t attempt)
{
	return arena_printf(a, "%s://%.*s-%.*s-%u", scheme, (int)uid.len, (const char *)uid.data,
			    (int)name.len, (const char *)name.data, attempt);
}
