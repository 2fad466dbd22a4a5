/* What a run says: to people one line per event and the verdict last, to
 * programs one JSON object per run. */
#ifndef CHAOS_REPORT_H
#define CHAOS_REPORT_H

#include <stdio.h>

#include "tools/chaos/run.h"

/* Tells a run as it goes; `arg` of the watch is the stream. `changes`: every
 * change of every object, too. */
struct run_watch report_watch(FILE *out, bool changes);
/* The verdict, its witness, and how to see it again. */
void report_verdict(FILE *out, const struct script *s, const struct run_result *r);
void report_json(FILE *out, const struct script *s, const struct run_result *r);

/* Of many seeds; `seconds` that they took, 0: nobody knows. */
struct report_sum {
	uint64_t runs, digest, events, revisions, faults;
	uint64_t by_verdict[5];
	int64_t virtual_us, recovered_us;
	enum verdict worst;
};
void report_add(struct report_sum *sum, const struct run_result *r);
void report_sum(FILE *out, const struct report_sum *sum, bool twice, double seconds);
void report_sum_json(FILE *out, const struct script *s, const struct report_sum *sum, bool twice,
		     double seconds);

#endif
