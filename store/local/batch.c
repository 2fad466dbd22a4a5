/* Batches: what was validated goes to the journal, what is synced is shown.
 *
 *   collected ──batch_start──► flying ──journal──► landed ──batch_reap──► shown
 *       │                                                      ▲ events, then outcome
 *       └──────── soft, nothing before it ─────────────────────┘
 *
 * One batch is in flight at a time; what arrives meanwhile is the next one
 * (group commit: DeWitt et al., "Implementation Techniques for Main Memory
 * Database Systems", 1984). It is started before the last one is shown, and
 * once many have come, so that the disk and this thread work side by side.
 * Upkeep rides along in bounded slices: revisions
 * are reserved, history is forgotten, a checkpoint sweep goes on, the log is
 * trimmed. A sweep alone also makes batches, so that it ends when all is
 * quiet; forgetting and trimming wait for the next write, unless somebody
 * asked for it (store_compact).
 *
 * A soft commit needs no journal, but it may not overtake a durable one
 * before it, nor carry a revision that a restart could give again: it waits
 * for the batch before it, or for one that reserves more. */
#include <stdio.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/planted.h"
#include "store/local/local.h"

/* ---- showing */

static void show(struct local *l, struct pending *p)
{
	struct commit *c = p->commit;
	struct store_event e;
	struct event_names names;
	p->commit = NULL; /* the history's now */
	state_show(&l->state, c);
	chains_show(&l->chains, c);
	l->shown = c->revision;
	l->answer_due = true;
	if (!c->soft) {
		size_t bytes = bytes_span(p->record).len;
		log_index_add(&l->index, c, p->floor, bytes);
		l->unswept += bytes;
		l->last_wall_us = c->origin.wall_us;
		for (unsigned i = 0; i < c->count; i++)
			sweep_note(&l->sweep, c->changes[i].row, !c->changes[i].was);
	}
	history_add(&l->history, c, &l->limits.recent, &l->chains);
	for (unsigned i = 0; l->client.on_event && i < c->count; i++) {
		commit_event(c, i, &e, &names);
		row_share_value(c->changes[i].row, l->client.on_event(l->client.arg, &e));
	}
}

bool batch_show_soft(struct local *l)
{
	bool any = false;
	while (!l->in_flight && !l->landed.first && l->collected.first &&
	       !l->collected.first->record &&
	       l->collected.first->revision <= l->meta.reserved) {
		struct pending *p = queue_pop(&l->collected);
		show(l, p);
		pending_report(l, p);
		any = true;
	}
	return any;
}

/* A client that hands in more while it is answered adds to the live queue. */
bool batch_answer(struct local *l)
{
	struct queue waiting = l->answers;
	struct pending *p;
	bool any = false;
	if (!l->answer_due)
		return false;
	l->answer_due = false;
	queue_init(&l->answers);
	while ((p = queue_pop(&waiting))) {
		if (p->rests_on > l->shown) {
			queue_push(&l->answers, p);
			continue;
		}
		pending_report(l, p);
		any = true;
	}
	return any;
}

/* ---- starting a batch */

static bool sweep_due(const struct local *l)
{
	/* a large state may have a longer log: a sweep walks all of it, and a
	 * start reads all of it anyway */
	uint64_t threshold = l->limits.checkpoint_bytes;
	if (threshold < l->state.bytes / 4)
		threshold = l->state.bytes / 4;
	return l->sweep.phase != SWEEP_IDLE || l->unswept > threshold ||
	       (l->unswept && (l->reclaim || journal_full(l->journal)));
}

/* What was asked for and is not done yet. */
static bool reclaim_due(struct local *l)
{
	if (l->compact_to > l->compacted)
		return true;
	l->reclaim = l->reclaim &&
		     (l->unswept || log_index_can_trim(&l->index, l->meta.checkpoint_base, false));
	return l->reclaim;
}

static bool batch_due(struct local *l)
{
	return l->collected.first || sweep_due(l) || reclaim_due(l) ||
	       (journal_full(l->journal) &&
		log_index_can_trim(&l->index, l->meta.checkpoint_base, true));
}

static void take_collected(struct local *l)
{
	size_t bytes = 0, n = 0;
	while (l->collected.first && l->flying.count < l->limits.batch_txns &&
	       bytes < l->limits.batch_bytes) {
		struct pending *p = queue_pop(&l->collected);
		bytes += p->commit->bytes;
		if (p->record) {
			if (n == l->records_cap) {
				l->records_cap = l->records_cap ? 2 * l->records_cap : 64;
				l->records = mem_realloc(l->records,
							 l->records_cap * sizeof *l->records);
			}
			l->records[n++] = (struct journal_record){p->revision, p->record};
		}
		queue_push(&l->flying, p);
	}
	l->batch.records = l->records;
	l->batch.record_count = n;
}

static void plan_reserve(const struct local *l, struct journal_meta *m)
{
	if (l->given + l->limits.reserve / 2 > m->reserved)
		m->reserved = l->given + l->limits.reserve;
}

static void plan_compaction(struct local *l, struct journal_meta *m)
{
	l->compacted = log_index_compact(&l->index, l->compacted, &l->limits.keep,
					 l->last_wall_us, journal_full(l->journal),
					 l->limits.trim_blocks);
	if (l->compacted < l->compact_to) {
		l->compacted = l->compact_to;
		log_index_set_history(&l->index, l->compacted);
	}
	m->compacted = l->compacted;
}

static void plan_sweep(struct local *l, struct journal_meta *m)
{
	if (!sweep_due(l))
		return;
	if (l->sweep.phase == SWEEP_IDLE) {
		sweep_start(&l->sweep, l->shown);
		l->swept_bytes = l->unswept;
	}
	/* no slower than the log grows, or the sweep would never end */
	struct slice_limits limits = l->limits.slice;
	if (limits.bytes < l->flying.bytes)
		limits.bytes = l->flying.bytes;
	if (limits.rows < 2 * l->flying.count)
		limits.rows = 2 * l->flying.count;
	if (sweep_slice(&l->sweep, &l->state, &l->chains, l->compacted, &limits, &l->slice))
		m->checkpoint_base = l->sweep.base;
}

/* What is on the disk is shown, and its writers are told. */
static bool show_all(struct local *l, struct queue *q)
{
	struct pending *p;
	bool any = false;
	while ((p = queue_pop(q))) {
		show(l, p);
		pending_report(l, p);
		any = true;
	}
	return any;
}

bool batch_start(struct local *l)
{
	if (l->stopped || l->in_flight || l->failed.code || !batch_due(l))
		return false;
	struct journal_meta meta = l->meta;
	take_collected(l);
	plan_reserve(l, &meta);
	plan_compaction(l, &meta);
	plan_sweep(l, &meta);
	l->batch.objects = l->slice.objects;
	l->batch.object_count = l->slice.count;
	l->batch.meta = meta;
	l->batch.trim_to = log_index_trim(&l->index, meta.checkpoint_base,
					  journal_full(l->journal), l->limits.trim_blocks);
	l->in_flight = true;
	if (journal_append(l->journal, &l->batch))
		err_set(&l->failed, ERR_IO, "the journal takes no more batches");
	if (PLANTED(ACK_BEFORE_SYNC))
		show_all(l, &l->flying);
	return true;
}

/* ---- the end of a batch */

/* True when the batch is synced: what it has is to be shown. */
static bool land(struct local *l)
{
	if (!l->in_flight || l->failed.code)
		return false;
	struct err why = {0};
	int rc = journal_reap(l->journal, &why);
	if (rc == ERR_AGAIN)
		return false;
	if (rc) {
		l->failed = why;
		l->failed.code = rc;
		return false;
	}
	l->in_flight = false;
	if (l->meta.checkpoint_base != l->batch.meta.checkpoint_base)
		l->unswept -= l->swept_bytes;
	l->meta = l->batch.meta;
	slice_reset(&l->slice);
	queue_move(&l->landed, &l->flying);
	return true;
}

/* A soft commit at the front waits for no disk, only for what lands before it. */
static bool start_beside(struct local *l)
{
	return l->collected.first && l->collected.first->record && batch_start(l);
}

void batch_early(struct local *l)
{
	if (l->collected.count < l->limits.batch_early)
		return;
	land(l);
	start_beside(l);
}

bool batch_reap(struct local *l)
{
	bool moved = land(l);
	if (moved)
		start_beside(l);
	moved |= show_all(l, &l->landed);
	if (l->failed.code && !l->stopped) {
		batch_fail(l, &l->failed);
		moved = true;
	}
	return moved;
}

static void fail_queue(struct local *l, struct queue *q)
{
	struct pending *p;
	while ((p = queue_pop(q))) {
		for (size_t i = 0; i < p->row_count; i++)
			row_unref(p->rows[i]);
		p->row_count = 0;
		p->status = ERR_IO;
		p->compared = false;
		p->revision = 0;
		memcpy(p->text, l->why, sizeof p->text);
		pending_report(l, p);
	}
}

void batch_fail(struct local *l, const struct err *why)
{
	l->stopped = true;
	l->in_flight = false;
	snprintf(l->why, sizeof l->why, "%.159s", why->text);
	log_error("store", "stopped, nothing is written any more: %s", l->why);
	state_drop_flight(&l->state);
	fail_queue(l, &l->flying);
	fail_queue(l, &l->collected);
	fail_queue(l, &l->answers);
	if (l->client.on_failure)
		l->client.on_failure(l->client.arg, why->code, l->why);
}
