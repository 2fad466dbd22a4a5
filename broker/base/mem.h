/* Allocation that does not fail.
 *
 * A process that cannot get a few more kilobytes cannot keep a promise
 * either: these abort, the parent starts the process again, and it resumes
 * from the journal. What outsiders can make grow is bounded long before, by
 * a limit with an answer of its own (ERR_LIMIT, ERR_OVERLOADED, ERR_FULL).
 *
 * An arena holds what lives as long as one turn or one request: allocation
 * is a pointer bump, and everything goes at once. One owner, no threads. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n);            /* zeroed */
void *mem_realloc(void *p, size_t n); /* the grown part is not zeroed */
char *mem_dup(const char *text);
char *mem_ndup(const void *data, size_t n); /* a terminated copy */

struct arena {
	struct arena_block *head; /* newest block first */
	unsigned char *at, *ready, *end; /* of it: what is free, zeroed up to `ready` */
	size_t block; /* bytes of a block; 0: 8192, and more of later ones. For what lives long and is small */
};

void *arena_more(struct arena *a, size_t need); /* for arena_alloc */

/* A zeroed arena is ready for use. Zeroed, 16-byte aligned; not NULL for none. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
	size_t need = n ? (n + 15) & ~(size_t)15 : 16;
	if ((size_t)(a->ready - a->at) < need)
		return arena_more(a, need);
	void *p = a->at;
	a->at += need;
	return p;
}

char *arena_ndup(struct arena *a, const void *data, size_t n);
char *arena_dup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Frees all but the first block, which serves the next turn. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

#endif
