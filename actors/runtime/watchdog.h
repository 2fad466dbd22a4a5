/* The watchdog: a thread that sees a turn that does not end.
 *
 * A handler never blocks; one that does holds up its whole cell, and nothing
 * in the cell can say so. The watchdog reads the loops' turn records. A turn
 * that it has seen running for a tenth of the limit is told as slow; at the
 * limit it names actor and message and aborts the process: the parent starts
 * it again, and the record tells the next life which message it was.
 *
 * Time is what the watchdog itself has seen go by, so that a process that was
 * stopped (SIGSTOP) or a machine that slept has no hung turns afterwards.
 *
 * Threads: one of its own; open and close from any other. */
#ifndef RUNTIME_WATCHDOG_H
#define RUNTIME_WATCHDOG_H

#include "actors/runtime/turn_record.h"

enum { WATCHDOG_RECORDS_MAX = 256, WATCHDOG_LIMIT_MS = 10000 };

struct watchdog_config {
	const struct turn_record *const *records; /* of the loops; the records outlive it */
	const char *const *cells;                 /* their names, too */
	size_t count;
	uint32_t limit_ms;
	/* Told at the limit, instead of abort(); may return. For tests. */
	void (*hung)(void *arg, const char *cell, const struct turn_note *note);
	void *arg;
};

struct watchdog;

struct watchdog *watchdog_start(const struct watchdog_config *cfg);
void watchdog_stop(struct watchdog *w); /* NULL is fine */

#endif
