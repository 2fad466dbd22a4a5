/* The keys as they are: the shown rows, and above them the writes that wait
 * for their sync. Transactions are validated against both, readers see the
 * shown ones only. */
#ifndef STORE_LOCAL_STATE_H
#define STORE_LOCAL_STATE_H

#include "broker/base/hmap.h"
#include "broker/base/omap.h"
#include "store/local/commit.h"

struct state {
	struct omap shown;  /* key -> row with a value */
	struct hmap flight; /* newest rows not shown yet, deletions too; their commits' */
	size_t bytes;       /* of the shown rows */
};

/* The row as the next transaction must see it; NULL when the key does not
 * exist. `*rests_on` is raised to the revision that this answer rests on. */
struct row *state_next(const struct state *s, struct span key, uint64_t *rests_on);
/* The shown row, NULL when the key does not exist. */
struct row *state_shown(const struct state *s, struct span key);
/* A validated change, not synced yet. Its commit keeps the row. */
void state_stage(struct state *s, struct row *r);
/* The changes of a synced commit become what readers see. */
void state_show(struct state *s, const struct commit *c);
/* The journal failed: nothing in flight will ever be shown. */
void state_drop_flight(struct state *s);
/* While loading; takes the row over. A row without a value removes the key. */
void state_load(struct state *s, struct row *r);
void state_fini(struct state *s);

#endif
