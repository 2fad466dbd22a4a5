/* A journal of an older format is read, and called by the newest name. The
 * rows are those that the version of then wrote (tests/golden). */
#include <lmdb.h>

#include "tests/lib/store_rig.h"

static size_t unhex(char *text, uint8_t *out)
{
	size_t n = 0;
	for (; text[0] && text[1]; text += 2) {
		unsigned byte;
		sscanf(text, "%2x", &byte);
		out[n++] = (uint8_t)byte;
	}
	return n;
}

static void load_golden(const char *dir)
{
	MDB_env *env;
	MDB_txn *txn;
	char table[16], key_text[1200], value_text[4000];
	uint8_t k[600], v[2000];
	FILE *f = fopen("tests/golden/journal-format-1", "r");
	need(f, "run it from the top of the tree");
	need(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0);
	need(mdb_env_open(env, dir, 0, 0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0);
	while (fscanf(f, "%15s %1199s %3999s", table, key_text, value_text) == 3) {
		MDB_dbi dbi;
		MDB_val key = {unhex(key_text, k), k}, value = {unhex(value_text, v), v};
		need(mdb_dbi_open(txn, table, MDB_CREATE, &dbi) == 0);
		need(mdb_put(txn, dbi, &key, &value, 0) == 0);
	}
	need(mdb_txn_commit(txn) == 0);
	mdb_env_close(env);
	fclose(f);
}

static void read_format(const char *dir, char text[64])
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val key = {6, "format"}, v;
	need(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0);
	need(mdb_env_open(env, dir, MDB_RDONLY, 0600) == 0);
	need(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
	need(mdb_dbi_open(txn, "meta", 0, &dbi) == 0 && mdb_get(txn, dbi, &key, &v) == 0);
	snprintf(text, 64, "%.*s", (int)v.mv_size, (const char *)v.mv_data);
	mdb_txn_abort(txn);
	mdb_env_close(env);
}

static void need_all_of_it(struct rig *r)
{
	need(has_value(r, "pods/a", "second") && has_value(r, "pods/b", NULL));
	need(has_value(r, "jobs/j", "new") && has_value(r, "secrets/s", "hidden"));
	struct event_list l = events_after(r, "", 0, 0);
	need(l.rc == 0 && l.count == 7, "%s %zu", err_name(l.rc), l.count);
	need(strcmp(l.events[3].was.value, "first") == 0);
	need(strcmp(l.events[4].stream[2], "pods@n1") == 0 && l.events[4].prev[2] == store_version(2, 0));
	need(strcmp(l.events[3].principal, "someone") == 0 && l.events[3].origin.span == 3);
	need(l.events[2].row.secret && l.events[6].row.value == NULL);
	forget_events(&l);
}

Test(store_upgrade, journal_of_format_1_is_read_and_goes_on_as_the_newest)
{
	struct rig r;
	char format[64];
	rig_init(&r, true);
	load_golden(r.dir);
	rig_open(&r);
	need_all_of_it(&r);
	struct store_op lease = put("leases/l", "1"), under = put("pods/n", "1");
	lease.ttl_ms = 1000;
	under.lease = span_of("leases/l");
	run(&r, TXN(OPS(lease)));
	need(run(&r, TXN(OPS(under)))->status == 0, "what only the new format can say");
	struct seen_outcome *o = run(&r, TXN(OPS(put("pods/a", "third"))));
	need(o->row[0].changes == 3 && o->row[0].create == store_version(1, 0));
	rig_close(&r);
	read_format(r.dir, format);
	need(strcmp(format, "troupe-journal-2") == 0, "%s", format);
	rig_open(&r);
	must_delete(&r, "leases/l");
	need(has_value(&r, "pods/n", NULL) && has_value(&r, "pods/a", "third"));
	rig_fini(&r);
}

Test(store_upgrade, looking_at_an_old_journal_changes_nothing)
{
	struct rig r;
	char format[64];
	struct journal *j;
	struct err e = {0};
	rig_init(&r, true);
	load_golden(r.dir);
	struct journal_lmdb_options o = {.dir = r.dir, .read_only = true};
	need(journal_lmdb_open(&j, &o, &e) == 0, "%s", e.text);
	struct store_client client = {0};
	need(store_local_open(&r.store, &j, &client, &e) == 0, "%s", e.text);
	need_all_of_it(&r);
	rig_close(&r);
	read_format(r.dir, format);
	need(strcmp(format, "troupe-journal-1") == 0, "%s", format);
	rig_open(&r);
	rig_fini(&r);
}
