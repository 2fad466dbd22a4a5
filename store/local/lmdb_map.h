/* The part of this process's address space that LMDB has mapped its file to.
 *
 * Pages of the map that were touched count as this process's memory, though
 * they are the page cache's; giving them back costs a page fault when one is
 * wanted again. LMDB does not tell the address: it is looked up by inode. */
#ifndef STORE_LOCAL_LMDB_MAP_H
#define STORE_LOCAL_LMDB_MAP_H

#include <stddef.h>

struct lmdb_map {
	void *at; /* NULL: not known, then nothing is given back */
	size_t bytes;
};

/* `fd` is the mapped file's. Linux only; elsewhere it finds nothing. */
void lmdb_map_find(struct lmdb_map *m, int fd);
/* Harmless while other threads read from the map. */
void lmdb_map_give_back(const struct lmdb_map *m);

#endif
