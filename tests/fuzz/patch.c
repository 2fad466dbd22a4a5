/* Patches from clients: any body against a pod, in all three forms. A result
 * can be written, and the pod that it was made from is not needed any more.
 * A merge patch says the same when it is applied twice (RFC 7386). */
#include "actors/objects/patch.h"
#include "actors/schema/json.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"{\"metadata\":{\"labels\":{\"a\":null,\"c\":\"d\"}},\"spec\":{\"containers\":[{\"name\":\"b\","
	"\"image\":\"x\"},{\"$patch\":\"delete\",\"name\":\"a\"}],\"$setElementOrder/containers\":"
	"[{\"name\":\"b\"}],\"$retainKeys\":[\"containers\"]}}",
	"[{\"op\":\"test\",\"path\":\"/metadata/name\",\"value\":\"p\"},{\"op\":\"add\",\"path\":"
	"\"/spec/containers/-\",\"value\":{\"name\":\"c\"}},{\"op\":\"move\",\"from\":\"/metadata/labels\","
	"\"path\":\"/metadata/annotations\"},{\"op\":\"copy\",\"from\":\"/spec\",\"path\":\"/spec/x\"},"
	"{\"op\":\"remove\",\"path\":\"/spec/containers/0\"},{\"op\":\"replace\",\"path\":\"\",\"value\":1}]",
	"{\"$patch\":\"replace\",\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"f\"],"
	"\"finalizers\":[\"g\"]}}",
	NULL,
};

static const char pod[] =
	"{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"b\",\"x~/y\":\"z\"},"
	"\"finalizers\":[\"f\",\"h\"]},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"ports\":"
	"[{\"containerPort\":1,\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"E\",\"value\":\"1\"}]},"
	"{\"name\":\"b\"}],\"tolerations\":[{\"key\":\"k\"}],\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}";

static struct doc *parse(struct arena *a, struct span text)
{
	struct doc *d = NULL;
	struct err e = {0};
	return json_parse(a, text, &d, NULL, &e) ? NULL : d;
}

static struct buf written(const struct doc *d)
{
	struct buf b = {0}, text = {0};
	doc_to_mp(&b, d);
	json_from_doc(&text, d);
	buf_fini(&text);
	return b;
}

static void merge_twice(struct arena *a, const struct doc *patch)
{
	struct doc *once = patch_merge(a, parse(a, span_of(pod)), patch);
	struct buf first = written(once), second = written(patch_merge(a, once, patch));
	fuzz_hold(span_eq(span_buf(&first), span_buf(&second)));
	buf_fini(&first);
	buf_fini(&second);
}

static void other_forms(struct arena *a, const struct doc *patch)
{
	struct err e = {0};
	struct doc *d = parse(a, span_of(pod));
	struct buf b;
	if (patch_json(a, &d, patch, &e) == 0) {
		b = written(d);
		buf_fini(&b);
	}
	d = parse(a, span_of(pod));
	if (patch_strategic(a, d, patch, schema_type("core/v1.Pod"), &e) == 0) {
		b = written(d);
		buf_fini(&b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct doc *patch = parse(&a, (struct span){data, size});
	if (patch) {
		merge_twice(&a, patch);
		other_forms(&a, patch);
	}
	arena_fini(&a);
	return 0;
}
