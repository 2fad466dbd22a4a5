/* Each is found by the labels of its pods, so that a new one is compared with
 * those alone that have one of its labels, however many there are. Those that
 * belong to another one (a deployment's replica sets) speak for themselves
 * through it. After a restart it is said again, and counted. */
#include "actors/controllers/selector_overlap.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/controllers/owners.h"
#include "actors/controllers/reconcile.h"
#include "actors/schema/selectors.h"
#include "broker/base/mem.h"

static const char *const streams[] = {"replicationcontrollers", "replicasets.apps", "deployments.apps",
				      "statefulsets.apps", "daemonsets.apps", NULL};
enum { STREAMS = sizeof streams / sizeof *streams - 1, UNDER_MAX = 600, NAMED_MAX = 3 };

static const char labels_at[] = "spec.template.metadata.labels";

struct state {
	struct reconciler r; /* first */
	struct view_index *indexes[STREAMS];
};

/* ---- what it is found under: its namespace, and that with each label */

static void put_under(struct span namespace, struct span key, struct span value,
		      void (*put)(void *arg, struct span under), void *arg)
{
	char text[UNDER_MAX];
	int n = snprintf(text, sizeof text, "%.*s/%.*s=%.*s", (int)namespace.len, (const char *)namespace.data,
			 (int)key.len, (const char *)key.data, (int)value.len, (const char *)value.data);
	if (n > 0 && (size_t)n < sizeof text)
		put(arg, (struct span){(const uint8_t *)text, (size_t)n});
}

/* The first pair of a map of labels, or all. */
static bool each_label(struct mp object, const char *path, bool first,
		       void (*put)(void *arg, struct span under), void *arg)
{
	struct mp map;
	struct span key, value;
	size_t n = 0;
	if (!mp_path(object, path, &map) || mp_map(&map, &n) || !n)
		return false;
	for (; n > 0 && !mp_str(&map, &key) && !mp_str(&map, &value); n = first ? 0 : n - 1)
		put_under(object_namespace(object), key, value, put, arg);
	return true;
}

static void keys(struct mp object, void (*put)(void *arg, struct span under), void *arg)
{
	struct owner_ref owner;
	if (owners_controller(object, &owner))
		return;
	put(arg, object_namespace(object));
	each_label(object, labels_at, false, put, arg);
}

static const struct view_index_spec by_labels = {.name = "template-labels", .keys = keys};

/* ---- who overlaps */

struct search {
	struct state *s;
	struct mp object;
	struct span key;
	void (*found)(struct search *x, const struct view_found *f);
	struct ctx *c;
	struct buf names;
	size_t count;
};

static bool is_plain(struct span key)
{
	return span_is(store_stream_of(key), streams[0]);
}

static bool selects(struct span key, struct mp object, struct mp other)
{
	struct mp selector, labels;
	if (!mp_path(object, "spec.selector", &selector) || !mp_path(other, labels_at, &labels))
		return false;
	return is_plain(key) ? label_map_match(selector, labels) : label_object_match(selector, labels);
}

static int look(void *arg, const struct view_found *f)
{
	struct search *x = arg;
	struct mp other = object_of(f->object);
	if (!span_eq(f->key, x->key) && !object_is_deleting(other) && selects(x->key, x->object, other)) {
		x->found(x, f);
		x->count++;
	}
	return 0;
}

static void look_under(void *arg, struct span under)
{
	struct search *x = arg;
	for (size_t i = 0; i < STREAMS; i++)
		view_index_each(x->s->indexes[i], under, look, x);
}

static void search(struct search *x)
{
	struct owner_ref owner;
	const char *path = is_plain(x->key) ? "spec.selector" : "spec.selector.matchLabels";
	if (!x->object.p || object_is_deleting(x->object) || owners_controller(x->object, &owner))
		return;
	if (!each_label(x->object, path, true, look_under, x))
		look_under(x, object_namespace(x->object)); /* it selects by expressions alone */
}

/* ---- what a change is about, and what is said */

static void want(struct search *x, const struct view_found *f)
{
	reconcile_want(x->c, &x->s->r, f->key);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct mp was = object_of(v->was), now = object_of(v->now);
	if (!now.p || (object_same_at(was, now, "spec.selector") && object_same_at(was, now, labels_at)))
		return;
	struct search others = {.s = (struct state *)r, .object = now, .key = v->key, .found = want, .c = c};
	search(&others);
	if (others.count)
		reconcile_want(c, r, v->key);
}

static void name(struct search *x, const struct view_found *f)
{
	struct mp other = object_of(f->object);
	struct span kind = mp_path_str(other, "kind"), called = object_name(other);
	if (x->count < NAMED_MAX)
		buf_printf(&x->names, "%s%.*s %.*s", x->count ? ", " : "", (int)kind.len, (const char *)kind.data,
			   (int)called.len, (const char *)called.data);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct search x = {.s = (struct state *)r, .object = object_of(reconcile_get(r, key)), .key = key, .found = name};
	(void)i;
	search(&x);
	if (x.count > NAMED_MAX)
		buf_printf(&x.names, " and %zu more", x.count - NAMED_MAX);
	if (x.count)
		reconcile_event(c, r, x.object, "Warning", "SelectorOverlap",
				"The selector also matches the pods of %s: they are not taken, and whoever looks for "
				"pods by these labels finds both", buf_text(&x.names));
	buf_fini(&x.names);
}

/* ---- life */

static const struct reconcile_spec spec = {
	.name = "selector-overlap-controller",
	.fence = "selector-overlap",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	for (size_t i = 0; i < STREAMS; i++)
		s->indexes[i] = ctx_index(c, s->r.views[i], &by_labels);
	return rc;
}

const struct actor_spec selector_overlap_actor = {
	.kind = "selector-overlap",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = reconcile_fini,
};
