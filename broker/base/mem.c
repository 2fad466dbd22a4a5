#include "broker/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_BYTES 8192

static void *must(void *p, size_t n)
{
	if (!p && n) {
		fprintf(stderr, "troupe: out of memory (%zu bytes)\n", n);
		abort();
	}
	return p;
}

void *mem_alloc(size_t n)
{
	return must(calloc(1, n ? n : 1), n);
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

static void add_block(struct arena *a, size_t need)
{
	size_t block = a->block ? a->block : ARENA_BLOCK_BYTES;
	size_t cap = need > block ? need : block;
	struct arena_block *b = must(malloc(sizeof *b + cap), cap);
	b->next = a->head;
	b->cap = cap;
	a->head = b;
	a->used = 0;
	a->cap = cap;
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t need = (n + 15) & ~(size_t)15;
	if (!a->head || a->cap - a->used < need)
		add_block(a, need);
	void *p = a->head->data + a->used;
	a->used += need;
	a->total += need;
	memset(p, 0, need);
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
	char *out = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	if (n >= 0)
		vsnprintf(out, (size_t)n + 1, fmt, again);
	va_end(again);
	return out;
}

void arena_reset(struct arena *a)
{
	while (a->head && a->head->next) {
		struct arena_block *b = a->head;
		a->head = b->next;
		free(b);
	}
	a->used = 0;
	a->total = 0;
	a->cap = a->head ? a->head->cap : 0;
}

void arena_fini(struct arena *a)
{
	while (a->head) {
		struct arena_block *b = a->head;
		a->head = b->next;
		free(b);
	}
	*a = (struct arena){.block = a->block};
}
