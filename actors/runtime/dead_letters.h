/* Dead letters: messages that could not be delivered and had nobody to tell.
 * A bounded ring per loop, which outlives the cell when that begins again;
 * the oldest goes when it is full. `troupe dlq` lists, sends again and drops
 * them.
 *
 * A request is answered with an error and is no dead letter, but for two: one
 * that was in too many crashes (kept, so that somebody can look at it), and
 * one whose asker stopped waiting before its turn came.
 *
 * One owner, no threads. */
#ifndef RUNTIME_DEAD_LETTERS_H
#define RUNTIME_DEAD_LETTERS_H

#include "actors/runtime/turn_record.h"
#include "broker/base/bytes.h"
#include "broker/envelope.h"

enum { DEAD_LETTERS_MAX = 1000, DEAD_LETTERS_BYTES_MAX = 4 << 20 };

/* Why; the words are in the catalogue's cell.letters and never change. */
enum dead_reason {
	DEAD_NO_RECEIVER, /* nobody has that name */
	DEAD_FULL,        /* a queue on the way or the mailbox was full */
	DEAD_POISON,      /* it was in CRASHES_MAX crashes of its receiver */
	DEAD_CRASHED,     /* its receiver failed in it and does not begin again */
	DEAD_CLOSED,      /* its receiver was stopped with it in the mailbox */
	DEAD_EXPIRED,     /* its asker had stopped waiting */
	DEAD_UNKNOWN,     /* the receiver's catalogue has no such message, or it is malformed */
	DEAD_REASONS,
};

struct dead_letter {
	uint64_t number; /* in this ring, from 1 */
	int64_t wall_us;
	enum dead_reason reason;
	enum env_type type;
	char *from, *to;
	uint16_t kind;
	struct msg_id id;
	uint64_t correlation;
	unsigned attempt;
	struct trace trace;
	struct bytes *body;
	struct dead_letter *next;
};

struct dead_letters {
	struct dead_letter *first, *last;
	size_t count, bytes;
	uint64_t total, by_reason[DEAD_REASONS]; /* ever, kept or not */
};

const char *dead_reason_name(enum dead_reason r);

/* Copies what `l` has, body too; the number is given here. */
void dead_letters_add(struct dead_letters *d, const struct dead_letter *l);
struct dead_letter *dead_letters_find(const struct dead_letters *d, uint64_t number);
/* Takes it out; the caller frees it. NULL: not there. */
struct dead_letter *dead_letters_take(struct dead_letters *d, uint64_t number);
void dead_letter_free(struct dead_letter *l);
void dead_letters_fini(struct dead_letters *d); /* leaves an empty ring, counts kept */

#endif
