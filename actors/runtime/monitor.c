/* Monitors: who wants to know of whose end, once.
 *
 * Those on actors of this cell are served here. For names elsewhere the broker
 * watches; the cell keeps the list and says it again with every session and
 * every few pings, so that neither a broker that was started again nor a lost
 * frame makes a monitor silent. A name that is absent is down at once. */
#include <stdlib.h>

#include "actors/runtime/cell_private.h"

struct monitor {
	char *watcher, *name;
	uint64_t uid; /* of the watcher's incarnation */
};

static void monitor_free(void *p)
{
	struct monitor *m = p;
	free(m->watcher);
	free(m->name);
	free(m);
}

/* name, 0, uid: all monitors of a name are neighbours. */
static void put_key(struct buf *key, struct span name, uint64_t uid)
{
	struct key8 k = key8_of(uid);
	buf_append(key, name.data, name.len);
	buf_putc(key, 0);
	buf_append(key, k.b, sizeof k.b);
}

void monitor_add(struct cell *c, struct actor *a, const char *name)
{
	struct buf key = {0};
	struct monitor *m = mem_alloc(sizeof *m);
	m->watcher = mem_dup(a->name);
	m->name = mem_dup(name);
	m->uid = a->uid;
	put_key(&key, span_of(name), a->uid);
	struct monitor *was = omap_put(&c->monitors, span_buf(&key), m);
	buf_fini(&key);
	if (was)
		monitor_free(was);
	else if (!lives_here(c, name))
		link_watch(c, a->name, name);
}

static void fire(struct cell *c, const struct monitor *m, int reason)
{
	struct actor *a = actor_by_uid(c, m->uid);
	if (!a)
		return;
	struct item *i = item_new(ITEM_DOWN, span_of(m->name));
	i->status = reason;
	actor_queue(c, a, i);
}

void monitors_fire(struct cell *c, struct span name, int reason)
{
	if (!c->monitors.count)
		return;
	struct buf first = {0};
	put_key(&first, name, 0);
	struct span from = span_buf(&first);
	for (struct onode *n; (n = omap_seek(&c->monitors, from));) {
		struct monitor *m = n->value;
		if (!span_is(name, m->name))
			break;
		omap_remove(&c->monitors, onode_key(n));
		fire(c, m, reason);
		monitor_free(m);
	}
	buf_fini(&first);
}

void monitors_of_actor_drop(struct cell *c, uint64_t uid)
{
	struct onode *n = c->monitors.count ? omap_first(&c->monitors) : NULL;
	while (n) {
		struct onode *next = omap_next(n);
		struct monitor *m = n->value;
		if (m->uid == uid) {
			omap_remove(&c->monitors, onode_key(n));
			monitor_free(m);
		}
		n = next;
	}
}

void monitors_watch(struct cell *c)
{
	for (struct onode *n = omap_first(&c->monitors); n; n = omap_next(n)) {
		struct monitor *m = n->value;
		if (!lives_here(c, m->name))
			link_watch(c, m->watcher, m->name);
	}
}

void monitors_free(struct cell *c)
{
	omap_fini(&c->monitors, monitor_free);
}
