/* What a job is to do, from facts. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/controllers/job_plan.h"
#include "actors/controllers/job_pod.h"
#include "tests/lib/doc_text.h"
#include "tests/lib/made_object.h"

enum { MAX = 700 };

struct made {
	struct arena arena;
	struct made_values values;
	struct mp job;
	struct job_facts j;
	struct job_pod pods[MAX];
	size_t count;
	int64_t now_us;
	struct job_plan p;
};

static void job(struct made *m, const char *spec, const char *status)
{
	const char *text = arena_printf(
		&m->arena,
		"{'metadata':{'name':'j','namespace':'d','uid':'u'},'spec':{%s},'status':{%s}}", spec,
		status);
	m->job = made_mp(&m->arena, text);
	job_read(&m->j, m->job);
	m->now_us = made_us("12:00:00");
}

/* uid and name are of the pod; `meta` and `status` begin with a comma. */
static struct job_pod *pod(struct made *m, const char *name, const char *phase, const char *meta,
			   const char *status)
{
	struct job_pod *p = &m->pods[m->count++];
	struct view_object *o = made_object(
		&m->values, &m->arena,
		arena_printf(&m->arena,
			     "{'metadata':{'name':'%s','namespace':'d','uid':'%s',"
			     "'creationTimestamp':'2030-01-01T11:00:00Z'%s%s},"
			     "'spec':{'nodeName':'n1'},'status':{'phase':'%s'%s}}",
			     name, name,
			     strstr(meta, "'finalizers'") ? ""
							  : ",'finalizers':['" JOB_FINALIZER "']",
			     meta, phase, status));
	job_pod_read(p, o);
	p->replica.child.key = p->replica.child.name;
	p->replica.child.owned = p->replica.child.selected = true;
	return p;
}

static const struct job_plan *plan(struct made *m)
{
	job_plan(&m->arena, &m->j, m->pods, m->count, m->now_us, &m->p);
	return &m->p;
}

#define NO_FINALIZER ",'finalizers':[]"
#define DELETING                                                                                   \
	",'deletionTimestamp':'2030-01-01T11:59:30Z','deletionGracePeriodSeconds':30"
#define INDEX(n) ",'annotations':{'" JOB_INDEX "':'" #n "'}"
#define ENDED(time) ",'containerStatuses':[{'name':'c','state':{'terminated':{"                    \
		    "'exitCode':1,'finishedAt':'2030-01-01T" time "Z'}}}]"

/* ---- how many there are */

static void join(void *text, struct span under)
{
	buf_append(text, under.data, under.len);
	buf_putc(text, ' ');
}

/* Most pods are other kinds', and what is known of each for a job is large. */
Test(job_plan, knows_pods_of_jobs_and_those_that_it_may_adopt)
{
	struct arena a = {0};
	struct buf b = {0};
	static const char *const kinds[] = {"Job", "ReplicaSet", "ReplicationController"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		job_pod_index.keys(made_mp(&a, arena_printf(&a,
			"{'metadata':{'namespace':'d','ownerReferences':[{'kind':'%s','uid':'%zu',"
			"'controller':true}]}}", kinds[i], i)), join, &b);
	job_pod_index.keys(made_mp(&a, "{'metadata':{'namespace':'d'}}"), join, &b);
	cr_expect_str_eq(buf_text(&b), "0 in/d ");
	buf_fini(&b);
	arena_fini(&a);
}

Test(job_plan, makes_as_many_as_may_run_and_no_more_than_are_left_to_do)
{
	struct made m = {0};
	job(&m, "'parallelism':3,'completions':10", "");
	cr_expect_eq(plan(&m)->create_count, 3);
	cr_expect_eq(m.p.create[0].index, JOB_NO_INDEX);
	cr_expect_eq(m.p.status.active, 3, "they are told of in the same plan");
	cr_expect_eq(m.p.status.started_us, m.now_us);
	job(&m, "'parallelism':3,'completions':10", "'succeeded':9");
	cr_expect_eq(plan(&m)->create_count, 1);
	pod(&m, "a", "Running", "", "");
	cr_expect_eq(plan(&m)->create_count, 0);
	job(&m, "'parallelism':100000,'completions':100000", "");
	cr_expect_eq(plan(&m)->create_count, JOB_BATCH);
	job(&m, "'parallelism':0,'completions':3", "");
	m.count = 0;
	cr_expect_eq(plan(&m)->create_count, 0);
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON);
	made_end(&m.values, &m.arena);
}

Test(job_plan, without_completions_one_success_ends_it_when_all_have_ended)
{
	struct made m = {0};
	job(&m, "'parallelism':2", "");
	pod(&m, "a", "Succeeded", "", "");
	pod(&m, "b", "Running", "", "");
	cr_expect_eq(plan(&m)->create_count, 0, "nothing new after a success");
	cr_expect_eq(m.p.mark.count + m.p.remove.count, 0, "and what runs may go on");
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON);
	m.pods[1].replica.ended = m.pods[1].succeeded = true;
	cr_expect_eq(plan(&m)->status.verdict, JOB_SUCCEEDS);
	made_end(&m.values, &m.arena);
}

Test(job_plan, too_many_are_marked_first_and_then_those_that_are_marked_go)
{
	struct made m = {0};
	job(&m, "'parallelism':1,'completions':5", "");
	pod(&m, "a", "Running", "", "");
	pod(&m, "b", "Pending", "", "");
	pod(&m, "c", "Running", "", "");
	plan(&m);
	cr_assert_eq(m.p.mark.count, 2);
	cr_expect(span_is(m.p.mark.list[0]->replica.child.name, "b"), "what does not run yet");
	cr_expect_eq(m.p.remove.count, 0);
	m.pods[0].chosen = true; /* by a former plan */
	plan(&m);
	cr_expect_eq(m.p.remove.count, 1);
	cr_expect(span_is(m.p.remove.list[0]->replica.child.name, "a"));
	cr_expect_eq(m.p.mark.count, 1);
	made_end(&m.values, &m.arena);
}

Test(job_plan, what_it_deletes_as_too_many_counts_as_nothing_however_it_ends)
{
	struct made m = {0};
	job(&m, "'parallelism':1,'completions':5", "");
	pod(&m, "a", "Succeeded", DELETING ",'annotations':{'" JOB_CHOSEN "':'true'}", "");
	pod(&m, "b", "Running", DELETING ",'annotations':{'" JOB_CHOSEN "':'true'}", "");
	plan(&m);
	cr_expect_eq(m.p.untrack.count, 2);
	cr_expect_eq(m.p.status.uncounted_succeeded.count + m.p.status.uncounted_failed.count, 0);
	cr_expect_eq(m.p.create_count, 1);
	/* It had ended before: that deletion was not the job's. */
	pod(&m, "c", "Succeeded", DELETING ",'annotations':{'" JOB_CHOSEN "':'true'}",
	    ENDED("11:58:00"));
	cr_expect_eq(plan(&m)->status.uncounted_succeeded.count, 1);
	m.count--;
	/* Marked and not deleted: it is as any other. */
	m.pods[0].replica.child.deleting = false;
	cr_expect_eq(plan(&m)->status.uncounted_succeeded.count, 1);
	made_end(&m.values, &m.arena);
}

Test(job_plan, adopts_before_it_makes_and_lets_go_what_is_not_selected)
{
	struct made m = {0};
	job(&m, "'parallelism':1,'completions':1", "");
	pod(&m, "a", "Running", NO_FINALIZER, "")->replica.child.owned = false;
	pod(&m, "b", "Running", "", "")->replica.child.selected = false;
	plan(&m);
	cr_expect_eq(m.p.adopt.count, 1);
	cr_expect_eq(m.p.release.count, 1);
	cr_expect_eq(m.p.create_count, 0);
	m.pods[0].replica.child.deleting = true;
	cr_expect_eq(plan(&m)->adopt.count, 0);
	made_end(&m.values, &m.arena);
}

/* ---- counting */

Test(job_plan, counts_in_three_steps)
{
	struct made m = {0};
	const char *spec = "'parallelism':2,'completions':3";
	job(&m, spec, "");
	pod(&m, "s", "Succeeded", "", "");
	pod(&m, "f", "Failed", "", ENDED("11:00:00"));
	plan(&m); /* 1: uids */
	cr_assert_eq(m.p.status.uncounted_succeeded.count, 1);
	cr_assert_eq(m.p.status.uncounted_failed.count, 1);
	cr_expect(span_is(m.p.status.uncounted_succeeded.list[0], "s"));
	cr_expect_eq(m.p.untrack.count, 0, "not before it is written");
	cr_expect_eq(m.p.status.succeeded + m.p.status.failed, 0);
	job(&m, spec, "'uncountedTerminatedPods':{'succeeded':['s'],'failed':['f']}");
	plan(&m); /* 2: finalizers */
	cr_expect_eq(m.p.untrack.count, 2);
	cr_expect_eq(m.p.status.uncounted_succeeded.count, 1);
	cr_expect_eq(m.p.status.succeeded + m.p.status.failed, 0);
	m.pods[0].tracked = false; /* one of them is through */
	plan(&m); /* 3: numbers */
	cr_expect_eq(m.p.untrack.count, 1);
	cr_expect_eq(m.p.status.succeeded, 1);
	cr_expect_eq(m.p.status.uncounted_succeeded.count, 0);
	cr_expect_eq(m.p.status.uncounted_failed.count, 1);
	job(&m, spec, "'succeeded':1,'failed':1,'uncountedTerminatedPods':{}");
	m.pods[1].tracked = false;
	plan(&m); /* and never again */
	cr_expect_eq(m.p.status.succeeded, 1);
	cr_expect_eq(m.p.status.failed, 1);
	cr_expect_eq(m.p.status.uncounted_succeeded.count + m.p.status.uncounted_failed.count, 0);
	made_end(&m.values, &m.arena);
}

Test(job_plan, a_pod_that_is_gone_counts_when_its_uid_was_written)
{
	struct made m = {0};
	job(&m, "'completions':3", "'succeeded':1,'uncountedTerminatedPods':{'succeeded':['x']}");
	cr_expect_eq(plan(&m)->status.succeeded, 2);
	made_end(&m.values, &m.arena);
}

Test(job_plan, writes_so_many_uids_at_a_time)
{
	struct made m = {0};
	char names[MAX][8];
	job(&m, "'parallelism':700,'completions':700", "");
	for (int i = 0; i < MAX; i++) {
		snprintf(names[i], sizeof names[i], "p%d", i);
		pod(&m, names[i], "Succeeded", "", "");
	}
	plan(&m);
	cr_expect_eq(m.p.status.uncounted_succeeded.count, JOB_UNCOUNTED_MAX);
	cr_expect_eq(m.p.status.verdict, JOB_SUCCEEDS);
	cr_expect_not(m.p.status.finished);
	made_end(&m.values, &m.arena);
}

Test(job_plan, what_others_delete_has_failed_unless_its_end_is_waited_for)
{
	struct made m = {0};
	job(&m, "'completions':2", "");
	struct job_pod *p = pod(&m, "a", "Running", DELETING, "");
	cr_expect_eq(plan(&m)->status.uncounted_failed.count, 1);
	cr_expect_eq(m.p.status.terminating, 1);
	job(&m, "'completions':2,'podReplacementPolicy':'Failed'", "");
	cr_expect_eq(plan(&m)->status.uncounted_failed.count, 0);
	cr_expect_eq(m.p.create_count, 0, "no other before it has ended");
	p->replica.node = (struct span){0}; /* never got so far as to run */
	cr_expect_eq(plan(&m)->status.uncounted_failed.count, 1);
	cr_expect_eq(m.p.status.terminating, 0);
	made_end(&m.values, &m.arena);
}

/* ---- how it ends */

Test(job_plan, is_complete_only_when_that_was_decided_and_all_is_counted)
{
	struct made m = {0};
	const char *met = "'conditions':[{'type':'SuccessCriteriaMet','status':'True','reason':'R',"
			  "'message':'M'}],";
	job(&m, "'completions':1", "");
	pod(&m, "a", "Succeeded", "", "");
	cr_expect_eq(plan(&m)->status.verdict, JOB_SUCCEEDS);
	cr_expect_str_eq(m.p.status.reason, "CompletionsReached");
	cr_expect_not(m.p.status.finished);
	job(&m, "'completions':1",
	    arena_printf(&m.arena, "%s'uncountedTerminatedPods':{'succeeded':['a']}", met));
	plan(&m);
	cr_expect_not(m.p.status.finished);
	cr_expect_eq(m.p.untrack.count, 1);
	m.pods[0].tracked = false;
	plan(&m);
	cr_expect(m.p.status.finished);
	cr_expect_eq(m.p.status.succeeded, 1);
	cr_expect_str_eq(m.p.status.reason, "R", "as it was decided");
	/* Afterwards it does nothing but let go. */
	job(&m, "'completions':5", "'conditions':[{'type':'Complete','status':'True'}]");
	m.pods[0].tracked = true;
	plan(&m);
	cr_expect(m.p.nothing);
	cr_expect_eq(m.p.untrack.count, 1);
	cr_expect_eq(m.p.create_count, 0);
	made_end(&m.values, &m.arena);
}

Test(job_plan, fails_by_number_of_failures_and_takes_the_others_along)
{
	struct made m = {0};
	const char *target = "'failed':2,'conditions':[{'type':'FailureTarget','status':'True',"
			     "'reason':'BackoffLimitExceeded'}]";
	job(&m, "'parallelism':2,'completions':4,'backoffLimit':1", "'failed':1");
	pod(&m, "r", "Running", "", "");
	plan(&m);
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON, "as many as are allowed");
	pod(&m, "f", "Failed", "", "");
	plan(&m);
	cr_expect_eq(m.p.status.verdict, JOB_FAILS);
	cr_expect_str_eq(m.p.status.reason, "BackoffLimitExceeded");
	cr_expect_str_eq(m.p.status.message, "Job has reached the specified backoff limit");
	cr_expect_eq(m.p.create_count + m.p.remove.count, 0, "first it is written");
	m.count = 1;
	job(&m, "'parallelism':2,'completions':4,'backoffLimit':1", target);
	plan(&m);
	cr_expect_eq(m.p.remove.count, 1);
	cr_expect_eq(m.p.status.uncounted_failed.count, 0);
	m.pods[0].replica.child.deleting = true;
	plan(&m);
	cr_expect_eq(m.p.status.uncounted_failed.count, 1, "what is taken along has failed");
	cr_expect_not(m.p.status.finished);
	m.count = 0;
	cr_expect(plan(&m)->status.finished);
	made_end(&m.values, &m.arena);
}

Test(job_plan, restarts_in_place_are_failures)
{
	struct made m = {0};
	const char *spec = "'completions':1,'backoffLimit':3,"
			   "'template':{'spec':{'restartPolicy':'OnFailure'}}";
	job(&m, spec, "");
	pod(&m, "a", "Running", "",
	    ",'initContainerStatuses':[{'restartCount':1}],'containerStatuses':[{'restartCount':1}]");
	cr_expect_eq(plan(&m)->status.verdict, JOB_GOES_ON);
	m.pods[0].restarts++;
	cr_expect_eq(plan(&m)->status.verdict, JOB_FAILS);
	made_end(&m.values, &m.arena);
}

Test(job_plan, fails_when_its_time_is_over)
{
	struct made m = {0};
	job(&m, "'activeDeadlineSeconds':60", "'startTime':'2030-01-01T11:59:30Z'");
	pod(&m, "a", "Running", "", "");
	plan(&m);
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON);
	cr_expect_eq(m.p.again_in_us, 30000000);
	m.now_us = made_us("12:00:30");
	plan(&m);
	cr_expect_str_eq(m.p.status.reason, "DeadlineExceeded");
	/* What is resumed while it is deleted waits for nothing. */
	job(&m, "'activeDeadlineSeconds':60",
	    "'startTime':'2030-01-01T10:00:00Z','conditions':[{'type':'Suspended','status':'True'}]");
	m.j.deleting = true;
	plan(&m);
	cr_expect_eq(m.p.again_in_us, 0);
	/* Time does not run while it is suspended. */
	job(&m, "'activeDeadlineSeconds':60,'suspend':true", "'startTime':'2030-01-01T10:00:00Z'");
	plan(&m);
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON);
	cr_expect_eq(m.p.again_in_us, 0);
	made_end(&m.values, &m.arena);
}

/* ---- pauses */

Test(job_plan, waits_longer_after_each_failure_until_one_succeeds)
{
	struct made m = {0};
	job(&m, "'completions':5,'backoffLimit':100", "");
	pod(&m, "a", "Failed", "", ENDED("11:59:55"));
	plan(&m);
	cr_expect_eq(m.p.create_count, 0);
	cr_expect_eq(m.p.again_in_us, 5000000, "10 s after the end");
	pod(&m, "b", "Failed", NO_FINALIZER, ENDED("11:59:50"));
	plan(&m);
	cr_expect_eq(m.p.again_in_us, 15000000, "20 s after the last one");
	m.now_us = made_us("12:00:15");
	cr_expect_eq(plan(&m)->create_count, 1);
	for (int i = 0; i < 20; i++)
		pod(&m, "c", "Failed", NO_FINALIZER, ENDED("12:00:15"));
	cr_expect_eq(plan(&m)->again_in_us, 360000000, "at most six minutes");
	pod(&m, "s", "Succeeded", "", ",'containerStatuses':[{'state':{'terminated':{"
				       "'finishedAt':'2030-01-01T12:00:15Z'}}}]");
	cr_expect_eq(plan(&m)->create_count, 1);
	made_end(&m.values, &m.arena);
}

/* ---- suspended */

Test(job_plan, suspended_it_has_no_pods_and_resumed_it_begins_anew)
{
	struct made m = {0};
	job(&m, "'completions':2,'parallelism':2,'suspend':true",
	    "'startTime':'2030-01-01T11:00:00Z'");
	pod(&m, "a", "Running", "", "");
	plan(&m);
	cr_expect_eq(m.p.mark.count, 1);
	cr_expect_eq(m.p.create_count, 0);
	cr_expect_eq(m.p.status.suspension, JOB_SUSPENDED);
	m.count = 0;
	job(&m, "'completions':2,'parallelism':2",
	    "'startTime':'2030-01-01T11:00:00Z',"
	    "'conditions':[{'type':'Suspended','status':'True'}]");
	plan(&m);
	cr_expect_eq(m.p.status.suspension, JOB_RESUMED);
	cr_expect_eq(m.p.status.started_us, m.now_us);
	cr_expect_eq(m.p.create_count, 2);
	job(&m, "'completions':2,'suspend':true", "");
	cr_expect_eq(plan(&m)->status.started_us, 0, "what never ran has not begun");
	made_end(&m.values, &m.arena);
}

/* ---- indexed */

Test(job_plan, each_index_once_and_what_succeeded_never_again)
{
	struct made m = {0};
	const char *spec = "'parallelism':3,'completions':6,'completionMode':'Indexed'";
	job(&m, spec, "'completedIndexes':'0,1'");
	pod(&m, "a", "Running", INDEX(3), "");
	plan(&m);
	cr_assert_eq(m.p.create_count, 2);
	cr_expect_eq(m.p.create[0].index, 2);
	cr_expect_eq(m.p.create[1].index, 4);
	pod(&m, "b", "Succeeded", INDEX(2), "");
	plan(&m);
	cr_expect_str_eq(m.p.status.completed_indexes, "0-2");
	cr_expect_eq(m.p.status.succeeded, 3);
	cr_expect_eq(m.p.untrack.count, 0, "not before it is written");
	job(&m, spec, "'completedIndexes':'0-2'");
	plan(&m);
	cr_expect_eq(m.p.untrack.count, 1);
	cr_expect_eq(m.p.status.succeeded, 3);
	made_end(&m.values, &m.arena);
}

Test(job_plan, doubles_of_an_index_and_those_out_of_range_go)
{
	struct made m = {0};
	job(&m, "'parallelism':4,'completions':4,'completionMode':'Indexed'", "");
	pod(&m, "a", "Running", INDEX(1), "");
	pod(&m, "b", "Pending", INDEX(1), "");
	pod(&m, "c", "Running", INDEX(9), "");
	pod(&m, "d", "Running", "", "");
	pod(&m, "e", "Running", INDEX(0), "");
	pod(&m, "f", "Running", INDEX(2), "");
	plan(&m);
	cr_assert_eq(m.p.mark.count, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect(memchr("bcd", *m.p.mark.list[i]->replica.child.name.data, 3));
	made_end(&m.values, &m.arena);
}

Test(job_plan, an_index_fails_for_itself)
{
	struct made m = {0};
	const char *spec = "'parallelism':2,'completions':3,'completionMode':'Indexed',"
			   "'backoffLimit':2147483647,'backoffLimitPerIndex':1";
	job(&m, spec, "");
	pod(&m, "a", "Failed", INDEX(0), ENDED("11:59:55"));
	plan(&m);
	cr_assert_eq(m.p.create_count, 2, "others do not wait for it");
	cr_expect_eq(m.p.create[0].index, 1);
	cr_expect_eq(m.p.again_in_us, 5000000);
	cr_expect_eq(m.p.status.uncounted_failed.count, 0,
		     "it stays until another knows how often its index failed");
	m.now_us = made_us("12:00:05");
	plan(&m);
	cr_expect_eq(m.p.create[0].index, 0);
	cr_expect_eq(m.p.create[0].failures, 1);
	pod(&m, "b", "Failed", ",'annotations':{'" JOB_INDEX "':'0','" JOB_FAILURES "':'1'}", "");
	plan(&m);
	cr_expect_str_eq(m.p.status.failed_indexes, "0");
	cr_expect_eq(m.p.status.uncounted_failed.count, 2);
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON);
	job(&m, spec, "'completedIndexes':'1,2'");
	plan(&m);
	cr_expect_str_eq(m.p.status.reason, "FailedIndexes");
	job(&m,
	    "'parallelism':2,'completions':3,'completionMode':'Indexed','backoffLimitPerIndex':0,"
	    "'backoffLimit':2147483647,'maxFailedIndexes':0",
	    "");
	plan(&m);
	cr_expect_str_eq(m.p.status.reason, "MaxFailedIndexesExceeded");
	made_end(&m.values, &m.arena);
}

Test(job_plan, a_success_policy_is_met_by_indexes)
{
	struct made m = {0};
	const char *rules = "'completions':5,'completionMode':'Indexed','parallelism':5,"
			    "'successPolicy':{'rules':[{'succeededIndexes':'1-3','succeededCount':2},"
			    "{'succeededCount':4}]}";
	job(&m, rules, "'completedIndexes':'0,1'");
	cr_expect_eq(plan(&m)->status.verdict, JOB_GOES_ON);
	job(&m, rules, "'completedIndexes':'1,3'");
	plan(&m);
	cr_expect_eq(m.p.status.verdict, JOB_SUCCEEDS);
	cr_expect_str_eq(m.p.status.message, "Matched rules at index 0");
	made_end(&m.values, &m.arena);
}

/* ---- the failure policy */

#define POLICY(action)                                                                             \
	"'completions':2,'backoffLimit':0,'podFailurePolicy':{'rules':[{'action':'Ignore',"        \
	"'onPodConditions':[{'type':'DisruptionTarget','status':'True'}]},{'action':'" action "'," \
	"'onExitCodes':{'containerName':'c','operator':'In','values':[1,42]}}]}"

Test(job_plan, a_failure_is_what_the_policy_says)
{
	struct made m = {0};
	job(&m, POLICY("FailJob"), "");
	pod(&m, "a", "Failed", "", ENDED("11:00:00"));
	plan(&m);
	cr_expect_str_eq(m.p.status.reason, "PodFailurePolicy");
	cr_expect_str_eq(m.p.status.message,
			 "Container c for pod d/a failed with exit code 1 matching FailJob rule at "
			 "index 1");
	job(&m, POLICY("Count"), "");
	cr_expect_str_eq(plan(&m)->status.reason, "BackoffLimitExceeded");
	job(&m, POLICY("Ignore"), "");
	plan(&m);
	cr_expect_eq(m.p.status.verdict, JOB_GOES_ON);
	cr_expect_eq(m.p.untrack.count, 1, "it is let go without being counted");
	cr_expect_eq(m.p.status.uncounted_failed.count, 0);
	m.count = 0;
	job(&m, POLICY("FailJob"), "");
	pod(&m, "b", "Failed", "",
	    ",'conditions':[{'type':'DisruptionTarget','status':'True'}]");
	cr_expect_eq(plan(&m)->status.verdict, JOB_GOES_ON);
	made_end(&m.values, &m.arena);
}

/* ---- while it is deleted */

Test(job_plan, deleted_itself_it_makes_nothing_and_holds_nothing)
{
	struct made m = {0};
	job(&m, "'parallelism':3,'completions':3", "");
	m.j.deleting = true;
	pod(&m, "a", "Running", "", "");
	pod(&m, "b", "Running", "", "")->replica.child.owned = false;
	plan(&m);
	cr_expect_eq(m.p.create_count + m.p.adopt.count + m.p.mark.count + m.p.remove.count, 0);
	cr_expect_eq(m.p.untrack.count, 1);
	made_end(&m.values, &m.arena);
}

/* ---- pods as documents */

Test(job_pod, a_new_one_knows_its_index)
{
	struct made m = {0};
	struct job_create c = {.index = 4, .failures = 2};
	m.job = made_mp(&m.arena,
		      "{'apiVersion':'batch/v1','kind':'Job','metadata':{'name':'j','uid':'u'},"
		      "'spec':{'backoffLimitPerIndex':3,'template':{'metadata':{'labels':{'a':'b'}},"
		      "'spec':{'containers':[{'name':'c','env':[{'name':'X','value':'1'}]}]}}}}");
	struct doc *d = job_pod_new(&m.arena, m.job, &c);
	struct doc *meta = doc_get(d, "metadata");
	cr_expect(doc_str_is(doc_get(meta, "generateName"), "j-4-"));
	cr_expect(doc_str_is(doc_get(doc_get(meta, "labels"), JOB_INDEX), "4"));
	cr_expect(doc_str_is(doc_get(doc_get(meta, "labels"), "a"), "b"));
	cr_expect(doc_str_is(doc_get(doc_get(meta, "annotations"), JOB_INDEX), "4"));
	cr_expect(doc_str_is(doc_get(doc_get(meta, "annotations"), JOB_FAILURES), "2"));
	cr_expect(doc_str_is(doc_path(d, "spec.hostname"), "j-4"));
	cr_expect(doc_str_is(doc_path(d, "metadata.finalizers[0]"), JOB_FINALIZER));
	cr_expect_str_eq(
		text_of(&m.arena, doc_path(d, "spec.containers[0].env[1]")),
		"{\"name\":\"JOB_COMPLETION_INDEX\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
		"\"metadata.labels['batch.kubernetes.io/job-completion-index']\"}}}");
	made_end(&m.values, &m.arena);
}

Test(job_pod, others_finalizers_and_owners_stay)
{
	struct made m = {0};
	struct mp pod = made_mp(&m.arena, "{'metadata':{'uid':'p','finalizers':['x/y','" JOB_FINALIZER
					"'],'ownerReferences':[{'uid':'other'},{'uid':'u'}]}}");
	m.job = made_mp(&m.arena, "{'kind':'Job','metadata':{'name':'j','uid':'u'}}");
	cr_expect_str_eq(text_of(&m.arena, job_pod_untracked(&m.arena, pod)),
			 "{\"metadata\":{\"uid\":\"p\",\"finalizers\":[\"x/y\"]}}");
	cr_expect_str_eq(text_of(&m.arena, job_pod_released(&m.arena, pod, m.job)),
			 "{\"metadata\":{\"uid\":\"p\",\"ownerReferences\":[{\"uid\":\"other\"}],"
			 "\"finalizers\":[\"x/y\"]}}");
	struct doc *d = job_pod_adopted(&m.arena, pod, m.job);
	cr_expect_eq(doc_path(d, "metadata.ownerReferences")->count, 2);
	cr_expect(doc_path_bool(d, "metadata.ownerReferences[1].controller", false));
	cr_expect_eq(doc_path(d, "metadata.finalizers")->count, 2);
	made_end(&m.values, &m.arena);
}

Test(job_facts, a_finished_job_goes_so_long_after_it_finished)
{
	struct made m = {0};
	const char *done = "'conditions':[{'type':'Failed','status':'True',"
			   "'lastTransitionTime':'2030-01-01T12:00:00Z'}]";
	job(&m, "'ttlSecondsAfterFinished':30", done);
	cr_expect_eq(job_expires_us(m.job), made_us("12:00:30"));
	job(&m, "'ttlSecondsAfterFinished':0", done);
	cr_expect_eq(job_expires_us(m.job), made_us("12:00:00"));
	job(&m, "", done);
	cr_expect_eq(job_expires_us(m.job), 0);
	job(&m, "'ttlSecondsAfterFinished':30", "");
	cr_expect_eq(job_expires_us(m.job), 0);
	made_end(&m.values, &m.arena);
}
