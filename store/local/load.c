/* From the journal to a store that can serve.
 *
 * All records that the log still has go into the index and the table of request
 * ids; there the records' own links show if a row is missing. Those before the
 * checkpoint come first, while the journal reads ahead. Then journal_load gives
 * the checkpoint's rows, and every record behind it: into the state and the
 * chains. Records hold post-images, so those that a sweep had already overtaken
 * do no harm.
 *
 * No soft key comes back, and no revision is given twice: the first new one
 * is above all that were reserved. */
#include "store/local/local.h"
#include "broker/base/planted.h"
#include "store/local/record.h"

struct loading {
	struct local *l;
	bool old_read;  /* the records that the checkpoint covers */
	uint64_t last;  /* revision of the newest record so far */
	struct err why; /* what journal_load cannot know */
	struct record record;
};

/* The seed must be there before the first key; the epoch is what nobody who
 * chooses keys knows, and what is the same in each run of a simulation. */
static void seed(struct local *l)
{
	l->dedup.seed = l->meta.epoch;
	l->leases.by_key.seed = l->meta.epoch;
	l->state.shown.seed = l->chains.by_name.seed = l->meta.epoch;
}

static void load_links(struct chains *chains, const struct record_change *ch, uint64_t mod)
{
	struct stream links[STORE_LINKS_MAX];
	uint8_t name[STORE_STREAM_BYTES_MAX];
	unsigned n = stream_links(ch->key, ch->part, ch->was_mod ? &ch->was_part : NULL, links);
	for (unsigned i = 0; i < n; i++)
		chains_load_head(chains, stream_name(links[i], name), mod);
}

static void load_change(struct local *l, const struct record_change *ch, uint64_t mod)
{
	struct store_row row = {
		.key = ch->key,
		.create_version = ch->create,
		.mod_version = mod,
		.changes = ch->changes,
		.part = ch->part,
		.secret = ch->secret,
		.lease = ch->lease,
		.ttl_ms = ch->ttl_ms,
	};
	if (!ch->deleted)
		row.value = bytes_copy(ch->value.data, ch->value.len);
	struct row *r = row_new(&row, false);
	bytes_unref(row.value);
	sweep_note(&l->sweep, r, ch->was_mod == 0);
	load_links(&l->chains, ch, mod);
	state_load(&l->state, r);
}

static void load_request(struct local *l, uint64_t revision, const struct record *r)
{
	struct dedup_entry e = {
		.revision = revision,
		.wall_us = r->origin.wall_us,
		.compared = r->compared,
	};
	memcpy(e.request, r->origin.request, sizeof e.request);
	if (dedup_has_id(e.request) && !dedup_find(&l->dedup, e.request))
		dedup_add(&l->dedup, &e);
}

static int index_record(struct loading *at, uint64_t revision, struct span data)
{
	struct record *r = &at->record;
	int rc = record_decode(data, r);
	if (rc)
		return rc;
	if (at->last && r->before != at->last)
		return err_set(&at->why, ERR_CORRUPT,
			       "the record that follows %llu in the log is missing",
			       (unsigned long long)at->last);
	log_index_load(&at->l->index, revision, r, data.len);
	load_request(at->l, revision, r);
	at->l->last_wall_us = r->origin.wall_us;
	at->last = revision;
	return 0;
}

enum { ENOUGH = 1 };

static int load_old_record(void *arg, uint64_t revision, struct span data)
{
	struct loading *at = arg;
	return revision > at->l->meta.checkpoint_base ? ENOUGH : index_record(at, revision, data);
}

static int load_old(struct loading *at)
{
	at->old_read = true;
	seed(at->l);
	int rc = journal_read(at->l->journal, 0, SIZE_MAX, load_old_record, at);
	if (rc == ENOUGH)
		return 0;
	if (rc && !at->why.code)
		err_set(&at->why, rc, "the record that follows %llu in the log: %s",
			(unsigned long long)at->last, err_text(rc));
	return rc;
}

static int load_object(void *arg, struct span key, struct span row)
{
	struct loading *at = arg;
	int rc = at->old_read ? 0 : load_old(at);
	return rc ? rc : sweep_load(&at->l->state, &at->l->chains, key, row);
}

static int load_record(void *arg, uint64_t revision, struct span data)
{
	struct loading *at = arg;
	struct record *r = &at->record;
	int rc = at->old_read ? 0 : load_old(at);
	if (!rc)
		rc = index_record(at, revision, data);
	for (unsigned i = 0; !rc && i < r->count; i++)
		if (!(PLANTED(DELETION_NOT_REPLAYED) && r->changes[i].deleted))
			load_change(at->l, &r->changes[i], store_version(revision, i));
	at->l->unswept += data.len;
	return rc;
}

int local_load(struct local *l, struct err *e)
{
	struct loading at = {.l = l};
	int rc = journal_load(l->journal, &l->meta, load_object, load_record, &at, e);
	if (!rc && !at.old_read)
		rc = load_old(&at);
	if (rc && at.why.code && e)
		*e = at.why;
	if (rc)
		return rc;
	for (struct onode *n = omap_first(&l->state.shown); n; n = omap_next(n)) {
		chains_load_row(&l->chains, n->value);
		leases_change(&l->leases, NULL, n->value);
	}
	if (!leases_are_whole(&l->leases))
		return err_set(e, ERR_CORRUPT, "a key names a lease that is none");
	l->compacted = l->meta.compacted;
	l->chains.dropped = l->compacted ? store_version(l->compacted + 1, 0) - 1 : 0;
	if (l->meta.restored)
		chains_load_floor(&l->chains, store_version(l->meta.restored + 1, 0) - 1);
	log_index_set_history(&l->index, l->compacted);
	l->sweep.done_base = l->meta.checkpoint_base;
	l->last_logged = at.last;
	l->shown = at.last > l->meta.reserved ? at.last : l->meta.reserved;
	l->given = l->history.ring_floor = l->shown;
	return 0;
}
