/* cell.actors: who lives here and how they are. Page by page in the order of
 * names: 100,000 agents do not fit one message. */
#include <stdlib.h>

#include "actors/runtime/cell_private.h"
#include "actors/runtime/messages.h"

enum { PAGE_ACTORS = 1000 };

static void put_histogram(struct buf *b, const char *const keys[3], const struct histogram *h)
{
	mpw_kv_u64(b, keys[0], h->sum_us);
	mpw_kv_u64(b, keys[1], histogram_quantile(h, 500));
	mpw_kv_u64(b, keys[2], histogram_quantile(h, 990));
}

static void put_actor(struct buf *b, const struct actor *a)
{
	static const char *const wait[] = {"wait_us", "wait_p50_us", "wait_p99_us"};
	static const char *const turn[] = {"turn_us", "turn_p50_us", "turn_p99_us"};
	mpw_map(b, a->role ? 14 : 13);
	mpw_kv_str(b, "name", a->name);
	mpw_kv_str(b, "kind", a->spec->kind);
	mpw_kv_bool(b, "up", a->state != NULL);
	if (a->role)
		mpw_kv_str(b, "role", a->role);
	mpw_kv_u64(b, "turns", a->turns);
	mpw_kv_u64(b, "queue", a->queued);
	mpw_kv_u64(b, "restarts", a->restarts);
	mpw_kv_u64(b, "rejected", a->stats.rejected);
	put_histogram(b, wait, &a->stats.wait);
	put_histogram(b, turn, &a->stats.turn);
}

static void put_cell(struct buf *b, const struct cell *c)
{
	mpw_map(b, 6);
	mpw_kv_u64(b, "turns", c->turns);
	mpw_kv_u64(b, "pending", c->pendings.count);
	mpw_kv_u64(b, "parked", c->parkeds.count);
	mpw_kv_u64(b, "outbox", c->out_count);
	mpw_kv_u64(b, "dead", c->dead);
	mpw_kv_u64(b, "notices_dropped", c->notices_dropped);
}

/* The first name behind `after`; all when it is empty. */
static struct onode *first_after(const struct cell *c, struct span after)
{
	struct onode *n = after.len ? omap_seek(&c->actors, after) : omap_first(&c->actors);
	return n && after.len && span_eq(onode_key(n), after) ? omap_next(n) : n;
}

void listing_answer(struct cell *c, const struct envelope *request)
{
	struct mp body = mp_of(request->body);
	int64_t limit = mp_path_int(body, "limit", PAGE_ACTORS);
	if (limit < 1 || limit > PAGE_ACTORS)
		limit = PAGE_ACTORS;
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_str(&b, "actors");
	size_t at = mpw_array_open(&b), count = 0;
	struct onode *n = first_after(c, mp_path_str(body, "after"));
	for (; n && count < (size_t)limit; n = omap_next(n), count++)
		put_actor(&b, n->value);
	mpw_array_close(&b, at, count);
	mpw_kv_bool(&b, "more", n != NULL);
	mpw_str(&b, "cell");
	put_cell(&b, c);
	struct bytes *reply = bytes_take(&b);
	char *to = mem_ndup(request->from.data, request->from.len);
	post(c, ENV_REPLY, c->self, to, MSG_CELL_LISTING, request->correlation, 0,
	     &request->trace, reply);
	free(to);
	bytes_unref(reply);
}
