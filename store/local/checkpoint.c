/* A sweep is two walks in key order: over the chains, then over the rows
 * merged with the keys that are gone. The cursor is a key, not a pointer:
 * rows come and go between slices.
 *
 * Why not copy the state in one go, as a snapshot: a million rows are 3 GB;
 * the loop would stand for seconds, and LMDB's write transaction with it. */
#include "store/local/checkpoint.h"

#include <stdlib.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "store/local/record.h"

void slice_reset(struct slice *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free((void *)s->objects[i].key.data);
		bytes_unref(s->objects[i].row);
	}
	s->count = 0;
	s->bytes = 0;
}

void slice_fini(struct slice *s)
{
	slice_reset(s);
	free(s->objects);
	memset(s, 0, sizeof *s);
}

/* Takes `row` over; NULL removes the key. */
static void slice_add(struct slice *s, struct span key, struct bytes *row)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->objects = mem_realloc(s->objects, s->cap * sizeof *s->objects);
	}
	struct span copy = {(uint8_t *)mem_ndup(key.data, key.len), key.len};
	s->objects[s->count++] = (struct journal_object){copy, row};
	s->bytes += key.len + bytes_span(row).len;
}

static bool slice_full(const struct slice *s, const struct slice_limits *l, size_t visits)
{
	return s->count >= l->rows || s->bytes >= l->bytes || visits >= l->visits;
}

void sweep_note(struct sweep *w, const struct row *r, bool created)
{
	if (!r->value)
		omap_put(&w->gone, row_key(r), w);
	else if (created && w->gone.count)
		omap_remove(&w->gone, row_key(r));
}

static void set_cursor(struct sweep *w, struct span key)
{
	w->cursor.len = 0;
	buf_append(&w->cursor, key.data, key.len);
}

void sweep_start(struct sweep *w, uint64_t shown)
{
	w->phase = SWEEP_CHAINS;
	w->base = shown;
	set_cursor(w, (struct span){0});
}

static struct span own_key(struct span stream, uint8_t buf[STORE_STREAM_BYTES_MAX + 1])
{
	buf[0] = 0;
	memcpy(buf + 1, stream.data, stream.len);
	return (struct span){buf, stream.len + 1};
}

static void add_chain(struct slice *out, struct span name, const uint64_t *head)
{
	uint8_t key[STORE_STREAM_BYTES_MAX + 1];
	struct bytes *row = NULL;
	if (head) {
		struct buf b = {0};
		mpw_array(&b, 1);
		mpw_u64(&b, *head);
		row = bytes_take(&b);
	}
	slice_add(out, own_key(name, key), row);
}

static bool is_spent(const struct chain *ch, uint64_t compacted)
{
	return ch->partition && ch->rows == 0 && ch->given == ch->shown &&
	       ch->shown >> STORE_POSITION_BITS <= compacted;
}

/* True when all chains were looked at. */
static bool slice_chains(struct sweep *w, struct chains *chains, uint64_t compacted,
			 const struct slice_limits *limits, struct slice *out)
{
	struct onode *n = omap_seek(&chains->by_name, span_buf(&w->cursor));
	for (size_t visits = 0; n; visits++) {
		if (slice_full(out, limits, visits)) {
			set_cursor(w, onode_key(n));
			return false;
		}
		struct chain *ch = n->value;
		struct span name = onode_key(n);
		struct onode *next = omap_next(n);
		if (is_spent(ch, compacted)) {
			add_chain(out, name, NULL);
			if (chains->dropped < ch->shown)
				chains->dropped = ch->shown;
			omap_remove(&chains->by_name, name);
			free(ch);
		} else if (ch->shown_logged >> STORE_POSITION_BITS > w->done_base) {
			add_chain(out, name, &ch->shown_logged);
		}
		n = next;
	}
	return true;
}

static bool needs_writing(const struct sweep *w, const struct row *r)
{
	return !r->soft && row_revision(r) > w->done_base;
}

static bool slice_rows(struct sweep *w, const struct state *state,
		       const struct slice_limits *limits, struct slice *out)
{
	struct onode *row = omap_seek(&state->shown, span_buf(&w->cursor));
	struct onode *gone = omap_seek(&w->gone, span_buf(&w->cursor));
	for (size_t visits = 0; row || gone; visits++) {
		int c = !row ? 1 : !gone ? -1 : span_cmp(onode_key(row), onode_key(gone));
		struct onode *first = c <= 0 ? row : gone;
		if (slice_full(out, limits, visits)) {
			set_cursor(w, onode_key(first));
			return false;
		}
		if (c > 0) {
			struct onode *next = omap_next(gone);
			slice_add(out, onode_key(gone), NULL);
			omap_remove(&w->gone, onode_key(gone));
			gone = next;
			continue;
		}
		if (needs_writing(w, row->value))
			slice_add(out, onode_key(row), record_row_encode(row->value));
		row = omap_next(row);
		/* c == 0: a soft row took a deleted key; the old object row
		 * goes in the next round of this loop, where `gone` is first */
	}
	return true;
}

bool sweep_slice(struct sweep *w, const struct state *state, struct chains *chains,
		 uint64_t compacted, const struct slice_limits *limits, struct slice *out)
{
	if (w->phase == SWEEP_CHAINS) {
		if (!slice_chains(w, chains, compacted, limits, out))
			return false;
		w->phase = SWEEP_ROWS;
		set_cursor(w, (struct span){0});
	}
	if (!slice_rows(w, state, limits, out))
		return false;
	w->phase = SWEEP_IDLE;
	w->done_base = w->base;
	return true;
}

int sweep_load(struct state *state, struct chains *chains, struct span key, struct span row)
{
	if (key.len && key.data[0] == 0) {
		struct mp m = mp_of(row);
		size_t n;
		uint64_t head;
		if (mp_array(&m, &n) || n != 1 || mp_u64(&m, &head))
			return ERR_CORRUPT;
		chains_load_head(chains, (struct span){key.data + 1, key.len - 1}, head);
		return 0;
	}
	struct row *r;
	int rc = record_row_decode(key, row, &r);
	if (rc == 0)
		state_load(state, r);
	return rc;
}

void sweep_fini(struct sweep *w)
{
	buf_fini(&w->cursor);
	omap_fini(&w->gone, NULL);
}
