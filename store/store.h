/* The store: etcd's promises behind one interface.
 *
 * One revision a transaction, numbered over everything. A transaction is
 * compare / then / else; all of it happens or nothing. What is acknowledged
 * is synced, and no revision is shown before it is. Everything that happened
 * is an event; a watch sees each once, in order, or is told ERR_COMPACTED.
 * The model is etcd's (etcd.io, "KV API guarantees").
 *
 * Keys are byte strings "stream/rest": what stands before the first '/' is
 * the key's *stream* ("pods"; no '@' in it, and no zero byte first). A put
 * may name a *part* ("n1"): its events then also belong to the partition
 * stream "pods@n1", of the old part too when the part changed. A stream's
 * events are linked: each carries the mod_version of the stream's previous
 * event, so that a follower sees a gap.
 *
 * Threads: a store belongs to the loop that opened it. No call blocks; the
 * journal works elsewhere and answers through `poll`.
 * Ownership: arguments are borrowed for the call unless it says otherwise;
 * bytes are counted (bytes_ref to keep). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum {
	STORE_KEY_BYTES_MAX = 600,
	STORE_PART_BYTES_MAX = 253,
	STORE_PRINCIPAL_BYTES_MAX = 1024,
	STORE_VALUE_BYTES_MAX = 1536 * 1024,
	STORE_TXN_BYTES_MAX = 4 * 1024 * 1024, /* all values of one transaction */
	STORE_OPS_MAX = 100, /* compares, and operations, of one transaction */
	STORE_RANGE_MAX = 10000,
	STORE_LEASE_KEYS_MAX = 100,
	/* A deletion of a lease takes its keys with it, in one transaction. */
	STORE_CHANGES_MAX = 2 * STORE_OPS_MAX,
	STORE_POSITION_BITS = 10, /* see store_version */
};

/* The number of one change: unique over all kinds and rising; what the API
 * shows as resourceVersion. `position` counts from 0 in the transaction. */
static inline uint64_t store_version(uint64_t revision, unsigned position)
{
	return revision << STORE_POSITION_BITS | position;
}

/* One key as it is. `version` fields are store_version numbers. */
struct store_row {
	struct span key;
	struct bytes *value;    /* NULL: the key does not exist */
	uint64_t create_version; /* of the change that made it */
	uint64_t mod_version;    /* of the last change */
	uint64_t changes;        /* 1 for a new key; etcd's "version" */
	struct span part;
	bool secret; /* its value never goes on the bus */
	/* Not told of an event's `was`. */
	struct span lease; /* the key that this one goes with; empty: none */
	uint32_t ttl_ms;   /* not 0: the key is a lease */
};

enum store_field {
	STORE_MOD,    /* mod_version == number; 0: the key does not exist */
	STORE_CREATE, /* create_version == number */
	STORE_CHANGES,
	STORE_EXISTS, /* number 1: exists, 0: does not */
	STORE_VALUE,  /* the value's bytes are equal to `value` */
};

struct store_compare {
	struct span key;
	enum store_field field;
	uint64_t number;
	struct span value;
};

enum store_verb { STORE_PUT, STORE_DELETE, STORE_GET };

struct store_op {
	enum store_verb verb;
	struct span key;
	struct bytes *value; /* put: borrowed; the store takes its own reference */
	struct span part;    /* put: the partition, may be empty */
	/* put: never journaled (heartbeats): after a restart the key is gone,
	 * without an event. A key is soft or durable from its creation to its
	 * deletion, and so is all that one transaction changes. */
	bool soft;
	bool secret;
	/* put: makes the key a lease, which is deleted when nobody has called
	 * store_keep for so long, or another put; what it is, it stays. */
	uint32_t ttl_ms;
	/* put: the lease that this key goes with, as soft or as durable as it;
	 * it must exist (ERR_NOT_FOUND) and takes STORE_LEASE_KEYS_MAX keys
	 * (ERR_LIMIT). A put without one detaches. Whoever deletes a lease
	 * deletes its keys in the same transaction. */
	struct span lease;
};

/* Who did it and why: kept in the journal with the change. */
struct store_origin {
	/* All zero: no deduplication. A repeated id gets the first outcome for
	 * 10 minutes (at most 100,000 ids): that of a durable change also after
	 * a restart, that of failed compares until then, a soft change's never.
	 * Rows that were only read, and those of failed compares, are as of now;
	 * a change that has left the history comes back without rows. */
	uint8_t request[16];
	struct span principal;
	uint64_t trace_hi, trace_lo, span;
	uint64_t cause; /* the store revision that led to this, 0 unknown */
	int64_t wall_us; /* the caller's clock, one for all: history and ids are kept by it */
};

struct store_txn {
	struct store_origin origin;
	/* A singleton's lease: key and the mod_version that its holder was
	 * given. Another one there answers ERR_FENCED. Empty key: none. */
	struct span fence_key;
	uint64_t fence_token;
	const struct store_compare *compares;
	size_t compare_count;
	/* In order; each key is changed at most once. Deleting a key that does
	 * not exist changes nothing (its row: mod_version 0). */
	const struct store_op *then_ops, *else_ops;
	size_t then_count, else_count;
};

/* What became of a transaction. `rows` has, in order, one row per operation
 * of the branch that ran (a put's post-image; a delete's row with value NULL
 * and mod_version of the deletion; a get's row). When a compare failed and
 * there is no else branch: one row per compare as the key is now, so that
 * the writer can try again without reading. Valid during the callback. */
struct store_outcome {
	uint64_t ticket;
	int status;        /* 0, ERR_CONFLICT, ERR_FENCED, ERR_FULL, ERR_IO, ERR_LIMIT, ERR_INVALID,
			      ERR_NOT_FOUND (a lease) */
	bool compared;     /* all compares held */
	uint64_t revision; /* of this transaction; when nothing was written, that the rows are of */
	size_t row_count;
	const struct store_row *rows;
	char text[160]; /* for status other than 0: what is wrong */
};

/* A stream that a change belongs to, and its previous event there. */
struct store_link {
	struct span stream;
	uint64_t prev; /* mod_version of the stream's previous event, 0 none */
};

/* One committed change. A transaction of `count` changes gives `count` calls
 * in a row with index 0 .. count-1. Valid during the callback. */
struct store_event {
	uint64_t revision;
	unsigned index, count;
	struct store_row row;  /* value NULL: deleted */
	struct store_row was;  /* value NULL: created */
	struct store_link links[3]; /* kind; partition; old partition */
	size_t link_count;
	const struct store_origin *origin;
};

/* What the store calls back, on its owner's thread, from `poll` only. The
 * events of a revision come before its outcome, revisions in order. */
struct store_client {
	void *arg;
	/* May return the row's value in other bytes, equal ones, as a new
	 * reference: the store keeps those from then on, in place of its own, so
	 * that an object lies in a process once. NULL: nothing of that kind. */
	struct bytes *(*on_event)(void *arg, const struct store_event *);
	void (*on_outcome)(void *arg, const struct store_outcome *);
	/* The journal failed: no write will be accepted any more. */
	void (*on_failure)(void *arg, int code, const char *text);
};

struct store_head {
	uint64_t revision;  /* committed and shown */
	uint64_t compacted; /* events at or below are gone */
	uint64_t epoch;     /* changes when a backup was restored: re-list */
	bool full;          /* the quota is used up: ERR_FULL for what is not a deletion */
};

struct store;

/* Implementations fill this table; callers use the functions below it. */
struct store_ops {
	int (*txn)(struct store *, const struct store_txn *, uint64_t ticket, struct err *);
	int (*range)(struct store *, struct span from, struct span end, size_t limit,
		     int (*each)(void *arg, const struct store_row *), void *arg, bool *more);
	int (*events)(struct store *, struct span stream, uint64_t after, size_t limit,
		      int (*each)(void *arg, const struct store_event *), void *arg, bool *more);
	void (*head)(struct store *, struct store_head *);
	uint64_t (*stream_head)(struct store *, struct span stream);
	int (*keep)(struct store *, struct span lease, int64_t now_us, struct err *);
	int64_t (*tick)(struct store *, int64_t now_us);
	int (*compact)(struct store *, uint64_t revision, struct err *);
	int (*backup)(struct store *, const char *path, struct err *);
	int (*backup_reap)(struct store *, struct err *);
	int (*poll)(struct store *);
	int (*fd)(struct store *);
	void (*close)(struct store *);
};

struct store {
	const struct store_ops *ops;
};

/* Hands a transaction in. 0: its outcome comes exactly once, later, with
 * this ticket, from store_poll. ERR_INVALID or ERR_LIMIT (a broken request),
 * ERR_OVERLOADED (too many wait for the disk), ERR_IO (stopped): refused now
 * and nothing happens. */
int store_txn(struct store *s, const struct store_txn *t, uint64_t ticket, struct err *e);
/* Committed rows with from <= key < end in key order, at the shown revision.
 * An empty `end`: all from `from` on. Stops after `limit` rows (0:
 * STORE_RANGE_MAX) and sets *more, or when `each` returns non-zero (returned). */
int store_range(struct store *s, struct span from, struct span end, size_t limit,
		int (*each)(void *arg, const struct store_row *), void *arg, bool *more);
/* The same as of a revision that is past, so that the pages of one list belong
 * to one revision: costs the events since, too. ERR_COMPACTED when they are
 * gone; ERR_INVALID: not shown yet. */
int store_range_at(struct store *s, struct span from, struct span end, uint64_t revision,
		   size_t limit, int (*each)(void *arg, const struct store_row *), void *arg,
		   bool *more);
/* How many rows there are with from <= key < end; walks them. */
uint64_t store_count(struct store *s, struct span from, struct span end);
/* Events of a stream with mod_version > `after`, in order, up to `limit` (0:
 * STORE_RANGE_MAX; *more says whether there are others). ERR_COMPACTED when
 * some of them are gone; a stream that was quiet since `after` never is.
 * Empty stream: all. Recent ones come from memory, older ones (soft ones do
 * not exist there) from the journal. ERR_CORRUPT, ERR_IO. */
int store_events(struct store *s, struct span stream, uint64_t after, size_t limit,
		 int (*each)(void *arg, const struct store_event *), void *arg, bool *more);
void store_head(struct store *s, struct store_head *out);
/* mod_version of the stream's last shown event. Without one, what to go on
 * after: 0, or more after a restore and where a partition was forgotten. */
uint64_t store_stream_head(struct store *s, struct span stream);
/* The lease has its whole time again, by a clock that only the caller knows
 * (any, as long as it rises). Nothing is written: after a restart every lease
 * begins anew. ERR_NOT_FOUND. */
int store_keep(struct store *s, struct span lease, int64_t now_us, struct err *e);
/* Deletes leases whose time is over. Returns when to call it again
 * (INT64_MAX: when there is a lease); call it after a put of one, too. */
int64_t store_tick(struct store *s, int64_t now_us);
/* Forgets events up to this revision now; what they took goes in the batches
 * that follow, a little in each. store_head tells when it is so. Older values
 * are gone, the newest never. ERR_INVALID: not shown yet; ERR_COMPACTED: it
 * is so already; ERR_IO: stopped. */
int store_compact(struct store *s, uint64_t revision, struct err *e);
/* Begins to write a copy as of now to a file that must not exist, beside the
 * running store: it is complete when the file is there. One at a time
 * (ERR_BUSY). ERR_UNSUPPORTED: the journal cannot. */
int store_backup(struct store *s, const char *path, struct err *e);
/* ERR_AGAIN: not done yet, poll for store_fd; else how the last one ended. */
int store_backup_reap(struct store *s, struct err *e);
/* Does what is due: starts the next batch, reports what was synced. Call it
 * when fd is readable and after a turn that called store_txn. Callbacks may
 * call anything but store_close. 0, or ERR_IO when the store has stopped. */
int store_poll(struct store *s);
/* Readable when poll has something to do; -1 when polling it is enough. */
int store_fd(struct store *s);
/* Waits for what is in flight, then closes; calls nothing back: poll until
 * all outcomes are there for an orderly end. NULL is fine. */
void store_close(struct store *s);

/* The key's stream: what stands before its first '/'. */
struct span store_stream_of(struct span key);

struct journal;
/* The store on one machine. Takes the journal over, on failure too. Replays
 * it; ready when it returns. */
int store_local_open(struct store **out, struct journal **journal,
		     const struct store_client *client, struct err *e);

#endif
