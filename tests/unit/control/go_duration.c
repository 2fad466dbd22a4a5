/* Spans of time in Go's words. */
#include <criterion/criterion.h>

#include "actors/api/go_duration.h"

Test(go_duration, is_read_as_go_reads_it)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{"0", 0}, {"-0", 0}, {"0s", 0}, {"1s", 1000000}, {"+2s", 2000000}, {"-1s", -1000000},
		{"1.5s", 1500000}, {".5s", 500000}, {"1.s", 1000000}, {"250ms", 250000},
		{"1h30m", 5400000000}, {"1m0.25s", 60250000}, {"7us", 7}, {"7\302\265s", 7},
		{"7\316\274s", 7}, {"1999ns", 1}, {"99999999999999999999h", INT64_MAX},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf why = {0};
		int64_t us = 1;
		cr_expect(go_duration_parse(span_of(rows[i].text), &us, &why), "%s", rows[i].text);
		cr_expect_eq(us, rows[i].us, "%s: %lld", rows[i].text, (long long)us);
		buf_fini(&why);
	}
}

Test(go_duration, what_is_none_is_refused_in_its_words)
{
	static const char *const rows[][2] = {
		{"", "time: invalid duration \"\""},
		{"-", "time: invalid duration \"-\""},
		{"x", "time: invalid duration \"x\""},
		{".s", "time: invalid duration \".s\""},
		{"1s2", "time: missing unit in duration \"1s2\""},
		{"1", "time: missing unit in duration \"1\""},
		{"1y", "time: unknown unit \"y\" in duration \"1y\""},
		{"1 s", "time: unknown unit \" s\" in duration \"1 s\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf why = {0};
		int64_t us;
		cr_expect_not(go_duration_parse(span_of(rows[i][0]), &us, &why), "%s", rows[i][0]);
		cr_expect_str_eq(buf_text(&why), rows[i][1], "%s", buf_text(&why));
		buf_fini(&why);
	}
}
