/* A compacted copy of an environment while it is in use, by a thread of its
 * own: a reader like any other, so what is freed meanwhile stays until it is
 * done. It writes FILE.partial, syncs it and gives it its name last: a file
 * with the name is whole. One at a time.
 *
 * All calls on the owner's thread; `done_fd` is written to from the other. */
#ifndef STORE_LOCAL_LMDB_BACKUP_H
#define STORE_LOCAL_LMDB_BACKUP_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/base/err.h"

/* What is added to the journal's eventfd, so that its reader knows who wrote:
 * a batch is done, a backup is. */
#define LMDB_EVENT_BATCH UINT64_C(1)
#define LMDB_EVENT_BACKUP (UINT64_C(1) << 32)

struct lmdb_backup {
	MDB_env *env;
	char *path;
	int done_fd; /* an eventfd */
	pthread_t thread;
	bool started; /* and not joined yet */
	_Atomic bool done;
	int result;
	struct err why;
};

/* ERR_BUSY: one is under way; ERR_EXISTS: the file is there; ERR_IO. */
int lmdb_backup_start(struct lmdb_backup *b, MDB_env *env, const char *path, int done_fd,
		      struct err *e);
/* ERR_AGAIN, or how it ended; 0 too when there was none. */
int lmdb_backup_reap(struct lmdb_backup *b, struct err *e);
void lmdb_backup_fini(struct lmdb_backup *b); /* waits for it */

/* Syncs the directory that `path` lies in: that a file has a name is its part. */
int lmdb_sync_dir_of(const char *path, struct err *e);
int lmdb_sync_dir(const char *dir, struct err *e);

#endif
