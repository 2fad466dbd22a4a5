/* Which Event a fact becomes, as client-go's recorders decide it before they write:
 *
 *	the same fact again                   ──► the Event that is there counts on
 *	the tenth of the same reason about an
 *	object within ten minutes             ──► one Event for all from there on,
 *	                                          "(combined from similar events): ..."
 *	more than 25 about an object from one
 *	source, then one in five minutes      ──► nothing
 *
 * Pure: time comes with the fact. What is remembered is bounded; what was not
 * used for longest is forgotten first. */
#ifndef GATE_CORRELATOR_H
#define GATE_CORRELATOR_H

#include "actors/gate/recent.h"
#include "broker/base/mp.h"

enum {
	CORRELATOR_ENTRIES_MAX = 4096, /* of each kind */
	CORRELATOR_SIMILAR = 10,       /* different messages, and then they are combined */
	CORRELATOR_BURST = 25,	       /* events about an object from one source */
};
#define CORRELATOR_SIMILAR_US INT64_C(600000000)
#define CORRELATOR_REFILL_US INT64_C(300000000) /* for one more */

struct correlator {
	struct recents seen, similar, sources;
};

struct correlated {
	bool dropped;
	int64_t count; /* 1: it is new */
	int64_t first_us; /* of its first time */
	uint64_t number; /* of the Event: a part of its name; the same as long as it is one */
	const char *key; /* of what is remembered; good until the next call */
	bool combined; /* its message is "(combined from similar events): " and this one */
};

void correlator_init(struct correlator *c);
/* `body`: of an event.record. `number`: random, for a new Event. */
struct correlated correlator_take(struct correlator *c, struct mp body, int64_t now_us,
				  uint64_t number);
void correlator_fini(struct correlator *c);

#endif
