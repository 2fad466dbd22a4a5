/* A CronJob and its jobs as facts, and the job that it makes. */
#include <stdio.h>
#include <string.h>

#include "actors/controllers/cronjob_plan.h"
#include "actors/controllers/job_facts.h"
#include "actors/schema/rfc3339.h"

static int64_t time_of(struct span s)
{
	int64_t us;
	return s.len && rfc3339_parse(s, &us) == 0 ? us : 0;
}

/* A job that the controller made: named by the minute that it is for. */
static int64_t scheduled_us(struct mp job)
{
	struct mp m;
	struct span text;
	char end[32];
	if (!mp_path(job, "metadata.annotations", &m) || !mp_find(m, CRONJOB_SCHEDULED, &m) ||
	    mp_str(&m, &text))
		return 0;
	int64_t us = time_of(text);
	struct span name = object_name(job);
	size_t n = (size_t)snprintf(end, sizeof end, "-%lld", (long long)(us / 60000000));
	bool same = name.len > n && memcmp(name.data + name.len - n, end, n) == 0;
	return us > 0 && same ? us : 0;
}

void cronjob_child_read(struct cronjob_child *c, const struct view_object *o)
{
	struct mp job = object_of(o), m;
	*c = (struct cronjob_child){.object = job};
	child_read(&c->child, o);
	if (job_condition(job, "Complete", &m))
		c->end = CRONJOB_COMPLETE;
	else if (job_condition(job, "Failed", &m))
		c->end = CRONJOB_FAILED;
	c->started_us = time_of(mp_path_str(job, "status.startTime"));
	c->completed_us = time_of(mp_path_str(job, "status.completionTime"));
	c->scheduled_us = scheduled_us(job);
}

static void read_facts(const struct view_object *o, void *facts)
{
	cronjob_child_read(facts, o);
}

const struct view_index_spec cronjob_index = {
	.name = "jobs of cron jobs",
	.keys = owners_controller_keys,
	.facts_bytes = sizeof(struct cronjob_child),
	.facts = read_facts,
};

void cronjob_read(struct cronjob_facts *j, struct mp cronjob)
{
	struct span policy = mp_path_str(cronjob, "spec.concurrencyPolicy");
	*j = (struct cronjob_facts){
		.name = object_name(cronjob),
		.schedule = mp_path_str(cronjob, "spec.schedule"),
		.zone = mp_path_str(cronjob, "spec.timeZone"),
		.created_us = time_of(mp_path_str(cronjob, "metadata.creationTimestamp")),
		.last_schedule_us = time_of(mp_path_str(cronjob, "status.lastScheduleTime")),
		.last_success_us = time_of(mp_path_str(cronjob, "status.lastSuccessfulTime")),
		.deadline_s = mp_path_int(cronjob, "spec.startingDeadlineSeconds", -1),
		.keep_successful = mp_path_int(cronjob, "spec.successfulJobsHistoryLimit", -1),
		.keep_failed = mp_path_int(cronjob, "spec.failedJobsHistoryLimit", -1),
		.concurrency = span_is(policy, "Forbid")    ? CRONJOB_FORBID
			       : span_is(policy, "Replace") ? CRONJOB_REPLACE
							    : CRONJOB_ALLOW,
		.suspend = mp_path_bool(cronjob, "spec.suspend", false),
		.deleting = object_is_deleting(cronjob),
	};
	if (!mp_path(cronjob, "status.active", &j->active))
		j->active = (struct mp){0};
}

/* ---- the job that it makes */

struct doc *cronjob_new_job(struct arena *a, struct mp cronjob, const char *name,
			    const char *scheduled)
{
	struct mp m;
	struct span raw;
	struct doc *template = NULL, *job = doc_new(a, DOC_MAP);
	if (!mp_path(cronjob, "spec.jobTemplate", &m) || mp_raw(&m, &raw) ||
	    doc_from_mp(a, mp_of(object_copy(a, raw)), &template, NULL))
		return NULL;
	const struct doc *from = doc_get(template, "metadata");
	doc_set_str(a, job, "apiVersion", "batch/v1");
	doc_set_str(a, job, "kind", "Job");
	struct doc *meta = doc_set(a, job, "metadata", doc_new(a, DOC_MAP));
	doc_set_str(a, meta, "name", name);
	if (doc_get(from, "labels"))
		doc_set(a, meta, "labels", doc_copy(a, doc_get(from, "labels")));
	if (doc_get(from, "annotations"))
		doc_set(a, meta, "annotations", doc_copy(a, doc_get(from, "annotations")));
	doc_set_str(a, doc_need_map(a, meta, "annotations"), CRONJOB_SCHEDULED, scheduled);
	doc_add(doc_set(a, meta, "ownerReferences", doc_new(a, DOC_ARRAY)),
		owners_new_ref(a, cronjob));
	if (doc_get(template, "spec"))
		doc_set(a, job, "spec", doc_copy(a, doc_get(template, "spec")));
	return job;
}
