/* When a schedule is due. A time is due when the clock on the wall of its zone
 * shows a minute of the schedule: an hour that is skipped has none, one that
 * comes twice has them twice. (robfig/cron, which Kubernetes uses, counts the
 * same way.) */
#include "actors/schema/cron.h"
enum { MINUTE = 60, HOUR = 3600, DAY = 86400, YEARS_MAX = 5 };

/* What a clock on the wall shows. */
struct wall {
	int64_t days; /* since 1970 */
	int minute, hour, day, month, weekday, month_days;
};

static void date_of(struct wall *w, int64_t days)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	/* H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
	int64_t z = days + 719468;
	int64_t n = z % 146097, era = z / 146097;
	int64_t year = (n - n / 1460 + n / 36524 - n / 146096) / 365;
	int64_t day = n - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * day + 2) / 153;
	w->day = (int)(day - (153 * month + 2) / 5 + 1);
	w->month = (int)(month < 10 ? month + 3 : month - 9);
	year += era * 400 + (w->month <= 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	w->month_days = lengths[w->month - 1] + (w->month == 2 && leap);
	w->days = days;
}

static void look(struct wall *w, const struct zone *z, int64_t at_s)
{
	int64_t local = at_s + zone_offset_s(z, at_s);
	int64_t days = local / DAY, rest = local % DAY;
	if (days != w->days)
		date_of(w, days);
	w->hour = (int)(rest / HOUR);
	w->minute = (int)(rest % HOUR / MINUTE);
	w->weekday = (int)((days + 4) % 7); /* 1970 began on a Thursday */
}

static bool has(uint64_t set, int n)
{
	return set >> n & 1;
}

static bool is_day(const struct cron *c, const struct wall *w)
{
	bool day = has(c->days, w->day), weekday = has(c->weekdays, w->weekday);
	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* Seconds that hold nothing; 0: this minute is due. Clocks are set by up to
 * hours, so long ways stop short of the day that they lead to. */
static int64_t idle_s(const struct cron *c, const struct wall *w)
{
	int64_t to_hour = HOUR - w->minute * MINUTE;
	int64_t to_day = to_hour + (23 - w->hour) * HOUR;
	bool month = has(c->months, w->month);
	if (!month && w->day + 2 < w->month_days)
		return (w->month_days - w->day - 2) * (int64_t)DAY;
	if (!month || !is_day(c, w))
		return to_day > 4 * HOUR ? to_day - 3 * HOUR : to_hour;
	if (!has(c->hours, w->hour))
		return to_hour;
	return has(c->minutes, w->minute) ? 0 : MINUTE;
}

int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_s)
{
	struct wall w = {.days = -1};
	if (c->every_s > 0)
		return after_s + c->every_s;
	if (!c->minutes || !c->hours || !c->months || (!c->days && !c->weekdays))
		return CRON_NEVER; /* a field of commas has no number */
	int64_t until = after_s + YEARS_MAX * INT64_C(366) * DAY;
	/* Whole minutes of the wall: offsets are not always whole ones. */
	int64_t shift = zone_offset_s(z, after_s) % MINUTE;
	int64_t at = (after_s + shift) / MINUTE * MINUTE - shift + MINUTE;
	while (at < until) {
		look(&w, z, at);
		int64_t idle = idle_s(c, &w);
		if (!idle)
			return at;
		at += idle;
	}
	return CRON_NEVER;
}

/* Looks back further and further: how often it is due is not known, but where
 * it is at all it is not often before. */
int64_t cron_last(const struct cron *c, const struct zone *z, int64_t after_s, int64_t until_s)
{
	static const int64_t back_s[] = {2 * HOUR, 2 * DAY, 33 * DAY, 366 * DAY};
	if (c->every_s > 0) {
		int64_t times = (until_s - after_s) / c->every_s;
		return times > 0 ? after_s + times * c->every_s : CRON_NEVER;
	}
	for (size_t i = 0; i <= sizeof back_s / sizeof *back_s; i++) {
		int64_t from = i < sizeof back_s / sizeof *back_s ? until_s - back_s[i] : after_s;
		if (from < after_s)
			from = after_s;
		int64_t last = CRON_NEVER, t = cron_next(c, z, from);
		for (; t != CRON_NEVER && t <= until_s; t = cron_next(c, z, t))
			last = t;
		if (last != CRON_NEVER || from == after_s)
			return last;
	}
	return CRON_NEVER;
}
