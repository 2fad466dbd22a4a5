/* Ranges as of a revision that is past: the rows of now with what happened
 * since undone. The first change of a key behind that revision tells what the
 * key was then; everything else is as it was. Costs the events since, so it
 * is for pages of a list that began a moment ago, and works on any store.h. */
#include <stdlib.h>

#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "store/store.h"

/* A key as it was, copied: events are borrowed. */
struct past_row {
	struct store_row row; /* value NULL: it was not there */
	uint8_t text[];
};

struct undoing {
	struct span from, end;
	uint64_t after;    /* events up to here were looked at */
	struct omap rows; /* key -> struct past_row */
};

static bool in_range(struct span key, struct span from, struct span end)
{
	return span_cmp(key, from) >= 0 && (end.len == 0 || span_cmp(key, end) < 0);
}

static int undo(void *arg, const struct store_event *e)
{
	struct undoing *u = arg;
	struct span key = e->row.key, part = e->was.part;
	u->after = e->row.mod_version;
	if (!in_range(key, u->from, u->end) || omap_get(&u->rows, key))
		return 0;
	struct past_row *p = mem_alloc(sizeof *p + key.len + part.len);
	p->row = e->was;
	p->row.value = bytes_ref(e->was.value);
	memcpy(p->text, key.data, key.len);
	if (part.len)
		memcpy(p->text + key.len, part.data, part.len);
	p->row.key = (struct span){p->text, key.len};
	p->row.part = (struct span){p->text + key.len, part.len};
	omap_put(&u->rows, key, p);
	return 0;
}

/* The stream that has all keys of the range; empty: there is none such. Soft
 * keys of others are then no reason to say that something is gone. */
static struct span stream_of_range(struct span from, struct span end)
{
	struct span kind = store_stream_of(from);
	bool one = kind.len < from.len && end.len > kind.len &&
		   memcmp(end.data, kind.data, kind.len) == 0 &&
		   (end.data[kind.len] == '/' ||
		    (end.data[kind.len] == '/' + 1 && end.len == kind.len + 1));
	return one ? kind : (struct span){0};
}

static int undo_all(struct store *s, struct undoing *u)
{
	struct span stream = stream_of_range(u->from, u->end);
	bool more = true;
	int rc = 0;
	while (!rc && more)
		rc = store_events(s, stream, u->after, 0, undo, u, &more);
	return rc;
}

struct merging {
	struct onode *past; /* the next row of the past, in key order */
	const struct omap *rows;
	size_t left;
	int (*each)(void *arg, const struct store_row *);
	void *arg;
	bool *more;
	int said;
};

enum { ENOUGH = 1 };

static int give(struct merging *m, const struct store_row *row)
{
	if (m->left == 0) {
		*m->more = true;
		return ENOUGH;
	}
	m->left--;
	m->said = m->each(m->arg, row);
	return m->said ? ENOUGH : 0;
}

/* Rows of the past before `key`; all that are left when it is NULL. */
static int give_past(struct merging *m, const struct span *key)
{
	while (m->past && (!key || span_cmp(onode_key(m->past), *key) < 0)) {
		const struct past_row *p = m->past->value;
		m->past = omap_next(m->past);
		if (p->row.value && give(m, &p->row))
			return ENOUGH;
	}
	return 0;
}

static int give_now(void *arg, const struct store_row *row)
{
	struct merging *m = arg;
	if (give_past(m, &row->key))
		return ENOUGH;
	return omap_get(m->rows, row->key) ? 0 : give(m, row);
}

static void drop(void *row)
{
	struct past_row *p = row;
	bytes_unref(p->row.value);
	free(p);
}

int store_range_at(struct store *s, struct span from, struct span end, uint64_t revision,
		   size_t limit, int (*each)(void *arg, const struct store_row *), void *arg,
		   bool *more)
{
	struct undoing u = {
		.from = from, .end = end, .after = store_version(revision + 1, 0) - 1};
	struct store_head head;
	*more = false;
	store_head(s, &head);
	if (revision > head.revision)
		return ERR_INVALID;
	if (revision == head.revision)
		return store_range(s, from, end, limit, each, arg, more);
	int rc = undo_all(s, &u);
	struct merging m = {.past = omap_first(&u.rows), .rows = &u.rows, .each = each, .arg = arg,
			    .more = more};
	m.left = limit && limit < STORE_RANGE_MAX ? limit : STORE_RANGE_MAX;
	bool rows_more = false;
	if (!rc)
		rc = store_range(s, from, end, 0, give_now, &m, &rows_more);
	if (!rc && !rows_more)
		rc = give_past(&m, NULL);
	else if (!rc)
		*more = true; /* it looks at so many rows and no further */
	omap_fini(&u.rows, drop);
	return rc == ENOUGH ? m.said : rc;
}
