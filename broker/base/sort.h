/* A stable sort with a context for the comparison: equal elements keep their
 * order, so that results do not depend on the C library. Merge sort, O(n log
 * n), one allocation of n elements. */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include <stddef.h>

void sort_stable(void *base, size_t count, size_t size,
		 int (*cmp)(const void *a, const void *b, void *arg), void *arg);

#endif
