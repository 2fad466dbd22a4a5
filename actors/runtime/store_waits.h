/* Requests for a stream's events that wait for one: what makes store.events a
 * watch. One request, one page, and the next request says how far the reader
 * is: so a reader has as much on its way as it asked for, whatever happens,
 * and nobody keeps anything for it meanwhile.
 *
 * Private to the store actor. A wait is known by the number under which its
 * request is parked. */
#ifndef RUNTIME_STORE_WAITS_H
#define RUNTIME_STORE_WAITS_H

#include "broker/base/bytes.h"
#include "broker/base/omap.h"

struct store_wait {
	struct store_wait *next;
	struct store_wait **list; /* that it is in */
	uint64_t parked, after, timer;
	size_t limit;
	size_t stream_len;
	char stream[];
};

struct store_waits {
	struct omap streams; /* stream -> struct store_wait ** */
	struct omap parked;  /* number -> struct store_wait */
	struct store_wait *due;
};

struct store_wait *store_waits_add(struct store_waits *w, struct span stream, uint64_t parked);
/* The stream has something new: all of its waits are due. */
void store_waits_wake(struct store_waits *w, struct span stream);
/* The wait, no longer in the table: the caller frees it. NULL: none is due,
 * or none has that number. */
struct store_wait *store_waits_take_due(struct store_waits *w);
struct store_wait *store_waits_take(struct store_waits *w, uint64_t parked);
void store_waits_fini(struct store_waits *w);

#endif
