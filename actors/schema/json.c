/* JSON in: yajl's events build the tree.
 *
 * yajl hands out text without escapes as a pointer into the input; that is
 * borrowed. Everything else is copied to the arena. yajl has no limit of
 * depth and decodes lone surrogates into broken UTF-8: both are handled here,
 * because stored bytes must pass mp_check. Its messages are replaced by
 * the ones that Go's decoder gives (json_explain). */
#include "actors/schema/json.h"

#include <math.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "actors/schema/json_explain.h"

struct parse {
	struct arena *arena;
	struct span text;
	struct doc *root;
	struct doc *open[JSON_DEPTH_MAX]; /* containers around the current place */
	struct span keys[JSON_DEPTH_MAX]; /* the key whose value comes next */
	int depth;
	struct notes *dups;
	int code; /* why a callback stopped the parser */
	const char *why;
};

static int stop(struct parse *p, int code, const char *why)
{
	p->code = code;
	p->why = why;
	return 0;
}

size_t json_utf8(struct span s)
{
	for (size_t n = 1; n <= 4 && n <= s.len; n++)
		if (utf8_ok((struct span){s.data, n}))
			return n;
	return 0;
}

/* Replaces what is not UTF-8 by U+FFFD, as Go does. */
static struct span repaired(struct arena *a, struct span s)
{
	uint8_t *out = arena_alloc(a, 3 * s.len + 1);
	size_t len = 0;
	while (s.len > 0) {
		size_t n = json_utf8(s);
		memcpy(out + len, n ? s.data : (const uint8_t *)"\xef\xbf\xbd", n ? n : 3);
		len += n ? n : 3;
		s.data += n ? n : 1;
		s.len -= n ? n : 1;
	}
	return (struct span){out, len};
}

static struct span keep_text(struct parse *p, const unsigned char *data, size_t n)
{
	struct span s = {data, n};
	if (!utf8_ok(s)) /* also raw: yajl lets overlong forms and surrogates pass */
		return repaired(p->arena, s);
	if (data >= p->text.data && data < p->text.data + p->text.len)
		return s;
	return (struct span){(const uint8_t *)arena_ndup(p->arena, data, n), n};
}

/* "spec.containers[0].name": the containers that are open, then the key. */
static const char *place(struct parse *p, struct span key)
{
	struct buf b = {0};
	for (int i = 0; i < p->depth; i++) {
		bool inner = i + 1 < p->depth;
		if (p->open[i]->type == DOC_ARRAY) {
			buf_printf(&b, "[%u]", p->open[i]->count - 1); /* the open one */
			continue;
		}
		struct span k = inner ? p->keys[i] : key;
		buf_printf(&b, "%s%.*s", b.len ? "." : "", (int)k.len, (const char *)k.data);
	}
	const char *text = arena_dup(p->arena, buf_text(&b));
	buf_fini(&b);
	return text;
}

static int add(struct parse *p, struct doc *d)
{
	if (p->depth == 0) {
		p->root = d;
		return 1;
	}
	struct doc *in = p->open[p->depth - 1];
	if (in->type == DOC_ARRAY) {
		doc_add(in, d);
		return 1;
	}
	struct span key = p->keys[p->depth - 1];
	uint32_t before = in->count;
	doc_set_span(p->arena, in, key, d);
	if (in->count == before && p->dups)
		notes_add(p->dups, p->arena, "duplicate field \"%s\"", place(p, key));
	return 1;
}

static int on_null(void *arg)
{
	struct parse *p = arg;
	return add(p, doc_new(p->arena, DOC_NULL));
}

static int on_boolean(void *arg, int v)
{
	struct parse *p = arg;
	return add(p, doc_bool(p->arena, v));
}

/* Whether it is an integer of int64's range. */
static bool integer(const char *text, size_t n, int64_t *out)
{
	bool minus = *text == '-';
	uint64_t v = 0, limit = (uint64_t)INT64_MAX + minus;
	for (size_t i = minus; i < n; i++) {
		unsigned digit = (unsigned)(text[i] - '0');
		if (digit > 9 || v > (limit - digit) / 10)
			return false;
		v = 10 * v + digit;
	}
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static int on_number(void *arg, const char *text, size_t n)
{
	struct parse *p = arg;
	int64_t i;
	char digits[512];
	if (integer(text, n, &i))
		return add(p, doc_int(p->arena, i));
	if (n >= sizeof digits)
		return stop(p, ERR_LIMIT, "a number with too many digits");
	memcpy(digits, text, n);
	digits[n] = 0;
	double v = strtod(digits, NULL);
	if (!isfinite(v))
		return stop(p, ERR_INVALID, "a number that float64 cannot hold");
	return add(p, doc_double(p->arena, v));
}

static int on_string(void *arg, const unsigned char *data, size_t n)
{
	struct parse *p = arg;
	return add(p, doc_span(p->arena, keep_text(p, data, n)));
}

static int on_key(void *arg, const unsigned char *data, size_t n)
{
	struct parse *p = arg;
	p->keys[p->depth - 1] = keep_text(p, data, n);
	return 1;
}

static int open_container(struct parse *p, enum doc_type type)
{
	if (p->depth == JSON_DEPTH_MAX)
		return stop(p, ERR_LIMIT, "exceeded max depth");
	struct doc *d = doc_new(p->arena, type);
	add(p, d);
	p->open[p->depth++] = d;
	return 1;
}

static int on_map(void *arg)
{
	return open_container(arg, DOC_MAP);
}

static int on_array(void *arg)
{
	return open_container(arg, DOC_ARRAY);
}

static int on_close(void *arg)
{
	struct parse *p = arg;
	p->depth--;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_map_key = on_key,
	.yajl_start_map = on_map,
	.yajl_start_array = on_array,
	.yajl_end_map = on_close,
	.yajl_end_array = on_close,
};

static int explain(const struct parse *p, struct err *e)
{
	size_t line, offset;
	char why[200];
	if (!json_explain(p->text, &line, &offset, why, sizeof why))
		return err_set(e, ERR_INVALID, "invalid UTF-8 in string literal");
	if (offset >= p->text.len)
		return err_set(e, ERR_INVALID, "%s", why);
	return err_set(e, ERR_INVALID, "%s (line %zu, offset %zu)", why, line, offset);
}

int json_parse(struct arena *a, struct span text, struct doc **out, struct notes *dups,
	       struct err *e)
{
	struct parse p = {.arena = a, .text = text, .dups = dups};
	*out = NULL;
	if (text.len > JSON_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "limit is %d bytes", JSON_BYTES_MAX);
	yajl_handle y = yajl_alloc(&callbacks, NULL, &p);
	yajl_status s = yajl_parse(y, text.data, text.len);
	if (s == yajl_status_ok)
		s = yajl_complete_parse(y);
	int rc = 0;
	if (s == yajl_status_client_canceled)
		rc = err_set(e, p.code, "%s (offset %zu)", p.why, yajl_get_bytes_consumed(y));
	else if (s != yajl_status_ok)
		rc = explain(&p, e);
	else
		*out = p.root;
	yajl_free(y);
	return rc;
}
