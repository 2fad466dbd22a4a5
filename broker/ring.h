/* The tap's ring: what happened on one loop thread, in shared memory.
 *
 * One writer, which never waits and never asks who reads; any number of
 * readers, in any process, that come and go. What a reader was too slow for
 * is overwritten, and it is told exactly which records those were. A record
 * has 64 bytes, always; a message's body is kept beside it only while some
 * reader says that it wants bodies. Names are kept once, in a table of slots:
 * when it is full the name not used for longest goes, and records that still
 * mention it show "?".
 *
 * The file: a page of header, the name slots, the records, the body bytes.
 * All of it is reserved when it is made, so that a disk that fills up later
 * cannot hurt the writer. It outlives its writer: the next one of the same
 * cell keeps it as NAME.last and makes a new one, which readers notice by the
 * incarnation.
 *
 * Threads: a writer belongs to its loop, a reader to whoever opened it. */
#ifndef BROKER_RING_H
#define BROKER_RING_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

/* Appended to, never renumbered: rings of an older program are read too. */
#define RING_EVENTS(X)                                                         \
	X(RING_SENT, 1, "sent", "a turn released it")                          \
	X(RING_REPLIED, 2, "replied", "the same, of an answer")                \
	X(RING_DELIVERED, 3, "delivered", "it is in its receiver's mailbox")   \
	X(RING_TURN, 4, "turn", "its receiver dealt with it")                  \
	X(RING_DEAD, 5, "dead", "it could not be delivered")                   \
	X(RING_CRASHED, 6, "crashed", "an actor failed in a turn")             \
	X(RING_STARTED, 7, "started", "an actor, anew after a failure too")    \
	X(RING_ENDED, 8, "ended", "an actor, for good")                        \
	X(RING_VIEW, 9, "view", "a view is complete, or listed again")

enum ring_event {
#define RING_EVENT(name, number, word, help) name = number,
	RING_EVENTS(RING_EVENT)
#undef RING_EVENT
	RING_EVENT_END = 10,
};

/* "sent", ...; "?" for numbers of a newer program. */
const char *ring_event_name(unsigned event);
unsigned ring_event_by_name(struct span word); /* 0: there is none */

struct ring_record {
	uint32_t sequence; /* low half of its number in the ring */
	uint32_t body;     /* where its body is; 0: none was kept */
	uint64_t time_us;  /* CLOCK_MONOTONIC */
	uint32_t from, to; /* names */
	uint16_t kind;     /* of the catalogue; 0: none */
	uint8_t event;
	uint8_t detail; /* envelope type; RING_TURN: what the turn was about;
			 * RING_DEAD, RING_CRASHED: the error's wire number */
	uint32_t size;  /* of the body; RING_TURN: microseconds that it took */
	uint64_t id;    /* the message's number at its sender; RING_TURN: microseconds in the mailbox */
	uint64_t correlation; /* of request and answer; of a bus event: its version */
	uint64_t trace;       /* low half */
	uint32_t span, parent; /* low halves */
};
_Static_assert(sizeof(struct ring_record) == 64, "the format");

/* ---- the writer */

struct ring;

struct ring_config {
	const char *path; /* DIR/CELL.ring */
	const char *cell;
	uint64_t incarnation; /* another one for every writer, not 0 */
	uint32_t records;     /* a power of two */
	uint32_t body_bytes;  /* a power of two */
};

enum { RING_RECORDS = 16384, RING_BODY_BYTES = 1 << 20 }; /* what cells take */

/* ERR_IO: no room, no directory. */
int ring_open(struct ring **out, const struct ring_config *cfg, struct err *e);
void ring_close(struct ring *r); /* NULL is fine; the file stays */
uint32_t ring_intern(struct ring *r, struct span name);
bool ring_wants_bodies(const struct ring *r, uint64_t now_us);
/* Sequence and body are filled in. An empty body, and one larger than a
 * quarter of the room, is not kept. */
void ring_write(struct ring *r, struct ring_record *record, struct span body);
/* What the loop is about to do: readable when it hangs or dies in it.
 * `actor` 0: nothing. */
void ring_now(struct ring *r, uint32_t actor, uint16_t kind, unsigned attempt, uint64_t since_us);

/* ---- readers */

struct ring_reader;

/* Begins at the end: with what is written from now on. ERR_NOT_FOUND,
 * ERR_CORRUPT (not a ring, or of another format), ERR_STALE (its times are of
 * another clock: the machine was started since). */
int ring_reader_open(struct ring_reader **out, const char *path, struct err *e);
void ring_reader_close(struct ring_reader *r); /* NULL is fine */
void ring_reader_rewind(struct ring_reader *r); /* to the oldest that is left */
const char *ring_reader_cell(const struct ring_reader *r);
uint64_t ring_reader_incarnation(const struct ring_reader *r);
int ring_reader_pid(const struct ring_reader *r);

enum ring_read { RING_NOTHING, RING_RECORD, RING_GAP };

/* The next record (its number in *number), or the numbers [*from, *number]
 * of those that are lost; the next call goes on behind them. */
enum ring_read ring_reader_next(struct ring_reader *r, struct ring_record *out, uint64_t *number,
				uint64_t *from);
/* Of a record; its bytes until the next call. "?": not known any more. */
struct span ring_reader_name(struct ring_reader *r, uint32_t name);
/* Appends a record's body. False: none was kept, or it is overwritten. */
bool ring_reader_body(struct ring_reader *r, const struct ring_record *record, struct buf *out);
/* Bodies are kept until then; ask again before. */
void ring_reader_want_bodies(struct ring_reader *r, uint64_t until_us);
/* What the writer is doing: false: nothing. */
struct ring_doing {
	char actor[129];
	uint16_t kind;
	unsigned attempt;
	uint64_t since_us;
};
bool ring_reader_now(struct ring_reader *r, struct ring_doing *out);

#endif
