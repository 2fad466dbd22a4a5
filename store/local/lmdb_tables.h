/* The three LMDB tables of the journal: how rows lie in them.
 *
 *   meta    "format" -> text; "meta" -> checksum, then five u64
 *   object  key -> checksum, row
 *   log     revision (big endian) -> checksum, record
 *
 * A checksum is CRC-32C over key and what follows it, little endian. LMDB's
 * keys end at 511 bytes and the store's at more: a key of 511 bytes or longer
 * lies in a bucket, with all that share its first 510 bytes:
 *   510 bytes, 0x01 -> checksum, then (u16 key length, u32 row length, key, row)...
 *
 * Functions named _put and _trim return LMDB's codes (0, MDB_..., errno); those
 * that read return ours. All within the caller's transaction. */
#ifndef STORE_LOCAL_LMDB_TABLES_H
#define STORE_LOCAL_LMDB_TABLES_H

#include <lmdb.h>

#include "broker/base/bytes.h"
#include "store/local/journal.h"

struct lmdb_tables {
	MDB_dbi meta, object, log;
};

/* A format that is older is read as it is and called by the newest name when
 * it is opened for writing: a version that does not know leases must not read
 * what is written from then on. From 1: meta has a fifth number, rows may have
 * a lease (record.h). */
#define LMDB_FORMAT "troupe-journal-2"

/* Opens the tables, makes them in an empty environment. ERR_UNSUPPORTED: made
 * by a later version, or not by us; ERR_CORRUPT, ERR_IO. */
int lmdb_tables_open(MDB_txn *txn, struct lmdb_tables *t, uint64_t new_epoch,
		     struct journal_meta *meta, struct err *e);
/* The same in a transaction that cannot write: nothing is made or renamed. */
int lmdb_tables_open_read(MDB_txn *txn, struct lmdb_tables *t, struct journal_meta *meta,
			  struct err *e);
int lmdb_meta_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_meta *m);
int lmdb_record_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_record *r);
int lmdb_object_put(MDB_txn *txn, const struct lmdb_tables *t, const struct journal_object *o);
/* Removes records up to `to`, at most `limit`. */
int lmdb_log_trim(MDB_txn *txn, const struct lmdb_tables *t, uint64_t to, size_t limit);

/* Where a walk over rows stopped. */
struct lmdb_walk {
	uint64_t revision; /* of the record */
	struct span key;   /* of the object row */
};

int lmdb_each_record(MDB_txn *txn, const struct lmdb_tables *t, uint64_t from, size_t limit,
		     int (*record)(void *, uint64_t revision, struct span data), void *arg,
		     struct lmdb_walk *w);
int lmdb_each_object(MDB_txn *txn, const struct lmdb_tables *t,
		     int (*object)(void *, struct span key, struct span row), void *arg,
		     struct lmdb_walk *w);

/* Walks the log's keys. LMDB's pages have no checksums: a leaf whose count is
 * damaged hides rows, and only the table's own count tells. ERR_CORRUPT;
 * lmdb_each_object looks at its table's in the same way. */
int lmdb_log_count(MDB_txn *txn, const struct lmdb_tables *t);

/* Fills `e` from LMDB's code: "commit: No space left on device (DIR)". */
int lmdb_error(struct err *e, int rc, const char *step, const char *dir);

#endif
