/* Tables of defaults and checks: paths, and what each rule says. */
#include "actors/objects/rules.h"

#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "tests/lib/doc_text.h"

static struct arena a;

static struct doc *parse(const char *text)
{
	struct doc *d;
	struct err e = {0};
	cr_assert_eq(json_parse(&a, span_of(arena_dup(&a, text)), &d, NULL, &e), 0, "%s", e.text);
	return d;
}

Test(rules, defaults_are_filled_where_their_parents_are)
{
	static const struct fill fills[] = {
		DEFAULT_TEXT("spec.policy", "Keep"),
		DEFAULT_NUMBER("spec.made+.number", 3),
		DEFAULT_NO("spec.there.flag"),
		DEFAULT_YES("spec.absent.flag"),
		DEFAULT_TEXT("spec.ports[].protocol", "TCP"),
		DEFAULT_MAP("spec.map"),
		{0},
	};
	struct doc *d = parse("{\"spec\":{\"policy\":\"\",\"there\":{},\"ports\":[{},{\"protocol\":"
			      "\"UDP\"},5],\"map\":null}}");
	rules_fill(&a, d, fills);
	cr_expect_str_eq(text_of(&a, d),
			 "{\"spec\":{\"policy\":\"Keep\",\"there\":{\"flag\":false},\"ports\":[{"
			 "\"protocol\":\"TCP\"},{\"protocol\":\"UDP\"},5],\"map\":{},\"made\":{"
			 "\"number\":3}}}");
	d = parse("{\"spec\":\"text\"}");
	rules_fill(&a, d, fills);
	cr_expect_str_eq(text_of(&a, d), "{\"spec\":\"text\"}");
	arena_fini(&a);
}

/* The faults as "field: text" lines. */
static const char *faults_of(const char *json, const struct rule *rules)
{
	struct faults f = {.arena = &a};
	struct buf b = {0};
	rules_check(&f, NULL, parse(json), rules);
	for (const struct field_error *e = f.errors.first; e; e = e->next)
		buf_printf(&b, "%s: %s\n", e->field, e->text);
	const char *text = arena_dup(&a, buf_text(&b));
	buf_fini(&b);
	return text;
}

static void note(struct faults *f, const struct fpath *p, const struct doc *value)
{
	field_forbidden(f, p, value ? "there" : "absent");
}

static const struct rule all[] = {
	RULE("needed", NEEDED, .detail = "say it"),
	RULE("map", NEEDED_MAP),
	RULE("name", NAME, .name = name_dns1123_label),
	RULE("optional", OPTIONAL_NAME, .name = name_dns1123_label),
	RULE("kind", ONE_OF, .list = ONE_OF("A", "B")),
	RULE("must", NEEDED_ONE_OF, .list = ONE_OF("A")),
	RULE("list[].count", NOT_NEGATIVE),
	RULE("by[].size", POSITIVE),
	RULE("share", SHARE),
	RULE("count", COUNT),
	RULE("selector", SELECTOR),
	RULE("deep.er", CALL, .call = note),
	{0},
};

Test(rules, each_says_what_is_wrong_and_where)
{
	cr_expect_str_eq(
		faults_of(
			"{\"needed\":[],\"map\":{},\"name\":\"A\",\"optional\":\"\",\"kind\":\"C\","
			"\"list\":[{\"count\":0},{\"count\":-1}],\"by\":{\"x\":{\"size\":0}},"
			"\"share\":\"110%\",\"count\":\"110%\",\"selector\":{\"matchExpressions\":["
			"{"
			"\"key\":\"k\",\"operator\":\"In\"}]},\"deep\":{}}",
			all),
		"needed: Required value: say it\n"
		"name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case "
		"alphanumeric characters or '-', and must start and end with an alphanumeric "
		"character (e.g. 'my-name',  or '123-abc', regex used for validation is "
		"'[a-z0-9]([-a-z0-9]*[a-z0-9])?')\n"
		"kind: Unsupported value: \"C\": supported values: \"A\", \"B\"\n"
		"must: Unsupported value: \"\": supported values: \"A\"\n"
		"list[1].count: Invalid value: -1: must be greater than or equal to 0\n"
		"by[x].size: Invalid value: 0: must be greater than 0\n"
		"share: Invalid value: \"110%\": must not be greater than 100%\n"
		"selector.matchExpressions[0].values: Required value: must be specified when "
		"`operator` is 'In' or 'NotIn'\n"
		"deep.er: Forbidden: absent\n");
	cr_expect_str_eq(
		faults_of("{\"needed\":1,\"map\":5,\"name\":\"a\",\"must\":\"A\",\"share\":-1,"
			  "\"count\":\"x\"}",
			  all),
		"map: Required value\n"
		"share: Invalid value: -1: must be greater than or equal to 0\n"
		"count: Invalid value: \"x\": a valid percent string must be a numeric "
		"string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
		"validation is '[0-9]+%')\n");
	arena_fini(&a);
}

Test(rules, fixed_paths_stay)
{
	static const char *const paths[] = {"spec.a", "spec.b.c", "none", NULL};
	struct faults f = {.arena = &a};
	rules_check_fixed(&f, parse("{\"spec\":{\"a\":1,\"b\":{\"c\":2,\"d\":3}}}"),
			  parse("{\"spec\":{\"a\":1,\"b\":{\"c\":1}}}"), paths);
	cr_assert_eq(f.errors.count, 1);
	cr_expect_str_eq(f.errors.first->field, "spec.b.c");
	cr_expect_str_eq(f.errors.first->text, "Invalid value: 2: field is immutable");
	arena_fini(&a);
}

Test(rules, shares_are_counts_or_percentages)
{
	cr_expect_eq(share_of(parse("5")), 5);
	cr_expect_eq(share_of(parse("\"30%\"")), 30);
	cr_expect_eq(share_of(parse("\"x%\"")), 0);
	cr_expect_eq(share_of(NULL), 0);
	arena_fini(&a);
}
