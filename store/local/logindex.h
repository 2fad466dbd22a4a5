/* What lies in the log, in blocks of a few records: enough to decide what may
 * be forgotten, and to leave out blocks when one stream's events are wanted.
 *
 *      trimmed │  kept for old values  │        history          │ newest
 *   ───────────┴───────────────────────┴─────────────────────────┴────────►
 *        trimmed revision        compacted revision
 *
 * History are the records above `compacted`: their events can be asked for.
 * Records behind it are kept until no record of the history needs an old
 * value from them (its floor, record.h) and the checkpoint covers them. */
#ifndef STORE_LOCAL_LOGINDEX_H
#define STORE_LOCAL_LOGINDEX_H

#include "store/local/record.h"

enum { LOG_BLOCK_RECORDS = 32 };

struct log_block {
	uint64_t first, last; /* revisions */
	uint64_t floor;       /* of its first record */
	int64_t wall_us;      /* of its last record */
	uint64_t bytes;
	uint64_t streams[4]; /* two bits per stream that has an event here */
	unsigned count;
};

struct log_index {
	struct log_block *blocks; /* [head, tail) in use, oldest first */
	size_t head, tail, cap;
	size_t history;          /* the first block of the history */
	uint64_t history_count, history_bytes;
};

/* How much history is kept. */
struct log_keep {
	int64_t us;         /* this old, or */
	uint64_t bytes;     /* this much, whichever is less, but */
	uint64_t count_min; /* so many transactions in any case */
};

void log_index_add(struct log_index *x, const struct commit *c, uint64_t floor, size_t bytes);
/* While loading: the same from a record. */
void log_index_load(struct log_index *x, uint64_t revision, const struct record *r, size_t bytes);
/* While loading: the history begins above `compacted`. */
void log_index_set_history(struct log_index *x, uint64_t compacted);
/* Forgets up to `blocks` blocks that are more than `keep` says. `now_us` is
 * the newest record's time; `tight`: do not wait for age. Returns the
 * revision up to which history is gone now, `compacted` if unchanged. */
uint64_t log_index_compact(struct log_index *x, uint64_t compacted, const struct log_keep *keep,
			   int64_t now_us, bool tight, size_t blocks);
/* Drops up to `blocks` blocks that neither history nor replay needs; returns
 * the revision up to which records may be removed, 0 if none. `tight`: do not
 * keep any for their old values. */
uint64_t log_index_trim(struct log_index *x, uint64_t checkpoint_base, bool tight, size_t blocks);
/* Whether log_index_trim would find something. */
bool log_index_can_trim(const struct log_index *x, uint64_t checkpoint_base, bool tight);

/* The next block that ends above `after` and may have events of the stream
 * (empty kind: any); NULL at the end. */
const struct log_block *log_index_find(const struct log_index *x, uint64_t after, struct stream s);
void log_index_fini(struct log_index *x);

#endif
