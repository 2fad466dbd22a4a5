/* Which Events are to go: those that nobody has told for so long, and the oldest
 * of too many. Pure. One owner, no threads. */
#ifndef GATE_EVENT_AGES_H
#define GATE_EVENT_AGES_H

#include <stdint.h>

#include "broker/base/omap.h"

struct event_ages {
	struct omap by_age; /* time and key -> struct event_age */
	struct omap by_key;
};

struct event_age {
	char *key; /* of the store */
	int64_t at_us;
	uint64_t version; /* of the object */
};

/* It was told then, at that version: for the first time, or again. */
void event_ages_note(struct event_ages *a, struct span key, int64_t at_us, uint64_t version);
void event_ages_forget(struct event_ages *a, struct span key);
/* The oldest, if it is due: told at `before_us` or earlier, or one of more than
 * `keep`. NULL: none is. `after`: the one that was returned last, NULL at first;
 * so many of them are on their way already. */
const struct event_age *event_ages_next(const struct event_ages *a, const struct event_age *after,
					size_t passed, int64_t before_us, size_t keep);
void event_ages_fini(struct event_ages *a);

#endif
