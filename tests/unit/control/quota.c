/* Quotas are counted again; and how many requests are let in at a time. */
#include <criterion/criterion.h>

#include "actors/api/inflight.h"
#include "actors/controllers/quota_plan.h"
#include "actors/objects/objects.h"
#include "actors/schema/json.h"

static struct arena a;
static struct schema *schema;

static void set_up(void)
{
	schema = schema_new();
	objects_install(schema);
}

static void tear_down(void)
{
	schema_free(schema);
	arena_fini(&a);
}

TestSuite(quota, .init = set_up, .fini = tear_down);

static struct mp mp_from(const char *json)
{
	struct doc *d;
	struct buf b = {0};
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, NULL), 0, "%s", json);
	doc_to_mp(&b, d);
	struct mp m = mp_of((struct span){(uint8_t *)arena_ndup(&a, b.data, b.len), b.len});
	buf_fini(&b);
	return m;
}

static const struct schema_resource *row(const char *name)
{
	return schema_find_name(schema, span_of(name));
}

static const char *status_text(struct quota_count *q)
{
	struct buf b = {0}, was = {0}, now = {0};
	struct doc *d = quota_status(q), *old;
	cr_assert_eq(doc_from_mp(&a, q->quota, &old, NULL), 0);
	json_from_doc(&was, old);
	json_from_doc(&now, d);
	bool same = strcmp(buf_text(&was), buf_text(&now)) == 0;
	buf_fini(&was);
	buf_fini(&now);
	if (same)
		return "as it is";
	json_from_doc(&b, doc_get(d, "status"));
	const char *text = arena_dup(&a, buf_text(&b));
	buf_fini(&b);
	return text;
}

Test(quota, counts_what_is_there_and_zero_of_what_is_not)
{
	struct quota_count q;
	quota_count_init(&q,
			 mp_from("{\"spec\":{\"hard\":{\"pods\":\"3\",\"services\":\"1\",\"limits.memory\":"
				 "\"1Gi\"}}}"),
			 &a);
	cr_expect(quota_counts_kind(&q, row("pods")));
	cr_expect(quota_counts_kind(&q, row("services")));
	cr_expect_not(quota_counts_kind(&q, row("secrets")));
	quota_count_object(&q, row("pods"),
			   mp_from("{\"spec\":{\"containers\":[{\"resources\":{\"limits\":{\"memory\":"
				   "\"512Mi\"}}}]}}"));
	quota_count_object(&q, row("pods"),
			   mp_from("{\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":"
				   "\"Succeeded\"}}"));
	cr_expect_str_eq(status_text(&q),
			 "{\"hard\":{\"limits.memory\":\"1Gi\",\"pods\":\"3\",\"services\":\"1\"},"
			 "\"used\":{\"limits.memory\":\"512Mi\",\"pods\":\"1\",\"services\":\"0\"}}");
}

Test(quota, a_status_that_is_right_is_left)
{
	struct quota_count q;
	quota_count_init(&q,
			 mp_from("{\"spec\":{\"hard\":{\"pods\":\"3\"}},\"status\":{\"hard\":{\"pods\":"
				 "\"3\"},\"used\":{\"pods\":\"1\"}}}"),
			 &a);
	quota_counts_kind(&q, row("pods"));
	quota_count_object(&q, row("pods"), mp_from("{\"spec\":{\"containers\":[{}]}}"));
	cr_expect_str_eq(status_text(&q), "as it is");
	quota_count_object(&q, row("pods"), mp_from("{\"spec\":{\"containers\":[{}]}}"));
	cr_expect_str_eq(status_text(&q), "{\"hard\":{\"pods\":\"3\"},\"used\":{\"pods\":\"2\"}}");
}

static const struct {
	const char *kind, *was, *now;
	bool back;
} changes[] = {
	{"pods", "", "{\"spec\":{}}", false},
	{"pods", "{\"spec\":{}}", "", true},
	{"pods", "{\"spec\":{}}", "{\"spec\":{\"nodeName\":\"n1\"}}", false},
	{"pods", "{\"status\":{\"phase\":\"Running\"}}", "{\"status\":{\"phase\":\"Failed\"}}", true},
	{"pods", "{\"spec\":{}}", "{\"spec\":{\"activeDeadlineSeconds\":5}}", true},
	{"services", "{\"spec\":{\"type\":\"NodePort\"}}", "{\"spec\":{\"type\":\"ClusterIP\"}}", true},
	{"services", "{\"spec\":{},\"status\":{}}", "{\"spec\":{}}", false},
	{"secrets", "{\"data\":{\"a\":\"b\"}}", "{}", false},
	{"secrets", "{}", "", true},
	{"nodes", "{}", "", false},
};

Test(quota, changes_that_may_give_something_back)
{
	struct mp none = {0};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		bool back = quota_gives_back(row(changes[i].kind),
					     *changes[i].was ? mp_from(changes[i].was) : none,
					     *changes[i].now ? mp_from(changes[i].now) : none);
		cr_expect_eq(back, changes[i].back, "%s: %s, %s", changes[i].kind, changes[i].was,
			     changes[i].now);
	}
}

Test(quota, a_charge_alone_wants_no_count)
{
	static const char text[] = "{\"spec\":{\"hard\":{\"pods\":\"%d\"}},\"status\":{\"hard\":{\"pods\":"
				   "\"3\"},\"used\":{\"pods\":\"%d\"}}}";
	struct mp one = mp_from(arena_printf(&a, text, 3, 1)),
		  two = mp_from(arena_printf(&a, text, 3, 2)),
		  more = mp_from(arena_printf(&a, text, 4, 2)), none = {0};
	cr_expect_not(quota_wants_count(one, two));
	cr_expect(quota_wants_count(two, more));
	cr_expect(quota_wants_count(none, one));
	cr_expect_not(quota_wants_count(one, none));
}

Test(quota, requests_in_flight_have_limits)
{
	struct inflight f = {.all_max = 3, .user_max = 2};
	struct identity ann = {.name = span_of("ann")}, bob = {.name = span_of("bob")},
			eve = {.name = span_of("eve")}, root = {.name = span_of("root")};
	identity_add_group(&root, span_of(GROUP_MASTERS));
	cr_expect(inflight_enter(&f, &ann, INFLIGHT_READ));
	cr_expect(inflight_enter(&f, &ann, INFLIGHT_MUTATING));
	cr_expect_not(inflight_enter(&f, &ann, INFLIGHT_READ), "two of a user");
	cr_expect(inflight_enter(&f, &bob, INFLIGHT_READ));
	cr_expect_not(inflight_enter(&f, &eve, INFLIGHT_READ), "three in all");
	cr_expect(inflight_enter(&f, &root, INFLIGHT_READ));
	cr_expect_eq(f.refused, 2);
	cr_expect_eq(f.now[INFLIGHT_READ], 3);
	inflight_leave(&f, ann.name, INFLIGHT_READ);
	inflight_leave(&f, ann.name, INFLIGHT_MUTATING);
	inflight_leave(&f, root.name, INFLIGHT_READ);
	cr_expect_eq(f.users.count, 1, "nobody with none is kept");
	cr_expect(inflight_enter(&f, &eve, INFLIGHT_READ));
	inflight_fini(&f);
}
