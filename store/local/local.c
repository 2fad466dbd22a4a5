/* The local store: one loop, one journal, everything served from memory.
 *
 * What a crash leaves is the journal: all that was acknowledged, and perhaps
 * a few transactions that were synced and not yet acknowledged. Their
 * writers ask again with the same request id. */
#include "store/local/local.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/mem.h"
#include "broker/base/planted.h"

enum { CLOSE_WAIT_MS = 5000 };

const struct local_limits local_limits_default = {
	.keep = {.us = 10 * 60 * INT64_C(1000000), .bytes = 1u << 30, .count_min = 10000},
	.recent = {.bytes = 32u << 20, .changes = 65536},
	.batch_txns = 1024,
	.batch_bytes = 4u << 20,
	.batch_early = 256,
	.queue_txns = 16384,
	.queue_bytes = 64u << 20,
	.reserve = 16384,
	.checkpoint_bytes = 32u << 20,
	.slice = {.rows = 512, .bytes = 256u << 10, .visits = 4096},
	.trim_blocks = 64,
};

static struct local *local_of(struct store *s)
{
	return (struct local *)s; /* its first member */
}

static int op_txn(struct store *s, const struct store_txn *t, uint64_t ticket, struct err *e)
{
	return local_txn(local_of(s), t, ticket, e);
}

static size_t limit_of(size_t limit)
{
	return limit && limit < STORE_RANGE_MAX ? limit : STORE_RANGE_MAX;
}

static int op_range(struct store *s, struct span from, struct span end, size_t limit,
		    int (*each)(void *arg, const struct store_row *), void *arg, bool *more)
{
	struct onode *n = omap_seek(&local_of(s)->state.shown, from);
	size_t left = limit_of(limit);
	*more = false;
	for (; n && (end.len == 0 || span_cmp(onode_key(n), end) < 0); n = omap_next(n)) {
		if (left-- == 0) {
			*more = true;
			return 0;
		}
		struct store_row row = row_view(n->value);
		int rc = each(arg, &row);
		if (rc)
			return rc;
	}
	return 0;
}

static uint64_t op_stream_head(struct store *s, struct span stream)
{
	const struct local *l = local_of(s);
	return stream.len == 0 ? l->chains.shown : chains_head(&l->chains, stream);
}

/* Whether some event of the stream above `after` cannot be told any more. A
 * stream whose last event is not above it has missed nothing, however old. */
static bool is_gone(struct local *l, struct span stream, uint64_t after)
{
	const struct chain *ch = stream.len ? chains_find(&l->chains, stream) : NULL;
	uint64_t soft_gone = stream.len == 0 ? l->chains.soft_gone : ch ? ch->soft_gone : 0;
	if (op_stream_head(&l->store, stream) <= after)
		return false;
	uint64_t oldest = l->compacted ? store_version(l->compacted + 1, 0) - 1 : 0;
	return (after < oldest && !PLANTED(COMPACTED_NOT_SAID)) || after < soft_gone;
}

static int op_events(struct store *s, struct span stream, uint64_t after, size_t limit,
		     int (*each)(void *arg, const struct store_event *), void *arg, bool *more)
{
	struct local *l = local_of(s);
	*more = false;
	if (stream.len > STORE_STREAM_BYTES_MAX)
		return ERR_INVALID;
	if (is_gone(l, stream, after))
		return ERR_COMPACTED;
	if (after >= op_stream_head(s, stream))
		return 0; /* a quiet stream's follower does not walk what others did */
	return history_events(&(struct history_query){
		.history = &l->history,
		.index = &l->index,
		.journal = l->journal,
		.stream = stream_split(stream),
		.after = after,
		.limit = limit_of(limit),
		.each = each,
		.arg = arg,
		.more = more,
	});
}

static void op_head(struct store *s, struct store_head *out)
{
	const struct local *l = local_of(s);
	*out = (struct store_head){
		.revision = l->shown,
		.compacted = l->compacted,
		.epoch = l->meta.epoch,
		.full = journal_full(l->journal),
	};
}

static int op_keep(struct store *s, struct span lease, int64_t now_us, struct err *e)
{
	int rc = leases_keep(&local_of(s)->leases, lease, now_us);
	return rc ? err_set(e, rc, "there is no lease %.*s", (int)lease.len,
			    (const char *)lease.data)
		  : 0;
}

/* A stopped store or a full queue keeps it: it is tried again. */
static void lease_ended(void *arg, struct span key)
{
	local_delete(arg, key);
}

static int64_t op_tick(struct store *s, int64_t now_us)
{
	struct local *l = local_of(s);
	return l->stopped ? INT64_MAX : leases_tick(&l->leases, now_us, lease_ended, l);
}

static int op_compact(struct store *s, uint64_t revision, struct err *e)
{
	struct local *l = local_of(s);
	if (l->stopped)
		return err_set(e, ERR_IO, "%s", l->why);
	if (revision > l->shown)
		return err_set(e, ERR_INVALID, "revision %llu is yet to come, the newest is %llu",
			       (unsigned long long)revision, (unsigned long long)l->shown);
	if (revision <= l->compacted)
		return err_set(e, ERR_COMPACTED, "compacted up to %llu already",
			       (unsigned long long)l->compacted);
	if (l->compact_to < revision)
		l->compact_to = revision;
	l->reclaim = true;
	return 0;
}

static int op_backup(struct store *s, const char *path, struct err *e)
{
	return journal_backup(local_of(s)->journal, path, e);
}

static int op_backup_reap(struct store *s, struct err *e)
{
	return journal_backup_reap(local_of(s)->journal, e);
}

/* Until nothing moves: what is shown may let soft commits and answers go,
 * and callbacks may hand in more. */
static int op_poll(struct store *s)
{
	struct local *l = local_of(s);
	bool moved = !l->polling; /* a callback that polls changes nothing */
	if (l->polling)
		return 0;
	l->polling = true;
	while (moved) {
		moved = batch_reap(l);
		moved |= batch_show_soft(l);
		moved |= batch_start(l);
		moved |= batch_answer(l);
	}
	l->polling = false;
	return l->stopped ? ERR_IO : 0;
}

static int op_fd(struct store *s)
{
	return journal_fd(local_of(s)->journal);
}

/* True when nothing is in flight any more and the journal is fine. */
static bool wait_for_batch(struct local *l)
{
	if (!l->in_flight || l->failed.code)
		return !l->stopped && !l->failed.code;
	struct pollfd fd = {.fd = journal_fd(l->journal), .events = POLLIN};
	if (fd.fd >= 0)
		poll(&fd, 1, CLOSE_WAIT_MS);
	if (journal_reap(l->journal, NULL))
		return false;
	l->in_flight = false;
	l->meta = l->batch.meta;
	return true;
}

/* The next start goes on with the next revision instead of a block later. */
static void give_back_reserve(struct local *l)
{
	if (!wait_for_batch(l) || l->meta.reserved == l->given)
		return;
	l->batch = (struct journal_batch){.meta = l->meta};
	l->batch.meta.reserved = l->given;
	l->in_flight = journal_append(l->journal, &l->batch) == 0;
	wait_for_batch(l);
}

static void drop_queue(struct queue *q)
{
	struct pending *p;
	while ((p = queue_pop(q)))
		pending_destroy(p);
}

static void local_destroy(struct local *l)
{
	journal_close(l->journal); /* waits for its thread: the batch is ours */
	drop_queue(&l->collected);
	drop_queue(&l->flying);
	drop_queue(&l->landed);
	drop_queue(&l->answers);
	history_fini(&l->history);
	state_fini(&l->state);
	chains_fini(&l->chains);
	log_index_fini(&l->index);
	dedup_fini(&l->dedup);
	leases_fini(&l->leases);
	sweep_fini(&l->sweep);
	slice_fini(&l->slice);
	free(l->records);
	free(l);
}

static void op_close(struct store *s)
{
	struct local *l = local_of(s);
	if (!l->stopped)
		give_back_reserve(l);
	local_destroy(l);
}

static const struct store_ops local_ops = {
	.txn = op_txn,
	.range = op_range,
	.events = op_events,
	.head = op_head,
	.stream_head = op_stream_head,
	.keep = op_keep,
	.tick = op_tick,
	.compact = op_compact,
	.backup = op_backup,
	.backup_reap = op_backup_reap,
	.poll = op_poll,
	.fd = op_fd,
	.close = op_close,
};

int local_open_limits(struct store **out, struct journal **journal,
		      const struct store_client *client, const struct local_limits *limits,
		      struct err *e)
{
	struct local *l = mem_alloc(sizeof *l);
	l->store.ops = &local_ops;
	l->client = *client;
	l->limits = *limits;
	l->journal = *journal;
	*journal = NULL;
	queue_init(&l->collected);
	queue_init(&l->flying);
	queue_init(&l->landed);
	queue_init(&l->answers);
	int rc = local_load(l, e);
	if (rc)
		local_destroy(l);
	else
		*out = &l->store;
	return rc;
}

int store_local_open(struct store **out, struct journal **journal,
		     const struct store_client *client, struct err *e)
{
	return local_open_limits(out, journal, client, &local_limits_default, e);
}
