/* One journaled transaction as bytes, and back: what lies in the log.
 *
 * msgpack, all positional:
 *   [before, floor, compared, origin, fence, [change...]]
 *   origin  [request bin, principal bin, trace hi, trace lo, span, cause, wall µs]
 *   fence   nil or [key bin, token]
 *   change  [key bin, value bin (nil: deleted), create version, changes, part bin,
 *            flags, old mod version (0: none), old part bin, old value bin or nil,
 *            [previous version in each of its streams]]
 *           and, where one of them is there, lease key bin and time to live, ms
 * `compared`: whether the compares held, so which branch this was.
 * The row of the n-th change has mod_version (revision, n).
 *
 * `before` is the revision of the record before this one: a lost row shows.
 * `floor`: an old value of a revision above it is looked up in the log, which
 * keeps those as long as this record is kept; an older one is copied in here.
 * When the journal is full neither holds: such an event can be gone earlier
 * than its record, and who asks for it is told to re-list.
 *
 * Object rows of the checkpoint: [value bin, create, mod, changes, part bin, flags]
 * and the same two. Format 1 had no leases, else it is the same: what it wrote
 * is read as it is. */
#ifndef STORE_LOCAL_RECORD_H
#define STORE_LOCAL_RECORD_H

#include "broker/base/bytes.h"
#include "store/local/commit.h"
#include "store/store.h"

struct record_change {
	struct span key, part, value, lease;
	uint32_t ttl_ms;
	bool deleted, secret;
	uint64_t create, changes;
	uint64_t was_mod; /* 0: there was no row before */
	struct span was_part, was_value;
	bool was_secret, was_inline; /* inline: was_value holds it */
	unsigned links;
	uint64_t prev[STORE_LINKS_MAX];
};

/* A record taken apart; borrows from the bytes that it was read from. */
struct record {
	uint64_t before, floor;
	bool compared;
	struct store_origin origin;
	struct span fence_key;
	uint64_t fence_token;
	unsigned count;
	struct record_change changes[STORE_CHANGES_MAX];
};

/* What a record says beside its commit. `prev[i]` are the links of change i
 * among journaled changes only. */
struct record_head {
	uint64_t before, floor;
	bool compared;
	bool lean; /* copy no old values: there is no room */
	struct span fence_key;
	uint64_t fence_token;
	const uint64_t (*prev)[STORE_LINKS_MAX];
};

struct bytes *record_encode(const struct commit *c, const struct record_head *h);
/* ERR_CORRUPT when it is not what record_encode writes. */
int record_decode(struct span data, struct record *out);

struct bytes *record_row_encode(const struct row *r);
/* The caller owns the row. ERR_CORRUPT as above. */
int record_row_decode(struct span key, struct span data, struct row **out);

#endif
