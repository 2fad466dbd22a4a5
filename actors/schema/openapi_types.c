/* Schemas of types. A struct is written once and referred to by name; scalars
 * that have a type of their own in Go (quantities, times) are references too. */
#include <stdlib.h>
#include <string.h>

#include "actors/schema/json.h"
#include "actors/schema/openapi.h"

#define MACHINERY "io.k8s.apimachinery.pkg."

/* What the scalars are, by their kind. */
static const struct scalar {
	const char *type, *format;
	const char *name; /* of a schema of its own, or NULL */
} scalars[] = {
	[SCHEMA_STRING] = {"string", NULL, NULL},
	[SCHEMA_BOOL] = {"boolean", NULL, NULL},
	[SCHEMA_INT32] = {"integer", "int32", NULL},
	[SCHEMA_INT64] = {"integer", "int64", NULL},
	[SCHEMA_DOUBLE] = {"number", "double", NULL},
	[SCHEMA_BYTES] = {"string", "byte", NULL},
	[SCHEMA_QUANTITY] = {"string", NULL, MACHINERY "api.resource.Quantity"},
	[SCHEMA_INTSTR] = {"string", "int-or-string", MACHINERY "util.intstr.IntOrString"},
	[SCHEMA_TIME] = {"string", "date-time", MACHINERY "apis.meta.v1.Time"},
	[SCHEMA_MICROTIME] = {"string", "date-time", MACHINERY "apis.meta.v1.MicroTime"},
	[SCHEMA_DURATION] = {"string", NULL, MACHINERY "apis.meta.v1.Duration"},
	[SCHEMA_ANY] = {"object", NULL, NULL},
	[SCHEMA_STRUCT] = {NULL, NULL, NULL},
	[SCHEMA_LIST] = {"array", NULL, NULL},
	[SCHEMA_MAP] = {"object", NULL, NULL},
};

/* "core/v1.Pod" is io.k8s.api.core.v1.Pod. */
static const char *name_of(struct arena *a, const struct schema_type *t)
{
	const char *slash = strchr(t->name, '/');
	if (!slash)
		return t->name;
	int group = (int)(slash - t->name);
	const char *package =
		group == 4 && memcmp(t->name, "meta", 4) == 0 ? MACHINERY "apis" : "io.k8s.api";
	return arena_printf(a, "%s.%.*s.%s", package, group, t->name, slash + 1);
}

static struct doc *reference(struct openapi_types *t, const char *name)
{
	struct doc *d = doc_new(t->arena, DOC_MAP);
	doc_set_str(t->arena, d, "$ref",
		    arena_printf(t->arena, "#/%s/%s",
				 t->version == OPENAPI_V2 ? "definitions" : "components/schemas",
				 name));
	return d;
}

static struct doc *scalar_schema(struct openapi_types *t, const struct scalar *s)
{
	struct doc *d = doc_new(t->arena, DOC_MAP);
	doc_set_str(t->arena, d, "type", s->type);
	if (s->format)
		doc_set_str(t->arena, d, "format", s->format);
	return d;
}

/* v3 can say that a value is text or a number. */
static struct doc *either(struct openapi_types *t, const char *other, const char *format)
{
	struct arena *a = t->arena;
	struct doc *d = doc_new(a, DOC_MAP);
	struct doc *list = doc_set(a, d, "oneOf", doc_new(a, DOC_ARRAY));
	if (format)
		doc_set_str(a, d, "format", format);
	doc_set_str(a, doc_add(list, doc_new(a, DOC_MAP)), "type", other);
	doc_set_str(a, doc_add(list, doc_new(a, DOC_MAP)), "type", "string");
	return d;
}

static struct doc *named_scalar(struct openapi_types *t, enum schema_kind kind)
{
	const struct scalar *s = &scalars[kind];
	if (!doc_get(t->schemas, s->name)) {
		struct doc *d = t->version == OPENAPI_V3 && kind == SCHEMA_INTSTR
					? either(t, "integer", s->format)
				: t->version == OPENAPI_V3 && kind == SCHEMA_QUANTITY
					? either(t, "number", NULL)
					: scalar_schema(t, s);
		doc_set(t->arena, t->schemas, s->name, d);
	}
	return reference(t, s->name);
}

static struct doc *enumerated(struct openapi_types *t, struct doc *d,
			      const struct schema_type *type)
{
	struct doc *list =
		type->enums ? doc_set(t->arena, d, "enum", doc_new(t->arena, DOC_ARRAY)) : NULL;
	for (const char *const *e = type->enums; e && *e; e++)
		doc_add(list, doc_str(t->arena, *e));
	return d;
}

static void wait_for(struct openapi_types *t, const struct schema_type *type, const char *name)
{
	if (doc_get(t->schemas, name))
		return;
	doc_set(t->arena, t->schemas, name, doc_new(t->arena, DOC_MAP)); /* filled later */
	if (t->count == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->waiting = mem_realloc(t->waiting, t->cap * sizeof *t->waiting);
	}
	t->waiting[t->count++] = type;
}

struct doc *openapi_type(struct openapi_types *t, const struct schema_type *type)
{
	struct doc *d;
	if (type->kind == SCHEMA_STRUCT) {
		const char *name = name_of(t->arena, type);
		wait_for(t, type, name);
		return reference(t, name);
	}
	if (scalars[type->kind].name)
		return named_scalar(t, type->kind);
	d = scalar_schema(t, &scalars[type->kind]);
	if (type->kind == SCHEMA_LIST)
		doc_set(t->arena, d, "items", openapi_type(t, type->elem));
	else if (type->kind == SCHEMA_MAP)
		doc_set(t->arena, d, "additionalProperties", openapi_type(t, type->elem));
	return enumerated(t, d, type);
}

/* ---- fields */

static void set_text(struct openapi_types *t, struct doc *d, const char *key, const char *text)
{
	if (text && *text)
		doc_set_str(t->arena, d, key, text);
}

static void set_marks(struct openapi_types *t, struct doc *d, const struct schema_marks *m)
{
	set_text(t, d, "x-kubernetes-list-type", m->list_type);
	set_text(t, d, "x-kubernetes-patch-strategy", m->patch_strategy);
	set_text(t, d, "x-kubernetes-patch-merge-key", m->patch_merge_key);
	if (!m->list_keys)
		return;
	struct doc *keys =
		doc_set(t->arena, d, "x-kubernetes-list-map-keys", doc_new(t->arena, DOC_ARRAY));
	for (const char *const *k = m->list_keys; *k; k++)
		doc_add(keys, doc_str(t->arena, *k));
}

/* The default that Kubernetes' documents show: the marker's, or the zero of
 * what is always there. */
static struct doc *default_of(struct openapi_types *t, const struct schema_field *f)
{
	const char *text = schema_marks(f)->default_text;
	struct doc *d = NULL;
	if (text && json_parse(t->arena, span_of(text), &d, NULL, NULL) == 0)
		return d;
	if (f->pointer || f->omitempty || f->type->kind == SCHEMA_LIST ||
	    f->type->kind == SCHEMA_MAP || f->type->kind == SCHEMA_BYTES)
		return NULL;
	switch (f->type->kind) {
	case SCHEMA_STRING:
		return doc_str(t->arena, "");
	case SCHEMA_BOOL:
		return doc_bool(t->arena, false);
	case SCHEMA_INT32:
	case SCHEMA_INT64:
		return doc_int(t->arena, 0);
	default:
		return NULL;
	}
}

static struct doc *property(struct openapi_types *t, const struct schema_type *owner,
			    const struct schema_field *f)
{
	struct doc *schema = openapi_type(t, f->type), *d = schema;
	const char *text = schema_describe(owner, f);
	struct doc *otherwise = default_of(t, f);
	/* In v3 nothing may stand beside a reference. */
	if (t->version == OPENAPI_V3 && doc_get(schema, "$ref") && (text || otherwise)) {
		d = doc_new(t->arena, DOC_MAP);
		doc_add(doc_set(t->arena, d, "allOf", doc_new(t->arena, DOC_ARRAY)), schema);
	}
	set_text(t, d, "description", text);
	if (otherwise)
		doc_set(t->arena, d, "default", otherwise);
	set_marks(t, d, schema_marks(f));
	return d;
}

static void fill(struct openapi_types *t, const struct schema_type *type)
{
	struct arena *a = t->arena;
	struct doc *d = doc_get(t->schemas, name_of(a, type));
	set_text(t, d, "description", schema_describe(type, NULL));
	doc_set_str(a, d, "type", "object");
	struct doc *required = doc_new(a, DOC_ARRAY);
	struct doc *properties = doc_new(a, DOC_MAP);
	for (size_t i = 0; i < type->field_count; i++) {
		const struct schema_field *f = &type->fields[i];
		doc_set(a, properties, f->json, property(t, type, f));
		if (!f->optional && !f->omitempty)
			doc_add(required, doc_str(a, f->json));
	}
	doc_sort_keys(a, properties);
	if (required->count)
		doc_set(a, d, "required", required);
	if (properties->count)
		doc_set(a, d, "properties", properties);
}

/* ---- kinds */

static void add_kind(struct openapi_types *t, struct doc *schema, const struct schema_resource *r,
		     const char *kind)
{
	static const char key[] = "x-kubernetes-group-version-kind";
	struct arena *a = t->arena;
	struct doc *list = doc_get(schema, key);
	if (!list)
		list = doc_set(a, schema, key, doc_new(a, DOC_ARRAY));
	struct doc *gvk = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, gvk, "group", r->group);
	doc_set_str(a, gvk, "kind", kind);
	doc_set_str(a, gvk, "version", r->version);
}

void openapi_kind(struct openapi_types *t, const struct schema_resource *r)
{
	if (!r->type)
		return;
	openapi_type(t, r->type);
	add_kind(t, doc_get(t->schemas, name_of(t->arena, r->type)), r, r->kind);
}

struct doc *openapi_list_type(struct openapi_types *t, const struct schema_resource *r)
{
	struct arena *a = t->arena;
	const char *name = arena_printf(a, "%sList", name_of(a, r->type));
	const struct schema_type *meta = schema_type("meta/v1.ListMeta");
	if (doc_get(t->schemas, name))
		return reference(t, name);
	struct doc *d = doc_set(a, t->schemas, name, doc_new(a, DOC_MAP));
	set_text(t, d, "description",
		 arena_printf(a, "%s is a list of %s objects.", r->list_kind, r->kind));
	doc_set_str(a, d, "type", "object");
	doc_add(doc_set(a, d, "required", doc_new(a, DOC_ARRAY)), doc_str(a, "items"));
	struct doc *p = doc_set(a, d, "properties", doc_new(a, DOC_MAP));
	doc_set_str(a, doc_set(a, p, "apiVersion", doc_new(a, DOC_MAP)), "type", "string");
	struct doc *items = doc_set(a, p, "items", doc_new(a, DOC_MAP));
	doc_set_str(a, items, "type", "array");
	doc_set(a, items, "items", openapi_type(t, r->type));
	doc_set_str(a, doc_set(a, p, "kind", doc_new(a, DOC_MAP)), "type", "string");
	if (meta)
		doc_set(a, p, "metadata", openapi_type(t, meta));
	add_kind(t, d, r, r->list_kind);
	return reference(t, name);
}

void openapi_types_finish(struct openapi_types *t)
{
	/* Filling one may make others wait. */
	while (t->count)
		fill(t, t->waiting[--t->count]);
	doc_sort_keys(t->arena, t->schemas);
	free(t->waiting);
	t->waiting = NULL;
	t->cap = 0;
}
