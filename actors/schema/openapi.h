/* OpenAPI: what kubectl explain, client-side checks and code generators read
 * of the API. Documents are trees, made from the type tables and the rows of
 * the registry when somebody asks: nothing of them is kept.
 *
 * Version 2 is one document ("swagger 2.0"), also in the protobuf form that
 * kubectl up to 1.26 asks for; version 3 is one per group and version. Names and
 * extensions (x-kubernetes-...) are Kubernetes', so that its clients find
 * their way. Pure; any thread. */
#ifndef SCHEMA_OPENAPI_H
#define SCHEMA_OPENAPI_H

#include "actors/schema/schema.h"

enum openapi_version { OPENAPI_V2 = 2, OPENAPI_V3 = 3 };

/* The document of a group and version; NULL: it serves nothing. */
struct doc *openapi_v3(const struct schema *s, struct span group, struct span version,
		       struct arena *a);
struct doc *openapi_v2(const struct schema *s, struct arena *a);
/* The v2 document as an openapi.v2.Document (gnostic's OpenAPIv2.proto). */
void openapi_v2_protobuf(struct buf *out, const struct doc *document);
/* Changes whenever the document of that group and version may. */
uint32_t openapi_hash(const struct schema *s, struct span group, struct span version);

/* ---- parts, for this folder */

/* Schemas that were referred to and are not written yet. */
struct openapi_types {
	struct arena *arena;
	enum openapi_version version;
	struct doc *schemas; /* name -> schema */
	const struct schema_type **waiting;
	size_t count, cap;
};

/* A reference to the schema of a struct, or the schema of anything else. What it
 * refers to is written by openapi_types_finish. */
struct doc *openapi_type(struct openapi_types *t, const struct schema_type *type);
/* The same for a row's list. */
struct doc *openapi_list_type(struct openapi_types *t, const struct schema_resource *r);
/* Marks the schema of a row's type as that of its kind. */
void openapi_kind(struct openapi_types *t, const struct schema_resource *r);
void openapi_types_finish(struct openapi_types *t); /* frees what it keeps, not the arena */

/* Adds the paths of a row to `paths`. */
void openapi_paths(struct openapi_types *t, struct doc *paths, const struct schema_resource *r);

/* What a type, or one of its fields, is: a sentence, or NULL. */
const char *schema_describe(const struct schema_type *t, const struct schema_field *f);

#endif
