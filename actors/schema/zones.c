#include "actors/schema/zones.h"

const struct zone *zone_find(struct span name)
{
	size_t low = 0, high = zone_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = span_cmp(span_of(zones[mid].name), name);
		if (order == 0)
			return &zones[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int32_t zone_offset_s(const struct zone *z, int64_t at_s)
{
	if (!z)
		return 0;
	const struct zone_change *changes = zone_changes + z->change;
	size_t low = 0, high = z->count; /* the first change after `at_s` */
	while (low < high) {
		size_t mid = (low + high) / 2;
		if ((int64_t)changes[mid].at_s <= at_s)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? changes[low - 1].offset_s : z->first_s;
}
