/* /openapi: documents that are made when they are asked for (schema/openapi.h).
 * The index names each group's document with a hash that changes with it, so
 * that clients keep what they have. */
#include <string.h>

#include "actors/api/api_private.h"
#include "actors/schema/openapi.h"

#define V3 "/openapi/v3"

/* The group and version of "apis/apps/v1" or "api/v1". */
static bool split(struct span path, struct span *group, struct span *version)
{
	static const char core[] = "api/", named[] = "apis/";
	*group = (struct span){0};
	if (path.len > sizeof core - 1 && memcmp(path.data, core, sizeof core - 1) == 0) {
		*version = (struct span){path.data + sizeof core - 1, path.len - sizeof core + 1};
		return true;
	}
	if (path.len <= sizeof named - 1 || memcmp(path.data, named, sizeof named - 1) != 0)
		return false;
	const uint8_t *at = path.data + sizeof named - 1, *end = path.data + path.len;
	const uint8_t *slash = memchr(at, '/', (size_t)(end - at));
	if (!slash)
		return false;
	*group = (struct span){at, (size_t)(slash - at)};
	*version = (struct span){slash + 1, (size_t)(end - slash - 1)};
	return true;
}

static bool first_of_its_group(const struct schema *s, size_t i)
{
	const struct schema_resource *r = schema_row(s, i);
	for (size_t k = 0; k < i; k++) {
		const struct schema_resource *was = schema_row(s, k);
		if (strcmp(was->group, r->group) == 0 && strcmp(was->version, r->version) == 0)
			return false;
	}
	return true;
}

static void put_index(const struct schema *s, struct buf *b)
{
	size_t n = 0;
	buf_puts(b, "{\"paths\":{");
	for (size_t i = 0; i < schema_count(s); i++) {
		const struct schema_resource *r = schema_row(s, i);
		if (!first_of_its_group(s, i))
			continue;
		const char *apis = *r->group ? "apis/" : "api", *slash = "/";
		buf_printf(b,
			   "%s\"%s%s%s%s\":{\"serverRelativeURL\":\"" V3 "/%s%s%s%s?hash=%08X\"}",
			   n++ ? "," : "", apis, r->group, slash, r->version, apis, r->group, slash,
			   r->version, openapi_hash(s, span_of(r->group), span_of(r->version)));
	}
	buf_puts(b, "}}\n");
}

static void put_v2(const struct api *a, struct call *k, struct buf *b, enum http_type *type)
{
	static const char protobuf[] = "com.github.proto-openapi.spec.v2";
	struct doc *d = openapi_v2(a->schema, &k->arena);
	if (memmem(k->accept.data, k->accept.len, protobuf, sizeof protobuf - 1)) {
		*type = HTTP_OPENAPI_V2; /* as Kubernetes: its own name for it is no media type */
		openapi_v2_protobuf(b, d);
	} else {
		json_from_doc(b, d);
	}
}

static bool put_v3(const struct api *a, struct call *k, struct span path, struct buf *b)
{
	struct span group, version;
	struct doc *d = split(path, &group, &version)
				? openapi_v3(a->schema, group, version, &k->arena)
				: NULL;
	if (d)
		json_from_doc(b, d);
	return d != NULL;
}

bool openapi(struct ctx *c, struct api *a, struct call *k)
{
	static const char root[] = "/openapi/", v3[] = V3 "/";
	struct buf b = {0};
	enum http_type type = HTTP_JSON;
	bool found = true;
	if (k->path.len < sizeof root - 1 || memcmp(k->path.data, root, sizeof root - 1) != 0)
		return false;
	if (span_is(k->path, V3))
		put_index(a->schema, &b);
	else if (span_is(k->path, "/openapi/v2"))
		put_v2(a, k, &b, &type);
	else
		found = k->path.len > sizeof v3 - 1 &&
			memcmp(k->path.data, v3, sizeof v3 - 1) == 0 &&
			put_v3(a, k,
			       (struct span){k->path.data + sizeof v3 - 1,
					     k->path.len - sizeof v3 + 1},
			       &b);
	if (found)
		answer_text(c, a, k, 200, type, &b);
	else
		answer_status(c, a, k, status_no_resource(&k->arena));
	return true;
}
