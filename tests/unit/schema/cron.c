/* Cron's schedules: what they mean, and what is said of those that mean nothing. */
#include "actors/schema/cron.h"
#include "actors/schema/rfc3339.h"

#include <criterion/criterion.h>

static struct cron parsed(const char *text)
{
	struct cron c;
	struct err e = {0};
	cr_assert_eq(cron_parse(span_of(text), &c, &e), 0, "%s: %s", text, e.text);
	return c;
}

static uint64_t bits(unsigned low, unsigned high, unsigned step)
{
	uint64_t set = 0;
	for (unsigned i = low; i <= high; i += step)
		set |= UINT64_C(1) << i;
	return set;
}

Test(cron, fields_are_sets_of_numbers)
{
	struct cron c = parsed("*/15 9-17/2 1,15 jan-mar MON-fri");
	cr_expect_eq(c.minutes, bits(0, 59, 15));
	cr_expect_eq(c.hours, bits(9, 17, 2));
	cr_expect_eq(c.days, UINT64_C(1) << 1 | UINT64_C(1) << 15);
	cr_expect_eq(c.months, bits(1, 3, 1));
	cr_expect_eq(c.weekdays, bits(1, 5, 1));
	cr_expect_not(c.any_day);
	cr_expect_not(c.any_weekday);
	cr_expect_eq(c.every_s, 0);
	c = parsed("5/20 * ? * *");
	cr_expect_eq(c.minutes, bits(5, 59, 20));
	cr_expect(c.any_day);
	cr_expect(c.any_weekday);
	/* With a step it is a choice of days, no longer any. */
	cr_expect_not(parsed("0 0 */2 * *").any_day);
}

Test(cron, descriptors_stand_for_fields)
{
	cr_expect_eq(parsed("@hourly").minutes, 1);
	cr_expect_eq(parsed("@hourly").hours, bits(0, 23, 1));
	cr_expect_eq(parsed("@weekly").weekdays, 1);
	cr_expect_eq(parsed("@yearly").months, UINT64_C(1) << 1);
	cr_expect_eq(parsed("@every 1h30m").every_s, 5400);
	cr_expect_eq(parsed("@every 1.5h").every_s, 5400);
	cr_expect_eq(parsed("@every 10ms").every_s, 1, "not more often than each second");
	cr_expect_eq(parsed("TZ=Europe/Berlin  0 6 * * *").hours, UINT64_C(1) << 6);
}

Test(cron, what_means_nothing_is_refused_in_words)
{
	static const char *const rows[][2] = {
		{"", "empty spec string"},
		{"* * * *", "expected exactly 5 fields, found 4: [* * * *]"},
		{"0 0 * * * *", "expected exactly 5 fields, found 6: [0 0 * * * *]"},
		{"60 * * * *", "end of range (60) above maximum (59): 60"},
		{"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
		{"* * * * 7", "end of range (7) above maximum (6): 7"},
		{"9-5 * * * *", "beginning of range (9) beyond end of range (5): 9-5"},
		{"*/0 * * * *", "step of range should be a positive number: */0"},
		{"1-2-3 * * * *", "too many hyphens: 1-2-3"},
		{"1/2/3 * * * *", "too many slashes: 1/2/3"},
		{"x * * * *",
		 "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"},
		{"99999999999 * * * *", "failed to parse int from 99999999999: strconv.Atoi: "
					"parsing \"99999999999\": invalid syntax"},
		{"@never", "unrecognized descriptor: @never"},
		{"@every x", "failed to parse duration @every x: time: invalid duration \"x\""},
		{"@every -5m",
		 "failed to parse duration @every -5m: time: invalid duration \"-5m\""},
		{"TZ=UTC", "provided bad location TZ=UTC"},
	};
	/* NUL is no white space. */
	struct cron none;
	struct err why;
	cr_expect_eq(cron_parse((struct span){(const uint8_t *)"*\0*\0*\0*\0*", 9}, &none, &why),
		     ERR_INVALID);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cron c;
		struct err e = {0};
		cr_expect_eq(cron_parse(span_of(rows[i][0]), &c, &e), ERR_INVALID, "%s",
			     rows[i][0]);
		cr_expect_str_eq(e.text, rows[i][1]);
	}
}

/* ---- when it is due: times as RFC 3339 */

static int64_t at_s(const char *text)
{
	int64_t us = 0;
	cr_assert_eq(rfc3339_parse(span_of(text), &us), 0, "%s", text);
	return us / 1000000;
}

static const char *text_at(int64_t s)
{
	static char text[RFC3339_MAX];
	if (s == CRON_NEVER)
		return "never";
	rfc3339_format(s * 1000000, text);
	return text;
}

Test(cron, is_due_at_the_next_time_that_fits)
{
	static const struct {
		const char *schedule, *zone, *after, *next;
	} rows[] = {
		{"* * * * *", NULL, "2030-01-01T00:00:00Z", "2030-01-01T00:01:00Z"},
		{"* * * * *", NULL, "2030-01-01T00:00:59Z", "2030-01-01T00:01:00Z"},
		{"0 9-17/2 * * mon-fri", NULL, "2030-01-04T17:30:00Z", "2030-01-07T09:00:00Z"},
		{"@monthly", NULL, "2030-01-01T00:00:00Z", "2030-02-01T00:00:00Z"},
		{"@yearly", NULL, "2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"},
		{"0 0 29 2 *", NULL, "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"},
		{"59 23 31 12 *", NULL, "2030-12-31T23:59:00Z", "2031-12-31T23:59:00Z"},
		{"0 0 31 2 *", NULL, "2030-01-01T00:00:00Z", "never"},
		/* With both restricted a day fits that fits either. */
		{"0 0 13 * fri", NULL, "2030-01-12T00:00:00Z", "2030-01-13T00:00:00Z"},
		{"0 0 13 * fri", NULL, "2030-01-13T00:00:00Z", "2030-01-18T00:00:00Z"},
		{"@every 90m", NULL, "2030-01-01T00:00:07Z", "2030-01-01T01:30:07Z"},
		/* By the clocks of a zone, in winter and in summer. */
		{"0 6 * * *", "Europe/Berlin", "2030-01-01T00:00:00Z", "2030-01-01T05:00:00Z"},
		{"0 6 * * *", "Europe/Berlin", "2030-07-01T00:00:00Z", "2030-07-01T04:00:00Z"},
		{"0 0 1 * *", "Asia/Kolkata", "2030-01-15T00:00:00Z", "2030-01-31T18:30:00Z"},
		{"0 0 * * *", "Pacific/Auckland", "2030-01-01T12:00:00Z", "2030-01-02T11:00:00Z"},
		/* 2030-03-31: there is no 02:30, and each hour after it comes sooner. */
		{"30 2 * * *", "Europe/Berlin", "2030-03-30T12:00:00Z", "2030-04-01T00:30:00Z"},
		{"0 0 1 4 *", "Europe/Berlin", "2030-03-31T00:00:00Z", "2030-03-31T22:00:00Z"},
		/* 2030-10-27: 02:30 comes twice. */
		{"30 2 * * *", "Europe/Berlin", "2030-10-27T00:00:00Z", "2030-10-27T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2030-10-27T00:30:00Z", "2030-10-27T01:30:00Z"},
		/* By a rule that no file lists any more. */
		{"0 6 * * *", "Europe/Berlin", "2080-07-01T00:00:00Z", "2080-07-01T04:00:00Z"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cron c = parsed(rows[i].schedule);
		const struct zone *z = rows[i].zone ? zone_find(span_of(rows[i].zone)) : NULL;
		cr_assert(!rows[i].zone || z, "%s", rows[i].zone);
		cr_expect_str_eq(text_at(cron_next(&c, z, at_s(rows[i].after))), rows[i].next,
				 "%s in %s: %s", rows[i].schedule, rows[i].zone ? rows[i].zone : "UTC",
				 text_at(cron_next(&c, z, at_s(rows[i].after))));
	}
}

/* Against the plain way: every minute is looked at. */
Test(cron, agrees_with_who_looks_at_every_minute)
{
	static const char *const schedules[] = {"*/7 1-3 * * *", "0 0 1 * *", "15 2 28-31 3,10 *",
						"5 0 * * sun", "30 23 * 3 1"};
	static const char *const zones_tried[] = {"Europe/Berlin", "America/St_Johns",
						  "Australia/Lord_Howe", "Africa/Casablanca"};
	const int64_t from = at_s("2030-03-01T00:00:00Z"), until = at_s("2030-04-10T00:00:00Z");
	for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++)
		for (size_t k = 0; k < sizeof zones_tried / sizeof *zones_tried; k++) {
			struct cron c = parsed(schedules[i]);
			const struct zone *z = zone_find(span_of(zones_tried[k]));
			int64_t next = cron_next(&c, z, from), last = CRON_NEVER;
			for (int64_t t = from + 60; t < until; t += 60) {
				bool due = cron_next(&c, z, t - 1) == t;
				cr_assert_eq(due, t == next, "%s in %s at %s", schedules[i],
					     zones_tried[k], text_at(t));
				if (due) {
					last = t;
					next = cron_next(&c, z, t);
				}
			}
			cr_expect_eq(cron_last(&c, z, from, until - 60), last);
		}
}

Test(cron, knows_when_it_was_due_last)
{
	struct cron c = parsed("0 0 1 1 *"), each = parsed("@every 90m");
	int64_t now = at_s("2030-06-01T00:00:30Z");
	cr_expect_str_eq(text_at(cron_last(&c, NULL, at_s("2020-01-01T00:00:00Z"), now)),
			 "2030-01-01T00:00:00Z");
	cr_expect_eq(cron_last(&c, NULL, at_s("2030-01-01T00:00:00Z"), now), CRON_NEVER);
	c = parsed("0 0 29 2 *");
	cr_expect_str_eq(text_at(cron_last(&c, NULL, at_s("2020-01-01T00:00:00Z"), now)),
			 "2028-02-29T00:00:00Z");
	cr_expect_eq(cron_last(&each, NULL, now - 10000, now), now - 10000 + 5400);
	cr_expect_eq(cron_last(&each, NULL, now - 5399, now), CRON_NEVER);
}

Test(zones, are_found_by_their_names_alone)
{
	static const char *const fine[] = {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia",
					   "Etc/GMT+5", "America/Port-au-Prince"};
	static const char *const wrong[] = {"",	      "/x",	"Europe", "Europe/", "Europe Berlin",
					    "../etc", "Mars/Base", "europe/berlin", "posixrules"};
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		cr_expect(zone_find(span_of(fine[i])), "%s", fine[i]);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_null(zone_find(span_of(wrong[i])), "%s", wrong[i]);
	cr_expect_eq(zone_offset_s(zone_find(span_of("Etc/GMT+5")), 0), -5 * 3600);
	cr_expect_eq(zone_offset_s(NULL, 0), 0);
}
