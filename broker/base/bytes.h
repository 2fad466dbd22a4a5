/* Buffers that grow, and bytes that are shared.
 *
 * `struct buf` is a growable buffer with one owner.
 * `struct bytes` is immutable, counted and may be shared by threads: an
 * object is stored, published, viewed and answered as the same bytes. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *data;
	size_t len, cap;
};

/* A zeroed buf is empty and ready for use. */
void buf_grow(struct buf *b, size_t more); /* whether or not there is room */
static inline void buf_reserve(struct buf *b, size_t more)
{
	if (b->cap - b->len < more)
		buf_grow(b, more);
}
void buf_append(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *text);
static inline void buf_putc(struct buf *b, char c)
{
	buf_reserve(b, 1);
	b->data[b->len++] = (uint8_t)c;
}
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The text with a terminator behind it (not counted in len). */
const char *buf_text(struct buf *b);
/* Room that is not used goes: for what is kept as it is. */
void buf_trim(struct buf *b);
void buf_fini(struct buf *b); /* leaves an empty buf */

/* Borrowed bytes: a pointer and a length, owned by someone else. */
struct span {
	const uint8_t *data;
	size_t len;
};

static inline struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

static inline struct span span_buf(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

/* memcmp() == 0 for what is mostly short, as names and keys are: no call up to
 * 16 bytes. Bytes in the middle are looked at twice. */
static inline bool bytes_same(const void *a, const void *b, size_t n)
{
	const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
	uint64_t x8, y8, x8_last, y8_last;
	uint32_t x4, y4, x4_last, y4_last;
	if (n > 16)
		return memcmp(a, b, n) == 0;
	if (n >= 8) {
		memcpy(&x8, x, 8);
		memcpy(&y8, y, 8);
		memcpy(&x8_last, x + n - 8, 8);
		memcpy(&y8_last, y + n - 8, 8);
		return x8 == y8 && x8_last == y8_last;
	}
	if (n >= 4) {
		memcpy(&x4, x, 4);
		memcpy(&y4, y, 4);
		memcpy(&x4_last, x + n - 4, 4);
		memcpy(&y4_last, y + n - 4, 4);
		return x4 == y4 && x4_last == y4_last;
	}
	return n == 0 || (x[0] == y[0] && x[n / 2] == y[n / 2] && x[n - 1] == y[n - 1]);
}

static inline bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && bytes_same(s.data, text, s.len);
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.data == b.data || bytes_same(a.data, b.data, a.len));
}

/* One bit, by the length and some of the bytes: spans of different bits differ. */
static inline uint64_t span_mark(struct span s)
{
	uint64_t mark = s.len;
	if (s.len)
		mark += s.data[0] * 5u + s.data[s.len / 2] * 11u + s.data[s.len - 1] * 23u;
	return UINT64_C(1) << (mark & 63);
}

/* As text with a terminator, cut off where `room` ends. */
void span_text(char *out, size_t room, struct span s);
/* White space of ASCII; NUL is none. */
static inline bool byte_is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
/* The value of a hexadecimal digit; -1: it is none. */
static inline int byte_hex(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}
/* Without the white space at both ends. */
struct span span_trim(struct span s);
/* Takes the first part of a list off it, trimmed; false: the list is empty. */
bool span_next(struct span *list, char by, struct span *part);
/* Byte order, a prefix before what it starts. Keys of a store begin alike, and are
 * compared wherever one is looked for: eight bytes at a time, no call. */
static inline int span_cmp(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len, i = 0;
	uint64_t x, y;
	for (; i + sizeof x <= n; i += sizeof x) {
		memcpy(&x, a.data + i, sizeof x);
		memcpy(&y, b.data + i, sizeof y);
		if (x != y)
			return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
	}
	for (; i < n; i++)
		if (a.data[i] != b.data[i])
			return a.data[i] < b.data[i] ? -1 : 1;
	return (a.len > b.len) - (a.len < b.len);
}

struct bytes; /* opaque: use the calls below */

struct bytes *bytes_copy(const void *data, size_t n);
/* Takes the buffer's memory over; *b is empty afterwards. */
struct bytes *bytes_take(struct buf *b);
/* Foreign memory; `release(hint)` runs once, with the last reference. */
struct bytes *bytes_wrap(const void *data, size_t n, void (*release)(void *), void *hint);
/* A part of `owner`, which it keeps alive. `part` must lie inside. */
struct bytes *bytes_slice(struct bytes *owner, struct span part);
/* The same with a copy of something about it, which bytes_with gives (NULL: it
 * has none, or 0 bytes). */
struct bytes *bytes_slice_with(struct bytes *owner, struct span part, const void *with, size_t n);
/* As bytes_slice_with, of bytes that are copied too. */
struct bytes *bytes_copy_with(struct span data, const void *with, size_t n);
const void *bytes_with(const struct bytes *b);
/* A part of `owner` that is to be kept: all of it is another reference, less is
 * a copy, so that a small part does not keep a large owner alive. */
struct bytes *bytes_part(struct bytes *owner, struct span part);
struct bytes *bytes_ref(struct bytes *b); /* NULL stays NULL */
void bytes_unref(struct bytes *b);        /* NULL is fine */
struct span bytes_span(const struct bytes *b); /* empty for NULL */

#endif
