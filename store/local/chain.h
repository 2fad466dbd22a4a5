/* The chains of the streams: which event was each stream's last.
 *
 * An event names the one before it in its stream, so a follower sees a gap.
 * Two sets of heads: of what was handed out to transactions on their way to
 * the journal ("given"), and of what was shown. And in each, one that counts
 * journaled events only: soft ones are gone after a restart, so a record's
 * links must not lead to them.
 *
 * Chains live in memory; the checkpoint keeps the journaled heads. */
#ifndef STORE_LOCAL_CHAIN_H
#define STORE_LOCAL_CHAIN_H

#include "broker/base/omap.h"
#include "store/local/commit.h"

/* All numbers are store_version; 0 none. */
struct chain {
	uint64_t given, given_logged;
	uint64_t shown, shown_logged;
	/* The newest soft event that the history has dropped: who is before it
	 * cannot be told what he missed. */
	uint64_t soft_gone;
	size_t rows; /* rows in this partition; unused for whole kinds */
	bool partition;
};

struct chains {
	struct omap by_name;
	uint64_t shown;     /* over all streams */
	/* Who asks for a stream that has no chain goes on from here: a restore
	 * (all streams), chains that were dropped (partitions). */
	uint64_t floor, dropped;
	uint64_t soft_gone;
};

/* NULL when nothing ever happened in that stream. */
struct chain *chains_find(const struct chains *cs, struct span name);
/* Fills the links of change `index`, and those of its record in `logged`
 * (unless the commit is soft), and makes it the newest one given. */
void chains_link(struct chains *cs, struct commit *c, unsigned index,
		 uint64_t logged[STORE_LINKS_MAX]);
/* The commit was synced and is shown. */
void chains_show(struct chains *cs, const struct commit *c);
/* The history drops the events of a soft commit. */
void chains_forget(struct chains *cs, const struct commit *c);

/* The stream's last shown event, or what to go on from. */
uint64_t chains_head(const struct chains *cs, struct span name);
/* While loading: an event of the stream, given and shown; at the end, a row. */
void chains_load_head(struct chains *cs, struct span name, uint64_t head);
/* While loading: no head is below; what was told above the backup's last
 * revision belongs to a life that never was. */
void chains_load_floor(struct chains *cs, uint64_t floor);
void chains_load_row(struct chains *cs, const struct row *r);
void chains_fini(struct chains *cs);

#endif
