/* CronJobs: jobs of a template, by a schedule. */
#include "actors/objects/job.h"

#include "actors/objects/meta.h"
#include "actors/objects/pod.h"
#include "actors/objects/warning.h"
#include "actors/schema/cron.h"

enum { NAME_MAX_BYTES = 52 }; /* a job's name has eleven more */

static const struct fill fills[] = {
	DEFAULT_TEXT("spec.concurrencyPolicy", "Allow"),
	DEFAULT_NO("spec.suspend"),
	DEFAULT_NUMBER("spec.successfulJobsHistoryLimit", 3),
	DEFAULT_NUMBER("spec.failedJobsHistoryLimit", 1),
	{0},
};

static void defaults(struct write *w)
{
	/* The job itself is completed when it is made. */
	struct doc *template = doc_path(w->obj, "spec.jobTemplate.spec.template");
	if (template)
		pod_template_defaults(w->a, template);
}

static void check_schedule(struct faults *f, const struct fpath *p, const struct doc *d)
{
	struct cron cron;
	struct err e = {0};
	if (!d || d->text.len == 0)
		field_required(f, p, "");
	else if (cron_parse(d->text, &cron, &e))
		field_invalid(f, p, d->text, e.text);
	else if (memmem(d->text.data, d->text.len, "TZ", 2))
		field_invalid(f, p, d->text,
			      "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
}

static void check_zone(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (!d)
		return;
	if (d->text.len == 0)
		field_invalid(f, p, d->text, "must be nil or non-empty string");
	else if (span_is(d->text, "Local"))
		field_invalid(f, p, d->text,
			      "timeZone must be an explicit time zone as defined in "
			      "https://www.iana.org/time-zones");
	else if (!zone_find(d->text))
		field_invalid(f, p, d->text,
			      arena_printf(f->arena, "unknown time zone %.*s", (int)d->text.len,
					   (const char *)d->text.data));
}

static void check_job(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	job_spec_validate(f, p, spec);
	if (doc_get(spec, "selector"))
		field_invalid_doc(f, FPATH(p, "selector"), doc_get(spec, "selector"),
				  "`selector` will be auto-generated");
	if (doc_get_bool(spec, "manualSelector", false))
		field_not_supported(f, FPATH(p, "manualSelector"), span_of("true"),
				    ONE_OF("nil", "false"));
}

static const struct rule rules[] = {
	RULE("spec.schedule", CALL, .call = check_schedule),
	RULE("spec.timeZone", CALL, .call = check_zone),
	RULE("spec.startingDeadlineSeconds", NOT_NEGATIVE),
	RULE("spec.concurrencyPolicy", NEEDED_ONE_OF, .list = ONE_OF("Allow", "Forbid", "Replace")),
	RULE("spec.jobTemplate.spec", CALL, .call = check_job),
	RULE("spec.successfulJobsHistoryLimit", NOT_NEGATIVE),
	RULE("spec.failedJobsHistoryLimit", NOT_NEGATIVE),
	{0},
};

static void validate(struct write *w)
{
	if (!w->old && w->name.len > NAME_MAX_BYTES)
		field_invalid(&w->faults, FPATH(FPATH(NULL, "metadata"), "name"), w->name,
			      "must be no more than 52 characters");
}

const struct strategy strategy_cronjob = {
	.unconditional_update = true,
	.generation = true,
	.status = true,
	.fills = fills,
	.defaults = defaults,
	.rules = rules,
	.validate = validate,
	.subresources = subresources_status,
	.warn = warn_cronjob,
};
