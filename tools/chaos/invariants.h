/* The invariants that Troupe knows by name.
 *
 * Those for `always` are judged when a record is on the disk, before anybody
 * hears of it. Those for `steady`, `eventually` and `at-end` are asked for by
 * the runner. One that is broken says why, and what about (judge_about). */
#ifndef CHAOS_INVARIANTS_H
#define CHAOS_INVARIANTS_H

#include <stdio.h>

#include "tools/chaos/judge.h"

struct invariant {
	const char *name;
	/* At a revision; false: broken, and `why` says so. NULL: not for always. */
	bool (*at_revision)(struct judge *j, struct err *why);
	/* As things are; NULL: not for steady and eventually. */
	bool (*as_is)(struct judge *j, struct err *why);
	const char *help;
};

extern const struct invariant invariants[];
extern const size_t invariant_count;
const struct invariant *invariant_named(const char *name);
void invariants_print(FILE *out);

#endif
