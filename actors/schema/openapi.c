/* The documents (see openapi.h). */
#include "actors/schema/openapi.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/crc.h"

#define VERSION_TEXT "v1.34.0"

static bool in(const struct schema_resource *r, struct span group, struct span version)
{
	return span_is(group, r->group) && span_is(version, r->version);
}

static struct doc *head(struct arena *a, const char *key, const char *version)
{
	struct doc *d = doc_new(a, DOC_MAP);
	doc_set_str(a, d, key, version);
	struct doc *info = doc_set(a, d, "info", doc_new(a, DOC_MAP));
	doc_set_str(a, info, "title", "Troupe");
	doc_set_str(a, info, "version", VERSION_TEXT);
	return d;
}

static void add_row(struct openapi_types *t, struct doc *paths, const struct schema_resource *r)
{
	openapi_kind(t, r);
	openapi_paths(t, paths, r);
}

struct doc *openapi_v3(const struct schema *s, struct span group, struct span version,
		       struct arena *a)
{
	struct doc *d = head(a, "openapi", "3.0.0");
	struct doc *paths = doc_set(a, d, "paths", doc_new(a, DOC_MAP));
	struct doc *components = doc_set(a, d, "components", doc_new(a, DOC_MAP));
	struct openapi_types t = {.arena = a,
				  .version = OPENAPI_V3,
				  .schemas =
					  doc_set(a, components, "schemas", doc_new(a, DOC_MAP))};
	for (size_t i = 0; i < schema_count(s); i++)
		if (in(schema_row(s, i), group, version))
			add_row(&t, paths, schema_row(s, i));
	openapi_types_finish(&t);
	doc_sort_keys(a, paths);
	return paths->count ? d : NULL;
}

struct doc *openapi_v2(const struct schema *s, struct arena *a)
{
	struct doc *d = head(a, "swagger", "2.0");
	struct doc *paths = doc_set(a, d, "paths", doc_new(a, DOC_MAP));
	struct openapi_types t = {.arena = a,
				  .version = OPENAPI_V2,
				  .schemas = doc_set(a, d, "definitions", doc_new(a, DOC_MAP))};
	for (size_t i = 0; i < schema_count(s); i++)
		add_row(&t, paths, schema_row(s, i));
	openapi_types_finish(&t);
	doc_sort_keys(a, paths);
	return d;
}

/* Documents follow from this program and the rows. */
uint32_t openapi_hash(const struct schema *s, struct span group, struct span version)
{
	uint32_t crc = crc32c(0, span_of(VERSION_TEXT " 1"));
	for (size_t i = 0; i < schema_count(s); i++) {
		const struct schema_resource *r = schema_row(s, i);
		if (!in(r, group, version))
			continue;
		crc = crc32c(crc, span_of(r->resource));
		crc = crc32c(crc, span_of(r->type ? r->type->name : ""));
		for (size_t k = 0; k < r->subresource_count; k++)
			crc = crc32c(crc, span_of(r->subresources[k].name));
	}
	return crc;
}
