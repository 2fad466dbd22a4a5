/* What happened lately: shown commits in a ring in memory, and behind it the
 * log. Serves store_events.
 *
 *   compacted          ring_floor                  shown
 *  ─────┴─── the log ──────┴── the ring, soft too ───┴──
 *
 * Soft commits exist in the ring only. When one leaves it, its streams'
 * chains note that (chains_forget), and who is behind is told to re-list. */
#ifndef STORE_LOCAL_HISTORY_H
#define STORE_LOCAL_HISTORY_H

#include "store/local/chain.h"
#include "store/local/commit.h"
#include "store/local/journal.h"
#include "store/local/logindex.h"

struct history {
	struct commit **ring; /* [first, first + count) modulo cap */
	size_t first, count, cap;
	size_t bytes, changes;
	uint64_t ring_floor; /* the ring has all commits above this revision */
};

struct history_limits {
	size_t bytes, changes;
};

/* Takes over a commit that was just shown; drops the oldest ones, never it. */
void history_add(struct history *h, struct commit *c, const struct history_limits *limits,
		 struct chains *chains);
/* The commit of that revision if the ring has it, else NULL. Borrowed. */
const struct commit *history_find(const struct history *h, uint64_t revision);

/* Where events come from, and what is wanted. */
struct history_query {
	const struct history *history;
	const struct log_index *index;
	struct journal *journal;
	struct stream stream; /* empty kind: all */
	uint64_t after;       /* a store_version */
	size_t limit;
	int (*each)(void *arg, const struct store_event *);
	void *arg;
	bool *more;
};

/* Calls `each` in order. Returns what a non-zero `each` returned, ERR_CORRUPT
 * or ERR_IO of the journal, ERR_COMPACTED when an old value is gone. */
int history_events(const struct history_query *q);
/* The commit of a journaled revision, from the log, old values included.
 * The caller destroys it. ERR_COMPACTED when it is not there any more. */
int history_load(struct journal *j, uint64_t revision, struct commit **out);
void history_fini(struct history *h);

#endif
