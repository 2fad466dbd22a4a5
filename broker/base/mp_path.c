/* Finding values in maps, by key and by path, and the marks that make it short.
 *
 * An object is read far more often than it is written, mostly for one field
 * behind large ones. So who keeps an object notes once where its larger values
 * end, and a reader steps over each of those at once. Rejected: lengths in the
 * bytes themselves, since anybody's msgpack is taken; and a table of offsets by
 * path, since readers ask for what nobody thought of. */
#include <string.h>

#include "broker/base/mp_private.h"

enum {
	KEPT_DEPTH = 2,	     /* an object, its fields, theirs */
	READ_DEPTH = 3,	     /* a message, its fields, theirs in lists: rows */
	MARK_BYTES_MIN = 24, /* less is walked as fast */
	READ_BYTES_MIN = 256,
};

/* ---- marks */

struct marking {
	const uint8_t *end;
	struct mp_marks *marks;
	size_t count;
	int deepest;
};

static bool mark_value(struct marking *k, const uint8_t **p, int depth);

static bool mark_nested(struct marking *k, const uint8_t **p, uint64_t count, int depth)
{
	if (depth > k->deepest)
		return mp_pass(p, k->end, count);
	for (; count > 0; count--) {
		const struct mp_step *s = *p < k->end ? &mp_steps[**p] : NULL;
		if (s && s->bytes && !s->nested && s->bytes <= k->end - *p)
			*p += s->bytes;
		else if (!mark_value(k, p, depth))
			return false;
	}
	return true;
}

static bool mark_value(struct marking *k, const uint8_t **p, int depth)
{
	const uint8_t *start = *p;
	struct mp m = {.p = start, .end = k->end};
	size_t n, at = k->count;
	enum mp_type type = mp_peek(&m);
	if ((type != MP_MAP && type != MP_ARRAY) || at == MP_MARKS_MAX)
		return mp_pass(p, k->end, 1);
	if (type == MP_MAP ? mp_map(&m, &n) : mp_array(&m, &n))
		return false;
	*p = m.p;
	k->count++;
	if (!mark_nested(k, p, type == MP_MAP ? 2 * (uint64_t)n : n, depth + 1))
		return false;
	size_t len = (size_t)(*p - start);
	if (len < MARK_BYTES_MIN || len > UINT32_MAX)
		k->count = at;
	else
		k->marks->all[at] = (struct mp_mark){start, (uint32_t)len, (uint32_t)(k->count - at)};
	return true;
}

static bool mark(const uint8_t **p, const uint8_t *end, int deepest, struct mp_marks *marks)
{
	struct marking k = {.end = end, .marks = marks, .deepest = deepest};
	if (!mark_value(&k, p, 0))
		return false;
	marks->count = k.count ? k.count + 1 : 0;
	marks->all[k.count] = (struct mp_mark){0};
	return true;
}

struct mp mp_marked(struct span value, struct mp_marks *marks)
{
	struct mp m = mp_of(value);
	const uint8_t *p = m.p;
	if (value.len >= READ_BYTES_MIN && mark(&p, m.end, READ_DEPTH, marks) && marks->count)
		m.mark = marks->all;
	return m;
}

int mp_raw_marked(struct mp *m, struct span *out, struct mp_marks *marks)
{
	const uint8_t *p = m->p;
	if (!mark(&p, m->end, KEPT_DEPTH, marks))
		return ERR_INVALID;
	*out = (struct span){m->p, (size_t)(p - m->p)};
	m->p = p;
	return 0;
}

/* Each: where it starts and how long it is, in 3 bytes, and how many are behind it. */
static void put_24(uint8_t *to, size_t n)
{
	to[0] = (uint8_t)(n >> 16);
	to[1] = (uint8_t)(n >> 8);
	to[2] = (uint8_t)n;
}

static size_t get_24(const uint8_t *from)
{
	return (size_t)from[0] << 16 | (size_t)from[1] << 8 | from[2];
}

void mp_marks_send(struct span value, struct buf *out)
{
	struct mp m = mp_of(value);
	struct span raw;
	struct mp_marks marks;
	uint8_t one[MP_MARK_SENT_BYTES];
	if (value.len >> 24 || mp_raw_marked(&m, &raw, &marks))
		return;
	for (size_t i = 0; i + 1 < marks.count; i++) {
		put_24(one, (size_t)(marks.all[i].start - raw.data));
		put_24(one + 3, marks.all[i].len);
		one[6] = (uint8_t)marks.all[i].behind;
		buf_append(out, one, sizeof one);
	}
}

/* None points outside of the value or backwards, so that no reader does. */
static bool take_sent(struct mp m, struct span sent, struct mp_marks *marks)
{
	size_t n = sent.len / MP_MARK_SENT_BYTES, whole = 0;
	if (!n || n > MP_MARKS_MAX || sent.len % MP_MARK_SENT_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *one = sent.data + i * MP_MARK_SENT_BYTES;
		size_t start = get_24(one), len = get_24(one + 3);
		if (i == 0)
			whole = start == 0 && len <= (size_t)(m.end - m.p) ? len : 0;
		if (len < MARK_BYTES_MIN || start + len > whole || !one[6] || i + one[6] > n ||
		    (i && m.p + start <= marks->all[i - 1].start))
			return false;
		marks->all[i] = (struct mp_mark){m.p + start, (uint32_t)len, one[6]};
	}
	marks->all[n] = (struct mp_mark){0};
	marks->count = n + 1;
	return true;
}

int mp_raw_sent(struct mp *m, struct span sent, struct span *out, struct mp_marks *marks)
{
	if (!take_sent(*m, sent, marks))
		return mp_raw_marked(m, out, marks);
	*out = (struct span){m->p, marks->all[0].len};
	m->p += out->len;
	return 0;
}

struct bytes *mp_slice(struct bytes *owner, struct span value, const struct mp_marks *marks)
{
	return bytes_slice_with(owner, value, marks->all, marks->count * sizeof *marks->all);
}

/* Its marks tell of the copy's own bytes. */
static struct bytes *copy_marked(struct span value)
{
	struct mp_marks marks;
	struct mp m = mp_of(value);
	struct span whole;
	if (mp_raw_marked(&m, &whole, &marks))
		return NULL;
	struct bytes *b = bytes_copy_with(value, marks.all, marks.count * sizeof *marks.all);
	struct mp_mark *own = (struct mp_mark *)bytes_with(b);
	for (size_t i = 0; i + 1 < marks.count; i++)
		own[i].start = bytes_span(b).data + (marks.all[i].start - value.data);
	return b;
}

/* The entries of the map at the cursor, but for the first with that key, which it has. */
static void put_others(struct buf *b, struct mp *map, const char *key)
{
	size_t n;
	bool passed = false;
	mp_map(map, &n);
	mpw_map(b, n - 1);
	for (; n > 0; n--) {
		const uint8_t *start = map->p;
		struct span k = {0};
		if (mp_str(map, &k) && mp_skip(map))
			return;
		if (mp_skip(map))
			return;
		if (!passed && span_is(k, key))
			passed = true;
		else
			buf_append(b, start, (size_t)(map->p - start));
	}
}

struct bytes *mp_copy_without(struct span value, const char *map, const char *key)
{
	struct mp m, entry;
	struct buf b = {0};
	if (!mp_find(mp_of(value), map, &m) || !mp_find(m, key, &entry))
		return copy_marked(value);
	buf_reserve(&b, value.len);
	buf_append(&b, value.data, (size_t)(m.p - value.data));
	put_others(&b, &m, key);
	buf_append(&b, m.p, (size_t)(m.end - m.p));
	struct bytes *out = copy_marked(span_buf(&b));
	buf_fini(&b);
	return out;
}

struct mp mp_of_bytes(const struct bytes *b)
{
	struct mp m = mp_of(bytes_span(b));
	m.mark = (const struct mp_mark *)bytes_with(b);
	return m;
}

/* ---- maps */

static bool find_span(struct mp map, struct span key, struct mp *value)
{
	size_t n;
	uint8_t short_key = key.len < 32 ? (uint8_t)(0xa0 | key.len) : 0; /* its head */
	if (map.p < map.end && (*map.p & 0xf0) == 0x80) {
		if (map.mark && map.mark->start == map.p)
			map.mark++;
		n = *map.p++ & 0x0f;
	} else if (mp_map(&map, &n)) {
		return false;
	}
	for (; n > 0; n--) {
		struct span k;
		const uint8_t *p = map.p;
		if (map.end - p > 32 && (*p & 0xe0) == 0xa0) {
			map.p += 1 + (*p & 0x1f);
			if (*p == short_key && bytes_same(p + 1, key.data, key.len)) {
				*value = map;
				return true;
			}
		} else if (mp_str(&map, &k)) {
			return false;
		} else if (span_eq(k, key)) {
			*value = map;
			return true;
		}
		if (map.mark && map.mark->start == map.p) {
			map.p += map.mark->len;
			map.mark += map.mark->behind;
		} else if (!mp_pass(&map.p, map.end, 1)) {
			return false;
		}
	}
	return false;
}

bool mp_find_span(struct mp map, struct span key, struct mp *value)
{
	return find_span(map, key, value);
}

bool mp_find(struct mp map, const char *key, struct mp *value)
{
	return find_span(map, span_of(key), value);
}

bool mp_path(struct mp map, const char *path, struct mp *value)
{
	while (*path) {
		size_t n = 0;
		while (path[n] && path[n] != '.')
			n++;
		if (!find_span(map, (struct span){(const uint8_t *)path, n}, &map))
			return false;
		path += n + (path[n] == '.');
	}
	*value = map;
	return true;
}

struct span mp_path_str(struct mp map, const char *path)
{
	struct mp v;
	struct span s = {0};
	if (mp_path(map, path, &v))
		(void)mp_str(&v, &s);
	return s;
}

int64_t mp_path_int(struct mp map, const char *path, int64_t otherwise)
{
	struct mp v;
	int64_t i;
	return mp_path(map, path, &v) && mp_i64(&v, &i) == 0 ? i : otherwise;
}

bool mp_path_bool(struct mp map, const char *path, bool otherwise)
{
	struct mp v;
	bool b;
	return mp_path(map, path, &v) && mp_bool(&v, &b) == 0 ? b : otherwise;
}
