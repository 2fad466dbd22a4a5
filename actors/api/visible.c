/* Stored objects as clients see them: in the version that was asked for, as
 * JSON or in Kubernetes' protobuf, which client-go prefers for the built-in
 * kinds. JSON is written straight from msgpack; protobuf passes through a
 * tree, since the wire wants fields by number. */
#include <stdio.h>

#include "actors/api/api_private.h"
#include "actors/schema/protobuf.h"

const struct schema_type *api_body_type(const struct schema_resource *r, const char *subresource)
{
	char name[200];
	const struct schema_subresource *sub =
		*subresource ? schema_subresource(r, span_of(subresource)) : NULL;
	if (!sub || strcmp(sub->kind, r->kind) == 0)
		return r->type;
	int n = (int)strcspn(sub->group, ".");
	snprintf(name, sizeof name, "%.*s/%s.%s", n ? n : 4, n ? sub->group : "core", sub->version,
		 sub->kind);
	return schema_type(name);
}

/* Either the object itself or `converted`, which keeps the bytes. */
static struct mp in_version(const struct schema_resource *r, struct mp object,
			    struct bytes **converted)
{
	*converted = objects_visible(r, object);
	return *converted ? mp_of_bytes(*converted) : object;
}

void visible_object(struct buf *out, const struct schema_resource *r, struct mp object,
		    uint64_t version)
{
	struct bytes *converted;
	(void)json_object(out, in_version(r, object, &converted), version);
	bytes_unref(converted);
}

void visible_item(struct buf *out, const struct schema_resource *r, struct mp object,
		  uint64_t version)
{
	struct bytes *converted;
	(void)json_item(out, in_version(r, object, &converted), version);
	bytes_unref(converted);
}

/* The object as clients see it: with its version. */
static struct doc *visible(struct arena *a, struct mp object, uint64_t version)
{
	struct doc *d = NULL;
	if (doc_from_mp(a, object, &d, NULL))
		return NULL;
	struct doc *m = doc_need_map(a, d, "metadata");
	if (version && m)
		doc_set(a, m, "resourceVersion",
			doc_printf(a, "%llu", (unsigned long long)version));
	return d;
}

void protobuf_object(struct buf *out, const struct schema_type *type, struct mp object,
		     uint64_t version)
{
	struct arena a = {0};
	struct doc *d = visible(&a, object, version);
	if (d)
		protobuf_write(out, type, d);
	arena_fini(&a);
}

void visible_protobuf(struct buf *out, const struct schema_resource *r, struct mp object,
		      uint64_t version)
{
	struct bytes *converted;
	protobuf_object(out, r->type, in_version(r, object, &converted), version);
	bytes_unref(converted);
}

void visible_protobuf_item(struct buf *items, const struct schema_resource *r, struct mp object,
			   uint64_t version)
{
	struct arena a = {0};
	struct bytes *converted;
	struct doc *d = visible(&a, in_version(r, object, &converted), version);
	if (d)
		protobuf_write_item(items, r->type, d);
	arena_fini(&a);
	bytes_unref(converted);
}

void protobuf_status(struct buf *out, const struct doc *status)
{
	protobuf_write(out, schema_type("meta/v1.Status"), status);
}
