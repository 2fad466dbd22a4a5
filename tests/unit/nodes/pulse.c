/* Many that do the same every so often share a few moments. */
#include "nodes/pulse.h"

#include <criterion/criterion.h>

enum { SECOND = 1000000, EVERY = 10 * SECOND };

/* Any numbers. */
static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 16;
}

static size_t moments_in_a_minute(uint64_t members)
{
	enum { MOMENTS_MAX = 60 * 10000 };
	static bool seen[MOMENTS_MAX];
	struct pulse p = {.every_us = EVERY, .members = members, .together = 100};
	uint64_t seed = members, begin = 1000 * SECOND;
	size_t count = 0;
	for (size_t i = 0; i < MOMENTS_MAX; i++)
		seen[i] = false;
	for (uint64_t m = 0; m < members; m++)
		for (uint64_t at = draw(&seed) % EVERY; at < begin + 60 * (uint64_t)SECOND;) {
			if (at >= begin)
				seen[(at - begin) / 100] = true;
			at += 50 + pulse_wait_us(&p, at + 50, draw(&seed)); /* the answer takes a moment */
		}
	for (size_t i = 0; i < MOMENTS_MAX; i++)
		count += seen[i];
	return count;
}

Test(pulse, few_come_together)
{
	cr_assert_leq(moments_in_a_minute(26), 4 * 6 + 1);
	cr_assert_leq(moments_in_a_minute(400), 4 * 6 + 1);
}

Test(pulse, of_many_no_more_than_asked_for)
{
	/* 5,000 beats in ten seconds, a hundred at a time */
	cr_assert_geq(moments_in_a_minute(5000), 6 * 45);
	cr_assert_leq(moments_in_a_minute(5000), 6 * 50 + 1);
}

Test(pulse, waits_no_longer_than_said)
{
	uint64_t seed = 1;
	for (uint64_t every = 1; every < (uint64_t)1 << 40; every = every * 3 + 1)
		for (int i = 0; i < 100; i++) {
			struct pulse p = {.every_us = every, .members = draw(&seed) % 100000, .together = draw(&seed) % 200};
			uint64_t wait = pulse_wait_us(&p, draw(&seed) >> 4, draw(&seed));
			cr_assert_geq(wait, every / 4 * 3);
			cr_assert_leq(wait, every + every / 8 + 1);
		}
}
