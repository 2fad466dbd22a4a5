/* A body in Kubernetes' protobuf: whatever it is, it is refused, or it is an
 * object whose second trip over the wire changes nothing. */
#include "actors/schema/protobuf.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"k8s",
	"\x0a\x16\x0a\x01" "a\x1a\x07" "default\x12\x06\x0a\x01k\x12\x01v",
	"\x12\x10\x12\x0e\x0a\x01" "c\x12\x01i2\x06\x0a\x01" "a\x10\x01 \x01",
	NULL,
};

static const char *const types[] = {"core/v1.ConfigMap", "core/v1.Pod", "core/v1.Service",
				    "meta/v1.DeleteOptions"};

static bool take(struct arena *a, const struct schema_type *t, struct span raw, struct doc **d)
{
	struct err e = {0};
	return protobuf_parse(a, t, raw, d, &e) == 0 && schema_coerce(t, *d, a, NULL, &e) == 0;
}

static void try(const struct schema_type *t, struct span raw)
{
	struct arena a = {0};
	struct doc *d = NULL, *back = NULL;
	struct buf first = {0}, second = {0};
	struct protobuf_body body;
	if (take(&a, t, raw, &d)) {
		protobuf_write(&first, t, d);
		fuzz_hold(protobuf_open(span_buf(&first), &body, NULL) == 0);
		fuzz_hold(take(&a, t, body.raw, &back));
		protobuf_write(&second, t, back);
		fuzz_hold(span_eq(span_buf(&first), span_buf(&second)));
	}
	buf_fini(&first);
	buf_fini(&second);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct protobuf_body body;
	struct span bytes = {data, size};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct schema_type *t = schema_type(types[i]);
		fuzz_hold(t != NULL);
		try(t, bytes);
		if (protobuf_open(bytes, &body, NULL) == 0)
			try(t, body.raw);
	}
	return 0;
}
