#include "actors/api/request_path.h"

bool path_part(struct span *path, struct span *out)
{
	struct span rest = *path;
	while (rest.len && rest.data[0] == '/')
		rest.data++, rest.len--;
	*out = (struct span){0};
	if (!rest.len) {
		*path = rest; /* slashes at the end are no part */
		return false;
	}
	if (path->data[0] == '/')
		path->data++, path->len--;
	const uint8_t *slash = memchr(path->data, '/', path->len);
	size_t n = slash ? (size_t)(slash - path->data) : path->len;
	*out = (struct span){path->data, n};
	path->data += n;
	path->len -= n;
	return true;
}

/* namespaces/NS/RESOURCE/NAME is one of that namespace; namespaces/NS/status is
 * of the namespace itself. */
static bool parse_names(const struct schema *s, struct span group, struct span version,
			struct span *resource, struct span *path, struct request_path *out)
{
	struct span first, inner, after;
	if (!path_part(path, &first))
		return true;
	after = *path;
	if (span_is(*resource, "namespaces") && path_part(&after, &inner) &&
	    !span_is(inner, "namespaces") && schema_find(s, group, version, inner)) {
		out->namespace = first;
		*resource = inner;
		*path = after;
		return first.len && (!path_part(path, &out->name) || out->name.len);
	}
	out->name = first;
	return first.len > 0;
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
	bool whole = parse_names(s, group, version, &resource, &path, out);
	whole = whole && (!path_part(&path, &out->subresource) || out->subresource.len);
	out->rest = path;
	if (whole)
		out->resource = schema_find(s, group, version, resource);
	return out->resource != NULL;
}
