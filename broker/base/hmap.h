/* An unordered map from byte strings to items that have their key: a hash table
 * with linear probing. Nothing can depend on its order, for it has none to show;
 * its hash has a seed of the process, which those who choose keys do not know.
 * Expected O(1) for all of it. omap.h is the one with an order.
 * Source: D. Knuth, "The Art of Computer Programming", vol. 3, 6.4, algorithms
 * L and R (removal without marks). One owner, no threads. */
#ifndef BASE_HMAP_H
#define BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/bytes.h"

struct hmap_slot;

struct hmap {
	struct span (*key)(const void *item); /* set it before the first item; all else is zeros */
	struct hmap_slot *slots;
	size_t count, mask; /* mask: number of slots, a power of two, less one */
};

void *hmap_get(const struct hmap *m, struct span key); /* NULL: there is none */
void hmap_add(struct hmap *m, void *item);	       /* no other may have its key */
void hmap_remove(struct hmap *m, const void *item);    /* it must be there */
void hmap_fini(struct hmap *m);			       /* the items are left alone */

#endif
