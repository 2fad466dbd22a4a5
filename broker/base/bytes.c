#include "broker/base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/mem.h"

void buf_grow(struct buf *b, size_t more)
{
	/* What is asked for at once is all that is wanted, mostly, and then kept. */
	size_t cap = b->cap ? 2 * b->cap : 128;
	if (cap - b->len < more)
		cap = b->len + more;
	b->data = mem_realloc(b->data, cap);
	b->cap = cap;
}

void buf_append(struct buf *b, const void *data, size_t n)
{
	if (n == 0)
		return;
	buf_reserve(b, n);
	memcpy(b->data + b->len, data, n);
	b->len += n;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		buf_reserve(b, (size_t)n + 1);
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

const char *buf_text(struct buf *b)
{
	buf_reserve(b, 1);
	b->data[b->len] = 0;
	return (const char *)b->data;
}

void buf_trim(struct buf *b)
{
	if (b->len == 0 || b->len == b->cap)
		return;
	b->data = mem_realloc(b->data, b->len);
	b->cap = b->len;
}

void buf_fini(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}

void span_text(char *out, size_t room, struct span s)
{
	size_t n = s.len < room ? s.len : room - 1;
	if (n)
		memcpy(out, s.data, n);
	out[n] = 0;
}

struct span span_trim(struct span s)
{
	while (s.len && byte_is_space(s.data[0]))
		s.data++, s.len--;
	while (s.len && byte_is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool span_next(struct span *list, char by, struct span *part)
{
	if (!list->len)
		return false;
	const uint8_t *at = memchr(list->data, by, list->len);
	size_t n = at ? (size_t)(at - list->data) : list->len;
	*part = span_trim((struct span){list->data, n});
	n += at != NULL;
	*list = (struct span){list->data + n, list->len - n};
	return true;
}

struct bytes {
	_Atomic unsigned refs;
	size_t len;
	const uint8_t *data;
	void (*release)(void *hint);
	void *hint;
	const void *with; /* behind this struct, or NULL */
};

static struct bytes *make(const void *data, size_t n, void (*release)(void *), void *hint)
{
	struct bytes *b = mem_alloc(sizeof *b);
	b->refs = 1;
	b->len = n;
	b->data = data;
	b->release = release;
	b->hint = hint;
	return b;
}

struct bytes *bytes_copy(const void *data, size_t n)
{
	struct bytes *b = mem_realloc(NULL, sizeof *b + n);
	*b = (struct bytes){.len = n, .data = (const uint8_t *)(b + 1)};
	b->refs = 1;
	if (n)
		memcpy(b + 1, data, n);
	return b;
}

struct bytes *bytes_take(struct buf *b)
{
	struct bytes *out = make(b->data, b->len, free, b->data);
	memset(b, 0, sizeof *b);
	return out;
}

struct bytes *bytes_wrap(const void *data, size_t n, void (*release)(void *), void *hint)
{
	return make(data, n, release, hint);
}

static void release_owner(void *hint)
{
	bytes_unref(hint);
}

struct bytes *bytes_slice_with(struct bytes *owner, struct span part, const void *with, size_t n)
{
	assert(part.data >= owner->data &&
	       part.data + part.len <= owner->data + owner->len);
	struct bytes *b = mem_realloc(NULL, sizeof *b + n);
	*b = (struct bytes){.len = part.len,
			    .data = part.data,
			    .release = release_owner,
			    .hint = bytes_ref(owner),
			    .with = n ? b + 1 : NULL};
	b->refs = 1;
	if (n)
		memcpy(b + 1, with, n);
	return b;
}

struct bytes *bytes_slice(struct bytes *owner, struct span part)
{
	return bytes_slice_with(owner, part, NULL, 0);
}

struct bytes *bytes_copy_with(struct span data, const void *with, size_t n)
{
	struct bytes *b = mem_realloc(NULL, sizeof *b + n + data.len);
	uint8_t *to = (uint8_t *)(b + 1) + n;
	*b = (struct bytes){.len = data.len, .data = to, .with = n ? b + 1 : NULL};
	b->refs = 1;
	if (n)
		memcpy(b + 1, with, n);
	if (data.len)
		memcpy(to, data.data, data.len);
	return b;
}

const void *bytes_with(const struct bytes *b)
{
	return b ? b->with : NULL;
}

struct bytes *bytes_part(struct bytes *owner, struct span part)
{
	return part.len == owner->len ? bytes_ref(owner) : bytes_copy(part.data, part.len);
}

struct bytes *bytes_ref(struct bytes *b)
{
	if (b)
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void bytes_unref(struct bytes *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (b->release)
		b->release(b->hint);
	free(b);
}

struct span bytes_span(const struct bytes *b)
{
	return b ? (struct span){b->data, b->len} : (struct span){NULL, 0};
}
