/* Coercion: the bytes that Go would have written, the words it would have
 * complained in. */
#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "actors/schema/schema.h"
#include "tests/lib/doc_text.h"

static struct arena a;

/* The coerced JSON, or the error's text. */
static const char *coerced(const char *type, const char *in, struct notes *notes)
{
	struct doc *d;
	struct err e = {0};
	cr_assert_eq(json_parse(&a, span_of(in), &d, NULL, &e), 0, "%s: %s", in, e.text);
	if (schema_coerce(schema_type(type), d, &a, notes, &e))
		return arena_dup(&a, e.text);
	return text_of(&a, d);
}

struct row {
	const char *type, *in, *out;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *out = coerced(rows[i].type, rows[i].in, NULL);
		cr_expect_str_eq(out, rows[i].out, "in: %s\nout: %s", rows[i].in, out);
	}
	arena_fini(&a);
}
#define CHECK(rows) check(rows, sizeof rows / sizeof *rows)

Test(coerce, zero_values_are_written_as_go_writes_them)
{
	static const struct row rows[] = {
		{"core/v1.Pod", "{}",
		 "{\"metadata\":{},\"spec\":{\"containers\":null},\"status\":{}}"},
		{"core/v1.Container", "{\"name\":\"a\"}", "{\"name\":\"a\",\"resources\":{}}"},
		{"core/v1.Container", "{}", "{\"name\":\"\",\"resources\":{}}"},
		{"core/v1.ConfigMap", "{\"data\":{}}", "{\"metadata\":{}}"},
		{"core/v1.Node", "{}",
		 "{\"metadata\":{},\"spec\":{},\"status\":{\"daemonEndpoints\":"
		 "{\"kubeletEndpoint\":{\"Port\":0}},\"nodeInfo\":{\"machineID\":\"\","
		 "\"systemUUID\":\"\","
		 "\"bootID\":\"\",\"kernelVersion\":\"\",\"osImage\":\"\","
		 "\"containerRuntimeVersion\":\"\","
		 "\"kubeletVersion\":\"\",\"kubeProxyVersion\":\"\",\"operatingSystem\":\"\","
		 "\"architecture\":\"\"}}}"},
		{"core/v1.PodCondition", "{\"type\":\"Ready\"}",
		 "{\"type\":\"Ready\",\"status\":\"\",\"lastProbeTime\":null,"
		 "\"lastTransitionTime\":null}"},
		{"core/v1.HTTPGetAction", "{}", "{\"port\":0}"},
		{"core/v1.PodSpec",
		 "{\"containers\":[],\"nodeName\":\"\",\"hostNetwork\":false,"
		 "\"automountServiceAccountToken\":false,\"securityContext\":{}}",
		 "{\"containers\":null,\"automountServiceAccountToken\":false,\"securityContext\":{}"
		 "}"},
		{"core/v1.PodSpec", "{\"containers\":[null]}",
		 "{\"containers\":[{\"name\":\"\",\"resources\":{}}]}"},
	};
	CHECK(rows);
}

Test(coerce, fields_stand_in_gos_order_and_map_keys_sorted)
{
	static const struct row rows[] = {
		{"core/v1.ConfigMap",
		 "{\"data\":{\"b\":\"1\",\"a\":\"2\"},\"metadata\":{\"labels\":{\"z\":\"\",\"y\":"
		 "\"\"},"
		 "\"name\":\"n\"},\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}",
		 "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\","
		 "\"labels\":"
		 "{\"y\":\"\",\"z\":\"\"}},\"data\":{\"a\":\"2\",\"b\":\"1\"}}"},
	};
	CHECK(rows);
}

Test(coerce, scalars_become_canonical)
{
	static const struct row rows[] = {
		{"core/v1.ResourceRequirements",
		 "{\"limits\":{\"memory\":\"1024Mi\",\"cpu\":0.5,\"x\":\"1e3\",\"y\":2,\"z\":"
		 "\"1u\"}}",
		 "{\"limits\":{\"cpu\":\"500m\",\"memory\":\"1Gi\",\"x\":\"1e3\",\"y\":\"2\",\"z\":"
		 "\"1m\"}}"},
		{"core/v1.EmptyDirVolumeSource", "{\"sizeLimit\":\" 1Gi\\n\"}",
		 "{\"sizeLimit\":\"1Gi\"}"},
		{"core/v1.EmptyDirVolumeSource", "{\"sizeLimit\":\"1u\"}",
		 "{\"sizeLimit\":\"1u\"}"},
		{"core/v1.Secret",
		 "{\"data\":{\"a\":\"aGVs\\nbG8=\",\"b\":\"\",\"c\":null,\"d\":\"YR==\"}}",
		 "{\"metadata\":{},\"data\":{\"a\":\"aGVsbG8=\",\"b\":\"\",\"c\":null,\"d\":\"YQ=="
		 "\"}}"},
		{"meta/v1.ObjectMeta", "{\"creationTimestamp\":\"2024-03-01T01:00:00.9+01:00\"}",
		 "{\"creationTimestamp\":\"2024-03-01T00:00:00Z\"}"},
		{"meta/v1.ObjectMeta", "{\"creationTimestamp\":null}", "{}"},
		{"coordination/v1.LeaseSpec", "{\"renewTime\":\"2024-03-01T01:00:00.100000+01:00\"}",
		 "{\"renewTime\":\"2024-03-01T00:00:00.100000Z\"}"},
		{"core/v1.HTTPGetAction", "{\"port\":\"http\"}", "{\"port\":\"http\"}"},
		{"core/v1.HTTPGetAction", "{\"port\":8080}", "{\"port\":8080}"},
		{"core/v1.PodSpec", "{\"containers\":[],\"restartPolicy\":\"Sometimes\"}",
		 "{\"containers\":null,\"restartPolicy\":\"Sometimes\"}"},
		{"meta/v1.ManagedFieldsEntry", "{\"fieldsV1\":{\"f:b\":{},\"f:a\":null}}",
		 "{\"fieldsV1\":{\"f:b\":{},\"f:a\":null}}"},
	};
	CHECK(rows);
}

Test(coerce, wrong_types_are_refused_in_gos_words)
{
	static const struct row rows[] = {
		{"core/v1.Pod", "{\"spec\":{\"containers\":\"x\"}}",
		 "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of "
		 "type "
		 "[]v1.Container"},
		{"core/v1.Pod", "{\"metadata\":{\"labels\":{\"a\":1}}}",
		 "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of "
		 "type "
		 "string"},
		{"core/v1.Pod",
		 "{\"spec\":{\"containers\":[{\"ports\":[{\"containerPort\":\"80\"}]}]}}",
		 "json: cannot unmarshal string into Go struct field "
		 "ContainerPort.spec.containers.ports.containerPort of type int32"},
		{"core/v1.Pod",
		 "{\"spec\":{\"containers\":[{\"ports\":[{\"containerPort\":3000000000}]}]}}",
		 "json: cannot unmarshal number 3000000000 into Go struct field "
		 "ContainerPort.spec.containers.ports.containerPort of type int32"},
		{"core/v1.Pod", "{\"spec\":{\"priority\":1.5}}",
		 "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of "
		 "type int32"},
		{"core/v1.Pod", "{\"spec\":{\"restartPolicy\":true}}",
		 "json: cannot unmarshal bool into Go struct field PodSpec.spec.restartPolicy of "
		 "type "
		 "v1.RestartPolicy"},
		{"core/v1.Pod", "{\"spec\":[]}",
		 "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"},
		{"core/v1.Pod", "[]", "json: cannot unmarshal array into Go value of type v1.Pod"},
		{"core/v1.ConfigMap", "{\"data\":{\"a\":{}}}",
		 "json: cannot unmarshal object into Go struct field ConfigMap.data of type "
		 "string"},
		{"core/v1.ResourceRequirements", "{\"limits\":{\"cpu\":\"lots\"}}",
		 "quantities must match the regular expression "
		 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
		{"core/v1.ResourceRequirements", "{\"limits\":{\"cpu\":\"1\\u0000\"}}",
		 "quantities must match the regular expression "
		 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
		{"core/v1.ResourceRequirements", "{\"limits\":{\"cpu\":true}}",
		 "quantities must match the regular expression "
		 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
		{"core/v1.Secret", "{\"data\":{\"a\":\"a*==\"}}",
		 "illegal base64 data at input byte 1"},
		{"core/v1.Secret", "{\"data\":{\"a\":\"YWJjZ\"}}",
		 "illegal base64 data at input byte 5"},
		{"core/v1.Secret", "{\"data\":{\"a\":\"Y===\"}}",
		 "illegal base64 data at input byte 1"},
		{"core/v1.Secret", "{\"data\":{\"a\":\"YQ==YQ==\"}}",
		 "illegal base64 data at input byte 4"},
		{"meta/v1.ObjectMeta", "{\"creationTimestamp\":\"yesterday\"}",
		 "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": it is not of that "
		 "form"},
	};
	CHECK(rows);
}

Test(coerce, unknown_fields_are_dropped_and_named)
{
	struct notes notes = {0};
	const char *out = coerced(
		"core/v1.Pod",
		"{\"spec\":{\"foo\":1,\"containers\":[{\"name\":\"a\"},{\"name\":\"b\","
		"\"imge\":\"x\"}]},\"Kind\":\"Pod\",\"metadata\":{\"labels\":{\"q\":\"r\"}}}",
		&notes);
	cr_expect_str_eq(out,
			 "{\"metadata\":{\"labels\":{\"q\":\"r\"}},\"spec\":{\"containers\":["
			 "{\"name\":\"a\",\"resources\":{}},{\"name\":\"b\",\"resources\":{}}]},"
			 "\"status\":{}}");
	cr_expect_str_eq(notes_text(&notes, &a),
			 "unknown field \"spec.foo\", unknown field \"spec.containers[1].imge\", "
			 "unknown field \"Kind\"");
	arena_fini(&a);
}

Test(coerce, is_a_fixed_point_and_stays_searchable)
{
	struct doc *d;
	struct buf b = {0};
	buf_puts(&b, "{\"data\":{");
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "%s\"k%03d\":\"v\"", i ? "," : "", (i * 7) % 300);
	buf_puts(&b, "}}");
	cr_assert_eq(json_parse(&a, span_buf(&b), &d, NULL, NULL), 0);
	const struct schema_type *t = schema_type("core/v1.ConfigMap");
	cr_assert_eq(schema_coerce(t, d, &a, NULL, NULL), 0);
	struct buf once = {0}, twice = {0};
	json_from_doc(&once, d);
	cr_assert_eq(schema_coerce(t, d, &a, NULL, NULL), 0);
	json_from_doc(&twice, d);
	cr_expect(span_eq(span_buf(&once), span_buf(&twice)));
	cr_expect(doc_str_is(doc_get(doc_get(d, "data"), "k217"), "v"));
	cr_expect_str_eq(arena_ndup(&a, doc_get(d, "data")->first->key.data, 4), "k000");
	buf_fini(&b);
	buf_fini(&once);
	buf_fini(&twice);
	arena_fini(&a);
}
