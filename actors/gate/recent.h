/* A map that keeps what was used last: at most so many entries, the one that was
 * used longest ago makes room. An entry is a struct that begins with a struct
 * recent; the map owns it. One owner, no threads. */
#ifndef GATE_RECENT_H
#define GATE_RECENT_H

#include "broker/base/hmap.h"

struct recent {
	char *key;
	struct recent *older, *newer; /* by their last use; NULL at the ends */
};

struct recents {
	struct hmap by_key;
	struct recent *oldest, *newest;
	size_t max;
	void (*drop)(void *entry); /* frees what it holds beside itself; may be NULL */
};

/* The entry, which counts as used; a new one of zeros and so many bytes when
 * there is none. */
void *recents_need(struct recents *r, struct span key, size_t bytes);
/* NULL: there is none. Does not count as a use. */
void *recents_get(const struct recents *r, struct span key);
void recents_forget(struct recents *r, struct span key);
void recents_fini(struct recents *r);

#endif
