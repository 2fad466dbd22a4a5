#include "broker/base/omap.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/base/hmap.h"
#include "broker/base/mem.h"

enum { HEIGHT_MAX = 16, INDEXED = 32 };

/* What makes a map of more than a few keys fast. */
struct omap_index {
	struct hmap by_key;
	struct onode *last[HEIGHT_MAX]; /* of each level; the head of an empty one */
};

static uint64_t hash(struct span key, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed; /* FNV-1a, then a finisher */
	for (size_t i = 0; i < key.len; i++)
		h = (h ^ key.data[i]) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 33;
}

/* A quarter of the nodes of one level stand on the next. */
static uint8_t height_of(struct span key, uint64_t seed)
{
	uint64_t h = hash(key, seed);
	uint8_t height = 1;
	while (height < HEIGHT_MAX && (h & 3) == 0) {
		height++;
		h >>= 2;
	}
	return height;
}

static struct onode *node_new(struct span key, uint8_t height, void *value)
{
	struct onode *n = mem_alloc(sizeof *n + height * sizeof n->next[0] + key.len);
	n->value = value;
	n->key_len = (uint32_t)key.len;
	n->height = height;
	if (key.len)
		memcpy((void *)(n->next + height), key.data, key.len);
	return n;
}

/* The first node >= key; prev[i] becomes the last node before it on level i. */
static struct onode *search(const struct omap *m, struct span key, struct onode **prev)
{
	struct onode *at = m->head;
	if (!at)
		return NULL;
	const struct onode *behind = NULL; /* not before the key, as was seen on a level above */
	for (int level = m->levels - 1; level >= 0; level--) {
		struct onode *n;
		while ((n = at->next[level]) && n != behind) {
			int order = span_cmp(onode_key(n), key);
			if (order == 0 && !prev)
				return n;
			if (order >= 0) {
				behind = n;
				break;
			}
			at = n;
		}
		if (prev)
			prev[level] = at;
	}
	return at->next[0];
}

/* ---- the index */

static struct span key_of(const void *node)
{
	return onode_key(node);
}

static void index_all(struct omap *m)
{
	m->index = mem_alloc(sizeof *m->index);
	m->index->by_key.key = key_of;
	for (int level = 0; level < HEIGHT_MAX; level++)
		m->index->last[level] = m->head;
	for (struct onode *n = omap_first(m); n; n = omap_next(n)) {
		hmap_add(&m->index->by_key, n);
		for (int level = 0; level < n->height; level++)
			m->index->last[level] = n;
	}
}

static void index_free(struct omap *m)
{
	if (m->index)
		hmap_fini(&m->index->by_key);
	free(m->index);
	m->index = NULL;
}

/* As search does, for a key behind all others; false: it is not. */
static bool is_behind_all(const struct omap *m, struct span key, struct onode **prev)
{
	if (!m->index || span_cmp(onode_key(m->index->last[0]), key) >= 0)
		return false;
	memcpy(prev, m->index->last, sizeof m->index->last);
	return true;
}

/* ---- the map */

static struct onode *find(const struct omap *m, struct span key)
{
	if (m->index)
		return hmap_get(&m->index->by_key, key);
	struct onode *n = search(m, key, NULL);
	return n && span_eq(onode_key(n), key) ? n : NULL;
}

void *omap_get(const struct omap *m, struct span key)
{
	struct onode *n = find(m, key);
	return n ? n->value : NULL;
}

static void *replace(struct onode *n, void *value)
{
	void *was = n->value;
	n->value = value;
	return was;
}

void *omap_put(struct omap *m, struct span key, void *value)
{
	assert(value);
	struct onode *prev[HEIGHT_MAX], *n = NULL;
	if (!m->head)
		m->head = node_new((struct span){0}, HEIGHT_MAX, NULL);
	if (!is_behind_all(m, key, prev)) {
		n = m->index ? hmap_get(&m->index->by_key, key) : NULL;
		if (!n)
			n = search(m, key, prev);
		if (n && span_eq(onode_key(n), key))
			return replace(n, value);
	}
	n = node_new(key, height_of(key, m->seed), value);
	while (m->levels < n->height)
		prev[m->levels++] = m->head;
	for (int level = 0; level < n->height; level++) {
		n->next[level] = prev[level]->next[level];
		prev[level]->next[level] = n;
		if (m->index && !n->next[level])
			m->index->last[level] = n;
	}
	m->count++;
	if (m->index)
		hmap_add(&m->index->by_key, n);
	else if (m->count > INDEXED)
		index_all(m);
	return NULL;
}

void *omap_remove(struct omap *m, struct span key)
{
	struct onode *prev[HEIGHT_MAX];
	struct onode *n = search(m, key, prev);
	if (!n || !span_eq(onode_key(n), key))
		return NULL;
	for (int level = 0; level < n->height; level++) {
		prev[level]->next[level] = n->next[level];
		if (m->index && !n->next[level])
			m->index->last[level] = prev[level];
	}
	void *was = n->value;
	m->count--;
	if (m->index)
		hmap_remove(&m->index->by_key, n);
	if (m->index && m->count < INDEXED / 4)
		index_free(m);
	free(n);
	return was;
}

struct onode *omap_seek(const struct omap *m, struct span key)
{
	return search(m, key, NULL);
}

struct onode *omap_first(const struct omap *m)
{
	return m->head ? m->head->next[0] : NULL;
}

struct onode *omap_next(const struct onode *n)
{
	return n->next[0];
}

void omap_fini(struct omap *m, void (*drop)(void *value))
{
	struct onode *n = m->head;
	while (n) {
		struct onode *next = n->next[0];
		if (drop && n->value)
			drop(n->value);
		free(n);
		n = next;
	}
	index_free(m);
	m->head = NULL;
	m->count = 0;
	m->levels = 0;
}

/* ---- numbers: most significant byte first, so that order is by value */

struct key8 {
	uint8_t b[8];
};

static struct key8 key8_of(uint64_t n)
{
	struct key8 k;
	for (int i = 0; i < 8; i++)
		k.b[i] = (uint8_t)(n >> (56 - 8 * i));
	return k;
}

#define KEY8(n) ((struct span){key8_of(n).b, 8})

void *omap_get_u64(const struct omap *m, uint64_t key)
{
	return omap_get(m, KEY8(key));
}

void *omap_put_u64(struct omap *m, uint64_t key, void *value)
{
	return omap_put(m, KEY8(key), value);
}

void *omap_remove_u64(struct omap *m, uint64_t key)
{
	return omap_remove(m, KEY8(key));
}

struct onode *omap_seek_u64(const struct omap *m, uint64_t key)
{
	return omap_seek(m, KEY8(key));
}

uint64_t onode_u64(const struct onode *n)
{
	struct span key = onode_key(n);
	uint64_t v = 0;
	for (size_t i = 0; i < 8 && i < key.len; i++)
		v = v << 8 | key.data[i];
	return v;
}
