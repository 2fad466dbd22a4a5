/* How pods end: by deletion, deadline or loss; and what a new agent makes of what it finds. */
#include "tests/unit/nodes/pod_life.h"

/* ---- the end */

Test(pod_worker_ends, deletion_terminates_kills_after_the_grace_and_deletes)
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

Test(pod_worker_ends, deletion_of_a_pod_that_ends_well_is_a_success)
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

Test(pod_worker_ends, grace_can_be_shortened_while_it_runs)
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
Test(pod_worker_ends, name_that_may_come_back_is_seen_leaving_for_a_while)
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

Test(pod_worker_ends, pod_whose_name_was_generated_leaves_at_once)
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

Test(pod_worker_ends, deletion_before_any_start_fails_the_pod_and_deletes_it)
{
	struct world w;
	begin(&w, ONE);
	desire(&w, ONE, ",'generateName':'web-','deletionTimestamp':'2026-11-24T10:00:30Z'", "{}");
	STEP(&w, "delete");
	cr_expect_str_eq(part(&w, "phase"), "'Failed'");
	cr_expect_str_eq(main_part(&w, "state.waiting.reason"), "'ContainerCreating'");
	end(&w);
}

Test(pod_worker_ends, deletion_while_the_sandbox_comes_up_waits_for_it)
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

Test(pod_worker_ends, object_that_vanishes_ends_the_pod_and_is_forgotten)
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

Test(pod_worker_ends, deadline_ends_the_pod_as_DeadlineExceeded)
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

Test(pod_worker_ends, refused_pod_fails_with_the_reason)
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

Test(pod_worker_ends, pod_that_goes_for_the_nodes_sake_is_told_apart)
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

Test(pod_worker_ends, evicted_pod_has_a_second_whatever_it_asks_for)
{
	static void (*const evict[])(struct pod_worker *, const char *, const char *) = {pod_worker_disrupt,
											 pod_worker_evict};
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		run_one(&w, ONE);
		evict[i](w.w, "Evicted", "it is too large");
		STEP(&w, "signal c 0 15");
		pass(&w, 999);
		STEP(&w, "");
		pass(&w, 1);
		STEP(&w, "signal c 0 9");
		end(&w);
	}
}

/* Its volumes and its address are others' to have, its object and logs stay. */
Test(pod_worker_ends, pod_that_has_ended_is_retired_once)
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

Test(pod_worker_ends, pod_that_is_deleted_needs_not_be_retired)
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

Test(pod_worker_ends, lost_sandbox_loses_containers_and_begins_anew)
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

Test(pod_worker_ends, lost_sandbox_fails_a_pod_that_never_restarts)
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

Test(pod_worker_ends, adopts_what_runs_without_a_word)
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

Test(pod_worker_ends, end_that_nobody_saw_is_found_when_adopting)
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

Test(pod_worker_ends, container_that_only_its_status_knows_is_lost)
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

Test(pod_worker_ends, finished_pod_stays_as_it_was_after_a_restart)
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

Test(pod_worker_ends, evicted_pod_keeps_its_reason_after_a_restart)
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
