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

struct setting {
	struct view_index *x;
	struct span key;
	struct view_object *object; /* as it is now */
	struct buf *put; /* each value that it is found under now, by entry_under */
	struct buf *entry; /* the key of one */
};

static struct span entry_key(struct setting *s, struct span under)
{
	s->entry->len = 0;
	entry_under(s->entry, under);
	buf_append(s->entry, s->key.data, s->key.len);
	return span_buf(s->entry);
}

/* Most changes leave an object where it is found: its entry is filled anew. */
static void put_key(void *arg, struct span under)
{
	struct setting *s = arg;
	size_t facts_bytes = s->x->spec->facts_bytes;
	if (under.len > UINT16_MAX)
		return;
	entry_under(s->put, under);
	struct span key = entry_key(s, under);
	struct index_entry *e = omap_get(&s->x->map, key);
	if (e) {
		memset(e->facts, 0, facts_bytes);
	} else {
		e = mem_alloc(sizeof *e + facts_bytes);
		omap_put(&s->x->map, key, e);
	}
	e->object = s->object;
	if (facts_bytes)
		s->x->spec->facts(s->object, e->facts);
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
	if (under.len <= UINT16_MAX && !is_put(s->put, under))
		free(omap_remove(&s->x->map, entry_key(s, under)));
}

static void set_one(struct view_index *x, struct span key, struct view_object *was,
		    struct view_object *now, struct buf scratch[2])
{
	struct setting s = {x, key, now, &scratch[0], &scratch[1]};
	s.put->len = 0;
	if (now)
		x->spec->keys(mp_of_bytes(now->value), put_key, &s);
	if (was)
		x->spec->keys(mp_of_bytes(was->value), drop_key, &s);
}

void view_indexes_set(struct view_index *first, struct span key, struct view_object *was,
		      struct view_object *now)
{
	struct buf scratch[2] = {{0}, {0}};
	for (struct view_index *x = first; x; x = x->next)
		set_one(x, key, was, now, scratch);
	buf_fini(&scratch[0]);
	buf_fini(&scratch[1]);
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
	struct buf scratch[2] = {{0}, {0}};
	for (struct onode *n = omap_first(objects); n; n = omap_next(n))
		set_one(x, onode_key(n), NULL, n->value, scratch);
	buf_fini(&scratch[0]);
	buf_fini(&scratch[1]);
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
