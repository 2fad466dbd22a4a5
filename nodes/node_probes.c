/* Probes and hooks of an agent's pods.
 *
 *	worker steps ─► probes_follow: which attempts run, what is gated, what ends
 *	timer (one a pod, for the earliest) ─► runs of what is due (node_runs.h)
 *	a run ends ─► its plan (probe_plan.h) ─► news go to the worker, the rest is only counted
 *
 * While nothing changes a probe costs the agent two turns, and no step of its worker. */
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"
#include "nodes/node_runs.h"
#include "nodes/probes/probe_call.h"

/* An attempt of a container that has probes, while it runs. */
struct probed {
	struct probed *next;
	char *name;
	uint32_t attempt;
	bool seen; /* in this round */
	struct {
		struct bytes *handler; /* NULL: there is no such probe */
		struct bytes *call;
		struct probe_plan plan;
	} all[PROBE_KINDS];
};

static int64_t now_ms(struct ctx *c)
{
	return (int64_t)(ctx_now_us(c) / 1000);
}

/* ---- who is probed */

static void probed_free(struct probed *q)
{
	for (int k = 0; k < PROBE_KINDS; k++) {
		bytes_unref(q->all[k].handler);
		bytes_unref(q->all[k].call);
	}
	free(q->name);
	free(q);
}

void probes_forget(struct agent_pod *p)
{
	while (p->probed) {
		struct probed *q = p->probed;
		p->probed = q->next;
		probed_free(q);
	}
}

static struct probed *find(const struct agent_pod *p, const char *name, uint32_t attempt)
{
	struct probed *q = p->probed;
	while (q && (strcmp(q->name, name) != 0 || q->attempt != attempt))
		q = q->next;
	return q;
}

static struct probed *probed_new(struct agent_pod *p, const struct pod_container *k)
{
	struct probed *q = mem_alloc(sizeof *q);
	q->name = mem_dup(k->name);
	q->attempt = k->attempt;
	q->next = p->probed;
	p->probed = q;
	return q;
}

/* NULL: it has no probes. */
static struct probed *begin(struct ctx *c, struct agent_pod *p, const struct pod_container *k)
{
	struct probed *q = NULL;
	int64_t age_us = ctx_wall_us(c) - k->started_us;
	struct probe_begin b = {.now_ms = now_ms(c), .age_ms = age_us > 0 ? age_us / 1000 : 0,
				.open = k->started, .ready = k->ready, .adopted = k->adopted};
	for (int kind = 0; kind < PROBE_KINDS; kind++) {
		struct mp probe;
		struct span raw;
		struct probe_rule rule;
		if (!mp_find(k->spec, probe_kind_field((enum probe_kind)kind), &probe) ||
		    mp_peek(&probe) != MP_MAP)
			continue;
		probe_rule_read(probe, (enum probe_kind)kind, &rule);
		if (mp_raw(&probe, &raw))
			continue;
		if (!q)
			q = probed_new(p, k);
		b.random = k->adopted ? ctx_random(c) : 0;
		q->all[kind].handler = bytes_copy(raw.data, raw.len);
		probe_plan_begin(&q->all[kind].plan, &rule, &b);
	}
	return q;
}

static void follow_one(struct ctx *c, struct agent_pod *p, const struct pod_container *k)
{
	struct probed *q = k->runs ? find(p, k->name, k->attempt) : NULL;
	if (k->runs && !q)
		q = begin(c, p, k);
	if (!q)
		return;
	q->seen = true;
	for (int kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe_plan *plan = &q->all[kind].plan;
		if (q->all[kind].handler && k->started)
			probe_plan_open(plan, now_ms(c));
		if (kind != PROBE_READINESS && pod_worker_ending(p->worker))
			probe_plan_hold(plan);
	}
}

static void drop_unseen(struct agent_pod *p)
{
	for (struct probed **at = &p->probed; *at;) {
		struct probed *q = *at;
		if (q->seen) {
			q->seen = false;
			at = &q->next;
			continue;
		}
		*at = q->next;
		probed_free(q);
	}
}

/* ---- when */

static int64_t earliest(const struct agent_pod *p)
{
	int64_t due = INT64_MAX;
	for (const struct probed *q = p->probed; q; q = q->next)
		for (int k = 0; k < PROBE_KINDS; k++) {
			int64_t at = q->all[k].handler ? probe_plan_due(&q->all[k].plan) : INT64_MAX;
			due = at < due ? at : due;
		}
	return due;
}

/* A timer that was set for later stays, and means nothing when it comes. */
static void set_timer(struct ctx *c, struct agent_pod *p)
{
	int64_t due = earliest(p), now_us = (int64_t)ctx_now_us(c);
	if (due == INT64_MAX || (p->probe_due_ms && p->probe_due_ms <= due))
		return;
	p->probe_due_ms = due ? due : 1;
	ctx_timer(c, due * 1000 > now_us ? (uint64_t)(due * 1000 - now_us) : 0,
		  NODE_TAG(TAG_PROBE, p->id));
}

void probes_follow(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct pod_container k;
	const void *at = NULL;
	while ((at = pod_worker_each(p->worker, at, &k)))
		follow_one(c, p, &k);
	drop_unseen(p);
	runs_drop_ended(c, a, p);
	set_timer(c, p);
}

static void run_probe(struct ctx *c, struct agent *a, struct agent_pod *p, struct probed *q, int kind)
{
	struct probe_plan *plan = &q->all[kind].plan;
	probe_plan_ran(plan, now_ms(c));
	run_begin(c, a, p, &(struct agent_run){
		.container = q->name,
		.attempt = q->attempt,
		.what = kind,
		.handler = q->all[kind].handler,
		.call = q->all[kind].call,
		.timeout_ms = plan->rule.timeout_ms,
	});
}

void probes_on_timer(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	int64_t now = now_ms(c);
	if (p->probe_due_ms > now)
		return;
	p->probe_due_ms = 0;
	for (struct probed *q = p->probed; q; q = q->next)
		for (int k = 0; k < PROBE_KINDS; k++)
			if (q->all[k].handler && probe_plan_due(&q->all[k].plan) <= now)
				run_probe(c, a, p, q, k);
	set_timer(c, p);
}

/* ---- results */

static void tell_result(struct ctx *c, struct agent *a, struct agent_pod *p, const struct agent_run *run,
			enum probe_result r, struct span text)
{
	enum { TEXT_MAX = 900 };
	static const char *const formats[] = {
		[PROBE_WARNING] = "%s probe warning: %s",
		[PROBE_FAILURE] = "%s probe failed: %s",
		[PROBE_ERROR] = "%s probe errored and resulted in unknown state: %s",
	};
	struct arena *arena = ctx_arena(c);
	struct pod_event e = {
		.container = run->container,
		.reason = r == PROBE_WARNING ? "ProbeWarning" : "Unhealthy",
		.warning = true,
		.message = arena_printf(arena, formats[r], probe_kind_title((enum probe_kind)run->what),
					probe_output_text(arena, text, TEXT_MAX)),
	};
	agent_tell_event(c, a, p, &e);
}

static void on_verdict(struct ctx *c, struct agent *a, struct agent_pod *p, const struct agent_run *run,
		       enum probe_verdict v)
{
	struct pod_observation o = {.name = run->container, .attempt = run->attempt,
				    .good = v == PROBE_GOOD};
	if (v == PROBE_NO_NEWS)
		return;
	if (run->what == PROBE_READINESS) {
		o.kind = POD_SEEN_READY;
	} else if (v == PROBE_GOOD) {
		o.kind = POD_SEEN_STARTUP;
	} else {
		o.kind = POD_SEEN_UNHEALTHY;
		o.reason = run->what == PROBE_STARTUP ? "startup" : "liveness";
	}
	agent_observe(c, a, p, &o);
}

/* A kubelet's words for its status and its log. Events have none: they might tell secrets. */
static const char *hook_failure(struct ctx *c, struct agent_pod *p, const struct agent_run *run,
				enum probe_result result, struct span text)
{
	enum { TEXT_MAX = 900 };
	struct arena *m = ctx_arena(c);
	struct mp action = {0}, pod = pod_worker_object(p->worker);
	struct span ns = mp_path_str(pod, "metadata.namespace"), name = mp_path_str(pod, "metadata.name");
	bool exec = handler_kind(mp_of_bytes(run->handler), &action) == HANDLER_EXEC;
	const char *said = probe_output_text(m, text, TEXT_MAX), *kind = "HTTP", *what;
	if (exec) {
		kind = "Exec";
		what = probe_command_list(m, action);
	} else {
		struct span path = mp_path_str(action, "path");
		what = arena_ndup(m, path.data, path.len);
	}
	const char *error = said, *output = "";
	if (exec && result == PROBE_FAILURE) {
		error = arena_printf(m, "command '%s' exited with %lld", probe_command_line(m, action),
				     (long long)run->code);
		output = said;
	}
	return arena_printf(m, "%s lifecycle hook (%s) for Container \"%s\" in Pod \"%.*s_%.*s(%s)\" failed - "
			       "error: %s%s%s", kind, what, run->container, (int)name.len,
			    (const char *)name.data, (int)ns.len, (const char *)ns.data, p->uid, error,
			    exec ? ", message: " : "", exec ? probe_quoted(m, output) : "");
}

static void on_hook(struct ctx *c, struct agent *a, struct agent_pod *p, const struct agent_run *run,
		    enum probe_result result, struct span text)
{
	bool good = result == PROBE_SUCCESS || result == PROBE_WARNING;
	const char *why = good ? NULL : hook_failure(c, p, run, result, text);
	if (why)
		log_warn("node", "%s", why);
	agent_observe(c, a, p, &(struct pod_observation){
		.kind = POD_SEEN_HOOK,
		.name = run->container,
		.attempt = run->attempt,
		.reason = run->what == RUN_POST_START ? "postStart" : "preStop",
		.good = good,
		.text = why,
	});
}

/* The news come last: a step may end the pod. */
void probes_on_result(struct ctx *c, struct agent *a, struct agent_pod *p, const struct agent_run *run,
		      enum probe_result r, struct span text)
{
	ctx_resume(c, &p->trace);
	if (run->what >= (int)PROBE_KINDS) {
		on_hook(c, a, p, run, r, text);
		return;
	}
	struct probed *q = find(p, run->container, run->attempt);
	if (!q)
		return;
	if (!q->all[run->what].call)
		q->all[run->what].call = bytes_ref(run->call);
	bool tell;
	enum probe_verdict v = probe_plan_result(&q->all[run->what].plan, r, now_ms(c), &tell);
	if (tell)
		tell_result(c, a, p, run, r, text);
	set_timer(c, p);
	on_verdict(c, a, p, run, v);
}

/* ---- hooks */

void agent_hook(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x)
{
	struct mp handler;
	struct span raw = {0};
	char path[40] = "lifecycle.";
	strcat(path, x->hook);
	if (mp_path(x->spec, path, &handler))
		mp_raw(&handler, &raw);
	struct bytes *copy = bytes_copy(raw.data, raw.len);
	run_begin(c, a, p, &(struct agent_run){
		.container = (char *)x->name,
		.attempt = x->attempt,
		.what = strcmp(x->hook, "postStart") == 0 ? RUN_POST_START : RUN_PRE_STOP,
		.handler = copy,
	});
	bytes_unref(copy);
}
