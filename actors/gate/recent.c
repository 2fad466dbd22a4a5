#include "actors/gate/recent.h"

#include <stdlib.h>

#include "broker/base/mem.h"

static void drop(struct recents *r, struct recent *x)
{
	omap_remove(&r->by_key, span_of(x->key));
	omap_remove_u64(&r->by_use, x->use);
	if (r->drop)
		r->drop(x);
	free(x->key);
	free(x);
}

static void use(struct recents *r, struct recent *x)
{
	if (x->use)
		omap_remove_u64(&r->by_use, x->use);
	x->use = ++r->uses;
	omap_put_u64(&r->by_use, x->use, x);
}

void *recents_need(struct recents *r, struct span key, size_t bytes)
{
	struct recent *x = omap_get(&r->by_key, key);
	if (!x) {
		if (r->by_key.count >= r->max)
			drop(r, omap_first(&r->by_use)->value);
		x = mem_alloc(bytes);
		x->key = mem_ndup(key.data, key.len);
		omap_put(&r->by_key, key, x);
	}
	use(r, x);
	return x;
}

void *recents_get(const struct recents *r, struct span key)
{
	return omap_get(&r->by_key, key);
}

void recents_forget(struct recents *r, struct span key)
{
	struct recent *x = omap_get(&r->by_key, key);
	if (x)
		drop(r, x);
}

void recents_fini(struct recents *r)
{
	struct onode *n;
	while ((n = omap_first(&r->by_use)))
		drop(r, n->value);
	omap_fini(&r->by_key, NULL);
	omap_fini(&r->by_use, NULL);
}
