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

static void entry_key(struct buf *b, struct span under, struct span key)
{
	entry_under(b, under);
	buf_append(b, key.data, key.len);
}

struct setting {
	struct view_index *x;
	struct span key;
	struct view_object *object; /* as it is now */
	struct buf *put; /* each value that it is found under now, by entry_under */
};

static struct index_entry *entry_new(const struct view_index *x, struct view_object *o)
{
	struct index_entry *e = mem_alloc(sizeof *e + x->spec->facts_bytes);
	e->object = o;
	if (x->spec->facts_bytes)
		x->spec->facts(o, e->facts);
	return e;
}

static void put_key(void *arg, struct span under)
{
	struct setting *s = arg;
	struct buf b = {0};
	if (under.len > UINT16_MAX)
		return;
	entry_under(s->put, under);
	entry_key(&b, under, s->key);
	free(omap_put(&s->x->map, span_buf(&b), entry_new(s->x, s->object)));
	buf_fini(&b);
}

static bool is_put(const struct buf *put, struct span under)
{
	for (size_t at = 0; at < put->len;) {
		size_t len = (size_t)put->data[at] << 8 | put->data[at + 1];
		if (len == under.len && memcmp(put->data + at + 2, under.data, len) == 0)
			return true;
		at += 2 + len;
	}
	return false;
}

static void drop_key(void *arg, struct span under)
{
	struct setting *s = arg;
	struct buf b = {0};
	if (under.len > UINT16_MAX || is_put(s->put, under))
		return;
	entry_key(&b, under, s->key);
	free(omap_remove(&s->x->map, span_buf(&b)));
	buf_fini(&b);
}

/* Most changes leave an object where it is found: its entry is replaced. */
static void set_one(struct view_index *x, struct span key, struct view_object *was,
		    struct view_object *now)
{
	struct buf put = {0};
	struct setting s = {x, key, now, &put};
	if (now)
		x->spec->keys(mp_of_bytes(now->value), put_key, &s);
	if (was)
		x->spec->keys(mp_of_bytes(was->value), drop_key, &s);
	buf_fini(&put);
}

void view_indexes_set(struct view_index *first, struct span key, struct view_object *was,
		      struct view_object *now)
{
	for (struct view_index *x = first; x; x = x->next)
		set_one(x, key, was, now);
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
	struct view_index *x = mem_alloc(sizeof *x);
	x->spec = spec;
	x->next = *first;
	*first = x;
	for (struct onode *n = omap_first(objects); n; n = omap_next(n))
		set_one(x, onode_key(n), NULL, n->value);
	return x;
}

int view_index_each(const struct view_index *x, struct span under,
		    int (*each)(void *arg, const struct view_found *found), void *arg)
{
	struct buf b = {0};
	int rc = 0;
	if (under.len > UINT16_MAX)
		return 0;
	entry_key(&b, under, (struct span){0});
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
