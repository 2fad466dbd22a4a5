/* The rules are those of kubernetes pkg/controller/cronjob
 * (cronjob_controllerv2.go, utils.go). */
#include "actors/controllers/cronjob_plan.h"

#include <stdio.h>
#include <string.h>

#include "actors/schema/cron.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/sort.h"

struct work {
	struct arena *a;
	const struct cronjob_facts *j;
	struct cronjob_child *jobs;
	size_t count;
	int64_t now_us;
	size_t running; /* of those that it made */
	struct cronjob_plan *out;
};

#define TEXT(s) (int)(s).len, (const char *)(s).data

static void seen(struct work *w, const char *reason, const char *text)
{
	w->out->seen[w->out->seen_count++] = (struct cronjob_note){false, reason, text, 0};
}

static void note(struct work *w, bool warning, const char *reason, int64_t about_s,
		 const char *text)
{
	w->out->notes[w->out->note_count++] =
		(struct cronjob_note){warning, reason, text, about_s};
}

/* ---- its jobs */

static struct cronjob_child *find(const struct work *w, struct span uid)
{
	for (size_t i = 0; i < w->count; i++)
		if (span_eq(w->jobs[i].child.uid, uid))
			return &w->jobs[i];
	return NULL;
}

/* What stands in `active`: those that are gone are told of, but for what it
 * has deleted itself. */
static void look_at_listed(struct work *w)
{
	struct mp list = w->j->active;
	size_t n = 0;
	if (!list.p || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		struct cronjob_child *c = find(w, mp_path_str(list, "uid"));
		struct span name = mp_path_str(list, "name");
		if (c)
			c->listed = true;
		else if (w->j->concurrency != CRONJOB_REPLACE)
			seen(w, "MissingJob",
			     arena_printf(w->a, "Active job went missing: %.*s", TEXT(name)));
		if (mp_skip(&list))
			return;
	}
}

static const char *const ends[] = {"", "Complete", "Failed"};

static void look_at(struct work *w, struct cronjob_child *c)
{
	struct cronjob_plan *out = w->out;
	/* Made by the plan before, and not written yet. */
	bool fresh = c->scheduled_us > w->j->last_schedule_us;
	bool counts = c->listed || fresh;
	if (c->scheduled_us > out->last_schedule_us)
		out->last_schedule_us = c->scheduled_us;
	if (c->completed_us > out->last_success_us && c->end == CRONJOB_COMPLETE)
		out->last_success_us = c->completed_us;
	if (c->end == CRONJOB_RUNS && (counts || c->scheduled_us)) {
		out->active[out->active_count++] = c;
		w->running += !c->child.deleting;
	} else if (c->end == CRONJOB_RUNS) {
		note(w, true, "UnexpectedJob", 0,
		     arena_printf(w->a,
				  "Saw a job that the controller did not create or forgot: %.*s",
				  TEXT(c->child.name)));
	} else if (counts) {
		seen(w, "SawCompletedJob",
		     arena_printf(w->a, "Saw completed job: %.*s, condition: %s",
				  TEXT(c->child.name), ends[c->end]));
	}
}

static int by_start(const void *x, const void *y, void *arg)
{
	const struct cronjob_child *a = *(const struct cronjob_child *const *)x;
	const struct cronjob_child *b = *(const struct cronjob_child *const *)y;
	(void)arg;
	/* What never started is youngest. */
	if (!a->started_us != !b->started_us)
		return a->started_us ? -1 : 1;
	if (a->started_us != b->started_us)
		return a->started_us < b->started_us ? -1 : 1;
	return span_cmp(a->child.name, b->child.name);
}

static void drop(struct work *w, const struct cronjob_child *c)
{
	if (!c->child.deleting)
		w->out->remove[w->out->remove_count++] = c;
}

static void drop_oldest(struct work *w, enum cronjob_end end, int64_t keep)
{
	const struct cronjob_child **list = arena_alloc(w->a, (w->count + 1) * sizeof *list);
	size_t n = 0;
	if (keep < 0)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (w->jobs[i].end == end)
			list[n++] = &w->jobs[i];
	sort_stable(list, n, sizeof *list, by_start, NULL);
	for (size_t i = 0; (int64_t)(n - i) > keep && i < n; i++)
		drop(w, list[i]);
}

/* ---- its times */

/* Since when a time may be unmet, in seconds. */
static int64_t since_s(const struct work *w)
{
	int64_t last = w->out->last_schedule_us;
	return (last ? last : w->j->created_us) / 1000000;
}

/* Those that are too late do not count. */
static void note_missed(struct work *w, const struct cron *cron, const struct zone *z,
			int64_t since, int64_t now_s)
{
	if (w->j->deadline_s >= 0 && now_s - w->j->deadline_s > since)
		since = now_s - w->j->deadline_s;
	int64_t first = cron_next(cron, z, since), second = cron_next(cron, z, first);
	if (second == CRON_NEVER || second <= first)
		return;
	if ((now_s - first) / (second - first) + 1 > CRONJOB_MISSED_MAX)
		note(w, true, "TooManyMissedTimes", 0,
		     "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or "
		     "check clock skew");
}

/* "2030-01-01T06:00:00+01:00", or Z without a zone. */
static const char *clock_text(struct arena *a, const struct zone *z, int64_t at_s)
{
	char text[RFC3339_MAX];
	int32_t offset = zone_offset_s(z, at_s), minutes = (offset < 0 ? -offset : offset) / 60;
	size_t n = rfc3339_format((at_s + offset) * 1000000, text);
	if (!z || !offset)
		return arena_dup(a, text);
	return arena_printf(a, "%.*s%c%02d:%02d", (int)n - 1, text, offset < 0 ? '-' : '+',
			    minutes / 60, minutes % 60);
}

/* As Go writes it in RFC 1123 with a numeric zone. */
static const char *mail_text(struct arena *a, int64_t at_s)
{
	static const char *const weekdays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char text[RFC3339_MAX];
	rfc3339_format(at_s * 1000000, text);
	int month = 10 * (text[5] - '0') + text[6] - '0';
	return arena_printf(a, "%s, %.2s %s %.4s %.8s +0000", weekdays[at_s / 86400 % 7], text + 8,
			    months[month - 1], text, text + 11);
}

static void wake(struct work *w, const struct cron *cron, const struct zone *z)
{
	int64_t next = cron_next(cron, z, w->now_us / 1000000);
	if (next != CRON_NEVER)
		w->out->again_in_us = next * 1000000 - w->now_us;
}

static const char *job_name(const struct work *w, int64_t at_s)
{
	return arena_printf(w->a, "%.*s-%lld", TEXT(w->j->name), (long long)(at_s / 60));
}

static bool is_there(const struct work *w, const char *name)
{
	for (size_t i = 0; i < w->count; i++)
		if (span_is(w->jobs[i].child.name, name))
			return true;
	return false;
}

static void start(struct work *w, const struct zone *z, int64_t at_s)
{
	const struct cronjob_facts *j = w->j;
	struct cronjob_plan *out = w->out;
	const char *name = job_name(w, at_s);
	if (j->deadline_s >= 0 && (at_s + j->deadline_s) * 1000000 < w->now_us) {
		note(w, true, "MissSchedule", at_s,
		     arena_printf(w->a, "Missed scheduled time to start a job: %s",
				  mail_text(w->a, at_s)));
		return;
	}
	if (is_there(w, name))
		return;
	if (j->concurrency == CRONJOB_FORBID && out->active_count) {
		note(w, false, "JobAlreadyActive", at_s,
		     "Not starting job because prior execution is running and concurrency policy is "
		     "Forbid");
		return;
	}
	if (j->concurrency == CRONJOB_REPLACE && w->running) {
		for (size_t i = 0; i < out->active_count; i++)
			drop(w, out->active[i]);
		return; /* when they are gone it is looked at again */
	}
	out->start_s = at_s;
	out->start_name = name;
	out->start_text = clock_text(w->a, z, at_s);
}

static void look_at_times(struct work *w)
{
	const struct cronjob_facts *j = w->j;
	struct cron cron;
	struct err e = {0};
	const struct zone *z = j->zone.len ? zone_find(j->zone) : NULL;
	if (j->zone.len && !z) {
		note(w, true, "UnknownTimeZone", 0,
		     arena_printf(w->a, "invalid timeZone: \"%.*s\": unknown time zone %.*s",
				  TEXT(j->zone), TEXT(j->zone)));
		return;
	}
	if (j->suspend)
		return;
	if (cron_parse(j->schedule, &cron, &e)) {
		note(w, true, "UnparseableSchedule", 0,
		     arena_printf(w->a, "unparseable schedule: \"%.*s\" : %s", TEXT(j->schedule),
				  e.text));
		return;
	}
	int64_t now_s = w->now_us / 1000000, since = since_s(w);
	int64_t at_s = cron_last(&cron, z, since, now_s);
	wake(w, &cron, z);
	if (at_s == CRON_NEVER)
		return;
	note_missed(w, &cron, z, since, now_s);
	start(w, z, at_s);
}

/* ---- all of it */

void cronjob_plan(struct arena *a, const struct cronjob_facts *j, struct cronjob_child *jobs,
		  size_t n, int64_t now_us, struct cronjob_plan *out)
{
	struct work w = {a, j, jobs, n, now_us, 0, out};
	struct mp list = j->active;
	size_t listed = 0;
	if (list.p && mp_array(&list, &listed))
		listed = 0;
	memset(out, 0, sizeof *out);
	out->active = arena_alloc(a, (n + 1) * sizeof *out->active);
	out->remove = arena_alloc(a, (2 * n + 1) * sizeof *out->remove);
	out->seen = arena_alloc(a, (n + listed + 1) * sizeof *out->seen);
	out->notes = arena_alloc(a, (n + 4) * sizeof *out->notes);
	out->last_schedule_us = j->last_schedule_us;
	out->last_success_us = j->last_success_us;
	for (size_t i = 0; i < n; i++)
		jobs[i].listed = false;
	look_at_listed(&w);
	for (size_t i = 0; i < n; i++)
		look_at(&w, &jobs[i]);
	if (!j->deleting)
		look_at_times(&w);
	if (j->deleting)
		return;
	drop_oldest(&w, CRONJOB_COMPLETE, j->keep_successful);
	drop_oldest(&w, CRONJOB_FAILED, j->keep_failed);
}
