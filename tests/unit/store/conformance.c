/* What every store promises (store.h), asked of the local one on both of its
 * journals: transactions, revisions, events, ranges, deduplication. */
#define SUITE_MEMORY store_on_memory
#define SUITE_LMDB store_on_lmdb
#include "tests/lib/store_rig.h"

#define V(revision, position) store_version(revision, position)

static void create_succeeds_only_when_key_is_absent(struct rig *r)
{
	rig_open(r);
	struct seen_outcome *o = run(r, TXN(IF(cmp("pods/a", STORE_MOD, 0)), OPS(put("pods/a", "1"))));
	need(o->status == 0 && o->compared && o->revision == 1);
	need(o->row[0].create == V(1, 0) && o->row[0].mod == V(1, 0) && o->row[0].changes == 1);
	o = run(r, TXN(IF(cmp("pods/a", STORE_MOD, 0)), OPS(put("pods/a", "2"))));
	need(o->status == ERR_CONFLICT && !o->compared);
	need(has_value(r, "pods/a", "1"), "a conflict changes nothing");
	need(o->revision == 1, "nothing was written: the store's revision");
}

static void compares_hold_on_each_field(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "one");
	uint64_t mod = must_put(r, "pods/a", "two");
	const struct {
		struct store_compare c;
		bool holds;
	} cases[] = {
		{cmp("pods/a", STORE_MOD, mod), true},
		{cmp("pods/a", STORE_MOD, V(1, 0)), false},
		{cmp("pods/a", STORE_CREATE, V(1, 0)), true},
		{cmp("pods/a", STORE_CREATE, mod), false},
		{cmp("pods/a", STORE_CHANGES, 2), true},
		{cmp("pods/a", STORE_CHANGES, 1), false},
		{cmp("pods/a", STORE_EXISTS, 1), true},
		{cmp("pods/a", STORE_EXISTS, 0), false},
		{cmp("pods/b", STORE_EXISTS, 0), true},
		{cmp("pods/b", STORE_MOD, 0), true},
		{cmp("pods/b", STORE_CHANGES, 0), true},
		{{.key = span_of("pods/a"), .field = STORE_VALUE, .value = span_of("two")}, true},
		{{.key = span_of("pods/a"), .field = STORE_VALUE, .value = span_of("one")}, false},
		{{.key = span_of("pods/b"), .field = STORE_VALUE, .value = span_of("")}, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct seen_outcome *o = run(r, TXN(IF(cases[i].c), OPS(get("pods/a"))));
		need(o->compared == cases[i].holds, "case %zu", i);
		need(o->status == (cases[i].holds ? 0 : ERR_CONFLICT), "case %zu", i);
	}
	need(r->event_count == 2, "reading is no event");
}

static void else_branch_runs_when_a_compare_fails(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "1");
	struct seen_outcome *o = run(r, TXN(IF(cmp("pods/a", STORE_EXISTS, 0)),
					    OPS(put("pods/a", "then")),
					    ELSE_OPS(get("pods/a"), put("pods/b", "else"))));
	need(o->status == 0 && !o->compared && o->revision == 2 && o->rows == 2);
	need(same_text(o->row[0].value, "1") && same_text(o->row[1].value, "else"));
	need(has_value(r, "pods/a", "1") && has_value(r, "pods/b", "else"));
}

static void conflict_returns_current_rows(struct rig *r)
{
	rig_open(r);
	uint64_t mod = must_put(r, "pods/a", "now");
	struct seen_outcome *o = run(r, TXN(IF(cmp("pods/a", STORE_MOD, 5), cmp("pods/b", STORE_MOD, 0)),
					    OPS(put("pods/a", "x"))));
	need(o->status == ERR_CONFLICT && o->rows == 2);
	need(same_text(o->row[0].value, "now") && o->row[0].mod == mod);
	need(same_text(o->row[1].key, "pods/b") && !o->row[1].value && o->row[1].mod == 0);
	need(strstr(o->text, "pods/a") && strstr(o->text, "mod_version"), "%s", o->text);
}

static void delete_removes_key_and_tells_what_was(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "last");
	struct seen_outcome *o = run(r, TXN(OPS(del("pods/a"))));
	need(o->status == 0 && o->revision == 2 && !o->row[0].value && o->row[0].mod == V(2, 0));
	need(has_value(r, "pods/a", NULL));
	need(r->event_count == 2);
	struct seen_event *e = &r->events[1];
	need(!e->row.value && e->row.mod == V(2, 0) && same_text(e->was.value, "last"));
	uint64_t again = must_put(r, "pods/a", "new");
	o = run(r, TXN(OPS(get("pods/a"))));
	need(o->row[0].create == again && o->row[0].changes == 1, "a new life");
}

static void delete_of_absent_key_changes_nothing(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "1");
	struct seen_outcome *o = run(r, TXN(OPS(del("pods/b"))));
	need(o->status == 0 && o->revision == 1 && !o->row[0].value && o->row[0].mod == 0);
	need(r->event_count == 1);
}

static void operations_of_one_transaction_share_revision_and_have_positions(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/old", "1");
	struct seen_outcome *o =
		run(r, TXN(OPS(put("pods/a", "A"), get("pods/a"), del("pods/old"), del("pods/no"),
			       put("jobs/j", "J"))));
	need(o->status == 0 && o->revision == 2 && o->rows == 5);
	need(o->row[0].mod == V(2, 0));
	need(same_text(o->row[1].value, "A"), "a get sees the put before it");
	need(o->row[2].mod == V(2, 1) && o->row[3].mod == 0 && o->row[4].mod == V(2, 2));
	need(r->event_count == 4);
	for (unsigned i = 0; i < 3; i++) {
		struct seen_event *e = &r->events[1 + i];
		need(e->revision == 2 && e->index == i && e->count == 3);
		need(e->row.mod == V(2, i));
	}
	need(o->events_before == 4, "events come before the outcome");
}

static void revision_rises_by_one_per_transaction(struct rig *r)
{
	rig_open(r);
	for (uint64_t i = 1; i <= 20; i++) {
		struct seen_outcome *o = run(r, TXN(OPS(put("pods/a", "x"))));
		need(o->revision == i);
	}
	rig_reopen(r);
	need(run(r, TXN(OPS(put("pods/a", "x"))))->revision == 21, "also after a clean end");
}

static void writer_with_old_lease_is_fenced(struct rig *r)
{
	rig_open(r);
	uint64_t first = must_put(r, "leases/s", "me");
	struct store_txn t = {.fence_key = span_of("leases/s"), .fence_token = first};
	struct store_txn mine = t;
	mine.then_ops = (struct store_op[]){put("pods/a", "1")};
	mine.then_count = 1;
	need(run(r, &mine)->status == 0);
	uint64_t second = must_put(r, "leases/s", "other");
	struct store_txn late = t;
	late.then_ops = (struct store_op[]){put("pods/a", "2")};
	late.then_count = 1;
	struct seen_outcome *o = run(r, &late);
	need(o->status == ERR_FENCED && o->text[0]);
	need(has_value(r, "pods/a", "1"));
	must_delete(r, "leases/s");
	struct store_txn none = {.fence_key = span_of("leases/s"), .fence_token = second};
	none.then_ops = (struct store_op[]){put("pods/a", "3")};
	none.then_count = 1;
	need(run(r, &none)->status == ERR_FENCED, "a lease that is gone is nobody's");
	struct store_txn zero = {.fence_key = span_of("leases/s"), .fence_token = 0};
	zero.then_ops = (struct store_op[]){put("pods/a", "4")};
	zero.then_count = 1;
	need(run(r, &zero)->status == ERR_FENCED, "no token is not the token of no lease");
}

static struct store_origin origin_with_id(uint8_t id)
{
	struct store_origin o = {.principal = span_of("alice"), .trace_hi = 1, .trace_lo = 2,
				 .span = 3, .cause = 4, .wall_us = 5000000};
	o.request[0] = id;
	return o;
}

static void repeated_request_gets_first_outcome(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "0");
	for (int i = 0; i < 2; i++) {
		struct seen_outcome *o = run(r, TXN(.origin = origin_with_id(7),
						    OPS(put("pods/a", "1"), del("pods/none"))));
		need(o->status == 0 && o->revision == 2 && o->row[0].mod == V(2, 0));
		need(same_text(o->row[0].value, "1") && o->row[0].changes == 2 && !o->row[1].value);
	}
	must_put(r, "pods/a", "3");
	struct seen_outcome *o = run(r, TXN(.origin = origin_with_id(7), OPS(put("pods/a", "1"))));
	need(o->revision == 2 && same_text(o->row[0].value, "1"), "not what is there now");
	need(has_value(r, "pods/a", "3"));
	rig_reopen(r);
	o = run(r, TXN(.origin = origin_with_id(7), OPS(put("pods/a", "1"))));
	need(o->status == 0 && o->compared && o->revision == 2 && same_text(o->row[0].value, "1"));
	need(has_value(r, "pods/a", "3"));
	need(run(r, TXN(.origin = origin_with_id(8), OPS(put("pods/a", "4"))))->revision == 4);
}

static void repeated_request_waits_for_its_first(struct rig *r)
{
	rig_open(r);
	uint64_t one = submit(r, TXN(.origin = origin_with_id(9), OPS(put("pods/a", "1"))));
	uint64_t two = submit(r, TXN(.origin = origin_with_id(9), OPS(put("pods/a", "1"))));
	need(wait_for(r, two)->revision == 1 && outcome_of(r, one)->revision == 1);
	need(r->event_count == 1);
}

static void repeated_request_that_lost_does_nothing_new(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "1");
	for (int i = 0; i < 2; i++) {
		struct seen_outcome *o = run(r, TXN(.origin = origin_with_id(3),
						    IF(cmp("pods/a", STORE_EXISTS, 0)),
						    OPS(put("pods/a", "late"))));
		need(o->status == ERR_CONFLICT && o->rows == 1);
		if (i == 0)
			must_delete(r, "pods/a");
	}
	need(has_value(r, "pods/a", NULL));
}

static void repeated_else_branch_stays_else_after_reopen(struct rig *r)
{
	rig_open(r);
	must_put(r, "pods/a", "1");
	for (int i = 0; i < 2; i++) {
		struct seen_outcome *o = run(r, TXN(.origin = origin_with_id(4),
						    IF(cmp("pods/a", STORE_EXISTS, 0)),
						    OPS(put("pods/a", "then")),
						    ELSE_OPS(put("pods/b", "else"))));
		need(o->status == 0 && !o->compared && o->revision == 2);
		need(same_text(o->row[0].key, "pods/b"));
		rig_reopen(r);
	}
}

static void need_link(const struct seen_event *e, size_t i, const char *stream, uint64_t prev)
{
	need(i < e->links && same_text(e->stream[i], stream), "link %zu of %zu is %s", i, e->links,
	     i < e->links ? e->stream[i] : "-");
	need(e->prev[i] == prev, "%s: %llu", stream, (unsigned long long)e->prev[i]);
}

static void events_are_linked_per_stream_and_partition(struct rig *r)
{
	rig_open(r);
	run(r, TXN(OPS(put("pods/a", "pending"))));                     /* 1 */
	run(r, TXN(OPS(put_part("pods/b", "b", "n1"))));                /* 2 */
	run(r, TXN(OPS(put("jobs/x", "x"))));                           /* 3 */
	run(r, TXN(OPS(put_part("pods/a", "a", "n1"))));                /* 4 */
	run(r, TXN(OPS(put_part("pods/a", "a", "n2"))));                /* 5: moved */
	run(r, TXN(OPS(del("pods/b"), put_part("pods/c", "c", "n2")))); /* 6 */
	for (int pass = 0; pass < 2; pass++) {
		struct event_list l = events_after(r, "", 0, 0);
		need(l.rc == 0 && l.count == 7);
		struct seen_event *e = l.events;
		need(e[0].links == 1);
		need_link(&e[0], 0, "pods", 0);
		need_link(&e[1], 0, "pods", V(1, 0));
		need_link(&e[1], 1, "pods@n1", 0);
		need_link(&e[2], 0, "jobs", 0);
		need(e[3].links == 2, "from no partition to one");
		need_link(&e[3], 0, "pods", V(2, 0));
		need_link(&e[3], 1, "pods@n1", V(2, 0));
		need(e[4].links == 3, "a move is an event of both");
		need_link(&e[4], 0, "pods", V(4, 0));
		need_link(&e[4], 1, "pods@n2", 0);
		need_link(&e[4], 2, "pods@n1", V(4, 0));
		need_link(&e[5], 1, "pods@n1", V(5, 0));
		need_link(&e[6], 0, "pods", V(6, 0));
		need_link(&e[6], 1, "pods@n2", V(5, 0));
		forget_events(&l);
		rig_reopen(r);
	}
	need(store_stream_head(r->store, span_of("pods")) == V(6, 1));
	need(store_stream_head(r->store, span_of("pods@n1")) == V(6, 0));
	need(store_stream_head(r->store, span_of("jobs")) == V(3, 0));
	need(store_stream_head(r->store, span_of("none")) == 0);
	run(r, TXN(OPS(put("jobs/y", "y"))));
	need_link(&r->events[r->event_count - 1], 0, "jobs", V(3, 0));
}

static void partition_stream_has_its_own_events_only(struct rig *r)
{
	rig_open(r);
	run(r, TXN(OPS(put_part("pods/a", "1", "n1"))));
	run(r, TXN(OPS(put_part("pods/b", "1", "n2"))));
	run(r, TXN(OPS(put_part("pods/a", "2", "n2"))));
	for (int pass = 0; pass < 2; pass++) {
		struct event_list l = events_after(r, "pods@n1", 0, 0);
		need(l.rc == 0 && l.count == 2);
		need(same_text(l.events[1].row.part, "n2") && same_text(l.events[1].was.part, "n1"));
		forget_events(&l);
		l = events_after(r, "pods@n2", V(2, 0), 0);
		need(l.count == 1 && l.events[0].revision == 3);
		forget_events(&l);
		rig_reopen(r);
	}
}

static void range_is_ordered_and_bounded(struct rig *r)
{
	rig_open(r);
	run(r, TXN(OPS(put("pods/c", "3"), put("pods/a", "1"), put("pods/b", "2"),
		       put("podtemplates/x", "no"), put("jobs/x", "no"))));
	bool more;
	struct seen_outcome o = range(r, "pods/", "pods0", 0, &more);
	need(o.rows == 3 && !more);
	need(same_text(o.row[0].key, "pods/a") && same_text(o.row[2].value, "3"));
	forget_range(&o);
	o = range(r, "pods/", "pods0", 2, &more);
	need(o.rows == 2 && more);
	forget_range(&o);
	o = range(r, "pods/c", "pods0", 1, &more);
	need(o.rows == 1 && !more, "the limit is not more than there is");
	forget_range(&o);
	o = range(r, "pods/b", "", 0, &more);
	need(o.rows == 3 && same_text(o.row[2].key, "podtemplates/x"), "no end: to the last key");
	forget_range(&o);
}

static void events_are_the_same_live_from_memory_and_after_reopen(struct rig *r)
{
	rig_open(r);
	struct store_origin origin = origin_with_id(1);
	struct store_op secret = put_part("secrets/s", "hush", "n1");
	secret.secret = true;
	run(r, TXN(.origin = origin, OPS(put("pods/a", "1"), secret)));
	run(r, TXN(OPS(put("pods/a", "2"))));
	run(r, TXN(OPS(put_part("pods/a", "", "n1"), del("secrets/s"))));
	run(r, TXN(OPS(del("pods/a"))));
	for (int pass = 0; pass < 3; pass++) {
		struct event_list l = events_after(r, "", 0, 0);
		need(l.rc == 0 && l.count == r->event_count && !l.more);
		for (size_t i = 0; i < l.count; i++)
			need(same_event(&l.events[i], &r->events[i]), "event %zu, pass %d", i, pass);
		forget_events(&l);
		rig_reopen(r);
	}
	need(r->events[1].row.secret && r->events[4].was.secret);
	need(same_text(r->events[3].row.value, ""), "an empty value is a value");
}

static void events_start_behind_a_position_and_stop_at_limit(struct rig *r)
{
	rig_open(r);
	run(r, TXN(OPS(put("pods/a", "1"), put("pods/b", "1"), put("pods/c", "1"))));
	run(r, TXN(OPS(put("pods/a", "2"))));
	for (int pass = 0; pass < 2; pass++) {
		struct event_list l = events_after(r, "pods", V(1, 0), 2);
		need(l.rc == 0 && l.count == 2 && l.more);
		need(l.events[0].row.mod == V(1, 1) && l.events[1].row.mod == V(1, 2));
		forget_events(&l);
		l = events_after(r, "pods", V(1, 2), 1);
		need(l.count == 1 && !l.more && l.events[0].row.mod == V(2, 0));
		forget_events(&l);
		l = events_after(r, "pods", V(2, 0), 0);
		need(l.rc == 0 && l.count == 0);
		forget_events(&l);
		rig_reopen(r);
	}
}

static void broken_requests_are_refused_at_once(struct rig *r)
{
	static char long_key[STORE_KEY_BYTES_MAX + 2];
	memset(long_key, 'k', sizeof long_key - 1);
	long_key[4] = '/';
	struct store_op many[STORE_OPS_MAX + 1];
	for (size_t i = 0; i <= STORE_OPS_MAX; i++)
		many[i] = get("pods/a");
	char *big = mem_alloc(STORE_VALUE_BYTES_MAX + 2);
	memset(big, 'x', STORE_VALUE_BYTES_MAX + 1);
	rig_open(r);
	const struct {
		const struct store_txn *t;
		int code;
	} cases[] = {
		{TXN(OPS(put("noslash", "x"))), ERR_INVALID},
		{TXN(OPS(put("/x", "x"))), ERR_INVALID},
		{TXN(OPS(put("", "x"))), ERR_INVALID},
		{TXN(OPS(put("po@ds/x", "x"))), ERR_INVALID},
		{TXN(OPS(put(long_key, "x"))), ERR_LIMIT},
		{TXN(OPS(put("pods/a", big))), ERR_LIMIT},
		{TXN(OPS(put("pods/a", "1"), del("pods/a"))), ERR_INVALID},
		{TXN(.then_ops = many, .then_count = STORE_OPS_MAX + 1), ERR_LIMIT},
		{TXN(OPS({.verb = STORE_PUT, .key = span_of("pods/a")})), ERR_INVALID},
		{TXN(IF(cmp("pods", STORE_MOD, 0)), OPS(get("pods/a"))), ERR_INVALID},
		{TXN(.fence_key = span_of("x"), OPS(get("pods/a"))), ERR_INVALID},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		need(try_submit(r, cases[i].t, &e) == cases[i].code, "case %zu: %s", i, e.text);
		need(e.text[0]);
	}
	store_poll(r->store);
	need(r->outcome_count == 0 && r->event_count == 0);
	free(big);
}

static void soft_put_is_seen_but_not_there_after_reopen(struct rig *r)
{
	rig_open(r);
	must_put(r, "nodes/n1", "node");
	struct seen_outcome *o = run(r, TXN(OPS(put_soft("beats/n1", "b1"))));
	need(o->status == 0 && o->revision == 2);
	o = run(r, TXN(IF(cmp("beats/n1", STORE_MOD, V(2, 0))), OPS(put_soft("beats/n1", "b2"))));
	need(o->status == 0 && o->revision == 3 && o->row[0].changes == 2);
	need(r->event_count == 3 && same_text(r->events[2].was.value, "b1"));
	need(has_value(r, "beats/n1", "b2"));
	struct event_list l = events_after(r, "beats", 0, 0);
	need(l.rc == 0 && l.count == 2);
	forget_events(&l);
	rig_reopen(r);
	need(has_value(r, "beats/n1", NULL) && has_value(r, "nodes/n1", "node"));
	o = run(r, TXN(OPS(put_soft("beats/n1", "b3"))));
	need(o->revision == 4, "revisions go on: %llu", (unsigned long long)o->revision);
	need(o->row[0].changes == 1);
}

static void soft_and_durable_do_not_mix(struct rig *r)
{
	rig_open(r);
	must_put(r, "nodes/n1", "node");
	need(run(r, TXN(OPS(put_soft("beats/n1", "b"))))->status == 0);
	need(run(r, TXN(OPS(put_soft("nodes/n1", "x"))))->status == ERR_INVALID);
	need(run(r, TXN(OPS(put("beats/n1", "x"))))->status == ERR_INVALID);
	need(run(r, TXN(OPS(put("nodes/n2", "x"), put_soft("beats/n2", "x"))))->status ==
	     ERR_INVALID);
	need(has_value(r, "nodes/n1", "node") && has_value(r, "nodes/n2", NULL));
	need(run(r, TXN(OPS(del("beats/n1"))))->status == 0);
	need(has_value(r, "beats/n1", NULL));
}

static void transactions_in_one_batch_see_each_other(struct rig *r)
{
	rig_open(r);
	uint64_t a = submit(r, TXN(OPS(put("pods/a", "1"))));
	uint64_t b = submit(r, TXN(IF(cmp("pods/a", STORE_EXISTS, 1)), OPS(put("pods/b", "1"))));
	uint64_t c = submit(r, TXN(IF(cmp("pods/a", STORE_EXISTS, 0)), OPS(put("pods/c", "1"))));
	uint64_t d = submit(r, TXN(OPS(del("pods/a"))));
	uint64_t e = submit(r, TXN(IF(cmp("pods/a", STORE_EXISTS, 0)), OPS(put("pods/d", "1"))));
	need(has_value(r, "pods/a", NULL), "nothing is shown before it is synced");
	wait_for(r, e);
	need(outcome_of(r, a)->status == 0 && outcome_of(r, b)->status == 0);
	need(wait_for(r, c)->status == ERR_CONFLICT);
	need(outcome_of(r, d)->status == 0 && outcome_of(r, e)->status == 0);
	need(has_value(r, "pods/a", NULL) && has_value(r, "pods/d", "1"));
}

static void hand_in_another(struct rig *r, const struct store_outcome *o)
{
	if (o->ticket < 50)
		submit(r, TXN(OPS(put("pods/a", "again"))));
}

static void callback_may_hand_in_the_next_transaction(struct rig *r)
{
	rig_open(r);
	r->on_outcome = hand_in_another;
	submit(r, TXN(OPS(put("pods/a", "first"))));
	need(wait_for(r, 50)->revision == 50);
	need(r->outcome_count == 50 && r->event_count == 50);
}

static void keys_of_the_longest_size_survive_reopen(struct rig *r)
{
	char a[STORE_KEY_BYTES_MAX + 1], b[STORE_KEY_BYTES_MAX + 1], c[512], part[254];
	memset(a, 'k', sizeof a);
	a[4] = '/';
	a[STORE_KEY_BYTES_MAX] = 0;
	strcpy(b, a);
	b[STORE_KEY_BYTES_MAX - 1] = 'z';
	memcpy(c, a, 511);
	c[511] = 0;
	memset(part, 'p', sizeof part);
	part[253] = 0;
	r->limits.checkpoint_bytes = 0; /* so that they are in the checkpoint too */
	rig_open(r);
	must_put(r, a, "A");
	must_put(r, b, "B");
	run(r, TXN(OPS(put_part(c, "C", part))));
	must_put(r, "pods/x", "small");
	rig_reopen(r);
	need(has_value(r, a, "A") && has_value(r, b, "B") && has_value(r, c, "C"));
	must_delete(r, b);
	must_put(r, "pods/x", "small");
	rig_reopen(r);
	need(has_value(r, a, "A") && has_value(r, b, NULL) && has_value(r, c, "C"));
}

#define CONFORMANCE(X)                                                                             \
	X(create_succeeds_only_when_key_is_absent)                                                 \
	X(compares_hold_on_each_field)                                                             \
	X(else_branch_runs_when_a_compare_fails)                                                   \
	X(conflict_returns_current_rows)                                                           \
	X(delete_removes_key_and_tells_what_was)                                                   \
	X(delete_of_absent_key_changes_nothing)                                                    \
	X(operations_of_one_transaction_share_revision_and_have_positions)                         \
	X(revision_rises_by_one_per_transaction)                                                   \
	X(writer_with_old_lease_is_fenced)                                                         \
	X(repeated_request_gets_first_outcome)                                                     \
	X(repeated_request_waits_for_its_first)                                                    \
	X(repeated_request_that_lost_does_nothing_new)                                             \
	X(repeated_else_branch_stays_else_after_reopen)                                            \
	X(events_are_linked_per_stream_and_partition)                                              \
	X(partition_stream_has_its_own_events_only)                                                \
	X(range_is_ordered_and_bounded)                                                            \
	X(events_are_the_same_live_from_memory_and_after_reopen)                                   \
	X(events_start_behind_a_position_and_stop_at_limit)                                        \
	X(broken_requests_are_refused_at_once)                                                     \
	X(soft_put_is_seen_but_not_there_after_reopen)                                             \
	X(soft_and_durable_do_not_mix)                                                             \
	X(transactions_in_one_batch_see_each_other)                                                \
	X(callback_may_hand_in_the_next_transaction)                                               \
	X(keys_of_the_longest_size_survive_reopen)

ON_BOTH(conformance, CONFORMANCE)
