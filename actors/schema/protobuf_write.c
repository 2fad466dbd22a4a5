/* From a tree to the wire, as Go's generated code writes it: a field that is no
 * pointer is written even when it is zero, an inlined struct is a message. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/protobuf.h"
#include "actors/schema/protobuf_wire.h"
#include "actors/schema/json.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/sort.h"

static void write_message(struct buf *b, const struct schema_type *t, unsigned outer,
			  const struct doc *d);

static bool absent(const struct doc *d)
{
	return !d || d->type == DOC_NULL;
}

/* ---- values behind a length */

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The text is canonical: it was coerced. */
static void put_decoded(struct buf *b, struct span text)
{
	uint32_t bits = 0;
	int have = 0;
	for (size_t i = 0; i < text.len; i++) {
		int v = base64_value(text.data[i]);
		if (v < 0)
			return;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_putc(b, (char)(bits >> have));
		}
	}
}

static void put_intstr(struct buf *b, const struct doc *d)
{
	bool text = doc_is(d, DOC_STR);
	wire_put_number(b, 1, text);
	wire_put_number(b, 2, doc_is(d, DOC_INT) ? (uint64_t)d->integer : 0);
	wire_put_bytes(b, 3, text ? d->text : (struct span){0});
}

static void put_time(struct buf *b, const struct doc *d)
{
	int64_t us;
	if (!doc_is(d, DOC_STR) || rfc3339_parse(d->text, &us))
		return; /* no time: an empty message */
	int64_t seconds = us / 1000000, rest = us % 1000000;
	if (rest < 0) {
		seconds--;
		rest += 1000000;
	}
	wire_put_number(b, 1, (uint64_t)seconds);
	wire_put_number(b, 2, (uint64_t)rest * 1000);
}

static int64_t unit_ns(struct span *s)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000},
		     {"m", 60000000000}, {"h", 3600000000000}};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t n = strlen(units[i].name);
		if (s->len >= n && memcmp(s->data, units[i].name, n) == 0) {
			s->data += n;
			s->len -= n;
			return units[i].ns;
		}
	}
	return 0;
}

/* Nanoseconds of "1h2m3.5s", as Go reads it; what is no duration is none. */
static int64_t duration_ns(struct span s)
{
	int64_t sum = 0;
	bool minus = s.len && s.data[0] == '-';
	if (minus) {
		s.data++;
		s.len--;
	}
	while (s.len) {
		int64_t whole = 0, part = 0, scale = 1;
		bool point = false;
		for (; s.len && ((s.data[0] >= '0' && s.data[0] <= '9') || s.data[0] == '.');
		     s.data++, s.len--) {
			if (s.data[0] == '.')
				point = true;
			else if (!point)
				whole = whole * 10 + (s.data[0] - '0');
			else if (scale < 1000000000) {
				part = part * 10 + (s.data[0] - '0');
				scale *= 10;
			}
		}
		int64_t unit = unit_ns(&s);
		if (!unit || whole > INT64_MAX / unit / 2)
			return 0;
		sum += whole * unit + (int64_t)((__int128)part * unit / scale);
	}
	return minus ? -sum : sum;
}

static void put_any(struct buf *b, const struct doc *d)
{
	struct buf json = {0};
	if (absent(d))
		return;
	json_from_doc(&json, d);
	wire_put_bytes(b, 1, span_buf(&json));
	buf_fini(&json);
}

static void put_one(struct buf *b, uint32_t number, const struct schema_type *t,
		    const struct doc *d);

static void put_items(struct buf *b, const struct schema_type *t, const struct doc *d)
{
	if (doc_is(d, DOC_ARRAY))
		DOC_EACH(it, d)
			put_one(b, 1, t->elem, it);
}

static void put_inside(struct buf *b, const struct schema_type *t, const struct doc *d)
{
	switch (t->kind) {
	case SCHEMA_STRING:
		if (doc_is(d, DOC_STR))
			buf_append(b, d->text.data, d->text.len);
		break;
	case SCHEMA_BYTES:
		if (doc_is(d, DOC_STR))
			put_decoded(b, d->text);
		break;
	case SCHEMA_QUANTITY:
		wire_put_bytes(b, 1, doc_is(d, DOC_STR) ? d->text : span_of("0"));
		break;
	case SCHEMA_INTSTR:
		put_intstr(b, d);
		break;
	case SCHEMA_TIME:
	case SCHEMA_MICROTIME:
		put_time(b, d);
		break;
	case SCHEMA_DURATION:
		wire_put_number(b, 1, doc_is(d, DOC_STR) ? (uint64_t)duration_ns(d->text) : 0);
		break;
	case SCHEMA_ANY:
		put_any(b, d);
		break;
	case SCHEMA_LIST:
		put_items(b, t, d);
		break;
	case SCHEMA_STRUCT:
		write_message(b, t, 0, doc_is(d, DOC_MAP) ? d : NULL);
		break;
	default:
		break;
	}
}

static void put_counted(struct buf *b, uint32_t number, const struct schema_type *t,
			const struct doc *d)
{
	struct buf inner = {0};
	put_inside(&inner, t, d);
	wire_put_bytes(b, number, span_buf(&inner));
	buf_fini(&inner);
}

static void put_double(struct buf *b, uint32_t number, const struct doc *d)
{
	double v = doc_is(d, DOC_DOUBLE) ? d->real : doc_is(d, DOC_INT) ? (double)d->integer : 0;
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	wire_put_tag(b, number, WIRE_64);
	for (int i = 0; i < 8; i++)
		buf_putc(b, (char)(bits >> (8 * i)));
}

static void put_one(struct buf *b, uint32_t number, const struct schema_type *t,
		    const struct doc *d)
{
	switch (t->kind) {
	case SCHEMA_BOOL:
		wire_put_number(b, number, doc_is(d, DOC_BOOL) && d->boolean);
		break;
	case SCHEMA_INT32:
	case SCHEMA_INT64:
		wire_put_number(b, number, doc_is(d, DOC_INT) ? (uint64_t)d->integer : 0);
		break;
	case SCHEMA_DOUBLE:
		put_double(b, number, d);
		break;
	default:
		put_counted(b, number, t, d);
	}
}

/* ---- fields */

static int by_key(const void *x, const void *y, void *arg)
{
	(void)arg;
	return span_cmp((*(const struct doc *const *)x)->key, (*(const struct doc *const *)y)->key);
}

static void put_entry(struct buf *b, const struct schema_field *f, const struct doc *d)
{
	struct buf entry = {0};
	wire_put_bytes(&entry, 1, d->key);
	put_one(&entry, 2, f->type->elem, d);
	wire_put_bytes(b, f->pb, span_buf(&entry));
	buf_fini(&entry);
}

static void put_map(struct buf *b, const struct schema_field *f, const struct doc *d)
{
	size_t n = 0;
	if (!doc_is(d, DOC_MAP) || !d->count)
		return;
	const struct doc **sorted = malloc(d->count * sizeof *sorted);
	if (!sorted)
		abort();
	DOC_EACH(it, d)
		sorted[n++] = it;
	sort_stable(sorted, n, sizeof *sorted, by_key, NULL);
	for (size_t i = 0; i < n; i++)
		put_entry(b, f, sorted[i]);
	free(sorted);
}

static void put_field(struct buf *b, const struct schema_field *f, const struct doc *d)
{
	if (f->type->kind == SCHEMA_MAP)
		put_map(b, f, d);
	else if (f->type->kind == SCHEMA_LIST)
		DOC_EACH(it, doc_is(d, DOC_ARRAY) ? d : NULL)
			put_one(b, f->pb, f->type->elem, it);
	else if (!absent(d) || !(f->pointer || f->type->kind == SCHEMA_BYTES))
		put_one(b, f->pb, f->type, d);
}

/* The least number behind `after` that a field, or a message of inlined
 * fields, has; 0: none. */
static uint32_t next_number(const struct schema_type *t, unsigned outer, uint32_t after)
{
	uint32_t best = 0;
	for (size_t i = 0; i < t->field_count; i++) {
		const struct schema_field *f = &t->fields[i];
		uint32_t n = f->pb_outer == outer ? f->pb : outer ? 0 : f->pb_outer;
		if (n > after && (!best || n < best))
			best = n;
	}
	return best;
}

static void put_numbered(struct buf *b, const struct schema_type *t, unsigned outer,
			 uint32_t number, const struct doc *d)
{
	struct buf inner = {0};
	for (size_t i = 0; i < t->field_count; i++) {
		const struct schema_field *f = &t->fields[i];
		if (f->pb == number && f->pb_outer == outer) {
			put_field(b, f, doc_get(d, f->json));
			return;
		}
	}
	write_message(&inner, t, number, d);
	wire_put_bytes(b, number, span_buf(&inner));
	buf_fini(&inner);
}

static void write_message(struct buf *b, const struct schema_type *t, unsigned outer,
			  const struct doc *d)
{
	for (uint32_t n = 0; (n = next_number(t, outer, n));)
		put_numbered(b, t, outer, n, d);
}

static void put_envelope(struct buf *out, struct span api_version, struct span kind,
			 struct span raw)
{
	struct buf meta = {0};
	wire_put_bytes(&meta, 1, api_version);
	wire_put_bytes(&meta, 2, kind);
	buf_append(out, "k8s", 4);
	wire_put_bytes(out, 1, span_buf(&meta));
	wire_put_bytes(out, 2, raw);
	wire_put_bytes(out, 3, (struct span){0});
	wire_put_bytes(out, 4, (struct span){0});
	buf_fini(&meta);
}

void protobuf_write(struct buf *out, const struct schema_type *type, const struct doc *object)
{
	struct buf raw = {0};
	write_message(&raw, type, 0, object);
	put_envelope(out, doc_get_str(object, "apiVersion"), doc_get_str(object, "kind"),
		     span_buf(&raw));
	buf_fini(&raw);
}

/* ---- lists and watches */

void protobuf_write_item(struct buf *items, const struct schema_type *type,
			 const struct doc *object)
{
	put_one(items, 2, type, object);
}

void protobuf_write_list(struct buf *out, const char *api_version, const char *kind,
			 uint64_t version, struct span next, int64_t remaining, struct span items)
{
	struct buf meta = {0}, raw = {0};
	char text[24];
	snprintf(text, sizeof text, "%llu", (unsigned long long)version);
	wire_put_bytes(&meta, 1, (struct span){0}); /* selfLink */
	wire_put_bytes(&meta, 2, span_of(text));
	wire_put_bytes(&meta, 3, next);
	if (remaining >= 0)
		wire_put_number(&meta, 4, (uint64_t)remaining);
	wire_put_bytes(&raw, 1, span_buf(&meta));
	buf_append(&raw, items.data, items.len);
	put_envelope(out, span_of(api_version), span_of(kind), span_buf(&raw));
	buf_fini(&meta);
	buf_fini(&raw);
}

void protobuf_write_event(struct buf *out, const char *event, struct span body)
{
	struct buf object = {0}, frame = {0};
	wire_put_bytes(&object, 1, body);
	wire_put_bytes(&frame, 1, span_of(event));
	wire_put_bytes(&frame, 2, span_buf(&object));
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_putc(out, (char)(frame.len >> shift));
	buf_append(out, frame.data, frame.len);
	buf_fini(&object);
	buf_fini(&frame);
}
