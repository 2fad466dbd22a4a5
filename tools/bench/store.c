/* What the store does on this disk, beside a bare LMDB commit and a bare
 * append with fdatasync of the same bytes in the same run. JSON lines.
 * Usage: store DIR [OBJECTS]           (SECONDS_EACH=2)
 *        store DIR ipc DATA-DIR        one client of a running cluster */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "store/local/journal.h"
#include "store/watch.h"
#include "tools/client.h"

enum { VALUE = 1024, CLIENTS_MAX = 1000 };

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static double seconds_each(void)
{
	const char *s = getenv("SECONDS_EACH");
	return s ? atof(s) : 2;
}

static void fail(const char *what)
{
	fprintf(stderr, "store bench: %s\n", what);
	exit(1);
}

/* ---- the store */

struct bench {
	struct store *store;
	struct bytes *value;
	uint64_t n, ended, until_us, keys;
	unsigned running;
};

static void put_next(struct bench *b)
{
	char key[40];
	snprintf(key, sizeof key, "pods/default/pod-%09llu", (unsigned long long)(b->n++ % b->keys));
	struct store_op op = {.verb = STORE_PUT, .key = span_of(key), .value = b->value};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	t.origin.principal = span_of("bench");
	t.origin.wall_us = (int64_t)b->n;
	if (store_txn(b->store, &t, 0, NULL))
		fail("refused");
	b->running++;
}

static void on_outcome(void *arg, const struct store_outcome *o)
{
	struct bench *b = arg;
	if (o->status)
		fail(o->text);
	b->ended++;
	b->running--;
	if (now_us() < b->until_us)
		put_next(b);
}

static void open_store(struct bench *b, const char *dir)
{
	struct err e = {0};
	struct journal *j;
	struct store_client client = {.arg = b, .on_outcome = on_outcome};
	if (journal_lmdb_open(&j, &(struct journal_lmdb_options){.dir = dir}, &e) ||
	    store_local_open(&b->store, &j, &client, &e))
		fail(e.text);
}

static void poll_once(struct bench *b)
{
	struct pollfd fd = {.fd = store_fd(b->store), .events = POLLIN};
	store_poll(b->store);
	if (b->running)
		poll(&fd, 1, 1000);
}

static double puts_a_second(struct bench *b, unsigned clients)
{
	uint64_t began = now_us();
	b->ended = 0;
	b->until_us = began + (uint64_t)(seconds_each() * 1e6);
	for (unsigned i = 0; i < clients; i++)
		put_next(b);
	while (b->running)
		poll_once(b);
	return (double)b->ended / ((double)(now_us() - began) / 1e6);
}

/* ---- the bare ones: `batch` rows a commit, as many as clients wait for */

static double bare_append(const char *dir, unsigned batch)
{
	char path[512], *rows = mem_alloc((size_t)batch * VALUE);
	uint64_t n = 0, began, until;
	const off_t room = (off_t)1 << 30;
	snprintf(path, sizeof path, "%s/append", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, room))
		fail("no room for the bare append");
	/* pages that exist: a sync does not record extents too */
	for (off_t at = 0; at + (off_t)batch * VALUE < room / 4; at += (off_t)batch * VALUE)
		if (pwrite(fd, rows, (size_t)batch * VALUE, at) < 0)
			fail("write");
	fsync(fd);
	began = now_us();
	until = began + (uint64_t)(seconds_each() * 1e6);
	for (off_t at = 0; now_us() < until; n += batch, at += (off_t)batch * VALUE) {
		if (at + (off_t)batch * VALUE > room / 4)
			at = 0;
		if (pwrite(fd, rows, (size_t)batch * VALUE, at) < 0 || fdatasync(fd))
			fail("append");
	}
	double rate = (double)n / ((double)(now_us() - began) / 1e6);
	close(fd);
	unlink(path);
	free(rows);
	return rate;
}

static int none(void *arg, struct span key, struct span row)
{
	(void)arg, (void)key, (void)row;
	return 0;
}

static int none_record(void *arg, uint64_t revision, struct span data)
{
	(void)arg, (void)revision, (void)data;
	return 0;
}

/* LMDB through the journal, which is its commit and a thread's hand-over: one
 * row of the bytes alone, no state, no index, no history. */
static double bare_commit(const char *dir, struct bytes *value, unsigned batch)
{
	char path[512];
	struct journal *j;
	struct err e = {0};
	struct journal_meta meta;
	struct journal_record *rows = mem_alloc(batch * sizeof *rows);
	uint64_t n = 0, began, until;
	static unsigned runs;
	/* one of its own: there may be those of another run */
	snprintf(path, sizeof path, "%s/bare-%d-%u", dir, getpid(), ++runs);
	if (journal_lmdb_open(&j, &(struct journal_lmdb_options){.dir = path}, &e) ||
	    journal_load(j, &meta, none, none_record, NULL, &e))
		fail(e.text);
	began = now_us();
	until = began + (uint64_t)(seconds_each() * 1e6);
	while (now_us() < until) {
		for (unsigned i = 0; i < batch; i++)
			rows[i] = (struct journal_record){++n, value};
		struct journal_batch b = {.records = rows, .record_count = batch, .meta = meta};
		struct pollfd fd = {.fd = journal_fd(j), .events = POLLIN};
		journal_append(j, &b);
		poll(&fd, 1, 1000);
		int rc;
		while ((rc = journal_reap(j, &e)) == ERR_AGAIN)
			poll(&fd, 1, 1000);
		if (rc)
			fail(e.text);
	}
	double rate = (double)n / ((double)(now_us() - began) / 1e6);
	journal_close(j);
	free(rows);
	return rate;
}

static void bench_puts(struct bench *b, const char *dir)
{
	static const unsigned clients[] = {1, 32, CLIENTS_MAX};
	for (int i = 0; i < 3; i++) {
		double ours = puts_a_second(b, clients[i]);
		double lmdb = bare_commit(dir, b->value, clients[i]);
		double append = bare_append(dir, clients[i]);
		printf("{\"bench\":\"store-put\",\"bytes\":%d,\"clients\":%u,\"per_s\":%.0f,"
		       "\"bare_lmdb_per_s\":%.0f,\"ratio\":%.2f,\"bare_append_per_s\":%.0f,"
		       "\"append_ratio\":%.2f}\n",
		       VALUE, clients[i], ours, lmdb, ours / lmdb, append, ours / append);
		fflush(stdout);
	}
}

/* ---- reads */

struct sink {
	char copy[2048];
	uint64_t rows;
};

static int copy_row(void *arg, const struct store_row *r)
{
	struct sink *s = arg;
	struct span v = bytes_span(r->value);
	memcpy(s->copy, v.data, v.len < sizeof s->copy ? v.len : sizeof s->copy);
	s->rows++;
	return 0;
}

static double rows_by_range(struct bench *b, struct sink *s)
{
	uint64_t began = now_us();
	s->rows = 0;
	for (int i = 0; i < 20; i++) {
		char from[40];
		bool more;
		snprintf(from, sizeof from, "pods/default/pod-%09d", i * 500);
		store_range(b->store, span_of(from), span_of("pods0"), 5000, copy_row, s, &more);
	}
	return (double)s->rows / ((double)(now_us() - began + 1) / 1e6);
}

/* The same rows and order in a bare index. */
static double rows_by_walk(struct bench *b, struct sink *s, uint64_t rows)
{
	struct omap m = {0};
	char key[40];
	for (uint64_t i = 0; i < rows; i++) {
		snprintf(key, sizeof key, "pods/default/pod-%09llu", (unsigned long long)i);
		struct span v = bytes_span(b->value);
		omap_put(&m, span_of(key), bytes_copy(v.data, v.len));
	}
	uint64_t began = now_us(), n = 0;
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof key, "pods/default/pod-%09d", i * 500);
		struct onode *o = omap_seek(&m, span_of(key));
		for (int k = 0; o && k < 5000; k++, n++, o = omap_next(o)) {
			struct span v = bytes_span(o->value);
			memcpy(s->copy, v.data, v.len);
		}
	}
	double rate = (double)n / ((double)(now_us() - began + 1) / 1e6);
	omap_fini(&m, (void (*)(void *))bytes_unref);
	return rate;
}

static int count_event(void *arg, enum store_seen seen, const struct store_event *e)
{
	(void)seen, (void)e;
	++*(uint64_t *)arg;
	return 0;
}

/* Each put is told to a thousand watchers, who pull it. */
static void bench_watch(struct bench *b)
{
	static struct store_watch watches[CLIENTS_MAX];
	uint64_t told = 0, spent = 0;
	for (int i = 0; i < CLIENTS_MAX; i++)
		watches[i] = (struct store_watch){.stream = span_of("pods"),
						  .after = store_stream_head(b->store, span_of("pods"))};
	for (int round = 0; round < 200; round++) {
		b->until_us = 0;
		for (int i = 0; i < 10; i++)
			put_next(b);
		while (b->running)
			poll_once(b);
		uint64_t began = now_us();
		for (int i = 0; i < CLIENTS_MAX; i++) {
			bool more;
			store_watch_next(b->store, &watches[i], 0, count_event, &told, &more);
		}
		spent += now_us() - began;
	}
	printf("{\"bench\":\"store-watch\",\"watchers\":%d,\"deliveries_per_s\":%.0f}\n", CLIENTS_MAX,
	       (double)told / ((double)spent / 1e6));
}

/* ---- many objects */

static uint64_t resident_kb(void)
{
	unsigned long pages = 0, total = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%lu %lu", &total, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)(sysconf(_SC_PAGESIZE) / 1024);
}

/* In a process of its own, whose memory is not counted. */
static void fill(struct bench *b, const char *path, uint64_t objects)
{
	pid_t child = fork();
	if (child) {
		waitpid(child, NULL, 0);
		return;
	}
	open_store(b, path);
	b->until_us = 0;
	while (b->n < objects) {
		while (b->running < 4000 && b->n < objects)
			put_next(b);
		poll_once(b);
	}
	while (b->running)
		poll_once(b);
	store_close(b->store);
	_exit(0);
}

/* A sweep that a start found due goes on by itself. */
static void settle(struct bench *b)
{
	struct pollfd fd = {.fd = store_fd(b->store), .events = POLLIN};
	do
		store_poll(b->store);
	while (poll(&fd, 1, 300) > 0);
}

static void bench_restart(const char *dir, uint64_t objects)
{
	char path[512], file[600];
	struct bench b = {.value = bytes_copy(memset(mem_alloc(VALUE), 'v', VALUE), VALUE),
			  .keys = objects};
	snprintf(path, sizeof path, "%s/many", dir);
	snprintf(file, sizeof file, "%s/data.mdb", path);
	fill(&b, path, objects);
	uint64_t before_kb = resident_kb(), began = now_us();
	open_store(&b, path);
	double took = (double)(now_us() - began) / 1e6;
	struct stat st;
	stat(file, &st);
	printf("{\"bench\":\"store-restart\",\"objects\":%llu,\"value_bytes\":%d,\"seconds\":%.2f,"
	       "\"memory_bytes_per_object\":%llu,\"disk_bytes_per_object\":%llu}\n",
	       (unsigned long long)objects, VALUE, took,
	       (unsigned long long)((resident_kb() - before_kb) * 1024 / objects),
	       (unsigned long long)((uint64_t)st.st_blocks * 512 / objects));
	struct rusage u0, u1;
	settle(&b);
	getrusage(RUSAGE_SELF, &u0);
	for (int i = 0; i < 10; i++) { /* nothing changes: is anything written? */
		store_poll(b.store);
		usleep(50000);
	}
	getrusage(RUSAGE_SELF, &u1);
	printf("{\"bench\":\"store-idle\",\"blocks_written\":%ld}\n", u1.ru_oublock - u0.ru_oublock);
	store_close(b.store);
	bytes_unref(b.value);
}

/* ---- one client of a running cluster */

struct far {
	struct client *client;
	uint64_t n; /* requests before */
};

static void put_far(struct far *f)
{
	struct err e = {0};
	uint8_t text[VALUE - 3], request[16] = {0};
	pid_t me = getpid(); /* or a second run is answered from memory */
	struct buf b = {0};
	struct mp reply;
	struct bytes *owner = NULL;
	memset(text, 'v', sizeof text);
	memcpy(request, &f->n, sizeof f->n);
	memcpy(request + 8, &me, sizeof me);
	request[15] = 1;
	f->n++;
	mpw_map(&b, 2);
	mpw_str(&b, "request");
	mpw_bin(&b, (struct span){request, sizeof request});
	mpw_str(&b, "then");
	mpw_array(&b, 1);
	mpw_array(&b, 5);
	mpw_u64(&b, STORE_PUT);
	mpw_str(&b, "bench/one");
	mpw_bin(&b, (struct span){text, sizeof text});
	mpw_str(&b, "");
	mpw_u64(&b, 0);
	if (client_request(f->client, "store", MSG_STORE_TXN, &b, 5000, &reply, &owner, &e))
		fail(e.text);
	bytes_unref(owner);
}

static double puts_far(struct far *f)
{
	uint64_t n = 0, began = now_us(), until = began + (uint64_t)(seconds_each() * 1e6);
	for (; now_us() < until; n++)
		put_far(f);
	return (double)n / ((double)(now_us() - began) / 1e6);
}

/* By turns, since disks have moods. */
static void bench_ipc(const char *dir, struct client *client, struct bytes *value)
{
	enum { ROUNDS = 3 };
	struct far f = {.client = client};
	double far = 0, bare = 0;
	for (int i = 0; i < ROUNDS; i++) {
		far += puts_far(&f) / ROUNDS;
		bare += bare_commit(dir, value, 1) / ROUNDS;
	}
	printf("{\"bench\":\"store-put-ipc\",\"bytes\":%d,\"clients\":1,\"per_s\":%.0f,"
	       "\"bare_lmdb_per_s\":%.0f,\"ratio\":%.2f}\n",
	       VALUE, far, bare, far / bare);
}

static void bench_cluster(const char *dir, const char *data_dir)
{
	struct client *c;
	struct err e = {0};
	struct bytes *value = bytes_copy(memset(mem_alloc(VALUE), 'v', VALUE), VALUE);
	if (client_open(&c, data_dir, 5000, &e))
		fail(e.text);
	bench_ipc(dir, c, value);
	client_close(c);
	bytes_unref(value);
}

int main(int argc, char **argv)
{
	char path[512];
	log_init("off");
	if (argc < 2)
		fail("a directory, please");
	if (argc > 3 && strcmp(argv[2], "ipc") == 0) {
		bench_cluster(argv[1], argv[3]);
		return 0;
	}
	/* before there are threads, and much memory that is free again */
	bench_restart(argv[1], argc > 2 ? strtoull(argv[2], NULL, 10) : 200000);
	struct bench b = {.value = bytes_copy(memset(mem_alloc(VALUE), 'v', VALUE), VALUE),
			  .keys = 20000};
	struct sink sink;
	snprintf(path, sizeof path, "%s/store", argv[1]);
	open_store(&b, path);
	bench_puts(&b, argv[1]);
	while (b.n < b.keys) {
		b.until_us = 0;
		put_next(&b);
		while (b.running)
			poll_once(&b);
	}
	double walk = rows_by_walk(&b, &sink, b.keys), range = rows_by_range(&b, &sink);
	printf("{\"bench\":\"store-range\",\"rows_per_s\":%.0f,\"bare_walk_per_s\":%.0f,\"ratio\":%.2f}\n",
	       range, walk, range / walk);
	bench_watch(&b);
	store_close(b.store);
	bytes_unref(b.value);
	return 0;
}
