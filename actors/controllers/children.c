#include "actors/controllers/children.h"

#include <stdio.h>
#include <string.h>

#include "actors/schema/selectors.h"
#include "broker/base/omap.h"

void children_init(struct ctx *c, struct reconciler *r, struct children *ch,
		   const struct children_spec *spec)
{
	ch->spec = spec;
	ch->owners = reconcile_resource(r, spec->owner_stream);
	ch->resource = reconcile_resource(r, spec->stream);
	ch->owner_view = reconcile_view(r, span_of(spec->owner_stream));
	ch->view = reconcile_view(r, span_of(spec->stream));
	ch->index = ctx_index(c, ch->view, spec->index);
}

bool children_selects(const struct children_spec *spec, struct mp owner, struct mp labels)
{
	struct mp selector = {0};
	mp_path(owner, "spec.selector", &selector);
	if (!spec->plain_selector)
		return label_object_match(selector, labels);
	return selector.p && label_map_match(selector, labels);
}

/* ---- which owners a child is about */

static void want(struct ctx *c, struct reconciler *r, const struct children *ch,
		 struct span namespace, struct span name)
{
	struct buf b = {0};
	schema_key(&b, ch->owners, namespace, name);
	if (reconcile_get(r, span_buf(&b)))
		reconcile_want(c, r, span_buf(&b));
	buf_fini(&b);
}

/* Nobody's child: whoever selects it may want it. */
static void want_selecting(struct ctx *c, struct reconciler *r, const struct children *ch,
			   struct mp child)
{
	struct mp labels = {0};
	struct objects_in it = objects_in(ch->owner_view, ch->owners, object_namespace(child));
	mp_path(child, "metadata.labels", &labels);
	while (objects_next(&it))
		if (children_selects(ch->spec, it.object, labels))
			reconcile_want(c, r, it.key);
}

void children_want_owner(struct ctx *c, struct reconciler *r, const struct children *ch,
			 const struct view_object *o)
{
	struct owner_ref ref;
	if (!o)
		return;
	struct mp child = object_of(o);
	if (!owners_controller(child, &ref))
		want_selecting(c, r, ch, child);
	else if (span_is(ref.kind, ch->spec->owner_kind))
		want(c, r, ch, object_namespace(child), ref.name);
}

bool children_changed(struct ctx *c, struct reconciler *r, const struct children *ch,
		      const struct view_change *v)
{
	if (v->view != ch->view)
		return false;
	children_want_owner(c, r, ch, v->was);
	children_want_owner(c, r, ch, v->now);
	return true;
}

/* ---- finding them */

void child_read(struct child *out, const struct view_object *o)
{
	struct owner_ref ref;
	struct mp m = object_of(o);
	*out = (struct child){
		.namespace = object_namespace(m),
		.name = object_name(m),
		.uid = object_uid(m),
		.version = o->version,
		.created_us = object_time_us(m, "metadata.creationTimestamp"),
		.deleting = object_is_deleting(m),
	};
	mp_path(m, "metadata.labels", &out->labels);
	if (owners_controller(m, &ref))
		out->controller = ref.uid;
}

struct gather {
	const struct children *ch;
	struct mp owner;
	struct span uid;
	uint8_t *list;
	size_t bytes, count;
	bool orphans; /* only those that are selected */
	struct span labels; /* of the one before, as a rule those of all */
	bool selected;
};

static bool is_selected(struct gather *g, struct mp labels)
{
	struct mp m = labels;
	struct span raw = {0};
	bool any = labels.p && mp_raw(&m, &raw) == 0;
	if (any && g->labels.len && span_eq(raw, g->labels))
		return g->selected;
	g->selected = children_selects(g->ch->spec, g->owner, labels);
	g->labels = any ? raw : (struct span){0};
	return g->selected;
}

static int gather_one(void *arg, const struct view_found *found)
{
	struct gather *g = arg;
	const struct child *facts = found->facts;
	bool selected = is_selected(g, facts->labels);
	if (g->orphans && !selected)
		return 0;
	struct child *child = (struct child *)(g->list + g->count * g->bytes);
	memcpy(child, facts, g->bytes);
	child->key = found->key;
	child->owned = child->controller.len && span_eq(child->controller, g->uid);
	child->selected = selected;
	g->count++;
	return 0;
}

static int count_one(void *count, const struct view_found *found)
{
	(void)found;
	++*(size_t *)count;
	return 0;
}

void *children_gather(const struct children *ch, struct arena *a, struct mp owner, size_t *count)
{
	char text[300];
	struct span ns = object_namespace(owner);
	struct gather g = {.ch = ch,
			   .owner = owner,
			   .uid = object_uid(owner),
			   .bytes = ch->spec->index->facts_bytes};
	size_t most = 0;
	snprintf(text, sizeof text, "in/%.*s", (int)ns.len, (const char *)ns.data);
	struct span orphans = span_of(text);
	view_index_each(ch->index, g.uid, count_one, &most);
	view_index_each(ch->index, orphans, count_one, &most);
	g.list = arena_alloc(a, most * g.bytes);
	view_index_each(ch->index, g.uid, gather_one, &g);
	g.orphans = true;
	view_index_each(ch->index, orphans, gather_one, &g);
	*count = g.count;
	return g.list;
}

static int is_leaving(void *arg, const struct view_found *found)
{
	(void)arg;
	return ((const struct child *)found->facts)->deleting;
}

bool children_leave(const struct children *ch, struct span owner_uid)
{
	return view_index_each(ch->index, owner_uid, is_leaving, NULL) != 0;
}

/* ---- writes */

static void rest_on(struct reconciler *r, struct reconcile_item *i, struct reconcile_action *x,
		    struct span owner_key, const struct child *child)
{
	struct arena *a = reconcile_arena(i);
	struct store_compare *basis = arena_alloc(a, 2 * sizeof *basis);
	basis[0] = reconcile_basis(r, object_copy(a, owner_key));
	if (child)
		basis[1] = (struct store_compare){.key = object_copy(a, child->key),
						  .field = STORE_MOD,
						  .number = child->version};
	x->basis = basis;
	x->basis_count = child ? 2 : 1;
}

struct reconcile_action *children_create(struct reconciler *r, struct reconcile_item *i,
					 const struct children *ch, struct span owner_key,
					 struct span namespace)
{
	struct reconcile_action *x =
		reconcile_add(i, OBJ_CREATE, ch->resource,
			      object_copy(reconcile_arena(i), namespace), (struct span){0});
	rest_on(r, i, x, owner_key, NULL);
	return x;
}

struct reconcile_action *children_act(struct reconciler *r, struct reconcile_item *i,
				      const struct children *ch, struct span owner_key,
				      const struct child *child, enum obj_verb verb)
{
	struct arena *a = reconcile_arena(i);
	struct reconcile_action *x =
		reconcile_add(i, verb, ch->resource, object_copy(a, child->namespace),
			      object_copy(a, child->name));
	x->uid = object_copy(a, child->uid);
	rest_on(r, i, x, owner_key, child);
	return x;
}

/* A patch of the references of just this incarnation of the child. */
static void put_references(struct arena *a, struct reconcile_action *x, struct doc *list)
{
	x->body = doc_new(a, DOC_MAP);
	struct doc *m = doc_set(a, x->body, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, m, "uid", doc_span(a, x->uid));
	doc_set(a, m, "ownerReferences", list);
}

void children_adopt(struct reconciler *r, struct reconcile_item *i, const struct children *ch,
		    struct span owner_key, const struct child *child)
{
	struct arena *a = reconcile_arena(i);
	struct reconcile_action *x =
		children_act(r, i, ch, owner_key, child, OBJ_PATCH_STRATEGIC);
	struct doc *list = doc_new(a, DOC_ARRAY);
	doc_add(list, owners_new_ref(a, object_of(reconcile_get(r, owner_key))));
	put_references(a, x, list);
}

void children_release(struct reconciler *r, struct reconcile_item *i, const struct children *ch,
		      struct span owner_key, const struct child *child)
{
	struct arena *a = reconcile_arena(i);
	struct mp owner = object_of(reconcile_get(r, owner_key));
	struct doc *rest =
		owners_without(a, object_of(reconcile_get(r, child->key)), object_uid(owner));
	if (rest)
		put_references(a, children_act(r, i, ch, owner_key, child, OBJ_PATCH_MERGE), rest);
}
