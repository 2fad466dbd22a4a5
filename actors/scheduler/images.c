#include "actors/scheduler/images.h"

#include <stdlib.h>
#include <string.h>

static const int64_t bytes_min = 23 << 20, bytes_max = INT64_C(1000)
						       << 20; /* the latter a container */

struct image {
	char *name;
	int64_t bytes;
	size_t nodes;
};

/* ---- of nodes */

static void put(struct images *s, struct image *i)
{
	if (--i->nodes)
		return;
	omap_remove(&s->all, span_of(i->name));
	free(i->name);
	free(i);
}

static struct image *take(struct images *s, struct span name, int64_t bytes)
{
	struct image *i = omap_get(&s->all, name);
	if (!i) {
		i = mem_alloc(sizeof *i);
		*i = (struct image){.name = mem_ndup(name.data, name.len)};
		omap_put(&s->all, name, i);
	}
	i->bytes = bytes;
	i->nodes++;
	return i;
}

static bool has(const struct node_images *n, const struct image *i)
{
	for (size_t k = 0; k < n->count; k++)
		if (n->all[k] == i)
			return true;
	return false;
}

static void add(struct images *s, struct node_images *n, struct span name, int64_t bytes)
{
	struct image *i = take(s, name, bytes);
	if (has(n, i)) { /* it is told twice */
		put(s, i);
		return;
	}
	n->all = mem_realloc(n->all, (n->count + 1) * sizeof(struct image *));
	n->all[n->count++] = i;
}

void images_of_node(struct images *s, struct node_images *n, struct mp node)
{
	struct node_images is = {0};
	struct mp list, names;
	size_t images, count;
	if (!node.p || !mp_path(node, "status.images", &list) || mp_array(&list, &images))
		images = 0;
	for (; images > 0; images--, mp_skip(&list)) {
		struct span name;
		if (!mp_find(list, "names", &names) || mp_array(&names, &count))
			continue;
		for (; count > 0 && mp_str(&names, &name) == 0; count--)
			add(s, &is, name, mp_path_int(list, "sizeBytes", 0));
	}
	for (size_t i = 0; i < n->count; i++)
		put(s, n->all[i]);
	free(n->all);
	*n = is;
}

void images_fini(struct images *s)
{
	omap_fini(&s->all, NULL);
}

/* ---- of a pod */

struct image_worth {
	const struct image *image;
	int64_t bytes; /* less where few have it */
};

static const char *tagged(struct arena *a, struct span name)
{
	const char *text = arena_ndup(a, name.data, name.len), *slash = strrchr(text, '/');
	return strrchr(slash ? slash : text, ':') ? text : arena_printf(a, "%s:latest", text);
}

/* The name that Docker's registry has it under, NULL: it is another's. */
static const char *of_docker(struct arena *a, const char *name)
{
	const char *slash = strchr(name, '/');
	if (!slash)
		return arena_printf(a, "docker.io/library/%s", name);
	size_t host = (size_t)(slash - name);
	bool registry = memchr(name, '.', host) || memchr(name, ':', host) ||
			strncmp(name, "localhost/", host + 1) == 0;
	return registry ? NULL : arena_printf(a, "docker.io/%s", name);
}

static const struct image *find(const struct images *s, struct arena *a, struct span name)
{
	const char *text = tagged(a, name), *full;
	const struct image *i = omap_get(&s->all, span_of(text));
	if (i || !(full = of_docker(a, text)))
		return i;
	return omap_get(&s->all, span_of(full));
}

static void look_for(struct images_look *out, struct arena *a, const struct images *s,
		     struct mp containers, size_t nodes)
{
	size_t n;
	if (mp_array(&containers, &n))
		return;
	struct image_worth *all = arena_alloc(a, (out->count + n + 1) * sizeof *all);
	if (out->count)
		memcpy(all, out->all, out->count * sizeof *all);
	out->all = all;
	out->containers += n;
	for (; n > 0; n--, mp_skip(&containers)) {
		const struct image *i = find(s, a, mp_path_str(containers, "image"));
		if (i)
			all[out->count++] = (struct image_worth){
				i, (int64_t)((double)i->bytes * (double)i->nodes / (double)nodes)};
	}
}

void images_look(struct images_look *out, struct arena *a, const struct images *s, struct mp pod,
		 size_t nodes)
{
	struct mp m;
	*out = (struct images_look){0};
	if (!s->all.count)
		return;
	if (mp_path(pod, "spec.initContainers", &m))
		look_for(out, a, s, m, nodes);
	if (mp_path(pod, "spec.containers", &m))
		look_for(out, a, s, m, nodes);
}

int images_score(const struct images_look *l, const struct node_images *n)
{
	int64_t sum = 0, most = (int64_t)l->containers * bytes_max;
	for (size_t i = 0; i < l->count; i++)
		if (has(n, l->all[i].image))
			sum += l->all[i].bytes;
	if (sum < bytes_min)
		return 0;
	return sum >= most ? 100 : (int)(100 * (sum - bytes_min) / (most - bytes_min));
}
