/* Who leaves for a pod of higher priority. A node here is a number of places; the pod wants
 * some, and each pod there has some. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/schema/json.h"
#include "actors/scheduler/preempt.h"

struct there {
	const char *name;
	int64_t priority, start_us, size;
	const char *labels;
};

struct table {
	int64_t room, wants;
	size_t moves;
};

static void move(void *arg, void *own, int sign)
{
	struct table *t = arg;
	t->room -= sign * ((const struct there *)own)->size;
	t->moves++;
}

static unsigned faults(void *arg)
{
	const struct table *t = arg;
	return t->room < t->wants ? 1 : 0;
}

static struct mp parse(struct arena *a, const char *json)
{
	struct doc *d = NULL;
	struct buf b = {0};
	cr_assert_eq(json_parse(a, span_of(json), &d, NULL, NULL), 0, "%s", json);
	doc_to_mp(&b, d);
	struct span s = {(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(s);
}

static struct preempt_budget budget(struct arena *a, const char *app, int64_t allowed, const char *disrupted)
{
	return (struct preempt_budget){
		.namespace = span_of("d"),
		.selector = parse(a, arena_printf(a, "{\"matchLabels\":{\"app\":\"%s\"}}", app)),
		.disrupted = parse(a, disrupted),
		.allowed = allowed,
	};
}

/* The victims of a node of `free` places beside what is there, by name; "none" that fits. */
static const char *victims(struct arena *a, struct there *pods, size_t n, int64_t free, int64_t wants,
			   const struct preempt_budget *budgets, size_t budget_count, struct preempt_node *out)
{
	struct table t = {free, wants, 0};
	const struct preempt_trial trial = {&t, move, faults};
	struct preempt_pod *all = arena_alloc(a, (n + 1) * sizeof *all);
	struct preempt_node own = {0}, *x = out ? out : &own;
	struct buf b = {0};
	for (size_t i = 0; i < n; i++)
		all[i] = (struct preempt_pod){.own = &pods[i],
					      .namespace = span_of("d"),
					      .name = span_of(pods[i].name),
					      .labels = pods[i].labels ? parse(a, pods[i].labels) : (struct mp){0},
					      .priority = pods[i].priority,
					      .start_us = pods[i].start_us};
	preempt_on_node(a, all, n, budgets, budget_count, &trial, x);
	cr_expect_eq(t.room, free, "all are back");
	for (size_t i = 0; i < x->count; i++)
		buf_printf(&b, "%s%.*s", i ? " " : "", (int)x->victims[i].name.len, (const char *)x->victims[i].name.data);
	const char *text = b.len ? arena_ndup(a, b.data, b.len) : "none";
	buf_fini(&b);
	return text;
}
#define VICTIMS(free, wants) victims(&a, pods, sizeof pods / sizeof *pods, free, wants, NULL, 0, NULL)

Test(preempt, the_least_important_leave_and_no_more_than_are_needed)
{
	struct arena a = {0};
	struct there pods[] = {{"low", -5, 10, 2, NULL}, {"old", 3, 10, 2, NULL}, {"young", 3, 20, 2, NULL}};
	cr_expect_str_eq(VICTIMS(0, 1), "low");
	cr_expect_str_eq(VICTIMS(0, 3), "young low");
	cr_expect_str_eq(VICTIMS(1, 3), "low", "what is free counts");
	cr_expect_str_eq(VICTIMS(0, 6), "old young low");
	cr_expect_str_eq(VICTIMS(2, 2), "none", "it fits");
	arena_fini(&a);
}

Test(preempt, a_big_one_comes_back_only_where_it_leaves_room)
{
	struct arena a = {0};
	struct there pods[] = {{"big", 3, 10, 8, NULL}, {"small", 1, 10, 2, NULL}, {"tiny", 0, 10, 1, NULL}};
	cr_expect_str_eq(VICTIMS(0, 5), "big", "the others may stay when it goes");
	cr_expect_str_eq(VICTIMS(0, 3), "small tiny");
	arena_fini(&a);
}

Test(preempt, where_all_leaving_is_not_enough_nobody_does)
{
	struct arena a = {0};
	struct there pods[] = {{"a", 0, 1, 2, NULL}, {"b", 0, 1, 2, NULL}};
	struct preempt_node n;
	cr_expect_str_eq(victims(&a, pods, 2, 0, 5, NULL, 0, &n), "none");
	cr_expect_neq(n.faults, 0);
	cr_expect_str_eq(victims(&a, pods, 2, 0, 4, NULL, 0, &n), "a b");
	cr_expect_eq(n.faults, 0);
	arena_fini(&a);
}

Test(preempt, who_is_guarded_by_a_budget_comes_back_first)
{
	struct arena a = {0};
	struct there pods[] = {{"web-1", 1, 10, 2, "{\"app\":\"web\"}"},
			       {"web-2", 1, 20, 2, "{\"app\":\"web\"}"},
			       {"other", 5, 10, 2, "{\"app\":\"other\"}"}};
	struct preempt_budget none[] = {budget(&a, "web", 0, "{}")}, one[] = {budget(&a, "web", 1, "{}")},
			      told[] = {budget(&a, "web", 0, "{\"web-2\":\"2026-11-28T00:00:00Z\"}")};
	struct preempt_node n;
	cr_expect_str_eq(victims(&a, pods, 3, 0, 2, none, 1, &n), "other", "although it is more important");
	cr_expect_eq(n.guarded, 0);
	cr_expect_str_eq(victims(&a, pods, 3, 0, 4, none, 1, &n), "other web-2");
	cr_expect_eq(n.guarded, 1);
	cr_expect_str_eq(victims(&a, pods, 3, 0, 2, one, 1, &n), "web-1", "what is allowed goes to the first");
	cr_expect_eq(n.guarded, 0);
	cr_expect_str_eq(victims(&a, pods, 3, 0, 2, told, 1, &n), "web-2", "who was evicted is counted already");
	cr_expect_eq(n.guarded, 0);
	none[0].namespace = span_of("elsewhere");
	cr_expect_str_eq(victims(&a, pods, 3, 0, 2, none, 1, &n), "web-2", "budgets of other namespaces do not count");
	arena_fini(&a);
}

static struct preempt_node node(struct arena *a, size_t guarded, size_t count, const int64_t priorities[],
				const int64_t starts[])
{
	struct preempt_node n = {.victims = arena_alloc(a, count * sizeof *n.victims), .count = count, .guarded = guarded};
	for (size_t i = 0; i < count; i++)
		n.victims[i] = (struct preempt_pod){.priority = priorities[i], .start_us = starts[i]};
	return n;
}
#define NODE(guarded, n, priorities, starts)                                                       \
	node(&a, guarded, n, (const int64_t[])priorities, (const int64_t[])starts)
#define L(...) {__VA_ARGS__}

static void better(struct preempt_node x, struct preempt_node y, const char *why)
{
	cr_expect(preempt_is_better(&x, &y), "%s", why);
	cr_expect_not(preempt_is_better(&y, &x), "%s, the other way", why);
}

Test(preempt, the_node_that_loses_least_is_taken)
{
	struct arena a = {0};
	better(NODE(0, 2, L(9, 9), L(1, 1)), NODE(1, 1, L(1), L(1)), "fewer that budgets guard");
	better(NODE(0, 3, L(2, 2, 2), L(1, 1, 1)), NODE(0, 1, L(3), L(1)), "a lower highest priority");
	better(NODE(0, 2, L(3, 1), L(1, 1)), NODE(0, 2, L(3, 2), L(1, 1)), "a lower sum");
	better(NODE(0, 1, L(-9), L(1)), NODE(0, 2, L(-9, -10), L(1, 1)), "below zero, too");
	better(NODE(0, 1, L(3), L(7)), NODE(0, 1, L(3), L(5)), "who began last");
	better(NODE(0, 1, L(3), L(INT64_MAX)), NODE(0, 1, L(3), L(5)), "or has not begun");
	struct preempt_node x = NODE(0, 1, L(3), L(5));
	cr_expect_not(preempt_is_better(&x, &x), "of equals the first stays");
	arena_fini(&a);
}
