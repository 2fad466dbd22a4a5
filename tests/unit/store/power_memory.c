/* Power cuts on the journal in memory, which the simulator runs on: after any
 * number of the records of each batch. What a cut leaves must hold all that was
 * acknowledged, transactions whole and in order, and nothing else; and it must
 * go on. COMMITS=10000 build/tests/unit/store/power_memory does it for so many
 * (300). */
#include "tests/lib/numbered.h"

static int opened_on(struct journal_disk *disk, const struct local_limits *limits, unsigned acked,
		     unsigned given, uint64_t told, struct err *e)
{
	struct rig r = {.disk = disk, .limits = *limits};
	int rc = rig_try_open(&r, e);
	if (rc) {
		journal_disk_destroy(disk);
		return rc;
	}
	rc = numbered_look(r.store, acked, given, e);
	uint64_t next = run(&r, TXN(OPS(put("jobs/next", "1"))))->revision;
	if (!rc && next <= told)
		rc = err_set(e, ERR_CORRUPT, "revision %llu after %llu", (unsigned long long)next,
			     (unsigned long long)told);
	rig_fini(&r);
	return rc;
}

/* Every cut of the batch in flight. How many there were. */
static size_t cut_everywhere(struct rig *r, unsigned acked, unsigned given, uint64_t told)
{
	size_t records = journal_memory_in_flight(r->journal);
	for (size_t survives = 0; survives <= records; survives++) {
		struct err e = {0};
		struct journal_disk *left = journal_memory_left(r->journal, survives);
		need(opened_on(left, &r->limits, acked, given, told, &e) == 0,
		     "%zu of %zu records survived, after %u: %s", survives, records, acked, e.text);
	}
	return records + 1;
}

static void begin(struct rig *r)
{
	rig_init(r, false);
	numbered_limits(r);
	rig_open(r);
	journal_memory_hold(r->journal, true);
}

Test(store_power_memory, cut_anywhere_keeps_what_was_acknowledged)
{
	unsigned total = commits_wanted(), given = 0, acked = 0;
	uint64_t told = 0;
	size_t cuts = 0;
	struct rig r;
	begin(&r);
	while (acked < total) {
		/* a few at once: batches of several, and of the next ones */
		for (unsigned together = given % 5; given < total; together--) {
			numbered_submit(&r, ++given);
			if (!together)
				break;
		}
		store_poll(r.store);
		cuts += cut_everywhere(&r, acked, given, told);
		journal_memory_allow(r.journal, 1);
		store_poll(r.store);
		acked += (unsigned)r.outcome_count;
		if (r.outcome_count)
			told = r.outcomes[r.outcome_count - 1].revision;
		rig_forget(&r);
	}
	fprintf(stderr, "%u commits, %zu disks that a power cut could leave\n", given, cuts);
	need(cuts > given, "%zu", cuts);
	rig_fini(&r);
}

/* The sweep itself must catch a lost record. */
Test(store_power_memory, a_lost_record_is_noticed)
{
	struct rig r;
	struct err e = {0};
	begin(&r);
	journal_memory_hold(r.journal, false);
	for (unsigned n = 1; n <= 3; n++)
		need(wait_for(&r, numbered_submit(&r, n))->status == 0);
	journal_memory_hold(r.journal, true);
	numbered_submit(&r, 4);
	store_poll(r.store);
	need(opened_on(journal_memory_left(r.journal, 0), &r.limits, 4, 4, 0, &e) == ERR_CORRUPT);
	need(opened_on(journal_memory_left(r.journal, 1), &r.limits, 4, 4, 0, &e) == 0, "%s",
	     e.text);
	rig_fini(&r);
}
