/* LMDB's calls failing, each in turn: this binary's own mdb_put and its kin
 * stand before the library's. Opening says so and leaves nothing behind; a
 * failed write stops the store, what is shown and acknowledged stays true, and
 * the next start has all of it. */
#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>

#include "tests/lib/store_rig.h"

static struct {
	_Atomic long calls;
	_Atomic long fail_at; /* 0: none */
	int code;
} lmdb;

static bool fails(void)
{
	long n = atomic_fetch_add(&lmdb.calls, 1) + 1;
	return n == atomic_load(&lmdb.fail_at);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
	return fails() ? lmdb.code : REAL(mdb_txn_begin)(env, parent, flags, txn);
}

/* A commit that fails has freed its transaction. */
int mdb_txn_commit(MDB_txn *txn)
{
	if (!fails())
		return REAL(mdb_txn_commit)(txn);
	mdb_txn_abort(txn);
	return lmdb.code;
}

int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
	return fails() ? lmdb.code : REAL(mdb_put)(txn, dbi, key, data, flags);
}

int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	return fails() ? lmdb.code : REAL(mdb_del)(txn, dbi, key, data);
}

int mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	return fails() ? lmdb.code : REAL(mdb_get)(txn, dbi, key, data);
}

int mdb_dbi_open(MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi)
{
	return fails() ? lmdb.code : REAL(mdb_dbi_open)(txn, name, flags, dbi);
}

int mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor)
{
	return fails() ? lmdb.code : REAL(mdb_cursor_open)(txn, dbi, cursor);
}

int mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
	return fails() ? lmdb.code : REAL(mdb_env_open)(env, path, flags, mode);
}

static void fail_at(long n, int code)
{
	atomic_store(&lmdb.calls, 0);
	lmdb.code = code;
	atomic_store(&lmdb.fail_at, n);
}

enum { PUTS = 30 };

static void tiny_limits(struct rig *r)
{
	r->limits.checkpoint_bytes = 2000; /* sweeps and trims all the time */
	r->limits.slice = (struct slice_limits){.rows = 4, .bytes = 1000, .visits = 20};
	r->limits.keep = (struct log_keep){.us = 0, .bytes = 4000, .count_min = 10};
}

static void need_puts(struct rig *r, int from, int to, const char *when, long n)
{
	char key[32], value[32];
	int there = 0;
	for (int i = 0; i < PUTS; i++) {
		snprintf(key, sizeof key, "pods/%d", i);
		snprintf(value, sizeof value, "%d", i);
		bool is = has_value(r, key, value);
		need(is || has_value(r, key, NULL), "%s, call %ld: %s", when, n, key);
		need(!is || i == there, "%s, call %ld: %d without %d", when, n, i, there);
		there += is;
	}
	need(there >= from && there <= to, "%s, call %ld: %d of %d..%d", when, n, there, from, to);
}

/* Returns whether there was an n-th call. */
static bool run_with_failure(long n, int code)
{
	struct rig r;
	struct err e = {0};
	int acked = 0, given = 0;
	rig_init(&r, true);
	tiny_limits(&r);
	fail_at(n, code);
	int rc = rig_try_open(&r, &e);
	bool opened = rc == 0;
	need(opened || e.text[0], "call %ld: an error without words", n);
	for (; opened && given < PUTS && !r.failed; given++) {
		char key[32], value[32];
		snprintf(key, sizeof key, "pods/%d", given);
		snprintf(value, sizeof value, "%d", given);
		acked += run(&r, TXN(OPS(put(key, value))))->status == 0;
	}
	if (opened)
		store_poll(r.store);
	while (opened && ((const struct local *)r.store)->in_flight)
		rig_step(&r);
	bool failed = !opened || r.failed;
	if (opened && r.failed)
		need_puts(&r, acked, acked, "what is shown", n);
	atomic_store(&lmdb.fail_at, 0);
	if (opened)
		rig_close(&r);
	rig_open(&r);
	need_puts(&r, acked, given, "reopened", n);
	must_put(&r, "jobs/again", "1");
	rig_fini(&r);
	return failed || atomic_load(&lmdb.calls) >= n;
}

Test(store_lmdb_calls, each_that_fails_is_said_and_loses_nothing)
{
	static const int codes[] = {ENOMEM, EIO};
	long failed = 0;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		for (long n = 1; n < 120; n += n < 40 ? 1 : 4)
			failed += run_with_failure(n, codes[i]);
	need(failed > 80, "%ld", failed);
}

/* A full map is the quota's last line: an error of its own, and no harm. */
Test(store_lmdb_calls, full_map_stops_writing_and_says_full)
{
	struct rig r;
	rig_init(&r, true);
	rig_open(&r);
	must_put(&r, "pods/a", "1");
	fail_at(2, MDB_MAP_FULL); /* begin, then put */
	struct seen_outcome *o = run(&r, TXN(OPS(put("pods/b", "1"))));
	need(o->status == ERR_IO && strstr(o->text, "MDB_MAP_FULL"), "%s", o->text);
	need(r.failed == ERR_FULL && has_value(&r, "pods/a", "1") && has_value(&r, "pods/b", NULL));
	rig_reopen(&r);
	need(has_value(&r, "pods/a", "1"));
	need(run(&r, TXN(OPS(put("pods/b", "1"))))->status == 0);
	rig_fini(&r);
}
