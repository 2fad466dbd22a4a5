/* The figures of `troupe top`. */
#include <criterion/criterion.h>

#include "actors/runtime/stats.h"

Test(stats, a_quantile_is_at_most_a_quarter_octave_too_high)
{
	for (uint64_t us = 0; us < 10000000; us = us * 5 / 4 + 1) {
		struct histogram h = {0};
		histogram_add(&h, us);
		uint64_t q = histogram_quantile(&h, 500);
		cr_expect(q >= us && q <= us + us / 4, "%lu: %lu", us, q);
	}
}

Test(stats, tells_the_many_from_the_few)
{
	struct histogram h = {0};
	cr_expect_eq(histogram_quantile(&h, 990), 0);
	for (int i = 0; i < 980; i++)
		histogram_add(&h, 10);
	for (int i = 0; i < 20; i++)
		histogram_add(&h, 1000);
	cr_expect_lt(histogram_quantile(&h, 500), 13);
	cr_expect_geq(histogram_quantile(&h, 990), 1000);
	cr_expect_eq(h.sum_us, 980 * 10 + 20 * 1000);
}

Test(stats, what_is_too_long_counts_as_the_longest)
{
	struct histogram h = {0};
	histogram_add(&h, UINT64_MAX / 2);
	cr_expect_gt(histogram_quantile(&h, 500), 10000000);
}

Test(stats, a_full_bucket_halves_all_and_keeps_the_picture)
{
	struct histogram h = {0};
	for (int i = 0; i < 300000; i++)
		histogram_add(&h, i % 10 ? 10 : 1000);
	cr_expect_lt(histogram_quantile(&h, 500), 13);
	cr_expect_geq(histogram_quantile(&h, 950), 1000);
	cr_expect_eq(h.sum_us, 30000 * (9 * 10 + 1000));
}
