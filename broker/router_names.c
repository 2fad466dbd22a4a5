/* Names and who watches them. A name belongs to the session that registered it
 * last; the former owner is told, says hello again without taking it back (or the
 * two would take it from each other for ever), and gets it when the other is
 * gone. Who watches one is told once that it is gone; a broker that was just
 * started knows nobody, so what is absent then is told only when cells have had
 * the time to say hello. */
#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "broker/router_private.h"

static void watchers_free(void *p)
{
	omap_fini(p, NULL);
	free(p);
}

void names_free(struct router *r)
{
	omap_fini(&r->names, NULL);
	omap_fini(&r->wanted, NULL);
	omap_fini(&r->watches, watchers_free);
}

static void say_down(struct router *r, struct span watcher, struct span name, int reason)
{
	struct session *s = omap_get(&r->names, watcher);
	if (!s)
		return;
	struct envelope env = {.type = ENV_SYSTEM,
			       .to = watcher,
			       .from = span_of("broker"),
			       .kind = MSG_NAME_DOWN};
	struct buf body = {0};
	mpw_map(&body, 2);
	mpw_kv_span(&body, "name", name);
	mpw_kv_str(&body, "reason", err_name(reason));
	say(r, s->peer, &env, &body);
}

void name_gone(struct router *r, struct span name, int reason)
{
	struct omap *watchers = omap_remove(&r->watches, name);
	if (!watchers)
		return;
	for (struct onode *n = omap_first(watchers); n; n = omap_next(n))
		say_down(r, onode_key(n), name, reason);
	watchers_free(watchers);
}

void name_watch(struct router *r, struct span watcher, struct span name)
{
	/* A broker that was just started knows nobody: who is absent now may be
	 * about to say hello. The tick that ends this time tells of those who
	 * did not. */
	if (r->settled && !omap_get(&r->names, name)) {
		say_down(r, watcher, name, ERR_UNREACHABLE);
		return;
	}
	struct omap *watchers = omap_get(&r->watches, name);
	if (!watchers) {
		watchers = mem_alloc(sizeof *watchers);
		omap_put(&r->watches, name, watchers);
	}
	omap_put(watchers, watcher, r);
}

/* The first watched name that nobody has. */
static struct span first_absent(const struct router *r)
{
	for (struct onode *n = omap_first(&r->watches); n; n = omap_next(n))
		if (!omap_get(&r->names, onode_key(n)))
			return onode_key(n);
	return (struct span){0};
}

void names_settle(struct router *r, uint64_t now_us)
{
	if (r->settled || now_us < r->born_us + ROUTER_SILENCE_US)
		return;
	r->settled = true;
	for (struct span name; (name = first_absent(r)).len;) {
		struct bytes *copy = bytes_copy(name.data, name.len);
		name_gone(r, bytes_span(copy), ERR_UNREACHABLE);
		bytes_unref(copy);
	}
}

void name_register(struct router *r, struct session *s, struct span name)
{
	if (name.len == 0 || name.len > ENV_NAME_BYTES_MAX)
		return;
	struct session *was = omap_put(&r->names, name, s);
	omap_put(&s->names, name, s);
	r->stats.names = r->names.count;
	if (was && was != s) {
		omap_remove(&was->names, name);
		name_gone(r, name, ERR_STALE); /* that one, not its successor */
		log_warn("broker", "%.*s moved from cell %s to %s", (int)name.len, name.data,
			 was->cell, s->cell);
		say_bye(r, was->peer, "an actor's name was taken over");
	}
}

void name_release(struct router *r, struct session *s, struct span name)
{
	omap_remove(&s->wants, name);
	if (omap_get(&r->names, name) != s)
		return;
	omap_remove(&r->names, name);
	omap_remove(&s->names, name);
	r->stats.names = r->names.count;
	name_gone(r, name, ERR_CLOSED);
	name_free(r, name);
}

void name_want(struct router *r, struct session *s, struct span name)
{
	omap_put(&s->wants, name, s);
	omap_put(&r->wanted, name, s);
}

void name_free(struct router *r, struct span name)
{
	const struct session *s = omap_remove(&r->wanted, name);
	if (s)
		say_bye(r, s->peer, "a name of yours is free again: say hello");
}

void names_want_nothing(struct router *r, struct session *s)
{
	for (struct onode *n = omap_first(&s->wants); n; n = omap_next(n))
		if (omap_get(&r->wanted, onode_key(n)) == s)
			omap_remove(&r->wanted, onode_key(n));
}
