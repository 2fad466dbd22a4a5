/* What changes while a pod runs: probes and gates, images, resources. */
#include "tests/unit/nodes/pod_life.h"

/* ---- probes and gates */

#define PROBED                                                                                     \
	"'terminationGracePeriodSeconds':4,'readinessGates':[{'conditionType':'gate/x'}],"         \
	"'containers':[{'name':'c','readinessProbe':{},'startupProbe':{}}]"

Test(pod_worker_changes, probes_and_gates_decide_about_ready)
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

Test(pod_worker_changes, ephemeral_container_runs_once_and_counts_for_nothing)
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

Test(pod_worker_changes, lost_status_is_reported_again)
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

Test(pod_worker_changes, refuses_another_pod_of_the_same_name)
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

Test(pod_worker_changes, image_comes_before_each_start)
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

Test(pod_worker_changes, pull_that_fails_backs_off_and_is_told)
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

Test(pod_worker_changes, image_that_is_never_pulled_is_not_called_a_failed_pull)
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

Test(pod_worker_changes, image_is_asked_for_again_when_the_sandbox_went_meanwhile)
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

Test(pod_worker_changes, name_on_the_machines_network_is_left_to_the_runtime)
{
	struct world w;
	begin_with_images(&w, "'hostNetwork':true," ONE);
	STEP(&w, "image c img:1");
	image(&w, true, NULL, NULL);
	STEP(&w, "start c 0");
	for (const char *const *v = w.plan.actions[0].command.env; *v; v++)
		cr_expect_neq(strncmp(*v, "HOSTNAME=", 9), 0);
	end(&w);
}

Test(pod_worker_changes, sandbox_that_went_is_told_when_another_is_made)
{
	struct world w;
	run_one(&w, ONE);
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	STEP(&w, "sandbox");
	const struct pod_event *told = event(&w, "SandboxChanged");
	cr_assert(told && !told->warning);
	cr_expect_str_eq(told->message, "Pod sandbox changed, it will be killed and re-created.");
	up(&w);
	step(&w);
	cr_expect_null(event(&w, "SandboxChanged"), "told once");
	end(&w);
	run_one(&w, "'restartPolicy':'Never'," ONE);
	observe(&w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
	step(&w);
	cr_expect_null(event(&w, "SandboxChanged"), "it gets no other");
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

Test(pod_worker_changes, resources_are_as_given_until_the_node_has_what_is_wanted)
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

Test(pod_worker_changes, what_is_given_reaches_what_runs)
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

Test(pod_worker_changes, a_second_resize_does_not_rest_on_the_answer_to_the_first)
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

Test(pod_worker_changes, resize_restarts_where_its_policy_says_so)
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

Test(pod_worker_changes, a_new_worker_knows_what_was_given_by_the_status)
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
