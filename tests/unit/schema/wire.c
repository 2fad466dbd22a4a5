/* Protobuf as a real kube-apiserver writes it (tests/golden/wire.txt: an object
 * of each kind, as hexadecimal and as JSON): read, it is what the JSON says. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/schema/json.h"
#include "actors/schema/protobuf.h"
#include "tests/lib/doc_text.h"

enum { KINDS = 35 };

static struct span from_hex(struct arena *a, const char *hex, size_t n)
{
	uint8_t *out = (uint8_t *)arena_ndup(a, hex, n / 2);
	for (size_t i = 0; i < n / 2; i++) {
		unsigned byte;
		cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return (struct span){out, n / 2};
}

static const struct schema_resource *row_of(struct schema *s, struct arena *a,
					    struct span api_version, struct span kind)
{
	for (size_t i = 0; i < schema_count(s); i++) {
		const struct schema_resource *r = schema_row(s, i);
		if (span_is(kind, r->kind) && span_is(api_version, schema_api_version(r, a)))
			return r;
	}
	return NULL;
}

static void one(struct schema *s, const char *line)
{
	struct arena a = {0};
	struct err e = {0};
	struct protobuf_body body;
	struct doc *want, *got;
	const char *json = strchr(line, ' ') + 1;
	struct span bytes = from_hex(&a, line, (size_t)(json - 1 - line));
	cr_assert_eq(protobuf_open(bytes, &body, &e), 0, "%s", e.text);
	const struct schema_resource *r = row_of(s, &a, body.api_version, body.kind);
	cr_assert_not_null(r, "%.80s", json);
	cr_assert_eq(json_parse(&a, span_of(json), &want, NULL, &e), 0, "%s", e.text);
	cr_assert_eq(schema_coerce(r->type, want, &a, NULL, &e), 0, "%s", e.text);
	/* The types of embedded objects are not on that wire. */
	const struct doc *claims = doc_path(want, "spec.volumeClaimTemplates");
	DOC_EACH(c, claims)
	{
		doc_remove(c, "apiVersion");
		doc_remove(c, "kind");
	}
	cr_assert_eq(protobuf_parse(&a, r->type, body.raw, &got, &e), 0, "%s: %s", r->kind, e.text);
	doc_set(&a, got, "apiVersion", doc_span(&a, body.api_version));
	doc_set(&a, got, "kind", doc_span(&a, body.kind));
	cr_assert_eq(schema_coerce(r->type, got, &a, NULL, &e), 0, "%s", e.text);
	cr_expect_str_eq(text_of(&a, got), text_of(&a, want), "%s", r->kind);
	arena_fini(&a);
}

Test(wire, of_a_real_kubernetes_is_read_and_written)
{
	FILE *f = fopen("tests/golden/wire.txt", "r");
	struct schema *s = schema_new();
	char *line = NULL;
	size_t cap = 0, n = 0;
	cr_assert_not_null(f, "from the top of the tree");
	for (; getline(&line, &cap, f) > 0; n++)
		one(s, line);
	cr_expect_geq(n, KINDS);
	free(line);
	fclose(f);
	schema_free(s);
}
