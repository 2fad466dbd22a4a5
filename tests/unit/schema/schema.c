/* The registry and the generated tables. */
#include <criterion/criterion.h>

#include "actors/schema/schema.h"
#include "actors/schema/schema_tables.h"

static struct span s(const char *text)
{
	return span_of(text);
}

Test(schema, finds_built_in_rows_every_way)
{
	struct schema *sc = schema_new();
	const struct schema_resource *pods = schema_find(sc, s(""), s("v1"), s("pods"));
	cr_assert(pods);
	cr_expect_eq(schema_find_kind(sc, s(""), s("v1"), s("Pod")), pods);
	cr_expect_eq(schema_find_kind(sc, s(""), s(""), s("Pod")), pods);
	cr_expect_eq(schema_find_name(sc, s("po")), pods);
	cr_expect_eq(schema_find_name(sc, s("pod")), pods);
	cr_expect_eq(schema_find_stream(sc, s("pods")), pods);
	cr_expect_null(schema_find(sc, s("apps"), s("v1"), s("pods")));
	cr_expect_null(schema_find(sc, s(""), s("v2"), s("pods")));
	cr_expect_null(schema_find_name(sc, s("p")));
	cr_expect_str_eq(pods->part, "spec.nodeName");
	cr_expect_str_eq(pods->list_kind, "PodList");
	cr_expect(schema_has_verb(pods->verbs, "deletecollection"));
	cr_expect(schema_has_verb(pods->categories, "all"));
	cr_expect(schema_subresource(pods, s("binding")));
	cr_expect_str_eq(schema_subresource(pods, s("eviction"))->version, "v1");
	cr_expect_null(schema_subresource(pods, s("scale")));
	const struct schema_resource *leases = schema_find_name(sc, s("leases"));
	struct arena a = {0};
	cr_assert(leases);
	cr_expect_str_eq(leases->stream, "leases.coordination.k8s.io");
	cr_expect_str_eq(schema_api_version(leases, &a), "coordination.k8s.io/v1");
	cr_expect(schema_find_name(sc, s("secrets"))->secret);
	cr_expect_not(schema_find_name(sc, s("ns"))->namespaced);
	arena_fini(&a);
	schema_free(sc);
}

Test(schema, every_served_row_is_whole)
{
	struct schema *sc = schema_new();
	cr_expect_geq(schema_count(sc), 7);
	for (size_t i = 0; i < schema_count(sc); i++) {
		const struct schema_resource *r = schema_row(sc, i);
		cr_expect(r->type && r->type->kind == SCHEMA_STRUCT, "%s", r->resource);
		cr_expect(schema_field(r->type, s("metadata")), "%s", r->resource);
		/* A stream is stored as its first row; what has none is not listed. */
		cr_expect_eq(r->stored, r->stream ? schema_find_stream(sc, s(r->stream)) : NULL);
		bool figures = strcmp(r->group, "metrics.k8s.io") == 0; /* asked of the nodes */
		cr_expect_eq(schema_has_verb(r->verbs, "list"), figures || r->stream, "%s",
			     r->resource);
		if (r->stream)
			cr_expect_str_eq(r->columns[0].type, "string");
		for (size_t c = 0; c < r->column_count; c++)
			cr_expect(r->columns[c].description[0], "%s.%s", r->resource,
				  r->columns[c].name);
	}
	cr_expect_null(schema_row(sc, schema_count(sc)));
	schema_free(sc);
}

/* Every field of every type is found by its name, and leads to a type. */
Test(schema, tables_are_consistent)
{
	for (size_t i = 0; i < schema_type_count; i++) {
		const struct schema_type *t = schema_types[i];
		cr_assert_eq(schema_type(t->name), t);
		for (size_t k = 0; k < t->field_count; k++) {
			const struct schema_field *f = &t->fields[k];
			cr_expect_eq(schema_field(t, s(f->json)), f, "%s.%s", t->name, f->json);
			cr_expect_eq(strlen(f->json), f->json_len);
			const struct schema_type *v = f->type;
			while (v->kind == SCHEMA_LIST || v->kind == SCHEMA_MAP)
				v = v->elem;
			cr_expect(v->go && v->go[0], "%s.%s", t->name, f->json);
		}
	}
	cr_expect_null(schema_type("core/v1.Nothing"));
}

Test(schema, fields_carry_protobuf_patch_and_list_facts)
{
	const struct schema_type *spec = schema_type("core/v1.PodSpec");
	const struct schema_field *c = schema_field(spec, s("containers"));
	cr_assert(c);
	cr_expect_eq(c->pb, 2);
	cr_expect_str_eq(schema_marks(c)->patch_merge_key, "name");
	cr_expect_str_eq(schema_marks(c)->list_keys[0], "name");
	cr_expect_str_eq(c->type->go, "[]v1.Container");
	cr_expect_not(c->omitempty);
	const struct schema_field *v = schema_field(schema_type("core/v1.Volume"), s("emptyDir"));
	cr_expect_eq(v->pb_outer, 2, "nested in VolumeSource on the protobuf wire");
	const struct schema_field *p =
		schema_field(schema_type("core/v1.Container"), s("imagePullPolicy"));
	cr_expect_str_eq(p->type->enums[0], "Always");
	cr_expect_null(schema_field(spec, s("Containers")), "names are case-sensitive");
	cr_expect_null(schema_field(spec, s("")));
}

static struct schema_resource widget(void)
{
	static const char *const verbs[] = {"get", "list", NULL}, *const shorts[] = {"wd", NULL};
	return (struct schema_resource){.group = "example.com",
					.version = "v1",
					.resource = "widgets",
					.singular = "widget",
					.kind = "Widget",
					.list_kind = "WidgetList",
					.namespaced = true,
					.verbs = verbs,
					.short_names = shorts,
					.stream = "widgets.example.com"};
}

Test(schema, rows_come_change_and_go_while_running)
{
	struct schema *sc = schema_new();
	struct schema_resource row = widget();
	const struct schema_resource *first, *second;
	size_t before = schema_count(sc);
	cr_assert_eq(schema_add(sc, &row, &first, NULL), 0);
	cr_expect_eq(schema_count(sc), before + 1);
	cr_expect_eq(schema_find_name(sc, s("wd")), first);
	row.list_kind = "Widgets";
	cr_assert_eq(schema_add(sc, &row, &second, NULL), 0);
	cr_expect_eq(first, second, "the row stays where it is");
	cr_expect_str_eq(first->list_kind, "Widgets");
	cr_expect_eq(schema_count(sc), before + 1);
	cr_expect(schema_remove(sc, "example.com", "v1", "widgets"));
	cr_expect_not(schema_remove(sc, "example.com", "v1", "widgets"));
	cr_expect_null(schema_find_name(sc, s("wd")));
	cr_expect_eq(schema_count(sc), before);
	cr_assert_eq(schema_add(sc, &row, &second, NULL), 0);
	cr_expect_eq(first, second);
	schema_free(sc);
}

Test(schema, refuses_a_second_resource_of_a_kind_and_rows_without_names)
{
	struct schema *sc = schema_new();
	struct schema_resource row = widget();
	struct err e = {0};
	cr_assert_eq(schema_add(sc, &row, NULL, NULL), 0);
	size_t before = schema_count(sc);
	row.resource = "gadgets";
	cr_expect_eq(schema_add(sc, &row, NULL, &e), ERR_EXISTS);
	row.kind = NULL;
	cr_expect_eq(schema_add(sc, &row, NULL, &e), ERR_INVALID);
	cr_expect_eq(schema_count(sc), before);
	schema_free(sc);
}

Test(schema, keys_are_written_and_taken_apart)
{
	struct schema *sc = schema_new();
	struct buf b = {0};
	const struct schema_resource *pods = schema_find_name(sc, s("pods"));
	schema_key(&b, pods, s("default"), s("web"));
	cr_expect_str_eq(buf_text(&b), "pods/default/web");
	struct span stream, ns, name;
	cr_assert(schema_key_split(span_buf(&b), &stream, &ns, &name));
	cr_expect(span_is(stream, "pods") && span_is(ns, "default") && span_is(name, "web"));
	b.len = 0;
	schema_key(&b, schema_find_name(sc, s("nodes")), s("ignored"), s("n1"));
	cr_expect_str_eq(buf_text(&b), "nodes/n1");
	cr_assert(schema_key_split(span_buf(&b), &stream, &ns, &name));
	cr_expect(span_is(stream, "nodes") && ns.len == 0 && span_is(name, "n1"));
	b.len = 0;
	schema_key(&b, pods, s("default"), s(""));
	cr_expect_str_eq(buf_text(&b), "pods/default/");
	static const char *const bad[] = {"",	     "pods",	"/x",	  "pods/",
					  "pods//x", "pods/a/", "a/b/c/d"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(schema_key_split(s(bad[i]), &stream, &ns, &name), "%s", bad[i]);
	buf_fini(&b);
	schema_free(sc);
}
