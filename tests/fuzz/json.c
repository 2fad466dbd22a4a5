/* A body of the API: JSON, then the type's coercion, then msgpack and JSON
 * again. What was accepted once is accepted and unchanged the second time:
 * equal objects have equal bytes. */
#include "actors/schema/json.h"
#include "actors/schema/schema.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\"},"
	"\"creationTimestamp\":\"2024-01-01T00:00:00Z\"},\"spec\":{\"containers\":[{\"name\":\"c\","
	"\"image\":\"i\",\"ports\":[{\"containerPort\":80}],\"resources\":{\"limits\":{\"cpu\":\"500m\","
	"\"memory\":\"1Gi\"}},\"livenessProbe\":{\"httpGet\":{\"port\":\"http\"}}}]}}",
	"[1,-2.5e3,\"\\u00e9\\ud83d\\ude00\",null,true,{\"a\":{\"a\":1,\"a\":2}}]",
	"{\"data\":{\"k\":\"dmFsdWU=\"},\"stringData\":{\"x\":\"\"},\"immutable\":false}",
	NULL,
};

static const char *const types[] = {"core/v1.Pod", "core/v1.Secret", "core/v1.Node",
				    "meta/v1.DeleteOptions"};

static void round_trip(struct arena *a, const struct schema_type *t, struct doc *d)
{
	struct buf first = {0}, second = {0}, text = {0};
	struct err e = {0};
	struct doc *back = NULL;
	doc_to_mp(&first, d);
	fuzz_hold(mp_check(span_buf(&first), &e) == 0);
	fuzz_hold(doc_from_mp(a, mp_of(span_buf(&first)), &back, &e) == 0);
	fuzz_hold(schema_coerce(t, back, a, NULL, &e) == 0);
	doc_to_mp(&second, back);
	fuzz_hold(span_eq(span_buf(&first), span_buf(&second)));
	fuzz_hold(json_object(&text, mp_of(span_buf(&first)), 7) == 0);
	fuzz_hold(json_parse(a, span_buf(&text), &back, NULL, &e) == 0);
	buf_fini(&first);
	buf_fini(&second);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct arena a = {0};
		struct notes dups = {0}, unknown = {0};
		struct err e = {0};
		struct doc *d = NULL;
		const struct schema_type *t = schema_type(types[i]);
		fuzz_hold(t != NULL);
		if (json_parse(&a, (struct span){data, size}, &d, &dups, &e) == 0 &&
		    doc_is(d, DOC_MAP) && schema_coerce(t, d, &a, &unknown, &e) == 0)
			round_trip(&a, t, d);
		arena_fini(&a);
	}
	return 0;
}
