/* A run on disk, for `troupe tail --run DIR`: every change of the journal with
 * its value (none of a secret), the marks of what was broken, and a ring of
 * messages for each cell, as a living cluster has them.
 *
 *	DIR/changes        msgpack maps one after the other: a change as body of
 *	                   bus.event, or {mark, wall_us, revision}
 *	DIR/run/rings/CELL.ring  broker/ring.h; its times are virtual, {epoch_us} in
 *	                   the first map says where they begin
 *
 * Threads: one. */
#ifndef CHAOS_RECORDING_H
#define CHAOS_RECORDING_H

#include "actors/runtime/cell.h"
#include "tools/chaos/ledger.h"

struct recording;

/* ERR_IO, ERR_EXISTS: there is a run in that folder already. */
int recording_open(struct recording **out, const char *dir, const struct catalogue *c, struct err *e);
void recording_change(struct recording *r, const struct ledger *l, const struct led_change *c);
/* `at_us`: virtual time. */
void recording_mark(struct recording *r, uint64_t at_us, uint64_t revision, const char *text);
void recording_message(struct recording *r, const char *cell, const struct tap_record *m);
/* ERR_IO: it could not be written. NULL is fine. */
int recording_close(struct recording *r, struct err *e);

#endif
