/* What a stateful set is to do with its pods, number by number, from facts. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/statefulset_plan.h"

enum { MAX = 12 };

struct made {
	struct arena arena;
	struct replica pods[MAX];
	struct ordinal_pod list[MAX];
	size_t count;
	struct statefulset_want want;
};

static struct made set_of(int64_t replicas)
{
	return (struct made){.want = {.replicas = replicas,
				      .ordered = true,
				      .rolling = true,
				      .current = span_of("a"),
				      .update = span_of("b")}};
}

/* A pod that is ready and available. */
static struct replica *add(struct made *m, int64_t ordinal, const char *revision)
{
	size_t i = m->count++;
	m->pods[i] = (struct replica){.ready = true};
	m->list[i] = (struct ordinal_pod){
		.pod = &m->pods[i], .ordinal = ordinal, .revision = span_of(revision),
		.available = true};
	return &m->pods[i];
}

static struct statefulset_plan plan(struct made *m)
{
	struct statefulset_plan p;
	statefulset_plan(&m->arena, m->list, m->count, &m->want, &p);
	return p;
}

Test(statefulset_plan, a_name_is_the_sets_and_a_number)
{
	static const struct {
		const char *name;
		int64_t ordinal;
	} rows[] = {{"web-0", 0}, {"web-17", 17}, {"web-", -1}, {"web", -1},	  {"web-01", -1},
		    {"web-x", -1}, {"wob-1", -1},  {"web-1x", -1}, {"web-9999999999", -1}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(statefulset_ordinal(span_of("web"), span_of(rows[i].name)),
			     rows[i].ordinal, "%s", rows[i].name);
}

Test(statefulset_plan, makes_the_next_one_when_those_below_it_are_ready)
{
	struct made m = set_of(3);
	struct statefulset_plan p = plan(&m);
	cr_assert_eq(p.create_count, 1);
	cr_expect_eq(p.create[0].ordinal, 0);
	add(&m, 0, "b")->ready = false;
	cr_expect_eq(plan(&m).create_count, 0);
	m.pods[0].ready = true;
	m.list[0].available = false;
	cr_expect_eq(plan(&m).create_count, 0);
	m.list[0].available = true;
	p = plan(&m);
	cr_assert_eq(p.create_count, 1);
	cr_expect_eq(p.create[0].ordinal, 1);
	add(&m, 2, "b");
	p = plan(&m);
	cr_assert_eq(p.create_count, 1, "the gap first");
	cr_expect_eq(p.create[0].ordinal, 1);
	arena_fini(&m.arena);
}

Test(statefulset_plan, lets_the_highest_go_when_all_others_are_well)
{
	struct made m = set_of(1);
	for (int64_t i = 0; i < 3; i++)
		add(&m, i, "b");
	struct statefulset_plan p = plan(&m);
	cr_assert_eq(p.remove_count, 1);
	cr_expect_eq(p.remove[0].pod->ordinal, 2);
	cr_expect(p.remove[0].condemned);
	m.pods[1].ready = false;
	cr_expect_eq(plan(&m).remove_count, 1, "the one below it is not well, it is");
	m.pods[2].ready = false;
	m.pods[1].ready = true;
	cr_expect_eq(plan(&m).remove_count, 1, "it is the only one that is not well");
	m.pods[1].ready = false;
	cr_expect_eq(plan(&m).remove_count, 0, "the first one that is not well is mended first");
	m.pods[0].ready = false;
	cr_expect_eq(plan(&m).remove_count, 0);
	arena_fini(&m.arena);
}

Test(statefulset_plan, in_parallel_does_all_of_it_at_once)
{
	struct made m = set_of(3);
	m.want.ordered = false;
	m.want.start = 2;
	add(&m, 0, "b");
	add(&m, 1, "b")->ready = false;
	struct statefulset_plan p = plan(&m);
	cr_expect_eq(p.create_count, 3);
	cr_expect_eq(p.create[2].ordinal, 4);
	cr_expect_eq(p.remove_count, 2);
	arena_fini(&m.arena);
}

Test(statefulset_plan, rolls_from_the_top_down_to_the_partition)
{
	struct made m = set_of(3);
	for (int64_t i = 0; i < 3; i++)
		add(&m, i, "a");
	struct statefulset_plan p = plan(&m);
	cr_assert_eq(p.remove_count, 1);
	cr_expect_eq(p.remove[0].pod->ordinal, 2);
	cr_expect_not(p.remove[0].condemned);
	m.list[2].revision = span_of("b");
	m.pods[2].ready = false;
	m.want.ordered = false;
	cr_expect_eq(plan(&m).remove_count, 0, "the new one is not ready");
	m.pods[2].ready = true;
	p = plan(&m);
	cr_assert_eq(p.remove_count, 1);
	cr_expect_eq(p.remove[0].pod->ordinal, 1);
	m.want.partition = 2;
	cr_expect_eq(plan(&m).remove_count, 0);
	m.want.partition = 0;
	m.want.rolling = false;
	cr_expect_eq(plan(&m).remove_count, 0, "on delete");
	arena_fini(&m.arena);
}

Test(statefulset_plan, below_the_partition_pods_are_of_the_current_revision)
{
	struct made m = set_of(2);
	m.want.partition = 1;
	m.want.ordered = false;
	struct statefulset_plan p = plan(&m);
	cr_assert_eq(p.create_count, 2);
	cr_expect(p.create[0].of_current);
	cr_expect_not(p.create[1].of_current);
	arena_fini(&m.arena);
}

Test(statefulset_plan, replaces_what_has_ended_and_tells_when_it_is_rolled)
{
	struct made m = set_of(2);
	add(&m, 0, "b")->ended = true;
	m.pods[0].ready = false;
	add(&m, 1, "b");
	struct statefulset_plan p = plan(&m);
	cr_assert_eq(p.remove_count, 1);
	cr_expect_eq(p.remove[0].pod->ordinal, 0);
	cr_expect_not(p.complete);
	m.pods[0] = (struct replica){.ready = true};
	p = plan(&m);
	cr_expect(p.complete);
	cr_expect_eq(p.updated, 2);
	cr_expect_eq(p.current, 2);
	m.want.deleting = true;
	m.want.replicas = 5;
	cr_expect_eq(plan(&m).create_count, 0);
	arena_fini(&m.arena);
}
