#include "broker/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_BLOCK_BYTES = 8192,	  /* the first one of an arena */
	ARENA_BLOCK_BYTES_MAX = 64 << 10, /* later ones double up to this */
	ARENA_ZERO_BYTES = 1024,	  /* are made ready at a time */
};

static void *must(void *p, size_t n)
{
	if (!p && n) {
		fprintf(stderr, "troupe: out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

/* calloc passes the thread's cache of small pieces by, which costs four times as
 * much; of large ones it knows which are zero already. */
void *mem_alloc(size_t n)
{
	enum { SMALL = 1024 };
	if (n > SMALL)
		return must(calloc(1, n), n);
	void *p = must(malloc(n ? n : 1), n ? n : 1);
	return memset(p, 0, n);
}

void *mem_realloc(void *p, size_t n)
{
	return must(realloc(p, n ? n : 1), n);
}

char *mem_ndup(const void *data, size_t n)
{
	char *copy = must(malloc(n + 1), n + 1);
	if (n)
		memcpy(copy, data, n);
	copy[n] = 0;
	return copy;
}

char *mem_dup(const char *text)
{
	return mem_ndup(text, strlen(text));
}

struct arena_block {
	struct arena_block *next;
	size_t cap;
	_Alignas(16) unsigned char data[];
};

/* The newest block from its start. */
static void use_head(struct arena *a)
{
	a->at = a->ready = a->head ? a->head->data : NULL;
	a->end = a->head ? a->head->data + a->head->cap : NULL;
}

static void add_block(struct arena *a, size_t need)
{
	size_t block = a->block ? a->block : ARENA_BLOCK_BYTES;
	if (!a->block && a->head)
		block = a->head->cap < ARENA_BLOCK_BYTES_MAX / 2 ? 2 * a->head->cap
								: ARENA_BLOCK_BYTES_MAX;
	size_t cap = need > block ? need : block;
	struct arena_block *b = must(malloc(sizeof *b + cap), cap);
	b->next = a->head;
	b->cap = cap;
	a->head = b;
	use_head(a);
}

/* Zeroes ahead, so that a node of a tree costs an addition. */
void *arena_more(struct arena *a, size_t need)
{
	if ((size_t)(a->end - a->at) < need)
		add_block(a, need);
	size_t ahead = need > ARENA_ZERO_BYTES ? need : ARENA_ZERO_BYTES;
	if ((size_t)(a->end - a->at) < ahead)
		ahead = (size_t)(a->end - a->at);
	unsigned char *p = a->at;
	memset(a->ready, 0, (size_t)(p + ahead - a->ready));
	a->ready = p + ahead;
	a->at = p + need;
	return p;
}

char *arena_ndup(struct arena *a, const void *data, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	if (n)
		memcpy(copy, data, n);
	return copy;
}

char *arena_dup(struct arena *a, const char *text)
{
	return arena_ndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n;
	char *out = arena_alloc(a, len + 1);
	if (len < sizeof small)
		memcpy(out, small, len);
	else
		vsnprintf(out, len + 1, fmt, again);
	va_end(again);
	return out;
}

static void drop_until(struct arena *a, const struct arena_block *last)
{
	while (a->head != last) {
		struct arena_block *b = a->head;
		a->head = b->next;
		free(b);
	}
	use_head(a);
}

void arena_reset(struct arena *a)
{
	struct arena_block *first = a->head;
	while (first && first->next)
		first = first->next;
	drop_until(a, first);
}

void arena_fini(struct arena *a)
{
	drop_until(a, NULL);
	*a = (struct arena){.block = a->block};
}
