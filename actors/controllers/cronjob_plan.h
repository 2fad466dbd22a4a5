/* What a CronJob is to do, as arithmetic over facts.
 *
 *	a time is due, unmet      its job is made, named by that minute; or it is
 *	                          too late, or another one runs (Forbid)
 *	Replace                   those that run are deleted before
 *	jobs that have finished   leave `active`; the oldest go
 *
 * A job's name is the cron job's and the minute, so that the same time is never
 * started twice: whoever makes it again finds it there. lastScheduleTime is
 * taken from the job that is there. Pure; results are in the caller's arena. */
#ifndef CONTROLLERS_CRONJOB_PLAN_H
#define CONTROLLERS_CRONJOB_PLAN_H

#include "actors/controllers/children.h"

#define CRONJOB_SCHEDULED "batch.kubernetes.io/cronjob-scheduled-timestamp"

enum { CRONJOB_MISSED_MAX = 100 };

enum cronjob_end { CRONJOB_RUNS, CRONJOB_COMPLETE, CRONJOB_FAILED };

/* One of its jobs. */
struct cronjob_child {
	struct child child; /* first */
	struct mp object;
	enum cronjob_end end;
	int64_t started_us, completed_us; /* 0: not */
	int64_t scheduled_us; /* of a job that the controller made; 0: another's */
	/* Of a plan. */
	bool listed; /* in status.active */
};

void cronjob_child_read(struct cronjob_child *c, const struct view_object *o);
extern const struct view_index_spec cronjob_index;

enum cronjob_concurrency { CRONJOB_ALLOW, CRONJOB_FORBID, CRONJOB_REPLACE };

struct cronjob_facts {
	struct span name, schedule, zone; /* zone empty: UTC */
	int64_t created_us, last_schedule_us, last_success_us;
	int64_t deadline_s;		      /* -1: none */
	int64_t keep_successful, keep_failed; /* -1: all */
	enum cronjob_concurrency concurrency;
	bool suspend, deleting;
	struct mp active; /* a list of references */
};

void cronjob_read(struct cronjob_facts *j, struct mp cronjob);

/* Something to tell, as an event. */
struct cronjob_note {
	bool warning;
	const char *reason, *text;
	int64_t about_s; /* the time that it is about, if any: another one is told again */
};

struct cronjob_plan {
	/* The status: those that run, and times. */
	const struct cronjob_child **active;
	size_t active_count;
	int64_t last_schedule_us, last_success_us; /* 0: never */
	/* What is told when that is written, and what at once, but not again
	 * while it stays the same. */
	struct cronjob_note *seen, *notes;
	size_t seen_count, note_count;
	/* Deleted: replaced ones and the oldest. Only when the status is told. */
	const struct cronjob_child **remove;
	size_t remove_count;
	int64_t start_s; /* of the job to be made; 0: none */
	const char *start_name, *start_text; /* its name; its time by the zone's clock */
	int64_t again_in_us; /* 0: time alone changes nothing */
};

/* `jobs` are those that it controls. */
void cronjob_plan(struct arena *a, const struct cronjob_facts *j, struct cronjob_child *jobs,
		  size_t count, int64_t now_us, struct cronjob_plan *out);

/* The job of that time. NULL: there is no template. */
struct doc *cronjob_new_job(struct arena *a, struct mp cronjob, const char *name,
			    const char *scheduled);

#endif
