/* The journal on disk: its lock, its refusals, its errors in words, and that
 * kill -9 loses nothing that was acknowledged. */
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/lib/store_rig.h"

static void make_store(struct rig *r, int puts)
{
	rig_init(r, true);
	rig_open(r);
	for (int i = 0; i < puts; i++) {
		char key[32];
		snprintf(key, sizeof key, "pods/%d", i);
		must_put(r, key, "some value");
	}
}

/* A write transaction on the closed store's environment, past the journal. */
static void raw_write(const char *dir, const char *table, MDB_val key,
		      void (*change)(uint8_t *value, size_t *n))
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val v;
	need(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0);
	need(mdb_env_open(env, dir, 0, 0600) == 0);
	need(mdb_txn_begin(env, NULL, 0, &txn) == 0);
	need(mdb_dbi_open(txn, table, 0, &dbi) == 0);
	need(mdb_get(txn, dbi, &key, &v) == 0);
	uint8_t *copy = mem_alloc(v.mv_size + 1);
	size_t n = v.mv_size;
	memcpy(copy, v.mv_data, n);
	change(copy, &n);
	v = (MDB_val){n, copy};
	need(mdb_put(txn, dbi, &key, &v, 0) == 0 && mdb_txn_commit(txn) == 0);
	mdb_env_close(env);
	free(copy);
}

static void flip(uint8_t *value, size_t *n)
{
	value[*n / 2] ^= 0x10;
}

static void cut_short(uint8_t *value, size_t *n)
{
	(void)value;
	*n = 3;
}

static void next_format(uint8_t *value, size_t *n)
{
	value[*n - 1]++;
}

static const uint8_t revision_3[8] = {0, 0, 0, 0, 0, 0, 0, 3};
static const MDB_val record_3 = {sizeof revision_3, (void *)revision_3};

Test(store_journal_lmdb, second_opener_is_told_who_has_the_directory)
{
	struct rig r;
	make_store(&r, 1);
	struct journal_lmdb_options o = {.dir = r.dir};
	struct journal *j;
	struct err e = {0};
	need(journal_lmdb_open(&j, &o, &e) == ERR_BUSY);
	char pid[32];
	snprintf(pid, sizeof pid, "process %d", (int)getpid());
	need(strstr(e.text, r.dir) && strstr(e.text, pid), "%s", e.text);
	need(run(&r, TXN(OPS(put("pods/x", "y"))))->status == 0, "the first is not disturbed");
	rig_reopen(&r);
	rig_fini(&r);
}

Test(store_journal_lmdb, directory_and_files_are_private)
{
	struct rig r;
	rig_init(&r, true);
	char outer[64], path[128];
	strcpy(outer, r.dir);
	snprintf(r.dir, sizeof r.dir, "%s/in", outer);
	umask(0);
	rig_open(&r);
	struct stat st;
	need(stat(r.dir, &st) == 0 && (st.st_mode & 0777) == 0700);
	static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", r.dir, files[i]);
		need(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "%s", files[i]);
	}
	rig_fini(&r);
	remove_dir(outer);
}

/* A pod's processes outlive this one: whatever they inherited would keep the
 * directory locked. */
Test(store_journal_lmdb, nothing_is_left_open_for_programs_that_are_started)
{
	struct rig r;
	make_store(&r, 1);
	int in_dir = 0;
	for (int fd = 3; fd < 256; fd++) {
		char link[32], path[256] = "";
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		if (readlink(link, path, sizeof path - 1) <= 0 || !strstr(path, r.dir))
			continue;
		in_dir++;
		need(fcntl(fd, F_GETFD) & FD_CLOEXEC, "%s", path);
	}
	need(in_dir >= 3);
	rig_fini(&r);
}

static unsigned long long blocked_signals_of(const char *thread)
{
	char path[300], line[256];
	bool is_it = false;
	unsigned long long mask = 0;
	DIR *d = opendir("/proc/self/task");
	struct dirent *task;
	while (!is_it && (task = readdir(d))) {
		snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
		FILE *f = fopen(path, "r");
		while (f && fgets(line, sizeof line, f)) {
			if (strncmp(line, "Name:", 5) == 0)
				is_it = strcmp(line, thread) == 0;
			if (is_it && sscanf(line, "SigBlk: %llx", &mask) == 1)
				break;
		}
		if (f)
			fclose(f);
	}
	closedir(d);
	return is_it ? mask : 0;
}

Test(store_journal_lmdb, writer_thread_takes_no_signals)
{
	struct rig r;
	make_store(&r, 1);
	unsigned long long mask = blocked_signals_of("Name:\tjournal\n");
	static const int some[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1, SIGXFSZ};
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		need(mask >> (some[i] - 1) & 1, "signal %d", some[i]);
	rig_fini(&r);
}

Test(store_journal_lmdb, missing_parent_is_an_error_in_words)
{
	struct journal_lmdb_options o = {.dir = "/nonexistent/dir"};
	struct journal *j;
	struct err e = {0};
	need(journal_lmdb_open(&j, &o, &e) == ERR_IO);
	need(strstr(e.text, "/nonexistent/dir: No such file"), "%s", e.text);
}

Test(store_journal_lmdb, flipped_bit_in_a_record_is_named)
{
	struct rig r;
	make_store(&r, 5);
	rig_close(&r);
	raw_write(r.dir, "log", record_3, flip);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT);
	need(strstr(e.text, "record 3") && strstr(e.text, r.dir), "%s", e.text);
	rig_fini(&r);
}

Test(store_journal_lmdb, record_cut_short_is_named)
{
	struct rig r;
	make_store(&r, 5);
	rig_close(&r);
	raw_write(r.dir, "log", record_3, cut_short);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT && strstr(e.text, "record 3"), "%s", e.text);
	rig_fini(&r);
}

Test(store_journal_lmdb, missing_record_is_noticed)
{
	struct rig r;
	make_store(&r, 5);
	rig_close(&r);
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val key = record_3;
	need(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0);
	need(mdb_env_open(env, r.dir, 0, 0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0);
	need(mdb_dbi_open(txn, "log", 0, &dbi) == 0 && mdb_del(txn, dbi, &key, NULL) == 0);
	need(mdb_txn_commit(txn) == 0);
	mdb_env_close(env);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT);
	need(strstr(e.text, "follows 2") && strstr(e.text, "missing"), "%s", e.text);
	rig_fini(&r);
}

Test(store_journal_lmdb, flipped_bit_in_meta_and_object_is_refused)
{
	struct rig r;
	rig_init(&r, true);
	r.limits.checkpoint_bytes = 0;
	rig_open(&r);
	must_put(&r, "pods/a", "value");
	must_put(&r, "pods/b", "value");
	rig_close(&r);
	MDB_val object = {6, "pods/a"}, meta = {4, "meta"};
	raw_write(r.dir, "object", object, flip);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT && strstr(e.text, "pods/a"), "%s", e.text);
	raw_write(r.dir, "object", object, flip);
	raw_write(r.dir, "meta", meta, flip);
	need(rig_try_open(&r, &e) == ERR_CORRUPT && strstr(e.text, "meta"), "%s", e.text);
	raw_write(r.dir, "meta", meta, flip);
	rig_open(&r);
	rig_fini(&r);
}

Test(store_journal_lmdb, other_format_is_refused_untouched)
{
	struct rig r;
	make_store(&r, 1);
	rig_close(&r);
	MDB_val format = {6, "format"};
	raw_write(r.dir, "meta", format, next_format);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_UNSUPPORTED);
	need(strstr(e.text, "troupe-journal-3") && strstr(e.text, "troupe-journal-2"), "%s", e.text);
	rig_fini(&r);
}

Test(store_journal_lmdb, file_cut_off_is_an_error_and_no_signal)
{
	struct rig r;
	make_store(&r, 50);
	rig_close(&r);
	char path[128];
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	need(truncate(path, 5 * 4096) == 0);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT && strstr(e.text, "data.mdb"), "%s", e.text);
	rig_fini(&r);
}

Test(store_journal_lmdb, file_that_is_none_of_ours_is_refused)
{
	struct rig r;
	rig_init(&r, true);
	char path[128], junk[8192];
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	memset(junk, 'j', sizeof junk);
	FILE *f = fopen(path, "w");
	need(f && fwrite(junk, sizeof junk, 1, f) == 1 && fclose(f) == 0);
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT && strstr(e.text, r.dir), "%s", e.text);
	rig_fini(&r);
}

/* The file may not grow any more: what a full disk looks like to a writer. */
Test(store_journal_lmdb, disk_that_takes_no_more_stops_the_store_in_words)
{
	struct rig r;
	make_store(&r, 1);
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	char path[128];
	struct stat st;
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	need(stat(path, &st) == 0);
	limit.rlim_cur = (rlim_t)st.st_size;
	need(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	char *big = mem_alloc(STORE_VALUE_BYTES_MAX);
	memset(big, 'b', STORE_VALUE_BYTES_MAX - 1);
	struct seen_outcome *o = NULL;
	for (int i = 0; i < 20 && (!o || o->status == 0); i++) {
		char key[32];
		snprintf(key, sizeof key, "pods/big%d", i);
		o = run(&r, TXN(OPS(put(key, big))));
	}
	need(o->status == ERR_IO && strstr(o->text, "commit: File too large"), "%s", o->text);
	need(strstr(o->text, r.dir), "%s", o->text);
	need(r.failed == ERR_IO);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	rig_reopen(&r);
	need(has_value(&r, "pods/0", "some value"));
	need(run(&r, TXN(OPS(put("pods/1", big))))->status == 0);
	free(big);
	rig_fini(&r);
}

Test(store_journal_lmdb, full_store_takes_deletes_and_recovers)
{
	struct rig r;
	rig_init(&r, true);
	r.quota = 4 << 20;
	r.limits.keep.count_min = 10;
	rig_open(&r);
	char *value = mem_alloc(100001);
	memset(value, 'v', 100000);
	char key[32];
	int n = 0;
	for (int status = 0; status == 0; n++) {
		snprintf(key, sizeof key, "pods/%d", n);
		status = run(&r, TXN(OPS(put(key, value))))->status;
		need(status == 0 || status == ERR_FULL);
		need(n < 200, "the quota is 40 of these");
	}
	need(n > 15, "but %d is too few", n);
	struct store_head head;
	store_head(r.store, &head);
	need(head.full, "the alarm");
	need(run(&r, TXN(OPS(get("pods/0"))))->status == 0);
	rig_reopen(&r);
	need(run(&r, TXN(OPS(put("pods/x", value))))->status == ERR_FULL, "still after reopen");
	bool again = false;
	for (int i = 0; i < n - 1 && !again; i++) {
		snprintf(key, sizeof key, "pods/%d", i);
		need(run(&r, TXN(OPS(del(key))))->status == 0, "deletes are taken");
		again = run(&r, TXN(OPS(put("pods/x", value))))->status == 0;
	}
	for (int i = 0; i < 20 && !again; i++) { /* all deleted: now the log goes */
		need(run(&r, TXN(OPS(del("pods/x"))))->status == 0);
		again = run(&r, TXN(OPS(put("pods/x", value))))->status == 0;
	}
	need(again);
	free(value);
	rig_fini(&r);
}

/* What is written and forgotten leaves its room to what comes. */
Test(store_journal_lmdb, file_does_not_grow_under_endless_churn)
{
	struct rig r;
	char path[128], key[32], value[1025];
	struct stat st;
	off_t early = 0;
	rig_init(&r, true);
	r.limits.keep = (struct log_keep){.us = 0, .bytes = 1 << 20, .count_min = 500};
	r.limits.checkpoint_bytes = 256 << 10;
	rig_open(&r);
	snprintf(path, sizeof path, "%s/data.mdb", r.dir);
	memset(value, 'v', 1024);
	value[1024] = 0;
	for (int round = 0; round < 12; round++) {
		uint64_t last = 0;
		for (int i = 0; i < 2000; i++) {
			snprintf(key, sizeof key, "pods/%d", i % 300);
			last = submit(&r, TXN(OPS(put(key, value))));
			if (i % 50 == 49)
				wait_for(&r, last);
		}
		rig_forget(&r);
		need(stat(path, &st) == 0);
		if (round == 3)
			early = st.st_size;
	}
	need(st.st_size <= early + (4 << 20), "%ld MB became %ld", (long)early >> 20,
	     (long)st.st_size >> 20);
	rig_fini(&r);
}

/* ---- backup and restore */

static void backup_to(struct rig *r, const char *path)
{
	struct err e = {0};
	struct pollfd fd = {.fd = store_fd(r->store), .events = POLLIN};
	need(store_backup(r->store, path, &e) == 0, "%s", e.text);
	int rc;
	while ((rc = store_backup_reap(r->store, &e)) == ERR_AGAIN)
		need(poll(&fd, 1, 20000) == 1);
	need(rc == 0, "%s", e.text);
}

Test(store_journal_lmdb, restored_store_is_the_backup_and_nobody_follows_from_before)
{
	struct rig r;
	char file[128];
	struct store_head before, now;
	struct journal_restored out;
	struct err e = {0};
	make_store(&r, 5);
	snprintf(file, sizeof file, "%s.backup", r.dir);
	backup_to(&r, file);
	need(store_backup(r.store, file, &e) == ERR_EXISTS && strstr(e.text, file), "%s", e.text);
	uint64_t late = must_put(&r, "pods/late", "never was");
	must_put(&r, "pods/0", "never was");
	run(&r, TXN(OPS(put_part("jobs/j", "1", "n1"))));
	store_head(r.store, &before);
	need(journal_lmdb_restore(file, r.dir, &out, &e) == ERR_BUSY, "%s", e.text);
	rig_close(&r);
	need(journal_lmdb_restore(file, r.dir, &out, &e) == 0 && out.replaced, "%s", e.text);
	rig_open(&r);
	for (int pass = 0; pass < 2; pass++) {
		static const char *const streams[] = {"", "pods", "jobs", "jobs@n1", "never"};
		store_head(r.store, &now);
		need(now.epoch != before.epoch && now.revision > before.revision + 1000000);
		need(has_value(&r, "pods/late", NULL) && has_value(&r, "pods/0", "some value"));
		for (int i = 0; i < 5; i++) {
			uint64_t head = store_stream_head(r.store, span_of(streams[i]));
			need(events_after(&r, streams[i], late, 0).rc == ERR_COMPACTED, "%s", streams[i]);
			need(events_after(&r, streams[i], 0, 0).rc == ERR_COMPACTED, "%s", streams[i]);
			need(events_after(&r, streams[i], head, 0).rc == 0, "who lists follows");
		}
		rig_reopen(&r);
	}
	uint64_t head = store_stream_head(r.store, span_of("pods"));
	uint64_t next = must_put(&r, "pods/0", "goes on");
	struct event_list l = events_after(&r, "pods", head, 0);
	need(next > head && l.count == 1 && l.events[0].row.mod == next, "%s", err_name(l.rc));
	need(l.events[0].prev[0] <= head, "a follower sees no gap");
	need(strcmp(l.events[0].was.value, "some value") == 0);
	forget_events(&l);
	unlink(file);
	rig_fini(&r);
}

/* A power cut when the very first file was being made. */
Test(store_journal_lmdb, start_that_was_cut_off_before_it_wrote_anything_can_be_repeated)
{
	for (off_t bytes = 0; bytes <= 8192; bytes += 4096) {
		struct rig r;
		char path[128];
		struct err e = {0};
		rig_init(&r, true);
		snprintf(path, sizeof path, "%s/data.mdb", r.dir);
		int fd = open(path, O_RDWR | O_CREAT, 0600);
		need(fd >= 0 && ftruncate(fd, bytes) == 0);
		close(fd);
		need(rig_try_open(&r, &e) == 0, "%ld bytes of nothing: %s", (long)bytes, e.text);
		must_put(&r, "pods/a", "1");
		rig_fini(&r);
	}
}

/* The child: puts as fast as it can, a number each, and says which numbers
 * were acknowledged. */
static void put_for_ever(const char *dir, int to)
{
	struct rig r;
	rig_init(&r, false);
	r.on_lmdb = true;
	strcpy(r.dir, dir);
	r.limits.checkpoint_bytes = 20000; /* sweeps and trims all the time */
	r.limits.keep = (struct log_keep){.us = 0, .bytes = 30000, .count_min = 20};
	rig_open(&r);
	for (uint32_t i = 0;; i++) {
		char keys[3][32], value[200];
		memset(value, 'v', sizeof value);
		snprintf(value + 100, 100, "%u", i);
		for (int k = 0; k < 3; k++)
			snprintf(keys[k], sizeof keys[k], "pods/%d-%d", k, (int)(i % 50));
		uint64_t a = submit(&r, TXN(OPS(put(keys[0], value), put(keys[1], value))));
		submit(&r, TXN(OPS(put(keys[2], value))));
		if (wait_for(&r, a)->status != 0 || write(to, &i, sizeof i) != sizeof i)
			_exit(3);
		rig_forget(&r);
	}
}

static uint32_t number_of(struct rig *r, const char *key)
{
	struct one_value v = {.key = key};
	bool more;
	store_range(r->store, span_of(key), span_of(""), 1, take_value, &v, &more);
	uint32_t n = v.value ? (uint32_t)strtoul(v.value + 100, NULL, 10) : UINT32_MAX;
	free(v.value);
	return n;
}

/* Kills the child once it has acknowledged `enough`. */
static uint32_t kill_after(const char *dir, uint32_t enough)
{
	int p[2];
	need(pipe(p) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(p[0]);
		put_for_ever(dir, p[1]);
	}
	close(p[1]);
	uint32_t acked = 0, n;
	while (read(p[0], &n, sizeof n) == sizeof n) {
		acked = n;
		if (n == enough)
			kill(child, SIGKILL);
	}
	int status;
	waitpid(child, &status, 0);
	need(WIFSIGNALED(status), "the child ended by itself: %d", status);
	close(p[0]);
	return acked;
}

Test(store_journal_lmdb, kill_9_loses_nothing_that_was_acknowledged)
{
	struct rig r;
	rig_init(&r, true);
	for (uint32_t round = 0; round < 20; round++) {
		uint32_t acked = kill_after(r.dir, 60 + 37 * round);
		rig_open(&r);
		for (uint32_t i = acked - 49; i <= acked; i++) {
			char a[32], b[32];
			snprintf(a, sizeof a, "pods/0-%d", (int)(i % 50));
			snprintf(b, sizeof b, "pods/1-%d", (int)(i % 50));
			uint32_t na = number_of(&r, a), nb = number_of(&r, b);
			need(na == nb, "half a transaction: %u %u", na, nb);
			/* one more may have been synced and not told any more */
			need(na == i || na == i + 50, "round %u: %u became %u", round, i, na);
		}
		rig_close(&r);
	}
	rig_fini(&r);
}
