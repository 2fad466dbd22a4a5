/* msgpack: a strict, bounded reader of our own and a thin writer.
 *
 * Bytes from outside pass mp_check once; it walks the whole value, allocates
 * nothing and refuses what could hurt later (depth, counts larger than the
 * bytes that are left, broken UTF-8, duplicate or non-string keys, trailing
 * bytes, the reserved type). msgpack-c's unpacker is not used on foreign
 * bytes: five of them make it reserve half a gigabyte.
 * After that a `struct mp` is a cursor over borrowed bytes. Every call still
 * checks its bounds and types, so a bug here reads an error, never memory.
 * Specification: msgpack/msgpack spec.md (2013, str/bin/ext).
 *
 * The writer appends to a `struct buf`. */
#ifndef BASE_MP_H
#define BASE_MP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/bytes.h"
#include "broker/base/err.h"

enum mp_type {
	MP_NONE, /* the end, or a byte that starts no value */
	MP_NIL,
	MP_BOOL,
	MP_INT, /* any integer that fits int64 or uint64 */
	MP_FLOAT,
	MP_STR,
	MP_BIN,
	MP_ARRAY,
	MP_MAP,
	MP_EXT,
};

enum { MP_DEPTH_MAX = 64 };

/* Where a larger value of kept bytes ends, and how many marks on the next one is
 * that does not lie inside it. */
struct mp_mark {
	const uint8_t *start;
	uint32_t len, behind;
};

/* A cursor: reading moves `p` forward. Copy it to look ahead. */
struct mp {
	const uint8_t *p, *end;
	const struct mp_mark *mark; /* the next at or behind p, or NULL: none is known */
};

static inline struct mp mp_of(struct span s)
{
	return (struct mp){.p = s.data, .end = s.data ? s.data + s.len : s.data};
}

/* The value of bytes, with the marks that they have, if any. */
struct mp mp_of_bytes(const struct bytes *b);

/* One whole value and nothing behind it. ERR_INVALID names offset and fault. */
int mp_check(struct span bytes, struct err *e);

/* The type of the next value; the cursor stays. */
enum mp_type mp_peek(const struct mp *m);
const char *mp_type_name(enum mp_type t);

/* Each reads one value of its type and moves on; ERR_INVALID (cursor where
 * it was) when the next value is of another type or does not fit. */
int mp_nil(struct mp *m);
int mp_bool(struct mp *m, bool *out);
int mp_i64_any(struct mp *m, int64_t *out);
static inline int mp_i64(struct mp *m, int64_t *out)
{
	if (m->p >= m->end || *m->p > 0x7f)
		return mp_i64_any(m, out);
	*out = *m->p++;
	return 0;
}
int mp_u64_any(struct mp *m, uint64_t *out);
static inline int mp_u64(struct mp *m, uint64_t *out)
{
	if (m->p >= m->end || *m->p > 0x7f) /* small, as most numbers are */
		return mp_u64_any(m, out);
	*out = *m->p++;
	return 0;
}
int mp_f64(struct mp *m, double *out);
int mp_str_any(struct mp *m, struct span *out);
static inline int mp_str(struct mp *m, struct span *out)
{
	size_t room = (size_t)(m->end - m->p), n;
	if (room == 0 || (*m->p & 0xe0) != 0xa0) /* short, as keys are */
		return mp_str_any(m, out);
	n = *m->p & 0x1f;
	if (room <= n)
		return ERR_INVALID;
	*out = (struct span){m->p + 1, n};
	m->p += n + 1;
	return 0;
}
int mp_bin(struct mp *m, struct span *out);
/* One value inside another, packed: readers pass over it in one step. An ext of
 * MP_PACKED whose payload is a value; its maps, but for those in an array, may have
 * the numbers of words (words.h) for keys. */
enum { MP_PACKED = 1 };
int mp_packed(struct mp *m, struct span *out);
int mp_packed_key(struct mp *m, struct span *out);
int mp_array(struct mp *m, size_t *count); /* then read `count` values */
int mp_map(struct mp *m, size_t *count);   /* then `count` keys with values */
int mp_skip(struct mp *m);
/* The next value as bytes, whatever it is; moves past it. */
int mp_raw(struct mp *m, struct span *out);
/* The same of a value that is to be kept for many readers: notes where its larger
 * parts end, so that those step over them. What comes behind MP_MARKS_MAX of them
 * is walked. */
enum { MP_MARKS_MAX = 24 };
struct mp_marks {
	size_t count;
	struct mp_mark all[MP_MARKS_MAX + 1]; /* the last one is nowhere */
};
int mp_raw_marked(struct mp *m, struct span *out, struct mp_marks *marks);
/* The marks of a value as bytes, for readers elsewhere: what it takes to find them is
 * spent once. Empty for what has none. */
enum { MP_MARK_SENT_BYTES = 7 };
void mp_marks_send(struct span value, struct buf *out);
/* As mp_raw_marked, with marks that came with the value. Who sent them is believed as
 * he is about the value; marks that do not fit it at all are found anew. */
int mp_raw_sent(struct mp *m, struct span sent, struct span *out, struct mp_marks *marks);
/* A cursor at a value that many fields are read of now: it, and all that is read
 * from it, uses `marks` as long as it is used. Good for any bytes. */
struct mp mp_marked(struct span value, struct mp_marks *marks);
/* The part of `owner` that was marked, with its marks. */
struct bytes *mp_slice(struct bytes *owner, struct span value, const struct mp_marks *marks);
/* A copy of the value with marks of its own, without one entry of a map in it
 * ("metadata", "managedFields"); of a value that has none all of it. NULL: it is no
 * msgpack. */
struct bytes *mp_copy_without(struct span value, const char *map, const char *key);

/* The value behind `key` in the map at the cursor (the cursor of `map` is
 * not moved). False when it is absent or `map` is not a map. */
bool mp_find(struct mp map, const char *key, struct mp *value);
bool mp_find_span(struct mp map, struct span key, struct mp *value);
/* Descends keys separated by dots ("spec.nodeName"). */
bool mp_path(struct mp map, const char *path, struct mp *value);
/* Shorthands on top of mp_path: the default when absent or of another type. */
struct span mp_path_str(struct mp map, const char *path);
int64_t mp_path_int(struct mp map, const char *path, int64_t otherwise);
bool mp_path_bool(struct mp map, const char *path, bool otherwise);

/* Writing. Counts of maps and arrays are given first, as on the wire. */
void mpw_nil(struct buf *b);
void mpw_bool(struct buf *b, bool v);
void mpw_i64(struct buf *b, int64_t v);
void mpw_u64(struct buf *b, uint64_t v);
void mpw_f64(struct buf *b, double v);
void mpw_span(struct buf *b, struct span text); /* as str */
static inline void mpw_str(struct buf *b, const char *text)
{
	mpw_span(b, span_of(text)); /* a constant's length is one too */
}
void mpw_bin(struct buf *b, struct span data);
void mpw_packed(struct buf *b, struct span value);
void mpw_packed_key(struct buf *b, struct span key);
void mpw_array(struct buf *b, size_t count);
void mpw_map(struct buf *b, size_t count);
/* A value that is msgpack already; nil when empty. */
void mpw_raw(struct buf *b, struct span value);
/* key and value of a map entry */
static inline void mpw_kv_str(struct buf *b, const char *key, const char *text)
{
	mpw_str(b, key);
	mpw_str(b, text);
}
static inline void mpw_kv_span(struct buf *b, const char *key, struct span text)
{
	mpw_str(b, key);
	mpw_span(b, text);
}
void mpw_kv_u64(struct buf *b, const char *key, uint64_t v);
void mpw_kv_i64(struct buf *b, const char *key, int64_t v);
void mpw_kv_bool(struct buf *b, const char *key, bool v);
/* Maps whose count is known only at the end: open writes a five-byte header,
 * close patches it. */
size_t mpw_map_open(struct buf *b);
void mpw_map_close(struct buf *b, size_t at, size_t count);
size_t mpw_array_open(struct buf *b);
void mpw_array_close(struct buf *b, size_t at, size_t count);

/* Valid UTF-8 without surrogates and overlong forms. */
bool utf8_ok(struct span text);

#endif
