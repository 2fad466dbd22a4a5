#include "nodes/disk_use.h"

#include "actors/objects/usage.h"

/* ---- what is used */

static struct disk_used used_at(struct mp map, const char *bytes, const char *inodes)
{
	return (struct disk_used){mp_path_int(map, bytes, 0), mp_path_int(map, inodes, 0)};
}

static bool named(struct mp map, const char *list, struct span name, struct mp *out)
{
	size_t n;
	if (!mp_path(map, list, out) || mp_array(out, &n))
		return false;
	for (; n > 0; n--, mp_skip(out))
		if (span_eq(mp_path_str(*out, "name"), name))
			return true;
	return false;
}

static size_t list_at(struct mp map, const char *path, struct mp *out)
{
	size_t n = 0;
	return map.p && mp_path(map, path, out) && mp_array(out, &n) == 0 ? n : 0;
}

struct disk_used disk_use_rootfs(struct mp disk, struct span container)
{
	struct mp c;
	return disk.p && named(disk, "containers", container, &c)
		       ? used_at(c, "rootfs.used", "rootfs.inodes_used")
		       : (struct disk_used){0, 0};
}

struct disk_used disk_use_logs(struct mp disk, struct span container)
{
	struct mp c;
	return disk.p && named(disk, "containers", container, &c)
		       ? used_at(c, "logs.used", "logs.inodes_used")
		       : (struct disk_used){0, 0};
}

bool disk_use_counts(struct mp pod, struct span volume)
{
	struct mp v, body;
	if (!named(pod, "spec.volumes", volume, &v))
		return false;
	if (mp_find(v, "emptyDir", &body))
		return mp_path_str(body, "medium").len == 0;
	return mp_find(v, "configMap", &body);
}

static void add(struct disk_used *sum, struct disk_used more)
{
	sum->bytes += more.bytes;
	sum->inodes += more.inodes;
}

struct disk_used disk_use_pod(struct mp pod, struct mp disk)
{
	struct disk_used sum = {0, 0};
	struct mp list;
	for (size_t n = list_at(disk, "containers", &list); n > 0; n--, mp_skip(&list)) {
		add(&sum, used_at(list, "rootfs.used", "rootfs.inodes_used"));
		add(&sum, used_at(list, "logs.used", "logs.inodes_used"));
	}
	for (size_t n = list_at(disk, "volumes", &list); n > 0; n--, mp_skip(&list))
		if (disk_use_counts(pod, mp_path_str(list, "name")))
			add(&sum, used_at(list, "used", "inodes_used"));
	return sum;
}

/* ---- what may be */

static bool limit_of(struct mp map, const char *path, struct quantity *out)
{
	struct span text = mp_path_str(map, path);
	return text.len && quantity_parse(text, out) == 0 && quantity_value(*out) > 0;
}

static const char *text_of(struct arena *a, struct quantity q)
{
	char text[QUANTITY_TEXT_MAX];
	quantity_format(q, text);
	return arena_dup(a, text);
}

static const char *empty_dir_excess(struct arena *a, struct mp pod, struct mp disk)
{
	struct mp list, volume;
	struct quantity limit;
	for (size_t n = list_at(pod, "spec.volumes", &list); n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name");
		if (limit_of(list, "emptyDir.sizeLimit", &limit) &&
		    named(disk, "volumes", name, &volume) &&
		    mp_path_int(volume, "used", 0) > quantity_value(limit))
			return arena_printf(a, "Usage of EmptyDir volume \"%.*s\" exceeds the limit \"%s\". ",
					    (int)name.len, (const char *)name.data, text_of(a, limit));
	}
	return NULL;
}

/* False: nothing has a limit. */
static bool pod_limit(struct arena *a, struct mp pod, struct quantity *out)
{
	struct amounts limits = {.a = a};
	struct mp spec;
	if (!mp_find(pod, "spec", &spec))
		return false;
	usage_of_pod(spec, "limits", &limits);
	const struct amount *x = amounts_find(&limits, span_of("ephemeral-storage"));
	if (x)
		*out = x->q;
	return x && quantity_value(x->q) > 0;
}

static const char *container_excess(struct arena *a, struct mp pod, struct mp disk)
{
	struct mp list;
	struct quantity limit;
	for (size_t n = list_at(pod, "spec.containers", &list); n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name");
		int64_t used = disk_use_rootfs(disk, name).bytes + disk_use_logs(disk, name).bytes;
		if (limit_of(list, "resources.limits.ephemeral-storage", &limit) &&
		    used > quantity_value(limit))
			return arena_printf(a, "Container %.*s exceeded its local ephemeral storage limit \"%s\". ",
					    (int)name.len, (const char *)name.data, text_of(a, limit));
	}
	return NULL;
}

const char *disk_use_excess(struct arena *a, struct mp pod, struct mp disk)
{
	struct quantity limit;
	const char *why = empty_dir_excess(a, pod, disk);
	if (!why && pod_limit(a, pod, &limit) && disk_use_pod(pod, disk).bytes > quantity_value(limit))
		why = arena_printf(a, "Pod ephemeral local storage usage exceeds the total limit of "
				      "containers %s. ", text_of(a, limit));
	return why ? why : container_excess(a, pod, disk);
}
