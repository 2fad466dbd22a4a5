#include "actors/runtime/stats.h"

/* The leading bit picks the octave, the two bits behind it the quarter. */
static unsigned bucket_of(uint64_t us)
{
	if (us < 4)
		return (unsigned)us;
	unsigned top = 63 - (unsigned)__builtin_clzll(us);
	unsigned i = (top - 1) * 4 + ((us >> (top - 2)) & 3);
	return i < HISTOGRAM_BUCKETS ? i : HISTOGRAM_BUCKETS - 1;
}

static uint64_t bucket_end(unsigned i)
{
	if (i < 4)
		return i;
	unsigned shift = i / 4 - 1;
	return ((uint64_t)(4 + i % 4 + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t us)
{
	uint16_t *count = &h->counts[bucket_of(us)];
	h->sum_us += us;
	if (*count == UINT16_MAX)
		for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
			h->counts[i] /= 2;
	(*count)++;
}

uint64_t histogram_quantile(const struct histogram *h, unsigned permille)
{
	uint64_t all = 0, below = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		all += h->counts[i];
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && all; i++) {
		below += h->counts[i];
		if (below * 1000 >= all * permille && below)
			return bucket_end(i);
	}
	return 0;
}
