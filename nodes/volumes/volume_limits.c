/* Empty directories with a sizeLimit. Those in memory have theirs as a tmpfs; of the others
 * somebody has to look now and then. Source of the rules: kubernetes
 * pkg/kubelet/eviction/eviction_manager.go, emptyDirLimitEviction. */
#include "actors/schema/quantity.h"
#include "nodes/volumes/volume_private.h"

/* Moves to the next of spec.volumes that has one. */
static bool next_limit(struct mp *volumes, size_t *left, struct span *name, struct span *limit)
{
	while (*left > 0) {
		struct mp body;
		*name = mp_path_str(*volumes, "name");
		*limit = (struct span){0};
		if (mp_find(*volumes, "emptyDir", &body) && !mp_path_str(body, "medium").len)
			*limit = mp_path_str(body, "sizeLimit");
		mp_skip(volumes);
		--*left;
		if (limit->len)
			return true;
	}
	return false;
}

static size_t volumes_of(struct mp pod, struct mp *out)
{
	size_t n = 0;
	return mp_path(pod, "spec.volumes", out) && mp_array(out, &n) == 0 ? n : 0;
}

struct span volume_limits(struct arena *a, struct mp pod)
{
	struct mp volumes;
	struct span name, limit, out = {0};
	struct quantity q;
	struct buf b = {0};
	size_t n = volumes_of(pod, &volumes), count = 0, at = mpw_array_open(&b);
	while (next_limit(&volumes, &n, &name, &limit)) {
		if (quantity_parse(limit, &q) || quantity_value(q) <= 0 ||
		    !volume_is_used(pod, "volumeMounts", name))
			continue;
		mpw_array(&b, 2);
		mpw_span(&b, name);
		mpw_i64(&b, quantity_value(q));
		count++;
	}
	mpw_array_close(&b, at, count);
	if (count)
		out = (struct span){(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	buf_fini(&b);
	return out;
}

const char *volume_limit_message(struct arena *a, struct mp pod, struct span wanted)
{
	struct mp volumes;
	struct span name, limit;
	size_t n = volumes_of(pod, &volumes);
	while (next_limit(&volumes, &n, &name, &limit))
		if (span_eq(name, wanted))
			return arena_printf(a, "Usage of EmptyDir volume \"%.*s\" exceeds the limit "
					    "\"%.*s\". ", (int)name.len, (const char *)name.data,
					    (int)limit.len, (const char *)limit.data);
	return "";
}
