/* OpenAPI documents, made of the type tables. */
#include "actors/schema/openapi.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "actors/schema/json.h"
#include "actors/schema/protobuf_wire.h"

struct made {
	struct schema *schema;
	struct arena arena;
	struct doc *v2, *core, *apps;
};

static struct made make(void)
{
	struct made m = {.schema = schema_new()};
	m.v2 = openapi_v2(m.schema, &m.arena);
	m.core = openapi_v3(m.schema, span_of(""), span_of("v1"), &m.arena);
	m.apps = openapi_v3(m.schema, span_of("apps"), span_of("v1"), &m.arena);
	return m;
}

static void unmake(struct made *m)
{
	arena_fini(&m->arena);
	schema_free(m->schema);
}

static const char *text(const struct doc *d)
{
	static char out[8][600];
	static int at;
	struct buf b = {0};
	char *to = out[at++ % 8];
	if (d)
		json_from_doc(&b, d);
	snprintf(to, sizeof out[0], "%.*s", (int)b.len, (const char *)b.data);
	buf_fini(&b);
	return to;
}

#define same(d, want) cr_expect_str_eq(text(d), want)

static const struct doc *definition(const struct made *m, const char *name)
{
	return doc_get(doc_get(m->v2, "definitions"), name);
}

static const struct doc *component(const struct doc *document, const char *name)
{
	return doc_get(doc_path(document, "components.schemas"), name);
}

Test(openapi, types_have_go_names_and_the_marks_that_clients_merge_by)
{
	struct made m = make();
	const struct doc *spec = definition(&m, "io.k8s.api.core.v1.PodSpec");
	same(doc_get(spec, "required"), "[\"containers\"]");
	const struct doc *list = doc_path(spec, "properties.containers");
	same(doc_get(list, "type"), "\"array\"");
	same(doc_get(list, "items"), "{\"$ref\":\"#/definitions/io.k8s.api.core.v1.Container\"}");
	same(doc_get(list, "x-kubernetes-patch-merge-key"), "\"name\"");
	same(doc_get(list, "x-kubernetes-patch-strategy"), "\"merge\"");
	same(doc_get(list, "x-kubernetes-list-map-keys"), "[\"name\"]");
	const struct doc *labels =
		doc_path(definition(&m, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
			 "properties.labels");
	same(doc_get(labels, "additionalProperties"), "{\"type\":\"string\"}");
	same(doc_get(definition(&m, "io.k8s.apimachinery.pkg.api.resource.Quantity"), "type"),
	     "\"string\"");
	unmake(&m);
}

Test(openapi, in_v3_nothing_stands_beside_a_reference)
{
	struct made m = make();
	const struct doc *pod = component(m.core, "io.k8s.api.core.v1.Pod");
	same(doc_path(pod, "properties.spec.allOf"),
	     "[{\"$ref\":\"#/components/schemas/io.k8s.api.core.v1.PodSpec\"}]");
	same(doc_get(pod, "x-kubernetes-group-version-kind"),
	     "[{\"group\":\"\",\"kind\":\"Pod\",\"version\":\"v1\"}]");
	same(component(m.core, "io.k8s.apimachinery.pkg.util.intstr.IntOrString"),
	     "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}],\"format\":\"int-or-"
	     "string\"}");
	unmake(&m);
}

Test(openapi, a_document_has_what_its_group_serves_and_nothing_else)
{
	struct made m = make();
	const struct doc *paths = doc_get(m.apps, "paths");
	const struct doc *patch = doc_get(
		doc_get(paths, "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"), "patch");
	same(doc_get(patch, "operationId"), "\"patchAppsV1NamespacedDeployment\"");
	same(doc_get(patch, "x-kubernetes-group-version-kind"),
	     "{\"group\":\"apps\",\"kind\":\"Deployment\",\"version\":\"v1\"}");
	same(doc_path(patch, "parameters[2].name"), "\"fieldValidation\"");
	cr_expect(doc_get(paths, "/apis/apps/v1/deployments"));
	cr_expect_not(doc_get(paths, "/api/v1/namespaces/{namespace}/pods"));
	same(doc_get(doc_get(doc_get(doc_get(m.core, "paths"),
				     "/api/v1/namespaces/{namespace}/pods/{name}/binding"),
			     "post"),
		     "x-kubernetes-group-version-kind"),
	     "{\"group\":\"\",\"kind\":\"Binding\",\"version\":\"v1\"}");
	cr_expect_null(openapi_v3(m.schema, span_of("nobody"), span_of("v1"), &m.arena));
	unmake(&m);
}

/* Every reference leads somewhere, everything else is a type. */
static size_t follow(const struct doc *d, const struct doc *schemas, const char *prefix)
{
	size_t n = 0;
	const struct doc *ref = doc_is(d, DOC_MAP) ? doc_get(d, "$ref") : NULL;
	if (doc_is(ref, DOC_STR)) {
		size_t skip = strlen(prefix);
		struct span name = {ref->text.data + skip, ref->text.len - skip};
		const struct doc *to = doc_get_span(schemas, name);
		cr_expect(to && to->count, "%.*s", (int)name.len, (const char *)name.data);
		return 1;
	}
	if (doc_is(d, DOC_MAP) || doc_is(d, DOC_ARRAY))
		DOC_EACH(x, d)
	n += follow(x, schemas, prefix);
	return n;
}

Test(openapi, every_reference_leads_somewhere)
{
	struct made m = make();
	cr_expect_gt(follow(m.v2, doc_get(m.v2, "definitions"), "#/definitions/"), 1000);
	cr_expect_gt(
		follow(m.core, doc_path(m.core, "components.schemas"), "#/components/schemas/"),
		300);
	unmake(&m);
}

Test(openapi, hashes_change_with_what_is_served)
{
	struct made m = make();
	struct span group = span_of("apps"), version = span_of("v1");
	uint32_t was = openapi_hash(m.schema, group, version);
	cr_expect_eq(openapi_hash(m.schema, group, version), was);
	cr_expect_neq(openapi_hash(m.schema, span_of(""), version), was);
	schema_remove(m.schema, "apps", "v1", "deployments");
	cr_expect_neq(openapi_hash(m.schema, group, version), was);
	unmake(&m);
}

/* The first field of that number; what is behind it stays in *rest. */
static struct span next_of(struct span *rest, uint32_t number)
{
	struct wire_field f;
	while (wire_next(rest, &f) == 1)
		if (f.number == number)
			return f.bytes;
	return (struct span){0};
}

static struct span first_of(struct span message, uint32_t number)
{
	return next_of(&message, number);
}

Test(openapi, protobuf_has_what_the_tree_has)
{
	struct made m = make();
	struct buf b = {0};
	openapi_v2_protobuf(&b, m.v2);
	struct span all = span_buf(&b), definitions = first_of(all, 9), paths = first_of(all, 8);
	cr_expect(span_is(first_of(all, 1), "2.0"));
	size_t n = 0;
	bool seen = false;
	for (struct span one; (one = next_of(&definitions, 1)).data; n++) {
		if (!span_is(first_of(one, 1), "io.k8s.api.core.v1.Container"))
			continue;
		struct span schema = first_of(one, 2);
		cr_expect(span_is(first_of(schema, 19), "name"), "required");
		cr_expect(span_is(first_of(first_of(schema, 22), 1), "object"), "type");
		seen = first_of(first_of(schema, 25), 1).data != NULL;
	}
	cr_expect(seen);
	cr_expect_eq(n, doc_get(m.v2, "definitions")->count);
	for (n = 0; next_of(&paths, 2).data; n++)
		;
	cr_expect_eq(n, doc_get(m.v2, "paths")->count);
	buf_fini(&b);
	unmake(&m);
}
