#include "store/local/lmdb_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/mem.h"

int lmdb_sync_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) ? err_set(e, ERR_IO, "sync %s: %s", dir, strerror(errno)) : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

int lmdb_sync_dir_of(const char *path, struct err *e)
{
	char *copy = mem_dup(path);
	int rc = lmdb_sync_dir(dirname(copy), e);
	free(copy);
	return rc;
}

static int copy_synced(MDB_env *env, int fd, const char *path, struct err *e)
{
	int rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
	if (rc)
		return err_set(e, ERR_IO, "copy to %s: %s", path, mdb_strerror(rc));
	return fsync(fd) ? err_set(e, ERR_IO, "sync %s: %s", path, strerror(errno)) : 0;
}

/* link and not rename: it refuses a file that came there meanwhile. */
static int give_name(const char *partial, const char *path, struct err *e)
{
	if (link(partial, path))
		return err_set(e, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", path,
			       strerror(errno));
	unlink(partial);
	return lmdb_sync_dir_of(path, e);
}

static int write_copy(struct lmdb_backup *b)
{
	char partial[PATH_MAX];
	if (snprintf(partial, sizeof partial, "%s.partial", b->path) >= (int)sizeof partial)
		return err_set(&b->why, ERR_INVALID, "%s: path too long", b->path);
	unlink(partial); /* of one that was cut short */
	int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(&b->why, ERR_IO, "%s: %s", partial, strerror(errno));
	int rc = copy_synced(b->env, fd, partial, &b->why);
	close(fd);
	if (!rc)
		rc = give_name(partial, b->path, &b->why);
	if (rc)
		unlink(partial);
	return rc;
}

static void *run(void *arg)
{
	struct lmdb_backup *b = arg;
	uint64_t end = LMDB_EVENT_BACKUP;
	b->result = write_copy(b);
	atomic_store(&b->done, true);
	(void)!write(b->done_fd, &end, sizeof end);
	return NULL;
}

int lmdb_backup_start(struct lmdb_backup *b, MDB_env *env, const char *path, int done_fd,
		      struct err *e)
{
	if (b->started)
		return err_set(e, ERR_BUSY, "a backup to %s is under way", b->path);
	if (access(path, F_OK) == 0)
		return err_set(e, ERR_EXISTS, "%s is there already", path);
	free(b->path);
	*b = (struct lmdb_backup){.env = env, .path = mem_dup(path), .done_fd = done_fd};
	sigset_t all, was;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was); /* inherited by the thread */
	int rc = pthread_create(&b->thread, NULL, run, b);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (rc)
		return err_set(e, ERR_IO, "backup thread: %s", strerror(rc));
	b->started = true;
	return 0;
}

int lmdb_backup_reap(struct lmdb_backup *b, struct err *e)
{
	if (b->started && !atomic_load(&b->done))
		return ERR_AGAIN;
	if (b->started)
		pthread_join(b->thread, NULL);
	b->started = false;
	if (b->result && e)
		*e = b->why;
	return b->result;
}

void lmdb_backup_fini(struct lmdb_backup *b)
{
	if (b->started)
		pthread_join(b->thread, NULL);
	b->started = false;
	free(b->path);
	b->path = NULL;
}
