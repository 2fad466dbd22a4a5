/* A map of maps. Leases are few and end seldom, so a tick that is due walks
 * them all; one that is not due costs a comparison. */
#include "store/local/leases.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/base/mem.h"

enum { AGAIN_US = 100000 };

struct lease *leases_find(const struct leases *ls, struct span key)
{
	struct lease *l = ls->by_key.count ? omap_get(&ls->by_key, key) : NULL;
	return l && l->ttl_ms ? l : NULL;
}

static struct lease *lease_made(struct leases *ls, struct span key)
{
	struct lease *l = omap_get(&ls->by_key, key);
	if (l)
		return l;
	l = mem_alloc(sizeof *l);
	omap_put(&ls->by_key, key, l);
	return l;
}

static void drop_if_empty(struct leases *ls, struct span key, struct lease *l)
{
	if (l->ttl_ms || l->keys.count)
		return;
	omap_remove(&ls->by_key, key);
	omap_fini(&l->keys, NULL);
	free(l);
}

static void detach(struct leases *ls, const struct row *was)
{
	struct lease *l = omap_get(&ls->by_key, row_lease(was));
	assert(l);
	omap_remove(&l->keys, row_key(was));
	drop_if_empty(ls, row_lease(was), l);
}

static void begin(struct leases *ls, const struct row *row)
{
	struct lease *l = lease_made(ls, row_key(row));
	l->ttl_ms = row->ttl_ms;
	l->until_us = 0;
	ls->next_us = 0;
}

static void end(struct leases *ls, const struct row *was)
{
	struct lease *l = omap_get(&ls->by_key, row_key(was));
	assert(l);
	l->ttl_ms = 0;
	drop_if_empty(ls, row_key(was), l); /* else its keys follow in the same transaction */
}

void leases_change(struct leases *ls, const struct row *was, const struct row *row)
{
	if (was && was->lease_len)
		detach(ls, was);
	if (row->value && row->lease_len) {
		struct lease *l = lease_made(ls, row_lease(row));
		omap_put(&l->keys, row_key(row), l);
	}
	if (row->value && row->ttl_ms)
		begin(ls, row);
	else if (was && was->ttl_ms)
		end(ls, was);
}

bool leases_left(const struct leases *ls, struct span lease, struct span *key)
{
	const struct lease *l = ls->by_key.count ? omap_get(&ls->by_key, lease) : NULL;
	if (!l || l->ttl_ms || !l->keys.count)
		return false;
	*key = onode_key(omap_first(&l->keys));
	return true;
}

int leases_keep(struct leases *ls, struct span key, int64_t now_us)
{
	struct lease *l = leases_find(ls, key);
	if (!l)
		return ERR_NOT_FOUND;
	l->until_us = now_us + INT64_C(1000) * l->ttl_ms;
	return 0;
}

int64_t leases_tick(struct leases *ls, int64_t now_us, void (*ended)(void *arg, struct span key),
		    void *arg)
{
	int64_t next = INT64_MAX;
	size_t was = ls->by_key.count, over = 0;
	if (ls->by_key.count == 0)
		return next;
	if (ls->next_us && now_us < ls->next_us)
		return ls->next_us;
	for (struct onode *n = omap_first(&ls->by_key), *after; n; n = after) {
		struct lease *l = n->value;
		after = omap_next(n); /* `ended` may remove n, and no other lease */
		if (l->until_us == 0)
			l->until_us = now_us + INT64_C(1000) * l->ttl_ms;
		if (now_us >= l->until_us) {
			ended(arg, onode_key(n));
			over++;
		} else if (l->until_us < next) {
			next = l->until_us;
		}
	}
	/* Those that could not be deleted just now are tried again soon. */
	if (ls->by_key.count > was - over && next > now_us + AGAIN_US)
		next = now_us + AGAIN_US;
	ls->next_us = next;
	return next;
}

bool leases_are_whole(const struct leases *ls)
{
	for (struct onode *n = omap_first(&ls->by_key); n; n = omap_next(n)) {
		const struct lease *l = n->value;
		if (!l->ttl_ms)
			return false;
	}
	return true;
}

static void drop(void *lease)
{
	struct lease *l = lease;
	omap_fini(&l->keys, NULL);
	free(l);
}

void leases_fini(struct leases *ls)
{
	omap_fini(&ls->by_key, drop);
}
