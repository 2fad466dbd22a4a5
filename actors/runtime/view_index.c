/* Indexes of views (view.h). An entry's key is the length of what it is found
 * under, that, and the object's key: so one seek finds all of one value, in
 * the order of their keys. The entry borrows the object from the view, which
 * changes both in one step. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"

struct view_index {
	struct view_index *next;
	const struct view_index_spec *spec;
	struct omap map; /* -> struct index_entry */
};

struct index_entry {
	struct view_object *object;
	max_align_t facts[];
};

static void entry_under(struct buf *b, struct span under)
{
	buf_putc(b, (char)(under.len >> 8));
	buf_putc(b, (char)under.len);
	buf_append(b, under.data, under.len);
}

/* What an object is found under, by one function of keys: each value as entry_under
 * writes it, of the object as it is and as it was. */
struct values {
	void (*keys)(struct mp object, void (*put)(void *arg, struct span under), void *arg);
	struct buf now, was;
};

static void note_value(void *list, struct span under)
{
	if (under.len <= UINT16_MAX)
		entry_under(list, under);
}

static void read_values(struct values *v, const struct view_index_spec *spec,
			const struct view_object *was, const struct view_object *now)
{
	if (v->keys == spec->keys)
		return; /* those of the index before */
	v->keys = spec->keys;
	v->now.len = v->was.len = 0;
	if (now)
		spec->keys(mp_of_bytes(now->value), note_value, &v->now);
	if (was)
		spec->keys(mp_of_bytes(was->value), note_value, &v->was);
}

static bool next_value(const struct buf *list, size_t *at, struct span *value)
{
	if (*at >= list->len)
		return false;
	size_t len = 2 + ((size_t)list->data[*at] << 8 | list->data[*at + 1]);
	*value = (struct span){list->data + *at, len};
	*at += len;
	return true;
}

static bool has_value(const struct buf *list, struct span value)
{
	struct span v;
	for (size_t at = 0; next_value(list, &at, &v);)
		if (span_eq(v, value))
			return true;
	return false;
}

static struct span entry_key(struct buf *b, struct span value, struct span key)
{
	b->len = 0;
	buf_append(b, value.data, value.len);
	buf_append(b, key.data, key.len);
	return span_buf(b);
}

/* Most changes leave an object where it is found: its entry is filled anew. */
static void put_entry(struct view_index *x, struct span key, struct view_object *now)
{
	size_t facts_bytes = x->spec->facts_bytes;
	struct index_entry *e = omap_get(&x->map, key);
	if (e) {
		memset(e->facts, 0, facts_bytes);
	} else {
		e = mem_alloc(sizeof *e + facts_bytes);
		omap_put(&x->map, key, e);
	}
	e->object = now;
	if (facts_bytes)
		x->spec->facts(now, e->facts);
}

struct scratch {
	struct values values;
	struct buf entry; /* the key of one */
};

static void set_one(struct view_index *x, struct span key, struct view_object *was,
		    struct view_object *now, struct scratch *s)
{
	struct span value;
	read_values(&s->values, x->spec, was, now);
	for (size_t at = 0; next_value(&s->values.now, &at, &value);)
		put_entry(x, entry_key(&s->entry, value, key), now);
	for (size_t at = 0; next_value(&s->values.was, &at, &value);)
		if (!has_value(&s->values.now, value))
			free(omap_remove(&x->map, entry_key(&s->entry, value, key)));
}

static void scratch_fini(struct scratch *s)
{
	buf_fini(&s->values.now);
	buf_fini(&s->values.was);
	buf_fini(&s->entry);
}

void view_indexes_set(struct view_index *first, struct span key, struct view_object *was,
		      struct view_object *now)
{
	struct scratch s = {0};
	for (struct view_index *x = first; x; x = x->next)
		set_one(x, key, was, now, &s);
	scratch_fini(&s);
}

void view_indexes_free(struct view_index *x)
{
	while (x) {
		struct view_index *next = x->next;
		omap_fini(&x->map, free);
		free(x);
		x = next;
	}
}

struct view_index *view_index_open(struct view_index **first, const struct omap *objects,
				   const struct view_index_spec *spec)
{
	for (struct view_index *x = *first; x; x = x->next)
		if (strcmp(x->spec->name, spec->name) == 0)
			return x;
	struct view_index *x = mem_alloc(sizeof *x), **at = first;
	while (*at && (*at)->spec->keys != spec->keys)
		at = &(*at)->next; /* those of the same keys are one behind the other */
	x->spec = spec;
	x->next = *at;
	*at = x;
	struct scratch s = {0};
	for (struct onode *n = omap_first(objects); n; n = omap_next(n)) {
		s.values.keys = NULL;
		set_one(x, onode_key(n), NULL, n->value, &s);
	}
	scratch_fini(&s);
	return x;
}

int view_index_each(const struct view_index *x, struct span under,
		    int (*each)(void *arg, const struct view_found *found), void *arg)
{
	struct buf b = {0};
	int rc = 0;
	if (under.len > UINT16_MAX)
		return 0;
	entry_under(&b, under);
	for (struct onode *n = omap_seek(&x->map, span_buf(&b)); n && !rc; n = omap_next(n)) {
		struct span key = onode_key(n);
		const struct index_entry *e = n->value;
		if (key.len < b.len || memcmp(key.data, b.data, b.len) != 0)
			break;
		rc = each(arg, &(struct view_found){
				       {key.data + b.len, key.len - b.len}, e->object, e->facts});
	}
	buf_fini(&b);
	return rc;
}
