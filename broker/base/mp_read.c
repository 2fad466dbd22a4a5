/* The strict reader. One function, `head`, knows the wire form: it reads a
 * value's first bytes and says what follows (a payload of n bytes, or n
 * nested values). Everything else is written in terms of it. */
#include "broker/base/mp.h"

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

static uint64_t be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	if (n == 8) {
		memcpy(&v, p, 8);
		return be64toh(v);
	}
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
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

/* Short text, small numbers and small containers are nearly all that there is,
 * and passing over them is nearly all that a reader does: no head is needed for
 * it. False: not one of those, or cut off; head says which. */
static inline bool pass_small(const uint8_t **p, const uint8_t *end, uint64_t *left)
{
	if (*p >= end)
		return false;
	uint8_t c = **p;
	size_t n = 1;
	if (c >= 0xa0 && c <= 0xbf)
		n += c & 0x1f;
	else if (c == 0xd9 && end - *p >= 2) /* text up to 255 bytes: uids, messages */
		n += 1u + (*p)[1];
	else if (c >= 0x80 && c <= 0x8f)
		*left += 2u * (c & 0x0f);
	else if (c >= 0x90 && c <= 0x9f)
		*left += c & 0x0f;
	else if (c > 0xc3 && c < 0xe0)
		return false;
	else if (c == 0xc1)
		return false;
	if ((size_t)(end - *p) < n)
		return false;
	*p += n;
	return true;
}

/* The end of the ASCII text at the front: nearly all text is that. */
static size_t ascii_prefix(struct span s)
{
	size_t i = 0;
	uint64_t eight;
	for (; i + sizeof eight <= s.len; i += sizeof eight) {
		memcpy(&eight, s.data + i, sizeof eight);
		if (eight & 0x8080808080808080u)
			break;
	}
	while (i < s.len && s.data[i] < 0x80)
		i++;
	return i;
}

bool utf8_ok(struct span s)
{
	for (size_t i = ascii_prefix(s); i < s.len;) {
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
 * each other, many are sorted. */
enum { FEW = 24 };

struct keys {
	struct span few[FEW], *all;
	size_t count;
};

static int span_order(const void *a, const void *b)
{
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

static bool keys_repeat(struct keys *k)
{
	if (k->count > FEW)
		qsort(k->all, k->count, sizeof *k->all, span_order);
	for (size_t i = 1; i < k->count; i++) {
		size_t back = k->count > FEW ? i - 1 : 0;
		for (size_t n = back; n < i; n++)
			if (span_eq(k->all[n], k->all[i]))
				return true;
	}
	return false;
}

static int check_pairs(const struct check *c, const uint8_t **p, size_t pairs, struct keys *k,
		       int depth)
{
	for (; k->count < pairs; k->count++) {
		struct mp key = {*p, c->end};
		if (mp_str(&key, &k->all[k->count]))
			return bad(c, *p, "a map key that is not text");
		if (!utf8_ok(k->all[k->count]))
			return bad(c, *p, "text that is not UTF-8");
		*p = key.p;
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
	if (at < c->end && (*at <= 0x7f || *at >= 0xe0 || *at == 0xc0)) {
		++*p; /* a small number or nil */
		return 0;
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
	struct head h;
	int rc = take(m, MP_BOOL, &h);
	if (rc == 0)
		*out = h.bits;
	return rc;
}

int mp_i64(struct mp *m, int64_t *out)
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
	if (m->end - m->p > 8 && *m->p == 0xcf) { /* what was drawn: ids, epochs */
		*out = be(m->p + 1, 8);
		m->p += 9;
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

int mp_str(struct mp *m, struct span *out)
{
	if (m->p < m->end && *m->p >= 0xa0 && *m->p <= 0xbf) { /* short, as keys are */
		size_t n = *m->p & 0x1f;
		if ((size_t)(m->end - m->p) <= n)
			return ERR_INVALID;
		*out = (struct span){m->p + 1, n};
		m->p += n + 1;
		return 0;
	}
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

int mp_array(struct mp *m, size_t *count)
{
	struct head h;
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
	const uint8_t *p = m->p;
	for (uint64_t left = 1; left > 0; left--) {
		struct head h;
		if (pass_small(&p, m->end, &left))
			continue;
		if (!head(&p, m->end, &h))
			return ERR_INVALID;
		if (h.type == MP_ARRAY || h.type == MP_MAP)
			left += h.n;
	}
	m->p = p;
	return 0;
}

int mp_raw(struct mp *m, struct span *out)
{
	const uint8_t *from = m->p;
	int rc = mp_skip(m);
	if (rc == 0)
		*out = (struct span){from, (size_t)(m->p - from)};
	return rc;
}

static bool find_span(struct mp map, struct span key, struct mp *value)
{
	size_t n;
	if (mp_map(&map, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct span k;
		if (mp_str(&map, &k))
			return false;
		if (span_eq(k, key)) {
			*value = map;
			return true;
		}
		if (mp_skip(&map))
			return false;
	}
	return false;
}

bool mp_find(struct mp map, const char *key, struct mp *value)
{
	return find_span(map, span_of(key), value);
}

bool mp_path(struct mp map, const char *path, struct mp *value)
{
	while (*path) {
		size_t n = strcspn(path, ".");
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
