/* Where a service's connections go, from the service and its pods. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/controllers/endpoints_plan.h"
#include "actors/schema/json.h"
#include "tests/lib/doc_text.h"

static struct mp parse(struct arena *a, const char *json)
{
	struct doc *d = NULL;
	struct err e = {0};
	struct buf b = {0};
	cr_assert_eq(json_parse(a, span_of(json), &d, NULL, &e), 0, "%s: %s", json, e.text);
	doc_to_mp(&b, d);
	struct span s = {(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(s);
}

static const char SERVICE[] = "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"ports\":[{\"name\":\"h\",\"port\":80,"
			      "\"protocol\":\"TCP\",\"targetPort\":\"http\"}]}}";

static struct mp pod(struct arena *a, const char *ip, int port, bool ready, const char *more)
{
	char text[900];
	snprintf(text, sizeof text,
		 "{\"metadata\":{\"name\":\"p-%s\",\"namespace\":\"d\",\"uid\":\"u-%s\"%s},\"spec\":{"
		 "\"nodeName\":\"n1\",\"containers\":[{\"ports\":[{\"name\":\"http\",\"containerPort\":%d,"
		 "\"protocol\":\"TCP\"}]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"%s\","
		 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		 ip, ip, more, port, ip, ready ? "True" : "False");
	return parse(a, text);
}

#define EXPECT_DOC(d, want)                                                                        \
	cr_expect_str_eq(text_of(&a, d), want, "%s, wanted %s", text_of(&a, d), want)

Test(endpoints_plan, addresses_are_sorted_and_ready_apart_from_the_rest)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct mp service = parse(&a, SERVICE);
	endpoint_groups_pod(&g, service, pod(&a, "10.0.0.2", 8080, true, ""));
	endpoint_groups_pod(&g, service, pod(&a, "10.0.0.1", 8080, true, ""));
	endpoint_groups_pod(&g, service, pod(&a, "10.0.0.3", 8080, false, ""));
	endpoint_groups_pod(&g, service,
			    pod(&a, "10.0.0.4", 8080, true, ",\"deletionTimestamp\":\"x\""));
	const struct doc *subsets = endpoints_subsets(&g, NULL);
	cr_assert_eq(subsets->count, 1);
	cr_expect(span_is(doc_path_str(subsets->first, "addresses[0].ip"), "10.0.0.1"));
	cr_expect(span_is(doc_path_str(subsets->first, "addresses[1].ip"), "10.0.0.2"));
	cr_expect_eq(doc_get(subsets->first, "addresses")->count, 2);
	cr_expect_eq(doc_get(subsets->first, "notReadyAddresses")->count, 1);
	EXPECT_DOC(doc_get(subsets->first, "ports"),
		   "[{\"name\":\"h\",\"port\":8080,\"protocol\":\"TCP\"}]");
	EXPECT_DOC(doc_path(subsets->first, "addresses[0].targetRef"),
		   "{\"kind\":\"Pod\",\"namespace\":\"d\",\"name\":\"p-10.0.0.1\",\"uid\":\"u-10.0.0.1\"}");
	arena_fini(&a);
}

Test(endpoints_plan, pods_that_resolve_a_port_differently_are_groups)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct mp service = parse(&a, SERVICE);
	endpoint_groups_pod(&g, service, pod(&a, "10.0.0.1", 8080, true, ""));
	endpoint_groups_pod(&g, service, pod(&a, "10.0.0.2", 9090, true, ""));
	endpoint_groups_pod(&g, service,
			    parse(&a, "{\"status\":{\"podIP\":\"10.0.0.9\",\"phase\":\"Running\"}}"));
	endpoint_groups_pod(&g, service,
			    parse(&a, "{\"status\":{\"phase\":\"Pending\"}}"));
	cr_expect_eq(endpoints_subsets(&g, NULL)->count, 2);
	struct slice *list = NULL;
	slices_place(&g, &list);
	cr_assert(list && list->next && list->next->next && !list->next->next->next);
	arena_fini(&a);
}

/* Nobody can connect to it, but a headless service's name has its address. */
Test(endpoints_plan, a_pod_without_the_port_is_in_a_slice_alone)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	endpoint_groups_pod(&g, parse(&a, SERVICE),
			    parse(&a, "{\"status\":{\"podIP\":\"10.0.0.9\",\"phase\":\"Running\"}}"));
	bool truncated = true;
	cr_expect_eq(endpoints_subsets(&g, &truncated)->count, 0);
	cr_expect_not(truncated);
	struct slice *list = NULL;
	slices_place(&g, &list);
	cr_assert(list && !list->next);
	cr_expect_eq(list->ports->count, 0);
	cr_expect_eq(list->endpoints->count, 1);
	arena_fini(&a);
}

Test(endpoints_plan, one_pod_changes_one_slice_and_the_others_keep_their_places)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct mp service = parse(&a, SERVICE);
	char ip[20];
	for (int i = 0; i < 250; i++) {
		snprintf(ip, sizeof ip, "10.0.%d.%d", i / 200, i % 200 + 1);
		endpoint_groups_pod(&g, service, pod(&a, ip, 80, true, ""));
	}
	struct slice *list = NULL;
	slices_place(&g, &list);
	size_t slices = 0, total = 0;
	for (struct slice *s = list; s; s = s->next) {
		cr_expect_leq(s->endpoints->count, ENDPOINTS_A_SLICE);
		total += s->endpoints->count;
		slices++;
		/* Stored, and found again. */
		s->key = span_of("k");
		s->changed = false;
	}
	cr_expect_eq(slices, 3);
	cr_expect_eq(total, 250);
	/* One goes, one comes. */
	struct endpoint_groups h = {.arena = &a};
	for (int i = 1; i < 250; i++) {
		snprintf(ip, sizeof ip, "10.0.%d.%d", i / 200, i % 200 + 1);
		endpoint_groups_pod(&h, service, pod(&a, ip, 80, true, ""));
	}
	endpoint_groups_pod(&h, service, pod(&a, "10.9.9.9", 80, true, ""));
	slices_place(&h, &list);
	size_t changed = 0;
	for (struct slice *s = list; s; s = s->next) {
		changed += s->changed;
		cr_expect_not(s->unwanted);
		cr_expect(s->key.len, "no new slice");
	}
	cr_expect_eq(changed, 1, "the new one takes the place of the one that went");
	arena_fini(&a);
}

Test(endpoints_plan, nothing_behind_a_service_is_one_empty_slice)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct slice *list = NULL;
	slices_place(&g, &list);
	cr_assert(list && !list->next);
	cr_expect(list->changed && !list->unwanted);
	cr_expect_eq(list->endpoints->count, 0);
	list->key = span_of("k");
	list->changed = false;
	slices_place(&g, &list);
	cr_expect_not(list->changed, "and stays so");
	arena_fini(&a);
}

Test(endpoints_plan, mirrors_what_people_wrote)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	endpoint_groups_subset(&g, parse(&a, "{\"addresses\":[{\"ip\":\"1.2.3.4\"}],\"notReadyAddresses\":[{"
					     "\"ip\":\"1.2.3.5\"}],\"ports\":[{\"port\":5,\"protocol\":\"TCP\"}]}"));
	struct slice *list = NULL;
	slices_place(&g, &list);
	cr_assert(list && !list->next);
	EXPECT_DOC(list->endpoints,
		   "[{\"addresses\":[\"1.2.3.4\"],\"conditions\":{\"ready\":true}},"
		   "{\"addresses\":[\"1.2.3.5\"],\"conditions\":{\"ready\":false}}]");
	EXPECT_DOC(list->ports, "[{\"port\":5,\"protocol\":\"TCP\",\"name\":\"\"}]");
	arena_fini(&a);
}

Test(endpoints_plan, of_more_than_is_mirrored_of_a_subset_the_rest_is_counted)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct buf b = {0};
	buf_puts(&b, "{\"addresses\":[");
	for (int i = 0; i < 999; i++)
		buf_printf(&b, "%s{\"ip\":\"10.1.%d.%d\"}", i ? "," : "", i / 250, i % 250);
	buf_puts(&b, "],\"notReadyAddresses\":[{\"ip\":\"10.2.0.1\"},{\"ip\":\"10.2.0.2\"},{\"ip\":\"10.2.0.3\"}]}");
	endpoint_groups_subset(&g, parse(&a, buf_text(&b)));
	buf_fini(&b);
	cr_expect_eq(g.skipped, 2);
	struct slice *list = NULL;
	slices_place(&g, &list);
	cr_assert(list && !list->next, "a subset is a slice");
	cr_expect_eq(list->endpoints->count, 1000);
	arena_fini(&a);
}

static struct span zone_of(void *arg, struct span node)
{
	(void)arg;
	return span_is(node, "n1") ? span_of("east") : (struct span){0};
}

static const char *hints_of(struct arena *a, const char *how, const char *mode, bool ready)
{
	struct endpoint_groups g = {.arena = a, .zone_of = zone_of};
	struct slice *list = NULL;
	char text[400];
	snprintf(text, sizeof text,
		 "{\"metadata\":{\"name\":\"web\",\"annotations\":{\"service.kubernetes.io/topology-mode\":\"%s\"}},"
		 "\"spec\":{\"trafficDistribution\":\"%s\"}}",
		 mode, how);
	endpoint_groups_pod(&g, parse(a, text), pod(a, "10.0.0.1", 80, ready, ""));
	slices_place(&g, &list);
	cr_expect(span_is(doc_path_str(list->endpoints->first, "zone"), "east"));
	const struct doc *hints = doc_get(list->endpoints->first, "hints");
	return hints ? text_of(a, hints) : "none";
}

Test(endpoints_plan, endpoints_have_their_zone_and_hints_by_the_services_traffic_distribution)
{
	struct arena a = {0};
	cr_expect_str_eq(hints_of(&a, "", "", true), "none");
	cr_expect_str_eq(hints_of(&a, "PreferClose", "", true), "{\"forZones\":[{\"name\":\"east\"}]}");
	cr_expect_str_eq(hints_of(&a, "PreferSameZone", "", true), "{\"forZones\":[{\"name\":\"east\"}]}");
	cr_expect_str_eq(hints_of(&a, "PreferSameNode", "", true),
			 "{\"forZones\":[{\"name\":\"east\"}],\"forNodes\":[{\"name\":\"n1\"}]}");
	cr_expect_str_eq(hints_of(&a, "PreferClose", "", false), "none", "who is not ready wants nobody near");
	cr_expect_str_eq(hints_of(&a, "PreferClose", "Auto", true), "none", "the annotation has its own way");
	arena_fini(&a);
}

Test(endpoints_plan, a_named_port_may_be_a_side_cars)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct mp service = parse(&a, SERVICE);
	const char *text = "{\"spec\":{\"initContainers\":[{\"ports\":[{\"name\":\"http\",\"containerPort\":1}]},"
			   "{\"restartPolicy\":\"Always\",\"ports\":[{\"name\":\"http\",\"containerPort\":2}]}]},"
			   "\"status\":{\"podIP\":\"10.0.0.9\",\"phase\":\"Running\"}}";
	endpoint_groups_pod(&g, service, parse(&a, text));
	cr_assert(g.first != NULL);
	EXPECT_DOC(g.first->ports, "[{\"name\":\"h\",\"port\":2,\"protocol\":\"TCP\"}]");
	arena_fini(&a);
}

static size_t add_pods(struct endpoint_groups *g, struct arena *a, struct mp service, size_t count, int port, bool ready)
{
	static unsigned next;
	for (size_t i = 0; i < count; i++, next++)
		endpoint_groups_pod(g, service, pod(a, arena_printf(a, "10.0.%u.%u", next >> 8, next & 255), port, ready, ""));
	return count;
}

static size_t count_in(const struct doc *subset, const char *list)
{
	const struct doc *d = doc_get(subset, list);
	return d ? d->count : 0;
}

Test(endpoints_plan, of_more_than_a_thousand_those_that_are_ready_come_first)
{
	struct arena a = {0};
	struct endpoint_groups g = {.arena = &a};
	struct mp service = parse(&a, SERVICE);
	bool truncated = true;
	add_pods(&g, &a, service, 600, 8080, false);
	add_pods(&g, &a, service, 400, 8080, true);
	endpoints_subsets(&g, &truncated);
	cr_expect_not(truncated);
	add_pods(&g, &a, service, 500, 8080, true);
	const struct doc *some = endpoints_subsets(&g, &truncated)->first;
	cr_expect(truncated);
	cr_expect_eq(count_in(some, "addresses"), 900);
	cr_expect_eq(count_in(some, "notReadyAddresses"), 100);
	add_pods(&g, &a, service, 300, 9090, true); /* a group of its own: a fourth of all */
	const struct doc *list = endpoints_subsets(&g, &truncated);
	cr_expect(truncated);
	cr_expect_eq(count_in(list->first, "addresses"), 750);
	cr_expect_eq(count_in(list->first, "notReadyAddresses"), 0);
	cr_expect_eq(count_in(list->first->next, "addresses"), 250);
	arena_fini(&a);
}
