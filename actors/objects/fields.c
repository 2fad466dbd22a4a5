#include "actors/objects/fields.h"

#include <string.h>

#include "actors/schema/json.h"
#include "broker/base/omap.h"

bool fields_atomic(const struct schema_field *f, const struct schema_type *type)
{
	const char *list = f ? schema_marks(f)->list_type : NULL;
	switch (type->kind) {
	case SCHEMA_LIST: /* one that says nothing is atomic */
		return !list || *list == 'a';
	case SCHEMA_MAP:
		return list != NULL;
	case SCHEMA_STRUCT:
		return type->atomic;
	default:
		return true;
	}
}

/* ---- names of steps */

static struct span step(struct arena *a, struct span name)
{
	char *text = arena_alloc(a, name.len + 3);
	text[0] = 'f';
	text[1] = ':';
	if (name.len)
		memcpy(text + 2, name.data, name.len);
	return (struct span){(const uint8_t *)text, name.len + 2};
}

static const char *json_text(struct arena *a, const char *prefix, const struct doc *value)
{
	struct buf b = {0};
	buf_puts(&b, prefix);
	json_from_doc(&b, value);
	const char *text = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return text;
}

static const struct doc *key_value(struct arena *a, const struct schema_type *item, const char *key,
				   const struct doc *value)
{
	const struct doc *d = doc_get(value, key);
	const struct schema_field *f = d ? NULL : schema_field(item, span_of(key));
	const char *text = f ? schema_marks(f)->default_text : NULL;
	struct doc *otherwise = NULL;
	if (text)
		(void)json_parse(a, span_of(text), &otherwise, NULL, NULL);
	return d ? d : otherwise;
}

/* The name by one key whose text needs no escape, as nearly all have it. */
static const char *plain_item(struct arena *a, const char *key, const struct doc *value)
{
	size_t k = strlen(key), n = 0;
	if (!doc_is(value, DOC_STR))
		return NULL;
	struct span t = value->text;
	while (n < t.len && t.data[n] >= ' ' && t.data[n] < 0x7f && !strchr("\"\\<>&", t.data[n]))
		n++;
	if (n < t.len)
		return NULL;
	char *out = arena_alloc(a, k + n + sizeof "k:{\"\":\"\"}"), *at = out;
	at = stpcpy(at, "k:{\"");
	at = stpcpy(at, key);
	at = stpcpy(at, "\":\"");
	if (n)
		memcpy(at, t.data, n);
	stpcpy(at + n, "\"}");
	return out;
}

const char *fields_item(struct arena *a, const struct schema_field *list, const struct doc *item)
{
	const struct schema_marks *m = schema_marks(list);
	if (m->list_type && strcmp(m->list_type, "set") == 0)
		return json_text(a, "v:", item);
	if (!m->list_type || strcmp(m->list_type, "map") != 0 || !m->list_keys ||
	    !doc_is(item, DOC_MAP))
		return NULL;
	const char *only = m->list_keys[1] ? NULL : m->list_keys[0];
	const char *plain = only ? plain_item(a, only, doc_get(item, only)) : NULL;
	if (plain)
		return plain;
	struct doc *keys = doc_new(a, DOC_MAP);
	for (const char *const *k = m->list_keys; *k; k++) {
		const struct doc *v = key_value(a, list->type->elem, *k, item);
		if (v)
			doc_set(a, keys, *k, doc_copy(a, v));
	}
	doc_sort_keys(a, keys);
	return keys->count ? json_text(a, "k:", keys) : NULL;
}

/* ---- nodes */

bool fields_member(const struct doc *node)
{
	return node && (node->count == 0 || doc_get(node, "."));
}

static struct doc *leaf(struct arena *a)
{
	return doc_new(a, DOC_MAP);
}

/* NULL: neither a member nor a way to one. */
static struct doc *node(struct arena *a, bool member, struct doc *children)
{
	if (!children || !children->count)
		return member ? leaf(a) : NULL;
	if (member)
		doc_set(a, children, ".", leaf(a));
	doc_sort_keys(a, children);
	return children;
}

static void put(struct arena *a, struct doc **children, const char *name, struct doc *child)
{
	if (!child || !name)
		return;
	if (!*children)
		*children = doc_new(a, DOC_MAP);
	doc_set(a, *children, name, child);
}

/* The same for a step that is there once, as the keys of a map are. */
static void put_step(struct arena *a, struct doc **children, struct span name, struct doc *child)
{
	if (!child)
		return;
	if (!*children)
		*children = doc_new(a, DOC_MAP);
	doc_put(a, *children, name, child);
}

/* ---- all that a value sets */

struct place { /* of a value: the type, and the field that has it (NULL: an item) */
	const struct schema_type *type;
	const struct schema_field *field;
};

static bool empty(const struct doc *d)
{
	return !d || d->type == DOC_NULL ||
	       ((d->type == DOC_MAP || d->type == DOC_ARRAY) && !d->count);
}

static struct doc *set_of(struct arena *a, struct place p, const struct doc *value);

static struct doc *set_of_map(struct arena *a, struct place p, const struct doc *value)
{
	struct doc *children = NULL;
	DOC_EACH(d, value)
	{
		const struct schema_field *f =
			p.type->kind == SCHEMA_STRUCT ? schema_field(p.type, d->key) : NULL;
		if (p.type->kind == SCHEMA_STRUCT && !f)
			continue;
		struct place below = {f ? f->type : p.type->elem, f};
		struct doc *n = set_of(a, below, d);
		/* A key of a map that is no field is a member itself. */
		put_step(a, &children, step(a, d->key), f ? n : node(a, true, n && n->count ? n : NULL));
	}
	return children;
}

static struct doc *set_of_list(struct arena *a, struct place p, const struct doc *value)
{
	struct doc *children = NULL;
	DOC_EACH(d, value)
	{
		struct place below = {p.type->elem, NULL};
		struct doc *n = d->type == DOC_MAP ? set_of(a, below, d) : NULL;
		put(a, &children, fields_item(a, p.field, d),
		    node(a, true, n && n->count ? n : NULL));
	}
	return children;
}

static struct doc *set_of(struct arena *a, struct place p, const struct doc *value)
{
	if (empty(value) || fields_atomic(p.field, p.type))
		return leaf(a);
	if (value->type != DOC_MAP && value->type != DOC_ARRAY)
		return leaf(a);
	return node(a, false,
		    value->type == DOC_MAP ? set_of_map(a, p, value) : set_of_list(a, p, value));
}

struct doc *fields_of(struct arena *a, const struct schema_type *type, const struct doc *value)
{
	return empty(value) ? NULL : set_of(a, (struct place){type, NULL}, value);
}

/* ---- differences */

struct sides {
	const struct doc *was, *is;
	bool was_there; /* Go's zero value is, where it is never left out */
};

static struct fields_diff differ(struct arena *a, struct place p, struct sides s);

/* Folds what differs below one step into the two sets above. */
static void fold(struct arena *a, struct fields_diff *up, struct span name,
		 struct fields_diff below)
{
	put_step(a, &up->changed, name, below.changed);
	put_step(a, &up->removed, name, below.removed);
}

static bool differs(struct fields_diff d)
{
	return d.changed || d.removed;
}

/* What Go's zero of the parent has of this field. */
static bool always_there(const struct schema_field *f, bool parent_there)
{
	return parent_there && f &&
	       ((!f->pointer && f->type->kind == SCHEMA_STRUCT && !f->omitzero) || !f->omitempty);
}

/* `near` as in schema_next_field. */
static void differ_key(struct arena *a, struct fields_diff *up, struct place p, struct span key,
		       struct sides s, size_t *near)
{
	const struct schema_field *f =
		p.type->kind == SCHEMA_STRUCT ? schema_next_field(p.type, key, near) : NULL;
	if (p.type->kind == SCHEMA_STRUCT && !f)
		return;
	struct place below = {f ? f->type : p.type->elem, f};
	struct sides sub = {s.was, s.is, false};
	sub.was_there = sub.was || always_there(f, s.was_there);
	struct fields_diff d = differ(a, below, sub);
	if (differs(d))
		fold(a, up, step(a, key), d);
}

static struct fields_diff differ_map(struct arena *a, struct place p, struct sides s)
{
	struct fields_diff up = {0};
	const struct doc *was = doc_is(s.was, DOC_MAP) ? s.was : NULL;
	const struct doc *is = doc_is(s.is, DOC_MAP) ? s.is : NULL;
	const struct doc *other = was ? was->first : NULL; /* mostly in the same order */
	uint32_t met = 0;
	size_t near = 0;
	DOC_EACH(d, is)
	{
		if (!other || !span_eq(other->key, d->key))
			other = doc_get_span(was, d->key);
		met += other != NULL;
		differ_key(a, &up, p, d->key, (struct sides){other, d, s.was_there}, &near);
		other = other ? other->next : NULL;
	}
	if (!was || met == was->count)
		return up;
	near = 0;
	DOC_EACH(d, was)
	{
		if (!doc_get_span(is, d->key))
			differ_key(a, &up, p, d->key, (struct sides){d, NULL, s.was_there}, &near);
	}
	return up;
}

/* The items of a list with their names, which are NULL of those that have none. */
struct items {
	const struct doc **all;
	const char **names;
	size_t count;
};

static struct items items_of(struct arena *a, const struct schema_field *f, const struct doc *list)
{
	struct items x = {0};
	size_t n = doc_is(list, DOC_ARRAY) ? list->count : 0;
	x.all = arena_alloc(a, n * sizeof *x.all);
	x.names = arena_alloc(a, n * sizeof *x.names);
	DOC_EACH(d, n ? list : NULL)
	{
		x.all[x.count] = d;
		x.names[x.count++] = fields_item(a, f, d);
	}
	return x;
}

static const struct doc *item_named(const struct items *x, const char *name)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->names[i] && strcmp(x->names[i], name) == 0)
			return x->all[i];
	return NULL;
}

static void differ_item(struct arena *a, struct fields_diff *up, struct place p, const char *name,
			const struct doc *was, const struct doc *is)
{
	struct place below = {p.type->elem, NULL};
	struct fields_diff d = differ(a, below, (struct sides){was, is, was != NULL});
	put(a, &up->changed, name, d.changed);
	put(a, &up->removed, name, d.removed);
}

static struct fields_diff differ_list(struct arena *a, struct place p, struct sides s)
{
	struct fields_diff up = {0};
	struct items was = items_of(a, p.field, s.was), is = items_of(a, p.field, s.is);
	for (size_t i = 0; i < is.count; i++)
		if (is.names[i])
			differ_item(a, &up, p, is.names[i], item_named(&was, is.names[i]), is.all[i]);
	for (size_t i = 0; i < was.count; i++)
		if (was.names[i] && !item_named(&is, was.names[i]))
			differ_item(a, &up, p, was.names[i], was.all[i], NULL);
	return up;
}

static struct fields_diff differ(struct arena *a, struct place p, struct sides s)
{
	struct fields_diff d = {0};
	if (s.was && s.is && doc_equal(s.was, s.is))
		return d;
	if ((empty(s.was) && empty(s.is)) || fields_atomic(p.field, p.type)) {
		if (s.is && (!s.was || !doc_equal(s.was, s.is)))
			d.changed = leaf(a);
		else if (s.was && !s.is)
			d.removed = leaf(a);
		return d;
	}
	d = p.type->kind == SCHEMA_LIST ? differ_list(a, p, s) : differ_map(a, p, s);
	d.changed = node(a, s.is && !s.was_there, d.changed);
	d.removed = node(a, s.was && !s.is, d.removed);
	return d;
}

struct fields_diff fields_compare(struct arena *a, const struct schema_type *type,
				  const struct doc *was, const struct doc *is)
{
	return differ(a, (struct place){type, NULL}, (struct sides){was, is, true});
}

struct fields_diff fields_compare_in(struct arena *a, const struct schema_field *f,
				     const struct doc *was, const struct doc *is)
{
	struct fields_diff up = {0};
	struct sides s = {was, is, was || always_there(f, true)};
	fold(a, &up, step(a, span_of(f->json)), differ(a, (struct place){f->type, f}, s));
	return up;
}

/* ---- algebra */

static bool is_dot(const struct doc *d)
{
	return span_is(d->key, ".");
}

struct doc *fields_union(struct arena *a, const struct doc *x, const struct doc *y)
{
	if (!x || !y)
		return x || y ? doc_copy(a, x ? x : y) : NULL;
	struct doc *children = doc_new(a, DOC_MAP);
	DOC_EACH(d, x)
	{
		if (!is_dot(d))
			doc_set_span(a, children, d->key,
				     fields_union(a, d, doc_get_span(y, d->key)));
	}
	DOC_EACH(d, y)
	{
		if (!is_dot(d) && !doc_get_span(x, d->key))
			doc_set_span(a, children, d->key, doc_copy(a, d));
	}
	return node(a, fields_member(x) || fields_member(y), children);
}

struct doc *fields_minus(struct arena *a, const struct doc *x, const struct doc *y)
{
	if (!x || !y)
		return x ? doc_copy(a, x) : NULL;
	struct doc *children = doc_new(a, DOC_MAP);
	DOC_EACH(d, x)
	{
		struct doc *rest = is_dot(d) ? NULL : fields_minus(a, d, doc_get_span(y, d->key));
		if (rest)
			doc_set_span(a, children, d->key, rest);
	}
	return node(a, fields_member(x) && !fields_member(y), children);
}

struct doc *fields_both(struct arena *a, const struct doc *x, const struct doc *y)
{
	if (!x || !y)
		return NULL;
	struct doc *children = doc_new(a, DOC_MAP);
	DOC_EACH(d, x)
	{
		const struct doc *other = is_dot(d) ? NULL : doc_get_span(y, d->key);
		struct doc *both = other ? fields_both(a, d, other) : NULL;
		if (both)
			doc_set_span(a, children, d->key, both);
	}
	return node(a, fields_member(x) && fields_member(y), children);
}

bool fields_meet(const struct doc *x, const struct doc *y)
{
	if (!x || !y)
		return false;
	if (fields_member(x) && fields_member(y))
		return true;
	DOC_EACH(d, x)
	{
		if (!is_dot(d) && fields_meet(d, doc_get_span(y, d->key)))
			return true;
	}
	return false;
}

bool fields_within(const struct doc *x, const struct doc *y)
{
	if (!x)
		return true;
	if (!y || (fields_member(x) && !fields_member(y)))
		return false;
	DOC_EACH(d, x)
	{
		if (!is_dot(d) && !fields_within(d, doc_get_span(y, d->key)))
			return false;
	}
	return true;
}

/* ---- paths for people */

static const char *path_step(struct arena *a, const char *path, struct span name)
{
	struct span rest = {name.data + 2, name.len - 2};
	struct doc *keys;
	if (name.data[0] == 'f')
		return arena_printf(a, "%s.%.*s", path, (int)rest.len, (const char *)rest.data);
	if (name.data[0] != 'k' || json_parse(a, rest, &keys, NULL, NULL))
		return arena_printf(a, "%s[=%.*s]", path, (int)rest.len, (const char *)rest.data);
	const char *text = arena_printf(a, "%s[", path);
	DOC_EACH(d, keys)
	text = arena_printf(a, "%s%s%.*s=%s", text, d == keys->first ? "" : ",", (int)d->key.len,
			    (const char *)d->key.data, json_text(a, "", d));
	return arena_printf(a, "%s]", text);
}

static void each_below(struct arena *a, const struct doc *set, const char *path,
		       void (*each)(void *arg, const char *path), void *arg)
{
	if (fields_member(set) && *path)
		each(arg, path);
	DOC_EACH(d, set)
	{
		if (!is_dot(d) && d->key.len > 2)
			each_below(a, d, path_step(a, path, d->key), each, arg);
	}
}

void fields_each(struct arena *a, const struct doc *set, void (*each)(void *arg, const char *path),
		 void *arg)
{
	if (set)
		each_below(a, set, "", each, arg);
}

/* ---- lists that have an item twice */

static const char *duplicate_below(struct arena *a, const struct schema_field *f,
				   const struct schema_type *type, const struct doc *value, const char *path);

static const char *duplicate_in_map(struct arena *a, const struct schema_type *type, const struct doc *map,
				    const char *path)
{
	const char *found = NULL;
	for (const struct doc *d = map->first; d && !found; d = d->next) {
		const struct schema_field *f = type->kind == SCHEMA_STRUCT ? schema_field(type, d->key) : NULL;
		const struct schema_type *below = f ? f->type : type->elem;
		if (below && (d->type == DOC_MAP || d->type == DOC_ARRAY))
			found = duplicate_below(a, f, below, d,
						arena_printf(a, "%s.%.*s", path, (int)d->key.len,
							     (const char *)d->key.data));
	}
	return found;
}

static const char *duplicate_in_list(struct arena *a, const struct schema_field *f, const struct doc *list,
				     const char *path)
{
	struct omap seen = {0};
	const char *found = NULL;
	for (const struct doc *d = list->first; d && !found; d = d->next) {
		const char *name = fields_item(a, f, d);
		if (!name)
			continue;
		const char *step = path_step(a, "", span_of(name));
		if (omap_put(&seen, span_of(name), (void *)list))
			found = arena_printf(a, "%s: duplicate entries for key %s", path, step);
		else if (d->type == DOC_MAP)
			found = duplicate_below(a, NULL, f->type->elem, d, arena_printf(a, "%s%s", path, step));
	}
	omap_fini(&seen, NULL);
	return found;
}

static const char *duplicate_below(struct arena *a, const struct schema_field *f,
				   const struct schema_type *type, const struct doc *value, const char *path)
{
	if (fields_atomic(f, type))
		return NULL;
	if (value->type == DOC_MAP)
		return duplicate_in_map(a, type, value, path);
	return f && value->type == DOC_ARRAY ? duplicate_in_list(a, f, value, path) : NULL;
}

const char *fields_duplicate(struct arena *a, const struct schema_type *type, const struct doc *value)
{
	return value->type == DOC_MAP ? duplicate_in_map(a, type, value, "") : NULL;
}
