/* Group commit, seen from a journal whose syncs the test decides: what is
 * shown and answered when, what a power cut leaves, what a failure stops. */
#include "tests/lib/store_rig.h"

#define V(revision, position) store_version(revision, position)

static struct rig *held(struct rig *r)
{
	rig_init(r, false);
	rig_open(r);
	must_put(r, "pods/old", "old");
	journal_memory_hold(r->journal, true);
	return r;
}

Test(store_commit, outcome_and_events_come_only_after_the_sync)
{
	struct rig r;
	held(&r);
	uint64_t t = submit(&r, TXN(OPS(put("pods/a", "1"))));
	for (int i = 0; i < 3; i++)
		store_poll(r.store);
	struct store_head head;
	store_head(r.store, &head);
	need(!outcome_of(&r, t) && r.event_count == 1 && head.revision == 1);
	need(has_value(&r, "pods/a", NULL));
	need(store_stream_head(r.store, span_of("pods")) == V(1, 0));
	struct event_list l = events_after(&r, "pods", 0, 0);
	need(l.count == 1);
	forget_events(&l);
	journal_memory_hold(r.journal, false);
	need(wait_for(&r, t)->revision == 2 && r.event_count == 2);
	need(has_value(&r, "pods/a", "1"));
	rig_fini(&r);
}

static void hold_again(struct rig *r, const struct store_outcome *o)
{
	(void)o;
	journal_memory_hold(r->journal, true);
}

Test(store_commit, what_arrives_during_a_sync_is_one_next_batch)
{
	struct rig r;
	held(&r);
	uint64_t first = submit(&r, TXN(OPS(put("pods/a", "1"))));
	store_poll(r.store);
	for (int i = 0; i < 40; i++)
		submit(&r, TXN(OPS(put("pods/b", "1"))));
	store_poll(r.store);
	need(journal_memory_in_flight(r.journal) == 1, "one batch at a time");
	r.on_outcome = hold_again;
	journal_memory_hold(r.journal, false);
	store_poll(r.store);
	need(outcome_of(&r, first) && r.outcome_count == 2);
	need(journal_memory_in_flight(r.journal) == 40);
	rig_fini(&r);
}

Test(store_commit, conflict_against_unsynced_state_waits_for_it)
{
	struct rig r;
	held(&r);
	submit(&r, TXN(OPS(put("pods/a", "1"))));
	store_poll(r.store);
	uint64_t rests = submit(&r, TXN(IF(cmp("pods/a", STORE_EXISTS, 0)), OPS(put("pods/a", "2"))));
	uint64_t gets = submit(&r, TXN(OPS(get("pods/a"))));
	uint64_t free_of_it = submit(&r, TXN(IF(cmp("pods/old", STORE_EXISTS, 0)),
					     OPS(put("pods/old", "x"))));
	store_poll(r.store);
	need(!outcome_of(&r, rests) && !outcome_of(&r, gets));
	need(outcome_of(&r, free_of_it) && outcome_of(&r, free_of_it)->status == ERR_CONFLICT);
	journal_memory_hold(r.journal, false);
	need(wait_for(&r, rests)->status == ERR_CONFLICT);
	need(same_text(outcome_of(&r, rests)->row[0].value, "1"));
	need(same_text(wait_for(&r, gets)->row[0].value, "1"));
	rig_fini(&r);
}

Test(store_commit, conflict_against_unsynced_deletion_waits_for_it)
{
	struct rig r;
	held(&r);
	submit(&r, TXN(OPS(del("pods/old"))));
	store_poll(r.store);
	uint64_t t = submit(&r, TXN(IF(cmp("pods/old", STORE_EXISTS, 1)), OPS(put("pods/b", "1"))));
	store_poll(r.store);
	need(!outcome_of(&r, t));
	journal_memory_cut(r.journal, 0);
	store_poll(r.store);
	need(outcome_of(&r, t)->status == ERR_IO, "it rests on what never happened");
	rig_fini(&r);
}

Test(store_commit, soft_put_does_not_overtake_a_durable_one)
{
	struct rig r;
	held(&r);
	uint64_t durable = submit(&r, TXN(OPS(put("pods/a", "1"))));
	store_poll(r.store);
	uint64_t soft = submit(&r, TXN(OPS(put_soft("beats/n", "1"))));
	store_poll(r.store);
	need(!outcome_of(&r, soft));
	journal_memory_hold(r.journal, false);
	wait_for(&r, soft);
	need(outcome_of(&r, durable)->revision == 2 && outcome_of(&r, soft)->revision == 3);
	rig_fini(&r);
}

Test(store_commit, soft_put_needs_no_sync_while_revisions_are_reserved)
{
	struct rig r;
	held(&r);
	for (uint64_t i = 0; i < 100; i++) {
		struct seen_outcome *o = run(&r, TXN(OPS(put_soft("beats/n", "1"))));
		need(o->revision == 2 + i);
	}
	rig_fini(&r);
}

/* A soft change that came later is shown before the reader is answered. */
Test(store_commit, revision_of_a_read_is_that_of_its_rows)
{
	struct rig r;
	rig_init(&r, false);
	rig_open(&r);
	must_put(&r, "pods/a", "1");
	uint64_t before = run(&r, TXN(OPS(put_soft("beats/n", "1"))))->revision;
	uint64_t read = submit(&r, TXN(OPS(get("beats/n"))));
	uint64_t soft = submit(&r, TXN(OPS(put_soft("beats/n", "2"))));
	store_poll(r.store);
	struct seen_outcome *o = outcome_of(&r, read);
	need(o && strcmp(o->row[0].value, "1") == 0 && o->revision == before);
	need(outcome_of(&r, soft)->revision > before);
	rig_fini(&r);
}

Test(store_commit, no_revision_is_given_twice_after_a_power_cut)
{
	struct rig r;
	rig_init(&r, false);
	r.limits.reserve = 10;
	rig_open(&r);
	uint64_t last = 0;
	for (int i = 0; i < 57; i++) {
		struct seen_outcome *o = run(&r, TXN(OPS(put_soft("beats/n", "1"))));
		need(o->revision > last);
		last = o->revision;
		if (i % 7 != 6)
			continue;
		journal_memory_cut(r.journal, 0);
		rig_reopen(&r);
		struct store_head head;
		store_head(r.store, &head);
		need(head.revision >= last, "a follower that saw %llu is not ahead",
		     (unsigned long long)last);
		rig_forget(&r);
	}
	rig_fini(&r);
}

Test(store_commit, failed_sync_stops_the_store_for_all)
{
	struct rig r;
	held(&r);
	journal_memory_fail(r.journal, "No space left on device");
	uint64_t flying = submit(&r, TXN(OPS(put("pods/a", "1"))));
	store_poll(r.store);
	uint64_t next = submit(&r, TXN(OPS(put("pods/b", "1"))));
	uint64_t rests = submit(&r, TXN(IF(cmp("pods/a", STORE_EXISTS, 0)), OPS(put("pods/c", "1"))));
	store_poll(r.store);
	need(r.outcome_count == 1 && r.failed == 0);
	journal_memory_hold(r.journal, false);
	need(store_poll(r.store) == ERR_IO);
	need(outcome_of(&r, flying)->status == ERR_IO && outcome_of(&r, next)->status == ERR_IO);
	need(outcome_of(&r, rests)->status == ERR_IO);
	need(strstr(outcome_of(&r, flying)->text, "No space left"));
	need(r.failed == ERR_IO && strstr(r.failure, "No space left"), "%s", r.failure);
	need(r.event_count == 1, "nothing of it was shown");
	need(has_value(&r, "pods/a", NULL) && has_value(&r, "pods/old", "old"), "reads go on");
	struct err e = {0};
	need(try_submit(&r, TXN(OPS(put("pods/d", "1"))), &e) == ERR_IO);
	need(strstr(e.text, "No space left"));
	rig_reopen(&r);
	need(has_value(&r, "pods/a", NULL) && has_value(&r, "pods/old", "old"));
	need(run(&r, TXN(OPS(put("pods/d", "1"))))->status == 0);
	rig_fini(&r);
}

/* Transactions of two puts each; the power goes when `survives` of the batch
 * in flight had reached the disk. */
static void cut_at(size_t survives)
{
	struct rig r;
	held(&r);
	char key[2][32];
	for (int i = 0; i < 8; i++) {
		if (i == 3) { /* three are acknowledged, five in flight */
			journal_memory_hold(r.journal, false);
			store_poll(r.store);
			need(r.outcome_count == 4);
			journal_memory_hold(r.journal, true);
		}
		snprintf(key[0], sizeof key[0], "pods/%d-a", i);
		snprintf(key[1], sizeof key[1], "pods/%d-b", i);
		submit(&r, TXN(OPS(put(key[0], "x"), put(key[1], "x"))));
	}
	store_poll(r.store);
	need(journal_memory_in_flight(r.journal) == 5);
	need(r.outcome_count == 4);
	journal_memory_cut(r.journal, survives);
	store_poll(r.store);
	rig_reopen(&r);
	for (int i = 0; i < 8; i++) {
		const char *want = i < 3 + (int)survives ? "x" : NULL;
		snprintf(key[0], sizeof key[0], "pods/%d-a", i);
		snprintf(key[1], sizeof key[1], "pods/%d-b", i);
		need(has_value(&r, key[0], want) && has_value(&r, key[1], want),
		     "transaction %d with %zu survivors", i, survives);
	}
	struct seen_outcome *o = run(&r, TXN(OPS(put("pods/old", "new"))));
	need(o->status == 0 && o->row[0].changes == 2);
	rig_fini(&r);
}

Test(store_commit, power_cut_keeps_acknowledged_whole_and_in_order)
{
	for (size_t survives = 0; survives <= 5; survives++)
		cut_at(survives);
}

Test(store_commit, full_journal_takes_deletes_soft_puts_and_nothing_else)
{
	struct rig r;
	rig_init(&r, false);
	rig_open(&r);
	must_put(&r, "pods/a", "1");
	must_put(&r, "pods/b", "1");
	journal_memory_set_full(r.journal, true);
	struct seen_outcome *o = run(&r, TXN(OPS(del("pods/a"), put("pods/c", "1"))));
	need(o->status == ERR_FULL && o->text[0]);
	need(has_value(&r, "pods/a", "1") && r.event_count == 2, "not even half of it");
	need(run(&r, TXN(OPS(del("pods/a"), del("pods/b"))))->status == 0);
	need(run(&r, TXN(OPS(put_soft("beats/n", "1"))))->status == 0);
	need(run(&r, TXN(OPS(get("pods/b"))))->status == 0);
	journal_memory_set_full(r.journal, false);
	need(run(&r, TXN(OPS(put("pods/c", "1"))))->status == 0);
	rig_fini(&r);
}

Test(store_commit, queue_has_an_end)
{
	struct rig r;
	rig_init(&r, false);
	r.limits.queue_txns = 10;
	rig_open(&r);
	struct err e = {0};
	int rc = 0, n = 0;
	while (!rc && n < 100)
		rc = try_submit(&r, TXN(OPS(put("pods/a", "1"))), &e), n++;
	need(rc == ERR_OVERLOADED && n == 11, "%d after %d", rc, n);
	store_poll(r.store);
	need(r.outcome_count == 10);
	need(run(&r, TXN(OPS(put("pods/a", "1"))))->status == 0);
	rig_fini(&r);
}

Test(store_commit, batch_is_bounded_and_the_rest_follows)
{
	struct rig r;
	rig_init(&r, false);
	r.limits.batch_txns = 4;
	rig_open(&r);
	journal_memory_hold(r.journal, true);
	for (int i = 0; i < 10; i++)
		submit(&r, TXN(OPS(put("pods/a", "1"))));
	store_poll(r.store);
	need(journal_memory_in_flight(r.journal) == 4);
	journal_memory_hold(r.journal, false);
	store_poll(r.store);
	need(r.outcome_count == 10);
	rig_fini(&r);
}

Test(store_commit, close_with_a_batch_in_flight_answers_nobody)
{
	struct rig r;
	held(&r);
	submit(&r, TXN(OPS(put("pods/a", "1"))));
	store_poll(r.store);
	submit(&r, TXN(OPS(put("pods/b", "1"))));
	submit(&r, TXN(OPS(get("pods/a"))));
	rig_reopen(&r);
	need(r.outcome_count == 1 && has_value(&r, "pods/old", "old"));
	rig_fini(&r);
}

Test(store_commit, damaged_old_event_is_an_error_not_a_wrong_event)
{
	struct rig r;
	rig_init(&r, false);
	r.limits.recent.changes = 1;
	rig_open(&r);
	for (int i = 0; i < 5; i++)
		must_put(&r, "pods/a", "value");
	need(journal_disk_damage(r.disk, 3));
	struct event_list l = events_after(&r, "pods", 0, 0);
	need(l.rc == ERR_CORRUPT && l.count == 2);
	forget_events(&l);
	rig_fini(&r);
}

Test(store_commit, damaged_record_is_named_and_refused)
{
	struct rig r;
	rig_init(&r, false);
	rig_open(&r);
	for (int i = 0; i < 5; i++)
		must_put(&r, "pods/a", "value");
	rig_close(&r);
	need(journal_disk_damage(r.disk, 3));
	struct err e = {0};
	need(rig_try_open(&r, &e) == ERR_CORRUPT);
	need(strstr(e.text, "record 3"), "%s", e.text);
	rig_fini(&r);
}

/* What a follower of the events was given, the store holds as well. */
static struct bytes *same_bytes(struct rig *r, const struct store_event *e)
{
	(void)r;
	return e->row.value ? bytes_ref(e->row.value) : NULL;
}

static struct bytes *other_bytes(struct rig *r, const struct store_event *e)
{
	struct span v = bytes_span(e->row.value);
	struct bytes **kept = r->shared;
	if (!e->row.value)
		return NULL;
	*kept = bytes_copy(v.data, v.len);
	return bytes_ref(*kept);
}

static int is_kept(void *arg, const struct store_row *row)
{
	struct rig *r = arg;
	need(row->value == *(struct bytes **)r->shared, "these very bytes");
	return 1;
}

Test(store_commit, a_value_is_kept_where_the_client_has_it)
{
	struct rig r;
	struct bytes *kept = NULL;
	bool more;
	rig_init(&r, false);
	rig_open(&r);
	r.share = same_bytes;
	must_put(&r, "pods/a", "1");
	need(has_value(&r, "pods/a", "1"));
	r.share = other_bytes;
	r.shared = &kept;
	must_put(&r, "pods/a", "22");
	need(has_value(&r, "pods/a", "22"));
	store_range(r.store, span_of("pods/a"), span_of(""), 1, is_kept, &r, &more);
	must_delete(&r, "pods/a");
	need(has_value(&r, "pods/a", NULL));
	bytes_unref(kept);
	rig_fini(&r);
}
