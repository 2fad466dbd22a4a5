#include "actors/api/request_path.h"

bool path_part(struct span *path, struct span *out)
{
	while (path->len && path->data[0] == '/')
		path->data++, path->len--;
	*out = (struct span){0};
	if (!path->len)
		return false;
	const uint8_t *slash = memchr(path->data, '/', path->len);
	size_t n = slash ? (size_t)(slash - path->data) : path->len;
	*out = (struct span){path->data, n};
	path->data += n;
	path->len -= n;
	return true;
}

/* namespaces/NS/RESOURCE/NAME is one of that namespace; namespaces/NS/status is
 * of the namespace itself. */
static void parse_names(const struct schema *s, struct span group, struct span version,
			struct span *resource, struct span *path, struct request_path *out)
{
	struct span first, inner, after;
	if (!path_part(path, &first))
		return;
	after = *path;
	if (span_is(*resource, "namespaces") && path_part(&after, &inner) &&
	    !span_is(inner, "namespaces") && schema_find(s, group, version, inner)) {
		out->namespace = first;
		*resource = inner;
		*path = after;
		path_part(path, &out->name);
	} else {
		out->name = first;
	}
}

bool request_path_parse(const struct schema *s, struct span path, struct request_path *out)
{
	struct span root, group = {0}, version, resource;
	*out = (struct request_path){0};
	if (!path_part(&path, &root) ||
	    !(span_is(root, "api") || (span_is(root, "apis") && path_part(&path, &group))) ||
	    !path_part(&path, &version) || !path_part(&path, &resource))
		return false;
	struct span after = path, inner;
	if (span_is(resource, "watch") && path_part(&after, &inner)) {
		out->watch = true;
		resource = inner;
		path = after;
	}
	parse_names(s, group, version, &resource, &path, out);
	out->resource = schema_find(s, group, version, resource);
	path_part(&path, &out->subresource);
	out->rest = path;
	return out->resource != NULL;
}
