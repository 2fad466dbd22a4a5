/* JSON out, in one pass over msgpack bytes: every list and watch of the API
 * goes through here, so this reads the wire form itself instead of asking
 * mp.h twice per value. Space for a value is reserved before it is written;
 * text is copied in runs between characters that need an escape.
 *
 * Output is Go's encoding/json to the byte. */
#include "actors/schema/json.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- text */

/* 1: needs an escape or a look. '"', '\\', controls, HTML's <, >, &, and
 * 0xe2, which may start U+2028 or U+2029. */
static const uint8_t special[256] = {
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	['"'] = 1, ['\\'] = 1, ['<'] = 1, ['>'] = 1, ['&'] = 1, [0xe2] = 1,
};

static const char hex[] = "0123456789abcdef";

/* Writes the character at `s` and says how many bytes it was. `out` has room
 * for six. */
static size_t escape(uint8_t **out, const uint8_t *s, size_t left)
{
	static const char letters[] = "btnvfr"; /* for 8 to 13 */
	uint8_t c = *s, *o = *out;
	if (c == 0xe2) {
		if (left < 3 || s[1] != 0x80 || (s[2] & 0xfe) != 0xa8) {
			*(*out)++ = c;
			return 1;
		}
		memcpy(o, s[2] & 1 ? "\\u2029" : "\\u2028", 6);
		*out += 6;
		return 3;
	}
	*o++ = '\\';
	if (c == '"' || c == '\\') {
		*o++ = c;
	} else if (c >= 8 && c <= 13 && c != 11) {
		*o++ = (uint8_t)letters[c - 8];
	} else {
		memcpy(o, "u00", 3);
		o[3] = (uint8_t)hex[c >> 4];
		o[4] = (uint8_t)hex[c & 15];
		o += 5;
	}
	*out = o;
	return 1;
}

/* Whether one of eight bytes may be special, all at once: below space, or
 * equal to one of the others. A byte above 0x7f may be a false alarm, which
 * the table settles.
 * Source: S. E. Anderson, "Bit Twiddling Hacks", "Determine if a word has a
 * byte less than n" and "equal to n". */
static bool suspicious(uint64_t w)
{
#define ALL(byte) (UINT64_C(0x0101010101010101) * (byte))
#define LESS(x, n) (((x)-ALL(n)) & ~(x)&ALL(0x80))
#define IS(x, byte) LESS((x) ^ ALL(byte), 1)
	return (LESS(w, 0x20) | IS(w, '"') | IS(w, '\\') | IS(w | ALL(2), '>') | IS(w, '&') |
		(w & ALL(0x80))) != 0;
#undef IS
#undef LESS
#undef ALL
}

/* Copies what needs no escape; how many bytes that was. `out` has room for
 * all of them and seven more. */
static size_t copy_plain(uint8_t *out, const uint8_t *s, size_t n)
{
	size_t i = 0;
	for (;;) {
		for (uint64_t w; i + 8 <= n; i += 8) {
			memcpy(&w, s + i, 8);
			if (suspicious(w))
				break;
			memcpy(out + i, &w, 8);
		}
		for (size_t end = i + 8 <= n ? i + 8 : n; i < end; i++) {
			if (special[s[i]])
				return i;
			out[i] = s[i];
		}
		if (i == n)
			return i;
	}
}

static void write_text(struct buf *b, const uint8_t *s, size_t n)
{
	buf_reserve(b, n + 10);
	b->data[b->len++] = '"';
	while (n > 0) {
		size_t run = copy_plain(b->data + b->len, s, n);
		b->len += run;
		s += run;
		n -= run;
		if (n == 0)
			break;
		buf_reserve(b, n + 16);
		uint8_t *out = b->data + b->len;
		size_t used = escape(&out, s, n);
		b->len = (size_t)(out - b->data);
		s += used;
		n -= used;
	}
	buf_putc(b, '"');
}

void json_string(struct buf *out, struct span text)
{
	if (utf8_ok(text)) {
		write_text(out, text.data, text.len);
		return;
	}
	struct buf fixed = {0};
	while (text.len > 0) {
		size_t n = json_utf8(text);
		buf_append(&fixed, n ? text.data : (const uint8_t *)"\xef\xbf\xbd", n ? n : 3);
		text.data += n ? n : 1;
		text.len -= n ? n : 1;
	}
	write_text(out, fixed.data, fixed.len);
	buf_fini(&fixed);
}

/* ---- numbers */

static void write_u64(struct buf *b, uint64_t v, bool minus)
{
	char digits[24], *p = digits + sizeof digits;
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (minus)
		*--p = '-';
	buf_append(b, p, (size_t)(digits + sizeof digits - p));
}

static void write_i64(struct buf *b, int64_t v)
{
	write_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

/* The shortest digits that read back as the same double; exponent form as Go
 * has it: below 1e-6 and from 1e21 on, without leading zeros. */
static void write_double(struct buf *b, double v)
{
	char text[40];
	int precision = 1;
	do
		snprintf(text, sizeof text, "%.*e", precision - 1, v);
	while (strtod(text, NULL) != v && precision++ < 17);
	char *e = strchr(text, 'e');
	if (!e) { /* not a number, or infinite: JSON has no word for it */
		buf_puts(b, "null");
		return;
	}
	int exponent = atoi(e + 1);
	if (v == 0 || (exponent >= -6 && exponent < 21)) {
		int decimals = precision - 1 - exponent;
		buf_printf(b, "%.*f", decimals > 0 ? decimals : 0, v);
		return;
	}
	buf_append(b, text, (size_t)(e - text));
	buf_printf(b, "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* ---- msgpack */

static void write_base64(struct buf *b, const uint8_t *s, size_t n)
{
	static const char abc[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	buf_putc(b, '"');
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16 | (uint32_t)(i + 1 < n ? s[i + 1] : 0) << 8 |
			     (i + 2 < n ? s[i + 2] : 0u);
		char four[4] = {abc[v >> 18], abc[v >> 12 & 63],
				i + 1 < n ? abc[v >> 6 & 63] : '=', i + 2 < n ? abc[v & 63] : '='};
		buf_append(b, four, 4);
	}
	buf_putc(b, '"');
}

static uint64_t big_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

struct reader {
	const uint8_t *p, *end;
	bool packed; /* keys may be words */
};

static bool write_value(struct buf *b, struct reader *r, int depth);

static bool write_str(struct buf *b, struct reader *r, uint64_t n)
{
	if (n > (uint64_t)(r->end - r->p))
		return false;
	write_text(b, r->p, n);
	r->p += n;
	return true;
}

static bool write_bin(struct buf *b, struct reader *r, uint64_t n)
{
	if (n > (uint64_t)(r->end - r->p))
		return false;
	write_base64(b, r->p, n);
	r->p += n;
	return true;
}

/* The type's byte, then n bytes that are one value. */
static bool write_packed(struct buf *b, struct reader *r, uint64_t n, int depth)
{
	if (r->p >= r->end || *r->p != MP_PACKED || n > (uint64_t)(r->end - r->p - 1))
		return false;
	struct reader inner = {r->p + 1, r->p + 1 + n, true};
	r->p = inner.end;
	return write_value(b, &inner, depth + 1) && inner.p == inner.end;
}

static bool write_array(struct buf *b, struct reader *r, uint64_t n, int depth)
{
	buf_putc(b, '[');
	for (uint64_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		if (!write_value(b, r, depth + 1))
			return false;
	}
	buf_putc(b, ']');
	return true;
}

static bool is_text(const struct reader *r)
{
	return r->p < r->end &&
	       ((*r->p >= 0xa0 && *r->p <= 0xbf) || (*r->p >= 0xd9 && *r->p <= 0xdb));
}

static bool write_word(struct buf *b, struct reader *r)
{
	if (!r->packed || r->p >= r->end || is_text(r))
		return false;
	struct mp m = mp_of((struct span){r->p, (size_t)(r->end - r->p)});
	struct span word;
	if (mp_packed_key(&m, &word))
		return false;
	write_text(b, word.data, word.len);
	r->p = m.p;
	return true;
}

static bool write_map(struct buf *b, struct reader *r, uint64_t n, int depth)
{
	buf_putc(b, '{');
	for (uint64_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		if (!write_word(b, r) && (!is_text(r) || !write_value(b, r, depth)))
			return false;
		buf_putc(b, ':');
		if (!write_value(b, r, depth + 1))
			return false;
	}
	buf_putc(b, '}');
	return true;
}

static void write_float(struct buf *b, uint64_t bits, bool wide)
{
	double v;
	float f;
	uint32_t low = (uint32_t)bits;
	memcpy(&f, &low, sizeof f);
	memcpy(&v, &bits, sizeof v);
	write_double(b, wide ? v : (double)f);
}

/* The types 0xc0 to 0xdf; `c` is the type, the cursor stands behind it. */
static bool write_wide(struct buf *b, struct reader *r, uint8_t c, int depth)
{
	static const uint8_t width[32] = {
		[0x04] = 1, [0x05] = 2, [0x06] = 4, [0x07] = 1, [0x08] = 2, [0x09] = 4, [0x0a] = 4, [0x0b] = 8, [0x0c] = 1, [0x0d] = 2,
		[0x0e] = 4, [0x0f] = 8, [0x10] = 1, [0x11] = 2, [0x12] = 4, [0x13] = 8, [0x19] = 1,
		[0x1a] = 2, [0x1b] = 4, [0x1c] = 2, [0x1d] = 4, [0x1e] = 2, [0x1f] = 4};
	unsigned w = width[c - 0xc0];
	if ((size_t)(r->end - r->p) < w)
		return false;
	uint64_t v = big_endian(r->p, w);
	r->p += w;
	switch (c) {
	case 0xc0:
		buf_append(b, "null", 4);
		return true;
	case 0xc2:
		buf_append(b, "false", 5);
		return true;
	case 0xc3:
		buf_append(b, "true", 4);
		return true;
	case 0xc4 ... 0xc6:
		return write_bin(b, r, v);
	case 0xc7 ... 0xc9:
		return write_packed(b, r, v, depth);
	case 0xd4 ... 0xd8:
		return write_packed(b, r, 1u << (c - 0xd4), depth);
	case 0xca ... 0xcb:
		write_float(b, v, c == 0xcb);
		return true;
	case 0xcc ... 0xcf:
		write_u64(b, v, false);
		return true;
	case 0xd0 ... 0xd3:
		write_i64(b, (int64_t)(v << (64 - 8 * w)) >> (64 - 8 * w));
		return true;
	case 0xd9 ... 0xdb:
		return write_str(b, r, v);
	case 0xdc ... 0xdd:
		return write_array(b, r, v, depth);
	case 0xde ... 0xdf:
		return write_map(b, r, v, depth);
	}
	return false;
}

static bool write_value(struct buf *b, struct reader *r, int depth)
{
	if (r->p >= r->end || depth > MP_DEPTH_MAX)
		return false;
	uint8_t c = *r->p++;
	if (c <= 0x7f)
		write_u64(b, c, false);
	else if (c <= 0x8f)
		return write_map(b, r, c & 0x0f, depth);
	else if (c <= 0x9f)
		return write_array(b, r, c & 0x0f, depth);
	else if (c <= 0xbf)
		return write_str(b, r, c & 0x1f);
	else if (c >= 0xe0)
		write_i64(b, (int8_t)c);
	else
		return write_wide(b, r, c, depth);
	return true;
}

int json_from_mp(struct buf *out, struct mp value)
{
	struct reader r = {value.p, value.end, false};
	return write_value(out, &r, 0) ? 0 : ERR_INVALID;
}

/* ---- objects */

static bool write_next(struct buf *b, struct mp *m)
{
	struct reader r = {m->p, m->end, false};
	bool ok = write_value(b, &r, 0);
	m->p = r.p;
	return ok;
}

static void comma(struct buf *b, bool *first)
{
	if (!*first)
		buf_putc(b, ',');
	*first = false;
}

static bool write_entry(struct buf *b, struct span key, struct mp *value, bool *first)
{
	comma(b, first);
	write_text(b, key.data, key.len);
	buf_putc(b, ':');
	return write_next(b, value);
}

static void write_version(struct buf *b, uint64_t version, bool *first)
{
	comma(b, first);
	buf_puts(b, "\"resourceVersion\":\"");
	write_u64(b, version, false);
	buf_putc(b, '"');
}

/* What ObjectMeta has before resourceVersion. */
static bool before_version(struct span key)
{
	return span_is(key, "name") || span_is(key, "generateName") || span_is(key, "namespace") ||
	       span_is(key, "selfLink") || span_is(key, "uid");
}

static bool write_metadata(struct buf *b, struct mp *m, uint64_t version)
{
	size_t n;
	bool first = true, due = version != 0, ok = mp_map(m, &n) == 0;
	buf_putc(b, '{');
	for (size_t i = 0; ok && i < n; i++) {
		struct span key;
		ok = mp_str(m, &key) == 0;
		if (ok && span_is(key, "resourceVersion")) {
			ok = mp_skip(m) == 0;
			continue;
		}
		if (ok && due && !before_version(key)) {
			write_version(b, version, &first);
			due = false;
		}
		ok = ok && write_entry(b, key, m, &first);
	}
	if (due)
		write_version(b, version, &first);
	buf_putc(b, '}');
	return ok;
}

/* How much of an object is wanted. */
enum part { WHOLE, WITHOUT_TYPE, METADATA_ONLY };

static bool is_type_meta(struct span key)
{
	return span_is(key, "apiVersion") || span_is(key, "kind");
}

/* What stands behind the brace; `first`: nothing stands there yet. */
static int write_rest(struct buf *b, struct mp m, uint64_t version, enum part part, bool first)
{
	size_t n;
	bool ok = mp_map(&m, &n) == 0;
	for (size_t i = 0; ok && i < n; i++) {
		struct span key;
		ok = mp_str(&m, &key) == 0;
		bool metadata = ok && span_is(key, "metadata") && mp_peek(&m) == MP_MAP;
		if (ok && !metadata &&
		    (part == METADATA_ONLY || (part == WITHOUT_TYPE && is_type_meta(key)))) {
			ok = mp_skip(&m) == 0;
		} else if (metadata) {
			comma(b, &first);
			buf_puts(b, "\"metadata\":");
			ok = write_metadata(b, &m, version);
		} else {
			ok = ok && write_entry(b, key, &m, &first);
		}
	}
	buf_putc(b, '}');
	return ok ? 0 : ERR_INVALID;
}

static int write_object(struct buf *b, struct mp m, uint64_t version, enum part part)
{
	buf_putc(b, '{');
	return write_rest(b, m, version, part, true);
}

int json_object(struct buf *out, struct mp object, uint64_t version)
{
	return write_object(out, object, version, WHOLE);
}

int json_item(struct buf *out, struct mp object, uint64_t version)
{
	return write_object(out, object, version, WITHOUT_TYPE);
}

const char *const meta_api_versions[META_VERSIONS] = {
	[META_V1] = "meta.k8s.io/v1", [META_V1BETA1] = "meta.k8s.io/v1beta1"};

int json_metadata(struct buf *out, struct mp object, uint64_t version, enum meta_version as)
{
	buf_puts(out, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"");
	buf_puts(out, meta_api_versions[as]);
	buf_putc(out, '"');
	return write_rest(out, object, version, METADATA_ONLY, false);
}

/* ---- trees */

void json_from_doc(struct buf *out, const struct doc *d)
{
	switch ((enum doc_type)d->type) {
	case DOC_NULL:
		buf_puts(out, "null");
		break;
	case DOC_BOOL:
		buf_puts(out, d->boolean ? "true" : "false");
		break;
	case DOC_INT:
		write_i64(out, d->integer);
		break;
	case DOC_DOUBLE:
		write_double(out, d->real);
		break;
	case DOC_STR:
		json_string(out, d->text);
		break;
	case DOC_PACKED:
		(void)write_value(out, &(struct reader){d->text.data, d->text.data + d->text.len, true}, 0);
		break;
	case DOC_RAW:
		(void)json_from_mp(out, mp_of(d->text));
		break;
	case DOC_ARRAY:
	case DOC_MAP:
		buf_putc(out, d->type == DOC_MAP ? '{' : '[');
		DOC_EACH(child, d) {
			if (child->prev)
				buf_putc(out, ',');
			if (d->type == DOC_MAP) {
				json_string(out, child->key);
				buf_putc(out, ':');
			}
			json_from_doc(out, child);
		}
		buf_putc(out, d->type == DOC_MAP ? '}' : ']');
		break;
	}
}
