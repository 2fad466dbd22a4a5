/* Sets of completion indexes, as a Job's status has them: "1,3-5,7". Kept as
 * ranges, so that a job with a million completions costs a few of them. Pure;
 * everything is in the caller's arena, and sets are never changed in place. */
#ifndef CONTROLLERS_INDEXES_H
#define CONTROLLERS_INDEXES_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/mem.h"

struct index_range {
	int64_t first, last;
};

struct indexes {
	const struct index_range *ranges; /* ascending; two never touch */
	size_t count;
	int64_t total; /* indexes in all of them */
};

/* Text as indexes_text makes it; what is not of that form, and indexes of
 * `limit` and more, are left out. */
struct indexes indexes_parse(struct arena *a, struct span text, int64_t limit);
/* Of a list in any order, with doubles. */
struct indexes indexes_of(struct arena *a, const int64_t *list, size_t n);
struct indexes indexes_union(struct arena *a, const struct indexes *x, const struct indexes *y);
bool indexes_has(const struct indexes *x, int64_t index);
/* The first numbers from 0 below `limit` that are not in it, at most `max` of
 * them; returns how many. */
size_t indexes_missing(const struct indexes *x, int64_t limit, int64_t *out, size_t max);
/* Three and more in a row are written as a range. */
const char *indexes_text(struct arena *a, const struct indexes *x);

#endif
