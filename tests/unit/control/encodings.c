/* What is kept of objects' JSON: the same as if it were written anew, and no more
 * than there is room for. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "actors/api/api_private.h"

static struct schema *schema;

static struct view_object object_of(const char *json, uint64_t version)
{
	struct arena a = {0};
	struct doc *d = NULL;
	struct buf b = {0};
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, NULL), 0);
	doc_to_mp(&b, d);
	arena_fini(&a);
	return (struct view_object){.value = bytes_take(&b), .version = version};
}

static void same(struct encodings *e, const struct schema_resource *r, const char *json,
		 uint64_t version)
{
	struct view_object o = object_of(json, version);
	struct buf want = {0}, item = {0}, got = {0};
	visible_object(&want, r, mp_of_bytes(o.value), version);
	buf_putc(&want, '\n');
	visible_item(&item, r, mp_of_bytes(o.value), version);
	for (int i = 0; i < 2; i++) {
		got.len = 0;
		encodings_item(e, r, &o, &got);
		cr_expect(span_eq(span_buf(&got), span_buf(&item)), "%.*s", (int)got.len, got.data);
		struct span text = bytes_span(encodings_object(e, r, &o));
		cr_expect(span_eq(text, span_buf(&want)), "%.*s", (int)text.len, text.data);
		cr_expect_eq(encodings_length(e, r, &o), want.len);
	}
	buf_fini(&want);
	buf_fini(&item);
	buf_fini(&got);
	bytes_unref(o.value);
}

static void finish(void)
{
	schema_free(schema);
}

static void begin(void)
{
	schema = schema_new();
	objects_install(schema);
}

Test(encodings, are_what_would_be_written, .init = begin, .fini = finish)
{
	const struct schema_resource *maps = schema_find_stream(schema, span_of("configmaps"));
	struct encodings e = {0};
	same(&e, maps, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\",\"uid\":\"u\"},\"data\":{\"k\":\"<v>\"}}", 7);
	same(&e, maps, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}", 8);
	same(&e, maps, "{\"metadata\":{\"name\":\"b\"},\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}", 9);
	same(&e, maps, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\"}", 10);
	cr_expect_eq(e.all.count, 4);
	encodings_fini(&e);
}

Test(encodings, the_oldest_go_when_there_is_no_room, .init = begin, .fini = finish)
{
	const struct schema_resource *maps = schema_find_stream(schema, span_of("configmaps"));
	struct encodings e = {0};
	struct buf json = {0};
	buf_puts(&json, "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"");
	while (json.len < 100000)
		buf_puts(&json, "xxxxxxxxxx");
	buf_puts(&json, "\"}}");
	struct view_object o = object_of(buf_text(&json), 0);
	for (o.version = 1; o.version <= 1000; o.version++) {
		encodings_object(&e, maps, &o);
		cr_assert_leq(e.bytes, ENCODINGS_BYTES_MAX);
		cr_assert_gt(encodings_length(&e, maps, &o), 0);
	}
	o.version = 1;
	cr_expect_eq(encodings_length(&e, maps, &o), 0);
	cr_expect(e.all.count > 250 && e.all.count < 340, "%zu", e.all.count);
	encodings_fini(&e);
	bytes_unref(o.value);
	buf_fini(&json);
}
