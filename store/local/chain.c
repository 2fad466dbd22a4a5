/* A map from "kind" and "kind@part" to heads. There is one chain per kind and
 * one per partition that has rows or recent events: the checkpoint's sweep
 * removes chains of partitions that are empty and older than all history. */
#include "store/local/chain.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/base/mem.h"
#include "broker/base/planted.h"

struct chain *chains_find(const struct chains *cs, struct span name)
{
	return omap_get(&cs->by_name, name);
}

static bool is_partition(struct span name)
{
	return name.len && memchr(name.data, '@', name.len);
}

/* Where a stream without a chain goes on: not before what its partition may
 * have had, else who missed the end of that takes the next event for its first. */
static uint64_t beginning(const struct chains *cs, struct span name)
{
	return is_partition(name) && !PLANTED(PARTITION_BEGINS_AT_NOTHING) && cs->dropped > cs->floor ? cs->dropped : cs->floor;
}

uint64_t chains_head(const struct chains *cs, struct span name)
{
	const struct chain *ch = chains_find(cs, name);
	return ch ? ch->shown : beginning(cs, name);
}

static struct chain *chain_named(struct chains *cs, struct span name)
{
	struct chain *ch = omap_get(&cs->by_name, name);
	if (ch)
		return ch;
	ch = mem_alloc(sizeof *ch);
	ch->partition = is_partition(name);
	ch->given = ch->shown = ch->given_logged = ch->shown_logged = beginning(cs, name);
	omap_put(&cs->by_name, name, ch);
	return ch;
}

static struct chain *chain_of(struct chains *cs, struct stream s)
{
	uint8_t buf[STORE_STREAM_BYTES_MAX];
	return chain_named(cs, stream_name(s, buf));
}

static void advance(uint64_t *head, uint64_t to)
{
	if (*head < to)
		*head = to;
}

void chains_link(struct chains *cs, struct commit *c, unsigned index,
		 uint64_t logged[STORE_LINKS_MAX])
{
	struct change *change = &c->changes[index];
	struct stream links[STORE_LINKS_MAX];
	unsigned n = commit_links(change, links);
	for (unsigned i = 0; i < n; i++) {
		struct chain *ch = chain_of(cs, links[i]);
		change->prev[i] = ch->given;
		logged[i] = ch->given_logged;
		ch->given = change->row->mod;
		if (!c->soft)
			ch->given_logged = change->row->mod;
	}
}

/* Keeps count of the rows of a partition; links[0] is the whole kind. */
static void count_row(struct chains *cs, const struct row *r, int by)
{
	if (!r || !r->value || r->part_len == 0)
		return;
	chain_of(cs, (struct stream){store_stream_of(row_key(r)), row_part(r)})->rows +=
		(size_t)by;
}

static void show_change(struct chains *cs, const struct change *change, bool soft)
{
	struct stream links[STORE_LINKS_MAX];
	unsigned n = commit_links(change, links);
	for (unsigned i = 0; i < n; i++) {
		struct chain *ch = chain_of(cs, links[i]);
		ch->shown = change->row->mod;
		if (!soft)
			ch->shown_logged = change->row->mod;
	}
	cs->shown = change->row->mod;
	if (change->was && span_eq(row_part(change->was), row_part(change->row)) &&
	    change->row->value)
		return; /* stays where it is */
	count_row(cs, change->was, -1);
	count_row(cs, change->row, 1);
}

void chains_show(struct chains *cs, const struct commit *c)
{
	for (unsigned i = 0; i < c->count; i++)
		show_change(cs, &c->changes[i], c->soft);
}

void chains_forget(struct chains *cs, const struct commit *c)
{
	assert(c->soft);
	for (unsigned i = 0; i < c->count; i++) {
		struct stream links[STORE_LINKS_MAX];
		unsigned n = commit_links(&c->changes[i], links);
		for (unsigned k = 0; k < n; k++) {
			uint8_t buf[STORE_STREAM_BYTES_MAX];
			struct chain *ch = chains_find(cs, stream_name(links[k], buf));
			if (ch) /* else its partition is long gone */
				advance(&ch->soft_gone, c->changes[i].row->mod);
		}
		advance(&cs->soft_gone, c->changes[i].row->mod);
	}
}

void chains_load_head(struct chains *cs, struct span name, uint64_t head)
{
	struct chain *ch = chain_named(cs, name);
	advance(&ch->given, head);
	advance(&ch->given_logged, head);
	advance(&ch->shown, head);
	advance(&ch->shown_logged, head);
	advance(&cs->shown, head);
}

void chains_load_floor(struct chains *cs, uint64_t floor)
{
	cs->floor = floor;
	for (struct onode *n = omap_first(&cs->by_name); n; n = omap_next(n))
		chains_load_head(cs, onode_key(n), floor);
	advance(&cs->shown, floor);
}

void chains_load_row(struct chains *cs, const struct row *r)
{
	count_row(cs, r, 1);
}

void chains_fini(struct chains *cs)
{
	omap_fini(&cs->by_name, free);
}
