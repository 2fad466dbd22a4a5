/* Whether a pod fits a node, and which of several is the better one. */
#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "actors/scheduler/extended.h"
#include "actors/scheduler/fit.h"
#include "broker/base/mem.h"

static struct arena arena;

static struct mp mp_from(const char *json)
{
	struct doc *d;
	struct buf b = {0};
	cr_assert_eq(json_parse(&arena, span_of(json), &d, NULL, NULL), 0, "%s", json);
	doc_to_mp(&b, d);
	struct span kept = {(uint8_t *)arena_ndup(&arena, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(kept);
}

#define NODE(spec, cpu)                                                                          \
	"{\"metadata\":{\"labels\":{\"zone\":\"a\"}},\"spec\":{" spec                            \
	"},\"status\":{\"allocatable\":{\"cpu\":\"" cpu                                          \
	"\",\"memory\":\"1Gi\",\"pods\":\"2\"},\"conditions\":[{\"type\":\"Ready\","             \
	"\"status\":\"True\"}]}}"
#define POD(more, cpu)                                                                           \
	"{\"spec\":{" more "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"" cpu        \
	"\",\"memory\":\"512Mi\"}}}]}}"

static unsigned faults(const char *pod_json, const char *node_json, struct resources used)
{
	struct mp pod = mp_from(pod_json), node = mp_from(node_json);
	struct resources wants = fit_requests(pod);
	struct fit_node facts = fit_node_of(node);
	return fit_check(pod, &wants, fit_is_selective(pod), node, &facts, &used);
}

Test(fit, reads_requests_and_allocatable_in_exact_units)
{
	struct resources r = fit_requests(mp_from(
		"{\"spec\":{\"initContainers\":[{\"resources\":{\"requests\":{\"cpu\":\"2\"}}}],"
		"\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"250m\",\"memory\":\"1Mi\"}}},"
		"{\"resources\":{\"requests\":{\"cpu\":\"0.5\"}}}]}}"));
	cr_expect_eq(r.cpu_milli, 2000, "the largest init container outweighs the sum");
	cr_expect_eq(r.memory, 1 << 20);
	cr_expect_eq(r.pods, 1);
}

Test(fit, side_cars_stay_beside_all_that_come_after_them)
{
#define ASKS(cpu) "\"resources\":{\"requests\":{\"cpu\":\"" cpu "\"}}"
#define CAR(cpu) "{\"restartPolicy\":\"Always\"," ASKS(cpu) "}"
	struct resources r = fit_requests(mp_from(
		"{\"spec\":{\"initContainers\":[" CAR("1") "," CAR("500m") "],\"containers\":[{" ASKS("2") "}]}}"));
	cr_expect_eq(r.cpu_milli, 3500, "they run beside the containers");
	r = fit_requests(mp_from("{\"spec\":{\"initContainers\":[{" ASKS("3") "}," CAR("1") ",{" ASKS("4")
				 "}],\"containers\":[{" ASKS("2") "}]}}"));
	cr_expect_eq(r.cpu_milli, 5000, "and beside the init containers after them");
	r = fit_requests(mp_from("{\"spec\":{\"initContainers\":[{" ASKS("3") "}," CAR("1") "],\"containers\":[{"
				 ASKS("1") "}]}}"));
	cr_expect_eq(r.cpu_milli, 3000, "not beside those before");
}

Test(fit, what_a_pod_asks_for_as_a_whole_stands_for_its_containers)
{
	struct resources r = fit_requests(mp_from(
		"{\"spec\":{\"resources\":{\"requests\":{\"cpu\":\"3\"}},\"overhead\":{\"cpu\":\"1\"},"
		"\"containers\":[{" ASKS("2") "},{\"resources\":{\"requests\":{\"memory\":\"1Mi\"}}}]}}"));
	cr_expect_eq(r.cpu_milli, 4000, "with the overhead on top");
	cr_expect_eq(r.memory, 1 << 20, "of what it does not say the containers' count");
}

Test(fit, takes_what_fits_and_names_what_does_not)
{
	struct resources none = {0}, one = {.cpu_milli = 600, .memory = 700 << 20, .pods = 2};
	cr_expect_eq(faults(POD("", "500m"), NODE("", "1"), none), 0);
	cr_expect_eq(faults(POD("", "1001m"), NODE("", "1"), none), FIT_CPU);
	cr_expect_eq(faults(POD("", "500m"), NODE("", "1"), one), FIT_CPU | FIT_MEMORY | FIT_PODS);
}

Test(fit, respects_selector_taints_and_cordon)
{
	struct resources none = {0};
	const char *taint = NODE("\"taints\":[{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}]", "1");
	cr_expect_eq(faults(POD("\"nodeSelector\":{\"zone\":\"a\"},", "1m"), NODE("", "1"), none), 0);
	cr_expect_eq(faults(POD("\"nodeSelector\":{\"zone\":\"b\"},", "1m"), NODE("", "1"), none),
		     FIT_SELECTOR);
	cr_expect_eq(faults(POD("", "1m"), taint, none), FIT_TAINT);
	cr_expect_eq(faults(POD("\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\"}],", "1m"),
			    taint, none), 0);
	cr_expect_eq(faults(POD("\"tolerations\":[{\"key\":\"k\",\"value\":\"x\"}],", "1m"), taint,
			    none), FIT_TAINT);
	cr_expect_eq(faults(POD("", "1m"), NODE("\"unschedulable\":true", "1"), none),
		     FIT_UNSCHEDULABLE);
}

#define AFFINE(terms)                                                                            \
	"\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"    \
	"\"nodeSelectorTerms\":[" terms "]}}},"
#define ZONE(op, values)                                                                         \
	"{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"" op "\",\"values\":[" values "]}]}"
#define NAMED(op)                                                                                \
	"{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"" op "\",\"values\":[\"n1\"]}]}"

Test(fit, respects_required_node_affinity)
{
	static const char node[] =
		"{\"metadata\":{\"name\":\"n1\",\"labels\":{\"zone\":\"a\",\"rank\":\"5\"}},\"status\":{"
		"\"allocatable\":{\"cpu\":\"1\",\"memory\":\"1Gi\",\"pods\":\"2\"},\"conditions\":[{"
		"\"type\":\"Ready\",\"status\":\"True\"}]}}";
	static const struct {
		const char *pod;
		bool fits;
	} rows[] = {
		{POD(AFFINE(ZONE("In", "\"a\",\"b\"")), "1m"), true},
		{POD(AFFINE(ZONE("In", "\"b\"")), "1m"), false},
		{POD(AFFINE(ZONE("NotIn", "\"b\"")), "1m"), true},
		{POD(AFFINE(ZONE("DoesNotExist", "")), "1m"), false},
		{POD(AFFINE(ZONE("In", "\"b\"") "," ZONE("Exists", "")), "1m"), true},
		{POD(AFFINE("{\"matchExpressions\":[{\"key\":\"rank\",\"operator\":\"Gt\",\"values\":[\"4\"]}]}"),
		     "1m"), true},
		{POD(AFFINE("{\"matchExpressions\":[{\"key\":\"rank\",\"operator\":\"Lt\",\"values\":[\"5\"]}]}"),
		     "1m"), false},
		{POD(AFFINE(NAMED("In")), "1m"), true},
		{POD(AFFINE(NAMED("NotIn")), "1m"), false},
		{POD(AFFINE("{}"), "1m"), false},
	};
	struct resources none = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(faults(rows[i].pod, node, none), rows[i].fits ? 0 : FIT_SELECTOR,
			     "row %zu", i);
}

Test(fit, a_pod_that_tolerates_the_cordon_comes_to_a_cordoned_node)
{
	struct resources none = {0};
	cr_expect_eq(faults(POD("\"tolerations\":[{\"key\":\"node.kubernetes.io/unschedulable\","
				"\"operator\":\"Exists\",\"effect\":\"NoSchedule\"}],",
				"1m"),
			    NODE("\"unschedulable\":true", "1"), none), 0);
}

Test(fit, refuses_a_node_that_is_not_ready)
{
	struct resources none = {0};
	cr_expect_eq(faults(POD("", "1m"), "{\"status\":{\"allocatable\":{\"cpu\":\"1\"}}}", none),
		     FIT_NOT_READY);
}

Test(fit, prefers_the_emptier_and_the_more_balanced_node)
{
	struct resources wants = {.cpu_milli = 100, .memory = 100 << 20, .pods = 1};
	struct resources has = {.cpu_milli = 1000, .memory = 1000 << 20, .pods = 10};
	struct resources half = {.cpu_milli = 500, .memory = 500 << 20}, lopsided = {.cpu_milli = 800},
			 none = {0};
	cr_expect_gt(fit_score(&wants, &has, &none), fit_score(&wants, &has, &half));
	cr_expect_gt(fit_score(&wants, &has, &half), fit_score(&wants, &has, &lopsided));
}

Test(fit, pods_that_ask_for_nothing_are_spread_all_the_same)
{
	struct resources none = {0}, has = {.cpu_milli = 4000, .memory = INT64_C(8) << 30};
	struct resources one = fit_weight(&none);
	cr_expect_eq(one.cpu_milli, 100);
	cr_expect_eq(one.memory, 200 << 20);
	cr_expect_gt(fit_score(&one, &has, &none), fit_score(&one, &has, &one));
	struct resources asks = {.cpu_milli = 1, .memory = 2};
	cr_expect_eq(fit_weight(&asks).cpu_milli, 1);
	cr_expect_eq(fit_weight(&asks).memory, 2);
}

/* Kubernetes' numFeasibleNodesToFind has these up to 300. */
Test(fit, of_many_nodes_some_are_enough)
{
	static const size_t rows[][2] = {{1, 1}, {100, 100}, {101, 100}, {300, 144}, {700, 300},
					 {5000, 300}, {100000, 300}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(fit_enough(rows[i][0]), rows[i][1], "%zu nodes: %zu", rows[i][0],
			     fit_enough(rows[i][0]));
}

Test(fit, resources_of_any_name_are_counted_however_many_there_are)
{
	enum { MANY = 150 };
	struct extended x = {0};
	struct buf b = {0};
	for (int i = 0; i < MANY; i++)
		buf_printf(&b, "%s\"example.com/r%d\":\"%d\"", i ? "," : "", i, i + 1);
	extended_read(&x, mp_from(arena_printf(&arena, "{\"spec\":{\"containers\":[{\"resources\":{\"requests\":{%s}}}]}}",
					       buf_text(&b))));
	cr_assert_eq(x.count, MANY);
	for (int i = 0; i < MANY; i++)
		cr_expect_eq(x.all[i].amount, i + 1, "%s", x.all[i].name);
	struct extended none = {0};
	struct mp all_but_one = mp_from(arena_printf(&arena, "{\"status\":{\"allocatable\":{%.*s}}}",
						     (int)(b.len - strlen(",\"example.com/r149\":\"150\"")), buf_text(&b)));
	cr_expect_eq(extended_lacking(&x, &none, all_but_one), UINT32_C(1) << 31, "the last one is not there");
	buf_fini(&b);
	extended_fini(&x);
	arena_fini(&arena);
}

Test(fit, resources_of_any_name_are_counted)
{
#define GPUS(n) "\"resources\":{\"requests\":{\"cpu\":\"1\",\"example.com/gpu\":\"" n "\"}}"
	struct extended one = {0}, more = {0}, none = {0}, used = {0};
	struct mp node = mp_from("{\"status\":{\"allocatable\":{\"cpu\":\"1\",\"example.com/gpu\":\"4\"}}}");
	extended_read(&none, mp_from("{\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"9\"}}}]}}"));
	cr_expect_eq(none.count, 0, "CPU is not among them");
	extended_read(&one, mp_from("{\"spec\":{\"containers\":[{" GPUS("1") "},{" GPUS("1") "}]}}"));
	cr_expect_eq(one.count, 1);
	cr_expect_eq(one.all[0].amount, 2);
	extended_read(&more, mp_from("{\"spec\":{\"initContainers\":[{\"restartPolicy\":\"Always\"," GPUS("1") "},{" GPUS("3")
				     "}],\"containers\":[{" GPUS("2") "}]}}"));
	cr_expect_eq(more.all[0].amount, 4, "an init container runs beside the side cars before it");
	cr_expect_eq(extended_lacking(&more, &used, node), 0);
	extended_add(&used, &one, 1);
	cr_expect_eq(extended_lacking(&one, &used, node), 0);
	cr_expect_eq(extended_lacking(&more, &used, node), 1);
	extended_add(&used, &one, -1);
	cr_expect_eq(extended_lacking(&more, &used, node), 0);
	cr_expect_eq(extended_lacking(&one, &used, mp_from("{}")), 1, "it has none of them");
	extended_fini(&one);
	extended_fini(&more);
	extended_fini(&used);
	arena_fini(&arena);
}
