/* What a cell's loop is doing, where it survives the process: before each turn
 * the loop writes actor, message and attempt here. Who comes next reads what
 * was not finished.
 *
 * That is how the poison rule holds across process crashes: a message that was
 * in CRASHES_MAX crashes of its actor goes to dead letters, whether its turns
 * failed or took the process along. A message is known by its id, which stays
 * the same when its sender sends it again. The watchdog (watchdog.h) reads the
 * same record to see a turn that does not end.
 *
 * One writer, the loop; the watchdog and the next process read. In production
 * the record is a small file in shared memory, in the simulator and in tests
 * ordinary memory that outlives the cell. */
#ifndef RUNTIME_TURN_RECORD_H
#define RUNTIME_TURN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum {
	CRASHES_MAX = 3,         /* then a message is poison */
	TURN_RECORD_SUSPECTS = 64, /* messages whose crashes are known; the oldest goes */
	TURN_RECORD_NAME_MAX = 135, /* bytes; with its end a multiple of eight */
	TURN_RECORD_KIND_MAX = 63,
};

/* Which message: its sender's incarnation, and its number there. Both 0: the
 * turn is about something else (a timer, a view). */
struct msg_id {
	uint64_t incarnation, number;
};

struct turn_note {
	char actor[TURN_RECORD_NAME_MAX + 1];
	char message[TURN_RECORD_KIND_MAX + 1]; /* "pod.status", "timer" */
	struct msg_id id;
	uint64_t attempt;
	uint64_t turn;     /* its number: another turn, another number */
	uint64_t begun_us; /* monotonic */
};

struct turn_record;

struct turn_record *turn_record_new(void);
/* The file is made (0600) or mapped as it is. */
int turn_record_open(struct turn_record **out, const char *path, struct err *e);
void turn_record_close(struct turn_record *r); /* NULL is fine */

/* ---- the loop's side */
void turn_record_begin(struct turn_record *r, const char *actor, const char *message,
		       struct msg_id id, unsigned attempt, uint64_t now_us);
void turn_record_end(struct turn_record *r);
/* A turn about that message failed: one more crash. */
void turn_record_crashed(struct turn_record *r, const char *actor, struct msg_id id);
/* Forgets its crashes: somebody wants it tried again. */
void turn_record_forgive(struct turn_record *r, const char *actor, struct msg_id id);
/* In how many crashes of that actor the message was. */
unsigned turn_record_crashes(const struct turn_record *r, const char *actor, struct msg_id id);
/* For a new life: whether the last one ended amid a turn, and which. It is
 * counted as a crash, once. */
bool turn_record_interrupted(struct turn_record *r, struct turn_note *out);

/* ---- the watchdog's side, from another thread. False: no turn is running,
 * or one ended while we looked. */
bool turn_record_running(const struct turn_record *r, struct turn_note *out);

#endif
