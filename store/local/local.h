/* The local store from the inside: what its files share. Nobody else looks
 * here but tests, for the limits.
 *
 *   txn.c     validates a transaction against state and writes in flight
 *   batch.c   groups what was validated, hands it to the journal, shows it
 *   load.c    rebuilds everything from the journal
 *   local.c   open, poll, reads, close */
#ifndef STORE_LOCAL_LOCAL_H
#define STORE_LOCAL_LOCAL_H

#include "store/local/chain.h"
#include "store/local/checkpoint.h"
#include "store/local/dedup.h"
#include "store/local/history.h"
#include "store/local/journal.h"
#include "store/local/leases.h"
#include "store/local/logindex.h"
#include "store/local/state.h"
#include "store/store.h"

struct local_limits {
	struct log_keep keep;         /* history in the log */
	struct history_limits recent; /* history in memory */
	size_t batch_txns, batch_bytes;
	size_t batch_early; /* so many make a batch before the next poll */
	size_t queue_txns, queue_bytes; /* beyond: ERR_OVERLOADED */
	uint64_t reserve;               /* revisions are reserved in blocks of */
	uint64_t checkpoint_bytes;      /* a sweep starts when the log is this long */
	struct slice_limits slice;
	size_t trim_blocks; /* of the log index, per batch */
};

extern const struct local_limits local_limits_default;

/* A transaction between store_txn and its outcome. */
struct pending {
	struct pending *next;
	uint64_t ticket;
	int status;
	bool compared;
	bool own; /* the store's own: nobody is told its outcome */
	uint64_t revision; /* of its commit; of an earlier one it repeats; that its rows are of */
	uint64_t rests_on; /* without a commit: answered once this is shown */
	struct commit *commit; /* NULL: changes nothing */
	struct bytes *record;  /* NULL: soft, or changes nothing */
	uint64_t floor;        /* of the record */
	char text[160];
	size_t row_count;
	struct row *rows[];
};

struct queue {
	struct pending *first, **last;
	size_t count, bytes;
};

struct local {
	struct store store;
	struct store_client client;
	struct journal *journal;
	struct local_limits limits;

	/* truth, rebuilt from the journal */
	struct journal_meta meta; /* as synced */
	struct state state;
	struct chains chains;
	struct log_index index;
	struct dedup dedup;
	struct leases leases;
	uint64_t shown;     /* the newest revision that readers see */
	uint64_t given;     /* the newest revision handed to a transaction */
	uint64_t last_logged; /* the newest of those with a record */
	uint64_t compacted; /* decided; meta has it when synced */
	uint64_t compact_to; /* asked for, not decided yet if it is above */
	bool reclaim;        /* the log is shortened although nobody writes */

	/* cache */
	struct history history;
	int64_t last_wall_us;  /* of the newest shown record */
	uint64_t unswept;      /* bytes of records that no checkpoint covers */

	/* on their way */
	struct queue collected; /* validated, in order of revision */
	struct queue flying;    /* in the batch that the journal writes */
	struct queue landed;    /* synced, to be shown */
	struct queue answers;   /* change nothing; wait for what they rest on */
	bool answer_due;        /* one of them may be ready */
	bool in_flight;
	struct journal_batch batch;
	struct journal_record *records;
	size_t records_cap;
	struct sweep sweep;
	struct slice slice;
	uint64_t swept_bytes; /* of `unswept`, what the running sweep will cover */

	struct err failed; /* the journal's, told at the next poll */
	bool polling, stopped;
	char why[160]; /* stopped: the journal's words */
};

/* ---- txn.c */
int local_txn(struct local *l, const struct store_txn *t, uint64_t ticket, struct err *e);
/* The store's own transaction, without an outcome. */
int local_delete(struct local *l, struct span key);
void pending_destroy(struct pending *p);
/* Hands the outcome to the client and destroys it. */
void pending_report(struct local *l, struct pending *p);
void queue_init(struct queue *q);
void queue_push(struct queue *q, struct pending *p);
void queue_move(struct queue *to, struct queue *from); /* behind what is there */
struct pending *queue_pop(struct queue *q); /* NULL when empty */

/* ---- batch.c. All return whether they did anything. */
bool batch_reap(struct local *l);
bool batch_start(struct local *l);
/* Between polls, when many were collected: the journal has no need to wait
 * until all of the last batch is shown. Calls nobody back. */
void batch_early(struct local *l);
/* Soft commits with nothing before them need no journal. */
bool batch_show_soft(struct local *l);
bool batch_answer(struct local *l);
/* Everything that waits is answered ERR_IO; no write is taken any more. */
void batch_fail(struct local *l, const struct err *why);

/* ---- load.c */
int local_load(struct local *l, struct err *e);

/* ---- local.c */
int local_open_limits(struct store **out, struct journal **journal,
		      const struct store_client *client, const struct local_limits *limits,
		      struct err *e);

#endif
