/* The life of a pod, step by step: starts, restarts, configuration, init containers. */
#include "tests/unit/nodes/pod_life.h"

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

Test(pod_worker, environment_has_the_whole_name_of_a_pod_that_wants_it)
{
	struct world w;
	begin(&w, "'hostname':'one','subdomain':'sub','setHostnameAsFQDN':true," ONE);
	step(&w);
	up(&w);
	STEP(&w, "start c 0");
	cr_expect_str_eq(w.plan.actions[0].command.env[0], "HOSTNAME=one.sub.shop.svc.cluster.local");
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
