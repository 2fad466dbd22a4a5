/* What the ports of a node read from the bodies of their calls: text and lists
 * of text, terminated, in an arena. Pure. */
#ifndef NODES_PORT_BODY_H
#define NODES_PORT_BODY_H

#include "broker/base/mem.h"
#include "broker/base/mp.h"

/* Ends with NULL; empty when there is no such list. */
static inline const char **body_texts(struct arena *a, struct mp body, const char *key)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(body, key, &list) || mp_array(&list, &n))
		n = 0;
	const char **out = arena_alloc(a, (n + 1) * sizeof *out);
	for (size_t i = 0; i < n; i++) {
		struct span s = {0};
		mp_str(&list, &s);
		out[i] = arena_ndup(a, s.data, s.len);
	}
	return out;
}

/* "" when there is none. */
static inline char *body_text(struct arena *a, struct mp body, const char *key)
{
	struct span s = mp_path_str(body, key);
	return arena_ndup(a, s.data, s.len);
}

#endif
