/* A backup becomes the journal of a directory.
 *
 *   check the backup ─► copy to data.mdb.new, sync ─► new meta, sync
 *     ─► data.mdb to data.mdb.replaced ─► data.mdb.new to data.mdb ─► sync DIR
 *
 * A power cut before the last rename leaves no data.mdb or the old one, and
 * restore can be called again; nothing is ever half a journal.
 *
 * Revisions that were given after the backup was made are not known any more
 * when the old journal is lost. So the jump is not "by one" but by more than
 * can have been given: 2^36 are 16 days of 50,000 transactions a second, and
 * 2^18 such jumps fit into a version. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/local/journal.h"
#include "store/local/journal_lock.h"
#include "store/local/lmdb_backup.h"
#include "store/local/lmdb_tables.h"

#define JUMP (UINT64_C(1) << 36)

enum { COPY_BYTES = 1 << 20, TABLES = 3 };

struct paths {
	char data[PATH_MAX], fresh[PATH_MAX], replaced[PATH_MAX], lmdb_lock[PATH_MAX];
};

static int name_paths(struct paths *p, const char *dir, struct err *e)
{
	static const char *const names[] = {"data.mdb", "data.mdb.new", "data.mdb.replaced",
					    "lock.mdb"};
	char *const to[] = {p->data, p->fresh, p->replaced, p->lmdb_lock};
	for (int i = 0; i < 4; i++)
		if (snprintf(to[i], PATH_MAX, "%s/%s", dir, names[i]) >= PATH_MAX)
			return err_set(e, ERR_INVALID, "%s: path too long", dir);
	return 0;
}

static int no_object(void *arg, struct span key, struct span row)
{
	(void)arg, (void)key, (void)row;
	return 0;
}

static int no_record(void *arg, uint64_t revision, struct span data)
{
	(void)arg, (void)revision, (void)data;
	return 0;
}

/* Walks all of it; every checksum is looked at. */
static int read_meta(const char *path, struct journal_meta *m, struct err *e)
{
	struct journal *j;
	struct journal_lmdb_options o = {.dir = path, .read_only = true};
	int rc = journal_lmdb_open(&j, &o, e);
	if (rc)
		return rc;
	rc = journal_load(j, m, no_object, no_record, NULL, e);
	if (!rc && journal_read(j, 0, SIZE_MAX, no_record, NULL))
		rc = err_set(e, ERR_CORRUPT, "%s: a record fails its checksum", path);
	journal_close(j);
	return rc;
}

static int copy_all(int from, int to)
{
	static const size_t at_once = COPY_BYTES;
	ssize_t n;
	do
		n = copy_file_range(from, NULL, to, NULL, at_once, 0);
	while (n > 0);
	return n < 0 ? -1 : fsync(to);
}

static int copy_file(const char *from, const char *to, struct err *e)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc = out < 0 || copy_all(in, out)
			 ? err_set(e, ERR_IO, "copy %s to %s: %s", from, to, strerror(errno))
			 : 0;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int put_meta(MDB_env *env, const struct journal_meta *m, const char *path, struct err *e)
{
	MDB_txn *txn;
	struct lmdb_tables t;
	struct journal_meta was;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);
	if (rc)
		return lmdb_error(e, rc, "restore", path);
	rc = lmdb_tables_open(txn, &t, m->epoch, &was, e);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	rc = lmdb_meta_put(txn, &t, m);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	return rc ? lmdb_error(e, rc, "restore", path) : 0;
}

static int write_meta(const char *path, const struct journal_meta *m, struct err *e)
{
	MDB_env *env;
	struct stat st;
	int rc = mdb_env_create(&env);
	if (rc)
		return lmdb_error(e, rc, "restore", path);
	rc = mdb_env_set_maxdbs(env, TABLES);
	if (!rc && stat(path, &st) == 0) /* room for a few pages more */
		rc = mdb_env_set_mapsize(env, (size_t)st.st_size + (1u << 24));
	if (!rc)
		rc = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0600);
	rc = rc ? lmdb_error(e, rc, "restore", path) : put_meta(env, m, path, e);
	mdb_env_close(env);
	return rc;
}

static int next_meta(const struct paths *p, struct journal_meta *m, struct journal_restored *out,
		     struct err *e)
{
	struct journal_meta old = {0};
	uint64_t epoch = 0;
	out->replaced = access(p->data, F_OK) == 0;
	if (out->replaced) /* a damaged one is often why: then the jump must do */
		(void)read_meta(p->data, &old, NULL);
	while (epoch == 0 || epoch == m->epoch || epoch == old.epoch)
		if (getrandom(&epoch, sizeof epoch, 0) != sizeof epoch)
			return err_set(e, ERR_IO, "getrandom: %s", strerror(errno));
	uint64_t above = m->reserved > old.reserved ? m->reserved : old.reserved;
	out->backup_revision = m->reserved;
	m->epoch = epoch;
	m->reserved = m->compacted = m->restored = out->revision = above + JUMP;
	return 0;
}

static int put_in_place(const struct paths *p, const char *dir, struct err *e)
{
	if (rename(p->data, p->replaced) && errno != ENOENT)
		return err_set(e, ERR_IO, "%s: %s", p->replaced, strerror(errno));
	unlink(p->lmdb_lock); /* LMDB's table of readers of the old file */
	if (rename(p->fresh, p->data))
		return err_set(e, ERR_IO, "%s: %s", p->data, strerror(errno));
	return lmdb_sync_dir(dir, e);
}

static int restore_locked(const char *file, const char *dir, struct journal_restored *out,
			  struct err *e)
{
	struct paths p;
	struct journal_meta meta;
	int rc = name_paths(&p, dir, e);
	if (!rc)
		rc = read_meta(file, &meta, e);
	if (!rc)
		rc = copy_file(file, p.fresh, e);
	if (!rc)
		rc = next_meta(&p, &meta, out, e);
	if (!rc)
		rc = write_meta(p.fresh, &meta, e);
	if (!rc)
		rc = put_in_place(&p, dir, e);
	if (rc)
		unlink(p.fresh);
	return rc;
}

int journal_lmdb_restore(const char *file, const char *dir, struct journal_restored *out,
			 struct err *e)
{
	int lock;
	struct stat st;
	if (stat(file, &st) || !S_ISREG(st.st_mode))
		return err_set(e, ERR_NOT_FOUND, "%s: not a backup's file", file);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
	int rc = journal_lock(dir, &lock, e);
	if (rc)
		return rc;
	rc = restore_locked(file, dir, out, e);
	close(lock);
	return rc;
}
