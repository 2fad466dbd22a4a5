/* Request ids that were answered: a repeated one gets the first outcome.
 *
 * Kept for 10 minutes by the writers' clocks, at most 100,000, oldest out
 * first; rebuilt from the log. Remembered are transactions that changed
 * something in the journal, and those whose compares failed (these until a
 * restart only): a late duplicate of either must not do something new. */
#ifndef STORE_LOCAL_DEDUP_H
#define STORE_LOCAL_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dedup_entry {
	uint8_t request[16];
	uint64_t revision; /* 0: it changed nothing */
	int64_t wall_us;
	int status;
	bool compared;
};

struct dedup {
	struct dedup_entry *ring; /* [first, first + count) modulo cap, oldest first */
	uint32_t *slots;          /* ring index + 1; 0 free; 2 * cap of them */
	uint32_t first, count, cap; /* cap is a power of two */
	uint64_t seed;
};

enum { DEDUP_ENTRIES_MAX = 100000 };
#define DEDUP_KEEP_US (10 * 60 * INT64_C(1000000))

bool dedup_has_id(const uint8_t request[16]); /* not all zero */
/* NULL when it is not known. Valid until the next call of dedup_add. */
const struct dedup_entry *dedup_find(const struct dedup *d, const uint8_t request[16]);
/* The id must not be known. Forgets what is too old or too much. */
void dedup_add(struct dedup *d, const struct dedup_entry *e);
void dedup_fini(struct dedup *d);

#endif
