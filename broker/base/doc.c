/* The tree. Children are doubly linked, so that removing, replacing and
 * appending cost O(1) whatever the size; a map gets a hash index with its
 * DOC_INDEX_FROMth key. The index is open addressing with tombstone-free deletion
 * (backward shift), at most half full, and holds the nodes themselves.
 *
 * Rejected: children in a vector (inserting in the middle and stable node
 * pointers cost more than the links), and a parent pointer (containers are
 * always at hand where it would be used). */
#include "broker/base/doc.h"

#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/sort.h"

enum { SORT_FEW = 24 }; /* keys that are sorted in place */

struct doc_index {
	uint32_t mask; /* slots - 1 */
	struct doc **slots;
};

/* ---- nodes */

struct doc *doc_new(struct arena *a, enum doc_type type)
{
	struct doc *d = arena_alloc(a, sizeof *d);
	d->type = (uint8_t)type;
	return d;
}

struct doc *doc_bool(struct arena *a, bool v)
{
	struct doc *d = doc_new(a, DOC_BOOL);
	d->boolean = v;
	return d;
}

struct doc *doc_int(struct arena *a, int64_t v)
{
	struct doc *d = doc_new(a, DOC_INT);
	d->integer = v;
	return d;
}

struct doc *doc_double(struct arena *a, double v)
{
	struct doc *d = doc_new(a, DOC_DOUBLE);
	d->real = v;
	return d;
}

struct doc *doc_span(struct arena *a, struct span text)
{
	struct doc *d = doc_new(a, DOC_STR);
	d->text = text;
	return d;
}

struct doc *doc_str(struct arena *a, const char *text)
{
	return doc_span(a, span_of(text));
}

struct doc *doc_printf(struct arena *a, const char *fmt, ...)
{
	char small[512];
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n;
	char *text = arena_alloc(a, len + 1);
	if (len < sizeof small)
		memcpy(text, small, len);
	else
		vsnprintf(text, len + 1, fmt, again);
	va_end(again);
	return doc_span(a, (struct span){(const uint8_t *)text, len});
}

const char *doc_type_name(enum doc_type t)
{
	static const char *const names[] = {"null",   "bool",  "number", "number",
					    "string", "array", "object", "object", "object"};
	return names[t];
}

/* ---- the index of a large map */

/* Multiply and fold, eight bytes at a time. The seed is where the slots lie:
 * outsiders cannot choose keys that collide, and nothing but the speed of a
 * lookup depends on it. */
static uint32_t hash_key(const struct doc_index *x, struct span k)
{
	uint64_t h = (uint64_t)(uintptr_t)x->slots ^ k.len * 0x9e3779b97f4a7c15u;
	while (k.len > 0) {
		uint64_t chunk = 0;
		size_t n = k.len < 8 ? k.len : 8;
		memcpy(&chunk, k.data, n);
		unsigned __int128 m = (unsigned __int128)(h ^ chunk) * 0xa0761d6478bd642fu;
		h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ (uint64_t)(uintptr_t)x->slots;
		k.data += n;
		k.len -= n;
	}
	return (uint32_t)(h ^ h >> 32);
}

static void index_put(struct doc_index *x, struct doc *d)
{
	uint32_t i = hash_key(x, d->key) & x->mask;
	while (x->slots[i])
		i = (i + 1) & x->mask;
	x->slots[i] = d;
}

/* The slot that holds key, or the empty one where it would go. */
static uint32_t index_slot(const struct doc_index *x, struct span key)
{
	uint32_t i = hash_key(x, key) & x->mask;
	while (x->slots[i] && !span_eq(x->slots[i]->key, key))
		i = (i + 1) & x->mask;
	return i;
}

static void index_drop(struct doc_index *x, struct span key)
{
	uint32_t hole = index_slot(x, key);
	for (uint32_t i = (hole + 1) & x->mask; x->slots[i]; i = (i + 1) & x->mask) {
		uint32_t home = hash_key(x, x->slots[i]->key) & x->mask;
		/* It may move into the hole unless its home lies behind the hole. */
		if (((i - home) & x->mask) < ((i - hole) & x->mask))
			continue;
		x->slots[hole] = x->slots[i];
		hole = i;
	}
	x->slots[hole] = NULL;
}

static void index_build(struct arena *a, struct doc *map)
{
	uint32_t slots = 4 * DOC_INDEX_FROM;
	while (slots < 4 * map->count)
		slots *= 2;
	struct doc_index *x = arena_alloc(a, sizeof *x);
	x->mask = slots - 1;
	x->slots = arena_alloc(a, slots * sizeof *x->slots);
	for (struct doc *d = map->first; d; d = d->next)
		index_put(x, d);
	map->index = x;
}

/* ---- containers */

static bool is_container(const struct doc *d)
{
	return d->type == DOC_ARRAY || d->type == DOC_MAP;
}

static void link_last(struct doc *c, struct doc *d)
{
	d->prev = c->last;
	d->next = NULL;
	if (c->last)
		c->last->next = d;
	else
		c->first = d;
	c->last = d;
	c->count++;
}

void doc_detach(struct doc *c, struct doc *d)
{
	assert(is_container(c) && c->count > 0);
	if (c->type == DOC_MAP && c->index)
		index_drop(c->index, d->key);
	*(d->prev ? &d->prev->next : &c->first) = d->next;
	*(d->next ? &d->next->prev : &c->last) = d->prev;
	d->next = d->prev = NULL;
	c->count--;
}

void doc_replace(struct doc *c, struct doc *old, struct doc *d)
{
	assert(is_container(c));
	d->key = old->key;
	if (c->type == DOC_MAP && c->index)
		c->index->slots[index_slot(c->index, old->key)] = d;
	d->prev = old->prev;
	d->next = old->next;
	*(d->prev ? &d->prev->next : &c->first) = d;
	*(d->next ? &d->next->prev : &c->last) = d;
	old->next = old->prev = NULL;
}

struct doc *doc_get_span(const struct doc *map, struct span key)
{
	if (!doc_is(map, DOC_MAP))
		return NULL;
	if (map->index)
		return map->index->slots[index_slot(map->index, key)];
	for (struct doc *d = map->first; d; d = d->next)
		if (span_eq(d->key, key))
			return d;
	return NULL;
}

void doc_put(struct arena *a, struct doc *map, struct span key, struct doc *value)
{
	assert(map->type == DOC_MAP);
	value->key = key;
	link_last(map, value);
	if (map->index && 2 * map->count <= map->index->mask)
		index_put(map->index, value);
	else if (map->count >= DOC_INDEX_FROM)
		index_build(a, map);
}

struct doc *doc_set_span(struct arena *a, struct doc *map, struct span key, struct doc *value)
{
	assert(map->type == DOC_MAP);
	struct doc *old = doc_get_span(map, key);
	if (!old)
		doc_put(a, map, key, value);
	else if (old != value)
		doc_replace(map, old, value);
	return value;
}

void doc_set_str(struct arena *a, struct doc *map, const char *key, const char *text)
{
	doc_set(a, map, key, doc_str(a, text));
}

void doc_set_int(struct arena *a, struct doc *map, const char *key, int64_t v)
{
	doc_set(a, map, key, doc_int(a, v));
}

void doc_set_bool(struct arena *a, struct doc *map, const char *key, bool v)
{
	doc_set(a, map, key, doc_bool(a, v));
}

struct doc *doc_default(struct arena *a, struct doc *map, const char *key, struct doc *value)
{
	struct doc *was = doc_get(map, key);
	return was && was->type != DOC_NULL ? was : doc_set(a, map, key, value);
}

struct doc *doc_need_map(struct arena *a, struct doc *map, const char *key)
{
	struct doc *d = doc_get(map, key);
	if (!d || d->type == DOC_NULL)
		return doc_set(a, map, key, doc_new(a, DOC_MAP));
	return d->type == DOC_MAP ? d : NULL;
}

bool doc_remove(struct doc *map, const char *key)
{
	struct doc *d = doc_get(map, key);
	if (d)
		doc_detach(map, d);
	return d != NULL;
}

static int key_order(const void *a, const void *b, void *arg)
{
	(void)arg;
	return span_cmp((*(struct doc *const *)a)->key, (*(struct doc *const *)b)->key);
}

/* The first bytes of a key, as a number of their order. */
static uint64_t key_head(struct span k)
{
	uint8_t head[8] = {0};
	if (k.len)
		memcpy(head, k.data, k.len < sizeof head ? k.len : sizeof head);
	uint64_t v;
	memcpy(&v, head, sizeof v);
	return be64toh(v);
}

/* By insertion: a few keys that mostly differ in their first bytes. */
static void sort_few(struct doc **all, uint32_t n)
{
	uint64_t heads[SORT_FEW];
	for (uint32_t i = 0; i < n; i++) {
		struct doc *d = all[i];
		uint64_t h = key_head(d->key);
		uint32_t at = i;
		for (; at > 0 && (h < heads[at - 1] || (h == heads[at - 1] &&
							span_cmp(d->key, all[at - 1]->key) < 0));
		     at--) {
			heads[at] = heads[at - 1];
			all[at] = all[at - 1];
		}
		heads[at] = h;
		all[at] = d;
	}
}

void doc_sort_keys(struct arena *a, struct doc *map)
{
	bool sorted = true;
	for (struct doc *d = map->first; d && d->next && sorted; d = d->next)
		sorted = span_cmp(d->key, d->next->key) < 0;
	if (sorted)
		return;
	uint32_t n = map->count, i = 0;
	struct doc *few[SORT_FEW], **all = n <= SORT_FEW ? few : arena_alloc(a, n * sizeof *all);
	DOC_EACH(d, map)
		all[i++] = d;
	if (n <= SORT_FEW)
		sort_few(all, n);
	else
		sort_stable(all, n, sizeof *all, key_order, NULL);
	struct doc_index *same_keys = map->index;
	doc_refill(map, all, n);
	map->index = same_keys;
}

void doc_refill(struct doc *c, struct doc *const *children, size_t count)
{
	c->first = c->last = NULL;
	c->count = 0;
	c->index = NULL; /* made again by the next doc_set, if any */
	for (size_t i = 0; i < count; i++)
		link_last(c, children[i]);
}

struct doc *doc_add(struct doc *array, struct doc *value)
{
	assert(array->type == DOC_ARRAY);
	link_last(array, value);
	return value;
}

struct doc *doc_at(const struct doc *array, size_t index)
{
	if (!doc_is(array, DOC_ARRAY) || index >= array->count)
		return NULL;
	struct doc *d = array->first;
	while (index-- > 0)
		d = d->next;
	return d;
}

/* ---- paths */

/* One step: a key, or a place of an array. */
struct step {
	struct span key;
	size_t index;
	bool is_index;
};

/* Reads the next step; false at the end. */
static bool next_step(const char **path, struct step *s)
{
	const char *p = *path;
	if (!*p)
		return false;
	*s = (struct step){0};
	if (*p == '[') {
		char *end;
		s->is_index = true;
		s->index = strtoul(p + 1, &end, 10);
		p = *end == ']' ? end + 1 : end;
	} else {
		size_t n = strcspn(p, ".[");
		s->key = (struct span){(const uint8_t *)p, n};
		p += n;
	}
	*path = p + (*p == '.');
	return true;
}

static struct doc *take_step(const struct doc *d, const struct step *s)
{
	return s->is_index ? doc_at(d, s->index) : doc_get_span(d, s->key);
}

struct doc *doc_path(const struct doc *root, const char *path)
{
	struct step s;
	while (root && next_step(&path, &s))
		root = take_step(root, &s);
	return (struct doc *)root;
}

struct doc *doc_path_set(struct arena *a, struct doc *root, const char *path, struct doc *value)
{
	struct step s;
	while (next_step(&path, &s)) {
		struct doc *child = take_step(root, &s);
		if (s.is_index && (!child || !*path)) {
			if (child)
				doc_replace(root, child, value);
			return child ? value : NULL;
		}
		if (!s.is_index && root->type != DOC_MAP)
			return NULL;
		if (!*path)
			return doc_set_span(a, root, s.key, value);
		if (!child || child->type == DOC_NULL)
			child = doc_set_span(a, root, s.key, doc_new(a, DOC_MAP));
		root = child;
	}
	return NULL;
}

bool doc_path_remove(struct doc *root, const char *path)
{
	struct step s;
	while (root && next_step(&path, &s)) {
		struct doc *child = take_step(root, &s);
		if (child && !*path) {
			doc_detach(root, child);
			return true;
		}
		root = child;
	}
	return false;
}

static struct span as_str(const struct doc *d)
{
	return doc_is(d, DOC_STR) ? d->text : (struct span){NULL, 0};
}

struct span doc_path_str(const struct doc *root, const char *path)
{
	return as_str(doc_path(root, path));
}

int64_t doc_path_int(const struct doc *root, const char *path, int64_t otherwise)
{
	const struct doc *d = doc_path(root, path);
	return doc_is(d, DOC_INT) ? d->integer : otherwise;
}

bool doc_path_bool(const struct doc *root, const char *path, bool otherwise)
{
	const struct doc *d = doc_path(root, path);
	return doc_is(d, DOC_BOOL) ? d->boolean : otherwise;
}

int64_t doc_get_int(const struct doc *map, const char *key, int64_t otherwise)
{
	const struct doc *d = doc_get(map, key);
	return doc_is(d, DOC_INT) ? d->integer : otherwise;
}

bool doc_get_bool(const struct doc *map, const char *key, bool otherwise)
{
	const struct doc *d = doc_get(map, key);
	return doc_is(d, DOC_BOOL) ? d->boolean : otherwise;
}

bool doc_str_is(const struct doc *d, const char *text)
{
	return doc_is(d, DOC_STR) && span_is(d->text, text);
}

/* ---- whole trees */

struct doc *doc_copy(struct arena *a, const struct doc *d)
{
	struct doc *c = arena_alloc(a, sizeof *c);
	*c = *d;
	c->next = c->prev = NULL;
	if (!is_container(d))
		return c;
	c->first = c->last = NULL;
	c->index = NULL;
	c->count = 0;
	DOC_EACH(child, d)
		link_last(c, doc_copy(a, child));
	if (c->type == DOC_MAP && c->count >= DOC_INDEX_FROM)
		index_build(a, c);
	return c;
}

static struct span own_text(struct arena *a, struct span s)
{
	return s.len ? (struct span){(uint8_t *)arena_ndup(a, s.data, s.len), s.len} : s;
}

void doc_own(struct arena *a, struct doc *d)
{
	d->key = own_text(a, d->key);
	if (is_container(d)) {
		DOC_EACH(child, d)
			doc_own(a, child);
	} else if (d->type == DOC_STR || d->type == DOC_RAW) {
		d->text = own_text(a, d->text);
	}
}

static bool equal_arrays(const struct doc *a, const struct doc *b)
{
	const struct doc *x = a->first, *y = b->first;
	while (x && y && doc_equal(x, y))
		x = x->next, y = y->next;
	return !x && !y;
}

static bool equal_maps(const struct doc *a, const struct doc *b)
{
	if (a->count != b->count)
		return false;
	const struct doc *y = b->first;
	DOC_EACH(x, a) {
		/* Mostly both are in the same order. */
		const struct doc *other =
			y && span_eq(x->key, y->key) ? y : doc_get_span(b, x->key);
		if (!other || !doc_equal(x, other))
			return false;
		y = other->next;
	}
	return true;
}

bool doc_equal(const struct doc *a, const struct doc *b)
{
	if (!a || !b || a->type != b->type)
		return a == b;
	switch ((enum doc_type)a->type) {
	case DOC_NULL:
		return true;
	case DOC_BOOL:
		return a->boolean == b->boolean;
	case DOC_INT:
		return a->integer == b->integer;
	case DOC_DOUBLE:
		return memcmp(&a->real, &b->real, sizeof a->real) == 0;
	case DOC_STR:
	case DOC_PACKED:
	case DOC_RAW:
		return span_eq(a->text, b->text);
	case DOC_ARRAY:
		return equal_arrays(a, b);
	case DOC_MAP:
		return equal_maps(a, b);
	}
	return false;
}
