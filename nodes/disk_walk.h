/* How much of a disk a tree of files takes, as du(1) counts it. No link is followed and
 * no other file system entered, whoever changes the tree meanwhile. A file with several
 * names counts with its share for each. Blocks as long as there are files; any thread. */
#ifndef NODES_DISK_WALK_H
#define NODES_DISK_WALK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct disk_used {
	int64_t bytes, inodes;
};

/* Adds what is at `path`, a directory, itself included. False, and nothing is added: it is
 * not there, or `stop` (NULL: never) was set before the end. */
bool disk_walk(const char *path, const atomic_bool *stop, struct disk_used *sum);

#endif
