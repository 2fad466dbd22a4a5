#include "actors/controllers/object.h"

#include <string.h>

#include "actors/schema/rfc3339.h"

static struct span text_in(struct mp object, const char *map, const char *key)
{
	struct mp m;
	struct span s = {0};
	if (!object.p || !mp_path(object, map, &m) || !mp_find(m, key, &m) || mp_str(&m, &s))
		return (struct span){0};
	return s;
}

struct span object_label(struct mp object, const char *label)
{
	return text_in(object, "metadata.labels", label);
}

struct span object_annotation(struct mp object, const char *name)
{
	return text_in(object, "metadata.annotations", name);
}

int64_t object_share(struct mp object, const char *path, int64_t total, bool up, int64_t otherwise)
{
	struct mp m;
	struct span s;
	int64_t v = 0;
	if (!object.p || !mp_path(object, path, &m))
		return otherwise;
	if (mp_str(&m, &s))
		return mp_path_int(object, path, otherwise);
	if (s.len < 2 || s.len > 9 || s.data[s.len - 1] != '%')
		return otherwise;
	for (size_t i = 0; i + 1 < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return otherwise;
		v = 10 * v + s.data[i] - '0';
	}
	return (v * total + (up ? 99 : 0)) / 100;
}

int64_t object_time_us(struct mp object, const char *path)
{
	int64_t us;
	struct span s = mp_path_str(object, path);
	return s.len && rfc3339_parse(s, &us) == 0 ? us : 0;
}

static struct span raw_at(struct mp object, const char *path)
{
	struct mp m;
	struct span raw = {0};
	if (object.p && mp_path(object, path, &m))
		(void)mp_raw(&m, &raw);
	return raw;
}

bool object_same_at(struct mp a, struct mp b, const char *path)
{
	return span_eq(raw_at(a, path), raw_at(b, path));
}

struct objects_in objects_in(const struct view *v, const struct schema_resource *r,
			     struct span namespace)
{
	struct objects_in it = {0};
	struct buf b = {0};
	schema_key(&b, r, namespace, (struct span){0});
	if (b.len <= sizeof it.prefix) { /* longer than any key is nobody's */
		memcpy(it.prefix, b.data, b.len);
		it.prefix_len = b.len;
		it.node = omap_seek(view_map(v), span_buf(&b));
	}
	buf_fini(&b);
	return it;
}

bool objects_next(struct objects_in *it)
{
	if (!it->node)
		return false;
	it->key = onode_key(it->node);
	if (it->key.len < it->prefix_len || memcmp(it->key.data, it->prefix, it->prefix_len) != 0)
		return false;
	it->value = it->node->value;
	it->object = object_of(it->value);
	it->node = omap_next(it->node);
	return true;
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
