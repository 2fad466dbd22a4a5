/* From the wire to a tree. Each kind of value has a reader; a message is a walk
 * over its fields, each looked up by number in the type's table. An inlined
 * struct of Go is a message of its own on this wire (pb_outer), whose fields
 * land in the outer map. */
#include "actors/schema/protobuf.h"

#include <stdio.h>

#include "actors/schema/json.h"
#include "actors/schema/protobuf_wire.h"
#include "actors/schema/rfc3339.h"

static const uint8_t magic[] = {'k', '8', 's', 0};

/* ---- the envelope */

bool protobuf_is(struct span bytes)
{
	return bytes.len >= sizeof magic && memcmp(bytes.data, magic, sizeof magic) == 0;
}

static int open_type_meta(struct span rest, struct protobuf_body *out)
{
	struct wire_field f;
	int rc;
	while ((rc = wire_next(&rest, &f)) > 0) {
		if (f.number == 1 && f.wire == WIRE_BYTES)
			out->api_version = f.bytes;
		else if (f.number == 2 && f.wire == WIRE_BYTES)
			out->kind = f.bytes;
	}
	return rc;
}

int protobuf_open(struct span bytes, struct protobuf_body *out, struct err *e)
{
	struct wire_field f;
	int rc = ERR_INVALID;
	*out = (struct protobuf_body){0};
	if (!protobuf_is(bytes))
		return err_set(e, ERR_INVALID,
			       "provided data does not appear to be a protobuf message, expected "
			       "prefix [107 56 115 0]");
	struct span rest = {bytes.data + sizeof magic, bytes.len - sizeof magic};
	while ((rc = wire_next(&rest, &f)) > 0) {
		if (f.wire != WIRE_BYTES)
			continue;
		if (f.number == 1 && open_type_meta(f.bytes, out))
			return err_set(e, ERR_INVALID, "proto: the type is malformed");
		if (f.number == 2)
			out->raw = f.bytes;
		if (f.number == 3 && f.bytes.len)
			return err_set(e, ERR_INVALID, "contents of Unknown object must be unencoded");
	}
	return rc ? err_set(e, ERR_INVALID, "proto: the body is malformed") : 0;
}

/* ---- values */

struct reader {
	struct arena *a;
	struct err *e;
	int depth;
};

static int bad(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_INVALID, "proto: %s", what);
}

static int read_value(struct reader *r, const struct schema_type *t, const struct wire_field *f,
		      struct doc **out);
static int read_message(struct reader *r, const struct schema_type *t, struct span raw,
			unsigned outer, struct doc *map);

/* The number behind a field of a small message, as int64; 0 when absent. */
static int number_in(struct span rest, uint32_t number, int64_t *out)
{
	struct wire_field f;
	int rc;
	*out = 0;
	while ((rc = wire_next(&rest, &f)) > 0)
		if (f.number == number && f.wire == WIRE_VARINT)
			*out = (int64_t)f.value;
	return rc;
}

static int bytes_in(struct span rest, uint32_t number, struct span *out)
{
	struct wire_field f;
	int rc;
	*out = (struct span){0};
	while ((rc = wire_next(&rest, &f)) > 0)
		if (f.number == number && f.wire == WIRE_BYTES)
			*out = f.bytes;
	return rc;
}

static int read_text(struct reader *r, struct span s, struct doc **out)
{
	if (!utf8_ok(s))
		return bad(r, "invalid UTF-8");
	*out = doc_span(r->a, s.len ? s : span_of(""));
	return 0;
}

/* Bytes are base64 text in trees and in storage. */
static struct doc *base64_doc(struct reader *r, struct span s)
{
	struct buf bin = {0}, text = {0};
	mpw_bin(&bin, s);
	(void)json_from_mp(&text, mp_of(span_buf(&bin)));
	struct doc *d = doc_span(
		r->a, (struct span){(uint8_t *)arena_ndup(r->a, text.data + 1, text.len - 2),
				    text.len - 2});
	buf_fini(&bin);
	buf_fini(&text);
	return d;
}

static int read_quantity(struct reader *r, struct span raw, struct doc **out)
{
	struct span s;
	if (bytes_in(raw, 1, &s))
		return bad(r, "a quantity is malformed");
	return read_text(r, s.len ? s : span_of("0"), out);
}

static int read_intstr(struct reader *r, struct span raw, struct doc **out)
{
	int64_t type, number;
	struct span text;
	if (number_in(raw, 1, &type) || number_in(raw, 2, &number) || bytes_in(raw, 3, &text))
		return bad(r, "an int-or-string is malformed");
	if (type == 1)
		return read_text(r, text, out);
	*out = doc_int(r->a, (int32_t)number);
	return 0;
}

/* An empty message is no time: null. */
static int read_time(struct reader *r, enum schema_kind kind, struct span raw, struct doc **out)
{
	char text[RFC3339_MAX];
	int64_t seconds, nanos;
	if (number_in(raw, 1, &seconds) || number_in(raw, 2, &nanos))
		return bad(r, "a time is malformed");
	if (raw.len == 0) {
		*out = doc_new(r->a, DOC_NULL);
		return 0;
	}
	/* Years 0 to 9999, which is what the text can say. */
	if (seconds < INT64_C(-62167219200) || seconds > INT64_C(253402300799))
		return bad(r, "a time is out of range");
	int64_t us = seconds * 1000000 + (int32_t)nanos / 1000;
	size_t n = kind == SCHEMA_TIME ? rfc3339_format(us, text) : rfc3339_format_micro(us, text);
	*out = doc_span(r->a, (struct span){(uint8_t *)arena_ndup(r->a, text, n), n});
	return 0;
}

/* Go's Duration.String(), to milliseconds: "1h0m2.5s". */
static int read_duration(struct reader *r, struct span raw, struct doc **out)
{
	int64_t ns;
	if (number_in(raw, 1, &ns))
		return bad(r, "a duration is malformed");
	const char *sign = ns < 0 ? "-" : "";
	long long ms = ns < 0 ? -(ns / 1000000) : ns / 1000000, s = ms / 1000;
	char rest[8] = "";
	for (int i = 0, left = (int)(ms % 1000), unit = 100; left && i < 3; i++, unit /= 10) {
		rest[0] = '.';
		rest[1 + i] = (char)('0' + left / unit);
		left %= unit;
	}
	if (ms && ms < 1000)
		*out = doc_printf(r->a, "%s%lldms", sign, ms);
	else if (s < 60)
		*out = doc_printf(r->a, "%s%lld%ss", sign, s, rest);
	else if (s < 3600)
		*out = doc_printf(r->a, "%s%lldm%lld%ss", sign, s / 60, s % 60, rest);
	else
		*out = doc_printf(r->a, "%s%lldh%lldm%lld%ss", sign, s / 3600, s / 60 % 60, s % 60,
				  rest);
	return 0;
}

/* RawExtension and FieldsV1 hold JSON. */
static int read_any(struct reader *r, struct span raw, struct doc **out)
{
	struct span json;
	struct err why = {0};
	if (bytes_in(raw, 1, &json))
		return bad(r, "a raw extension is malformed");
	if (!json.len) {
		*out = doc_new(r->a, DOC_NULL);
		return 0;
	}
	if (json_parse(r->a, json, out, NULL, &why))
		return bad(r, "a raw extension is no JSON");
	return 0;
}

static int read_struct(struct reader *r, const struct schema_type *t, struct span raw,
		       struct doc **out)
{
	if (++r->depth > PROTOBUF_DEPTH_MAX)
		return bad(r, "it is nested too deeply");
	*out = doc_new(r->a, DOC_MAP);
	int rc = read_message(r, t, raw, 0, *out);
	r->depth--;
	return rc;
}

/* A list where a message stands (a map's value): wrapped, items = 1. */
static int read_items(struct reader *r, const struct schema_type *t, struct span raw,
		      struct doc **out)
{
	struct wire_field f;
	struct doc *one;
	int rc;
	*out = doc_new(r->a, DOC_ARRAY);
	while ((rc = wire_next(&raw, &f)) > 0) {
		if (f.number != 1)
			continue;
		if ((rc = read_value(r, t->elem, &f, &one)))
			return rc;
		doc_add(*out, one);
	}
	return rc ? bad(r, "a list is malformed") : 0;
}

static int read_varint(struct reader *r, const struct schema_type *t, uint64_t v, struct doc **out)
{
	*out = t->kind == SCHEMA_BOOL	 ? doc_bool(r->a, v != 0)
	       : t->kind == SCHEMA_INT32 ? doc_int(r->a, (int32_t)v)
					 : doc_int(r->a, (int64_t)v);
	return 0;
}

static int read_double(struct reader *r, uint64_t bits, struct doc **out)
{
	double v;
	memcpy(&v, &bits, sizeof v);
	if (v != v || v - v != 0)
		return bad(r, "a number is not finite");
	*out = doc_double(r->a, v);
	return 0;
}

static enum wire wire_of(const struct schema_type *t)
{
	switch (t->kind) {
	case SCHEMA_BOOL:
	case SCHEMA_INT32:
	case SCHEMA_INT64:
		return WIRE_VARINT;
	case SCHEMA_DOUBLE:
		return WIRE_64;
	default:
		return WIRE_BYTES;
	}
}

static int read_value(struct reader *r, const struct schema_type *t, const struct wire_field *f,
		      struct doc **out)
{
	if (f->wire != wire_of(t))
		return bad(r, "wrong wireType");
	switch (t->kind) {
	case SCHEMA_BOOL:
	case SCHEMA_INT32:
	case SCHEMA_INT64:
		return read_varint(r, t, f->value, out);
	case SCHEMA_DOUBLE:
		return read_double(r, f->value, out);
	case SCHEMA_STRING:
		return read_text(r, f->bytes, out);
	case SCHEMA_BYTES:
		*out = base64_doc(r, f->bytes);
		return 0;
	case SCHEMA_QUANTITY:
		return read_quantity(r, f->bytes, out);
	case SCHEMA_INTSTR:
		return read_intstr(r, f->bytes, out);
	case SCHEMA_TIME:
	case SCHEMA_MICROTIME:
		return read_time(r, t->kind, f->bytes, out);
	case SCHEMA_DURATION:
		return read_duration(r, f->bytes, out);
	case SCHEMA_ANY:
		return read_any(r, f->bytes, out);
	case SCHEMA_LIST:
		return read_items(r, t, f->bytes, out);
	case SCHEMA_STRUCT:
		return read_struct(r, t, f->bytes, out);
	case SCHEMA_MAP:
		break;
	}
	return bad(r, "a map stands where none can");
}

/* ---- fields */

static struct doc *container(struct reader *r, const struct schema_field *f, enum doc_type type,
			     struct doc *map)
{
	struct doc *d = doc_get(map, f->json);
	return d ? d : doc_set(r->a, map, f->json, doc_new(r->a, type));
}

static int add_entry(struct reader *r, const struct schema_field *f, struct span raw,
		     struct doc *map)
{
	struct wire_field w;
	struct span key = span_of("");
	struct doc *value = NULL;
	int rc;
	while ((rc = wire_next(&raw, &w)) > 0) {
		if (w.number == 1 && w.wire == WIRE_BYTES)
			key = w.bytes;
		else if (w.number == 2 && (rc = read_value(r, f->type->elem, &w, &value)))
			return rc;
	}
	if (rc || !utf8_ok(key))
		return bad(r, "a map's entry is malformed");
	if (!value) /* Go's zero value */
		value = f->type->elem->kind == SCHEMA_STRUCT ? doc_new(r->a, DOC_MAP)
							      : doc_span(r->a, span_of(""));
	doc_set_span(r->a, container(r, f, DOC_MAP, map), key, value);
	return 0;
}

/* Numbers of a repeated field may come packed. */
static int add_packed(struct reader *r, const struct schema_field *f, struct span raw,
		      struct doc *list)
{
	uint64_t v;
	struct doc *one;
	while (raw.len) {
		if (!wire_varint(&raw, &v))
			return bad(r, "packed numbers are malformed");
		read_varint(r, f->type->elem, v, &one);
		doc_add(list, one);
	}
	return 0;
}

static int add_item(struct reader *r, const struct schema_field *f, const struct wire_field *w,
		    struct doc *map)
{
	struct doc *list = container(r, f, DOC_ARRAY, map), *one;
	if (w->wire == WIRE_BYTES && wire_of(f->type->elem) == WIRE_VARINT)
		return add_packed(r, f, w->bytes, list);
	int rc = read_value(r, f->type->elem, w, &one);
	if (rc == 0)
		doc_add(list, one);
	return rc;
}

static int read_field(struct reader *r, const struct schema_field *f, const struct wire_field *w,
		      struct doc *map)
{
	struct doc *value;
	if (f->type->kind == SCHEMA_LIST)
		return add_item(r, f, w, map);
	if (f->type->kind == SCHEMA_MAP)
		return w->wire == WIRE_BYTES ? add_entry(r, f, w->bytes, map)
					     : bad(r, "wrong wireType");
	int rc = read_value(r, f->type, w, &value);
	if (rc == 0)
		doc_set(r->a, map, f->json, value);
	return rc;
}

static const struct schema_field *field_numbered(const struct schema_type *t, unsigned outer,
						 uint32_t number)
{
	for (size_t i = 0; i < t->field_count; i++)
		if (t->fields[i].pb == number && t->fields[i].pb_outer == outer)
			return &t->fields[i];
	return NULL;
}

/* Whether fields of the type are nested in a message of that number. */
static bool has_outer(const struct schema_type *t, uint32_t number)
{
	for (size_t i = 0; i < t->field_count; i++)
		if (t->fields[i].pb_outer == number)
			return true;
	return false;
}

static int read_message(struct reader *r, const struct schema_type *t, struct span raw,
			unsigned outer, struct doc *map)
{
	struct wire_field w;
	int rc;
	while ((rc = wire_next(&raw, &w)) > 0) {
		const struct schema_field *f = field_numbered(t, outer, w.number);
		if (!f && !outer && w.wire == WIRE_BYTES && has_outer(t, w.number))
			rc = read_message(r, t, w.bytes, w.number, map);
		else
			rc = f ? read_field(r, f, &w, map) : 0;
		if (rc)
			return rc;
	}
	return rc ? bad(r, "unexpected EOF") : 0;
}

int protobuf_parse(struct arena *a, const struct schema_type *type, struct span raw,
		   struct doc **out, struct err *e)
{
	struct reader r = {a, e, 0};
	return read_struct(&r, type, raw, out);
}
