/* Kubernetes' protobuf: what goes out comes back, and nothing that comes in
 * hurts. */
#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "actors/schema/protobuf.h"
#include "tests/lib/doc_text.h"

static struct doc *object(struct arena *a, const char *type, const char *json)
{
	struct doc *d = NULL;
	struct err e = {0};
	cr_assert_eq(json_parse(a, span_of(json), &d, NULL, &e), 0, "%s: %s", json, e.text);
	cr_assert_eq(schema_coerce(schema_type(type), d, a, NULL, &e), 0, "%s: %s", json, e.text);
	return d;
}

static struct span written(struct arena *a, const char *type, const struct doc *d)
{
	struct buf b = {0};
	protobuf_write(&b, schema_type(type), d);
	struct span s = {(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return s;
}

/* What JSON gave, over the wire and back, is the same object. */
static void round_trip(const char *type, const char *json)
{
	struct arena a = {0};
	struct err e = {0};
	struct protobuf_body body;
	struct doc *back = NULL, *d = object(&a, type, json);
	struct span bytes = written(&a, type, d);
	cr_assert_eq(protobuf_open(bytes, &body, &e), 0, "%s", e.text);
	cr_assert_eq(protobuf_parse(&a, schema_type(type), body.raw, &back, &e), 0, "%s: %s", json,
		     e.text);
	doc_set(&a, back, "apiVersion", doc_span(&a, body.api_version));
	doc_set(&a, back, "kind", doc_span(&a, body.kind));
	cr_assert_eq(schema_coerce(schema_type(type), back, &a, NULL, &e), 0, "%s", e.text);
	cr_expect_str_eq(text_of(&a, back), text_of(&a, d));
	/* Written again, it is the same bytes. */
	struct span again = written(&a, type, back);
	cr_expect(span_eq(bytes, again));
	arena_fini(&a);
}

static const struct {
	const char *type, *json;
} objects[] = {
	{"core/v1.Pod",
	 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{\"b\":\"c\",\"a\":\"\"},"
	 "\"creationTimestamp\":\"2024-02-29T12:34:56Z\",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"X\","
	 "\"name\":\"n\",\"uid\":\"u\",\"controller\":true}],\"managedFields\":[{\"manager\":\"m\",\"operation\":"
	 "\"Update\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:data\":{}}}]},\"spec\":{\"volumes\":[{\"name\":\"v\","
	 "\"configMap\":{\"name\":\"c\",\"items\":[{\"key\":\"k\",\"path\":\"p\"}],\"defaultMode\":420}},{\"name\":\"e\","
	 "\"emptyDir\":{\"medium\":\"Memory\",\"sizeLimit\":\"1Gi\"}}],\"containers\":[{\"name\":\"c\",\"image\":\"i\","
	 "\"command\":[\"a\",\"\",\"b\"],\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"E\","
	 "\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}],\"resources\":{\"limits\":{\"cpu\":\"500m\"},"
	 "\"requests\":{\"cpu\":\"250m\",\"memory\":\"64Mi\"}},\"livenessProbe\":{\"httpGet\":{\"port\":\"http\"},"
	 "\"periodSeconds\":3},\"readinessProbe\":{\"tcpSocket\":{\"port\":81}},\"securityContext\":{\"runAsUser\":0,"
	 "\"privileged\":false}}],\"terminationGracePeriodSeconds\":0,\"hostNetwork\":true,\"tolerations\":[{\"key\":"
	 "\"k\",\"operator\":\"Exists\",\"tolerationSeconds\":-1}]},\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":"
	 "\"1.2.3.4\"}],\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"restartCount\":3,\"image\":\"i\","
	 "\"imageID\":\"\",\"started\":false,\"state\":{\"running\":{\"startedAt\":\"2024-02-29T12:34:57Z\"}},"
	 "\"lastState\":{\"terminated\":{\"exitCode\":-1}}}]}}"},
	{"core/v1.Secret", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\"},\"data\":{\"k\":"
			   "\"aHVudGVyMg==\",\"empty\":\"\"},\"type\":\"Opaque\",\"immutable\":true}"},
	{"core/v1.Service", "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{"
			    "\"name\":\"h\",\"port\":80,\"targetPort\":\"http\",\"nodePort\":30000}],\"selector\":{\"a\":"
			    "\"b\"},\"clusterIPs\":[\"None\"],\"internalTrafficPolicy\":\"Local\"}}"},
	{"core/v1.Event", "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"e\"},\"involvedObject\":{\"kind\":"
			  "\"Pod\"},\"eventTime\":\"2024-01-02T03:04:05.000678Z\",\"count\":2,\"reportingComponent\":\"\","
			  "\"reportingInstance\":\"\"}"},
	{"coordination/v1.Lease", "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"l\"},"
				  "\"spec\":{\"holderIdentity\":\"h\",\"leaseDurationSeconds\":15,\"renewTime\":"
				  "\"1969-12-31T23:59:59.500000Z\"}}"},
	{"discovery/v1.EndpointSlice",
	 "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"e\"},\"addressType\":"
	 "\"IPv4\",\"endpoints\":[{\"addresses\":[\"1.2.3.4\"],\"conditions\":{\"ready\":false}}],\"ports\":[{\"name\":\"\","
	 "\"port\":80}]}"},
	{"meta/v1.DeleteOptions", "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,\"preconditions\":{"
				  "\"uid\":\"u\"},\"propagationPolicy\":\"Foreground\",\"dryRun\":[\"All\"]}"},
	{"autoscaling/v1.Scale", "{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"metadata\":{\"name\":\"s\"},\"spec\":{"
				 "\"replicas\":5},\"status\":{\"replicas\":2,\"selector\":\"a=b\"}}"},
};

Test(protobuf, objects_come_back_as_they_went)
{
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
		round_trip(objects[i].type, objects[i].json);
}

/* What client-go posts for `kubectl create configmap a --from-literal=k=v`. */
Test(protobuf, reads_what_a_client_writes)
{
	static const uint8_t bytes[] = "k8s\0\x0a\x0f\x0a\x02v1\x12\x09"
				       "ConfigMap\x12\x22\x0a\x18\x0a\x01"
				       "a\x12\x00\x1a\x07"
				       "default\x22\x00*\x00"
				       "2\x00"
				       "8\x00"
				       "B\x00\x12\x06\x0a\x01"
				       "k\x12\x01v\x1a\x00\x22";
	struct arena a = {0};
	struct err e = {0};
	struct protobuf_body body;
	struct doc *d = NULL;
	cr_assert_eq(protobuf_open((struct span){bytes, sizeof bytes}, &body, &e), 0, "%s", e.text);
	cr_expect(span_is(body.api_version, "v1"));
	cr_expect(span_is(body.kind, "ConfigMap"));
	cr_assert_eq(protobuf_parse(&a, schema_type("core/v1.ConfigMap"), body.raw, &d, &e), 0, "%s",
		     e.text);
	cr_assert_eq(schema_coerce(schema_type("core/v1.ConfigMap"), d, &a, NULL, &e), 0);
	cr_expect_str_eq(text_of(&a, d),
			 "{\"metadata\":{\"name\":\"a\",\"namespace\":\"default\"},\"data\":{\"k\":\"v\"}}");
	arena_fini(&a);
}

Test(protobuf, what_is_cut_off_or_changed_is_refused_or_read_but_never_hurts)
{
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
		struct arena a = {0};
		struct err e = {0};
		const struct schema_type *t = schema_type(objects[i].type);
		struct span s = written(&a, objects[i].type, object(&a, objects[i].type, objects[i].json));
		uint8_t *copy = (uint8_t *)arena_ndup(&a, s.data, s.len);
		for (size_t n = 0; n < s.len; n++) {
			struct arena b = {0};
			struct protobuf_body body;
			struct doc *d = NULL;
			if (protobuf_open((struct span){copy, n}, &body, &e) == 0)
				(void)protobuf_parse(&b, t, body.raw, &d, &e);
			copy[n] ^= 0xff;
			if (protobuf_open((struct span){copy, s.len}, &body, &e) == 0 &&
			    protobuf_parse(&b, t, body.raw, &d, &e) == 0)
				(void)schema_coerce(t, d, &b, NULL, &e);
			copy[n] ^= 0xff;
			arena_fini(&b);
		}
		arena_fini(&a);
	}
}

Test(protobuf, refuses_with_a_reason)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *why;
	} rows[] = {
		{"{}", 2,
		 "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"},
		{"k8s\0\x12\x05x", 7, "proto: the body is malformed"},
		{"k8s\0\x1a\x04gzip", 10, "contents of Unknown object must be unencoded"},
		{"k8s\0\x12\x02\x08\x01", 8, "proto: wrong wireType"},
		{"k8s\0\x12\x06\x0a\x04\x0a\x02\xff\xfe", 12, "proto: invalid UTF-8"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct protobuf_body body;
		struct doc *d = NULL;
		int rc = protobuf_open((struct span){(const uint8_t *)rows[i].bytes, rows[i].len}, &body, &e);
		if (rc == 0)
			rc = protobuf_parse(&a, schema_type("core/v1.ConfigMap"), body.raw, &d, &e);
		cr_expect_eq(rc, ERR_INVALID);
		cr_expect_str_eq(e.text, rows[i].why);
		arena_fini(&a);
	}
}
