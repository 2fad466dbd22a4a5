/* What a path of the API names. Pure; any thread. */
#ifndef API_REQUEST_PATH_H
#define API_REQUEST_PATH_H

#include "actors/schema/schema.h"

/* The next part of a path, without the slash before it; empty between two slashes. False
 * at its end, where slashes that are left mean nothing. */
bool path_part(struct span *path, struct span *out);

struct request_path {
	const struct schema_resource *resource; /* NULL: none that is known */
	struct span namespace, name, subresource; /* empty: not said */
	bool watch; /* /api/v1/watch/...: what changes there */
	struct span rest; /* behind the subresource, its slash included */
};

/* /api/VERSION/... and /apis/GROUP/VERSION/..., in parts of the path. False: it is
 * no path of a resource; one with an empty part, as "/api/v1/namespaces//pods", is none. */
bool request_path_parse(const struct schema *s, struct span path, struct request_path *out);

#endif
