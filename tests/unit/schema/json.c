/* JSON in and out: Go's words for what is wrong, Go's bytes for what is right. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/schema/json.h"

static struct arena a;

static struct doc *parse(const char *text)
{
	struct doc *d;
	struct err e = {0};
	cr_assert_eq(json_parse(&a, span_of(text), &d, NULL, &e), 0, "%s: %s", text, e.text);
	return d;
}

static const char *written(const struct doc *d)
{
	struct buf mp = {0}, b = {0}, direct = {0};
	doc_to_mp(&mp, d);
	cr_assert_eq(json_from_mp(&b, mp_of(span_buf(&mp))), 0);
	json_from_doc(&direct, d);
	cr_expect(span_eq(span_buf(&b), span_buf(&direct)), "both writers agree: %s and %s",
		  buf_text(&b), buf_text(&direct));
	const char *text = arena_dup(&a, buf_text(&b));
	buf_fini(&mp);
	buf_fini(&b);
	buf_fini(&direct);
	return text;
}

/* Raw ones too, which the parser underneath lets pass: the store's readers
 * refuse what is not UTF-8. */
Test(json, what_is_not_utf8_becomes_the_replacement_character)
{
	static const char *const rows[] = {"\xc0\xbf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xe0\x80\x80",
					   "\xf5\x80\x80\x80"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char in[40], out[100] = "{\"x\":\"";
		snprintf(in, sizeof in, "{\"x\":\"%s\"}", rows[i]);
		for (size_t k = 0; k < strlen(rows[i]); k++)
			strcat(out, "\xef\xbf\xbd");
		strcat(out, "\"}");
		cr_expect_str_eq(written(parse(in)), out, "row %zu", i);
	}
	arena_fini(&a);
}

Test(json, writes_what_go_writes)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{" { \"a\" : [ 1 , -2 , true, null ] } ", "{\"a\":[1,-2,true,null]}"},
		{"\"<a href='x'>&\"", "\"\\u003ca href='x'\\u003e\\u0026\""},
		{"\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\/\"",
		 "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\""},
		{"\"\\u2028\\u2029\\u2027\\u00e2\"", "\"\\u2028\\u2029\xe2\x80\xa7\xc3\xa2\""},
		{"\"\\\"\\\\\"", "\"\\\"\\\\\""},
		{"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
		{"[9007199254740993,9223372036854775807,-9223372036854775808]",
		 "[9007199254740993,9223372036854775807,-9223372036854775808]"},
		{"[0.5,1e3,1e21,1.5e-7,0.000001,-0.0,0.1]",
		 "[0.5,1000,1e+21,1.5e-7,0.000001,-0,0.1]"},
		{"[9223372036854775808]", "[9223372036854775808]"},
		{"{}", "{}"},
		{"[]", "[]"},
		{"\"\"", "\"\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(written(parse(rows[i].in)), rows[i].out, "in: %s", rows[i].in);
	arena_fini(&a);
}

/* Text is looked at eight bytes at once: each character at each place. */
Test(json, escapes_the_same_wherever_it_stands)
{
	for (int c = 1; c < 0x80; c++) {
		char one[2] = {(char)c, 0}, escaped[16];
		struct buf b = {0};
		json_string(&b, span_of(one));
		snprintf(escaped, sizeof escaped, "%.*s", (int)b.len - 2, (char *)b.data + 1);
		buf_fini(&b);
		for (int before = 0; before < 20; before++) {
			char text[64], want[80];
			snprintf(text, sizeof text, "%.*s%cyyyyyyyyyy", before, "xxxxxxxxxxxxxxxxxxxx", c);
			snprintf(want, sizeof want, "\"%.*s%syyyyyyyyyy\"", before, "xxxxxxxxxxxxxxxxxxxx",
				 escaped);
			json_string(&b, span_of(text));
			cr_expect_str_eq(buf_text(&b), want);
			buf_fini(&b);
		}
	}
}

Test(json, says_what_is_wrong_in_gos_words)
{
	static const struct {
		const char *in, *why;
	} rows[] = {
		{"", "unexpected end of JSON input"},
		{"{\"a\":", "unexpected end of JSON input"},
		{"}", "invalid character '}' looking for beginning of value (line 1, offset 0)"},
		{"{\"a\":\n}",
		 "invalid character '}' looking for beginning of value (line 2, offset 6)"},
		{"{\"a\" 1}", "invalid character '1' after object key (line 1, offset 5)"},
		{"{\"a\":1 2}",
		 "invalid character '2' after object key:value pair (line 1, offset 7)"},
		{"[1 2]", "invalid character '2' after array element (line 1, offset 3)"},
		{"[1,]", "invalid character ']' looking for beginning of value (line 1, offset 3)"},
		{"{a:1}", "invalid character 'a' looking for beginning of object key string (line "
			  "1, offset 1)"},
		{"{\"a\":1,}", "invalid character '}' looking for beginning of object key string "
			       "(line 1, offset 7)"},
		{"{} x", "invalid character 'x' after top-level value (line 1, offset 3)"},
		{"{}{}", "invalid character '{' after top-level value (line 1, offset 2)"},
		{"nul!",
		 "invalid character '!' in literal null (expecting 'l') (line 1, offset 3)"},
		{"\"\x01\"", "invalid character '\\x01' in string literal (line 1, offset 1)"},
		{"\"\\q\"", "invalid character 'q' in string escape code (line 1, offset 2)"},
		{"\"\\u12\"",
		 "invalid character '\"' in \\u hexadecimal character escape (line 1, offset 5)"},
		{"[1.x]",
		 "invalid character 'x' after decimal point in numeric literal (line 1, offset 3)"},
		{"[1ex]",
		 "invalid character 'x' in exponent of numeric literal (line 1, offset 3)"},
		{"[01]", "invalid character '1' after array element (line 1, offset 2)"},
		{"'x'",
		 "invalid character '\\'' looking for beginning of value (line 1, offset 0)"},
		{"[\"\xff\"]", "invalid UTF-8 in string literal"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct doc *d;
		int rc = json_parse(&a, span_of(rows[i].in), &d, NULL, &e);
		cr_expect_eq(rc, ERR_INVALID, "%s", rows[i].in);
		cr_expect_str_eq(e.text, rows[i].why, "in: %s", rows[i].in);
		cr_expect_null(d);
	}
	arena_fini(&a);
}

Test(json, lone_surrogates_become_replacement_characters)
{
	struct doc *d = parse("[\"a\\udc00b\",\"\\ud800\"]");
	cr_expect(utf8_ok(d->first->text) && utf8_ok(d->last->text));
	cr_expect(d->first->text.data[0] == 'a' &&
		  d->first->text.data[d->first->text.len - 1] == 'b');
	struct buf b = {0};
	json_string(&b, span_of("x\xff\xc3\xa9\xe2\x80"));
	cr_expect_str_eq(buf_text(&b), "\"x\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\"");
	buf_fini(&b);
	arena_fini(&a);
}

Test(json, duplicate_keys_are_named_with_their_path_and_the_last_one_holds)
{
	struct notes dups = {0};
	struct doc *d;
	const char *text =
		"{\"spec\":{\"c\":[{},{\"name\":1,\"name\":2}],\"x\":1,\"x\":3},\"k\":1,\"k\":2}";
	cr_assert_eq(json_parse(&a, span_of(text), &d, &dups, NULL), 0);
	cr_expect_eq(dups.count, 3);
	cr_expect_str_eq(notes_text(&dups, &a),
			 "duplicate field \"spec.c[1].name\", duplicate field \"spec.x\", "
			 "duplicate field \"k\"");
	cr_expect_eq(doc_path_int(d, "spec.c[1].name", 0), 2);
	arena_fini(&a);
}

Test(json, keeps_a_bounded_number_of_remarks)
{
	struct buf b = {0};
	buf_puts(&b, "{\"a\":0");
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, ",\"a\":1");
	buf_puts(&b, "}");
	struct notes dups = {0};
	struct doc *d;
	cr_assert_eq(json_parse(&a, span_buf(&b), &d, &dups, NULL), 0);
	cr_expect_eq(dups.count, 1000);
	size_t kept = 0;
	for (struct note *n = dups.first; n; n = n->next)
		kept++;
	cr_expect_eq(kept, NOTES_MAX);
	buf_fini(&b);
	arena_fini(&a);
}

Test(json, refuses_depth_and_size_and_numbers_beyond_the_limits)
{
	char deep[400];
	struct doc *d;
	struct err e = {0};
	memset(deep, '[', sizeof deep);
	cr_expect_eq(json_parse(&a, (struct span){(uint8_t *)deep, sizeof deep}, &d, NULL, &e),
		     ERR_LIMIT);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	cr_expect_eq(
		json_parse(&a, (struct span){(uint8_t *)deep, 2 * JSON_DEPTH_MAX}, &d, NULL, &e), 0,
		"the limit itself is taken");
	struct buf mp = {0};
	doc_to_mp(&mp, d);
	cr_expect_eq(mp_check(span_buf(&mp), NULL), 0, "and fits into msgpack");
	buf_fini(&mp);
	cr_expect_eq(
		json_parse(&a, (struct span){(uint8_t *)deep, JSON_BYTES_MAX + 1}, &d, NULL, &e),
		ERR_LIMIT);
	cr_expect_eq(json_parse(&a, span_of("[1e999]"), &d, NULL, &e), ERR_INVALID);
	arena_fini(&a);
}

static const char *object(int (*write)(struct buf *, struct mp, uint64_t), const char *json,
			  uint64_t version)
{
	struct buf mp = {0}, b = {0};
	doc_to_mp(&mp, parse(json));
	cr_assert_eq(write(&b, mp_of(span_buf(&mp)), version), 0);
	const char *text = arena_dup(&a, buf_text(&b));
	buf_fini(&mp);
	buf_fini(&b);
	return text;
}

static int metadata(struct buf *b, struct mp m, uint64_t version)
{
	return json_metadata(b, m, version, META_V1);
}

static int beta_metadata(struct buf *b, struct mp m, uint64_t version)
{
	return json_metadata(b, m, version, META_V1BETA1);
}

Test(json, object_gets_its_resource_version_behind_the_uid)
{
	const char *pod = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","
			  "\"uid\":\"u\",\"labels\":{\"x\":\"y\"}},\"spec\":{}}";
	cr_expect_str_eq(object(json_object, pod, 1025),
			 "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\","
			 "\"uid\":\"u\",\"resourceVersion\":\"1025\",\"labels\":{\"x\":\"y\"}},"
			 "\"spec\":{}}");
	cr_expect_str_eq(object(json_object, pod, 0), pod);
	cr_expect_str_eq(object(json_item, pod, 7),
			 "{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\","
			 "\"labels\":{\"x\":\"y\"}},\"spec\":{}}");
	cr_expect_str_eq(object(metadata, pod, 7),
			 "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
			 "\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\","
			 "\"labels\":{\"x\":\"y\"}}}");
	cr_expect_str_eq(object(beta_metadata, "{\"spec\":{}}", 7),
			 "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1beta1\"}");
	cr_expect_str_eq(object(json_object, "{\"metadata\":{}}", 7),
			 "{\"metadata\":{\"resourceVersion\":\"7\"}}");
	cr_expect_str_eq(
		object(json_object,
		       "{\"metadata\":{\"name\":\"n\",\"resourceVersion\":"
		       "\"1\",\"generation\":2}}",
		       7),
		"{\"metadata\":{\"name\":\"n\",\"resourceVersion\":\"7\",\"generation\":2}}");
	arena_fini(&a);
}

Test(json, broken_msgpack_is_refused_not_read_past)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {{"", 0}, {"\xa5" "ab", 3}, {"\x81\x01\x02", 3}, {"\xdd\xff\xff\xff\xff", 5},
		   {"\xc1", 1}, {"\xcd\x01", 2}, {"\x82\xa1" "a\x01", 4}, {"\xc4\x05x", 3}};
	struct buf b = {0};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		/* Exactly as many bytes as there are, so that a sanitizer sees more. */
		uint8_t *copy = malloc(bad[i].n + 1);
		memcpy(copy, bad[i].bytes, bad[i].n);
		cr_expect_eq(json_from_mp(&b, (struct mp){.p = copy, .end = copy + bad[i].n}), ERR_INVALID,
			     "case %zu", i);
		free(copy);
	}
	cr_expect_eq(json_object(&b, mp_of(span_of("\x01")), 1), ERR_INVALID);
	buf_fini(&b);
	struct buf bin = {0}, out = {0};
	mpw_bin(&bin, span_of("hell"));
	cr_expect_eq(json_from_mp(&out, mp_of(span_buf(&bin))), 0);
	cr_expect_str_eq(buf_text(&out), "\"aGVsbA==\"");
	buf_fini(&bin);
	buf_fini(&out);
}

Test(json, words_of_packed_values_are_written_as_text)
{
	static const char set[] = "\x82\x01\x81\x02\x80\x81\x83\x80"; /* the last key is none */
	struct buf bin = {0}, out = {0};
	mpw_map(&bin, 1);
	mpw_str(&bin, "set");
	mpw_packed(&bin, (struct span){(const uint8_t *)"\x82\x01\x81\x02\x80\xcc\x82\x80", 8});
	cr_expect_eq(json_from_mp(&out, mp_of(span_buf(&bin))), 0);
	cr_expect_str_eq(buf_text(&out), "{\"set\":{\"f:metadata\":{\"f:labels\":{}},\"f:rules\":{}}}");
	/* The same by way of a tree, and what is no word. */
	struct doc *d;
	cr_assert_eq(doc_from_mp(&a, mp_of(span_buf(&bin)), &d, NULL), 0);
	out.len = 0;
	json_from_doc(&out, d);
	cr_expect_str_eq(buf_text(&out), "{\"set\":{\"f:metadata\":{\"f:labels\":{}},\"f:rules\":{}}}");
	bin.len = out.len = 0;
	mpw_packed(&bin, (struct span){(const uint8_t *)set, sizeof set - 1});
	cr_expect_eq(json_from_mp(&out, mp_of(span_buf(&bin))), ERR_INVALID);
	bin.len = out.len = 0;
	mpw_map(&bin, 1);
	mpw_u64(&bin, 1);
	mpw_map(&bin, 0);
	cr_expect_eq(json_from_mp(&out, mp_of(span_buf(&bin))), ERR_INVALID, "words are for what is packed");
	buf_fini(&bin);
	buf_fini(&out);
	arena_fini(&a);
}
