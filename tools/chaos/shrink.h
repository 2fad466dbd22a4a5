/* From a script that does not hold to a small one that fails in the same way:
 * the same verdict of the same invariant. Statements are taken out by delta
 * debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing
 * Input, 2002), then what is left is weakened: settings dropped, numbers
 * halved, times rounded.
 *
 * First the seed's plan becomes a script of its own (every time and target
 * drawn already, faults with their length, nothing after the violation), so
 * that every act stands alone; where that does not fail, the script as it is
 * written is shrunk. Each run has a process of its own. */
#ifndef CHAOS_SHRINK_H
#define CHAOS_SHRINK_H

#include "tools/chaos/run.h"

struct shrink {
	const struct script *script; /* checked */
	uint64_t seed;
	uint64_t runs_max;
	unsigned seeds; /* that a candidate is tried with, from 1: chance moves when the script does */
	/* After each step that made it smaller; may be NULL. */
	void (*told)(void *arg, const char *what, size_t acts, uint64_t runs);
	void *told_arg;
};

enum { SHRINK_AGAIN = 10 };

struct shrunk {
	struct buf text; /* a whole script, with its seed; the caller's, buf_fini */
	struct run_result before, after;
	size_t acts_before, acts; /* lines of the timeline */
	uint64_t runs;
	unsigned again; /* of SHRINK_AGAIN seeds that follow: how many fail likewise */
};

/* ERR_NOT_FOUND: with this seed there is nothing to shrink, it held or was
 * inconclusive (out->before says). ERR_IO: no process could be started. */
int shrink_script(const struct shrink *how, struct shrunk *out, struct err *e);

#endif
