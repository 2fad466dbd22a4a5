/* Cron's schedules: what they mean, and what is said of those that mean nothing. */
#include "actors/schema/cron.h"

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

Test(cron, names_of_time_zones)
{
	static const char *const fine[] = {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia",
					   "Etc/GMT+5", "America/Port-au-Prince"};
	static const char *const wrong[] = {"",	      "/x", "a/",  "a//b", "Europe Berlin",
					    "../etc", "1x", "a/.b"};
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		cr_expect(cron_is_zone_name(span_of(fine[i])), "%s", fine[i]);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_not(cron_is_zone_name(span_of(wrong[i])), "%s", wrong[i]);
}
