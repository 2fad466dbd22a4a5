/* Runs that are over, as `troupe chaos run -o json` told them: one JSON object
 * a line. Lines that add up many seeds are passed over. */
#ifndef CHAOS_PAST_H
#define CHAOS_PAST_H

#include <stdio.h>

#include "tools/chaos/run.h"

struct past_run {
	const char *script; /* its file */
	struct run_result result; /* what the line has of it */
};

struct past {
	struct arena arena;
	struct past_run *runs; /* in the order of the file */
	size_t count;
};

/* "-" is standard input. ERR_INVALID: "FILE:LINE: ..." names the field.
 * ERR_NOT_FOUND: there is no run in it. past_fini in any case. */
int past_read(struct past *p, const char *file, struct err *e);
void past_fini(struct past *p);
/* As JUnit's XML: a suite for each script, a case for each seed. What is not
 * held is a failure; what was not steady or had no effect is an error. */
void past_junit(FILE *out, const struct past *p);

#endif
