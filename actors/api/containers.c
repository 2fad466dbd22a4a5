/* Which container of a pod is meant, in Kubernetes' words when it is not clear. */
#include "actors/api/api_private.h"

static void put_names(struct buf *out, struct mp pod, const char *list)
{
	struct mp at;
	size_t n = 0;
	if (!mp_path(pod, list, &at) || mp_array(&at, &n))
		return;
	for (size_t i = 0; i < n && !mp_skip(&(struct mp){.p = at.p, .end = at.end}); i++) {
		struct span name = mp_path_str(at, "name");
		buf_puts(out, i ? " " : "");
		buf_append(out, name.data, name.len);
		mp_skip(&at);
	}
}

static size_t count_of(struct mp pod, const char *list)
{
	struct mp at;
	size_t n = 0;
	return mp_path(pod, list, &at) && mp_array(&at, &n) == 0 ? n : 0;
}

static bool has_container(struct mp pod, struct span name)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers",
					    "spec.ephemeralContainers"};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct mp at;
		size_t n = 0;
		if (!mp_path(pod, lists[i], &at) || mp_array(&at, &n))
			continue;
		for (size_t j = 0; j < n; j++, mp_skip(&at))
			if (span_eq(mp_path_str(at, "name"), name))
				return true;
	}
	return false;
}

static struct doc *unclear(struct call *k, struct mp pod)
{
	struct buf text = {0};
	buf_printf(&text, "a container name must be specified for pod %.*s, choose one of: [",
		   (int)k->name.len, (const char *)k->name.data);
	put_names(&text, pod, "spec.containers");
	buf_puts(&text, "]");
	if (count_of(pod, "spec.initContainers")) {
		buf_puts(&text, " or one of the init containers: [");
		put_names(&text, pod, "spec.initContainers");
		buf_puts(&text, "]");
	}
	struct doc *d = status_bad_request(&k->arena, arena_dup(&k->arena, buf_text(&text)));
	buf_fini(&text);
	return d;
}

struct doc *container_choose(struct call *k, struct mp pod)
{
	struct mp at;
	size_t n = 0;
	k->container = call_arg(k, "container");
	if (k->container.len)
		return has_container(pod, k->container)
			       ? NULL
			       : status_bad_request(
					 &k->arena,
					 arena_printf(&k->arena, "container %.*s is not valid for pod %.*s",
						      (int)k->container.len,
						      (const char *)k->container.data,
						      (int)k->name.len, (const char *)k->name.data));
	if (count_of(pod, "spec.containers") != 1)
		return unclear(k, pod);
	mp_path(pod, "spec.containers", &at);
	mp_array(&at, &n);
	struct span name = mp_path_str(at, "name");
	k->container = (struct span){(uint8_t *)arena_ndup(&k->arena, name.data, name.len), name.len};
	return NULL;
}
