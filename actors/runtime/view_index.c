/* Indexes of views (view.h). An entry's key is the length of what it is found
 * under, that, and the object's key: so one seek finds all of one value, in
 * the order of their keys. The entry borrows the object from the view, which
 * changes both in one step. */
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell_private.h"

struct view_index {
	struct view_index *next;
	char *name;
	view_index_keys *keys;
	struct omap map;
};

static void entry_key(struct buf *b, struct span under, struct span key)
{
	buf_putc(b, (char)(under.len >> 8));
	buf_putc(b, (char)under.len);
	buf_append(b, under.data, under.len);
	buf_append(b, key.data, key.len);
}

struct entry {
	struct view_index *x;
	struct span key;
	struct view_object *object; /* NULL: it goes */
};

static void each_key(void *arg, struct span under)
{
	struct entry *e = arg;
	struct buf b = {0};
	if (under.len > UINT16_MAX)
		return;
	entry_key(&b, under, e->key);
	if (e->object)
		omap_put(&e->x->map, span_buf(&b), e->object);
	else
		omap_remove(&e->x->map, span_buf(&b));
	buf_fini(&b);
}

static void set_one(struct view_index *x, struct span key, struct view_object *was,
		    struct view_object *now)
{
	struct entry e = {x, key, NULL};
	if (was)
		x->keys(mp_of(bytes_span(was->value)), each_key, &e);
	e.object = now;
	if (now)
		x->keys(mp_of(bytes_span(now->value)), each_key, &e);
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
		omap_fini(&x->map, NULL);
		free(x->name);
		free(x);
		x = next;
	}
}

struct view_index *view_index_open(struct view_index **first, const struct omap *objects,
				   const char *name, view_index_keys *keys)
{
	for (struct view_index *x = *first; x; x = x->next)
		if (strcmp(x->name, name) == 0)
			return x;
	struct view_index *x = mem_alloc(sizeof *x);
	x->name = mem_dup(name);
	x->keys = keys;
	x->next = *first;
	*first = x;
	for (struct onode *n = omap_first(objects); n; n = omap_next(n))
		set_one(x, onode_key(n), NULL, n->value);
	return x;
}

int view_index_each(const struct view_index *x, struct span under,
		    int (*each)(void *arg, struct span key, struct view_object *o), void *arg)
{
	struct buf b = {0};
	int rc = 0;
	if (under.len > UINT16_MAX)
		return 0;
	entry_key(&b, under, (struct span){0});
	for (struct onode *n = omap_seek(&x->map, span_buf(&b)); n && !rc; n = omap_next(n)) {
		struct span key = onode_key(n);
		if (key.len < b.len || memcmp(key.data, b.data, b.len) != 0)
			break;
		rc = each(arg, (struct span){key.data + b.len, key.len - b.len}, n->value);
	}
	buf_fini(&b);
	return rc;
}
