/* The part of this process's address space that LMDB has mapped its file to.
 *
 * Pages of the map that were touched count as this process's memory, though
 * they are the page cache's; giving them back costs a page fault when one is
 * wanted again. LMDB does not tell the address: it is looked up by inode. */
#ifndef STORE_LOCAL_LMDB_MAP_H
#define STORE_LOCAL_LMDB_MAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct lmdb_map {
	void *at; /* NULL: not known, then nothing is given back */
	size_t bytes;
};

/* `fd` is the mapped file's. Linux only; elsewhere it finds nothing. */
void lmdb_map_find(struct lmdb_map *m, int fd);
/* Harmless while other threads read from the map. */
void lmdb_map_give_back(const struct lmdb_map *m);

/* While a start walks all of the file from tree to tree: a thread that reads it
 * ahead, from the beginning to the end, as disks like it. */
struct lmdb_ahead {
	const struct lmdb_map *map;
	size_t bytes;
	pthread_t thread;
	bool running;
	atomic_bool enough;
};

/* The first `bytes` of the map, but no more than a quarter of the machine's
 * memory; little, and it is left to who walks. */
void lmdb_ahead_start(struct lmdb_ahead *a, const struct lmdb_map *m, size_t bytes);
void lmdb_ahead_stop(struct lmdb_ahead *a); /* waits for the thread */

#endif
