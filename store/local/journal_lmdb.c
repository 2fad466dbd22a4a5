/* The journal on LMDB: an environment in DIR, one thread that writes.
 *
 *   loop thread            writer thread
 *   append(batch) ───────► wakes, one write transaction: records, objects,
 *   ... collects more      trim, meta; commit = fdatasync
 *   fd readable  ◄──────── result, eventfd
 *   reap
 *
 * LMDB runs with its default, full durability (no NOSYNC, no WRITEMAP: the
 * former breaks the file in a power cut, the latter lets a wild pointer do
 * it and wrote 4 MB per KB when measured). A failed commit is final: after a
 * failed fdatasync the kernel may have dropped the dirty pages and the next
 * one would say "fine"; so nothing is tried again, the owner reopens.
 *
 * The file grows by steps ahead of what LMDB writes. So a full disk shows
 * before a page is written, a sync does not have to record a new size each
 * time, and a file shorter than its pages is a file that was cut off: LMDB
 * itself would only notice by SIGBUS.
 *
 * Readers (load, read) run on the loop thread in transactions that end
 * before the call does: a longer one would pin every page freed since. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "store/local/journal.h"
#include "store/local/journal_lock.h"
#include "store/local/lmdb_backup.h"
#include "store/local/lmdb_map.h"
#include "store/local/lmdb_meta.h"
#include "store/local/lmdb_tables.h"

#define QUOTA_DEFAULT (UINT64_C(8) << 30)
#define QUOTA_MIN (UINT64_C(1) << 20)
#define MAP_MIN (UINT64_C(64) << 20) /* the reserve of a small quota is larger */
#define GROW_STEP (UINT64_C(4) << 20)
#define BATCH_ROOM_MIN (UINT64_C(256) * 4096)
#define SLOW_COMMIT_NS (INT64_C(200) * 1000000)
#define GIVE_BACK_BYTES (UINT64_C(4) << 20)
#define USAGE_PAUSE_NS (INT64_C(200) * 1000000)

enum { TRIM_ROWS_MAX = 8192, TABLES = 3 };

enum phase { PHASE_IDLE, PHASE_WRITING, PHASE_DONE };

struct lmdb {
	struct journal journal;
	char *dir;
	int lock_fd, event_fd;
	MDB_env *env;
	struct lmdb_tables tables;
	struct lmdb_map map;
	uint64_t quota;
	bool read_only;
	bool failed; /* the loop's: takes nothing more */
	struct lmdb_backup backup;

	pthread_t thread;
	bool threaded;
	pthread_mutex_t mutex; /* guards the next five */
	pthread_cond_t wake;
	enum phase phase;
	bool quit;
	const struct journal_batch *batch;
	int result;
	struct err why;

	/* the writer's own */
	struct journal_meta meta; /* what is in the table */
	uint64_t file_bytes;
	uint64_t touched; /* bytes written since the map was given back, about */
	int64_t usage_at;
	_Atomic bool full;
};

static struct lmdb *lmdb_of(struct journal *j)
{
	return (struct lmdb *)j; /* its first member */
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- the writer thread */

static uint64_t high_water(const struct lmdb *l)
{
	MDB_envinfo info;
	MDB_stat st;
	mdb_env_info(l->env, &info);
	mdb_env_stat(l->env, &st);
	return ((uint64_t)info.me_last_pgno + 1) * st.ms_psize;
}

/* At least what the batch's transaction can add: each row's bytes in pages
 * of its own, and the pages above it that are copied on write. */
static uint64_t batch_room(const struct journal_batch *b)
{
	uint64_t bytes = BATCH_ROOM_MIN;
	for (size_t i = 0; i < b->record_count; i++)
		bytes += bytes_span(b->records[i].data).len + 2 * 4096;
	for (size_t i = 0; i < b->object_count; i++)
		bytes += bytes_span(b->objects[i].row).len + 6 * 4096;
	return bytes;
}

static int grow_file(struct lmdb *l, uint64_t need)
{
	if (need <= l->file_bytes)
		return 0;
	int fd;
	uint64_t size = (need / GROW_STEP + 1) * GROW_STEP;
	int rc = mdb_env_get_fd(l->env, &fd);
	if (rc)
		return rc;
	rc = fallocate(fd, 0, (off_t)l->file_bytes, (off_t)(size - l->file_bytes)) ? errno : 0;
	if (rc == EOPNOTSUPP || rc == ENOSYS)
		rc = ftruncate(fd, (off_t)size) ? errno : 0;
	if (rc == 0)
		l->file_bytes = size;
	return rc;
}

static int write_rows(struct lmdb *l, MDB_txn *txn, const struct journal_batch *b)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < b->record_count; i++)
		rc = lmdb_record_put(txn, &l->tables, &b->records[i]);
	for (size_t i = 0; !rc && i < b->object_count; i++)
		rc = lmdb_object_put(txn, &l->tables, &b->objects[i]);
	if (!rc && b->trim_to)
		rc = lmdb_log_trim(txn, &l->tables, b->trim_to, TRIM_ROWS_MAX);
	if (!rc && memcmp(&b->meta, &l->meta, sizeof b->meta) != 0)
		rc = lmdb_meta_put(txn, &l->tables, &b->meta);
	return rc;
}

/* What a start has read and a commit has touched stays in the page cache; it
 * need not count as this process's memory for the rest of its life. */
static void give_back_now_and_then(struct lmdb *l, uint64_t bytes)
{
	l->touched += bytes;
	if (l->touched < GIVE_BACK_BYTES)
		return;
	l->touched = 0;
	lmdb_map_give_back(&l->map);
}

static int write_batch(struct lmdb *l, const struct journal_batch *b, struct err *e)
{
	MDB_txn *txn;
	int64_t began = now_ns();
	uint64_t room = batch_room(b);
	int rc = grow_file(l, high_water(l) + room);
	if (!rc)
		rc = mdb_txn_begin(l->env, NULL, 0, &txn);
	if (rc)
		return lmdb_error(e, rc, "commit", l->dir);
	rc = write_rows(l, txn, b);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (rc)
		return lmdb_error(e, rc, "commit", l->dir);
	l->meta = b->meta;
	give_back_now_and_then(l, room - BATCH_ROOM_MIN);
	int64_t took = now_ns() - began;
	if (took > SLOW_COMMIT_NS)
		log_warn("store", "a commit of %zu transactions took %lld ms (%s)",
			 b->record_count, (long long)(took / 1000000), l->dir);
	return 0;
}

/* Pages on LMDB's list of free ones: table 0, each row starts with a count. */
static uint64_t free_pages(struct lmdb *l)
{
	MDB_txn *txn;
	MDB_cursor *c;
	MDB_val key, v;
	uint64_t pages = 0;
	if (mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn))
		return 0;
	if (mdb_cursor_open(txn, 0, &c) == 0) {
		while (mdb_cursor_get(c, &key, &v, MDB_NEXT) == 0)
			pages += *(const size_t *)v.mv_data;
		mdb_cursor_close(c);
	}
	mdb_txn_abort(txn);
	return pages;
}

/* Counting free pages walks a list, so it is done when the file is large
 * enough to matter, and not after every commit then. */
static void update_full(struct lmdb *l)
{
	uint64_t used = high_water(l);
	bool full = atomic_load(&l->full);
	if (used <= l->quota) {
		atomic_store(&l->full, false);
		return;
	}
	int64_t now = now_ns();
	if (!full && l->usage_at && now - l->usage_at < USAGE_PAUSE_NS)
		return;
	l->usage_at = now;
	MDB_stat st;
	mdb_env_stat(l->env, &st);
	used -= free_pages(l) * st.ms_psize;
	/* some way below, so that it does not flicker */
	atomic_store(&l->full, used > (full ? l->quota - l->quota / 16 : l->quota));
}

/* The loop is woken when the mutex is free: woken before, it would run into it. */
static void tell_loop(struct lmdb *l)
{
	uint64_t batch = LMDB_EVENT_BATCH;
	(void)!write(l->event_fd, &batch, sizeof batch);
}

/* The writer has said that it is done, and is about to tell; or it has told. */
static void take_told(struct lmdb *l)
{
	uint64_t events = 0;
	struct pollfd fd = {.fd = l->event_fd, .events = POLLIN};
	/* a backup's end is seen without it, by the poll that this is part of */
	while (read(l->event_fd, &events, sizeof events) < 0 || events % LMDB_EVENT_BACKUP == 0)
		poll(&fd, 1, -1);
}

static void *writer(void *arg)
{
	struct lmdb *l = arg;
	pthread_mutex_lock(&l->mutex);
	for (;;) {
		while (l->phase != PHASE_WRITING && !l->quit)
			pthread_cond_wait(&l->wake, &l->mutex);
		if (l->phase != PHASE_WRITING)
			break;
		const struct journal_batch *b = l->batch;
		pthread_mutex_unlock(&l->mutex);
		struct err why = {0};
		int rc = write_batch(l, b, &why);
		if (rc == 0)
			update_full(l);
		pthread_mutex_lock(&l->mutex);
		l->result = rc;
		l->why = why;
		l->phase = PHASE_DONE;
		pthread_mutex_unlock(&l->mutex);
		tell_loop(l);
		pthread_mutex_lock(&l->mutex);
	}
	pthread_mutex_unlock(&l->mutex);
	return NULL;
}

static int start_writer(struct lmdb *l, struct err *e)
{
	sigset_t all, was;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was); /* inherited by the thread */
	int rc = pthread_create(&l->thread, NULL, writer, l);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (rc)
		return err_set(e, ERR_IO, "writer thread: %s", strerror(rc));
	l->threaded = true;
	pthread_setname_np(l->thread, "journal");
	return 0;
}

/* ---- the loop's side */

static int lmdb_append(struct journal *j, const struct journal_batch *b)
{
	struct lmdb *l = lmdb_of(j);
	if (l->failed || l->read_only)
		return ERR_IO;
	pthread_mutex_lock(&l->mutex);
	assert(l->phase == PHASE_IDLE);
	l->batch = b;
	l->phase = PHASE_WRITING;
	pthread_mutex_unlock(&l->mutex);
	pthread_cond_signal(&l->wake);
	return 0;
}

static int lmdb_reap(struct journal *j, struct err *e)
{
	struct lmdb *l = lmdb_of(j);
	pthread_mutex_lock(&l->mutex);
	bool done = l->phase == PHASE_DONE;
	int rc = done ? l->result : ERR_AGAIN;
	if (done) {
		if (rc && e)
			*e = l->why;
		l->failed = rc != 0;
		l->batch = NULL;
		l->phase = PHASE_IDLE;
	}
	pthread_mutex_unlock(&l->mutex);
	if (done)
		take_told(l);
	return rc;
}

static int lmdb_fd(struct journal *j)
{
	return lmdb_of(j)->event_fd;
}

static bool lmdb_full(struct journal *j)
{
	return atomic_load_explicit(&lmdb_of(j)->full, memory_order_relaxed);
}

static int lmdb_read(struct journal *j, uint64_t from, size_t limit,
		     int (*record)(void *, uint64_t revision, struct span data), void *arg)
{
	struct lmdb *l = lmdb_of(j);
	struct lmdb_walk walk = {0};
	MDB_txn *txn;
	if (mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn))
		return ERR_IO;
	int rc = lmdb_each_record(txn, &l->tables, from, limit, record, arg, &walk);
	mdb_txn_abort(txn);
	return rc;
}

static int lmdb_load(struct journal *j, struct journal_meta *meta,
		     int (*object)(void *, struct span key, struct span row),
		     int (*record)(void *, uint64_t revision, struct span data), void *arg,
		     struct err *e)
{
	struct lmdb *l = lmdb_of(j);
	struct lmdb_walk walk = {0};
	struct lmdb_ahead ahead;
	MDB_txn *txn;
	*meta = l->meta;
	int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return lmdb_error(e, rc, "load", l->dir);
	lmdb_ahead_start(&ahead, &l->map, high_water(l));
	rc = lmdb_each_object(txn, &l->tables, object, arg, &walk);
	if (rc) {
		err_set(e, rc, "%s: object %.*s: %s", l->dir, (int)walk.key.len,
			(const char *)walk.key.data, err_text(rc));
	} else {
		rc = lmdb_each_record(txn, &l->tables, meta->checkpoint_base + 1, SIZE_MAX,
				      record, arg, &walk);
		if (rc)
			err_set(e, rc, "%s: record %llu: %s", l->dir,
				(unsigned long long)walk.revision, err_text(rc));
	}
	if (!rc && lmdb_log_count(txn, &l->tables))
		rc = err_set(e, ERR_CORRUPT, "%s: the log has not as many records as it says",
			     l->dir);
	mdb_txn_abort(txn);
	lmdb_ahead_stop(&ahead);
	lmdb_map_give_back(&l->map);
	return rc;
}

static int lmdb_backup(struct journal *j, const char *path, struct err *e)
{
	struct lmdb *l = lmdb_of(j);
	return lmdb_backup_start(&l->backup, l->env, path, l->event_fd, e);
}

static int lmdb_backup_end(struct journal *j, struct err *e)
{
	struct lmdb *l = lmdb_of(j);
	uint64_t events;
	int rc = lmdb_backup_reap(&l->backup, e);
	pthread_mutex_lock(&l->mutex);
	if (rc != ERR_AGAIN && l->phase == PHASE_IDLE)
		(void)!read(l->event_fd, &events, sizeof events);
	pthread_mutex_unlock(&l->mutex);
	return rc;
}

static void lmdb_close(struct journal *j)
{
	struct lmdb *l = lmdb_of(j);
	lmdb_backup_fini(&l->backup);
	if (l->threaded) {
		pthread_mutex_lock(&l->mutex);
		l->quit = true; /* seen after a batch in flight */
		pthread_cond_signal(&l->wake);
		pthread_mutex_unlock(&l->mutex);
		pthread_join(l->thread, NULL);
	}
	if (l->env)
		mdb_env_close(l->env);
	if (l->event_fd >= 0)
		close(l->event_fd);
	if (l->lock_fd >= 0)
		close(l->lock_fd); /* last: the next one may come in now */
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->mutex);
	free(l->dir);
	free(l);
}

static const struct journal_ops lmdb_ops = {
	.load = lmdb_load,
	.append = lmdb_append,
	.reap = lmdb_reap,
	.fd = lmdb_fd,
	.read = lmdb_read,
	.full = lmdb_full,
	.backup = lmdb_backup,
	.backup_reap = lmdb_backup_end,
	.close = lmdb_close,
};

/* ---- opening */

static int open_env(struct lmdb *l, struct err *e)
{
	uint64_t map = 2 * l->quota > MAP_MIN ? 2 * l->quota : MAP_MIN;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char file[PATH_MAX];
	MDB_envinfo info;
	snprintf(file, sizeof file, "%s/data.mdb", l->dir);
	int rc = lmdb_meta_forget_unborn(file, (unsigned)page, e), dead;
	if (rc)
		return rc;
	rc = mdb_env_create(&l->env);
	if (!rc)
		rc = mdb_env_set_maxdbs(l->env, TABLES);
	if (!rc)
		rc = mdb_env_set_mapsize(l->env, (size_t)(map / page * page));
	if (!rc)
		rc = mdb_env_open(l->env, l->dir, MDB_NOTLS, 0600);
	/* LMDB leaves a new file's meta pages to the first commit's sync: cut
	 * within that, pages could be there and no meta page. */
	if (!rc && mdb_env_info(l->env, &info) == 0 && info.me_last_txnid == 0)
		rc = mdb_env_sync(l->env, 1);
	if (!rc)
		rc = mdb_reader_check(l->env, &dead);
	return rc ? lmdb_error(e, rc, "open", l->dir) : 0;
}

/* LMDB 0.9 leaves its data file open across exec, by two descriptors, of
 * which it names one: the other is found as another one of the same file. */
static void close_on_exec(int fd)
{
	struct stat is, other;
	DIR *d = fstat(fd, &is) ? NULL : opendir("/proc/self/fd");
	struct dirent *f;
	while (d && (f = readdir(d))) {
		int n = atoi(f->d_name);
		if (n > 2 && fstat(n, &other) == 0 && other.st_ino == is.st_ino &&
		    other.st_dev == is.st_dev)
			fcntl(n, F_SETFD, FD_CLOEXEC);
	}
	if (d)
		closedir(d);
}

static int check_file(struct lmdb *l, struct err *e)
{
	int fd;
	struct stat st;
	int rc = mdb_env_get_fd(l->env, &fd);
	if (rc)
		return lmdb_error(e, rc, "open", l->dir);
	if (fstat(fd, &st))
		return err_set(e, ERR_IO, "open: %s (%s)", strerror(errno), l->dir);
	l->file_bytes = (uint64_t)st.st_size;
	lmdb_map_find(&l->map, fd);
	close_on_exec(fd);
	if (l->file_bytes < high_water(l))
		return err_set(e, ERR_CORRUPT, "%s: data.mdb has %llu bytes, its pages need %llu",
			       l->dir, (unsigned long long)l->file_bytes,
			       (unsigned long long)high_water(l));
	MDB_stat page;
	mdb_env_stat(l->env, &page);
	return lmdb_meta_check(fd, page.ms_psize, l->dir, e);
}

static int open_tables(struct lmdb *l, struct err *e)
{
	MDB_txn *txn;
	uint64_t epoch = 0;
	while (epoch == 0)
		if (getrandom(&epoch, sizeof epoch, 0) != sizeof epoch)
			return err_set(e, ERR_IO, "getrandom: %s", strerror(errno));
	int rc = grow_file(l, high_water(l) + GROW_STEP / 4);
	if (!rc)
		rc = mdb_txn_begin(l->env, NULL, 0, &txn);
	if (rc)
		return lmdb_error(e, rc, "open", l->dir);
	rc = lmdb_tables_open(txn, &l->tables, epoch, &l->meta, e);
	if (rc) {
		mdb_txn_abort(txn);
		return err_wrap(e, rc, "%s", l->dir);
	}
	rc = mdb_txn_commit(txn); /* writes nothing unless they were made */
	return rc ? lmdb_error(e, rc, "open", l->dir) : 0;
}

static int open_all(struct lmdb *l, struct err *e)
{
	if (mkdir(l->dir, 0700) && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %s", l->dir, strerror(errno));
	int rc = journal_lock(l->dir, &l->lock_fd, e);
	if (rc)
		return rc;
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->event_fd < 0)
		return err_set(e, ERR_IO, "eventfd: %s", strerror(errno));
	rc = open_env(l, e);
	if (!rc)
		rc = check_file(l, e);
	if (!rc)
		rc = open_tables(l, e);
	if (!rc)
		rc = lmdb_sync_dir(l->dir, e);
	if (!rc) {
		update_full(l);
		rc = start_writer(l, e);
	}
	return rc;
}

/* ---- opening to look only */

static int open_env_read(struct lmdb *l, bool file, struct err *e)
{
	unsigned flags = MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS | (file ? MDB_NOSUBDIR : 0);
	int rc = mdb_env_create(&l->env);
	if (!rc)
		rc = mdb_env_set_maxdbs(l->env, TABLES);
	if (!rc)
		rc = mdb_env_open(l->env, l->dir, flags, 0600);
	return rc ? lmdb_error(e, rc, "open", l->dir) : 0;
}

static int open_tables_read(struct lmdb *l, struct err *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return lmdb_error(e, rc, "open", l->dir);
	rc = lmdb_tables_open_read(txn, &l->tables, &l->meta, e);
	if (rc)
		err_wrap(e, rc, "%s", l->dir);
	mdb_txn_commit(txn); /* keeps the handles */
	return rc;
}

static int open_read(struct lmdb *l, struct err *e)
{
	struct stat st;
	if (stat(l->dir, &st))
		return err_set(e, ERR_NOT_FOUND, "%s: %s", l->dir, strerror(errno));
	bool file = !S_ISDIR(st.st_mode);
	l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* of a backup's end */
	if (l->event_fd < 0)
		return err_set(e, ERR_IO, "eventfd: %s", strerror(errno));
	int rc = file ? 0 : journal_lock(l->dir, &l->lock_fd, e);
	if (!rc)
		rc = open_env_read(l, file, e);
	if (!rc)
		rc = check_file(l, e);
	return rc ? rc : open_tables_read(l, e);
}

int journal_lmdb_open(struct journal **out, const struct journal_lmdb_options *o, struct err *e)
{
	struct lmdb *l = mem_alloc(sizeof *l);
	l->journal.ops = &lmdb_ops;
	l->dir = mem_dup(o->dir);
	l->lock_fd = l->event_fd = -1;
	l->quota = o->quota_bytes ? o->quota_bytes : QUOTA_DEFAULT;
	if (l->quota < QUOTA_MIN)
		l->quota = QUOTA_MIN;
	pthread_mutex_init(&l->mutex, NULL);
	pthread_cond_init(&l->wake, NULL);
	l->read_only = o->read_only;
	int rc = o->read_only ? open_read(l, e) : open_all(l, e);
	if (rc)
		lmdb_close(&l->journal);
	else
		*out = &l->journal;
	return rc;
}
