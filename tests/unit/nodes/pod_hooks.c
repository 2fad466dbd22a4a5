/* What hooks and probes do to a pod's life, step by step. Each step is written as
 * its actions and, after a bar, its events; times are the test's own. */
#include "nodes/pod_worker.h"

#include <stdio.h>

#include "tests/unit/nodes/objects.h"

#define WALL INT64_C(1795514400000000) /* 2026-11-24T10:00:00Z */

struct world {
	struct arena a;
	struct pod_worker *w;
	struct pod_time now;
	struct pod_plan plan;
	const char *spec;
	struct span status;
};

static void desire(struct world *w, const char *more, const char *status)
{
	struct span o = object_of(&w->a, arena_printf(&w->a,
		"{'metadata':{'name':'web','namespace':'shop','uid':'u1'%s},'status':%s,'spec':{%s}}",
		more, status, w->spec));
	struct bytes *bytes = bytes_copy(o.data, o.len);
	cr_assert_eq(pod_worker_desired(w->w, bytes, NULL), 0);
	bytes_unref(bytes);
}

static void begin_as(struct world *w, const char *spec, const char *status, bool found)
{
	struct pod_worker_config cfg = {.probes = true, .hooks = true, .found = found};
	*w = (struct world){.spec = spec, .now = {1000000, WALL}, .w = pod_worker_new(&cfg)};
	desire(w, "", status);
}

static void begin(struct world *w, const char *spec)
{
	begin_as(w, spec, "{}", false);
}

static void end(struct world *w)
{
	pod_worker_free(w->w);
	arena_fini(&w->a);
}

static const char *words_of(struct world *w, const struct pod_action *x)
{
	switch (x->kind) {
	case POD_START:
		return arena_printf(&w->a, "start %s", x->name);
	case POD_SIGNAL:
		return arena_printf(&w->a, "%d %s", x->signal, x->name);
	case POD_HOOK:
		return arena_printf(&w->a, "%s %s %u", x->hook, x->name, x->attempt);
	case POD_SANDBOX:
		return "sandbox";
	case POD_SANDBOX_REMOVE:
		return "remove";
	case POD_ATTACH:
		return "attach";
	default:
		return "other";
	}
}

static const char *step(struct world *w)
{
	const char *log = "", *events = "";
	pod_worker_step(w->w, w->now, &w->a, &w->plan);
	for (size_t i = 0; i < w->plan.action_count; i++)
		log = arena_printf(&w->a, "%s%s%s", log, *log ? ", " : "", words_of(w, &w->plan.actions[i]));
	for (size_t i = 0; i < w->plan.event_count; i++)
		events = arena_printf(&w->a, "%s | %s", events, w->plan.events[i].message);
	if (w->plan.status.len)
		w->status = (struct span){
			(uint8_t *)arena_ndup(&w->a, w->plan.status.data, w->plan.status.len),
			w->plan.status.len};
	return arena_printf(&w->a, "%s%s", log, events);
}

#define STEP(w, words) cr_expect_str_eq(step(w), words)

static void pass(struct world *w, int64_t ms)
{
	w->now.mono_ms += ms;
	w->now.wall_us += ms * 1000;
}

static void see(struct world *w, struct pod_observation o)
{
	pod_worker_observe(w->w, &o, w->now);
}
#define SEE(w, ...) see(w, (struct pod_observation){__VA_ARGS__})

static void up(struct world *w)
{
	static const char *const ips[] = {"127.0.1.2", NULL};
	SEE(w, .kind = POD_SEEN_SANDBOX_UP, .ips = ips);
}

static void started(struct world *w, const char *name, uint32_t attempt)
{
	SEE(w, .kind = POD_SEEN_STARTED, .name = name, .attempt = attempt, .started_us = w->now.wall_us);
}

static void ended(struct world *w, const char *name, uint32_t attempt, int code)
{
	SEE(w, .kind = POD_SEEN_ENDED, .name = name, .attempt = attempt, .code = code,
	    .finished_us = w->now.wall_us);
}

static void hook(struct world *w, const char *name, uint32_t attempt, const char *which, bool good)
{
	SEE(w, .kind = POD_SEEN_HOOK, .name = name, .attempt = attempt, .reason = which, .good = good);
}

static void delete(struct world *w)
{
	desire(w, ",'deletionTimestamp':'2026-11-24T10:00:30Z','deletionGracePeriodSeconds':30", "{}");
}

/* Of the i-th container's status, as JSON. */
static const char *of(struct world *w, size_t i, const char *path)
{
	struct mp v;
	size_t n;
	cr_assert(mp_path(mp_of(w->status), "containerStatuses", &v) && mp_array(&v, &n) == 0 && i < n);
	while (i-- > 0)
		mp_skip(&v);
	return mp_path(v, path, &v) ? json_of(&w->a, v) : "none";
}

static void begin_running(struct world *w, const char *spec)
{
	begin(w, spec);
	step(w);
	up(w);
	step(w);
	started(w, "c", 0);
}

#define EXEC "{'exec':{'command':['x']}}"
#define BOTH "'containers':[{'name':'c','command':['x'],'lifecycle':{'postStart':" EXEC ",'preStop':" EXEC "}}]"
#define PRE "{'name':'c','command':['x'],'lifecycle':{'preStop':" EXEC "}}"

/* ---- postStart */

Test(pod_hooks, a_container_runs_for_all_to_see_when_its_post_start_is_over)
{
	struct world w;
	struct pod_container k;
	begin(&w, "'containers':[{'name':'c','command':['x'],'lifecycle':{'postStart':" EXEC "}},"
		  "{'name':'d','command':['x']}]");
	STEP(&w, "sandbox");
	up(&w);
	STEP(&w, "start c");
	started(&w, "c", 0);
	STEP(&w, "postStart c 0 | Started container c");
	cr_expect_str_eq(of(&w, 0, "state"), "{'waiting':{'reason':'ContainerCreating'}}");
	cr_expect(pod_worker_each(w.w, NULL, &k) && k.there && !k.runs);
	started(&w, "c", 0); /* a pause tells all again to a new agent's port */
	STEP(&w, "");
	pass(&w, 5000);
	hook(&w, "c", 0, "postStart", true);
	STEP(&w, "start d");
	cr_expect_str_eq(of(&w, 0, "state"), "{'running':{'startedAt':'2026-11-24T10:00:00Z'}}");
	cr_expect_str_eq(of(&w, 0, "ready"), "true");
	cr_expect(pod_worker_each(w.w, NULL, &k) && k.runs);
	end(&w);
}

Test(pod_hooks, a_container_whose_post_start_fails_is_stopped_and_started_again)
{
	struct world w;
	begin_running(&w, BOTH);
	STEP(&w, "postStart c 0 | Started container c");
	hook(&w, "c", 0, "postStart", false);
	STEP(&w, "preStop c 0 | PostStartHook failed | FailedPostStartHook");
	hook(&w, "c", 0, "postStart", true); /* too late */
	STEP(&w, "");
	hook(&w, "c", 0, "preStop", false);
	STEP(&w, "15 c | PreStopHook failed");
	ended(&w, "c", 0, 143);
	STEP(&w, "start c");
	started(&w, "c", 1);
	STEP(&w, "postStart c 1 | Started container c");
	hook(&w, "c", 0, "postStart", true); /* another attempt's */
	STEP(&w, "");
	cr_expect_str_eq(of(&w, 0, "ready"), "false");
	end(&w);
}

Test(pod_hooks, a_post_start_that_fails_again_is_told_in_the_status_not_in_events)
{
	struct world w;
	begin_running(&w, BOTH);
	for (uint32_t i = 0; i < 2; i++) {
		if (i)
			started(&w, "c", i);
		step(&w);
		SEE(&w, .kind = POD_SEEN_HOOK, .name = "c", .attempt = i, .reason = "postStart",
		    .text = "it has a secret");
		STEP(&w, arena_printf(&w.a, "preStop c %u | PostStartHook failed | FailedPostStartHook", i));
		hook(&w, "c", i, "preStop", true);
		step(&w);
		ended(&w, "c", i, 143);
		step(&w);
	}
	cr_expect_str_eq(of(&w, 0, "state"),
			 "{'waiting':{'reason':'PostStartHookError','message':'it has a secret'}}");
	pass(&w, 1000);
	step(&w);
	cr_expect_str_eq(of(&w, 0, "state.waiting.reason"), "'CrashLoopBackOff'");
	end(&w);
}

Test(pod_hooks, a_container_may_end_before_its_post_start)
{
	struct world w;
	begin_running(&w, "'restartPolicy':'Never'," BOTH);
	step(&w);
	ended(&w, "c", 0, 3);
	STEP(&w, "remove");
	cr_expect_str_eq(of(&w, 0, "state.terminated.exitCode"), "3");
	end(&w);
}

/* What a status told of has had its hook; what none told of may not have. */
Test(pod_hooks, a_new_agent_runs_hooks_that_may_not_have_run)
{
	static const char running[] = "{'startTime':'2026-11-24T09:00:00Z','containerStatuses':[{'name':'c','ready':true,"
				      "'started':true,'restartCount':0,'lastState':{},'state':{'running':{'startedAt':"
				      "'2026-11-24T09:00:00Z'}}}]}";
	struct world w;
	begin_as(&w, BOTH, running, true);
	STEP(&w, "attach");
	started(&w, "c", 0);
	up(&w);
	STEP(&w, "");
	end(&w);
	begin_as(&w, BOTH, "{}", true);
	STEP(&w, "attach");
	started(&w, "c", 0);
	up(&w);
	STEP(&w, "postStart c 0 | Started container c");
	end(&w);
}

/* ---- preStop */

Test(pod_hooks, term_follows_the_pre_stop)
{
	struct world w;
	begin_running(&w, "'containers':[" PRE "]");
	step(&w);
	delete(&w);
	STEP(&w, "preStop c 0 | Stopping container c");
	pass(&w, 10000);
	STEP(&w, "");
	hook(&w, "c", 0, "preStop", true);
	STEP(&w, "15 c");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 20000, "it took of the grace");
	pass(&w, 20000);
	STEP(&w, "9 c");
	end(&w);
}

Test(pod_hooks, a_pre_stop_that_takes_all_of_the_grace_leaves_two_seconds)
{
	struct world w;
	begin_running(&w, "'containers':[" PRE "]");
	step(&w);
	delete(&w);
	step(&w);
	pass(&w, 30000);
	STEP(&w, "15 c");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 2000);
	pass(&w, 1999);
	STEP(&w, "");
	pass(&w, 1);
	STEP(&w, "9 c");
	end(&w);
}

Test(pod_hooks, what_ends_before_its_pre_stop_is_over_has_ended)
{
	struct world w;
	begin_running(&w, "'containers':[" PRE "]");
	step(&w);
	delete(&w);
	step(&w);
	ended(&w, "c", 0, 0);
	STEP(&w, "remove");
	end(&w);
}

Test(pod_hooks, side_cars_have_theirs_at_once_and_term_last)
{
	struct world w;
	begin(&w, "'initContainers':[{'name':'s','command':['x'],'restartPolicy':'Always','lifecycle':{'preStop':" EXEC "}}],"
		  "'containers':[{'name':'c','command':['x']}]");
	step(&w);
	up(&w);
	step(&w);
	started(&w, "s", 0);
	step(&w);
	started(&w, "c", 0);
	step(&w);
	delete(&w);
	STEP(&w, "15 c, preStop s 0 | Stopping container s | Stopping container c");
	hook(&w, "s", 0, "preStop", true);
	STEP(&w, "");
	ended(&w, "c", 0, 0);
	STEP(&w, "15 s");
	end(&w);
}

Test(pod_hooks, without_somebody_to_run_them_there_are_none)
{
	struct world w;
	struct pod_worker_config cfg = {0};
	w = (struct world){.spec = BOTH, .now = {1000000, WALL}, .w = pod_worker_new(&cfg)};
	desire(&w, "", "{}");
	step(&w);
	up(&w);
	step(&w);
	started(&w, "c", 0);
	STEP(&w, " | Started container c");
	delete(&w);
	STEP(&w, "15 c | Stopping container c");
	end(&w);
}

/* ---- probes */

#define PROBED "'containers':[{'name':'c','command':['x'],'readinessProbe':{},'startupProbe':{'terminationGracePeriodSeconds':3}," \
	"'livenessProbe':{'terminationGracePeriodSeconds':5}}]"

Test(pod_hooks, what_a_probe_gives_up_has_that_probes_grace)
{
	struct world w;
	begin_running(&w, PROBED);
	step(&w);
	SEE(&w, .kind = POD_SEEN_UNHEALTHY, .name = "c", .reason = "startup", .attempt = 7);
	STEP(&w, ""); /* another attempt's */
	SEE(&w, .kind = POD_SEEN_UNHEALTHY, .name = "c", .reason = "startup");
	STEP(&w, "15 c | Container c failed startup probe, will be restarted");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 3000);
	ended(&w, "c", 0, 143);
	STEP(&w, "start c");
	started(&w, "c", 1);
	step(&w);
	SEE(&w, .kind = POD_SEEN_UNHEALTHY, .name = "c", .attempt = 1, .reason = "liveness");
	STEP(&w, "15 c | Container c failed liveness probe, will be restarted");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 5000);
	end(&w);
}

Test(pod_hooks, what_never_restarts_is_not_said_to)
{
	struct world w;
	begin_running(&w, "'restartPolicy':'Never'," PROBED);
	step(&w);
	SEE(&w, .kind = POD_SEEN_UNHEALTHY, .name = "c", .reason = "liveness");
	STEP(&w, "15 c | Container c failed liveness probe");
	end(&w);
}

Test(pod_hooks, what_probes_said_holds_for_a_new_agent)
{
	static const char running[] = "{'startTime':'2026-11-24T09:00:00Z','containerStatuses':[{'name':'c','ready':true,"
				      "'started':true,'restartCount':%d,'lastState':{},'state':{'running':{'startedAt':"
				      "'2026-11-24T09:00:00Z'}}}]}";
	struct world w;
	struct pod_container k;
	char status[400];
	snprintf(status, sizeof status, running, 0);
	begin_as(&w, PROBED, status, true);
	step(&w);
	started(&w, "c", 0);
	up(&w);
	step(&w);
	cr_expect_str_eq(of(&w, 0, "ready"), "true");
	cr_expect_str_eq(of(&w, 0, "started"), "true");
	cr_expect(pod_worker_each(w.w, NULL, &k) && k.adopted && k.ready && k.started);
	end(&w);
	begin_as(&w, PROBED, status, true);
	step(&w);
	started(&w, "c", 1); /* it was restarted since: nothing was said of this one */
	up(&w);
	step(&w);
	cr_expect_str_eq(of(&w, 0, "ready"), "false");
	cr_expect_str_eq(of(&w, 0, "started"), "false");
	end(&w);
}

/* While a postStart runs the status counts the attempt, and shows the one before. */
Test(pod_hooks, restarts_are_counted_on_through_agents_and_hooks)
{
	struct world w;
	begin_as(&w, BOTH, "{'startTime':'2026-11-24T09:00:00Z','containerStatuses':[{'name':'c','ready':false,'started':false,"
			   "'restartCount':2,'state':{'waiting':{'reason':'ContainerCreating'}},'lastState':{'terminated':{"
			   "'exitCode':1,'containerID':'troupe://u1-c-1','startedAt':'2026-11-24T09:00:00Z',"
			   "'finishedAt':'2026-11-24T09:00:01Z'}}}]}", true);
	STEP(&w, "attach");
	started(&w, "c", 2);
	up(&w);
	STEP(&w, "postStart c 2 | Started container c");
	cr_expect_str_eq(of(&w, 0, "restartCount"), "2");
	cr_expect_str_eq(of(&w, 0, "lastState.terminated.exitCode"), "1");
	hook(&w, "c", 2, "postStart", true);
	STEP(&w, "");
	cr_expect_str_eq(of(&w, 0, "restartCount"), "2");
	cr_expect_str_eq(of(&w, 0, "ready"), "true");
	end(&w);
}

Test(pod_hooks, containers_wait_for_a_side_car_that_has_yet_to_start)
{
	struct world w;
	begin(&w, "'initContainers':[{'name':'s','command':['x'],'restartPolicy':'Always','startupProbe':{},"
		  "'lifecycle':{'postStart':" EXEC "}}],'containers':[{'name':'c','command':['x']}]");
	step(&w);
	up(&w);
	STEP(&w, "start s");
	started(&w, "s", 0);
	STEP(&w, "postStart s 0 | Started container s");
	hook(&w, "s", 0, "postStart", true);
	STEP(&w, "");
	SEE(&w, .kind = POD_SEEN_STARTUP, .name = "s");
	STEP(&w, "start c");
	SEE(&w, .kind = POD_SEEN_UNHEALTHY, .name = "s", .reason = "liveness");
	STEP(&w, "15 s | Init container s failed liveness probe");
	end(&w);
}
