/* What the parts of the shrinker share. One thread. */
#ifndef CHAOS_SHRINK_PRIVATE_H
#define CHAOS_SHRINK_PRIVATE_H

#include "broker/base/omap.h"
#include "tools/chaos/pin.h"
#include "tools/chaos/shrink.h"

struct work {
	const struct shrink *how;
	struct shrunk *out;
	struct arena arena;
	struct statements best; /* fails with `seed`, as `result` says */
	struct script script;   /* the best, parsed; its lines are the acts, one by one */
	struct plan plan;       /* of it, for `seed` */
	uint64_t seed, next_seed; /* next_seed: one that nothing was tried with yet */
	struct run_result result;
	struct omap tried; /* candidates with their seeds */
	uint64_t runs_max; /* for what is going on */
	/* Of how many runs of a script that has all it needs how many failed. */
	double failed, held;
	int rc;
	struct err e;
};

/* shrink.c */
bool shrink_spent(const struct work *w);
/* Whether it fails likewise with that seed; then it is the best. Costs a run,
 * unless it is no script or was tried before. `what`: for who watches. */
bool shrink_try(struct work *w, const struct statements *l, uint64_t seed, const char *what);
/* With the seed of the best, then with others, how->seeds in all. */
bool shrink_take(struct work *w, const struct statements *l, const char *what);
/* The statement judges what was broken at first, or beside it. */
bool shrink_judges(const struct work *w, const struct statement *st);
/* It judges what is broken now, first. */
bool shrink_judges_first(const struct work *w, const struct statement *st);

/* shrink_lines.c: acts are taken out */
void shrink_lines(struct work *w, uint64_t runs_max);

/* shrink_weaken.c: words of what is left */
void shrink_weaken(struct work *w);

#endif
