/* When a pod must leave a node. */
#include <criterion/criterion.h>

#include "actors/objects/placement.h"
#include "tests/lib/made_object.h"

static struct arena arena;

static int64_t seen(void *arg, struct mp taint)
{
	cr_expect_eq(arg, &arena);
	cr_expect(!mp_path_str(taint, "timeAdded").len);
	return made_us("12:00:05");
}

/* Seconds from 12:00:00; -1: now, -2: never. `since` is a clock of that day. */
static int64_t leaves(const char *tolerations, const char *taints, const char *since)
{
	int64_t us = placement_leave_us(
		made_mp(&arena, arena_printf(&arena, "[%s]", tolerations)),
		made_mp(&arena, arena_printf(&arena, "{'spec':{'taints':[%s]}}", taints)),
		made_us(since), &(struct placement_clock){seen, &arena});
	return us == INT64_MIN ? -1 : us == INT64_MAX ? -2 : (us - made_us("12:00:00")) / 1000000;
}

#define LOST "{'key':'lost','effect':'NoExecute','timeAdded':'2030-01-01T12:00:00Z'}"
#define HAND "{'key':'hand','value':'v','effect':'NoExecute'}"
#define FOR(key, seconds) "{'key':'" key "','operator':'Exists','tolerationSeconds':" seconds "}"

Test(placement, a_pod_leaves_what_it_does_not_tolerate)
{
	cr_expect_eq(leaves("", "", "11:00:00"), -2);
	cr_expect_eq(leaves("", "{'key':'k','effect':'NoSchedule'}", "11:00:00"), -2);
	cr_expect_eq(leaves("", LOST, "11:00:00"), -1);
	cr_expect_eq(leaves("{'operator':'Exists'}", LOST "," HAND, "11:00:00"), -2);
	cr_expect_eq(leaves("{'key':'lost','operator':'Exists'}", LOST "," HAND, "11:00:00"), -1);
	cr_expect_eq(leaves("{'key':'hand','value':'w'}", HAND, "11:00:00"), -1);
	arena_fini(&arena);
}

Test(placement, seconds_count_from_the_taint_or_from_the_pod)
{
	cr_expect_eq(leaves(FOR("lost", "300"), LOST, "11:00:00"), 300);
	cr_expect_eq(leaves(FOR("lost", "300"), LOST, "12:01:00"), 360, "it came later");
	cr_expect_eq(leaves(FOR("hand", "60"), HAND, "12:00:10"), 70, "a taint without a time");
	cr_expect_eq(leaves(FOR("hand", "60"), HAND, "11:00:00"), 65, "since it was seen");
	cr_expect_eq(leaves(FOR("lost", "300") "," FOR("hand", "10"), LOST "," HAND, "12:00:00"), 15,
		     "the first of two");
	cr_expect_eq(leaves(FOR("lost", "0"), LOST, "11:00:00"), -1);
	cr_expect_eq(leaves(FOR("lost", "-5"), LOST, "11:00:00"), -1);
	cr_expect_eq(leaves(FOR("lost", "9223372036854775807"), LOST, "11:00:00"), -2,
		     "longer than time lasts");
	arena_fini(&arena);
}
