/* What a cron job is to do, from facts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "actors/controllers/cronjob_plan.h"
#include "tests/lib/doc_text.h"
#include "tests/lib/made_object.h"

enum { MAX = 20 };

struct made {
	struct arena arena;
	struct made_values values;
	struct mp cronjob;
	struct cronjob_facts j;
	struct cronjob_child jobs[MAX];
	size_t count;
	int64_t now_us;
	struct cronjob_plan p;
};

/* Each ten minutes, unless `spec` says something else. */
static void cronjob(struct made *m, const char *spec, const char *status)
{
	m->cronjob = made_mp(
		&m->arena,
		arena_printf(&m->arena,
			     "{'apiVersion':'batch/v1','kind':'CronJob','metadata':{'name':'cj',"
			     "'namespace':'d','uid':'u','creationTimestamp':'2030-01-01T12:00:30Z'},"
			     "'spec':{%s'schedule':'*/10 * * * *'},'status':{%s}}",
			     spec, status));
	cronjob_read(&m->j, m->cronjob);
}

/* `scheduled`: empty: somebody made it by hand. */
static struct cronjob_child *job(struct made *m, const char *name, const char *scheduled,
				 const char *status)
{
	struct cronjob_child *c = &m->jobs[m->count++];
	struct view_object *o = made_object(
		&m->values, &m->arena,
		arena_printf(&m->arena,
			     "{'metadata':{'name':'%s','namespace':'d','uid':'%s','annotations':{%s%s%s"
			     "}},'status':{%s}}",
			     name, name, *scheduled ? "'" CRONJOB_SCHEDULED "':'2030-01-01T" : "",
			     scheduled, *scheduled ? "Z'" : "", status));
	cronjob_child_read(c, o);
	return c;
}

static const struct cronjob_plan *plan(struct made *m, const char *clock)
{
	m->now_us = made_us(clock);
	cronjob_plan(&m->arena, &m->j, m->jobs, m->count, m->now_us, &m->p);
	return &m->p;
}

static bool noted(const struct made *m, const char *reason)
{
	for (size_t i = 0; i < m->p.note_count; i++)
		if (strcmp(m->p.notes[i].reason, reason) == 0)
			return true;
	return false;
}

#define COMPLETE(time)                                                                             \
	"'startTime':'2030-01-01T" time "Z','completionTime':'2030-01-01T" time "Z',"              \
	"'conditions':[{'type':'Complete','status':'True'}]"
#define FAILED(time)                                                                               \
	"'startTime':'2030-01-01T" time "Z','conditions':[{'type':'Failed','status':'True'}]"

/* 2030-01-01T12:10 is minute 31558330 since 1970. */
static const char FIRST[] = "cj-31558330", SECOND[] = "cj-31558340";

Test(cronjob_plan, starts_when_it_is_time_and_waits_for_the_next)
{
	struct made m = {0};
	cronjob(&m, "", "");
	plan(&m, "12:09:59");
	cr_expect_eq(m.p.start_s, 0);
	cr_expect_eq(m.p.again_in_us, 1000000);
	plan(&m, "12:10:00");
	cr_assert_eq(m.p.start_s, made_us("12:10:00") / 1000000);
	cr_expect_str_eq(m.p.start_name, FIRST);
	cr_expect_str_eq(m.p.start_text, "2030-01-01T12:10:00Z");
	cr_expect_eq(m.p.again_in_us, 600000000);
	/* It is there: it was made, and not written yet. */
	job(&m, FIRST, "12:10:00", "");
	plan(&m, "12:10:01");
	cr_expect_eq(m.p.start_s, 0);
	cr_expect_eq(m.p.last_schedule_us, made_us("12:10:00"));
	cr_expect_eq(m.p.active_count, 1);
	/* Written and gone: it is not made again. */
	m.count = 0;
	cronjob(&m, "", "'lastScheduleTime':'2030-01-01T12:10:00Z'");
	cr_expect_eq(plan(&m, "12:15:00")->start_s, 0);
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, of_many_missed_times_only_the_last_is_started)
{
	struct made m = {0};
	cronjob(&m, "", "'lastScheduleTime':'2030-01-01T12:10:00Z'");
	plan(&m, "13:05:00");
	cr_expect_eq(m.p.start_s, made_us("13:00:00") / 1000000);
	cr_expect_eq(m.p.note_count, 0);
	cronjob(&m, "", "'lastScheduleTime':'2029-12-01T00:00:00Z'");
	plan(&m, "13:05:00");
	cr_expect_eq(m.p.start_s, made_us("13:00:00") / 1000000);
	cr_expect(noted(&m, "TooManyMissedTimes"));
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, what_is_too_late_is_not_started)
{
	struct made m = {0};
	cronjob(&m, "'startingDeadlineSeconds':60,", "");
	cr_expect_neq(plan(&m, "12:10:59")->start_s, 0);
	cr_expect_eq(plan(&m, "12:11:01")->start_s, 0);
	cr_assert(noted(&m, "MissSchedule"));
	cr_expect_str_eq(m.p.notes[0].text, "Missed scheduled time to start a job: Tue, 01 Jan 2030 "
					    "12:10:00 +0000");
	/* Of many missed times only those count that are not too late. */
	cronjob(&m, "'startingDeadlineSeconds':60,", "'lastScheduleTime':'2029-12-01T00:00:00Z'");
	cr_expect_neq(plan(&m, "12:10:59")->start_s, 0);
	cr_expect_eq(m.p.note_count, 0);
	cronjob(&m, "'suspend':true,", "");
	plan(&m, "12:10:00");
	cr_expect_eq(m.p.start_s, 0);
	cr_expect_eq(m.p.again_in_us, 0);
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, forbids_or_replaces_what_still_runs)
{
	struct made m = {0};
	const char *last = "'lastScheduleTime':'2030-01-01T12:10:00Z','active':[{'name':'a','uid':"
			   "'cj-31558330'}]";
	job(&m, FIRST, "12:10:00", "");
	cronjob(&m, "", last);
	cr_expect_neq(plan(&m, "12:20:00")->start_s, 0);
	cronjob(&m, "'concurrencyPolicy':'Forbid',", last);
	plan(&m, "12:20:00");
	cr_expect_eq(m.p.start_s, 0);
	cr_expect(noted(&m, "JobAlreadyActive"));
	cronjob(&m, "'concurrencyPolicy':'Replace',", last);
	plan(&m, "12:20:00");
	cr_expect_eq(m.p.start_s, 0, "first it is deleted");
	cr_assert_eq(m.p.remove_count, 1);
	m.count = 0;
	plan(&m, "12:20:00");
	cr_expect_str_eq(m.p.start_name, SECOND);
	cr_expect_eq(m.p.seen_count, 0, "what it deleted has not gone missing");
	/* Forbidden, it comes when the other is over. */
	cronjob(&m, "'concurrencyPolicy':'Forbid',", last);
	plan(&m, "12:25:00");
	cr_expect_eq(m.p.start_s, made_us("12:20:00") / 1000000);
	cr_expect_str_eq(m.p.seen[0].reason, "MissingJob");
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, sees_jobs_finish_once)
{
	struct made m = {0};
	job(&m, FIRST, "12:10:00", COMPLETE("12:10:02"));
	cronjob(&m, "", "'lastScheduleTime':'2030-01-01T12:10:00Z','active':[{'uid':'cj-31558330'}]");
	plan(&m, "12:11:00");
	cr_assert_eq(m.p.seen_count, 1);
	cr_expect_str_eq(m.p.seen[0].text, "Saw completed job: cj-31558330, condition: Complete");
	cr_expect_eq(m.p.active_count, 0);
	cr_expect_eq(m.p.last_success_us, made_us("12:10:02"));
	cronjob(&m, "", "'lastScheduleTime':'2030-01-01T12:10:00Z'");
	cr_expect_eq(plan(&m, "12:11:00")->seen_count, 0);
	/* So short that it was never seen to run. */
	cronjob(&m, "", "");
	plan(&m, "12:11:00");
	cr_expect_eq(m.p.seen_count, 1);
	cr_expect_eq(m.p.last_schedule_us, made_us("12:10:00"));
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, jobs_by_hand_are_none_of_its_times)
{
	struct made m = {0};
	cronjob(&m, "", "");
	job(&m, "by-hand", "", "");
	plan(&m, "12:05:00");
	cr_expect_eq(m.p.active_count, 0);
	cr_expect_eq(m.p.last_schedule_us, 0);
	cr_expect(noted(&m, "UnexpectedJob"));
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, keeps_the_youngest_of_those_that_finished)
{
	struct made m = {0};
	cronjob(&m, "'successfulJobsHistoryLimit':1,'failedJobsHistoryLimit':0,",
		"'lastScheduleTime':'2030-01-01T12:10:00Z'");
	job(&m, "b", "", COMPLETE("11:00:00"));
	job(&m, "a", "", COMPLETE("12:00:00"));
	job(&m, "c", "", COMPLETE("10:00:00"));
	job(&m, "d", "", FAILED("12:00:00"));
	plan(&m, "12:11:00");
	cr_assert_eq(m.p.remove_count, 3);
	cr_expect(span_is(m.p.remove[0]->child.name, "c"));
	cr_expect(span_is(m.p.remove[1]->child.name, "b"));
	cr_expect(span_is(m.p.remove[2]->child.name, "d"));
	m.j.deleting = true;
	cr_expect_eq(plan(&m, "12:11:00")->remove_count, 0);
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, goes_by_the_clocks_of_its_zone)
{
	struct made m = {0};
	cronjob(&m, "'timeZone':'Asia/Kathmandu',", "");
	plan(&m, "12:05:00"); /* 17:50 there */
	cr_expect_str_eq(m.p.start_text, "2030-01-01T17:50:00+05:45");
	cronjob(&m, "'timeZone':'Mars/Base',", "");
	plan(&m, "12:15:00");
	cr_expect_eq(m.p.start_s, 0);
	cr_assert(noted(&m, "UnknownTimeZone"));
	cr_expect_str_eq(m.p.notes[0].text,
			 "invalid timeZone: \"Mars/Base\": unknown time zone Mars/Base");
	made_end(&m.values, &m.arena);
}

Test(cronjob_plan, the_job_is_the_template_with_its_time)
{
	struct made m = {0};
	struct mp c = made_mp(
		&m.arena,
		"{'apiVersion':'batch/v1','kind':'CronJob','metadata':{'name':'cj','uid':'u'},'spec':{"
		"'jobTemplate':{'metadata':{'labels':{'a':'b'},'annotations':{'x':'y'}},"
		"'spec':{'parallelism':2}}}}");
	struct doc *d = cronjob_new_job(&m.arena, c, "cj-1", "2030-01-01T00:00:00Z");
	cr_expect_str_eq(
		text_of(&m.arena, d),
		"{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"cj-1\","
		"\"labels\":{\"a\":\"b\"},\"annotations\":{\"x\":\"y\",\"" CRONJOB_SCHEDULED
		"\":\"2030-01-01T00:00:00Z\"},\"ownerReferences\":[{\"apiVersion\":\"batch/v1\","
		"\"kind\":\"CronJob\",\"name\":\"cj\",\"uid\":\"u\",\"controller\":true,"
		"\"blockOwnerDeletion\":true}]},\"spec\":{\"parallelism\":2}}");
	made_end(&m.values, &m.arena);
}
