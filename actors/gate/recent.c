#include "actors/gate/recent.h"

#include <stdlib.h>

#include "broker/base/mem.h"

static struct span key_of(const void *entry)
{
	return span_of(((const struct recent *)entry)->key);
}

static void unlink_one(struct recents *r, struct recent *x)
{
	*(x->older ? &x->older->newer : &r->oldest) = x->newer;
	*(x->newer ? &x->newer->older : &r->newest) = x->older;
}

static void link_newest(struct recents *r, struct recent *x)
{
	x->newer = NULL;
	x->older = r->newest;
	*(r->newest ? &r->newest->newer : &r->oldest) = x;
	r->newest = x;
}

static void drop(struct recents *r, struct recent *x)
{
	hmap_remove(&r->by_key, x);
	unlink_one(r, x);
	if (r->drop)
		r->drop(x);
	free(x->key);
	free(x);
}

void *recents_need(struct recents *r, struct span key, size_t bytes)
{
	struct recent *x = hmap_get(&r->by_key, key);
	if (x) {
		unlink_one(r, x);
	} else {
		if (r->by_key.count >= r->max)
			drop(r, r->oldest);
		x = mem_alloc(bytes);
		x->key = mem_ndup(key.data, key.len);
		r->by_key.key = key_of;
		hmap_add(&r->by_key, x);
	}
	link_newest(r, x);
	return x;
}

void *recents_get(const struct recents *r, struct span key)
{
	return hmap_get(&r->by_key, key);
}

void recents_forget(struct recents *r, struct span key)
{
	struct recent *x = hmap_get(&r->by_key, key);
	if (x)
		drop(r, x);
}

void recents_fini(struct recents *r)
{
	while (r->oldest)
		drop(r, r->oldest);
	hmap_fini(&r->by_key);
}
