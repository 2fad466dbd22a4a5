/* The tap: what a cell tells (cell.h), written into its ring (broker/ring.h).
 *
 * A body goes in only while a reader wants bodies, and only as the catalogue
 * lets it: what a row marks as secret never enters a ring. Notices (crash
 * reports and the like) have a ring of their own beside it, with their bodies:
 * nothing else keeps them; and those of requests (audit) a third one, since they are many.
 * Threads: the cell's loop. */
#ifndef RUNTIME_TAP_H
#define RUNTIME_TAP_H

#include "actors/runtime/cell.h"

struct tap;

struct tap_config {
	const char *dir, *cell; /* DIR/CELL.ring, DIR/CELL.notices.ring; DIR is made */
	const struct catalogue *catalogue;
	size_t ring_bytes; /* of records, rounded down to a power of two; 0: the usual */
	bool audited; /* DIR/CELL.audit.notices.ring too */
};

/* ERR_IO: then do without. */
int tap_open(struct tap **out, const struct tap_config *cfg, struct err *e);
void tap_close(struct tap *t); /* NULL is fine */
/* As cell_ops.tap and loop_config.tap want it. */
void tap_write(void *tap, const struct tap_record *r);
/* Whether some reader follows the ring of that kind of notices. */
bool tap_heard(void *tap, uint16_t kind, uint64_t now_us);

#endif
