/* What is left of the pods of a data directory, seen from outside: by the
 * files of their pauses, whatever became of agents. Any thread; blocks on the
 * file system only. */
#ifndef TOOLS_PODS_LEFT_H
#define TOOLS_PODS_LEFT_H

#include <stddef.h>

/* Sends `number` (0: nothing) to every pause that lives and returns how many
 * these are. *one: a pidfd of one of them, readable at its end; -1: none. */
size_t pods_left(const char *data_dir, int number, int *one);

#endif
