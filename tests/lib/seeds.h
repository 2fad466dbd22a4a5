/* Which seeds a test runs over: SEEDS of them from SEED_FROM on, by the
 * environment; otherwise from 1 on as many as the test says. Under a sanitizer
 * a fourth of those: the same seeds are judged without one, and what it looks
 * for does not depend on them so much. */
#ifndef TESTS_LIB_SEEDS_H
#define TESTS_LIB_SEEDS_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct seed_range {
	uint64_t first, count;
};

static inline struct seed_range seed_range(uint64_t otherwise)
{
	const char *from = getenv("SEED_FROM"), *count = getenv("SEEDS");
#ifdef __SANITIZE_ADDRESS__
	otherwise = (otherwise + 3) / 4;
#endif
	return (struct seed_range){
		.first = from ? strtoull(from, NULL, 10) : 1,
		.count = count ? strtoull(count, NULL, 10) : otherwise,
	};
}

/* Each of them twice, which must give the same history, by its digest. */
static inline void seeds_twice(uint64_t otherwise, uint64_t (*run)(uint64_t seed, bool with_faults))
{
	struct seed_range r = seed_range(otherwise);
	for (uint64_t seed = r.first; seed < r.first + r.count; seed++) {
		uint64_t a = run(seed, true), b = run(seed, true);
		cr_assert_eq(a, b, "seed %llu has two histories", (unsigned long long)seed);
	}
}

#endif
