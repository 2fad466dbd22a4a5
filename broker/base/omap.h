/* An ordered map from byte strings to pointers: a skip list, and beside it, when
 * there are more than a few keys, a hash table that knows at once where one is.
 *
 * Keys that come in order are put behind the last one without a search.
 *
 * Iteration is in byte order of the keys, so that everything built on it
 * behaves the same in every run. Heights come from a hash of key and seed:
 * equal contents give equal shapes. Expected O(1) for what is there, O(log n) for all else.
 * Source: W. Pugh, "Skip Lists: A Probabilistic Alternative to Balanced
 * Trees", 1990. One owner, no threads. */
#ifndef BASE_OMAP_H
#define BASE_OMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/bytes.h"

struct omap {
	struct onode *head; /* made with the first put */
	struct omap_index *index; /* of more than a few keys */
	size_t count;
	uint8_t levels; /* in use */
	uint64_t seed; /* any value; random where keys come from outside */
};

/* A node is stable until its key is removed. Read `value` and `key` freely. */
struct onode {
	void *value;
	uint32_t key_len;
	uint8_t height;
	struct onode *next[]; /* height pointers, then the key's bytes */
};

static inline struct span onode_key(const struct onode *n)
{
	return (struct span){(const uint8_t *)(n->next + n->height), n->key_len};
}

/* A zeroed omap is empty and ready for use. */
void *omap_get(const struct omap *m, struct span key); /* NULL: absent */
/* Sets key to value (not NULL); returns the value that was there, or NULL. */
void *omap_put(struct omap *m, struct span key, void *value);
/* Removes the key; returns the value that was there, or NULL. */
void *omap_remove(struct omap *m, struct span key);
/* The first node whose key is >= key; NULL at the end. */
struct onode *omap_seek(const struct omap *m, struct span key);
struct onode *omap_first(const struct omap *m);
struct onode *omap_next(const struct onode *n);
/* Numbers as keys, in the order of their values; not to be mixed with others
 * in one map. */
void *omap_get_u64(const struct omap *m, uint64_t key);
void *omap_put_u64(struct omap *m, uint64_t key, void *value);
void *omap_remove_u64(struct omap *m, uint64_t key);
struct onode *omap_seek_u64(const struct omap *m, uint64_t key);
uint64_t onode_u64(const struct onode *n);
/* Frees the nodes; `drop` (may be NULL) gets each value. */
void omap_fini(struct omap *m, void (*drop)(void *value));

#endif
