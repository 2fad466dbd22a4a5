/* One process per data directory: an exclusive flock on DIR/lock, taken
 * before anything in the directory is opened. The kernel drops it with the
 * process, however that ends. The holder's pid stands in the file. */
#ifndef STORE_LOCAL_JOURNAL_LOCK_H
#define STORE_LOCAL_JOURNAL_LOCK_H

#include "broker/base/err.h"

/* *fd holds the lock until it is closed (it is not inherited through exec).
 * ERR_BUSY names the directory and the pid that has it; ERR_IO. Never waits. */
int journal_lock(const char *dir, int *fd, struct err *e);

#endif
