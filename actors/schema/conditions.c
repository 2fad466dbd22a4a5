#include "actors/schema/conditions.h"

bool condition_find(struct mp object, struct span type, struct mp *out)
{
	struct mp list;
	size_t n = 0;
	if (!object.p || !mp_path(object, "status.conditions", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--) {
		if (span_eq(mp_path_str(list, "type"), type)) {
			*out = list;
			return true;
		}
		if (mp_skip(&list))
			return false;
	}
	return false;
}

bool condition_is(struct mp object, const char *type, const char *status)
{
	struct mp m;
	return condition_find(object, span_of(type), &m) &&
	       span_is(mp_path_str(m, "status"), status);
}
