/* Selectors: what they take, in what words they refuse, what they match. */
#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "actors/schema/selectors.h"

static struct arena a;

static struct mp packed(const char *json)
{
	struct doc *d;
	struct buf b = {0};
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, NULL), 0, "%s", json);
	doc_to_mp(&b, d);
	struct span s = {(const uint8_t *)arena_ndup(&a, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(s);
}

Test(selectors, label_queries_match_as_in_kubernetes)
{
	static const char labels[] = "{\"app\":\"web\",\"tier\":\"front\",\"n\":\"5\",\"e\":\"\","
				     "\"in\":\"notin\",\"example.com/x\":\"y\"}";
	static const struct {
		const char *query;
		bool match;
	} rows[] = {
		{"", true},
		{"app", true},
		{"app=web", true},
		{"app==web", true},
		{"app!=web", false},
		{"app = web , tier = front", true},
		{"app=web,tier=back", false},
		{"!app", false},
		{"!nope", true},
		{"nope!=x", true},
		{"nope=x", false},
		{"app in (web,db)", true},
		{"app in (db)", false},
		{"app notin (web)", false},
		{"nope notin (web)", true},
		{"n>4", true},
		{"n>5", false},
		{"n<6", true},
		{"app>1", false},
		{"nope<1", false},
		{"e=", true},
		{"e", true},
		{"app=", false},
		{"e in ()", true},
		{"e in (,x)", true},
		{"in=notin", true},
		{"in in (notin)", true},
		{"in", true},
		{"example.com/x=y", true},
		{"app in (web),!nope,n>1", true},
		{"app in(web)", true},
		{"e in (x,)", true},
	};
	struct mp m = packed(labels), none = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct label_selector *s;
		struct err e = {0};
		cr_assert_eq(label_selector_parse(&a, span_of(rows[i].query), &s, &e), 0, "%s: %s",
			     rows[i].query, e.text);
		cr_expect_eq(label_selector_match(s, m), rows[i].match, "%s", rows[i].query);
		(void)label_selector_match(s, none);
	}
	arena_fini(&a);
}

/* Without compiling it: what the compiled one says, but for the empty one. */
Test(selectors, of_an_object_match_without_being_compiled)
{
	static const char *const selectors[] = {
		"{}",
		"{\"matchLabels\":{}}",
		"{\"matchLabels\":{\"app\":\"web\"}}",
		"{\"matchLabels\":{\"app\":\"web\",\"tier\":\"back\"}}",
		"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\",\"values\":[\"db\",\"web\"]}]}",
		"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"NotIn\",\"values\":[\"web\"]}]}",
		"{\"matchExpressions\":[{\"key\":\"off\",\"operator\":\"NotIn\",\"values\":[\"web\"]}]}",
		"{\"matchExpressions\":[{\"key\":\"off\",\"operator\":\"Exists\"}]}",
		"{\"matchExpressions\":[{\"key\":\"off\",\"operator\":\"DoesNotExist\"}]}",
		"{\"matchLabels\":{\"app\":\"web\"},\"matchExpressions\":["
		"{\"key\":\"tier\",\"operator\":\"Exists\"},{\"key\":\"off\",\"operator\":\"Exists\"}]}",
	};
	static const char *const labels[] = {"{}", "{\"app\":\"web\"}",
					     "{\"app\":\"web\",\"tier\":\"back\",\"off\":\"\"}"};
	for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++)
		for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
			const struct label_selector *s;
			struct doc *d;
			struct mp m = packed(labels[k]);
			json_parse(&a, span_of(selectors[i]), &d, NULL, NULL);
			cr_assert_eq(label_selector_from_doc(&a, d, &s, NULL), 0);
			cr_expect_eq(label_object_match(packed(selectors[i]), m),
				     i > 1 && label_selector_match(s, m), "%s of %s", selectors[i],
				     labels[k]);
		}
	cr_expect_not(label_object_match((struct mp){0}, packed("{}")));
	arena_fini(&a);
}

Test(selectors, label_queries_are_refused_in_kubernetes_words)
{
	static const struct {
		const char *query, *why;
	} rows[] = {
		{"app=web=x", "found '=', expected: ',' or 'end of string'"},
		{"app,", "found '', expected: identifier after ','"},
		{"=x", "found '=', expected: !, identifier, or 'end of string'"},
		{"a b",
		 "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"},
		{"a in x", "unable to parse requirement: found 'x', expected: '('"},
		{"a in (x y)", "unable to parse requirement: found 'y', expected: ',' or ')'"},
		{"a in (x", "unable to parse requirement: found '', expected: ',' or ')'"},
		{"a==!", "unable to parse requirement: found '!', expected: identifier"},
		{"!", "unable to parse requirement: found '', expected: identifier"},
		{"a>b",
		 "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' "
		 "operators, the value must be an integer"},
		{"a/b/c", NULL},
		{"-a=x", NULL},
		{"a=-x", NULL},
		{"a=b@c", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct label_selector *s;
		struct err e = {0};
		cr_expect_eq(label_selector_parse(&a, span_of(rows[i].query), &s, &e), ERR_INVALID,
			     "%s", rows[i].query);
		if (rows[i].why)
			cr_expect_str_eq(e.text, rows[i].why, "%s gives %s", rows[i].query, e.text);
		else
			cr_expect(strstr(e.text, "Invalid value"), "%s gives %s", rows[i].query,
				  e.text);
	}
	arena_fini(&a);
}

Test(selectors, text_parses_back_to_the_same)
{
	static const char *const rows[] = {"app=web", "a in (x,y),!b,c,d!=e,f notin (g),n>3,m<2"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct label_selector *s;
		struct buf b = {0};
		cr_assert_eq(label_selector_parse(&a, span_of(rows[i]), &s, NULL), 0);
		label_selector_text(s, &b);
		cr_expect_str_eq(buf_text(&b), rows[i]);
		buf_fini(&b);
	}
	arena_fini(&a);
}

static const struct label_selector *from(const char *json, int want)
{
	struct doc *d;
	const struct label_selector *s;
	struct err e = {0};
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, NULL), 0);
	cr_expect_eq(label_selector_from_doc(&a, d, &s, &e), want, "%s: %s", json, e.text);
	return s;
}

Test(selectors, selectors_of_objects_match_their_labels)
{
	struct mp pod = packed("{\"metadata\":{\"labels\":{\"app\":\"web\",\"v\":\"2\"}}}");
	cr_expect(label_selector_match_object(from("{}", 0), pod));
	cr_expect_not(label_selector_match_object(from("null", 0), pod));
	cr_expect(label_selector_match_object(from("{\"matchLabels\":{\"app\":\"web\"}}", 0), pod));
	cr_expect(label_selector_match_object(
		from("{\"matchLabels\":{\"app\":\"web\"},\"matchExpressions\":[{\"key\":\"v\","
		     "\"operator\":\"In\",\"values\":[\"1\",\"2\"]},{\"key\":\"z\",\"operator\":"
		     "\"DoesNotExist\"}]}", 0), pod));
	cr_expect_not(
		label_selector_match_object(from("{\"matchExpressions\":[{\"key\":\"v\","
						 "\"operator\":\"NotIn\",\"values\":[\"2\"]}]}",
						 0),
					    pod));
	from("{\"matchExpressions\":[{\"key\":\"v\",\"operator\":\"Near\"}]}", ERR_INVALID);
	from("{\"matchExpressions\":[{\"key\":\"v\",\"operator\":\"In\"}]}", ERR_INVALID);
	from("{\"matchLabels\":{\"a b\":\"c\"}}", ERR_INVALID);
	struct doc *d;
	json_parse(&a, span_of("{\"app\":\"web\"}"), &d, NULL, NULL);
	const struct label_selector *s = label_selector_from_map(&a, d);
	cr_expect(label_selector_match_object(s, pod));
	cr_expect_not(label_selector_match_object(s, packed("{}")));
	arena_fini(&a);
}

Test(selectors, field_queries_match_and_find_exact_values)
{
	struct schema *sc = schema_new();
	const struct schema_resource *pods = schema_find_name(sc, span_of("pods"));
	struct mp pod = packed(
		"{\"metadata\":{\"name\":\"web\",\"namespace\":\"d\"},\"spec\":{\"nodeName\":"
		"\"n1\"},\"status\":{\"phase\":\"Running\"}}");
	static const struct {
		const char *query;
		bool match;
	} rows[] = {
		{"", true},
		{"metadata.name=web", true},
		{"metadata.name==web", true},
		{"metadata.name!=web", false},
		{"spec.nodeName=n1,status.phase!=Failed", true},
		{"spec.nodeName=", false},
		{"status.podIP=", true},
		{"spec.hostNetwork=false", true},
		{"spec.hostNetwork=true", false},
		{"metadata.namespace=d,", true},
		{"metadata.name=a\\,b", false},
		{"metadata.name=a\\=b", false},
	};
	const struct field_selector *s;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		cr_assert_eq(field_selector_parse(&a, pods, span_of(rows[i].query), &s, &e), 0,
			     "%s: %s", rows[i].query, e.text);
		cr_expect_eq(field_selector_match(s, pod), rows[i].match, "%s", rows[i].query);
	}
	struct span v;
	cr_assert_eq(field_selector_parse(&a, pods, span_of("spec.nodeName=n\\,1"), &s, NULL), 0);
	cr_expect(field_selector_exact(s, "spec.nodeName", &v) && span_is(v, "n,1"));
	cr_expect_not(field_selector_exact(s, "metadata.name", &v));
	cr_expect_not(field_selector_empty(s));
	schema_free(sc);
	arena_fini(&a);
}

Test(selectors, an_events_source_is_its_component_old_or_new)
{
	struct schema *sc = schema_new();
	const struct field_selector *s;
	cr_assert_eq(field_selector_parse(&a, schema_find_name(sc, span_of("events")),
					  span_of("source=kubelet"), &s, NULL), 0);
	cr_expect(field_selector_match(s, packed("{\"source\":{\"component\":\"kubelet\"}}")));
	cr_expect(field_selector_match(
		s, packed("{\"source\":{},\"reportingComponent\":\"kubelet\"}")));
	cr_expect_not(field_selector_match(s, packed("{\"source\":{\"component\":\"x\"}}")));
	schema_free(sc);
	arena_fini(&a);
}

Test(selectors, field_queries_are_refused_in_kubernetes_words)
{
	struct schema *sc = schema_new();
	static const struct {
		const char *resource, *query, *why;
	} rows[] = {
		{"pods", "spec.foo=x", "field label not supported: spec.foo"},
		{"configmaps", "spec.foo=x",
		 "\"spec.foo\" is not a known field selector: only "
		 "\"metadata.name\", \"metadata.namespace\""},
		{"pods", "nonsense", "invalid selector: 'nonsense'; can't understand 'nonsense'"},
		{"pods", "metadata.name=a=b",
		 "invalid field selector: unhandled unescaped character: '='"},
		{"pods", "metadata.name=a\\b", "invalid field selector: invalid escape sequence"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct field_selector *s;
		struct err e = {0};
		const struct schema_resource *r = schema_find_name(sc, span_of(rows[i].resource));
		cr_expect_eq(field_selector_parse(&a, r, span_of(rows[i].query), &s, &e),
			     ERR_INVALID);
		cr_expect_str_eq(e.text, rows[i].why);
	}
	schema_free(sc);
	arena_fini(&a);
}
