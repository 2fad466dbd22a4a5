/* Recent events come from memory and never touch the journal. Older ones are
 * rebuilt from log records: the new rows lie in the record, an old row's
 * value either too or in the older record that wrote it, which is read then
 * (record.h, floor). One page of records is one short read of the journal. */
#include "store/local/history.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/base/mem.h"
#include "store/local/record.h"

static struct commit *ring_at(const struct history *h, size_t i)
{
	return h->ring[(h->first + i) & (h->cap - 1)];
}

static void ring_grow(struct history *h)
{
	size_t cap = h->cap ? 2 * h->cap : 64;
	struct commit **ring = mem_alloc(cap * sizeof *ring);
	for (size_t i = 0; i < h->count; i++)
		ring[i] = ring_at(h, i);
	free(h->ring);
	h->ring = ring;
	h->cap = cap;
	h->first = 0;
}

static void ring_drop(struct history *h, struct chains *chains)
{
	struct commit *c = ring_at(h, 0);
	h->first = (h->first + 1) & (h->cap - 1);
	h->count--;
	h->bytes -= c->bytes;
	h->changes -= c->count;
	h->ring_floor = c->revision;
	if (c->soft)
		chains_forget(chains, c);
	commit_destroy(c);
}

void history_add(struct history *h, struct commit *c, const struct history_limits *limits,
		 struct chains *chains)
{
	if (h->count == h->cap)
		ring_grow(h);
	h->ring[(h->first + h->count++) & (h->cap - 1)] = c;
	h->bytes += c->bytes;
	h->changes += c->count;
	while (h->count > 1 && (h->bytes > limits->bytes || h->changes > limits->changes))
		ring_drop(h, chains);
}

/* The index of the first commit above `revision`. */
static size_t ring_above(const struct history *h, uint64_t revision)
{
	size_t low = 0, high = h->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (ring_at(h, mid)->revision > revision)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

const struct commit *history_find(const struct history *h, uint64_t revision)
{
	size_t i = ring_above(h, revision - 1);
	return i < h->count && ring_at(h, i)->revision == revision ? ring_at(h, i) : NULL;
}

/* One search for an old value: the change of that key in one record. */
struct old_value {
	struct span key;
	uint64_t revision;
	struct bytes *value; /* found */
};

static int old_value_record(void *arg, uint64_t revision, struct span data)
{
	struct old_value *old = arg;
	struct record r;
	if (revision != old->revision)
		return 0;
	int rc = record_decode(data, &r);
	for (unsigned i = 0; !rc && i < r.count; i++)
		if (span_eq(r.changes[i].key, old->key) && !r.changes[i].deleted)
			old->value = bytes_copy(r.changes[i].value.data, r.changes[i].value.len);
	return rc;
}

static int old_value(struct journal *j, const struct record_change *ch, struct bytes **out)
{
	struct old_value old = {.key = ch->key, .revision = ch->was_mod >> STORE_POSITION_BITS};
	if (ch->was_inline) {
		*out = bytes_copy(ch->was_value.data, ch->was_value.len);
		return 0;
	}
	int rc = journal_read(j, old.revision, 1, old_value_record, &old);
	*out = old.value;
	return rc || old.value ? rc : ERR_COMPACTED;
}

static int fill_change(struct journal *j, const struct record_change *from, uint64_t mod,
		       struct change *to)
{
	struct store_row row = {
		.key = from->key,
		.create_version = from->create,
		.mod_version = mod,
		.changes = from->changes,
		.part = from->part,
		.secret = from->secret,
		.lease = from->lease,
		.ttl_ms = from->ttl_ms,
	};
	if (!from->deleted)
		row.value = bytes_copy(from->value.data, from->value.len);
	to->row = row_new(&row, false);
	bytes_unref(row.value);
	memcpy(to->prev, from->prev, sizeof to->prev);
	if (from->was_mod == 0)
		return 0;
	struct store_row was = row;
	int rc = old_value(j, from, &was.value);
	if (rc)
		return rc;
	was.mod_version = from->was_mod;
	was.changes = from->deleted ? from->changes : from->changes - 1;
	was.part = from->was_part;
	was.secret = from->was_secret;
	to->was = row_new(&was, false);
	bytes_unref(was.value);
	return 0;
}

static int commit_of(struct journal *j, uint64_t revision, const struct record *r,
		     struct commit **out)
{
	struct commit *c = commit_new(revision, &r->origin, r->count);
	int rc = 0;
	for (unsigned i = 0; !rc && i < r->count; i++)
		rc = fill_change(j, &r->changes[i], store_version(revision, i), &c->changes[i]);
	if (rc) {
		commit_destroy(c);
		return rc;
	}
	commit_seal(c);
	*out = c;
	return 0;
}

struct load_one {
	struct journal *journal;
	uint64_t revision;
	struct commit *commit;
};

static int load_one_record(void *arg, uint64_t revision, struct span data)
{
	struct load_one *one = arg;
	struct record r;
	if (revision != one->revision)
		return 0;
	int rc = record_decode(data, &r);
	return rc ? rc : commit_of(one->journal, revision, &r, &one->commit);
}

int history_load(struct journal *j, uint64_t revision, struct commit **out)
{
	struct load_one one = {.journal = j, .revision = revision};
	int rc = journal_read(j, revision, 1, load_one_record, &one);
	*out = one.commit;
	return rc || one.commit ? rc : ERR_COMPACTED;
}

/* A walk over events. It ends early with ENOUGH, which no caller sees. */
enum { ENOUGH = 1 };

struct walk {
	const struct history_query *q;
	size_t given;
	int each_said;
	uint64_t log_after, log_end; /* the log is read in (log_after, log_end] */
};

static bool wanted(const struct history_query *q, const struct change *ch)
{
	struct stream links[STORE_LINKS_MAX];
	if (ch->row->mod <= q->after)
		return false;
	if (q->stream.kind.len == 0)
		return true;
	unsigned n = commit_links(ch, links);
	for (unsigned i = 0; i < n; i++)
		if (stream_eq(links[i], q->stream))
			return true;
	return false;
}

static int walk_commit(struct walk *w, const struct commit *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		struct store_event e;
		struct event_names names;
		if (!wanted(w->q, &c->changes[i]))
			continue;
		if (w->given == w->q->limit) {
			*w->q->more = true;
			return ENOUGH;
		}
		commit_event(c, i, &e, &names);
		w->given++;
		w->each_said = w->q->each(w->q->arg, &e);
		if (w->each_said)
			return ENOUGH;
	}
	return 0;
}

/* Whether a record has a wanted event, before its rows are built. */
static bool record_wanted(const struct history_query *q, const struct record *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct record_change *ch = &r->changes[i];
		struct stream links[STORE_LINKS_MAX];
		unsigned n = stream_links(ch->key, ch->part, ch->was_mod ? &ch->was_part : NULL,
					  links);
		for (unsigned k = 0; k < n; k++)
			if (q->stream.kind.len == 0 || stream_eq(links[k], q->stream))
				return true;
	}
	return false;
}

static int walk_record(void *arg, uint64_t revision, struct span data)
{
	struct walk *w = arg;
	struct record r;
	struct commit *c;
	if (revision > w->log_end)
		return 0;
	w->log_after = revision;
	int rc = record_decode(data, &r);
	if (rc || !record_wanted(w->q, &r))
		return rc;
	rc = commit_of(w->q->journal, revision, &r, &c);
	if (rc)
		return rc;
	rc = walk_commit(w, c);
	commit_destroy(c);
	return rc;
}

static int walk_log(struct walk *w)
{
	const struct history_query *q = w->q;
	uint64_t floor = q->history->ring_floor;
	/* `after` itself may stand in the middle of its revision */
	uint64_t after = q->after >> STORE_POSITION_BITS;
	w->log_after = after ? after - 1 : 0;
	while (w->log_after < floor) {
		const struct log_block *b = log_index_find(q->index, w->log_after, q->stream);
		if (!b || b->first > floor)
			return 0;
		w->log_end = b->last < floor ? b->last : floor;
		uint64_t from = w->log_after + 1 > b->first ? w->log_after + 1 : b->first;
		int rc = journal_read(q->journal, from, b->count, walk_record, w);
		if (rc)
			return rc;
		w->log_after = w->log_end;
	}
	return 0;
}

static int walk_ring(struct walk *w)
{
	const struct history *h = w->q->history;
	uint64_t after = w->q->after >> STORE_POSITION_BITS;
	size_t i = after ? ring_above(h, after - 1) : 0;
	for (; i < h->count; i++) {
		int rc = walk_commit(w, ring_at(h, i));
		if (rc)
			return rc;
	}
	return 0;
}

int history_events(const struct history_query *q)
{
	struct walk w = {.q = q};
	*q->more = false;
	int rc = walk_log(&w);
	if (rc == 0)
		rc = walk_ring(&w);
	return rc == ENOUGH ? w.each_said : rc;
}

void history_fini(struct history *h)
{
	for (size_t i = 0; i < h->count; i++)
		commit_destroy(ring_at(h, i));
	free(h->ring);
	memset(h, 0, sizeof *h);
}
