/* The life of a pod, step by step, with a clock of the test's own. */
#include "nodes/pod_worker.h"

#include <signal.h>

#include "tests/unit/nodes/objects.h"

#define WALL INT64_C(1795514400000000) /* 2026-11-24T10:00:00Z */

struct world {
	struct arena a;
	struct pod_worker_config cfg;
	struct pod_worker *w;
	struct pod_time now;
	struct pod_plan plan;
	struct span status; /* the last one that was reported */
	const char *log;    /* what the last step did, in words */
};

static const char *meta = "'metadata':{'name':'web','namespace':'shop','uid':'u1',"
			  "'generation':3%s},'status':%s";

static void desire(struct world *w, const char *spec, const char *more_meta, const char *status)
{
	struct buf b = {0};
	buf_puts(&b, "{");
	buf_printf(&b, meta, more_meta, status);
	buf_printf(&b, ",'spec':{%s}}", spec);
	struct span o = object_of(&w->a, buf_text(&b));
	struct bytes *bytes = bytes_copy(o.data, o.len);
	struct err e = {0};
	cr_assert_eq(pod_worker_desired(w->w, bytes, &e), 0, "%s", e.text);
	bytes_unref(bytes);
	buf_fini(&b);
}

static void begin_as(struct world *w, const char *spec, const char *status)
{
	w->now = (struct pod_time){1000000, WALL};
	w->cfg.host_ip = "192.0.2.1";
	w->w = pod_worker_new(&w->cfg);
	desire(w, spec, "", status);
}

static void begin(struct world *w, const char *spec)
{
	memset(w, 0, sizeof *w);
	begin_as(w, spec, "{'phase':'Pending','qosClass':'BestEffort','conditions':[{'type':"
			  "'PodScheduled','status':'True','lastTransitionTime':"
			  "'2026-11-24T09:00:00Z'}]}");
}

static void end(struct world *w)
{
	pod_worker_free(w->w);
	arena_fini(&w->a);
}

static const char *words_of(struct world *w, const struct pod_action *act)
{
	static const char *const names[] = {"attach", "sandbox", "image", "start", "signal",
					    "remove", "delete", "retire", "forget"};
	static const char *const pulls[] = {"", " always", " never"};
	if (act->kind == POD_IMAGE)
		return arena_printf(&w->a, "image %s %s%s", act->name, act->image, pulls[act->pull]);
	if (act->kind == POD_RESIZE)
		return arena_printf(&w->a, "resize %s %u", act->name, act->attempt);
	if (act->kind == POD_START)
		return arena_printf(&w->a, "start %s %u", act->name, act->attempt);
	if (act->kind == POD_SIGNAL)
		return arena_printf(&w->a, "signal %s %u %d", act->name, act->attempt, act->signal);
	return names[act->kind];
}

/* One step; the actions as words with "; " between them. */
static const char *step(struct world *w)
{
	const char *log = "";
	pod_worker_step(w->w, w->now, &w->a, &w->plan);
	for (size_t i = 0; i < w->plan.action_count; i++)
		log = arena_printf(&w->a, "%s%s%s", log, *log ? "; " : "",
				   words_of(w, &w->plan.actions[i]));
	if (w->plan.status.len)
		w->status = (struct span){
			(uint8_t *)arena_ndup(&w->a, w->plan.status.data, w->plan.status.len),
			w->plan.status.len};
	return log;
}

#define STEP(w, words) cr_expect_str_eq(step(w), words)

static void pass(struct world *w, int64_t ms)
{
	w->now.mono_ms += ms;
	w->now.wall_us += ms * 1000;
}

static void observe(struct world *w, struct pod_observation o)
{
	pod_worker_observe(w->w, &o, w->now);
}

static void up(struct world *w)
{
	static const char *const ips[] = {"127.0.1.2", NULL};
	observe(w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_UP, .ips = ips});
}

static void started(struct world *w, const char *name, uint32_t attempt)
{
	observe(w, (struct pod_observation){.kind = POD_SEEN_STARTED, .name = name,
					    .attempt = attempt, .started_us = w->now.wall_us,
					    .image_id = "sha256:1"});
}

static void ended(struct world *w, const char *name, uint32_t attempt, int code)
{
	observe(w, (struct pod_observation){.kind = POD_SEEN_ENDED, .name = name,
					    .attempt = attempt, .code = code,
					    .started_us = w->now.wall_us - 1000000,
					    .finished_us = w->now.wall_us});
}

/* A part of the last status, as JSON. */
static const char *part(struct world *w, const char *path)
{
	struct mp v;
	return mp_path(mp_of(w->status), path, &v) ? json_of(&w->a, v) : "none";
}

/* The i-th of a list of the last status, or the condition of a type. */
static struct mp item(struct world *w, const char *list, size_t i)
{
	struct mp v = {0};
	size_t n = 0;
	cr_assert(mp_path(mp_of(w->status), list, &v) && mp_array(&v, &n) == 0 && i < n, "%s", list);
	while (i-- > 0)
		mp_skip(&v);
	return v;
}

static const char *in_item(struct world *w, const char *list, size_t i, const char *path)
{
	struct mp v;
	return mp_path(item(w, list, i), path, &v) ? json_of(&w->a, v) : "none";
}

static const char *main_part(struct world *w, const char *path)
{
	return in_item(w, "containerStatuses", 0, path);
}

static const char *condition(struct world *w, const char *type, const char *path)
{
	struct mp v = {0}, field;
	size_t n = 0;
	cr_assert(mp_path(mp_of(w->status), "conditions", &v) && mp_array(&v, &n) == 0);
	for (; n > 0; n--, mp_skip(&v))
		if (span_is(mp_path_str(v, "type"), type))
			return mp_path(v, path, &field) ? json_of(&w->a, field) : "none";
	return "no such condition";
}

static const struct pod_event *event(struct world *w, const char *reason)
{
	for (size_t i = 0; i < w->plan.event_count; i++)
		if (strcmp(w->plan.events[i].reason, reason) == 0)
			return &w->plan.events[i];
	return NULL;
}

#define ONE "'containers':[{'name':'c','image':'img:1','command':['run']}]"

static void run_one(struct world *w, const char *spec)
{
	begin(w, spec);
	STEP(w, "sandbox");
	up(w);
	STEP(w, "start c 0");
	started(w, "c", 0);
	STEP(w, "");
}

/* ---- the plain road */

Test(pod_worker, starts_sandbox_then_container_and_reports_each_state)
{
	struct world w;
	begin(&w, ONE);
	STEP(&w, "sandbox");
	cr_expect_str_eq(part(&w, "phase"), "'Pending'");
	cr_expect_str_eq(part(&w, "containerStatuses"),
			 "[{'name':'c','state':{'waiting':{'reason':'ContainerCreating'}},"
			 "'lastState':{},'ready':false,'restartCount':0,'image':'img:1',"
			 "'imageID':'','started':false}]");
	cr_expect_str_eq(condition(&w, "PodReadyToStartContainers", "status"), "'False'");
	cr_expect_str_eq(condition(&w, "Initialized", "status"), "'True'");
	cr_expect_str_eq(condition(&w, "ContainersReady", "message"),
			 "'containers with unready status: [c]'");
	cr_expect_str_eq(condition(&w, "Ready", "reason"), "'ContainersNotReady'");
	STEP(&w, "");
	cr_expect_eq(w.plan.status.len, 0, "nothing new, nothing reported");
	up(&w);
	STEP(&w, "start c 0");
	cr_expect_str_eq(w.plan.actions[0].command.command[0], "run");
	pass(&w, 1500);
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_eq(w.plan.wake_ms, INT64_MAX);
	cr_expect_str_eq(event(&w, "Started")->message, "Started container c");
	cr_expect_str_eq(
		json_of(&w.a, mp_of(w.status)),
		"{'observedGeneration':3,'phase':'Running','conditions':["
		"{'type':'PodReadyToStartContainers','observedGeneration':3,'status':'True',"
		"'lastProbeTime':null,'lastTransitionTime':'2026-11-24T10:00:00Z'},"
		"{'type':'Initialized','observedGeneration':3,'status':'True',"
		"'lastProbeTime':null,'lastTransitionTime':'2026-11-24T10:00:00Z'},"
		"{'type':'Ready','observedGeneration':3,'status':'True',"
		"'lastProbeTime':null,'lastTransitionTime':'2026-11-24T10:00:01Z'},"
		"{'type':'ContainersReady','observedGeneration':3,'status':'True',"
		"'lastProbeTime':null,'lastTransitionTime':'2026-11-24T10:00:01Z'},"
		"{'type':'PodScheduled','observedGeneration':3,'status':'True',"
		"'lastProbeTime':null,'lastTransitionTime':'2026-11-24T09:00:00Z'}],"
		"'hostIP':'192.0.2.1','hostIPs':[{'ip':'192.0.2.1'}],'podIP':'127.0.1.2',"
		"'podIPs':[{'ip':'127.0.1.2'}],'startTime':'2026-11-24T10:00:00Z',"
		"'containerStatuses':[{'name':'c','state':{'running':{'startedAt':"
		"'2026-11-24T10:00:01Z'}},'lastState':{},'ready':true,'restartCount':0,"
		"'image':'img:1','imageID':'sha256:1','containerID':'troupe://u1-c-0',"
		"'started':true}],'qosClass':'BestEffort'}");
	end(&w);
}

Test(pod_worker, environment_names_host_and_address)
{
	static const char *const base[] = {"PATH=/bin", NULL};
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.base_env = base;
	begin_as(&w, "'containers':[{'name':'c','env':[{'name':'A','valueFrom':{'fieldRef':"
		     "{'fieldPath':'status.podIP'}}}]}]", "{}");
	step(&w);
	up(&w);
	STEP(&w, "start c 0");
	const char *const *env = w.plan.actions[0].command.env;
	cr_expect_str_eq(env[0], "A=127.0.1.2");
	cr_expect_str_eq(env[1], "HOSTNAME=web");
	cr_expect_str_eq(env[2], "PATH=/bin");
	cr_expect_str_eq(env[3], "POD_IP=127.0.1.2");
	cr_expect_null(env[4]);
	end(&w);
}

Test(pod_worker, everything_told_twice_changes_nothing)
{
	struct world w;
	run_one(&w, ONE);
	up(&w);
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_eq(w.plan.status.len, 0);
	cr_expect_eq(w.plan.event_count, 0);
	ended(&w, "c", 0, 3);
	STEP(&w, "start c 1");
	started(&w, "c", 1);
	STEP(&w, "");
	ended(&w, "c", 0, 3);
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_eq(w.plan.status.len, 0, "history changes nothing");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_ENDED, .name = "stranger"});
	STEP(&w, "");
	end(&w);
}

/* ---- restarts */

Test(pod_worker, restart_policy_decides_about_exits)
{
	static const struct {
		const char *policy;
		int code;
		const char *step, *phase, *reason;
	} rows[] = {
		{"Always", 0, "start c 1", "'Running'", "'Completed'"},
		{"Always", 3, "start c 1", "'Running'", "'Error'"},
		{"OnFailure", 0, "", "'Succeeded'", "'Completed'"},
		{"OnFailure", 3, "start c 1", "'Running'", "'Error'"},
		{"Never", 0, "", "'Succeeded'", "'Completed'"},
		{"Never", 137, "", "'Failed'", "'Error'"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world w;
		struct arena a = {0};
		run_one(&w, arena_printf(&a, "'restartPolicy':'%s'," ONE, rows[i].policy));
		ended(&w, "c", 0, rows[i].code);
		bool ends = !*rows[i].step;
		STEP(&w, ends ? "remove" : rows[i].step);
		cr_expect_str_eq(part(&w, "phase"), rows[i].phase, "%s %d", rows[i].policy,
				 rows[i].code);
		cr_expect_str_eq(main_part(&w, "state.terminated.reason"), rows[i].reason);
		cr_expect_str_eq(main_part(&w, "state.terminated.exitCode"),
				 arena_printf(&a, "%d", rows[i].code));
		if (ends) {
			observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
			STEP(&w, "");
			cr_expect_str_eq(part(&w, "phase"), rows[i].phase);
			cr_expect_str_eq(part(&w, "podIP"), "'127.0.1.2'");
			cr_expect_str_eq(condition(&w, "PodReadyToStartContainers", "status"),
					 "'False'");
			cr_expect_str_eq(condition(&w, "Ready", "reason"),
					 rows[i].code ? "'PodFailed'" : "'PodCompleted'");
			cr_expect_eq(w.plan.wake_ms, INT64_MAX);
		}
		arena_fini(&a);
		end(&w);
	}
}

Test(pod_worker, backs_off_from_10_s_doubling_to_5_min)
{
	static const int waits[] = {10, 20, 40, 80, 160, 300, 300};
	static const char *const texts[] = {"10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"};
	struct world w;
	run_one(&w, ONE);
	pass(&w, 1000);
	ended(&w, "c", 0, 1);
	STEP(&w, "start c 1"); /* the first one at once */
	for (uint32_t i = 0; i < 7; i++) {
		started(&w, "c", i + 1);
		STEP(&w, "");
		pass(&w, 1000);
		ended(&w, "c", i + 1, 1);
		STEP(&w, "");
		cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'CrashLoopBackOff'");
		cr_expect_str_eq(main_part(&w, "state.waiting.message"),
				 arena_printf(&w.a, "'back-off %s restarting failed container=c "
						    "pod=web_shop(u1)'", texts[i]));
		cr_expect_str_eq(main_part(&w, "lastState.terminated.exitCode"), "1");
		cr_expect_str_eq(main_part(&w, "restartCount"), arena_printf(&w.a, "%u", i + 1));
		cr_expect_str_eq(part(&w, "phase"), "'Running'");
		cr_expect(event(&w, "BackOff"));
		cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + waits[i] * 1000);
		pass(&w, waits[i] * 1000 - 1);
		STEP(&w, "");
		cr_expect_null(event(&w, "BackOff"), "once");
		pass(&w, 1);
		STEP(&w, arena_printf(&w.a, "start c %u", i + 2));
	}
	end(&w);
}

Test(pod_worker, ten_minutes_of_running_reset_the_back_off)
{
	struct world w;
	run_one(&w, ONE);
	ended(&w, "c", 0, 1);
	STEP(&w, "start c 1");
	started(&w, "c", 1);
	pass(&w, 600001);
	ended(&w, "c", 1, 1);
	STEP(&w, "start c 2"); /* at once again */
	started(&w, "c", 2);
	ended(&w, "c", 2, 1);
	STEP(&w, "");
	cr_expect(strstr(main_part(&w, "state.waiting.message"), "back-off 10s"));
	end(&w);
}

Test(pod_worker, restart_is_shown_with_the_last_end)
{
	struct world w;
	run_one(&w, ONE);
	pass(&w, 5000);
	ended(&w, "c", 0, 2);
	STEP(&w, "start c 1");
	cr_expect_str_eq(main_part(&w, "state.terminated"),
			 "{'exitCode':2,'reason':'Error','startedAt':'2026-11-24T10:00:04Z',"
			 "'finishedAt':'2026-11-24T10:00:05Z','containerID':'troupe://u1-c-0'}");
	cr_expect_str_eq(main_part(&w, "restartCount"), "0");
	cr_expect_str_eq(main_part(&w, "ready"), "false");
	started(&w, "c", 1);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state.running.startedAt"), "'2026-11-24T10:00:05Z'");
	cr_expect_str_eq(main_part(&w, "lastState.terminated.exitCode"), "2");
	cr_expect_str_eq(main_part(&w, "restartCount"), "1");
	cr_expect_str_eq(main_part(&w, "containerID"), "'troupe://u1-c-1'");
	end(&w);
}

Test(pod_worker, start_that_fails_is_a_StartError_with_128)
{
	struct world w;
	begin(&w, "'restartPolicy':'Never'," ONE);
	step(&w);
	up(&w);
	STEP(&w, "start c 0");
	observe(&w, (struct pod_observation){
			.kind = POD_SEEN_START_FAILED, .name = "c", .finished_us = w.now.wall_us,
			.text = "exec: \"run\": executable file not found in $PATH"});
	STEP(&w, "remove");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	cr_expect_str_eq(main_part(&w, "state.terminated"),
			 "{'exitCode':128,'reason':'StartError','message':"
			 "'exec: 'run': executable file not found in $PATH',"
			 "'startedAt':'1970-01-01T00:00:00Z',"
			 "'finishedAt':'2026-11-24T10:00:00Z','containerID':'troupe://u1-c-0'}");
	cr_expect(event(&w, "Failed"));
	end(&w);
}

Test(pod_worker, start_that_fails_again_is_a_RunContainerError_until_its_back_off_is_shown)
{
	struct world w;
	run_one(&w, ONE);
	ended(&w, "c", 0, 1);
	STEP(&w, "start c 1");
	started(&w, "c", 1);
	ended(&w, "c", 1, 1);
	STEP(&w, "");
	pass(&w, 10000);
	STEP(&w, "start c 2");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_START_FAILED, .name = "c", .attempt = 2,
					     .finished_us = w.now.wall_us, .text = "no such", .image_id = "img@1"});
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state"),
			 "{'waiting':{'reason':'RunContainerError','message':'no such'}}");
	cr_expect_str_eq(main_part(&w, "lastState.terminated.reason"), "'StartError'");
	cr_expect_str_eq(main_part(&w, "imageID"), "'img@1'");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 1000);
	pass(&w, 1000);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'CrashLoopBackOff'");
	end(&w);
}

Test(pod_worker, container_without_command_fails_by_name_where_one_is_needed)
{
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.needs_command = true;
	begin_as(&w, "'restartPolicy':'Never','containers':[{'name':'nginx','image':'nginx'}]",
		 "{}");
	STEP(&w, "sandbox");
	up(&w);
	STEP(&w, "");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms, "and again at once");
	STEP(&w, "remove");
	cr_expect_str_eq(main_part(&w, "state.terminated.reason"), "'StartError'");
	cr_expect(strstr(main_part(&w, "state.terminated.message"), "container 'nginx' has no command"));
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	end(&w);
}

Test(pod_worker, new_image_replaces_the_container_whatever_the_policy)
{
	struct world w;
	run_one(&w, "'restartPolicy':'Never','terminationGracePeriodSeconds':7," ONE);
	desire(&w, "'restartPolicy':'Never','terminationGracePeriodSeconds':7,'containers':"
		   "[{'name':'c','image':'img:2','command':['run']}]", "", "{}");
	STEP(&w, "signal c 0 15");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 7000);
	pass(&w, 7000);
	STEP(&w, "signal c 0 9");
	ended(&w, "c", 0, 137);
	STEP(&w, "start c 1");
	started(&w, "c", 1);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "image"), "'img:2'");
	end(&w);
}

/* ---- configuration */

static int no_object(void *arg, enum pod_env_kind kind, struct span ns, struct span name,
		     struct span *out)
{
	int *code = arg;
	(void)kind;
	(void)ns;
	(void)name;
	*out = (struct span){(const uint8_t *)"\x81\xa4" "data\x81\xa1k\xa1v", 11};
	return *code;
}

Test(pod_worker, missing_config_map_is_waited_for)
{
	int code = ERR_NOT_FOUND;
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.source = (struct pod_env_source){&code, no_object, NULL};
	begin_as(&w, "'containers':[{'name':'c','command':['$(A)'],'env':[{'name':'A','valueFrom':"
		     "{'configMapKeyRef':{'name':'cm','key':'k'}}}]}]", "{}");
	step(&w);
	up(&w);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state.waiting"),
			 "{'reason':'CreateContainerConfigError','message':"
			 "'configmap 'cm' not found'}");
	cr_expect(span_is(pod_worker_waits_for(w.w, span_of("c")), "CreateContainerConfigError"));
	cr_expect_eq(pod_worker_waits_for(w.w, span_of("none")).len, 0);
	cr_expect_str_eq(event(&w, "Failed")->message, "Error: configmap \"cm\" not found");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 5000);
	pass(&w, 5000);
	STEP(&w, "");
	cr_expect_null(event(&w, "Failed"), "once");
	code = ERR_AGAIN;
	STEP(&w, "");
	code = 0;
	STEP(&w, "start c 0");
	cr_expect_str_eq(w.plan.actions[0].command.command[0], "v");
	started(&w, "c", 0);
	step(&w);
	cr_expect_eq(pod_worker_waits_for(w.w, span_of("c")).len, 0);
	end(&w);
}

Test(pod_worker, what_a_runtime_waits_for_is_shown)
{
	struct world w;
	begin(&w, ONE);
	step(&w);
	up(&w);
	STEP(&w, "start c 0");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_WAITING, .name = "c",
					     .reason = "ErrImagePull", .text = "no such image"});
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state.waiting"),
			 "{'reason':'ErrImagePull','message':'no such image'}");
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	end(&w);
}

Test(pod_worker, sandbox_that_fails_is_tried_again_later_and_later)
{
	struct world w;
	begin(&w, ONE);
	STEP(&w, "sandbox");
	for (int64_t wait = 1000; wait <= 4000; wait *= 2) {
		observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_FAILED,
						     .text = "no room"});
		STEP(&w, "");
		cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + wait);
		cr_expect_str_eq(event(&w, "FailedCreatePodSandBox")->message,
				 "Failed to create pod sandbox: no room");
		pass(&w, wait);
		STEP(&w, "sandbox");
	}
	end(&w);
}

/* ---- init containers and side cars */

#define INIT                                                                                       \
	"'initContainers':[{'name':'i1'},{'name':'i2'}],'containers':[{'name':'c'},{'name':'d'}]"

Test(pod_worker, init_containers_run_one_after_another)
{
	struct world w;
	begin(&w, INIT);
	step(&w);
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'PodInitializing'");
	cr_expect_str_eq(condition(&w, "Initialized", "message"),
			 "'containers with incomplete status: [i1 i2]'");
	cr_expect_str_eq(condition(&w, "ContainersReady", "message"),
			 "'containers with unready status: [c d]'");
	up(&w);
	STEP(&w, "start i1 0");
	started(&w, "i1", 0);
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Pending'");
	ended(&w, "i1", 0, 1);
	STEP(&w, "start i1 1");
	started(&w, "i1", 1);
	ended(&w, "i1", 1, 0);
	STEP(&w, "start i2 0");
	cr_expect_str_eq(in_item(&w, "initContainerStatuses", 0, "ready"), "true");
	cr_expect_str_eq(in_item(&w, "initContainerStatuses", 0, "restartCount"), "1");
	cr_expect_str_eq(in_item(&w, "initContainerStatuses", 1, "ready"), "false");
	started(&w, "i2", 0);
	ended(&w, "i2", 0, 0);
	STEP(&w, "start c 0; start d 0");
	cr_expect_str_eq(condition(&w, "Initialized", "status"), "'True'");
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Pending'", "d has not started");
	started(&w, "d", 0);
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	end(&w);
}

Test(pod_worker, failed_init_container_fails_a_pod_that_never_restarts)
{
	struct world w;
	begin(&w, "'restartPolicy':'Never'," INIT);
	step(&w);
	up(&w);
	STEP(&w, "start i1 0");
	started(&w, "i1", 0);
	ended(&w, "i1", 0, 1);
	STEP(&w, "remove");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'PodInitializing'");
	end(&w);
}

#define SIDECAR                                                                                    \
	"'restartPolicy':'Never','initContainers':[{'name':'s1','restartPolicy':'Always'},"        \
	"{'name':'s2','restartPolicy':'Always'}],'containers':[{'name':'c'}]"

Test(pod_worker, side_cars_start_first_and_stop_last)
{
	struct world w;
	begin(&w, SIDECAR);
	step(&w);
	up(&w);
	STEP(&w, "start s1 0");
	started(&w, "s1", 0);
	STEP(&w, "start s2 0");
	started(&w, "s2", 0);
	STEP(&w, "start c 0");
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	ended(&w, "s1", 0, 1); /* it restarts in spite of Never */
	STEP(&w, "start s1 1");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	started(&w, "s1", 1);
	ended(&w, "c", 0, 0);
	STEP(&w, "signal s2 0 15");
	cr_expect_str_eq(part(&w, "phase"), "'Running'", "not over while something runs");
	ended(&w, "s2", 0, 0);
	STEP(&w, "signal s1 1 15");
	ended(&w, "s1", 1, 143);
	STEP(&w, "remove");
	cr_expect_str_eq(part(&w, "phase"), "'Succeeded'");
	end(&w);
}

/* ---- the end */

Test(pod_worker, deletion_terminates_kills_after_the_grace_and_deletes)
{
	struct world w;
	run_one(&w, ONE);
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:05Z',"
			"'deletionGracePeriodSeconds':5", "{}");
	STEP(&w, "signal c 0 15");
	cr_expect_str_eq(event(&w, "Killing")->message, "Stopping container c");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 5000);
	pass(&w, 4999);
	STEP(&w, "");
	pass(&w, 1);
	STEP(&w, "signal c 0 9");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	ended(&w, "c", 0, 137);
	STEP(&w, "remove");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "delete");
	cr_expect(w.plan.status.len > 0, "the last status goes before it");
	STEP(&w, "");
	pass(&w, 5000);
	STEP(&w, "delete"); /* nobody answered: again */
	pod_worker_gone(w.w);
	STEP(&w, "forget");
	cr_expect(w.plan.done);
	end(&w);
}

Test(pod_worker, deletion_of_a_pod_that_ends_well_is_a_success)
{
	struct world w;
	run_one(&w, ONE);
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:30Z',"
			"'deletionGracePeriodSeconds':30", "{}");
	STEP(&w, "signal c 0 15");
	ended(&w, "c", 0, 0);
	STEP(&w, "remove");
	cr_expect_str_eq(part(&w, "phase"), "'Succeeded'");
	end(&w);
}

Test(pod_worker, grace_can_be_shortened_while_it_runs)
{
	struct world w;
	run_one(&w, ONE);
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:30Z',"
			"'deletionGracePeriodSeconds':30", "{}");
	STEP(&w, "signal c 0 15");
	pass(&w, 1000);
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:03Z',"
			"'deletionGracePeriodSeconds':2", "{}");
	STEP(&w, "");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 2000);
	pass(&w, 2000);
	STEP(&w, "signal c 0 9");
	pass(&w, 5000);
	STEP(&w, "signal c 0 9"); /* it may be stuck: again */
	end(&w);
}

/* `kubectl delete` hangs when another pod of the name comes within milliseconds. */
Test(pod_worker, name_that_may_come_back_is_seen_leaving_for_a_while)
{
	struct world w;
	run_one(&w, ONE);
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:30Z'", "{}");
	STEP(&w, "signal c 0 15");
	ended(&w, "c", 0, 0);
	STEP(&w, "remove");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 250);
	pass(&w, 249);
	STEP(&w, "");
	pass(&w, 1);
	STEP(&w, "delete");
	end(&w);
}

Test(pod_worker, pod_whose_name_was_generated_leaves_at_once)
{
	struct world w;
	run_one(&w, ONE);
	desire(&w, ONE, ",'generateName':'web-','deletionTimestamp':'2026-11-24T10:00:30Z'", "{}");
	STEP(&w, "signal c 0 15");
	ended(&w, "c", 0, 0);
	STEP(&w, "remove");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "delete");
	end(&w);
}

Test(pod_worker, deletion_before_any_start_fails_the_pod_and_deletes_it)
{
	struct world w;
	begin(&w, ONE);
	desire(&w, ONE, ",'generateName':'web-','deletionTimestamp':'2026-11-24T10:00:30Z'", "{}");
	STEP(&w, "delete");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'ContainerCreating'");
	end(&w);
}

Test(pod_worker, deletion_while_the_sandbox_comes_up_waits_for_it)
{
	struct world w;
	begin(&w, ONE);
	STEP(&w, "sandbox");
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:30Z'", "{}");
	STEP(&w, "");
	up(&w);
	STEP(&w, "remove");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	pass(&w, 250);
	STEP(&w, "delete");
	end(&w);
}

Test(pod_worker, object_that_vanishes_ends_the_pod_and_is_forgotten)
{
	struct world w;
	run_one(&w, "'terminationGracePeriodSeconds':3," ONE);
	pod_worker_gone(w.w);
	STEP(&w, "signal c 0 15");
	cr_expect_eq(w.plan.status.len, 0);
	pass(&w, 3000);
	STEP(&w, "signal c 0 9");
	ended(&w, "c", 0, 137);
	STEP(&w, "remove");
	cr_expect_not(w.plan.done);
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "forget");
	cr_expect(w.plan.done);
	end(&w);
}

Test(pod_worker, deadline_ends_the_pod_as_DeadlineExceeded)
{
	struct world w;
	run_one(&w, "'activeDeadlineSeconds':60,'terminationGracePeriodSeconds':2," ONE);
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 60000);
	pass(&w, 60000);
	STEP(&w, "signal c 0 15");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	cr_expect_str_eq(part(&w, "reason"), "none");
	ended(&w, "c", 0, 0);
	STEP(&w, "remove");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'", "in spite of its exit 0");
	cr_expect_str_eq(part(&w, "reason"), "'DeadlineExceeded'");
	cr_expect_str_eq(part(&w, "message"),
			 "'Pod was active on the node longer than the specified deadline'");
	end(&w);
}

Test(pod_worker, refused_pod_fails_with_the_reason)
{
	struct world w;
	begin(&w, ONE);
	pod_worker_refuse(w.w, "OutOfpods", "Node didn't have enough resource: pods");
	STEP(&w, "");
	cr_expect_not(pod_worker_counts(w.w));
	cr_expect_str_eq(part(&w, "containerStatuses"), "none", "nothing of it was ever here");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	cr_expect_str_eq(part(&w, "reason"), "'OutOfpods'");
	end(&w);
}

Test(pod_worker, pod_that_goes_for_the_nodes_sake_is_told_apart)
{
	struct world w;
	run_one(&w, ONE);
	pod_worker_disrupt(w.w, "Evicted", "no memory");
	STEP(&w, "signal c 0 15");
	cr_expect_str_eq(condition(&w, "DisruptionTarget", "reason"), "'TerminationByKubelet'");
	cr_expect_str_eq(condition(&w, "DisruptionTarget", "message"), "'no memory'");
	const char *since = condition(&w, "DisruptionTarget", "lastTransitionTime");
	pass(&w, 5000);
	ended(&w, "c", 0, 143);
	STEP(&w, "remove");
	cr_expect_str_eq(condition(&w, "DisruptionTarget", "lastTransitionTime"), since);
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	end(&w);
	run_one(&w, ONE);
	pod_worker_evict(w.w, "Evicted", "it wrote too much");
	STEP(&w, "signal c 0 15");
	cr_expect_str_eq(condition(&w, "DisruptionTarget", "reason"), "no such condition");
	end(&w);
}

/* Its volumes and its address are others' to have, its object and logs stay. */
Test(pod_worker, pod_that_has_ended_is_retired_once)
{
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.has_volumes = true;
	begin_as(&w, "'restartPolicy':'Never'," ONE, "{'phase':'Pending'}");
	STEP(&w, "sandbox");
	up(&w);
	STEP(&w, "start c 0");
	started(&w, "c", 0);
	STEP(&w, "");
	ended(&w, "c", 0, 0);
	STEP(&w, "remove");
	cr_expect_not(pod_worker_over(w.w));
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "retire");
	STEP(&w, "");
	cr_expect_not(pod_worker_over(w.w), "what it had is still there");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_RETIRED});
	STEP(&w, "");
	cr_expect(pod_worker_over(w.w));
	cr_expect_str_eq(part(&w, "phase"), "'Succeeded'");
	pod_worker_gone(w.w);
	STEP(&w, "forget");
	end(&w);
}

Test(pod_worker, pod_that_is_deleted_needs_not_be_retired)
{
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.has_volumes = true;
	begin_as(&w, ONE, "{'phase':'Pending'}");
	STEP(&w, "sandbox");
	up(&w);
	STEP(&w, "start c 0");
	started(&w, "c", 0);
	STEP(&w, "");
	desire(&w, ONE, ",'deletionTimestamp':'2026-11-24T10:00:00Z','deletionGracePeriodSeconds':30",
	       "{'phase':'Running'}");
	STEP(&w, "signal c 0 15");
	ended(&w, "c", 0, 143);
	STEP(&w, "remove");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	pass(&w, 250);
	STEP(&w, "delete");
	cr_expect(pod_worker_over(w.w));
	end(&w);
}

/* ---- losses and adoption */

Test(pod_worker, lost_sandbox_loses_containers_and_begins_anew)
{
	struct world w;
	begin(&w, INIT);
	step(&w);
	up(&w);
	step(&w);
	started(&w, "i1", 0);
	ended(&w, "i1", 0, 0);
	step(&w);
	started(&w, "i2", 0);
	ended(&w, "i2", 0, 0);
	STEP(&w, "start c 0; start d 0");
	started(&w, "c", 0);
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "sandbox");
	cr_expect_str_eq(main_part(&w, "state.terminated.exitCode"), "137");
	cr_expect_str_eq(main_part(&w, "state.terminated.reason"), "'ContainerStatusUnknown'");
	up(&w);
	STEP(&w, "start i1 1"); /* what it prepared is gone */
	started(&w, "i1", 1);
	ended(&w, "i1", 1, 0);
	step(&w);
	started(&w, "i2", 1);
	ended(&w, "i2", 1, 0);
	STEP(&w, "start c 1; start d 0");
	end(&w);
}

Test(pod_worker, lost_sandbox_fails_a_pod_that_never_restarts)
{
	struct world w;
	run_one(&w, "'restartPolicy':'Never'," ONE);
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	end(&w);
}

#define RAN                                                                                        \
	"{'phase':'Running','startTime':'2026-11-24T08:00:00Z','podIP':'127.0.1.9','podIPs':"      \
	"[{'ip':'127.0.1.9'}],'conditions':[{'type':'Ready','status':'True',"                      \
	"'lastTransitionTime':'2026-11-24T08:00:05Z'},{'type':'gate/x','status':'False'}],"        \
	"'containerStatuses':[{'name':'c','state':{'running':{'startedAt':"                        \
	"'2026-11-24T08:00:04Z'}},'lastState':{'terminated':{'exitCode':4,'reason':'Error',"       \
	"'startedAt':'2026-11-24T08:00:01Z','finishedAt':'2026-11-24T08:00:02Z'}},'ready':true,"   \
	"'restartCount':5,'image':'img:1','imageID':'sha256:1','started':true}],"                  \
	"'nominatedNodeName':'n9'}"

Test(pod_worker, adopts_what_runs_without_a_word)
{
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.found = true;
	begin_as(&w, ONE, RAN);
	STEP(&w, "attach");
	cr_expect_eq(w.plan.status.len, 0, "nothing is said before it was looked at");
	STEP(&w, "");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_ENDED, .name = "c", .attempt = 4,
					     .code = 4, .started_us = WALL - 7199000000,
					     .finished_us = WALL - 7198000000});
	observe(&w, (struct pod_observation){.kind = POD_SEEN_STARTED, .name = "c", .attempt = 5,
					     .started_us = WALL - 7196000000,
					     .image_id = "sha256:1"});
	up(&w);
	STEP(&w, "");
	cr_expect_eq(w.plan.event_count, 0);
	cr_expect_str_eq(part(&w, "startTime"), "'2026-11-24T08:00:00Z'");
	cr_expect_str_eq(condition(&w, "Ready", "lastTransitionTime"), "'2026-11-24T08:00:05Z'");
	cr_expect_str_eq(condition(&w, "gate/x", "status"), "'False'");
	cr_expect_str_eq(part(&w, "nominatedNodeName"), "'n9'");
	cr_expect_str_eq(main_part(&w, "restartCount"), "5");
	cr_expect_str_eq(main_part(&w, "lastState.terminated.exitCode"), "4");
	ended(&w, "c", 5, 1);
	STEP(&w, "start c 6");
	end(&w);
}

Test(pod_worker, end_that_nobody_saw_is_found_when_adopting)
{
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.found = true;
	begin_as(&w, "'restartPolicy':'Never'," ONE, RAN);
	STEP(&w, "attach");
	ended(&w, "c", 5, 9);
	up(&w);
	STEP(&w, "remove");
	cr_expect_str_eq(main_part(&w, "state.terminated.exitCode"), "9");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	end(&w);
}

Test(pod_worker, container_that_only_its_status_knows_is_lost)
{
	struct world w;
	memset(&w, 0, sizeof w); /* nothing of it is on this machine */
	begin_as(&w, ONE, RAN);
	STEP(&w, "sandbox");
	cr_expect_str_eq(main_part(&w, "state.terminated.reason"), "'ContainerStatusUnknown'");
	cr_expect_str_eq(main_part(&w, "restartCount"), "5");
	up(&w);
	STEP(&w, "start c 6");
	end(&w);
}

Test(pod_worker, finished_pod_stays_as_it_was_after_a_restart)
{
	struct world w;
	memset(&w, 0, sizeof w);
	begin_as(&w, "'restartPolicy':'Never'," ONE,
		 "{'phase':'Succeeded','startTime':'2026-11-24T08:00:00Z','conditions':[],"
		 "'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':0,"
		 "'reason':'Completed','startedAt':'2026-11-24T08:00:01Z','finishedAt':"
		 "'2026-11-24T08:00:02Z'}},'lastState':{},'ready':false,'restartCount':0,"
		 "'image':'img:1','imageID':''}]}");
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Succeeded'");
	cr_expect_str_eq(main_part(&w, "state.terminated.finishedAt"), "'2026-11-24T08:00:02Z'");
	cr_expect_eq(w.plan.wake_ms, INT64_MAX);
	end(&w);
}

Test(pod_worker, evicted_pod_keeps_its_reason_after_a_restart)
{
	struct world w;
	memset(&w, 0, sizeof w);
	begin_as(&w, ONE, "{'phase':'Failed','reason':'Evicted','message':'no memory'}");
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "containerStatuses"), "none");
	cr_expect_str_eq(part(&w, "reason"), "'Evicted'");
	cr_expect_str_eq(part(&w, "message"), "'no memory'");
	end(&w);
}

/* ---- probes and gates */

#define PROBED                                                                                     \
	"'terminationGracePeriodSeconds':4,'readinessGates':[{'conditionType':'gate/x'}],"         \
	"'containers':[{'name':'c','readinessProbe':{},'startupProbe':{}}]"

Test(pod_worker, probes_and_gates_decide_about_ready)
{
	struct world w;
	memset(&w, 0, sizeof w);
	w.cfg.probes = true;
	begin_as(&w, PROBED, "{}");
	step(&w);
	up(&w);
	step(&w);
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "started"), "false");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_STARTUP, .name = "c"});
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "started"), "true");
	cr_expect_str_eq(main_part(&w, "ready"), "false");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_READY, .name = "c", .good = true});
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "ready"), "true");
	cr_expect_str_eq(condition(&w, "ContainersReady", "status"), "'True'");
	cr_expect_str_eq(condition(&w, "Ready", "message"),
			 "'corresponding condition of pod readiness gate 'gate/x' does not exist.'");
	desire(&w, PROBED, "", "{'conditions':[{'type':'gate/x','status':'True'}]}");
	STEP(&w, "");
	cr_expect_str_eq(condition(&w, "Ready", "status"), "'True'");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_UNHEALTHY, .name = "c"});
	STEP(&w, "signal c 0 15");
	ended(&w, "c", 0, 143);
	STEP(&w, "start c 1");
	end(&w);
}

Test(pod_worker, ephemeral_container_runs_once_and_counts_for_nothing)
{
	struct world w;
	run_one(&w, ONE);
	desire(&w, ONE ",'ephemeralContainers':[{'name':'dbg','image':'x'}]", "", "{}");
	STEP(&w, "start dbg 0");
	started(&w, "dbg", 0);
	ended(&w, "dbg", 0, 1);
	STEP(&w, "");
	cr_expect_str_eq(part(&w, "phase"), "'Running'");
	cr_expect_str_eq(in_item(&w, "ephemeralContainerStatuses", 0, "state.terminated.exitCode"),
			 "1");
	end(&w);
}

Test(pod_worker, lost_status_is_reported_again)
{
	struct world w;
	run_one(&w, ONE);
	STEP(&w, "");
	cr_expect_eq(w.plan.status.len, 0);
	pod_worker_status_lost(w.w);
	STEP(&w, "");
	cr_expect(w.plan.status.len > 0);
	end(&w);
}

Test(pod_worker, refuses_another_pod_of_the_same_name)
{
	struct world w;
	run_one(&w, ONE);
	struct span o = object_of(&w.a, "{'metadata':{'name':'web','uid':'u2'}}");
	struct bytes *b = bytes_copy(o.data, o.len);
	cr_expect_eq(pod_worker_desired(w.w, b, NULL), ERR_INVALID);
	bytes_unref(b);
	STEP(&w, "");
	end(&w);
}

/* ---- images */

static void begin_with_images(struct world *w, const char *spec)
{
	memset(w, 0, sizeof *w);
	w->cfg.from_image = true;
	begin_as(w, spec, "{'phase':'Pending'}");
	STEP(w, "sandbox");
	up(w);
}

static void image(struct world *w, bool good, const char *reason, const char *text)
{
	observe(w, (struct pod_observation){.kind = POD_SEEN_IMAGE, .name = "c", .good = good,
					    .reason = reason, .text = text});
}

Test(pod_worker, image_comes_before_each_start)
{
	struct world w;
	begin_with_images(&w, ONE);
	STEP(&w, "image c img:1");
	STEP(&w, "");
	image(&w, true, NULL, NULL);
	STEP(&w, "start c 0");
	cr_expect_str_eq(event(&w, "Pulled")->message,
			 "Container image \"img:1\" already present on machine");
	started(&w, "c", 0);
	STEP(&w, "");
	cr_expect_str_eq(event(&w, "Created")->message, "Created container: c");
	ended(&w, "c", 0, 1);
	STEP(&w, "image c img:1");
	image(&w, true, NULL, NULL);
	STEP(&w, "start c 1");
	end(&w);
}

Test(pod_worker, pull_that_fails_backs_off_and_is_told)
{
	struct world w;
	begin_with_images(&w, "'containers':[{'name':'c','image':'img:1','imagePullPolicy':'Always'}]");
	STEP(&w, "image c img:1 always");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_PULLING, .name = "c"});
	image(&w, false, NULL, "no such host");
	STEP(&w, "");
	cr_expect_str_eq(event(&w, "Pulling")->message, "Pulling image \"img:1\"");
	cr_expect_str_eq(event(&w, "Failed")->message, "Failed to pull image \"img:1\": no such host");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'ErrImagePull'");
	pass(&w, 1000);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'ImagePullBackOff'");
	cr_expect_str_eq(main_part(&w, "state.waiting.message"),
			 "'Back-off pulling image 'img:1': no such host'");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 9000);
	pass(&w, 8999);
	STEP(&w, "");
	pass(&w, 1);
	STEP(&w, "image c img:1 always");
	image(&w, false, NULL, "no such host");
	pass(&w, 1000);
	STEP(&w, "");
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 19000, "twice as long");
	pass(&w, 19000);
	STEP(&w, "image c img:1 always");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_IMAGE, .name = "c", .good = true,
					     .pulled = true, .pull_ms = 1234, .wait_ms = 2000,
					     .image_bytes = 77});
	STEP(&w, "start c 0");
	cr_expect_str_eq(event(&w, "Pulled")->message,
			 "Successfully pulled image \"img:1\" in 1.234s (2s including waiting). "
			 "Image size: 77 bytes.");
	end(&w);
}

Test(pod_worker, image_that_is_never_pulled_is_not_called_a_failed_pull)
{
	struct world w;
	begin_with_images(&w, "'containers':[{'name':'c','image':'img:1','imagePullPolicy':'Never'}]");
	STEP(&w, "image c img:1 never");
	image(&w, false, "ErrImageNeverPull", "not present");
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'ErrImageNeverPull'");
	cr_expect_str_eq(event(&w, "ErrImageNeverPull")->message, "not present");
	cr_expect_null(event(&w, "BackOff"));
	pass(&w, 10000);
	STEP(&w, "image c img:1 never");
	image(&w, false, "ErrImageNeverPull", "not present");
	STEP(&w, "");
	cr_expect_eq(w.plan.event_count, 0, "told once");
	end(&w);
}

Test(pod_worker, image_is_asked_for_again_when_the_sandbox_went_meanwhile)
{
	struct world w;
	begin_with_images(&w, ONE);
	STEP(&w, "image c img:1");
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "sandbox");
	up(&w);
	STEP(&w, "image c img:1");
	end(&w);
}

/* ---- resources that change */

#define SIZED(cpu, memory) "'containers':[{'name':'c','image':'img:1','command':['run'],'resizePolicy':[" \
	"{'resourceName':'memory','restartPolicy':'RestartContainer'}],'resources':{'requests':{'cpu':'" cpu \
	"'},'limits':{'memory':'" memory "'}}}]"
#define HAS(cpu, memory) "{'limits':{'memory':'" memory "'},'requests':{'cpu':'" cpu "'}}"

static void resize(struct world *w, int generation, const char *spec)
{
	struct span o = object_of(&w->a, arena_printf(&w->a, "{'metadata':{'name':'web','namespace':'shop',"
						      "'uid':'u1','generation':%d},'status':{'phase':'Running'},"
						      "'spec':{%s}}", generation, spec));
	struct bytes *bytes = bytes_copy(o.data, o.len);
	cr_assert_eq(pod_worker_desired(w->w, bytes, NULL), 0);
	bytes_unref(bytes);
}

static void resized(struct world *w, uint32_t attempt, const char *error)
{
	observe(w, (struct pod_observation){.kind = POD_SEEN_RESIZED, .name = "c", .attempt = attempt,
					    .good = !error, .text = error});
}

static const char *object_part(struct world *w, const char *path)
{
	struct mp list, spec;
	size_t n;
	return mp_path(pod_worker_object(w->w), "spec.containers", &list) && !mp_array(&list, &n) &&
			       mp_path(list, path, &spec)
		       ? json_of(&w->a, spec)
		       : "none";
}

Test(pod_worker, resources_are_as_given_until_the_node_has_what_is_wanted)
{
	struct world w;
	run_one(&w, SIZED("100m", "64Mi"));
	cr_expect(!pod_worker_wants(w.w).p);
	resize(&w, 4, SIZED("100m", "64Mi"));
	cr_expect(!pod_worker_wants(w.w).p, "nothing else is wanted");
	resize(&w, 5, SIZED("9", "64Mi"));
	cr_expect(pod_worker_wants(w.w).p);
	cr_expect_str_eq(object_part(&w, "resources.requests.cpu"), "'100m'");
	pod_worker_not_resized(w.w, "Deferred", "later", w.now);
	cr_expect(pod_worker_waits_for_room(w.w));
	STEP(&w, "");
	cr_expect_str_eq(condition(&w, "PodResizePending", "reason"), "'Deferred'");
	cr_expect_str_eq(condition(&w, "PodResizePending", "message"), "'later'");
	cr_expect_str_eq(main_part(&w, "allocatedResources.cpu"), "'100m'");
	cr_expect(event(&w, "ResizeDeferred"));
	cr_expect_eq(w.plan.wake_ms, w.now.mono_ms + 30000, "it is asked again");
	/* What is taken back is pending no more. */
	resize(&w, 6, SIZED("100m", "64Mi"));
	cr_expect(!pod_worker_wants(w.w).p);
	STEP(&w, "");
	cr_expect_str_eq(condition(&w, "PodResizePending", "reason"), "no such condition");
	end(&w);
}

Test(pod_worker, what_is_given_reaches_what_runs)
{
	struct world w;
	run_one(&w, SIZED("100m", "64Mi"));
	resize(&w, 4, SIZED("200m", "64Mi"));
	pod_worker_resized(w.w, w.now);
	STEP(&w, "resize c 0");
	cr_expect_str_eq(event(&w, "ResizeStarted")->message,
			 "Pod resize started: {\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{"
			 "\"cpu\":\"200m\"},\"limits\":{\"memory\":\"64Mi\"}}}],\"generation\":4}");
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "status"), "'True'");
	cr_expect_str_eq(main_part(&w, "allocatedResources.cpu"), "'200m'");
	cr_expect_str_eq(main_part(&w, "resources.requests.cpu"), "'100m'", "not yet");
	STEP(&w, "");
	resized(&w, 0, "it is in use");
	STEP(&w, "");
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "reason"), "'Error'");
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "message"), "'it is in use'");
	pass(&w, 5000);
	STEP(&w, "resize c 0");
	resized(&w, 0, NULL);
	STEP(&w, "");
	cr_expect(event(&w, "ResizeCompleted"));
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "status"), "no such condition");
	cr_expect_str_eq(main_part(&w, "resources.requests.cpu"), "'200m'");
	cr_expect_str_eq(main_part(&w, "restartCount"), "0");
	end(&w);
}

Test(pod_worker, a_second_resize_does_not_rest_on_the_answer_to_the_first)
{
	struct world w;
	run_one(&w, SIZED("100m", "64Mi"));
	resize(&w, 4, SIZED("200m", "64Mi"));
	pod_worker_resized(w.w, w.now);
	STEP(&w, "resize c 0");
	resize(&w, 5, SIZED("300m", "64Mi"));
	pod_worker_resized(w.w, w.now);
	STEP(&w, "resize c 0");
	resized(&w, 0, NULL);
	STEP(&w, "");
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "status"), "'True'");
	resized(&w, 0, NULL);
	STEP(&w, "");
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "status"), "no such condition");
	cr_expect_str_eq(main_part(&w, "resources.requests.cpu"), "'300m'");
	end(&w);
}

Test(pod_worker, resize_restarts_where_its_policy_says_so)
{
	struct world w;
	run_one(&w, SIZED("100m", "64Mi"));
	resize(&w, 4, SIZED("100m", "128Mi"));
	pod_worker_resized(w.w, w.now);
	STEP(&w, "signal c 0 15");
	cr_expect_str_eq(event(&w, "Killing")->message, "Container c resize requires restart");
	cr_expect_str_eq(main_part(&w, "resources.limits.memory"), "'64Mi'");
	ended(&w, "c", 0, 143);
	STEP(&w, "start c 1");
	started(&w, "c", 1);
	STEP(&w, "");
	cr_expect_str_eq(main_part(&w, "resources.limits.memory"), "'128Mi'");
	cr_expect_str_eq(main_part(&w, "restartCount"), "1");
	cr_expect_str_eq(condition(&w, "PodResizeInProgress", "status"), "no such condition");
	end(&w);
}

Test(pod_worker, a_new_worker_knows_what_was_given_by_the_status)
{
	struct world w = {0};
	w.cfg.found = true;
	begin_as(&w, SIZED("9", "64Mi"),
		 "{'phase':'Running','startTime':'2026-11-24T09:00:00Z','containerStatuses':[{'name':'c','image':"
		 "'img:1','imageID':'x','restartCount':0,'ready':true,'started':true,'lastState':{},'state':{"
		 "'running':{'startedAt':'2026-11-24T09:00:00Z'}},'resources':" HAS("100m", "64Mi") "}]}");
	cr_expect(pod_worker_wants(w.w).p);
	cr_expect_str_eq(object_part(&w, "resources.requests.cpu"), "'100m'");
	STEP(&w, "attach");
	started(&w, "c", 0);
	up(&w);
	pod_worker_resized(w.w, w.now);
	STEP(&w, "resize c 0");
	end(&w);
}
