/* A watch: a place in a stream, and what of it is wanted.
 *
 * It is pulled, holds nothing open and costs the store nothing: `after` is
 * all its state, a reader can keep it anywhere and go on from it in another
 * life. Each change comes once, in order; one cut off anywhere, even between
 * the changes of one transaction, goes on with the next.
 *
 * A predicate is asked about the row before and the row after a change, so
 * that the follower of "what matches" hears of a key that no longer does.
 * Works on any store.h; the model is etcd's watch and what Kubernetes' API
 * makes of selectors. */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include "store/store.h"

struct store_watch {
	struct span stream; /* empty: all */
	struct span prefix; /* of the keys; empty: all */
	/* NULL: every row. Rows handed to it have a value. */
	bool (*matches)(void *arg, const struct store_row *);
	void *arg;
	/* Everything up to here was told or is not wanted. Set it to begin. */
	uint64_t after;
};

enum store_seen {
	STORE_SEEN_ENTERED, /* created, or matches now and did not */
	STORE_SEEN_CHANGED,
	STORE_SEEN_LEFT, /* deleted, or matches no longer: e->was is what it was */
};

/* Looks at up to `limit` events (0: STORE_RANGE_MAX), tells those that are
 * wanted, moves `after`. *more: it is not at the stream's head yet; else
 * `after` is that head, which is the watch's progress. ERR_COMPACTED: some are
 * gone, begin with a range again. What a non-zero `each` returned: that event
 * counts as not told. */
int store_watch_next(struct store *s, struct store_watch *w, size_t limit,
		     int (*each)(void *arg, enum store_seen, const struct store_event *), void *arg,
		     bool *more);

#endif
