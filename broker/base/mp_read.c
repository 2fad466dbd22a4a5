/* The strict reader. One function, `head`, knows the wire form: it reads a
 * value's first bytes and says what follows (a payload of n bytes, or n
 * nested values). Everything else is written in terms of it. */
#include "broker/base/mp_private.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct head {
	enum mp_type type;
	uint64_t n;    /* payload bytes, or number of values (map: 2 a pair) */
	uint64_t bits; /* of a scalar */
	bool negative; /* bits hold an int64 below zero */
	bool wide;     /* a double, not a float */
	const uint8_t *payload;
};

/* n is 0, 1, 2, 4 or 8. */
static inline uint64_t be(const uint8_t *p, size_t n)
{
	uint64_t v8;
	uint32_t v4;
	switch (n) {
	case 1:
		return p[0];
	case 2:
		return (uint64_t)p[0] << 8 | p[1];
	case 4:
		memcpy(&v4, p, sizeof v4);
		return be32toh(v4);
	case 8:
		memcpy(&v8, p, sizeof v8);
		return be64toh(v8);
	default:
		return 0;
	}
}

/* What each of the bytes 0xc0..0xdf means: type, bytes of length or scalar. */
static const struct form {
	uint8_t type, width, is_signed, extra;
} forms[32] = {
	[0x00] = {MP_NIL, 0, 0, 0},    [0x02] = {MP_BOOL, 0, 0, 0},
	[0x03] = {MP_BOOL, 0, 0, 0},   [0x04] = {MP_BIN, 1, 0, 0},
	[0x05] = {MP_BIN, 2, 0, 0},    [0x06] = {MP_BIN, 4, 0, 0},
	[0x07] = {MP_EXT, 1, 0, 1},    [0x08] = {MP_EXT, 2, 0, 1},
	[0x09] = {MP_EXT, 4, 0, 1},    [0x0a] = {MP_FLOAT, 4, 0, 0},
	[0x0b] = {MP_FLOAT, 8, 0, 0},  [0x0c] = {MP_INT, 1, 0, 0},
	[0x0d] = {MP_INT, 2, 0, 0},    [0x0e] = {MP_INT, 4, 0, 0},
	[0x0f] = {MP_INT, 8, 0, 0},    [0x10] = {MP_INT, 1, 1, 0},
	[0x11] = {MP_INT, 2, 1, 0},    [0x12] = {MP_INT, 4, 1, 0},
	[0x13] = {MP_INT, 8, 1, 0},    [0x14] = {MP_EXT, 0, 0, 2},
	[0x15] = {MP_EXT, 0, 0, 3},    [0x16] = {MP_EXT, 0, 0, 5},
	[0x17] = {MP_EXT, 0, 0, 9},    [0x18] = {MP_EXT, 0, 0, 17},
	[0x19] = {MP_STR, 1, 0, 0},    [0x1a] = {MP_STR, 2, 0, 0},
	[0x1b] = {MP_STR, 4, 0, 0},    [0x1c] = {MP_ARRAY, 2, 0, 0},
	[0x1d] = {MP_ARRAY, 4, 0, 0},  [0x1e] = {MP_MAP, 2, 0, 0},
	[0x1f] = {MP_MAP, 4, 0, 0},
};

static void head_int(struct head *h, const struct form *f, uint64_t v)
{
	h->bits = v;
	if (!f->is_signed)
		return;
	unsigned shift = 64 - 8u * f->width;
	int64_t s = (int64_t)(v << shift) >> shift;
	h->bits = (uint64_t)s;
	h->negative = s < 0;
}

/* Reads the first bytes at *p; false when they are cut off or reserved. On
 * success *p is behind the head, before a payload or the nested values. */
static bool head(const uint8_t **p, const uint8_t *end, struct head *h)
{
	const uint8_t *q = *p;
	*h = (struct head){0};
	if (q >= end)
		return false;
	uint8_t c = *q++;
	if (c <= 0x7f || c >= 0xe0) {
		h->type = MP_INT;
		h->bits = (uint64_t)(int64_t)(int8_t)c;
		h->negative = c >= 0xe0;
	} else if (c <= 0x8f) {
		h->type = MP_MAP;
		h->n = 2u * (c & 0x0f);
	} else if (c <= 0x9f) {
		h->type = MP_ARRAY;
		h->n = c & 0x0f;
	} else if (c <= 0xbf) {
		h->type = MP_STR;
		h->n = c & 0x1f;
	} else {
		const struct form *f = &forms[c - 0xc0];
		if (f->type == MP_NONE || (size_t)(end - q) < f->width)
			return false;
		uint64_t v = be(q, f->width);
		q += f->width;
		h->type = f->type;
		if (f->type == MP_INT)
			head_int(h, f, v);
		else if (f->type == MP_FLOAT)
			h->bits = v, h->wide = f->width == 8;
		else if (f->type == MP_BOOL)
			h->bits = c & 1;
		else
			h->n = (f->type == MP_MAP ? 2 * v : v) + f->extra;
	}
	h->payload = q;
	bool nested = h->type == MP_ARRAY || h->type == MP_MAP;
	if (h->n > (uint64_t)(end - q)) /* a nested value takes a byte at least */
		return false;
	*p = nested ? q : q + h->n;
	return true;
}

#define MAP(n) [0x80 + (n)] = {1, 2 * (n), MP_MAP}
#define ARRAY(n) [0x90 + (n)] = {1, (n), MP_ARRAY}
#define STR(n) [0xa0 + (n)] = {1 + (n), 0, MP_STR}
#define EIGHT(of, n) \
	of(n), of((n) + 1), of((n) + 2), of((n) + 3), of((n) + 4), of((n) + 5), of((n) + 6), of((n) + 7)
const struct mp_step mp_steps[256] = {
	[0x00 ... 0x7f] = {1, 0, MP_INT},   [0xe0 ... 0xff] = {1, 0, MP_INT},
	EIGHT(MAP, 0),			    EIGHT(MAP, 8),
	EIGHT(ARRAY, 0),		    EIGHT(ARRAY, 8),
	EIGHT(STR, 0),			    EIGHT(STR, 8),
	EIGHT(STR, 16),			    EIGHT(STR, 24),
	[0xc0] = {1, 0, MP_NIL},	    [0xc2 ... 0xc3] = {1, 0, MP_BOOL},
	[0xca] = {5, 0, MP_FLOAT},	    [0xcb] = {9, 0, MP_FLOAT},
	[0xcc] = {2, 0, MP_INT},	    [0xcd] = {3, 0, MP_INT},
	[0xce] = {5, 0, MP_INT},	    [0xcf] = {9, 0, MP_INT},
	[0xd0] = {2, 0, MP_INT},	    [0xd1] = {3, 0, MP_INT},
	[0xd2] = {5, 0, MP_INT},	    [0xd3] = {9, 0, MP_INT},
};

bool mp_pass_long(const uint8_t **p, const uint8_t *end, uint64_t *count)
{
	struct head h;
	if (!head(p, end, &h))
		return false;
	if (h.type == MP_ARRAY || h.type == MP_MAP)
		*count += h.n;
	return true;
}

/* Nearly all text is ASCII. The last bytes are looked at once more where they do
 * not fill a word. */
static inline bool is_ascii(const uint8_t *p, size_t n)
{
	uint64_t all = 0, eight;
	uint32_t four, last;
	if (n >= sizeof eight) {
		for (size_t i = 0; i < n - sizeof eight; i += sizeof eight) {
			memcpy(&eight, p + i, sizeof eight);
			all |= eight;
		}
		memcpy(&eight, p + n - sizeof eight, sizeof eight);
		return !((all | eight) & 0x8080808080808080u);
	}
	if (n >= sizeof four) {
		memcpy(&four, p, sizeof four);
		memcpy(&last, p + n - sizeof last, sizeof last);
		return !((four | last) & 0x80808080u);
	}
	return n == 0 || !((p[0] | p[n / 2] | p[n - 1]) & 0x80);
}

bool utf8_ok(struct span s)
{
	if (is_ascii(s.data, s.len))
		return true;
	for (size_t i = 0; i < s.len;) {
		uint8_t c = s.data[i];
		if (c < 0x80) {
			i++;
			continue;
		}
		size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if (c < 0xc2 || c > 0xf4 || s.len - i <= more)
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((s.data[i + k] & 0xc0) != 0x80)
				return false;
		uint8_t d = s.data[i + 1];
		if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) ||
		    (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f))
			return false;
		i += more + 1;
	}
	return true;
}

struct check {
	const uint8_t *start, *end;
	struct err *e;
};

static int bad(const struct check *c, const uint8_t *at, const char *what)
{
	return err_set(c->e, ERR_INVALID, "msgpack at byte %zu: %s",
		       (size_t)(at - c->start), what);
}

static int check_value(const struct check *c, const uint8_t **p, int depth);

/* The keys of a map, noted as they are passed: few of them are compared with
 * those before that they may be equal to, many are sorted. */
enum { FEW = 24 };

struct keys {
	struct span few[FEW], *all;
	size_t count;
	uint64_t seen; /* a bit for each, by its length and some of its bytes */
	bool repeat;
};

static int span_order(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static inline void keys_note(struct keys *k)
{
	struct span key = k->all[k->count];
	uint64_t bit = span_mark(key);
	for (size_t i = 0; k->seen & bit && i < k->count && !k->repeat; i++)
		k->repeat = span_eq(k->all[i], key);
	k->seen |= bit;
}

static bool keys_repeat(struct keys *k)
{
	if (k->count <= FEW)
		return k->repeat;
	qsort(k->all, k->count, sizeof *k->all, span_order);
	for (size_t i = 1; i < k->count; i++)
		if (span_eq(k->all[i - 1], k->all[i]))
			return true;
	return false;
}

/* A value in which nothing is nested and nothing is wrong; false: another one,
 * check_value says which. */
static inline bool pass_leaf(const struct check *c, const uint8_t **p)
{
	const uint8_t *at = *p;
	if (at >= c->end)
		return false;
	const struct mp_step *s = &mp_steps[*at];
	size_t n = s->bytes, head_bytes = 1, room = (size_t)(c->end - at);
	bool text = s->type == MP_STR;
	if (*at == 0xd9 && room >= 2) {
		head_bytes = 2;
		n = 2u + at[1];
		text = true;
	}
	if (!n || n > room || s->nested ||
	    (text && !is_ascii(at + head_bytes, n - head_bytes)))
		return false;
	*p = at + n;
	return true;
}

/* A short key, as nearly all are; false: mp_str says what it is. */
static inline bool pass_key(const struct check *c, const uint8_t **p, struct span *key)
{
	const uint8_t *at = *p;
	if (c->end - at < 32 || (*at & 0xe0) != 0xa0 || !is_ascii(at + 1, *at & 0x1f))
		return false;
	*key = (struct span){at + 1, *at & 0x1f};
	*p = at + 1 + key->len;
	return true;
}

static int check_pairs(const struct check *c, const uint8_t **p, size_t pairs, struct keys *k,
		       int depth)
{
	for (; k->count < pairs; k->count++) {
		struct span *key = &k->all[k->count];
		if (!pass_key(c, p, key)) {
			struct mp m = {.p = *p, .end = c->end};
			if (mp_str(&m, key))
				return bad(c, *p, "a map key that is not text");
			if (!utf8_ok(*key))
				return bad(c, *p, "text that is not UTF-8");
			*p = m.p;
		}
		if (pairs <= FEW)
			keys_note(k);
		if (depth <= MP_DEPTH_MAX && pass_leaf(c, p))
			continue;
		int rc = check_value(c, p, depth);
		if (rc)
			return rc;
	}
	return 0;
}

static int check_map(const struct check *c, const uint8_t **p, const uint8_t *at, size_t pairs,
		     int depth)
{
	struct keys k;
	k.count = 0;
	k.seen = 0;
	k.repeat = false;
	k.all = pairs > FEW ? malloc(pairs * sizeof *k.all) : k.few;
	if (!k.all)
		return bad(c, at, "more keys than memory");
	int rc = check_pairs(c, p, pairs, &k, depth);
	if (!rc && keys_repeat(&k))
		rc = bad(c, at, "a map with the same key twice");
	if (pairs > FEW)
		free(k.all);
	return rc;
}

static int check_value(const struct check *c, const uint8_t **p, int depth)
{
	const uint8_t *at = *p;
	struct head h;
	if (depth > MP_DEPTH_MAX)
		return bad(c, at, "nested too deeply");
	if (pass_leaf(c, p))
		return 0;
	if (at < c->end && mp_steps[*at].type == MP_MAP && mp_steps[*at].nested < c->end - at) {
		++*p;
		return check_map(c, p, at, mp_steps[*at].nested / 2, depth + 1);
	}
	if (!head(p, c->end, &h))
		return bad(c, at, at >= c->end ? "cut off" : "a length or type that cannot be");
	if (h.type == MP_STR && !utf8_ok((struct span){h.payload, h.n}))
		return bad(c, at, "text that is not UTF-8");
	if (h.type == MP_MAP)
		return check_map(c, p, at, h.n / 2, depth + 1);
	for (uint64_t i = 0; h.type == MP_ARRAY && i < h.n; i++) {
		int rc = check_value(c, p, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

int mp_check(struct span bytes, struct err *e)
{
	struct check c = {bytes.data, bytes.data + bytes.len, e};
	const uint8_t *p = bytes.data;
	int rc = check_value(&c, &p, 0);
	if (rc == 0 && p != c.end)
		rc = bad(&c, p, "bytes behind the value");
	return rc;
}

enum mp_type mp_peek(const struct mp *m)
{
	const uint8_t *p = m->p;
	struct head h;
	if (p < m->end && mp_steps[*p].bytes &&
	    mp_steps[*p].bytes + (size_t)mp_steps[*p].nested <= (size_t)(m->end - p))
		return (enum mp_type)mp_steps[*p].type;
	return head(&p, m->end, &h) ? h.type : MP_NONE;
}

const char *mp_type_name(enum mp_type t)
{
	static const char *const names[] = {"nothing", "nil", "bool", "int", "float",
					    "str", "bin", "array", "map", "ext"};
	return names[t];
}

static int take(struct mp *m, enum mp_type want, struct head *h)
{
	const uint8_t *p = m->p;
	if (!head(&p, m->end, h) || h->type != want)
		return ERR_INVALID;
	m->p = p;
	return 0;
}

int mp_nil(struct mp *m)
{
	if (m->p >= m->end || *m->p != 0xc0)
		return ERR_INVALID;
	m->p++;
	return 0;
}

int mp_bool(struct mp *m, bool *out)
{
	if (m->p >= m->end || (*m->p & 0xfe) != 0xc2)
		return ERR_INVALID;
	*out = *m->p++ & 1;
	return 0;
}

int mp_i64_any(struct mp *m, int64_t *out)
{
	struct mp was = *m;
	struct head h;
	if (take(m, MP_INT, &h) || (!h.negative && h.bits > INT64_MAX)) {
		*m = was;
		return ERR_INVALID;
	}
	*out = (int64_t)h.bits;
	return 0;
}

int mp_u64_any(struct mp *m, uint64_t *out)
{
	struct mp was = *m;
	struct head h;
	uint8_t c = m->p < m->end ? *m->p : 0;
	if (c >= 0xcc && c <= 0xcf) { /* not negative: counts, times, ids that were drawn */
		size_t width = (size_t)1 << (c - 0xcc);
		if ((size_t)(m->end - m->p) <= width)
			return ERR_INVALID;
		*out = be(m->p + 1, width);
		m->p += 1 + width;
		return 0;
	}
	if (take(m, MP_INT, &h) || h.negative) {
		*m = was;
		return ERR_INVALID;
	}
	*out = h.bits;
	return 0;
}

int mp_f64(struct mp *m, double *out)
{
	struct head h;
	int rc = take(m, MP_FLOAT, &h);
	if (rc)
		return rc;
	if (h.wide) {
		memcpy(out, &h.bits, sizeof *out);
	} else {
		uint32_t bits = (uint32_t)h.bits;
		float f;
		memcpy(&f, &bits, sizeof f);
		*out = (double)f;
	}
	return 0;
}

static int take_payload(struct mp *m, enum mp_type want, struct span *out)
{
	struct head h;
	int rc = take(m, want, &h);
	if (rc == 0)
		*out = (struct span){h.payload, h.n};
	return rc;
}

int mp_str_any(struct mp *m, struct span *out)
{
	return take_payload(m, MP_STR, out);
}

int mp_bin(struct mp *m, struct span *out)
{
	if (m->end - m->p >= 5 && *m->p == 0xc6) { /* the frames of a batch */
		size_t n = be(m->p + 1, 4);
		if ((size_t)(m->end - m->p) - 5 < n)
			return ERR_INVALID;
		*out = (struct span){m->p + 5, n};
		m->p += 5 + n;
		return 0;
	}
	return take_payload(m, MP_BIN, out);
}

int mp_packed(struct mp *m, struct span *out)
{
	struct mp was = *m;
	int rc = take_payload(m, MP_EXT, out);
	if (rc == 0 && (out->len < 1 || out->data[0] != MP_PACKED)) {
		*m = was;
		return ERR_INVALID;
	}
	if (rc == 0)
		*out = (struct span){out->data + 1, out->len - 1};
	return rc;
}

/* Its nested values have the marks behind its own. */
static inline void enter(struct mp *m)
{
	if (m->mark && m->mark->start == m->p)
		m->mark++;
}

int mp_array(struct mp *m, size_t *count)
{
	struct head h;
	enter(m);
	if (m->p < m->end && (*m->p & 0xf0) == 0x90 && (*m->p & 0x0f) < m->end - m->p) {
		*count = *m->p++ & 0x0f;
		return 0;
	}
	int rc = take(m, MP_ARRAY, &h);
	if (rc == 0)
		*count = h.n;
	return rc;
}

int mp_map(struct mp *m, size_t *count)
{
	struct head h;
	enter(m);
	if (m->p < m->end && (*m->p & 0xf0) == 0x80 && 2 * (*m->p & 0x0f) < m->end - m->p) {
		*count = *m->p++ & 0x0f;
		return 0;
	}
	int rc = take(m, MP_MAP, &h);
	if (rc == 0)
		*count = h.n / 2;
	return rc;
}

int mp_skip(struct mp *m)
{
	if (m->mark && m->mark->start == m->p) {
		m->p += m->mark->len;
		m->mark += m->mark->behind;
		return 0;
	}
	return mp_pass(&m->p, m->end, 1) ? 0 : ERR_INVALID;
}

int mp_raw(struct mp *m, struct span *out)
{
	const uint8_t *from = m->p;
	int rc = mp_skip(m);
	if (rc == 0)
		*out = (struct span){from, (size_t)(m->p - from)};
	return rc;
}
