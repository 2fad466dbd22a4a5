/* The journal: where the local store's truth is kept. A port with two
 * implementations: `lmdb` (a file, a writer thread of its own) and `memory`
 * (tests and the simulator; what is not synced is lost by journal_memory_cut).
 *
 * It knows revisions and bytes, nothing else. A record is one transaction,
 * encoded by the store (record.h). Batches are appended one at a time; while
 * one is being synced the store collects the next: group commit.
 *
 * Threads: all calls on the owner's loop thread. None blocks but load, read,
 * (bounded by its limit) and close. */
#ifndef STORE_LOCAL_JOURNAL_H
#define STORE_LOCAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

/* One log row. The journal adds and verifies a checksum around it. */
struct journal_record {
	uint64_t revision;
	struct bytes *data;
};

/* Small facts that are committed together with records. */
struct journal_meta {
	uint64_t epoch;           /* made at creation, changed by restore */
	uint64_t reserved;        /* no revision up to here is ever given again */
	uint64_t compacted;       /* log rows at or below are gone or may go */
	uint64_t checkpoint_base; /* the object table holds all up to here */
	uint64_t restored; /* 0, or where a restored backup went on: nothing below is followed */
};

/* A slice of a checkpoint sweep: object rows to write and keys to remove. */
struct journal_object {
	struct span key;
	struct bytes *row; /* encoded by the store; NULL: remove */
};

struct journal_batch {
	const struct journal_record *records;
	size_t record_count;
	const struct journal_object *objects;
	size_t object_count;
	struct journal_meta meta; /* written when it differs from what is there */
	uint64_t trim_to;         /* remove log rows up to here; bounded per batch */
};

struct journal;

struct journal_ops {
	int (*load)(struct journal *, struct journal_meta *,
		    int (*object)(void *, struct span key, struct span row),
		    int (*record)(void *, uint64_t revision, struct span data), void *arg,
		    struct err *);
	int (*append)(struct journal *, const struct journal_batch *);
	int (*reap)(struct journal *, struct err *);
	int (*fd)(struct journal *);
	int (*read)(struct journal *, uint64_t from, size_t limit,
		    int (*record)(void *, uint64_t revision, struct span data), void *arg);
	bool (*full)(struct journal *);
	int (*backup)(struct journal *, const char *path, struct err *);
	int (*backup_reap)(struct journal *, struct err *);
	void (*close)(struct journal *);
};

struct journal {
	const struct journal_ops *ops;
};

/* Reads meta, all object rows in key order, then all records after
 * checkpoint_base in order. Once, before the first append. ERR_CORRUPT names
 * the first bad one; a non-zero return of a callback ends it and is returned,
 * wrapped with the key or the revision. `meta` is filled before any callback;
 * callbacks may call journal_read. */
int journal_load(struct journal *j, struct journal_meta *meta,
		 int (*object)(void *, struct span key, struct span row),
		 int (*record)(void *, uint64_t revision, struct span data), void *arg,
		 struct err *e);
/* Starts writing one batch; it must stay as it is until reaped. One at a time. */
int journal_append(struct journal *j, const struct journal_batch *b);
/* ERR_AGAIN: the batch is still being written. 0: it is synced. Another
 * code: it is not, and the journal takes nothing more until reopened. */
int journal_reap(struct journal *j, struct err *e);
/* Readable when reap has an answer; -1 when there is none to wait for. */
int journal_fd(struct journal *j);
/* Synced records with revision >= from, in order, up to limit. A non-zero
 * return of `record` ends it and is returned. ERR_CORRUPT: a checksum failed.
 * `record` may call journal_read itself. */
int journal_read(struct journal *j, uint64_t from, size_t limit,
		 int (*record)(void *, uint64_t revision, struct span data), void *arg);
/* The quota is used up: the owner should append what frees room, little
 * else. As of the last batch that was synced, or a little before. */
bool journal_full(struct journal *j);
/* As store_backup and store_backup_reap; journal_fd tells the end too. */
int journal_backup(struct journal *j, const char *path, struct err *e);
int journal_backup_reap(struct journal *j, struct err *e);
void journal_close(struct journal *j); /* waits for the batch in flight; NULL is fine */

struct journal_lmdb_options {
	const char *dir;      /* is made (0700) when absent; its parent must exist */
	uint64_t quota_bytes; /* 0: 8 GiB; the map is twice that */
	/* Nothing is made, written or upgraded; there is no writer thread and
	 * append fails. `dir` may be a backup's file then, which needs no lock. */
	bool read_only;
};
/* Starts the writer thread, which blocks all signals. ERR_BUSY: another
 * process has the directory (an exclusive lock is taken before LMDB sees it).
 * ERR_CORRUPT, ERR_UNSUPPORTED (format), ERR_IO. */
int journal_lmdb_open(struct journal **out, const struct journal_lmdb_options *o, struct err *e);

/* Puts a backup's file in the place of the journal in `dir`, which nobody may
 * have open (ERR_BUSY) and which may be absent. What lay there is kept as
 * data.mdb.replaced. The epoch is a new one, and revisions go on far above
 * all that backup and old journal gave: no version from before is followed. */
struct journal_restored {
	uint64_t backup_revision; /* reserved by then */
	uint64_t revision;        /* goes on above */
	bool replaced;
};
int journal_lmdb_restore(const char *file, const char *dir, struct journal_restored *out,
			 struct err *e);

/* In memory, without a thread: the first reap after an append says that it
 * is synced, unless the journal is held. */
struct journal_disk; /* what survives: used by one open journal after another */
struct journal_disk *journal_disk_new(void);
void journal_disk_destroy(struct journal_disk *d); /* after the journal was closed */
/* `record` is told of every record when it is on the disk; NULL: nobody is. */
void journal_disk_watch(struct journal_disk *d,
			void (*record)(void *arg, uint64_t revision, struct span data), void *arg);
/* Without a disk it has one of its own, which nothing survives. */
int journal_memory_open(struct journal **out, struct journal_disk *disk, struct err *e);
/* The simulator decides when a sync is done: an appended batch stays in
 * flight while held. */
void journal_memory_hold(struct journal *j, bool hold);
/* So many batches are let through although it is held. */
void journal_memory_allow(struct journal *j, size_t batches);
bool journal_memory_busy(struct journal *j); /* a batch is in flight */
/* Records in the batch in flight, 0 if there is none. */
size_t journal_memory_in_flight(struct journal *j);
/* Power cut: of the batch in flight the first `survives` records had reached
 * the disk; more than none and all of them: objects and meta too. The
 * journal fails from then on with ERR_IO. */
void journal_memory_cut(struct journal *j, size_t survives);
/* The disk that such a cut now would leave, beside this one, which goes on;
 * the caller destroys it. */
struct journal_disk *journal_memory_left(struct journal *j, size_t survives);
/* The next reap of a batch fails with ERR_IO and this text, and nothing of
 * the batch is on the disk. */
void journal_memory_fail(struct journal *j, const char *text);
/* What journal_full answers. */
void journal_memory_set_full(struct journal *j, bool full);
/* Every journal of that disk: full or not. */
void journal_disk_set_full(struct journal_disk *d, bool full);
/* From now on its syncs lie: journal_disk_lose takes all back that they wrote.
 * False: no more; what is there stays. */
void journal_disk_set_lying(struct journal_disk *d, bool lying);
/* The power fails, with no journal open. True: it lied and records are gone,
 * those behind revision *kept. It goes on lying. */
bool journal_disk_lose(struct journal_disk *d, uint64_t *kept);
/* Rises: how often fullness stood in the way, a lie was told, or a damaged
 * record was met. */
struct journal_disk_touched {
	uint64_t full, lies, damaged;
};
const struct journal_disk_touched *journal_disk_touched(const struct journal_disk *d);
/* Of a record on the disk, the nth from the oldest; 0: it has none. */
uint64_t journal_disk_revision(const struct journal_disk *d, uint64_t nth);
/* Flips a bit in the stored record; false when there is no such record. */
bool journal_disk_damage(struct journal_disk *d, uint64_t revision);

#endif
