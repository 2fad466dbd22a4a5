/* What becomes of a node by its conditions, and of a zone by its nodes. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/node_health.h"
#include "tests/lib/made_object.h"

#define NOW "2030-01-01T12:00:00Z"

static struct arena arena;

static struct mp node(const char *more_spec, const char *ready, const char *more_conditions)
{
	return made_mp(&arena,
		       arena_printf(&arena,
				    "{'metadata':{'name':'n'},'spec':{%s},'status':{'conditions':["
				    "{'type':'Ready','status':'%s'}%s]}}",
				    more_spec, ready, more_conditions));
}

/* "key:effect ..." of the taints as they should be, without the keys' prefix;
 * "-" when they are so. */
static const char *taints(struct mp n, enum emptying emptying)
{
	struct doc *list = node_taints(&arena, n, emptying, NOW);
	struct buf b = {0};
	if (!list)
		return "-";
	DOC_EACH(d, list)
	{
		struct span key = doc_get_str(d, "key"), effect = doc_get_str(d, "effect");
		const uint8_t *slash = memchr(key.data, '/', key.len);
		size_t skip = slash ? (size_t)(slash + 1 - key.data) : 0;
		buf_printf(&b, "%.*s:%.*s ", (int)(key.len - skip), (const char *)key.data + skip,
			   (int)effect.len, (const char *)effect.data);
	}
	const char *text = arena_ndup(&arena, b.data, b.len);
	buf_fini(&b);
	return text;
}

Test(node_health, conditions_are_taints)
{
	static const char pressure[] =
		",{'type':'MemoryPressure','status':'True'},{'type':'DiskPressure','status':'Unknown'}";
	cr_expect_str_eq(taints(node("", "True", ""), EMPTY_AS_IT_IS), "-");
	cr_expect_str_eq(taints(node("", "True", pressure), EMPTY_AS_IT_IS),
			 "memory-pressure:NoSchedule ");
	cr_expect_str_eq(taints(node("'unschedulable':true", "True", ""), EMPTY_AS_IT_IS),
			 "unschedulable:NoSchedule ");
	cr_expect_str_eq(taints(node("", "False", ""), EMPTY_AS_IT_IS), "not-ready:NoSchedule ");
	cr_expect_str_eq(taints(node("", "Unknown", ""), EMPTY_BEGIN),
			 "unreachable:NoSchedule unreachable:NoExecute ");
	arena_fini(&arena);
}

#define TAINT(key, effect) "{'key':'" key "','effect':'" effect "','timeAdded':'then'}"

Test(node_health, those_of_others_stay)
{
	static const char other[] = "'taints':[" TAINT("mine", "NoExecute") "," TAINT(
		"node.kubernetes.io/unreachable", "NoSchedule") "]";
	cr_expect_str_eq(taints(node(other, "True", ""), EMPTY_AS_IT_IS), "mine:NoExecute ");
	cr_expect_str_eq(taints(node(other, "Unknown", ""), EMPTY_AS_IT_IS), "-",
			 "and the time of ours stays as well");
	arena_fini(&arena);
}

Test(node_health, a_node_that_is_emptied_goes_on_being_so)
{
	static const char emptied[] = "'taints':[" TAINT(TAINT_UNREACHABLE, "NoSchedule") "," TAINT(
		TAINT_UNREACHABLE, "NoExecute") "]";
	cr_expect_str_eq(taints(node(emptied, "Unknown", ""), EMPTY_AS_IT_IS), "-");
	cr_expect_str_eq(taints(node(emptied, "False", ""), EMPTY_AS_IT_IS),
			 "not-ready:NoSchedule not-ready:NoExecute ", "by another name at once");
	cr_expect_str_eq(taints(node(emptied, "Unknown", ""), EMPTY_STOP),
			 "unreachable:NoSchedule ");
	cr_expect_str_eq(taints(node(emptied, "True", ""), EMPTY_AS_IT_IS), "");
	cr_expect(node_has_taint(node(emptied, "True", ""), TAINT_UNREACHABLE, "NoExecute"));
	cr_expect_not(node_has_taint(node(emptied, "True", ""), TAINT_NOT_READY, NULL));
	arena_fini(&arena);
}

Test(node_health, zones_are_emptied_by_what_is_left_of_them)
{
	static const struct {
		struct zone zone;
		bool all_lost;
		enum zone_state state;
		int64_t interval;
	} rows[] = {
		{{10, 0, 0}, false, ZONE_NORMAL, 7},
		{{10, 3, 0}, false, ZONE_NORMAL, 7},
		{{1, 2, 0}, false, ZONE_NORMAL, 7},	 /* two are no wave */
		{{2, 3, 0}, false, ZONE_PARTLY_LOST, -1}, /* small: better not */
		{{40, 60, 0}, false, ZONE_PARTLY_LOST, 70},
		{{0, 3, 0}, false, ZONE_LOST, 7}, /* another zone lives */
		{{0, 3, 0}, true, ZONE_LOST, -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_eq(zone_state(&rows[i].zone), rows[i].state, "row %zu", i);
		cr_expect_eq(zone_interval_us(&rows[i].zone, rows[i].all_lost, 7), rows[i].interval,
			     "row %zu", i);
	}
}

Test(node_health, a_zone_is_two_labels)
{
	struct mp labelled = made_mp(&arena, "{'metadata':{'labels':{'topology.kubernetes.io/zone':'z',"
					     "'topology.kubernetes.io/region':'r'}}}");
	cr_expect(span_is(node_zone(&arena, labelled), "r/z"));
	cr_expect(span_is(node_zone(&arena, node("", "True", "")), "/"));
	arena_fini(&arena);
}
