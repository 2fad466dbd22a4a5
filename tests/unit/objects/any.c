/* Every kind, with objects that are well-typed and senseless: whatever is
 * asked gets an answer of the API's, a stored object that is as its type has
 * it, and the same object over either wire. */
#include <stdlib.h>

#include "actors/schema/protobuf.h"
#include "actors/objects/table.h"
#include "tests/lib/doc_text.h"
#include "dice.h"
#include "fake_store.h"

/* SEEDS=3000 looks at more. */
static uint64_t seeds(void)
{
	const char *count = getenv("SEEDS");
	return count ? strtoull(count, NULL, 10) : 30;
}

static struct doc *object(struct dice *d, const struct schema_resource *r)
{
	struct doc *o = any_struct(d, r->type, 7);
	struct doc *m = doc_set(d->a, o, "metadata",
				any_of(d, schema_type("meta/v1.ObjectMeta"), 3));
	doc_set_str(d->a, o, "apiVersion", schema_api_version(r, d->a));
	doc_set_str(d->a, o, "kind", r->kind);
	doc_set_str(d->a, m, "name", "x");
	static const char *const of_server[] = {"namespace", "uid", "resourceVersion"};
	for (size_t i = 0; i < 3; i++)
		doc_remove(m, of_server[i]);
	return o;
}

/* What a former write may have left: well-typed, whatever it says. */
static void store(struct fake *f, const struct schema_resource *r, struct doc *o)
{
	struct buf key = {0}, value = {0};
	struct doc *m = doc_get(o, "metadata");
	cr_assert_eq(schema_coerce(r->type, o, &f->arena, NULL, NULL), 0, "%s", r->resource);
	doc_set_str(&f->arena, m, "uid", "0708090a-0b0c-4d0e-8f10-111213141516");
	if (r->namespaced)
		doc_set_str(&f->arena, m, "namespace", "default");
	schema_key(&key, r, span_of("default"), span_of("x"));
	doc_to_mp(&value, o);
	struct bytes *b = bytes_take(&value);
	fake_set(f, span_buf(&key), b, store_version(++f->revision, 0));
	bytes_unref(b);
	buf_fini(&key);
}

static void ask(struct fake *f, const struct schema_resource *r, enum obj_verb verb,
		const char *sub, const struct doc *body)
{
	struct obj_request q = {.verb = verb,
				.resource = r,
				.subresource = sub,
				.del.grace_s = -1,
				.namespace = span_of(r->namespaced ? "default" : ""),
				.name = span_of("x"),
				.body = body};
	if (verb == OBJ_CREATE && !*sub)
		q.name = (struct span){0};
	const char *a = fake_send(f, &q);
	cr_assert(f->code < 500, "%s/%s: %d %s", r->resource, sub, f->code, a);
}

static void ask_all(struct fake *f, const struct schema_resource *r, struct dice *d)
{
	static const enum obj_verb verbs[] = {OBJ_UPDATE, OBJ_PATCH_MERGE, OBJ_PATCH_STRATEGIC};
	struct buf key = {0};
	schema_key(&key, r, span_of("default"), span_of("x"));
	fake_set(f, span_buf(&key), NULL, 0);
	buf_fini(&key);
	ask(f, r, OBJ_CREATE, "", object(d, r));
	for (size_t i = 0; i < 3; i++) {
		store(f, r, object(d, r));
		ask(f, r, verbs[i], "", object(d, r));
		for (size_t s = 0; s < r->subresource_count; s++) {
			const struct schema_subresource *sub = &r->subresources[s];
			if (schema_has_verb(sub->verbs, "update"))
				ask(f, r, verbs[i], sub->name, object(d, r));
		}
		struct doc *one = object(d, r);
		store(f, r, one);
		struct buf row = {0}, value = {0};
		doc_to_mp(&value, one);
		table_cells(&row, r, mp_of(span_buf(&value)), 1795514400000000);
		cr_assert(row.len > 2);
		buf_fini(&row);
		buf_fini(&value);
	}
	ask(f, r, OBJ_DELETE, "", NULL);
}

Test(any, kind_answers_whatever_it_is_asked)
{
	struct schema *s = schema_new();
	uint64_t n = seeds();
	for (size_t i = 0; i < schema_count(s); i++) {
		if (!schema_row(s, i)->stored)
			continue;
		for (uint64_t seed = 0; seed < n; seed++) {
			struct fake f;
			fake_init(&f);
			struct dice d = {&f.arena, seed, seed % 4 != 0};
			ask_all(&f, schema_row(f.schema, i), &d);
			fake_fini(&f);
		}
	}
	schema_free(s);
}

Test(any, kind_is_the_same_over_protobuf)
{
	struct schema *s = schema_new();
	uint64_t n = seeds();
	for (size_t i = 0; i < schema_count(s); i++) {
		const struct schema_resource *r = schema_row(s, i);
		for (uint64_t seed = 0; seed < n; seed++) {
			struct arena a = {0};
			struct dice d = {&a, seed, seed % 2};
			struct err e = {0};
			struct buf b = {0};
			struct protobuf_body body;
			struct doc *o = object(&d, r), *back;
			/* The types of embedded objects are not on that wire. */
			const struct doc *claims = doc_path(o, "spec.volumeClaimTemplates");
			DOC_EACH(c, claims) {
				doc_remove(c, "apiVersion");
				doc_remove(c, "kind");
			}
			cr_assert_eq(schema_coerce(r->type, o, &a, NULL, &e), 0, "%s", e.text);
			protobuf_write(&b, r->type, o);
			cr_assert_eq(protobuf_open(span_buf(&b), &body, &e), 0, "%s", e.text);
			cr_assert_eq(protobuf_parse(&a, r->type, body.raw, &back, &e), 0, "%s: %s",
				     r->resource, e.text);
			doc_set(&a, back, "apiVersion", doc_span(&a, body.api_version));
			doc_set(&a, back, "kind", doc_span(&a, body.kind));
			cr_assert_eq(schema_coerce(r->type, back, &a, NULL, &e), 0, "%s", e.text);
			cr_assert_str_eq(text_of(&a, back), text_of(&a, o), "%s, seed %llu",
					 r->resource, (unsigned long long)seed);
			buf_fini(&b);
			arena_fini(&a);
		}
	}
	schema_free(s);
}
