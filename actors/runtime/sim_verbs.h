/* Verbs for tests: single messages under the simulator, by name.
 *
 *   hold           the next one that matches stays at the door of the cell
 *                  that it goes to, until it is allowed;
 *   allow          it goes in, or will: the hold is over;
 *   bring forward  one that is on its way arrives now;
 *   expect         run until one has arrived.
 *
 * They speak of what arrives at a cell: messages between actors, the broker's
 * own (from "broker") and bus events (from the store, to "", the topic being
 * the pair's name). What stays within a cell crosses no door, and what a cell
 * tells the broker itself is not seen here.
 *
 * The order of a pair is never broken: what one sender says to one receiver
 * waits behind a held message and goes in with it, and what precedes one that
 * is brought forward arrives before it. Other pairs of the link are passed or
 * pass. A message that waits for a cell which dies meanwhile is lost, as all
 * that is on its way to it. Without a verb nothing changes; with the same
 * verbs one seed is one history. */
#ifndef RUNTIME_SIM_VERBS_H
#define RUNTIME_SIM_VERBS_H

#include "actors/runtime/sim.h"

/* Which message. A name that is NULL is any; names are borrowed until the hold
 * is over. */
struct sim_which {
	const char *kind;     /* of the catalogue: "store.txn" */
	const char *from, *to; /* actors */
	const char *cell;     /* that it arrives at */
	unsigned nth;         /* of those from now on; 0 is 1, the next */
};

enum { SIM_HOLDS_MAX = 64 };

/* The hold's number, above 0. ERR_NOT_FOUND: the catalogue has no such kind;
 * ERR_LIMIT: SIM_HOLDS_MAX are there already. */
int sim_hold(struct sim *s, const struct sim_which *which);
/* How many messages wait there: what it was set for, and what came behind it. */
size_t sim_held(const struct sim *s, int hold);
/* All of them arrive now, in order. ERR_NOT_FOUND: no such hold. */
int sim_allow(struct sim *s, int hold);
/* The earliest of those on their way, or the nth, which arrives now; one that
 * is held is allowed so. A bus event can be once the broker has published it.
 * ERR_NOT_FOUND: none matches, or no such kind. */
int sim_bring_forward(struct sim *s, const struct sim_which *which);
/* Runs until that message has arrived (its turn may be still to come), at most
 * so long. ERR_TIMEOUT: it has not; ERR_NOT_FOUND: no such kind. `e` (may be
 * NULL) then says what was waited for, what came instead and what is held. */
int sim_expect(struct sim *s, const struct sim_which *which, uint64_t within_us, struct err *e);

#endif
