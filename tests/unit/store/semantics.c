/* What etcd promises beside transactions, asked of both journals: watches by
 * prefix and predicate, ranges at one revision, leases, compaction. */
#define SUITE_MEMORY store_semantics_on_memory
#define SUITE_LMDB store_semantics_on_lmdb
#include "store/watch.h"
#include "tests/lib/store_rig.h"

#define V(revision, position) store_version(revision, position)
#define ABOVE(revision) (V((revision) + 1, 0) - 1)

/* ---- watches */

struct heard {
	size_t count, stop_after;
	enum store_seen seen[400];
	uint64_t version[400];
	char key[400][32];
};

enum { CUT = 7 };

static int hear(void *arg, enum store_seen seen, const struct store_event *e)
{
	struct heard *h = arg;
	if (h->stop_after && h->count == h->stop_after)
		return CUT;
	h->seen[h->count] = seen;
	h->version[h->count] = e->row.mod_version;
	snprintf(h->key[h->count], sizeof h->key[0], "%.*s", (int)e->row.key.len,
		 (const char *)e->row.key.data);
	h->count++;
	return 0;
}

/* Values that begin with the letter are what is wanted. */
static bool begins_with(void *arg, const struct store_row *r)
{
	struct span v = bytes_span(r->value);
	return v.len && v.data[0] == *(const char *)arg;
}

static void watch_tells_of_a_prefix_what_enters_changes_and_leaves(struct rig *r)
{
	char wanted[] = "x";
	struct heard h = {0};
	bool more;
	rig_open(r);
	must_put(r, "pods/a/1", "other"); /* never wanted */
	must_put(r, "pods/a/2", "x");     /* enters by creation */
	must_put(r, "pods/a/1", "x");     /* enters by change */
	must_put(r, "pods/b/1", "x");     /* another prefix */
	must_put(r, "pods/a/2", "xx");    /* changes */
	must_put(r, "pods/a/1", "other"); /* leaves by change */
	must_delete(r, "pods/a/1");       /* nobody's business any more */
	must_delete(r, "pods/a/2");       /* leaves by deletion */
	must_put(r, "jobs/a/2", "x");
	struct store_watch w = {.stream = span_of("pods"), .prefix = span_of("pods/a/"),
				.matches = begins_with, .arg = wanted};
	for (int pass = 0; pass < 2; pass++) {
		w.after = 0;
		h = (struct heard){0};
		need(store_watch_next(r->store, &w, 0, hear, &h, &more) == 0 && !more);
		const enum store_seen want[] = {STORE_SEEN_ENTERED, STORE_SEEN_ENTERED,
						STORE_SEEN_CHANGED, STORE_SEEN_LEFT, STORE_SEEN_LEFT};
		need(h.count == 5, "%zu", h.count);
		need(memcmp(h.seen, want, sizeof want) == 0);
		need(strcmp(h.key[4], "pods/a/2") == 0);
		need(w.after == V(8, 0), "its progress is the stream's head");
		rig_reopen(r);
	}
}

/* Cut after every event of a transaction of 100, in memory and from disk. */
static void watch_cut_inside_a_transaction_goes_on_with_the_next_event(struct rig *r)
{
	char keys[100][32];
	struct store_op ops[100];
	rig_open(r);
	must_put(r, "pods/before", "1");
	for (int i = 0; i < 100; i++) {
		snprintf(keys[i], sizeof keys[i], "pods/%02d", i * 37 % 100);
		ops[i] = put(keys[i], "1");
	}
	run(r, TXN(.then_ops = ops, .then_count = 100));
	must_put(r, "pods/after", "1");
	for (size_t cut = 1; cut <= 101; cut++) {
		struct heard h = {.stop_after = cut};
		struct store_watch w = {.stream = span_of("pods")};
		bool more;
		if (cut % 25 == 0)
			rig_reopen(r);
		int rc = store_watch_next(r->store, &w, 0, hear, &h, &more);
		need(rc == CUT && h.count == cut);
		h.stop_after = 0;
		need(store_watch_next(r->store, &w, 0, hear, &h, &more) == 0);
		need(h.count == 102, "cut after %zu: %zu", cut, h.count);
		for (size_t i = 1; i < h.count; i++)
			need(h.version[i] > h.version[i - 1], "each once, in order");
		need(h.version[1] == V(2, 0) && h.version[100] == V(2, 99));
	}
}

/* ---- a list in pages, at one revision */

static void pages_of_a_list_belong_to_one_revision(struct rig *r)
{
	char key[32];
	rig_open(r);
	for (int i = 0; i < 40; i += 2) {
		snprintf(key, sizeof key, "pods/%02d", i);
		must_put(r, key, "then");
	}
	must_put(r, "pods/zz", "then");
	struct store_head head;
	store_head(r->store, &head);
	uint64_t at = head.revision;
	must_delete(r, "pods/04");
	must_put(r, "pods/05", "later");
	must_put(r, "pods/06", "later");
	must_put(r, "pods/06", "later still");
	must_delete(r, "pods/zz");
	for (int pass = 0; pass < 2; pass++) {
		struct seen_outcome o = {0};
		bool more = true;
		for (int page = 0; more; page++) {
			char from[40] = "pods/";
			if (o.rows)
				snprintf(from, sizeof from, "%s\x01", o.row[o.rows - 1].key);
			need(store_range_at(r->store, span_of(from), span_of("pods0"), at, 6,
					    rig_see_row, &o, &more) == 0);
			need(page < 5);
		}
		need(o.rows == 21, "%zu", o.rows);
		for (size_t i = 0; i < o.rows; i++)
			need(strcmp(o.row[i].value, "then") == 0, "%s", o.row[i].key);
		need(strcmp(o.row[2].key, "pods/04") == 0 && o.row[2].mod == V(3, 0));
		forget_range(&o);
		rig_reopen(r);
	}
	need(store_count(r->store, span_of("pods/"), span_of("pods0")) == 20);
	need(store_count(r->store, span_of("jobs/"), span_of("jobs0")) == 0);
	bool more;
	store_head(r->store, &head);
	need(store_range_at(r->store, span_of("pods/"), span_of("pods0"), head.revision + 1, 6,
			    rig_see_row, NULL, &more) == ERR_INVALID);
	need(store_compact(r->store, at + 2, NULL) == 0);
	must_put(r, "pods/99", "1");
	need(store_range_at(r->store, span_of("pods/"), span_of("pods0"), at, 6, rig_see_row, NULL,
			    &more) == ERR_COMPACTED);
}

/* ---- leases */

static struct store_op put_lease(const char *key, uint32_t ttl_ms)
{
	struct store_op op = put(key, "lease");
	op.ttl_ms = ttl_ms;
	return op;
}

static struct store_op put_under(const char *key, const char *lease)
{
	struct store_op op = put(key, "leased");
	op.lease = span_of(lease);
	return op;
}

static void settle(struct rig *r)
{
	store_poll(r->store);
	while (((const struct local *)r->store)->in_flight)
		rig_step(r);
}

enum { TTL_MS = 3000 };
#define SECONDS(n) (INT64_C(1000000) * (n))

static void expired_lease_takes_all_its_keys_in_one_transaction(struct rig *r)
{
	char key[32];
	rig_open(r);
	run(r, TXN(OPS(put_lease("leases/l", TTL_MS))));
	for (int i = 0; i < STORE_LEASE_KEYS_MAX; i++) {
		snprintf(key, sizeof key, "pods/%d", i);
		need(run(r, TXN(OPS(put_under(key, "leases/l"))))->status == 0);
	}
	struct seen_outcome *o = run(r, TXN(OPS(put_under("pods/more", "leases/l"))));
	need(o->status == ERR_LIMIT && strstr(o->text, "too many"), "%s", o->text);
	need(run(r, TXN(OPS(put_under("pods/7", "leases/l"))))->status == 0, "one of them may change");
	rig_reopen(r); /* it is known after a restart, with its whole time */
	int64_t now = SECONDS(100);
	need(store_tick(r->store, now) == now + SECONDS(3));
	need(store_tick(r->store, now + SECONDS(2)) == now + SECONDS(3));
	need(store_keep(r->store, span_of("leases/l"), now + SECONDS(2), NULL) == 0);
	need(store_tick(r->store, now + SECONDS(3)) == now + SECONDS(5), "it was kept");
	settle(r);
	need(has_value(r, "pods/0", "leased"));
	rig_forget(r);
	size_t told = r->outcome_count;
	store_tick(r->store, now + SECONDS(5));
	settle(r);
	need(r->event_count == STORE_LEASE_KEYS_MAX + 1, "%zu", r->event_count);
	for (size_t i = 0; i < r->event_count; i++) {
		need(r->events[i].revision == r->events[0].revision && r->events[i].index == i);
		need(r->events[i].row.value == NULL && r->events[i].was.value != NULL);
	}
	need(r->outcome_count == told, "nobody asked for it");
	need(store_count(r->store, span_of("pods/"), span_of("pods0")) == 0);
	need(store_keep(r->store, span_of("leases/l"), now, NULL) == ERR_NOT_FOUND);
	need(store_tick(r->store, now + SECONDS(6)) == INT64_MAX);
	rig_reopen(r);
	need(store_count(r->store, span_of(""), span_of("")) == 0, "nor after a restart");
}

static void lease_and_key_keep_their_rules(struct rig *r)
{
	struct store_op soft = put_under("pods/s", "leases/l");
	rig_open(r);
	run(r, TXN(OPS(put_lease("leases/l", TTL_MS))));
	must_put(r, "pods/plain", "1");
	const struct {
		struct store_op op;
		int status;
	} cases[] = {
		{put_under("pods/a", "leases/none"), ERR_NOT_FOUND},
		{put_under("pods/a", "pods/plain"), ERR_NOT_FOUND},
		{put("leases/l", "no longer"), ERR_INVALID},
		{put_lease("pods/plain", TTL_MS), ERR_INVALID},
		{put_lease("leases/l", TTL_MS * 2), 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		need(run(r, TXN(OPS(cases[i].op)))->status == cases[i].status, "case %zu", i);
	soft.soft = true;
	need(run(r, TXN(OPS(soft)))->status == ERR_INVALID, "softer than its lease");
	need(run(r, TXN(OPS(del("leases/l"), put_under("pods/a", "leases/l"))))->status ==
	     ERR_NOT_FOUND);
	need(has_value(r, "leases/l", "lease") && has_value(r, "pods/a", NULL));
	struct store_op both = put_lease("leases/m", TTL_MS);
	struct err e = {0};
	both.lease = span_of("leases/l");
	need(try_submit(r, TXN(OPS(both)), &e) == ERR_INVALID);
}

/* A put without the lease takes the key out of it, another moves it. */
static void key_that_was_detached_or_moved_outlives_its_lease(struct rig *r)
{
	rig_open(r);
	run(r, TXN(OPS(put_lease("leases/l", TTL_MS), put_lease("leases/m", TTL_MS))));
	run(r, TXN(OPS(put_under("pods/a", "leases/l"), put_under("pods/b", "leases/l"),
		       put_under("pods/c", "leases/l"), put_under("pods/d", "leases/l"))));
	must_put(r, "pods/a", "free");
	run(r, TXN(OPS(put_under("pods/b", "leases/m"))));
	rig_reopen(r);
	/* with the deletion itself one is freed and one is changed */
	struct seen_outcome *o = run(r, TXN(OPS(del("leases/l"), put("pods/c", "saved"))));
	need(o->status == 0 && o->rows == 2);
	need(has_value(r, "pods/a", "free") && has_value(r, "pods/b", "leased"));
	need(has_value(r, "pods/c", "saved") && has_value(r, "pods/d", NULL));
	must_delete(r, "leases/m");
	need(has_value(r, "pods/b", NULL));
	rig_reopen(r);
	need(store_count(r->store, span_of(""), span_of("")) == 2);
}

static void soft_lease_and_its_keys_are_gone_after_reopen(struct rig *r)
{
	struct store_op lease = put_lease("beats/l", TTL_MS), key = put_under("beats/k", "beats/l");
	rig_open(r);
	lease.soft = key.soft = true;
	run(r, TXN(OPS(lease)));
	need(run(r, TXN(OPS(key)))->status == 0);
	store_tick(r->store, SECONDS(1));
	store_tick(r->store, SECONDS(5));
	settle(r);
	need(has_value(r, "beats/k", NULL) && has_value(r, "beats/l", NULL));
	run(r, TXN(OPS(put_soft("beats/x", "1"))));
	rig_reopen(r);
	need(store_count(r->store, span_of(""), span_of("")) == 0);
}

/* ---- compaction */

static void compaction_is_told_now_and_after_reopen(struct rig *r)
{
	rig_open(r);
	for (int i = 0; i < 100; i++)
		must_put(r, i % 10 ? "pods/a" : "jobs/j", "value");
	must_put(r, "quiet/q", "1");
	struct err e = {0};
	need(store_compact(r->store, 500, &e) == ERR_INVALID && strstr(e.text, "101"), "%s", e.text);
	need(store_compact(r->store, 60, NULL) == 0);
	settle(r);
	for (int pass = 0; pass < 2; pass++) {
		struct store_head head;
		store_head(r->store, &head);
		need(head.compacted == 60 && head.revision >= 101);
		need(events_after(r, "pods", V(59, 0), 0).rc == ERR_COMPACTED);
		need(events_after(r, "", V(30, 0), 0).rc == ERR_COMPACTED);
		struct event_list l = events_after(r, "pods", ABOVE(60), 0);
		need(l.rc == 0 && l.count == 36, "%s %zu", err_name(l.rc), l.count);
		need(l.events[0].was.value && strcmp(l.events[0].was.value, "value") == 0,
		     "with the value before, although its record was forgotten");
		forget_events(&l);
		need(events_after(r, "never", 0, 0).rc == 0, "nothing ever happened there");
		need(events_after(r, "pods@never", store_stream_head(r->store, span_of("pods@never")),
				  0).rc == 0, "a list's head can be followed");
		need(has_value(r, "pods/a", "value"), "the newest value is never forgotten");
		need(store_compact(r->store, 60, NULL) == ERR_COMPACTED);
		rig_reopen(r);
	}
}

static int count_record(void *arg, uint64_t revision, struct span data)
{
	(void)revision, (void)data;
	++*(size_t *)arg;
	return 0;
}

/* Asked for, the log is cut although nobody writes, some blocks a batch. */
static void compaction_frees_the_log_in_slices_when_all_is_quiet(struct rig *r)
{
	r->limits.trim_blocks = 1;
	rig_open(r);
	for (int i = 0; i < 500; i++)
		must_put(r, "pods/a", "value");
	need(store_compact(r->store, 500, NULL) == 0);
	int batches = 0;
	store_poll(r->store);
	while (((const struct local *)r->store)->in_flight && ++batches < 100)
		rig_step(r);
	size_t records = 0;
	need(journal_read(r->journal, 0, SIZE_MAX, count_record, &records) == 0);
	need(records == 0, "%zu", records);
	need(r->on_lmdb ? batches >= 5 : true, "%d", batches);
	need(((const struct local *)r->store)->reclaim == false, "and then it is quiet again");
	rig_reopen(r);
	need(has_value(r, "pods/a", "value"));
	need(run(r, TXN(OPS(put("pods/a", "2"))))->row[0].changes == 501);
}

#define SEMANTICS(X)                                                                               \
	X(watch_tells_of_a_prefix_what_enters_changes_and_leaves)                                  \
	X(watch_cut_inside_a_transaction_goes_on_with_the_next_event)                              \
	X(pages_of_a_list_belong_to_one_revision)                                                  \
	X(expired_lease_takes_all_its_keys_in_one_transaction)                                     \
	X(lease_and_key_keep_their_rules)                                                          \
	X(key_that_was_detached_or_moved_outlives_its_lease)                                       \
	X(soft_lease_and_its_keys_are_gone_after_reopen)                                           \
	X(compaction_is_told_now_and_after_reopen)                                                 \
	X(compaction_frees_the_log_in_slices_when_all_is_quiet)

ON_BOTH(semantics, SEMANTICS)
