/* Which keys go with which lease, and until when. Keys and their leases are
 * as of the newest transaction, shown or not: what is validated next must see
 * them so. Deadlines are here only; nothing of them is written.
 *
 * A lease is a row like any other (row.h, ttl_ms), so its end is a
 * transaction like any other. Source of the idea: Gray and Cheriton,
 * "Leases", 1989; etcd's, which also detach by a put. */
#ifndef STORE_LOCAL_LEASES_H
#define STORE_LOCAL_LEASES_H

#include "broker/base/omap.h"
#include "store/local/row.h"

struct lease {
	uint32_t ttl_ms;
	int64_t until_us; /* 0: its time begins with the next tick */
	struct omap keys; /* key -> the lease itself */
};

struct leases {
	struct omap by_key;
	int64_t next_us; /* no lease ends before; 0: not known */
};

/* NULL: there is no lease of that key. */
struct lease *leases_find(const struct leases *ls, struct span key);
/* A change: `was` NULL, created; `row` without a value, deleted. */
void leases_change(struct leases *ls, const struct row *was, const struct row *row);
/* While a lease is being deleted: one of the keys that it still has. */
bool leases_left(const struct leases *ls, struct span lease, struct span *key);
/* ERR_NOT_FOUND. */
int leases_keep(struct leases *ls, struct span key, int64_t now_us);
/* Calls `ended` for each lease whose time is over (it may delete that one);
 * returns when to come again, INT64_MAX if never. */
int64_t leases_tick(struct leases *ls, int64_t now_us, void (*ended)(void *arg, struct span key),
		    void *arg);
/* While loading: false when a key names a lease that is none. */
bool leases_are_whole(const struct leases *ls);
void leases_fini(struct leases *ls);

#endif
