#include "tools/chaos/converge.h"

#include <stdio.h>
#include <string.h>

#include "actors/runtime/view.h"

/* What was committed so lately may be on its way to who follows it. A view that
 * is behind for good is seen at the next look, half a second later. */
enum { ON_ITS_WAY_US = 100000 };

struct comparison {
	const struct ledger *ledger;
	uint64_t now_us;
	const char *cell;
	struct err *why;
	bool equal;
};

static bool has_part(const struct led_object *o, struct span part)
{
	return !part.len || (o->pod.node && span_is(part, o->pod.node->name));
}

static bool differs(struct comparison *c, struct span stream, const char *what, struct span key)
{
	err_set(c->why, ERR_AGAIN, "cell %s, view %.*s is not what the store has (it %s%s%.*s)", c->cell,
		(int)stream.len, (const char *)stream.data, what, key.len ? " " : "", (int)key.len,
		(const char *)key.data);
	return false;
}

static bool not_synced(struct comparison *c, struct span stream)
{
	err_set(c->why, ERR_AGAIN, "cell %s, view %.*s is not synced", c->cell, (int)stream.len,
		(const char *)stream.data);
	return false;
}

static size_t count_soft(const struct view *v)
{
	size_t n = 0;
	for (struct onode *it = omap_seek(view_map(v), span_of(ledger_soft)); it; it = omap_next(it), n++)
		if (!ledger_is_soft(onode_key(it)))
			break;
	return n;
}

static bool is_on_its_way(const struct comparison *c, uint64_t at_us)
{
	return c->now_us - at_us < ON_ITS_WAY_US;
}

static bool view_equals(struct comparison *c, struct view *v)
{
	struct span stream = view_stream(v), part = {0};
	const uint8_t *at = memchr(stream.data, '@', stream.len);
	char prefix[300];
	size_t n = 0, base = at ? (size_t)(at - stream.data) : stream.len;
	if (at)
		part = (struct span){at + 1, stream.len - base - 1};
	if (!view_synced(v))
		return not_synced(c, stream);
	snprintf(prefix, sizeof prefix, "%.*s/", (int)base, (const char *)stream.data);
	const struct ledger *l = c->ledger;
	for (struct onode *it = ledger_first(l, prefix); it; it = ledger_next(it, prefix)) {
		const struct led_object *o = it->value;
		if (!has_part(o, part))
			continue;
		struct view_object *seen = view_get(v, o->key);
		n += seen != NULL;
		if ((!seen || seen->version != o->version) && !is_on_its_way(c, o->trail[0].at_us))
			return differs(c, stream, seen ? "has an old" : "lacks", o->key);
	}
	return n + count_soft(v) == view_count(v) || is_on_its_way(c, l->now_us) ||
	       differs(c, stream, "has what is gone", span_of(""));
}

static void compare_view(void *arg, struct view *v)
{
	struct comparison *c = arg;
	c->equal = c->equal && view_equals(c, v);
}

bool converged(struct sim *s, const struct cluster *cluster, const struct ledger *l,
	       struct err *why)
{
	struct comparison c = {l, sim_now_us(s), NULL, why, true};
	for (size_t i = 0; c.equal && i < cluster->cell_count; i++) {
		struct cell *cell = sim_cell(s, cluster->cells[i]);
		c.cell = cluster->cells[i];
		if (cell)
			cell_each_view(cell, compare_view, &c);
	}
	return c.equal;
}

/* ---- what node agents hold */

/* False: `each` said so. */
static bool each_held(struct sim *s, const struct cluster *cluster,
		      bool (*each)(void *arg, const char *node, struct span key, struct span uid), void *arg)
{
	bool good = true;
	for (size_t i = 0; good && i < cluster->actor_count; i++) {
		const struct cluster_actor *a = &cluster->actors[i];
		struct cell *cell = a->node ? sim_cell(s, a->cell) : NULL;
		const void *state = cell ? cell_actor_state(cell, a->name) : NULL;
		struct buf b = {0};
		struct mp list;
		size_t n = 0, places;
		if (!state)
			continue;
		a->spec->inspect(state, &b);
		if (!mp_find(mp_of(span_buf(&b)), "held", &list) || mp_array(&list, &n))
			n = 0;
		for (; good && n > 0; n--) {
			struct span key = {0}, uid = {0};
			good = mp_array(&list, &places) == 0;
			if (mp_str(&list, &key))
				mp_skip(&list);
			mp_str(&list, &uid);
			good = good && each(arg, a->node, key, uid);
		}
		buf_fini(&b);
	}
	return good;
}

static bool is_no_orphan(void *arg, const char *node, struct span key, struct span uid)
{
	struct comparison *c = arg;
	const struct led_object *o = key.len ? omap_get(&c->ledger->objects, key) : NULL;
	if (o && o->pod.node && strcmp(o->pod.node->name, node) == 0 && span_eq(o->uid, uid))
		return true;
	err_set(c->why, ERR_AGAIN, "node %s holds pod %.*s of uid %.*s, and the store has %s", node, (int)key.len,
		(const char *)key.data, (int)uid.len, (const char *)uid.data,
		!o ? "none" : !span_eq(o->uid, uid) ? "another of that name" : "it on another node");
	return false;
}

bool no_orphans(struct sim *s, const struct cluster *cluster, const struct ledger *l, struct err *why)
{
	struct comparison c = {l, sim_now_us(s), NULL, why, true};
	return each_held(s, cluster, is_no_orphan, &c);
}

struct identities {
	struct omap nodes; /* key -> the node that holds it */
	struct err *why;
};

static bool is_single(void *arg, const char *node, struct span key, struct span uid)
{
	struct identities *h = arg;
	const char *other = key.len ? omap_get(&h->nodes, key) : NULL;
	(void)uid;
	if (key.len)
		omap_put(&h->nodes, key, (void *)(uintptr_t)node);
	if (!other || strcmp(other, node) == 0)
		return true;
	err_set(h->why, ERR_CONFLICT, "nodes %s and %s both hold %.*s", other, node, (int)key.len,
		(const char *)key.data);
	return false;
}

bool one_identity(struct sim *s, const struct cluster *cluster, struct err *why)
{
	struct identities h = {.why = why};
	bool good = each_held(s, cluster, is_single, &h);
	omap_fini(&h.nodes, NULL);
	return good;
}
