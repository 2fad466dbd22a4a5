/* Sets of completion indexes and their text. */
#include <criterion/criterion.h>

#include "actors/controllers/indexes.h"

static const char *round_trip(struct arena *a, const char *text, int64_t limit)
{
	struct indexes x = indexes_parse(a, span_of(text), limit);
	return indexes_text(a, &x);
}

Test(indexes, are_written_as_kubernetes_writes_them)
{
	struct arena a = {0};
	const int64_t list[] = {7, 3, 1, 4, 5, 3};
	struct indexes x = indexes_of(&a, list, 6), none = {0};
	cr_expect_str_eq(indexes_text(&a, &x), "1,3-5,7");
	cr_expect_eq(x.total, 5);
	cr_expect_str_eq(indexes_text(&a, &none), "");
	cr_expect_str_eq(round_trip(&a, "0,1", 10), "0,1", "two in a row are no range");
	arena_fini(&a);
}

Test(indexes, beyond_the_limit_and_of_no_form_are_left_out)
{
	struct arena a = {0};
	cr_expect_str_eq(round_trip(&a, "1,3-9,12", 6), "1,3-5");
	cr_expect_str_eq(round_trip(&a, "1,3-9", 0), "");
	cr_expect_str_eq(round_trip(&a, "", 6), "");
	cr_expect_str_eq(round_trip(&a, "2,x", 6), "2");
	cr_expect_str_eq(round_trip(&a, "5-2", 6), "");
	cr_expect_str_eq(round_trip(&a, "99999999999999999999", 6), "");
	arena_fini(&a);
}

Test(indexes, know_what_is_in_them_and_what_is_missing)
{
	struct arena a = {0};
	struct indexes x = indexes_parse(&a, span_of("0,2-4,8"), 100), none = {0};
	int64_t out[4];
	for (int64_t i = -1; i < 10; i++)
		cr_expect_eq(indexes_has(&x, i), i == 0 || (i >= 2 && i <= 4) || i == 8);
	cr_expect_eq(indexes_missing(&x, 7, out, 4), 3);
	cr_expect(out[0] == 1 && out[1] == 5 && out[2] == 6);
	cr_expect_eq(indexes_missing(&x, 100, out, 4), 4);
	cr_expect_eq(out[3], 7);
	cr_expect_eq(indexes_missing(&none, 2, out, 4), 2);
	cr_expect_eq(indexes_missing(&none, 0, out, 4), 0);
	arena_fini(&a);
}

Test(indexes, of_two_sets_are_one)
{
	struct arena a = {0};
	struct indexes x = indexes_parse(&a, span_of("0-2,9"), 100);
	struct indexes y = indexes_parse(&a, span_of("3,5,8"), 100);
	struct indexes both = indexes_union(&a, &x, &y);
	cr_expect_str_eq(indexes_text(&a, &both), "0-3,5,8,9");
	cr_expect_eq(both.total, 7);
	arena_fini(&a);
}
