#include "tools/chaos/converge.h"

#include <stdio.h>
#include <string.h>

#include "actors/runtime/view.h"

struct comparison {
	const struct ledger *ledger;
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
	err_set(c->why, ERR_AGAIN, "cell %s, view %.*s %s%s%.*s", c->cell, (int)stream.len,
		(const char *)stream.data, what, key.len ? " " : "", (int)key.len,
		(const char *)key.data);
	return false;
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
		return differs(c, stream, "is not synced", span_of(""));
	snprintf(prefix, sizeof prefix, "%.*s/", (int)base, (const char *)stream.data);
	const struct ledger *l = c->ledger;
	for (struct onode *it = ledger_first(l, prefix); it; it = ledger_next(it, prefix)) {
		const struct led_object *o = it->value;
		if (!has_part(o, part))
			continue;
		struct view_object *seen = view_get(v, o->key);
		n++;
		if (!seen || seen->version != o->version)
			return differs(c, stream, seen ? "has an old" : "lacks", o->key);
	}
	return n == view_count(v) || differs(c, stream, "has what is gone", span_of(""));
}

static void compare_view(void *arg, struct view *v)
{
	struct comparison *c = arg;
	c->equal = c->equal && view_equals(c, v);
}

bool converged(struct sim *s, const struct cluster *cluster, const struct ledger *l,
	       struct err *why)
{
	struct comparison c = {l, NULL, why, true};
	for (size_t i = 0; c.equal && i < cluster->cell_count; i++) {
		struct cell *cell = sim_cell(s, cluster->cells[i]);
		c.cell = cluster->cells[i];
		if (cell)
			cell_each_view(cell, compare_view, &c);
	}
	return c.equal;
}
