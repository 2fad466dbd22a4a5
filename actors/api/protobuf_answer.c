/* Answers in Kubernetes' protobuf, for clients that prefer it (client-go for
 * the built-in kinds). Stored objects are msgpack; here they pass through a
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

void protobuf_item(struct buf *items, const struct schema_type *type, struct mp object,
		   uint64_t version)
{
	struct arena a = {0};
	struct doc *d = visible(&a, object, version);
	if (d)
		protobuf_write_item(items, type, d);
	arena_fini(&a);
}

void protobuf_status(struct buf *out, const struct doc *status)
{
	protobuf_write(out, schema_type("meta/v1.Status"), status);
}
