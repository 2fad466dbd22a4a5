/* The checkpoint: the object table is brought up to date in slices, so that
 * the log before it is not needed to start.
 *
 * A sweep notes base = shown revision and walks all keys once; each slice
 * rides on a batch. Rows that did not change since the base before are there
 * already and are passed over. What changes while the sweep runs is in the
 * log behind base and will be replayed: records are post-images, so it does
 * no harm when an object row is newer than base. Only the batch with the last
 * slice sets checkpoint_base; a sweep that was cut short counts for nothing.
 *
 * Keys of the store's own begin with a zero byte, which users' keys cannot:
 * "\0" stream: that stream's head. */
#ifndef STORE_LOCAL_CHECKPOINT_H
#define STORE_LOCAL_CHECKPOINT_H

#include "store/local/chain.h"
#include "store/local/journal.h"
#include "store/local/state.h"

/* Object rows of one slice; owned until the batch is synced. */
struct slice {
	struct journal_object *objects;
	size_t count, cap;
	size_t bytes;
};

void slice_reset(struct slice *s); /* empties it; keeps its memory */
void slice_fini(struct slice *s);

enum sweep_phase { SWEEP_IDLE, SWEEP_CHAINS, SWEEP_ROWS };

struct sweep {
	enum sweep_phase phase;
	uint64_t base;      /* of the running sweep */
	uint64_t done_base; /* of the last one that ended */
	struct buf cursor;  /* the next key to look at */
	struct omap gone;   /* deleted keys whose object row may be there still */
};

struct slice_limits {
	size_t rows, bytes, visits;
};

/* A durable change was shown; `created`: the key did not exist before. */
void sweep_note(struct sweep *w, const struct row *r, bool created);
void sweep_start(struct sweep *w, uint64_t shown);
/* The next slice. Returns true when it is the last one: its batch may set
 * checkpoint_base to w->base. `compacted`: chains of empty partitions whose
 * last event is not above it are dropped. */
bool sweep_slice(struct sweep *w, const struct state *state, struct chains *chains,
		 uint64_t compacted, const struct slice_limits *limits, struct slice *out);
/* While loading: one object row, the store's own ones included. */
int sweep_load(struct state *state, struct chains *chains, struct span key, struct span row);
void sweep_fini(struct sweep *w);

#endif
