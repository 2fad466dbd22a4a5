/* kill -9 under 64 writers, again and again, on one journal. Each writer logs
 * what it was acknowledged outside of the process that dies; after each kill
 * the store must agree with all 64 logs. KILLS=1000 build/tests/unit/store/kill
 * does so many (20). */
#include <signal.h>
#include <sys/wait.h>

#include "tests/lib/store_rig.h"

enum { WRITERS = 64 };

/* An acknowledgement: the writer's n-th transaction has this revision. */
struct ack {
	uint32_t writer, n;
	uint64_t revision;
};

struct writers {
	int log; /* where acknowledgements go */
	uint32_t n[WRITERS];
};

static void write_next(struct rig *r, struct writers *w, uint32_t writer)
{
	char a[32], b[32], value[128];
	uint32_t n = w->n[writer];
	snprintf(a, sizeof a, "pods/%02u", writer);
	snprintf(b, sizeof b, "jobs/%02u", writer);
	snprintf(value, sizeof value, "%010u %0*u", n, (int)(n % 90) + 1, 0);
	struct store_op ops[2] = {put(a, value), put(b, value)};
	struct store_txn t = {.then_ops = ops, .then_count = 2};
	memcpy(t.origin.request, &writer, 4);
	memcpy(t.origin.request + 4, &n, 4);
	t.origin.request[15] = 1;
	need(store_txn(r->store, &t, writer, NULL) == 0);
	bytes_unref(ops[0].value);
	bytes_unref(ops[1].value);
}

/* Logs it, then the writer goes on at once. */
static void on_done(struct rig *r, const struct store_outcome *o)
{
	struct writers *w = (struct writers *)r->disk; /* no memory disk here */
	uint32_t writer = (uint32_t)o->ticket;
	struct ack ack = {writer, w->n[writer], o->revision};
	if (o->status || write(w->log, &ack, sizeof ack) != sizeof ack)
		_exit(3);
	w->n[writer]++;
	write_next(r, w, writer);
}

static void tiny_limits(struct rig *r)
{
	r->limits.checkpoint_bytes = 40000; /* sweeps and trims all the time */
	r->limits.keep = (struct log_keep){.us = 0, .bytes = 80000, .count_min = 100};
	r->limits.reserve = 256;
}

static void write_for_ever(const char *dir, int log, const uint32_t n[WRITERS])
{
	struct writers w = {.log = log};
	struct rig r = {.on_lmdb = true, .limits = local_limits_default};
	memcpy(w.n, n, sizeof w.n);
	strcpy(r.dir, dir);
	tiny_limits(&r);
	rig_open(&r);
	r.disk = (void *)&w;
	r.on_outcome = on_done;
	for (uint32_t i = 0; i < WRITERS; i++)
		write_next(&r, &w, i);
	for (;;) {
		store_poll(r.store);
		rig_step(&r);
		rig_forget(&r);
	}
}

struct logs {
	uint32_t next[WRITERS]; /* the first that was not acknowledged */
	uint64_t revision, acks;
};

/* Kills the child once so many were acknowledged; reads all that it logged. */
static void kill_after(const char *dir, uint64_t enough, struct logs *l)
{
	int p[2];
	struct ack a;
	need(pipe(p) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(p[0]);
		write_for_ever(dir, p[1], l->next);
	}
	close(p[1]);
	while (read(p[0], &a, sizeof a) == sizeof a) {
		need(a.n == l->next[a.writer], "each once, in order");
		l->next[a.writer]++;
		if (a.revision > l->revision)
			l->revision = a.revision;
		l->acks++;
		if (--enough == 0)
			kill(child, SIGKILL);
	}
	int status;
	waitpid(child, &status, 0);
	need(WIFSIGNALED(status), "the child ended by itself: %d", status);
	close(p[0]);
}

static uint32_t number_of(struct rig *r, const char *kind, uint32_t writer)
{
	char key[32];
	bool more;
	snprintf(key, sizeof key, "%s/%02u", kind, writer);
	struct one_value v = {.key = key};
	store_range(r->store, span_of(key), span_of(""), 1, take_value, &v, &more);
	need(v.value, "%s is not there", key);
	uint32_t n = (uint32_t)strtoul(v.value, NULL, 10);
	free(v.value);
	return n;
}

/* One that was synced and not told any more counts as the writer's: it would
 * ask again with the same request id, and get the first outcome. */
static void compare(struct rig *r, struct logs *l)
{
	struct store_head head;
	store_head(r->store, &head);
	need(head.revision >= l->revision, "a revision would be given again");
	for (uint32_t w = 0; w < WRITERS; w++) {
		uint32_t n = number_of(r, "pods", w);
		need(n == number_of(r, "jobs", w), "half a transaction of %u", w);
		need(n + 1 == l->next[w] || n == l->next[w], "writer %u has %u, acknowledged %u", w,
		     n, l->next[w] - 1);
		l->next[w] = n + 1;
	}
	struct event_list e = events_after(r, "", store_version(head.compacted + 1, 0) - 1, 0);
	need(e.rc == 0 && e.count > 0, "%s", err_name(e.rc));
	for (size_t i = 1; i < e.count; i++)
		need(e.events[i].row.mod > e.events[i - 1].row.mod);
	forget_events(&e);
}

Test(store_kill, nothing_that_64_writers_logged_is_lost)
{
	const char *wanted = getenv("KILLS");
	long kills = wanted ? strtol(wanted, NULL, 10) : 20;
	struct logs l = {0};
	struct rig r;
	rig_init(&r, true);
	tiny_limits(&r);
	for (long i = 0; i < kills; i++) {
		kill_after(r.dir, 128 + (uint64_t)(i * 7919 % 1500), &l);
		rig_open(&r);
		compare(&r, &l);
		rig_close(&r);
	}
	fprintf(stderr, "%ld kills, %llu acknowledged\n", kills, (unsigned long long)l.acks);
	rig_open(&r);
	rig_fini(&r);
}
