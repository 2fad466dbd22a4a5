/* What an actor's turns cost: two small log-linear histograms and sums.
 *
 * Four buckets an octave, from 1 us to 16 s: a quantile is at most an eighth
 * too high. Adding one allocates nothing. A bucket that is full halves all of
 * them, so that the quantiles follow what happened lately; the sums never
 * shrink (Prometheus wants them so). One owner, no threads. */
#ifndef RUNTIME_STATS_H
#define RUNTIME_STATS_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 92 };

struct histogram {
	uint64_t sum_us;
	uint16_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t us);
/* The upper end of the bucket that `permille` of the values reach; 0: empty. */
uint64_t histogram_quantile(const struct histogram *h, unsigned permille);

struct actor_stats {
	struct histogram wait, turn; /* in the mailbox; in its turns */
	uint64_t rejected;           /* messages that found the mailbox full */
};

#endif
