/* A store under test, on either journal: hands transactions in, waits for
 * their outcomes, keeps copies of all that the store called back.
 *
 * Bodies are plain functions that check with `need`, so that a plain runner
 * can call them too: Debian's Criterion does not start under the thread
 * sanitizer. With -DSTORE_PLAIN the file of tests has a main of its own:
 *   gcc -DSTORE_PLAIN -fsanitize=thread ... tests/unit/store/X.c libstore.a libbroker.a */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "store/local/local.h"
#include "store/store.h"

#ifdef need /* the file of tests has one */
#elif defined STORE_PLAIN
#define need(cond, ...)                                                                            \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond);                 \
			fprintf(stderr, "" __VA_ARGS__);                                           \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
#else
#include <criterion/criterion.h>
#define need(cond, ...) cr_assert(cond, ##__VA_ARGS__)
#endif

struct seen_row {
	char *key, *value, *part; /* value NULL: not there */
	uint64_t create, mod, changes;
	bool secret;
};

struct seen_outcome {
	uint64_t ticket, revision;
	int status;
	bool compared;
	size_t rows;
	struct seen_row row[STORE_OPS_MAX];
	char text[160];
	size_t events_before; /* how many events had been seen by then */
};

struct seen_event {
	uint64_t revision;
	unsigned index, count;
	struct seen_row row, was;
	size_t links;
	char *stream[3];
	uint64_t prev[3];
	char *principal;
	struct store_origin origin;
};

struct rig {
	bool on_lmdb;
	char dir[64];
	struct journal_disk *disk;
	struct journal *journal; /* the store's; for what only tests do to it */
	struct store *store;
	struct local_limits limits;
	uint64_t quota;
	uint64_t tickets;
	struct seen_outcome *outcomes;
	size_t outcome_count, outcome_cap;
	struct seen_event *events;
	size_t event_count, event_cap;
	int failed;
	char failure[200];
	void (*on_outcome)(struct rig *, const struct store_outcome *);
	struct bytes *(*share)(struct rig *, const struct store_event *); /* what on_event returns */
	void *shared; /* for it */
};

static inline char *seen_text(struct span s)
{
	return mem_ndup(s.data, s.len);
}

static inline struct seen_row see_row(const struct store_row *r)
{
	return (struct seen_row){
		.key = seen_text(r->key),
		.value = r->value ? seen_text(bytes_span(r->value)) : NULL,
		.part = seen_text(r->part),
		.create = r->create_version,
		.mod = r->mod_version,
		.changes = r->changes,
		.secret = r->secret,
	};
}

static inline void forget_row(struct seen_row *r)
{
	free(r->key);
	free(r->value);
	free(r->part);
}

static inline struct seen_event see_event(const struct store_event *e)
{
	struct seen_event s = {
		.revision = e->revision,
		.index = e->index,
		.count = e->count,
		.row = see_row(&e->row),
		.was = see_row(&e->was),
		.links = e->link_count,
		.principal = seen_text(e->origin->principal),
		.origin = *e->origin,
	};
	for (size_t i = 0; i < e->link_count; i++) {
		s.stream[i] = seen_text(e->links[i].stream);
		s.prev[i] = e->links[i].prev;
	}
	return s;
}

static inline void forget_event(struct seen_event *e)
{
	forget_row(&e->row);
	forget_row(&e->was);
	free(e->principal);
	for (size_t i = 0; i < e->links; i++)
		free(e->stream[i]);
}

static inline struct bytes *rig_on_event(void *arg, const struct store_event *e)
{
	struct rig *r = arg;
	if (r->event_count == r->event_cap) {
		r->event_cap = r->event_cap ? 2 * r->event_cap : 64;
		r->events = mem_realloc(r->events, r->event_cap * sizeof *r->events);
	}
	r->events[r->event_count++] = see_event(e);
	return r->share ? r->share(r, e) : NULL;
}

static inline void rig_on_outcome(void *arg, const struct store_outcome *o)
{
	struct rig *r = arg;
	if (r->outcome_count == r->outcome_cap) {
		r->outcome_cap = r->outcome_cap ? 2 * r->outcome_cap : 16;
		r->outcomes = mem_realloc(r->outcomes, r->outcome_cap * sizeof *r->outcomes);
	}
	struct seen_outcome *s = &r->outcomes[r->outcome_count++];
	*s = (struct seen_outcome){
		.ticket = o->ticket,
		.revision = o->revision,
		.status = o->status,
		.compared = o->compared,
		.rows = o->row_count,
		.events_before = r->event_count,
	};
	for (size_t i = 0; i < o->row_count; i++)
		s->row[i] = see_row(&o->rows[i]);
	memcpy(s->text, o->text, sizeof s->text);
	if (r->on_outcome)
		r->on_outcome(r, o);
}

static inline void rig_on_failure(void *arg, int code, const char *text)
{
	struct rig *r = arg;
	need(r->failed == 0, "told twice");
	r->failed = code;
	snprintf(r->failure, sizeof r->failure, "%s", text);
}

static inline void rig_forget(struct rig *r)
{
	for (size_t i = 0; i < r->outcome_count; i++)
		for (size_t k = 0; k < r->outcomes[i].rows; k++)
			forget_row(&r->outcomes[i].row[k]);
	for (size_t i = 0; i < r->event_count; i++)
		forget_event(&r->events[i]);
	r->outcome_count = r->event_count = 0;
}

static inline int rig_try_open(struct rig *r, struct err *e)
{
	struct store_client client = {r, rig_on_event, rig_on_outcome, rig_on_failure};
	struct journal_lmdb_options o = {.dir = r->dir, .quota_bytes = r->quota};
	struct journal *j;
	int rc = r->on_lmdb ? journal_lmdb_open(&j, &o, e) : journal_memory_open(&j, r->disk, e);
	if (rc)
		return rc;
	r->journal = j;
	r->failed = 0;
	return local_open_limits(&r->store, &j, &client, &r->limits, e);
}

static inline void rig_open(struct rig *r)
{
	struct err e = {0};
	int rc = rig_try_open(r, &e);
	need(rc == 0, "open: %s", e.text);
}

static inline void rig_close(struct rig *r)
{
	store_close(r->store);
	r->store = NULL;
	r->journal = NULL;
}

static inline void rig_reopen(struct rig *r)
{
	rig_close(r);
	rig_open(r);
}

/* Limits may be changed between this and rig_open. */
static inline void rig_init(struct rig *r, bool on_lmdb)
{
	*r = (struct rig){.on_lmdb = on_lmdb, .limits = local_limits_default};
	if (on_lmdb) {
		snprintf(r->dir, sizeof r->dir, "%s", "/tmp/troupe-store-XXXXXX");
		need(mkdtemp(r->dir) != NULL);
	} else {
		r->disk = journal_disk_new();
	}
}

static inline void remove_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *f;
	char name[512];
	while (d && (f = readdir(d))) {
		snprintf(name, sizeof name, "%s/%s", path, f->d_name);
		if (f->d_name[0] != '.')
			unlink(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static inline void rig_fini(struct rig *r)
{
	rig_close(r);
	rig_forget(r);
	free(r->outcomes);
	free(r->events);
	journal_disk_destroy(r->disk);
	if (r->on_lmdb)
		remove_dir(r->dir);
}

/* ---- transactions */

static inline struct store_compare cmp(const char *key, enum store_field f, uint64_t n)
{
	return (struct store_compare){.key = span_of(key), .field = f, .number = n};
}

/* The value's only reference is dropped by submit. */
static inline struct store_op put_part(const char *key, const char *value, const char *part)
{
	return (struct store_op){
		.verb = STORE_PUT,
		.key = span_of(key),
		.value = bytes_copy(value, strlen(value)),
		.part = span_of(part),
	};
}

static inline struct store_op put(const char *key, const char *value)
{
	return put_part(key, value, "");
}

static inline struct store_op put_soft(const char *key, const char *value)
{
	struct store_op op = put(key, value);
	op.soft = true;
	return op;
}

static inline struct store_op del(const char *key)
{
	return (struct store_op){.verb = STORE_DELETE, .key = span_of(key)};
}

static inline struct store_op get(const char *key)
{
	return (struct store_op){.verb = STORE_GET, .key = span_of(key)};
}

static inline int try_submit(struct rig *r, const struct store_txn *t, struct err *e)
{
	int rc = store_txn(r->store, t, ++r->tickets, e);
	for (size_t i = 0; i < t->then_count; i++)
		bytes_unref(t->then_ops[i].value);
	for (size_t i = 0; i < t->else_count; i++)
		bytes_unref(t->else_ops[i].value);
	return rc;
}

static inline uint64_t submit(struct rig *r, const struct store_txn *t)
{
	struct err e = {0};
	int rc = try_submit(r, t, &e);
	need(rc == 0, "refused: %s", e.text);
	return r->tickets;
}

static inline struct seen_outcome *outcome_of(struct rig *r, uint64_t ticket)
{
	for (size_t i = 0; i < r->outcome_count; i++)
		if (r->outcomes[i].ticket == ticket)
			return &r->outcomes[i];
	return NULL;
}

/* Polls once, after waiting for the journal when there is something to wait
 * for; a store that does not move in 20 s has failed the test. */
static inline void rig_step(struct rig *r)
{
	struct pollfd fd = {.fd = store_fd(r->store), .events = POLLIN};
	if (fd.fd >= 0) {
		int n = poll(&fd, 1, 20000);
		need(n == 1, "the journal does not answer");
	}
	store_poll(r->store);
}

static inline struct seen_outcome *wait_for(struct rig *r, uint64_t ticket)
{
	store_poll(r->store);
	for (int i = 0; !outcome_of(r, ticket); i++) {
		need(i < 10000, "no outcome");
		rig_step(r);
	}
	return outcome_of(r, ticket);
}

static inline struct seen_outcome *run(struct rig *r, const struct store_txn *t)
{
	return wait_for(r, submit(r, t));
}

#define OPS(...)                                                                                   \
	.then_ops = (const struct store_op[]){__VA_ARGS__},                                        \
	.then_count = sizeof((const struct store_op[]){__VA_ARGS__}) / sizeof(struct store_op)
#define ELSE_OPS(...)                                                                              \
	.else_ops = (const struct store_op[]){__VA_ARGS__},                                        \
	.else_count = sizeof((const struct store_op[]){__VA_ARGS__}) / sizeof(struct store_op)
#define IF(...)                                                                                    \
	.compares = (const struct store_compare[]){__VA_ARGS__},                                   \
	.compare_count =                                                                           \
		sizeof((const struct store_compare[]){__VA_ARGS__}) / sizeof(struct store_compare)
#define TXN(...) (&(struct store_txn){__VA_ARGS__})

/* One put, which must succeed; returns its mod_version. */
static inline uint64_t must_put(struct rig *r, const char *key, const char *value)
{
	struct seen_outcome *o = run(r, TXN(OPS(put(key, value))));
	need(o->status == 0, "%s", o->text);
	return o->row[0].mod;
}

static inline void must_delete(struct rig *r, const char *key)
{
	struct seen_outcome *o = run(r, TXN(OPS(del(key))));
	need(o->status == 0, "%s", o->text);
}

/* ---- reads */

static inline int rig_see_row(void *arg, const struct store_row *row)
{
	struct seen_outcome *o = arg;
	o->row[o->rows++] = see_row(row);
	return 0;
}

/* At most STORE_OPS_MAX rows; forget_range when done. */
static inline struct seen_outcome range(struct rig *r, const char *from, const char *end,
					size_t limit, bool *more)
{
	struct seen_outcome o = {0};
	o.status = store_range(r->store, span_of(from), span_of(end),
			       limit ? limit : STORE_OPS_MAX, rig_see_row, &o, more);
	return o;
}

static inline void forget_range(struct seen_outcome *o)
{
	for (size_t i = 0; i < o->rows; i++)
		forget_row(&o->row[i]);
}

struct one_value {
	const char *key;
	char *value;
};

static inline int take_value(void *arg, const struct store_row *row)
{
	struct one_value *v = arg;
	if (span_is(row->key, v->key))
		v->value = seen_text(bytes_span(row->value));
	return 1; /* the first is the only one that can be it */
}

/* Whether the shown value of a key is `want` (NULL: the key is not there). */
static inline bool has_value(struct rig *r, const char *key, const char *want)
{
	struct one_value v = {.key = key};
	bool more;
	store_range(r->store, span_of(key), span_of(""), 1, take_value, &v, &more);
	bool same = want && v.value ? strcmp(want, v.value) == 0 : !want && !v.value;
	free(v.value);
	return same;
}

struct event_list {
	struct seen_event *events;
	size_t count, cap;
	int rc;
	bool more;
};

static inline int list_event(void *arg, const struct store_event *e)
{
	struct event_list *l = arg;
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->events = mem_realloc(l->events, l->cap * sizeof *l->events);
	}
	l->events[l->count++] = see_event(e);
	return 0;
}

static inline struct event_list events_after(struct rig *r, const char *stream, uint64_t after,
					     size_t limit)
{
	struct event_list l = {0};
	l.rc = store_events(r->store, span_of(stream), after, limit, list_event, &l, &l.more);
	return l;
}

static inline void forget_events(struct event_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		forget_event(&l->events[i]);
	free(l->events);
	*l = (struct event_list){0};
}

static inline bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline bool same_row(const struct seen_row *a, const struct seen_row *b)
{
	return same_text(a->key, b->key) && same_text(a->value, b->value) &&
	       same_text(a->part, b->part) && a->create == b->create && a->mod == b->mod &&
	       a->changes == b->changes && a->secret == b->secret;
}

/* Equal in everything, links and origin included. */
static inline bool same_event(const struct seen_event *a, const struct seen_event *b)
{
	bool same = a->revision == b->revision && a->index == b->index && a->count == b->count &&
		    same_row(&a->row, &b->row) && same_row(&a->was, &b->was) &&
		    a->links == b->links && same_text(a->principal, b->principal) &&
		    memcmp(a->origin.request, b->origin.request, 16) == 0 &&
		    a->origin.trace_hi == b->origin.trace_hi &&
		    a->origin.trace_lo == b->origin.trace_lo && a->origin.span == b->origin.span &&
		    a->origin.cause == b->origin.cause && a->origin.wall_us == b->origin.wall_us;
	for (size_t i = 0; same && i < a->links; i++)
		same = same_text(a->stream[i], b->stream[i]) && a->prev[i] == b->prev[i];
	return same;
}

/* ---- a table of bodies, each run on both journals */

#ifdef STORE_PLAIN
#define ON_BOTH(suite, LIST)                                                                       \
	int main(void)                                                                             \
	{                                                                                          \
		LIST(RUN_PLAIN)                                                                    \
		return 0;                                                                          \
	}
#define RUN_PLAIN(name)                                                                            \
	for (int lmdb = 0; lmdb < 2; lmdb++) {                                                     \
		fprintf(stderr, "%s on %s\n", #name, lmdb ? "lmdb" : "memory");                    \
		run_body(name, lmdb);                                                              \
	}
#else
#define ON_BOTH(suite, LIST) LIST(RUN_CRITERION)
#define RUN_CRITERION(name)                                                                        \
	Test(SUITE_MEMORY, name) { run_body(name, false); }                                        \
	Test(SUITE_LMDB, name) { run_body(name, true); }
#endif

static inline void run_body(void (*body)(struct rig *), bool on_lmdb)
{
	struct rig r;
	rig_init(&r, on_lmdb);
	body(&r);
	rig_fini(&r);
}

#endif
