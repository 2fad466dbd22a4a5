/* How many disruptions a budget allows, from facts. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/disruption_plan.h"
#include "actors/schema/selectors.h"
#include "tests/lib/made_object.h"

static struct arena arena;

Test(disruption, counts_as_kubernetes_does)
{
	static const struct {
		const char *spec;
		struct disruption_facts facts;
		int64_t expected, desired, allowed;
	} rows[] = {
		{"'minAvailable':3", {4, 10, 4}, 4, 3, 1},
		{"'minAvailable':3", {4, 10, 2}, 4, 3, 0},
		{"'minAvailable':'50%'", {4, 5, 4}, 5, 3, 1},
		{"'maxUnavailable':1", {4, 5, 5}, 5, 4, 1},
		{"'maxUnavailable':'30%'", {4, 5, 5}, 5, 3, 2},
		{"'maxUnavailable':9", {4, 5, 5}, 5, 0, 5},
		{"'maxUnavailable':0", {4, 5, 5}, 5, 5, 0},
		{"'minAvailable':0", {0, 0, 0}, 0, 0, 0},
		{"'x':0", {4, 5, 5}, 0, 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[200];
		snprintf(json, sizeof json, "{'spec':{%s}}", rows[i].spec);
		struct disruption_counts c = disruption_count(made_mp(&arena, json), &rows[i].facts);
		cr_expect_eq(c.expected, rows[i].expected, "row %zu: %lld", i, (long long)c.expected);
		cr_expect_eq(c.desired, rows[i].desired, "row %zu: %lld", i, (long long)c.desired);
		cr_expect_eq(c.allowed, rows[i].allowed, "row %zu: %lld", i, (long long)c.allowed);
	}
	arena_fini(&arena);
}

Test(disruption, an_empty_selector_is_all_and_none_is_nothing)
{
	struct mp labels = made_mp(&arena, "{'app':'web'}");
	cr_expect(label_object_match_all(made_mp(&arena, "{}"), labels));
	cr_expect(label_object_match_all(made_mp(&arena, "{'matchLabels':{}}"), (struct mp){0}));
	cr_expect_not(label_object_match_all((struct mp){0}, labels));
	cr_expect_not(label_object_match_all(made_mp(&arena, "{'matchLabels':{'app':'db'}}"), labels));
	arena_fini(&arena);
}
