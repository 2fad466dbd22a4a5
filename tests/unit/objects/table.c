/* Tables: the cells that kubectl prints. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/objects/table.h"
#include "actors/schema/json.h"

#define NOW 1795514400000000 /* 2026-11-24T10:00:00Z */

static struct arena a;

static struct mp packed(const char *json)
{
	struct doc *d;
	struct err e = {0};
	struct buf b = {0};
	cr_assert_eq(json_parse(&a, span_of(json), &d, NULL, &e), 0, "%s: %s", json, e.text);
	doc_to_mp(&b, d);
	struct span s = {(const uint8_t *)arena_ndup(&a, b.data, b.len), b.len};
	buf_fini(&b);
	return mp_of(s);
}

static const char *cells(const char *resource, const char *json)
{
	struct schema *sc = schema_new();
	struct buf b = {0};
	const struct schema_resource *r = schema_find_name(sc, span_of(resource));
	table_cells(&b, r, packed(json), NOW);
	const char *out = arena_dup(&a, buf_text(&b));
	struct doc *d;
	cr_assert_eq(json_parse(&a, span_of(out), &d, NULL, NULL), 0, "%s", out);
	cr_expect_eq(d->count, r->column_count, "a cell for each column of %s", resource);
	buf_fini(&b);
	schema_free(sc);
	return out;
}

Test(table, durations_are_kubernetes_human_ones)
{
	static const struct {
		int64_t s;
		const char *text;
	} rows[] = {
		{-5, "<invalid>"},
		{-1, "0s"},
		{0, "0s"},
		{119, "119s"},
		{120, "2m"},
		{200, "3m20s"},
		{599, "9m59s"},
		{600, "10m"},
		{10799, "179m"},
		{10800, "3h"},
		{3600 * 7 + 60, "7h1m"},
		{3600 * 8 + 60, "8h"},
		{3600 * 47, "47h"},
		{3600 * 48, "2d"},
		{3600 * 49, "2d1h"},
		{86400 * 8, "8d"},
		{86400ll * 729, "729d"},
		{86400ll * 730, "2y"},
		{86400ll * 731, "2y1d"},
		{86400ll * 365 * 8, "8y"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		table_duration(&b, rows[i].s * 1000000);
		cr_expect_str_eq(buf_text(&b), rows[i].text, "%lld", (long long)rows[i].s);
		buf_fini(&b);
	}
}

/* The status word: spec's containers, status, metadata's extras. */
Test(table, pods_have_kubernetes_status_words)
{
	static const struct {
		const char *meta, *spec, *status, *ready, *word, *restarts;
	} rows[] = {
		{"", "\"containers\":[{}]", "\"phase\":\"Pending\"", "0/1", "Pending", "0"},
		{"", "\"containers\":[{},{}]",
		 "\"phase\":\"Running\",\"containerStatuses\":[{\"ready\":true,\"restartCount\":0,"
		 "\"state\":"
		 "{\"running\":{}}},{\"ready\":false,\"restartCount\":3,\"state\":{\"waiting\":{"
		 "\"reason\":"
		 "\"CrashLoopBackOff\"}},\"lastState\":{\"terminated\":{\"finishedAt\":"
		 "\"2026-11-24T09:55:00Z\"}}}]",
		 "1/2", "CrashLoopBackOff", "3 (5m ago)"},
		{"", "\"containers\":[{}]",
		 "\"phase\":\"Running\",\"containerStatuses\":[{\"ready\":true,\"restartCount\":1,"
		 "\"state\":"
		 "{\"running\":{}}}]",
		 "1/1", "Running", "1"},
		{"", "\"containers\":[{}]",
		 "\"phase\":\"Pending\",\"containerStatuses\":[{\"state\":{\"waiting\":{\"reason\":"
		 "\"ContainerCreating\"}}}]",
		 "0/1", "ContainerCreating", "0"},
		{"", "\"containers\":[{}]",
		 "\"phase\":\"Succeeded\",\"containerStatuses\":[{\"state\":{\"terminated\":{"
		 "\"exitCode\":0,"
		 "\"reason\":\"Completed\"}}}]",
		 "0/1", "Completed", "0"},
		{"", "\"containers\":[{}]",
		 "\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{"
		 "\"exitCode\":3}}}]",
		 "0/1", "ExitCode:3", "0"},
		{"", "\"containers\":[{}]",
		 "\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{"
		 "\"exitCode\":137,"
		 "\"signal\":9}}}]",
		 "0/1", "Signal:9", "0"},
		{"", "\"containers\":[{}]", "\"phase\":\"Failed\",\"reason\":\"Evicted\"", "0/1",
		 "Evicted", "0"},
		{"", "\"containers\":[{}]",
		 "\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":"
		 "\"False\","
		 "\"reason\":\"SchedulingGated\"}]",
		 "0/1", "SchedulingGated", "0"},
		{"", "\"containers\":[{}],\"initContainers\":[{\"name\":\"i\"},{\"name\":\"j\"}]",
		 "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
		 "\"terminated\":"
		 "{\"exitCode\":0}}},{\"name\":\"j\",\"restartCount\":2,\"state\":{\"running\":{}}}"
		 "]",
		 "0/1", "Init:1/2", "2"},
		{"", "\"containers\":[{}],\"initContainers\":[{\"name\":\"i\"}]",
		 "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
		 "\"terminated\":"
		 "{\"exitCode\":1,\"reason\":\"Error\"}}}]",
		 "0/1", "Init:Error", "0"},
		{"", "\"containers\":[{}],\"initContainers\":[{\"name\":\"i\"}]",
		 "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
		 "\"terminated\":"
		 "{\"exitCode\":4}}}]",
		 "0/1", "Init:ExitCode:4", "0"},
		{"", "\"containers\":[{}],\"initContainers\":[{\"name\":\"i\"}]",
		 "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{"
		 "\"waiting\":"
		 "{\"reason\":\"ImagePullBackOff\"}}}]",
		 "0/1", "Init:ImagePullBackOff", "0"},
		{"",
		 "\"containers\":[{}],\"initContainers\":[{\"name\":\"s\",\"restartPolicy\":"
		 "\"Always\"}]",
		 "\"phase\":\"Running\",\"initContainerStatuses\":[{\"name\":\"s\",\"started\":"
		 "true,\"ready\":"
		 "true,\"restartCount\":4,\"state\":{\"running\":{}}}],\"containerStatuses\":[{"
		 "\"ready\":true,"
		 "\"restartCount\":1,\"state\":{\"running\":{}}}]",
		 "2/2", "Running", "5"},
		{"", "\"containers\":[{},{}]",
		 "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
		 "\"containerStatuses\":[{\"state\":{\"terminated\":{\"reason\":\"Completed\"}}},{"
		 "\"ready\":"
		 "true,\"state\":{\"running\":{}}}]",
		 "1/2", "Running", "0"},
		{"", "\"containers\":[{},{}]",
		 "\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"terminated\":{"
		 "\"reason\":"
		 "\"Completed\"}}},{\"ready\":true,\"state\":{\"running\":{}}}]",
		 "1/2", "NotReady", "0"},
		{",\"deletionTimestamp\":\"2026-11-24T10:00:30Z\"", "\"containers\":[{}]",
		 "\"phase\":\"Running\"", "0/1", "Terminating", "0"},
		{",\"deletionTimestamp\":\"2026-11-24T10:00:30Z\"", "\"containers\":[{}]",
		 "\"phase\":\"Running\",\"reason\":\"NodeLost\"", "0/1", "Unknown", "0"},
		{",\"deletionTimestamp\":\"2026-11-24T10:00:30Z\"", "\"containers\":[{}]",
		 "\"phase\":\"Succeeded\"", "0/1", "Succeeded", "0"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char json[2000], want[300];
		snprintf(json, sizeof json,
			 "{\"metadata\":{\"name\":\"p\",\"creationTimestamp\":\"2026-11-24T09:00:"
			 "00Z\"%s},"
			 "\"spec\":{%s},\"status\":{%s}}",
			 rows[i].meta, rows[i].spec, rows[i].status);
		snprintf(want, sizeof want,
			 "[\"p\",\"%s\",\"%s\",\"%s\",\"60m\",\"\\u003cnone\\u003e\","
			 "\"\\u003cnone\\u003e\","
			 "\"\\u003cnone\\u003e\",\"\\u003cnone\\u003e\"]",
			 rows[i].ready, rows[i].word, rows[i].restarts);
		cr_expect_str_eq(cells("pods", json), want, "row %zu: %s", i, cells("pods", json));
	}
	arena_fini(&a);
}

Test(table, wide_cells_of_a_pod)
{
	cr_expect_str_eq(
		cells("pods",
		      "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":\"n1\",\"containers\":"
		      "[],"
		      "\"readinessGates\":[{\"conditionType\":\"x\"},{\"conditionType\":\"y\"}]},"
		      "\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.9\",\"podIPs\":[{"
		      "\"ip\":"
		      "\"10.0.0.9\"}],\"nominatedNodeName\":\"n2\",\"conditions\":[{\"type\":\"x\","
		      "\"status\":\"True\"}]}}"),
		"[\"p\",\"0/"
		"0\",\"Running\",\"0\",\"\\u003cunknown\\u003e\",\"10.0.0.9\",\"n1\",\"n2\",\"1/"
		"2\"]");
	arena_fini(&a);
}

Test(table, other_kinds_have_kubernetes_cells)
{
	static const struct {
		const char *resource, *json, *cells;
	} rows[] = {
		{"namespaces",
		 "{\"metadata\":{\"name\":\"n\",\"creationTimestamp\":\"2026-11-22T09:00:00Z\"},"
		 "\"status\":{\"phase\":\"Active\"}}",
		 "[\"n\",\"Active\",\"2d1h\"]"},
		{"configmaps",
		 "{\"metadata\":{\"name\":\"c\",\"creationTimestamp\":\"2026-11-24T09:59:55Z\"},"
		 "\"data\":{\"a\":\"\",\"b\":\"\"},\"binaryData\":{\"c\":\"\"}}",
		 "[\"c\",3,\"5s\"]"},
		{"secrets",
		 "{\"metadata\":{\"name\":\"s\",\"creationTimestamp\":\"2026-11-24T09:59:55Z\"},"
		 "\"type\":\"Opaque\",\"data\":{\"a\":\"\"}}",
		 "[\"s\",\"Opaque\",1,\"5s\"]"},
		{"serviceaccounts",
		 "{\"metadata\":{\"name\":\"sa\",\"creationTimestamp\":"
		 "\"2026-11-24T09:59:55Z\"}}",
		 "[\"sa\",0,\"5s\"]"},
		{"leases",
		 "{\"metadata\":{\"name\":\"l\",\"creationTimestamp\":\"2026-11-24T09:59:55Z\"},"
		 "\"spec\":{\"holderIdentity\":\"me\"}}",
		 "[\"l\",\"me\",\"5s\"]"},
		{"nodes",
		 "{\"metadata\":{\"name\":\"n1\",\"creationTimestamp\":\"2026-11-24T09:59:55Z\","
		 "\"labels\":{\"node-role.kubernetes.io/worker\":\"\",\"a\":\"b\","
		 "\"node-role.kubernetes.io/"
		 "control-plane\":\"\"}},\"spec\":{\"unschedulable\":true},"
		 "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],"
		 "\"addresses\":"
		 "[{\"type\":\"Hostname\",\"address\":\"h\"},{\"type\":\"InternalIP\",\"address\":"
		 "\"10.0.0.1\"}],\"nodeInfo\":{\"kubeletVersion\":\"v1.34.0\",\"osImage\":"
		 "\"Debian\"}}}",
		 "[\"n1\",\"Ready,SchedulingDisabled\",\"control-plane,worker\",\"5s\",\"v1.34.0\","
		 "\"10.0.0.1\",\"\\u003cnone\\u003e\",\"Debian\",\"\\u003cunknown\\u003e\","
		 "\"\\u003cunknown\\u003e\"]"},
		{"nodes",
		 "{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
		 "\"status\":\"Unknown\"}]}}",
		 "[\"n1\",\"NotReady\",\"\\u003cnone\\u003e\",\"\\u003cunknown\\u003e\",\"\","
		 "\"\\u003cnone\\u003e\",\"\\u003cnone\\u003e\",\"\\u003cunknown\\u003e\","
		 "\"\\u003cunknown\\u003e\",\"\\u003cunknown\\u003e\"]"},
		{"events",
		 "{\"metadata\":{\"name\":\"e\"},\"type\":\"Normal\",\"reason\":\"Started\","
		 "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"web\",\"fieldPath\":\"spec\"},"
		 "\"source\":{\"component\":\"kubelet\",\"host\":\"n1\"},\"message\":\" hi\\n\","
		 "\"firstTimestamp\":\"2026-11-24T09:00:00Z\",\"lastTimestamp\":"
		 "\"2026-11-24T09:59:00Z\",\"count\":4}",
		 "[\"60s\",\"Normal\",\"Started\",\"pod/web\",\"spec\",\"kubelet, "
		 "n1\",\"hi\",\"60m\",4,\"e\"]"},
		{"events",
		 "{\"metadata\":{\"name\":\"e\"},\"type\":\"Normal\",\"reason\":\"R\","
		 "\"involvedObject\":{\"kind\":\"Node\"},\"source\":{},\"reportingComponent\":"
		 "\"c\","
		 "\"eventTime\":\"2026-11-24T09:59:00.000000Z\",\"firstTimestamp\":null,"
		 "\"lastTimestamp\":null}",
		 "[\"60s\",\"Normal\",\"R\",\"node\",\"\",\"c\",\"\",\"60s\",1,\"e\"]"},
		{"events",
		 "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{},\"series\":{\"count\":7,"
		 "\"lastObservedTime\":\"2026-11-24T09:59:59.000000Z\"},\"eventTime\":"
		 "\"2026-11-24T09:59:00.000000Z\"}",
		 "[\"1s\",\"\",\"\",\"\",\"\",\"\",\"\",\"60s\",8,\"e\"]"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(cells(rows[i].resource, rows[i].json), rows[i].cells, "%s: %s",
				 rows[i].resource, cells(rows[i].resource, rows[i].json));
	arena_fini(&a);
}

static const char *whole(enum table_include include, bool columns, const char *next)
{
	struct schema *sc = schema_new();
	struct buf b = {0};
	struct table t;
	const struct schema_resource *r = schema_find_name(sc, span_of("pods"));
	struct mp pod =
		packed("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"},"
		       "\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Succeeded\"}}");
	table_open(&t, &b, r, (struct table_form){.include = include}, NOW, columns, 5, next, next ? 3 : -1);
	table_row(&t, pod, 4);
	table_row(&t, pod, 5);
	table_close(&t);
	const char *out = arena_dup(&a, buf_text(&b));
	struct doc *d;
	cr_assert_eq(json_parse(&a, span_of(out), &d, NULL, NULL), 0, "%s", out);
	cr_expect_eq(doc_get(d, "rows")->count, 2);
	buf_fini(&b);
	schema_free(sc);
	return out;
}

Test(table, is_a_table_of_meta_k8s_io)
{
	const char *t = whole(TABLE_METADATA, true, NULL);
	cr_expect_eq(strncmp(t,
			     "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":"
			     "{\"resourceVersion\":\"5\"},\"columnDefinitions\":[{\"name\":"
			     "\"Name\",\"type\":"
			     "\"string\",\"format\":\"name\",\"description\":\"",
			     157),
		     0, "%s", t);
	cr_expect(strstr(t, "\"conditions\":[{\"type\":\"Completed\""));
	cr_expect(strstr(
		t,
		"\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
		"\"metadata\":{\"name\":\"p\",\"resourceVersion\":\"4\"}}"));
	t = whole(TABLE_OBJECT, false, "next-page");
	cr_expect(strstr(t, "\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"next-page\","
			    "\"remainingItemCount\":3},\"columnDefinitions\":null,"), "%s", t);
	cr_expect(strstr(
		t,
		"\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\","
		"\"resourceVersion\":\"5\"},\"spec\":"));
	cr_expect(strstr(whole(TABLE_NONE, false, NULL), "\"object\":null}"));
	arena_fini(&a);
}

Test(table, kinds_without_a_printer_show_name_and_age)
{
	struct schema *sc = schema_new();
	struct schema_resource row = {.group = "example.com",
				      .version = "v1",
				      .resource = "widgets",
				      .singular = "widget",
				      .kind = "Widget",
				      .list_kind = "WidgetList",
				      .stream = "widgets.example.com"};
	const struct schema_resource *r;
	cr_assert_eq(schema_add(sc, &row, &r, NULL), 0);
	struct buf b = {0};
	struct table t;
	table_open(&t, &b, r, (struct table_form){.include = TABLE_NONE}, NOW, true, 0, NULL, -1);
	table_row(&t,
		  packed("{\"metadata\":{\"name\":\"w\",\"creationTimestamp\":\"2026-11-24T09:59:"
			 "55Z\"}}"),
		  1);
	table_close(&t);
	cr_expect(strstr(buf_text(&b), "\"name\":\"Age\""));
	cr_expect(strstr(buf_text(&b), "\"cells\":[\"w\",\"5s\"]"), "%s", buf_text(&b));
	buf_fini(&b);
	schema_free(sc);
	arena_fini(&a);
}

Test(table, knows_the_words_of_include_object)
{
	enum table_include i;
	cr_expect(table_include_parse(span_of(""), &i) && i == TABLE_METADATA);
	cr_expect(table_include_parse(span_of("Object"), &i) && i == TABLE_OBJECT);
	cr_expect(table_include_parse(span_of("None"), &i) && i == TABLE_NONE);
	cr_expect_not(table_include_parse(span_of("All"), &i));
}
