/* What one transaction changed: rows after and rows before, with the links
 * of the streams that it belongs to. Made when the transaction is validated,
 * shown when it is synced, then kept in the history.
 *
 * Links: a change belongs to its key's stream, to the partition of its new
 * row, and to the partition of the old row when that is another one. */
#ifndef STORE_LOCAL_COMMIT_H
#define STORE_LOCAL_COMMIT_H

#include "store/store.h"
#include "store/local/row.h"

enum {
	STORE_LINKS_MAX = 3,
	/* "stream@part" */
	STORE_STREAM_BYTES_MAX = STORE_KEY_BYTES_MAX + 1 + STORE_PART_BYTES_MAX,
};

/* A stream's name in its two halves; the part is empty for a whole kind. */
struct stream {
	struct span kind, part;
};

/* "pods@n1" in its halves; neither may be longer than a key. */
struct stream stream_split(struct span name);
bool stream_eq(struct stream a, struct stream b);
/* Writes "kind" or "kind@part" and returns it. */
struct span stream_name(struct stream s, uint8_t buf[STORE_STREAM_BYTES_MAX]);
/* The streams of a change, in the order of its links. `was_part` NULL: there
 * was no row before. Returns how many. */
unsigned stream_links(struct span key, struct span part, const struct span *was_part,
		      struct stream out[STORE_LINKS_MAX]);

struct change {
	struct row *row; /* value NULL: deleted */
	struct row *was; /* NULL: created */
	uint64_t prev[STORE_LINKS_MAX];
};

struct commit {
	uint64_t revision;
	struct store_origin origin; /* the principal's bytes lie behind the changes */
	bool soft;                  /* not journaled */
	unsigned count;
	size_t bytes; /* what it takes in memory, values included */
	struct change changes[];
};

/* Room for `count` changes, none filled in; copies the origin. */
struct commit *commit_new(uint64_t revision, const struct store_origin *o, unsigned count);
void commit_destroy(struct commit *c); /* NULL is fine */
/* Call it when all changes are filled in: counts `bytes`. */
void commit_seal(struct commit *c);
unsigned commit_links(const struct change *ch, struct stream out[STORE_LINKS_MAX]);

/* Where the names of an event's streams lie while it is shown. */
struct event_names {
	uint8_t text[STORE_LINKS_MAX][STORE_STREAM_BYTES_MAX];
};

/* The event of one change; borrows from the commit and from `names`. */
void commit_event(const struct commit *c, unsigned index, struct store_event *out,
		  struct event_names *names);

#endif
