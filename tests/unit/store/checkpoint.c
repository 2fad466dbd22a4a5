/* Checkpoint, compaction and trimming: with limits so small that they run all
 * the time, what a reopened store shows must be what it showed before. */
#define SUITE_MEMORY store_checkpoint_on_memory
#define SUITE_LMDB store_checkpoint_on_lmdb
#include "tests/lib/store_rig.h"

#define V(revision, position) store_version(revision, position)
#define ABOVE(revision) V((revision) + 1, 0) - 1

static const struct local *inside(struct rig *r)
{
	return (const struct local *)r->store;
}

static void tiny_limits(struct rig *r)
{
	r->limits.checkpoint_bytes = 2000;
	r->limits.slice = (struct slice_limits){.rows = 3, .bytes = 1000, .visits = 7};
	r->limits.keep = (struct log_keep){.us = INT64_MAX / 2, .bytes = 6000, .count_min = 20};
	r->limits.recent = (struct history_limits){.bytes = 3000, .changes = 8};
	r->limits.trim_blocks = 2;
	r->limits.reserve = 50;
}

static int first_record(void *arg, uint64_t revision, struct span data)
{
	(void)data;
	*(uint64_t *)arg = revision;
	return 1;
}

/* The oldest revision that the log still has. */
static uint64_t log_start(struct rig *r)
{
	uint64_t first = 0;
	journal_read(r->journal, 0, 1, first_record, &first);
	return first;
}

/* Many puts, some deletes and moves, over a few keys. */
static void churn(struct rig *r, int from, int to)
{
	for (int i = from; i < to; i++) {
		char key[32], other[32], value[60], part[8];
		snprintf(key, sizeof key, "pods/%03d", i * 7 % 40);
		snprintf(other, sizeof other, "jobs/%d", i % 9);
		snprintf(value, sizeof value, "value %d %040d", i, i);
		snprintf(part, sizeof part, "n%d", i * 5 % 4);
		if (i % 5 == 4)
			run(r, TXN(OPS(del(key), put(other, value))));
		else
			run(r, TXN(OPS(put_part(key, value, part))));
	}
}

struct picture {
	struct seen_outcome rows;
	uint64_t heads[7], revision, compacted;
	struct event_list events;
};

static const char *const streams[7] = {"pods",    "jobs",    "pods@n0", "pods@n1",
				       "pods@n2", "pods@n3", "quiet"};

static void take_picture(struct rig *r, struct picture *p)
{
	bool more;
	struct store_head head;
	store_head(r->store, &head);
	p->revision = head.revision;
	p->compacted = head.compacted;
	p->rows = range(r, "", "", 0, &more);
	need(!more);
	for (int i = 0; i < 7; i++)
		p->heads[i] = store_stream_head(r->store, span_of(streams[i]));
	p->events = events_after(r, "", ABOVE(head.compacted), 0);
	need(p->events.rc == 0, "%s", err_name(p->events.rc));
}

static void forget_picture(struct picture *p)
{
	forget_range(&p->rows);
	forget_events(&p->events);
}

static void need_same_picture(const struct picture *a, const struct picture *b)
{
	need(a->rows.rows == b->rows.rows);
	for (size_t i = 0; i < a->rows.rows; i++)
		need(same_row(&a->rows.row[i], &b->rows.row[i]), "%s", a->rows.row[i].key);
	need(a->revision == b->revision && a->compacted == b->compacted);
	for (int i = 0; i < 7; i++)
		need(a->heads[i] == b->heads[i], "head of %s", streams[i]);
	need(a->events.count == b->events.count);
	for (size_t i = 0; i < a->events.count; i++)
		need(same_event(&a->events.events[i], &b->events.events[i]), "event %zu", i);
}

static void reopened_store_is_the_same_after_sweeps_and_trims(struct rig *r)
{
	tiny_limits(r);
	rig_open(r);
	must_put(r, "quiet/x", "never again");
	for (int round = 0; round < 6; round++) {
		struct picture before, after;
		churn(r, round * 97, (round + 1) * 97);
		take_picture(r, &before);
		rig_reopen(r);
		take_picture(r, &after);
		need_same_picture(&before, &after);
		forget_picture(&before);
		forget_picture(&after);
	}
	need(inside(r)->meta.checkpoint_base > 400, "sweeps did end");
	need(inside(r)->compacted > 400, "history was forgotten");
	need(log_start(r) > 400, "and the log trimmed: %llu", (unsigned long long)log_start(r));
	need(has_value(r, "quiet/x", "never again"));
}

static void events_before_the_history_are_refused(struct rig *r)
{
	tiny_limits(r);
	rig_open(r);
	must_put(r, "quiet/x", "1");
	churn(r, 0, 300);
	for (int pass = 0; pass < 2; pass++) {
		uint64_t compacted = inside(r)->compacted;
		need(compacted > 100);
		need(events_after(r, "pods", 0, 0).rc == ERR_COMPACTED);
		need(events_after(r, "pods", V(compacted, 0), 0).rc == ERR_COMPACTED);
		struct event_list l = events_after(r, "pods", ABOVE(compacted), 0);
		need(l.rc == 0 && l.count > 10);
		forget_events(&l);
		l = events_after(r, "quiet", V(1, 0), 0);
		need(l.rc == 0 && l.count == 0, "a quiet stream's follower missed nothing");
		need(events_after(r, "quiet", 0, 0).rc == ERR_COMPACTED);
		rig_reopen(r);
	}
}

static void old_value_of_event_survives_the_record_that_wrote_it(struct rig *r)
{
	tiny_limits(r);
	rig_open(r);
	run(r, TXN(OPS(put_part("pods/old", "very old", "n9"), put("pods/older", "older"))));
	churn(r, 0, 300);
	need(log_start(r) > 1, "the record is gone");
	size_t at = r->event_count;
	run(r, TXN(OPS(put("pods/old", "new"), del("pods/older"))));
	churn(r, 300, 315); /* pushes it out of memory */
	for (int pass = 0; pass < 2; pass++) {
		uint64_t after = ABOVE(inside(r)->compacted);
		need(after > V(1, 1) && after < r->events[at].row.mod);
		need(inside(r)->history.ring_floor > r->events[at].revision, "from the log");
		struct event_list l = events_after(r, "pods@n9", after, 0);
		need(l.rc == 0 && l.count == 1, "%s", err_name(l.rc));
		need(same_event(&l.events[0], &r->events[at]));
		need(same_text(l.events[0].was.value, "very old"));
		forget_events(&l);
		l = events_after(r, "pods", r->events[at].row.mod, 1);
		need(l.count == 1 && same_event(&l.events[0], &r->events[at + 1]));
		need(same_text(l.events[0].was.value, "older"));
		forget_events(&l);
		rig_reopen(r);
	}
}

static void soft_events_that_left_memory_are_refused(struct rig *r)
{
	tiny_limits(r);
	rig_open(r);
	uint64_t first = run(r, TXN(OPS(put_soft("beats/n1", "1"))))->row[0].mod;
	must_put(r, "pods/a", "1");
	struct event_list l = events_after(r, "beats", 0, 0);
	need(l.rc == 0 && l.count == 1);
	forget_events(&l);
	for (int i = 0; i < 20; i++)
		must_put(r, "pods/a", "2");
	need(events_after(r, "beats", 0, 0).rc == ERR_COMPACTED);
	need(events_after(r, "", 0, 0).rc == ERR_COMPACTED);
	l = events_after(r, "beats", first, 0);
	need(l.rc == 0 && l.count == 0, "who saw it missed nothing");
	forget_events(&l);
	l = events_after(r, "pods", 0, 0);
	need(l.rc == 0 && l.count == 21, "durable ones come from the log");
	forget_events(&l);
}

static void record_links_do_not_lead_to_soft_events(struct rig *r)
{
	rig_open(r);
	must_put(r, "mixed/a", "1");
	run(r, TXN(OPS(put_soft("mixed/b", "s"))));
	must_put(r, "mixed/a", "2");
	need(r->events[2].prev[0] == V(2, 0), "live, the soft one is in the chain");
	rig_reopen(r);
	struct event_list l = events_after(r, "mixed", 0, 0);
	need(l.count == 2 && l.events[1].prev[0] == V(1, 0));
	forget_events(&l);
}

static void chain_of_empty_partition_is_forgotten_when_old(struct rig *r)
{
	tiny_limits(r);
	rig_open(r);
	run(r, TXN(OPS(put_part("pods/x", "1", "gone"))));
	run(r, TXN(OPS(put_part("pods/y", "1", "kept"))));
	must_delete(r, "pods/x");
	need(store_stream_head(r->store, span_of("pods@gone")) == V(3, 0));
	churn(r, 0, 400);
	for (int pass = 0; pass < 2; pass++) {
		uint64_t head = store_stream_head(r->store, span_of("pods@gone"));
		need(inside(r)->chains.by_name.count && !chains_find(&inside(r)->chains, span_of("pods@gone")));
		need(store_stream_head(r->store, span_of("pods@kept")) == V(2, 0));
		need(events_after(r, "pods@gone", 0, 0).rc == ERR_COMPACTED);
		need(events_after(r, "pods@gone", head, 0).rc == 0, "who lists can follow");
		rig_reopen(r);
	}
}

/* Who missed the end of it must not take what comes next for its first event. */
static void partition_that_was_forgotten_does_not_begin_at_nothing(struct rig *r)
{
	tiny_limits(r);
	rig_open(r);
	run(r, TXN(OPS(put_part("pods/x", "1", "gone"))));
	must_delete(r, "pods/x");
	churn(r, 0, 400);
	uint64_t head = store_stream_head(r->store, span_of("pods@gone"));
	size_t before = r->event_count;
	run(r, TXN(OPS(put_part("pods/z", "1", "gone"))));
	need(r->event_count == before + 1 && r->events[before].links == 2);
	need(r->events[before].prev[1] == head && head >= V(2, 0), "%llu, %llu",
	     (unsigned long long)r->events[before].prev[1], (unsigned long long)head);
}

static void put_at(struct rig *r, int64_t wall_us)
{
	run(r, TXN(.origin = {.wall_us = wall_us}, OPS(put("pods/a", "value"))));
}

static void history_is_forgotten_by_age_but_not_the_last_ones(struct rig *r)
{
	const int64_t second = 1000000, start = 1000 * second;
	r->limits.keep = (struct log_keep){.us = 60 * second, .bytes = 1 << 30, .count_min = 40};
	rig_open(r);
	for (int i = 0; i < 100; i++)
		put_at(r, start + i * second / 10);
	need(inside(r)->compacted == 0, "nothing is old");
	for (int i = 0; i < 33; i++)
		put_at(r, start + 200 * second);
	uint64_t compacted = inside(r)->compacted;
	need(compacted >= 60 && compacted <= 96, "%llu", (unsigned long long)compacted);
	struct event_list l = events_after(r, "pods", ABOVE(compacted), 0);
	need(l.rc == 0 && l.count >= 40);
	forget_events(&l);
}

static void clock_that_ran_ahead_does_not_keep_history_for_ever(struct rig *r)
{
	const int64_t second = 1000000, year = 365 * 86400 * second;
	r->limits.keep = (struct log_keep){.us = 60 * second, .bytes = 1 << 30, .count_min = 10};
	rig_open(r);
	for (int i = 0; i < 64; i++)
		put_at(r, year);
	for (int i = 0; i < 200; i++)
		put_at(r, 1000 * second + i * second);
	need(inside(r)->compacted >= 64);
}

static void request_ids_are_known_after_checkpoint_and_reopen(struct rig *r)
{
	r->limits.checkpoint_bytes = 0;
	rig_open(r);
	struct store_origin o = {.request = {1, 2, 3}};
	struct seen_outcome *first = run(r, TXN(.origin = o, OPS(put("pods/a", "1"))));
	uint64_t revision = first->revision;
	churn(r, 0, 30);
	rig_reopen(r);
	need(inside(r)->meta.checkpoint_base > revision);
	need(run(r, TXN(.origin = o, OPS(put("pods/a", "1"))))->revision == revision);
	need(run(r, TXN(IF(cmp("pods/a", STORE_MOD, V(revision, 0))), OPS(get("pods/a"))))->status ==
	     0);
}

#define CHECKPOINT(X)                                                                              \
	X(reopened_store_is_the_same_after_sweeps_and_trims)                                       \
	X(events_before_the_history_are_refused)                                                   \
	X(old_value_of_event_survives_the_record_that_wrote_it)                                    \
	X(soft_events_that_left_memory_are_refused)                                                \
	X(record_links_do_not_lead_to_soft_events)                                                 \
	X(chain_of_empty_partition_is_forgotten_when_old)                                          \
	X(partition_that_was_forgotten_does_not_begin_at_nothing)                                  \
	X(history_is_forgotten_by_age_but_not_the_last_ones)                                       \
	X(clock_that_ran_ahead_does_not_keep_history_for_ever)                                     \
	X(request_ids_are_known_after_checkpoint_and_reopen)

ON_BOTH(checkpoint, CHECKPOINT)

#ifndef STORE_PLAIN
/* Lets `batches` of a sweep through, then cuts the power in the next one.
 * False when the sweep had ended by then. */
static bool cut_sweep_after(size_t batches)
{
	struct rig r;
	struct picture before, after;
	rig_init(&r, false);
	tiny_limits(&r);
	r.limits.checkpoint_bytes = 1 << 20;
	rig_open(&r);
	churn(&r, 0, 60);
	rig_close(&r);
	r.limits.checkpoint_bytes = 100; /* now one is due */
	rig_open(&r);
	take_picture(&r, &before);
	journal_memory_hold(r.journal, true);
	journal_memory_allow(r.journal, batches);
	store_poll(r.store);
	bool running = inside(&r)->in_flight;
	journal_memory_cut(r.journal, 0);
	rig_close(&r);
	r.limits.checkpoint_bytes = 1 << 20;
	rig_open(&r);
	take_picture(&r, &after);
	need(running == (inside(&r)->meta.checkpoint_base == 0));
	need(before.rows.rows == after.rows.rows);
	for (size_t i = 0; i < before.rows.rows; i++)
		need(same_row(&before.rows.row[i], &after.rows.row[i]), "after %zu", batches);
	for (int i = 0; i < 7; i++)
		need(before.heads[i] == after.heads[i], "after %zu: %s", batches, streams[i]);
	forget_picture(&before);
	forget_picture(&after);
	rig_fini(&r);
	return running;
}

Test(store_checkpoint, sweep_cut_short_at_any_slice_loses_nothing)
{
	size_t batches = 0;
	while (cut_sweep_after(batches))
		batches++;
	need(batches > 5, "there were slices: %zu", batches);
}
#endif
