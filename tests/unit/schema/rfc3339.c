/* Times: every offset in, UTC out. */
#include <criterion/criterion.h>

#include "actors/schema/rfc3339.h"

Test(rfc3339, reads_offsets_and_fractions_and_writes_utc)
{
	static const struct {
		const char *in, *seconds, *micro;
	} rows[] = {
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
		{"2024-02-29T23:59:59.1234567Z", "2024-02-29T23:59:59Z",
		 "2024-02-29T23:59:59.123456Z"},
		{"2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z",
		 "2024-02-29T23:30:00.000000Z"},
		{"1999-12-31T23:00:00-02:30", "2000-01-01T01:30:00Z",
		 "2000-01-01T01:30:00.000000Z"},
		{"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.500000Z"},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
		{"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"},
		{"2100-03-01T00:00:00Z", "2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000000Z"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t us;
		char text[RFC3339_MAX];
		cr_assert_eq(rfc3339_parse(span_of(rows[i].in), &us), 0, "%s", rows[i].in);
		rfc3339_format(us, text);
		cr_expect_str_eq(text, rows[i].seconds);
		cr_expect_eq(rfc3339_format_micro(us, text), strlen(rows[i].micro));
		cr_expect_str_eq(text, rows[i].micro);
	}
}

Test(rfc3339, knows_one_moment_by_its_number)
{
	int64_t us;
	cr_assert_eq(rfc3339_parse(span_of("2026-11-24T10:00:00Z"), &us), 0);
	cr_expect_eq(us, 1795514400000000);
}

Test(rfc3339, refuses_what_no_calendar_has)
{
	static const char *const rows[] = {
		"", "2024", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
		"2024-00-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
		"2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00Zx", "24-01-01T00:00:00Z",
		"2024-01-01T00:00:00+25:00"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t us;
		cr_expect_neq(rfc3339_parse(span_of(rows[i]), &us), 0, "'%s'", rows[i]);
	}
}
