/* From a script that does not hold to a small one that fails in the same way:
 * the same verdict of the same invariant, or of one that was broken beside it.
 *
 *	cut       what had not begun when it failed, and all that is judged besides:
 *	          as the seed drew it, so that the history up to there is the same
 *	lines     taken out by what each run teaches about which are needed, with
 *	          other seeds in their turn (shrink_lines.c)
 *	weaken    settings dropped, numbers halved, times rounded, what happens
 *	          often once (shrink_weaken.c)
 *
 * No script is tried twice with one seed. Each run has a process of its own. */
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
/* Two reasons of one invariant: are they the same, of whatever objects? Names and
 * numbers do not count, kinds of objects do. */
bool shrink_same_reason(const char *first, const char *second);

#endif
