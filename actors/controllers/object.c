#include "actors/controllers/object.h"

struct span object_label(struct mp object, const char *label)
{
	struct mp m;
	struct span s = {0};
	if (!object.p || !mp_path(object, "metadata.labels", &m) || !mp_find(m, label, &m) ||
	    mp_str(&m, &s))
		return (struct span){0};
	return s;
}

bool object_lists(struct mp object, const char *path, const char *text)
{
	struct mp list;
	struct span s;
	size_t n = 0;
	if (!object.p || !mp_path(object, path, &list) || mp_array(&list, &n))
		return false;
	for (; n > 0 && !mp_str(&list, &s); n--)
		if (span_is(s, text))
			return true;
	return false;
}

struct span object_copy(struct arena *a, struct span s)
{
	return (struct span){(uint8_t *)arena_ndup(a, s.data, s.len), s.len};
}

struct doc *object_tree(struct arena *a, struct mp object)
{
	struct span raw;
	struct doc *d = NULL;
	if (!object.p || mp_raw(&object, &raw) ||
	    doc_from_mp(a, mp_of(object_copy(a, raw)), &d, NULL) || !d)
		return doc_new(a, DOC_MAP);
	return d;
}
