/* What containers and volumes are made with and the pod does not say itself: config
 * maps, secrets, claims, as the store has them; and services, from a view.
 *
 * Objects are asked for when somebody wants them, kept for a while, and dropped when
 * there are many. A new pod is made with what is there when it comes, however lately
 * another one was: who changes a config map and then makes pods means these to have it. */
#include <stdio.h>
#include <stdlib.h>

#include "nodes/node_private.h"

enum {
	OBJECT_MS = 5000,
	OBJECT_KEEP_US = 60000000,
	OBJECT_FRESH_US = 5000000, /* for a container that starts */
	REFRESH_US = 20000000, /* of what is mounted */
	OBJECT_ABSENT_US = 2000000,
	ASK_AGAIN_US = 1000000, /* after the store was not reached */
	OBJECTS_MAX = 256, /* from here on stale ones are dropped */
};
static void ask_object(struct ctx *c, struct object_cache *o)
{
	struct buf b = {0};
	char end[STORE_KEY_BYTES_MAX + 2];
	snprintf(end, sizeof end, "%s\x01", o->key);
	mpw_map(&b, 3);
	mpw_kv_str(&b, "from", o->key);
	mpw_kv_str(&b, "end", end);
	mpw_kv_u64(&b, "limit", 1);
	o->asked = true;
	o->asked_us = ctx_now_us(c);
	ctx_request(c, "store", "store.range", &b, OBJECT_MS, NODE_TAG(TAG_OBJECT, o->id));
}

void agent_object_free(void *ptr)
{
	struct object_cache *o = ptr;
	bytes_unref(o->value);
	free(o->key);
	free(o);
}

/* Those that nobody would be given any more: what this turn handed out stays. */
static void drop_stale(struct agent *a, uint64_t now)
{
	struct onode *next;
	if (a->objects.count < OBJECTS_MAX)
		return;
	for (struct onode *n = omap_first(&a->objects); n; n = next) {
		struct object_cache *o = n->value;
		next = omap_next(n);
		if (o->asked || now - o->looked_us < OBJECT_KEEP_US)
			continue;
		omap_remove(&a->objects, onode_key(n));
		agent_object_free(o);
	}
}

int agent_object(struct agent_pod *p, const char *stream, struct span ns, struct span name,
		 bool any, struct span *out)
{
	struct agent *a = p->agent;
	char key[STORE_KEY_BYTES_MAX];
	snprintf(key, sizeof key, "%s/%.*s%s%.*s", stream, (int)ns.len, (const char *)ns.data,
		 ns.len ? "/" : "", (int)name.len, (const char *)name.data);
	struct object_cache *o = omap_get(&a->objects, span_of(key));
	uint64_t now = ctx_now_us(a->turn);
	if (!o) {
		drop_stale(a, now);
		o = mem_alloc(sizeof *o);
		o->key = mem_dup(key);
		o->id = ++a->next_id;
		omap_put(&a->objects, span_of(key), o);
	}
	uint64_t fresh = !o->value ? OBJECT_ABSENT_US : any ? REFRESH_US : OBJECT_FRESH_US;
	bool known = o->known_us && now - o->looked_us < fresh &&
		     (any || o->known_us >= p->since_us);
	if (!known && !o->asked)
		ask_object(a->turn, o);
	if (!known && (!any || !o->known_us)) {
		p->awaits = true;
		return ERR_AGAIN;
	}
	*out = bytes_span(o->value);
	return o->value ? 0 : ERR_NOT_FOUND;
}

int agent_lookup(void *arg, enum pod_env_kind kind, struct span ns, struct span name,
		  struct span *out)
{
	return agent_object(arg, kind == POD_ENV_SECRET ? "secrets" : "configmaps", ns, name, false,
			    out);
}

static struct bytes *object_in(const struct reply *r)
{
	struct mp rows;
	size_t count = 0, places;
	struct span key, value;
	if (mp_find(r->body, "rows", &rows) && mp_array(&rows, &count) == 0 && count &&
	    mp_array(&rows, &places) == 0 && mp_str(&rows, &key) == 0 &&
	    mp_raw(&rows, &value) == 0)
		return bytes_slice(r->owner, value);
	return NULL;
}

static struct object_cache *object_of(struct agent *a, uint64_t id)
{
	for (struct onode *n = omap_first(&a->objects); n; n = omap_next(n))
		if (((struct object_cache *)n->value)->id == id)
			return n->value;
	return NULL;
}

/* The store was not reached: what is known stays in use, and who cannot go on asks again. */
static void on_silence(struct ctx *c, struct agent *a, struct object_cache *o)
{
	o->looked_us = ctx_now_us(c);
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n)) {
		struct agent_pod *p = n->value;
		if (p->awaits)
			ctx_timer(c, ASK_AGAIN_US, NODE_TAG(TAG_POD, p->id));
		p->awaits = false;
	}
}

static void step_those_who_await(struct ctx *c, struct agent *a)
{
	uint64_t at = 0;
	for (struct onode *n; (n = omap_seek_u64(&a->pods, at));) {
		struct agent_pod *p = n->value;
		bool step = p->awaits && p->worker;
		at = p->id + 1;
		p->awaits = false;
		if (step)
			agent_step(c, a, p);
	}
}

void agent_on_object(struct ctx *c, struct agent *a, uint64_t id, const struct reply *r)
{
	struct object_cache *o = object_of(a, id);
	if (!o)
		return;
	o->asked = false;
	if (r->status) {
		on_silence(c, a, o);
		return;
	}
	struct bytes *value = object_in(r);
	bool changed = o->known_us && !span_eq(bytes_span(o->value), bytes_span(value));
	bytes_unref(o->value);
	o->value = value;
	o->known_us = o->asked_us;
	o->looked_us = ctx_now_us(c);
	step_those_who_await(c, a);
	if (changed)
		node_volumes_look(c, a);
}

/* ---- services that environments tell of */

/* A container that started before they are known would miss some for good. */
int agent_each_service(void *arg, struct span ns, void (*each)(void *to, struct span service),
			void *to)
{
	const struct agent *a = ((const struct agent_pod *)arg)->agent;
	char prefix[300];
	if (!a->services)
		return 0;
	if (!view_synced(a->services))
		return ERR_AGAIN;
	int len = snprintf(prefix, sizeof prefix, "services/%.*s/", (int)ns.len,
			   (const char *)ns.data);
	struct onode *n = omap_seek(view_map(a->services), span_of(prefix));
	for (; n; n = omap_next(n)) {
		struct span key = onode_key(n);
		if (key.len < (size_t)len || memcmp(key.data, prefix, (size_t)len) != 0)
			break;
		const struct view_object *o = n->value;
		each(to, bytes_span(o->value));
	}
	return 0;
}
