/* Patches on trees. */
#include <criterion/criterion.h>

#include "actors/objects/patch.h"
#include "actors/schema/json.h"
#include "tests/lib/doc_text.h"

static struct arena a;

static struct doc *parse(const char *text)
{
	struct doc *d;
	struct err e = {0};
	cr_assert_eq(json_parse(&a, span_of(text), &d, NULL, &e), 0, "%s: %s", text, e.text);
	return d;
}

/* The examples of RFC 7386, appendix A. */
Test(patch_merge, follows_the_rfc)
{
	static const char *const rows[][3] = {
		{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
		{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
		{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
		{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
		{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
		{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		 "{\"a\":{\"b\":\"d\"}}"},
		{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
		{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
		{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
		{"{\"a\":\"foo\"}", "null", "null"},
		{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
		{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
		{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(text_of(&a, patch_merge(&a, parse(rows[i][0]), parse(rows[i][1]))),
				 rows[i][2], "row %zu", i);
	arena_fini(&a);
}

Test(patch_json, does_each_operation)
{
	static const char *const rows[][3] = {
		{"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]",
		 "{\"a\":1,\"b\":2}"},
		{"{\"l\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/l/1\",\"value\":2}]",
		 "{\"l\":[1,2,3]}"},
		{"{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":2}]",
		 "{\"l\":[1,2]}"},
		{"{\"l\":[]}", "[{\"op\":\"add\",\"path\":\"/l/0\",\"value\":2}]", "{\"l\":[2]}"},
		{"{\"a\":1,\"b\":2}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{\"b\":2}"},
		{"{\"l\":[1,2,3]}", "[{\"op\":\"remove\",\"path\":\"/l/1\"}]", "{\"l\":[1,3]}"},
		{"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":[]}]", "{\"a\":[]}"},
		{"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c\"}]",
		 "{\"a\":{},\"c\":1}"},
		{"{\"a\":{\"b\":1}}",
		 "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"},"
		 "{\"op\":\"replace\",\"path\":\"/c/b\",\"value\":2}]",
		 "{\"a\":{\"b\":1},\"c\":{\"b\":2}}"},
		{"{\"a/b\":1,\"m~n\":2}",
		 "[{\"op\":\"remove\",\"path\":\"/a~1b\"},"
		 "{\"op\":\"test\",\"path\":\"/m~0n\",\"value\":2}]",
		 "{\"m~n\":2}"},
		{"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"x\":1}}]",
		 "{\"x\":1}"},
		{"{\"a\":1}", "[]", "{\"a\":1}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc *d = parse(rows[i][0]);
		struct err e = {0};
		cr_expect_eq(patch_json(&a, &d, parse(rows[i][1]), &e), 0, "%s: %s", rows[i][1],
			     e.text);
		cr_expect_str_eq(text_of(&a, d), rows[i][2]);
	}
	arena_fini(&a);
}

Test(patch_json, refuses_what_does_not_fit)
{
	static const struct {
		const char *patch;
		int code;
	} rows[] = {
		{"{}", ERR_INVALID},
		{"[1]", ERR_INVALID},
		{"[{}]", ERR_CONFLICT},
		{"[{\"op\":\"add\",\"path\":\"/a\"}]", ERR_CONFLICT},
		{"[{\"op\":\"jump\",\"path\":\"/a\"}]", ERR_CONFLICT},
		{"[{\"op\":\"remove\",\"path\":\"a\"}]", ERR_CONFLICT},
		{"[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", ERR_CONFLICT},
		{"[{\"op\":\"move\",\"path\":\"/a/b\"}]", ERR_CONFLICT},
		{"[{\"op\":\"copy\",\"from\":1,\"path\":\"/a/b\"}]", ERR_CONFLICT},
		{"[{\"op\":\"remove\",\"path\":\"/none\"}]", ERR_CONFLICT},
		{"[{\"op\":\"replace\",\"path\":\"/none\",\"value\":1}]", ERR_CONFLICT},
		{"[{\"op\":\"add\",\"path\":\"/none/x\",\"value\":1}]", ERR_CONFLICT},
		{"[{\"op\":\"add\",\"path\":\"/l/5\",\"value\":1}]", ERR_CONFLICT},
		{"[{\"op\":\"add\",\"path\":\"/l/01\",\"value\":1}]", ERR_CONFLICT},
		{"[{\"op\":\"remove\",\"path\":\"/l/-\"}]", ERR_CONFLICT},
		{"[{\"op\":\"test\",\"path\":\"/a/b\",\"value\":2}]", ERR_CONFLICT},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc *d = parse("{\"a\":{\"b\":1},\"l\":[1]}");
		struct err e = {0};
		cr_expect_eq(patch_json(&a, &d, parse(rows[i].patch), &e), rows[i].code, "%s: %s",
			     rows[i].patch, e.text);
		cr_expect(e.text[0]);
	}
	arena_fini(&a);
}

Test(patch_strategic, merges_by_the_types_keys)
{
	static const char *const rows[][3] = {
		{"{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":"
		 "\"2\"}]}",
		 "{\"containers\":[{\"name\":\"b\",\"image\":\"3\"},{\"name\":\"c\",\"image\":"
		 "\"4\"}]}",
		 "{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":"
		 "\"3\"},{\"name\":"
		 "\"c\",\"image\":\"4\"}]}"},
		{"{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
		 "{\"containers\":[{\"name\":\"a\",\"$patch\":\"delete\"}]}",
		 "{\"containers\":[{\"name\":\"b\"}]}"},
		{"{\"containers\":[{\"name\":\"a\",\"image\":\"1\"}]}",
		 "{\"containers\":[{\"name\":\"a\",\"command\":[\"x\"],\"$patch\":\"replace\"}]}",
		 "{\"containers\":[]}"},
		{"{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
		 "{\"containers\":[{\"$patch\":\"replace\"},{\"name\":\"z\"}]}",
		 "{\"containers\":[{\"name\":\"z\"}]}"},
		{"{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"value\":\"1\"}]}]}",
		 "{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"Y\",\"value\":\"2\"}]}]}",
		 "{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"Y\",\"value\":\"2\"},{"
		 "\"name\":\"X\","
		 "\"value\":\"1\"}]}]}"},
		{"{\"containers\":[{\"name\":\"a\",\"command\":[\"x\",\"y\"]}]}",
		 "{\"containers\":[{\"name\":\"a\",\"command\":[\"z\"]}]}",
		 "{\"containers\":[{\"name\":\"a\",\"command\":[\"z\"]}]}"},
		{"{\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"}}",
		 "{\"nodeSelector\":{\"a\":null,\"c\":\"3\"}}",
		 "{\"nodeSelector\":{\"b\":\"2\",\"c\":\"3\"}}"},
		{"{\"nodeSelector\":{\"a\":\"1\"}}",
		 "{\"nodeSelector\":{\"$patch\":\"replace\",\"c\":\"3\"}}",
		 "{\"nodeSelector\":{\"c\":\"3\"}}"},
		{"{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}",
		 "{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],"
		 "\"hostPath\":{\"path\":"
		 "\"/x\"}}]}",
		 "{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]}"},
		{"{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
		 "{\"$setElementOrder/"
		 "containers\":[{\"name\":\"c\"},{\"name\":\"a\"}],\"containers\":[{\"name\":"
		 "\"c\"}]}",
		 "{\"containers\":[{\"name\":\"c\"},{\"name\":\"a\"},{\"name\":\"b\"}]}"},
		{"{}", "{\"securityContext\":{\"runAsUser\":1,\"$patch\":\"merge\"}}",
		 "{\"securityContext\":{\"runAsUser\":1}}"},
		{"{\"hostname\":\"x\"}", "{\"hostname\":null,\"subdomain\":\"y\"}",
		 "{\"subdomain\":\"y\"}"},
	};
	const struct schema_type *type = schema_type("core/v1.PodSpec");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct doc *d = parse(rows[i][0]);
		struct err e = {0};
		cr_expect_eq(patch_strategic(&a, d, parse(rows[i][1]), type, &e), 0, "%s", e.text);
		cr_expect_str_eq(text_of(&a, d), rows[i][2], "%s gives %s", rows[i][1], text_of(&a, d));
	}
	arena_fini(&a);
}

Test(patch_strategic, lists_of_scalars_are_sets)
{
	const struct schema_type *type = schema_type("meta/v1.ObjectMeta");
	struct doc *d = parse("{\"finalizers\":[\"a\",\"b\"]}");
	cr_assert_eq(patch_strategic(&a, d, parse("{\"finalizers\":[\"b\",\"c\"]}"), type, NULL),
		     0);
	cr_expect_str_eq(text_of(&a, d), "{\"finalizers\":[\"a\",\"b\",\"c\"]}");
	cr_assert_eq(patch_strategic(&a, d,
				     parse("{\"$deleteFromPrimitiveList/finalizers\":[\"a\"],"
					   "\"$setElementOrder/finalizers\":[\"c\",\"b\"]}"),
				     type, NULL),
		     0);
	cr_expect_str_eq(text_of(&a, d), "{\"finalizers\":[\"c\",\"b\"]}");
	arena_fini(&a);
}

Test(patch_strategic, refuses_elements_without_their_key_and_unknown_directives)
{
	const struct schema_type *type = schema_type("core/v1.PodSpec");
	struct err e = {0};
	struct doc *d = parse("{}");
	cr_expect_eq(
		patch_strategic(&a, d, parse("{\"containers\":[{\"image\":\"x\"}]}"), type, &e),
		ERR_INVALID);
	cr_expect(strstr(e.text, "declared merge key: name"));
	cr_expect_eq(
		patch_strategic(&a, d, parse("{\"nodeSelector\":{\"$patch\":\"odd\"}}"), type, &e),
		ERR_INVALID);
	cr_expect_eq(patch_strategic(&a, d, parse("[]"), type, &e), ERR_INVALID);
	arena_fini(&a);
}
