/* Selectors from a query: parsed, matched, and for labels written and parsed
 * again with the same meaning. */
#include "actors/schema/selectors.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"app=web,tier!=db,env in (a,b),!legacy,x,n>3",
	"example.com/role notin (a, b ,),k==v",
	"metadata.name=web,spec.nodeName!=n\\,1,status.phase=Running",
	NULL,
};

/* {"metadata": {"labels": {"app": "web", "n": "4"}, "name": "web"}} */
static const char object[] = "\x81\xa8metadata\x82\xa6labels\x82\xa3"
			     "app\xa3web\xa1n\xa1"
			     "4\xa4name\xa3web";

static void labels(struct arena *a, struct span text, struct mp o)
{
	const struct label_selector *s = NULL, *again = NULL;
	struct err e = {0};
	struct buf out = {0};
	if (label_selector_parse(a, text, &s, &e))
		return;
	bool match = label_selector_match_object(s, o);
	label_selector_text(s, &out);
	fuzz_hold(label_selector_parse(a, span_buf(&out), &again, &e) == 0);
	fuzz_hold(label_selector_match_object(again, o) == match);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mp o = mp_of((struct span){(const uint8_t *)object, sizeof object - 1});
	struct schema *schema = schema_new();
	struct arena a = {0};
	struct err e = {0};
	const struct field_selector *f = NULL;
	struct span value;
	labels(&a, (struct span){data, size}, o);
	if (field_selector_parse(&a, schema_find_name(schema, span_of("pods")),
				 (struct span){data, size}, &f, &e) == 0) {
		field_selector_match(f, o);
		field_selector_exact(f, "metadata.name", &value);
	}
	arena_fini(&a);
	schema_free(schema);
	return 0;
}
