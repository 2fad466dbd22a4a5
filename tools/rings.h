/* All rings of a cluster on this machine, as one sequence in the order of
 * time. Within a ring the order is exact; across rings it is that of the
 * clock, and what is younger than a moment (HOLD_US) is held back so that a
 * thread that was interrupted between looking at the clock and writing does
 * not come late.
 *
 * Processes come and go: a new ring is read from its beginning, that of a
 * process that ended to its end. Readers take no lock and slow nobody.
 * One thread. */
#ifndef TOOLS_RINGS_H
#define TOOLS_RINGS_H

#include "broker/ring.h"

struct rings;

struct rings_item {
	struct ring_reader *reader; /* for names, bodies, its cell */
	bool gap;                   /* [from, number] are lost; no record */
	uint64_t number, from;
	struct ring_record record;
};

/* The tap's rings and those of notices, or the latter alone. `from_start`: with what the rings still hold, those of ended processes too;
 * otherwise with what is new. ERR_NOT_FOUND: no ring is there. */
enum rings_which { RINGS_ALL, RINGS_NOTICES };
int rings_open(struct rings **out, const char *data_dir, enum rings_which which, bool from_start,
	       struct err *e);
void rings_close(struct rings *r);
/* The next one; false: none for now. `all`: hold nothing back. */
bool rings_next(struct rings *r, struct rings_item *out, bool all);
/* Looks for rings that came and went. Call it about every half second. */
void rings_look(struct rings *r);
/* Bodies are kept by the writers for the next two seconds; and notices that are
 * said for listeners only are said. */
void rings_want_bodies(struct rings *r, bool of_notices_only);
/* Calls `each` for every ring that is not of an ended process. */
void rings_each(struct rings *r, void (*each)(void *arg, struct ring_reader *reader), void *arg);
uint64_t rings_now_us(void); /* the records' clock */

#endif
