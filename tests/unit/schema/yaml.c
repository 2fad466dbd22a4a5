/* YAML as sigs.k8s.io/yaml reads it, and where messages point. */
#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "actors/schema/yaml.h"
#include "tests/lib/doc_text.h"

static struct arena a;

static const char *as_json(const char *text)
{
	struct doc *d;
	struct err e = {0};
	if (yaml_parse(&a, span_of(text), &d, NULL, &e))
		return arena_dup(&a, e.text);
	return text_of(&a, d);
}

Test(yaml, reads_scalars_as_kubectl_does)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", "null"},
		{"---\n...\n", "null"},
		{"a: true\nb: yes\nc: On\nd: off\ne: 'true'\nf: n",
		 "{\"a\":true,\"b\":true,\"c\":true,\"d\":false,\"e\":\"true\",\"f\":false}"},
		{"[~, null, NULL, nil, '']", "[null,null,null,\"nil\",\"\"]"},
		{"a:", "{\"a\":null}"},
		{"[1, -2, +3, 0x1f, 017, 0o17, 0b101, 1_000]", "[1,-2,3,31,15,15,5,1000]"},
		{"[9223372036854775807, 9223372036854775808]",
		 "[9223372036854775807,9223372036854775808]"},
		{"[1.5, .5, 1e3, -1.5E-7, 1., 1.2.3, 1e, 08]",
		 "[1.5,0.5,1000,-1.5e-7,1,\"1.2.3\",\"1e\",8]"},
		{"[100m, 1Gi, 12:30:45, 2020-01-01, 2020-01-01T00:00:00Z]",
		 "[\"100m\",\"1Gi\",\"12:30:45\",\"2020-01-01\",\"2020-01-01T00:00:00Z\"]"},
		{"1: a\ntrue: b\n1.5: c\nno: d",
		 "{\"1\":\"a\",\"true\":\"b\",\"1.5\":\"c\",\"false\":\"d\"}"},
		{"a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}"},
		{"[!!str 5, !!int '5']", "[\"5\",5]"},
		{"{a: [1, {b: c}]}", "{\"a\":[1,{\"b\":\"c\"}]}"},
		{"x: &A {k: 1}\nv: *A\nz: {<<: *A, l: 2}",
		 "{\"x\":{\"k\":1},\"v\":{\"k\":1},\"z\":{\"l\":2,\"k\":1}}"},
		{"- a\n- - b", "[\"a\",[\"b\"]]"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(as_json(rows[i].in), rows[i].out, "in: %s\nout: %s", rows[i].in,
				 as_json(rows[i].in));
	arena_fini(&a);
}

Test(yaml, refuses_with_the_line)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"a: 1\n b: 2", "yaml: line 2: mapping values are not allowed in this context"},
		{"a:\n\t- x", "yaml: line 2: found character that cannot start any token"},
		{"a: [1", "yaml: line 2: did not find expected ',' or ']'"},
		{"a: *none", "yaml: line 1: unknown anchor referenced"},
		{"a: 1\nb: .inf", "yaml: line 2: a value that JSON cannot hold"},
		{"a: 1\n? [x]\n: 2", "yaml: line 2: a map key that is no text"},
		{"a: !!int x", "yaml: line 1: a value that JSON cannot hold"},
		{"a: 1\n---\nb: 2\n", "yaml: line 3: a second document"},
		{"a: {<<: 5}",
		 "yaml: line 1: map merge requires map or sequence of maps as the value"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(as_json(rows[i].in), rows[i].out, "in: %s\nout: %s", rows[i].in,
				 as_json(rows[i].in));
	arena_fini(&a);
}

Test(yaml, nodes_know_line_and_column)
{
	struct doc *d;
	cr_assert_eq(
		yaml_parse(&a, span_of("cells:\n  - name: core\n    nmae: x\n"), &d, NULL, NULL),
		0);
	const struct doc *typo = doc_path(d, "cells[0].nmae");
	cr_assert(typo);
	cr_expect_eq(typo->line, 3);
	cr_expect_eq(typo->column, 5);
	arena_fini(&a);
}

Test(yaml, notes_duplicate_keys_and_the_last_one_holds)
{
	struct doc *d;
	struct notes dups = {0};
	cr_assert_eq(yaml_parse(&a, span_of("a: 1\nb: 2\na: 3\n"), &d, &dups, NULL), 0);
	cr_expect_str_eq(notes_text(&dups, &a), "line 3: key \"a\" already set in map");
	cr_expect_eq(doc_get_int(d, "a", 0), 3);
	arena_fini(&a);
}

Test(yaml, bounds_depth_and_expansion_of_aliases)
{
	struct doc *d;
	struct err e = {0};
	struct buf b = {0};
	for (int i = 0; i < 500; i++)
		buf_puts(&b, "[");
	cr_expect_eq(yaml_parse(&a, span_buf(&b), &d, NULL, &e), ERR_LIMIT);
	b.len = 0;
	buf_puts(&b, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 12; i++) {
		buf_printf(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_printf(&b, "%s*a%d", k ? "," : "", i - 1);
		buf_puts(&b, "]\n");
	}
	cr_expect_eq(yaml_parse(&a, span_buf(&b), &d, NULL, &e), ERR_LIMIT);
	cr_expect_null(d);
	buf_fini(&b);
	arena_fini(&a);
}

Test(yaml, stream_gives_one_document_a_call)
{
	struct yaml_stream *s = yaml_stream_new(span_of("a: 1\n---\n- 2\n---\n"));
	struct doc *d;
	cr_assert_eq(yaml_stream_next(s, &a, &d, NULL, NULL), 0);
	cr_expect_eq(doc_get_int(d, "a", 0), 1);
	cr_assert_eq(yaml_stream_next(s, &a, &d, NULL, NULL), 0);
	cr_expect_eq(d->type, DOC_ARRAY);
	cr_assert_eq(yaml_stream_next(s, &a, &d, NULL, NULL), 0);
	cr_expect_eq(d->type, DOC_NULL);
	cr_expect_eq(yaml_stream_next(s, &a, &d, NULL, NULL), ERR_NOT_FOUND);
	yaml_stream_destroy(s);
	arena_fini(&a);
}

Test(yaml, suggests_the_nearest_known_word)
{
	static const char *const known[] = {"name", "actors", "process", "restart"};
	cr_expect_str_eq(yaml_near(span_of("nmae"), known, 4), "name");
	cr_expect_str_eq(yaml_near(span_of("proces"), known, 4), "process");
	cr_expect_str_eq(yaml_near(span_of("actor"), known, 4), "actors");
	cr_expect_null(yaml_near(span_of("listen"), known, 4));
	cr_expect_null(yaml_near(span_of(""), known, 4));
}

static void same_when_read_again(const char *json)
{
	struct doc *d, *again;
	struct buf out = {0};
	struct err e = {0};
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, &e), 0, "%s: %s", json, e.text);
	cr_assert_eq(yaml_from_doc(&out, d), 0, "%s", json);
	cr_expect_eq(yaml_parse(&a, span_buf(&out), &again, NULL, &e), 0, "%s: %s", buf_text(&out),
		     e.text);
	cr_expect_str_eq(text_of(&a, again), json, "%s", buf_text(&out));
	buf_fini(&out);
}

Test(yaml, writes_what_it_reads_as_the_same)
{
	static const char *const rows[] = {
		"null",
		"{}",
		"[]",
		"{\"a\":[],\"b\":{},\"c\":[[],[{}]]}",
		"[\"true\",\"yes\",\"1\",\"1e3\",\"0x1f\",\"~\",\"null\",\"\",\" \",\"-\",\"#\",\"a: b\",\"*x\"]",
		"[true,false,null,0,-1,9223372036854775807,1.5]",
		"{\"1\":\"a\",\"true\":\"b\",\"~\":\"c\"}",
		"[\"two\\nlines\\n\",\"two\\n  lines\",\"ends \\n in space \",\"\\n\",\"\\t\",\"a\\u0001b\"]",
		"[\"\\u00e4\\u20ac\"]",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc *d;
		cr_assert_eq(json_parse(&a, span_of(rows[i]), &d, NULL, NULL), 0);
		same_when_read_again(text_of(&a, d));
	}
	arena_fini(&a);
}

Test(yaml, writes_as_kubectl_prints)
{
	struct doc *d;
	struct buf out = {0};
	json_parse(&a, span_of("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"data\":{\"on\":\"80\","
			       "\"text\":\"one\\ntwo\\n\"},\"list\":[{\"a\":1,\"b\":[]}]}"),
		   &d, NULL, NULL);
	cr_assert_eq(yaml_from_doc(&out, d), 0);
	cr_expect_str_eq(buf_text(&out),
			 "apiVersion: v1\ndata:\n  \"on\": \"80\"\n  text: |\n    one\n    two\n"
			 "kind: ConfigMap\nlist:\n- a: 1\n  b: []\n");
	buf_fini(&out);
	arena_fini(&a);
}
