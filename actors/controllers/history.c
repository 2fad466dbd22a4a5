#include "actors/controllers/history.h"

#include "actors/controllers/revision.h"
#include "broker/base/sort.h"

static void read_facts(const struct view_object *o, void *facts)
{
	struct revision *v = facts;
	struct mp m = object_of(o), template = {0};
	mp_path(m, "data.spec.template", &template);
	*v = (struct revision){
		.digest = revision_digest(template),
		.number = mp_path_int(m, "revision", 0),
		.hash = object_label(m, HISTORY_HASH),
	};
	child_read(&v->child, o);
}

const struct view_index_spec revision_index = {
	.name = "revision",
	.keys = owners_controller_keys,
	.facts_bytes = sizeof(struct revision),
	.facts = read_facts,
};

static int by_number(const void *x, const void *y, void *arg)
{
	const struct revision *a = x, *b = y;
	(void)arg;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return span_cmp(a->child.name, b->child.name);
}

static uint64_t template_digest(struct mp owner)
{
	struct mp template = {0};
	mp_path(owner, "spec.template", &template);
	return revision_digest(template);
}

void history_read(struct history *h, struct reconciler *r, struct reconcile_item *i,
		  const struct children *ch, struct span owner_key, struct mp owner)
{
	size_t n, own = 0;
	uint64_t digest = template_digest(owner);
	struct revision *list = children_gather(ch, reconcile_arena(i), owner, &n);
	for (size_t k = 0; k < n; k++) {
		if (list[k].child.owned)
			list[own++] = list[k];
		else if (!list[k].child.deleting && !object_is_deleting(owner))
			children_adopt(r, i, ch, owner_key, &list[k].child);
	}
	*h = (struct history){.list = list, .count = own};
	sort_stable(list, own, sizeof *list, by_number, NULL);
	for (size_t k = 0; k < own; k++)
		if (list[k].digest == digest && !list[k].child.deleting)
			h->now = &list[k]; /* the latest of equal ones */
}

/* ---- the one of now */

static void sort_all_keys(struct arena *a, struct doc *d)
{
	if (!doc_is(d, DOC_MAP) && !doc_is(d, DOC_ARRAY))
		return;
	if (doc_is(d, DOC_MAP))
		doc_sort_keys(a, d);
	DOC_EACH (x, d)
		sort_all_keys(a, x);
}

/* A patch that brings the template back. Clients (kubectl's undo, client-go)
 * make one of the owner's template and compare bytes: keys in order, and a
 * time that Go had written as null before it could leave it out. */
static struct doc *patch_of(struct arena *a, struct doc *template)
{
	struct doc *meta = doc_need_map(a, template, "metadata");
	if (meta)
		doc_default(a, meta, "creationTimestamp", doc_new(a, DOC_NULL));
	doc_set_str(a, template, "$patch", "replace");
	sort_all_keys(a, template);
	return template;
}

static struct doc *revision_body(struct arena *a, struct mp owner, const char *hash, int64_t number)
{
	struct doc *d = doc_new(a, DOC_MAP), *o = object_tree(a, owner);
	struct span name = object_name(owner);
	struct doc *template = doc_copy(a, doc_path(o, "spec.template"));
	doc_set_str(a, d, "apiVersion", "apps/v1");
	doc_set_str(a, d, "kind", "ControllerRevision");
	struct doc *meta = doc_set(a, d, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "name",
		doc_printf(a, "%.*s-%s", (int)name.len, (const char *)name.data, hash));
	const struct doc *labels = doc_path(template, "metadata.labels");
	struct doc *own = labels ? doc_copy(a, labels) : doc_new(a, DOC_MAP);
	doc_set_str(a, doc_set(a, meta, "labels", own), HISTORY_HASH, hash);
	const struct doc *annotations = doc_path(o, "metadata.annotations");
	if (annotations)
		doc_set(a, meta, "annotations", doc_copy(a, annotations));
	doc_add(doc_set(a, meta, "ownerReferences", doc_new(a, DOC_ARRAY)),
		owners_new_ref(a, owner));
	doc_path_set(a, d, "data.spec.template", patch_of(a, template));
	doc_set_int(a, d, "revision", number);
	return d;
}

static bool is_taken(struct reconciler *r, const struct children *ch, struct mp owner,
		     struct span name)
{
	struct buf b = {0};
	struct owner_ref ref;
	schema_key(&b, ch->resource, object_namespace(owner), name);
	struct mp there = object_of(reconcile_get(r, span_buf(&b)));
	buf_fini(&b);
	return there.p && (!object_is_deleting(there) || !owners_controller(there, &ref) ||
			   !span_eq(ref.uid, object_uid(owner)));
}

bool history_keep(const struct history *h, struct reconciler *r, struct reconcile_item *i,
		  const struct children *ch, struct span owner_key, struct mp owner, bool *collides)
{
	struct arena *a = reconcile_arena(i);
	int64_t highest = h->count ? h->list[h->count - 1].number : 0;
	*collides = false;
	if (h->now && h->now == &h->list[h->count - 1])
		return true;
	if (h->now) { /* it was had before: the latest again */
		struct reconcile_action *x = children_act(r, i, ch, owner_key, &h->now->child,
							  OBJ_PATCH_MERGE);
		x->body = doc_new(a, DOC_MAP);
		doc_set_int(a, x->body, "revision", highest + 1);
		return false;
	}
	char hash[REVISION_TEXT_MAX];
	revision_text(hash, template_digest(owner),
		      mp_path_int(owner, "status.collisionCount", 0));
	struct doc *body = revision_body(a, owner, arena_dup(a, hash), highest + 1);
	struct span name = doc_path_str(body, "metadata.name");
	if (is_taken(r, ch, owner, name)) {
		*collides = true;
		return false;
	}
	struct reconcile_action *x =
		children_create(r, i, ch, owner_key, object_namespace(owner));
	x->name = name;
	x->body = body;
	return false;
}

void history_forget(const struct history *h, struct reconciler *r, struct reconcile_item *i,
		    const struct children *ch, struct span owner_key, int64_t limit,
		    bool (*lives)(void *arg, const struct revision *v), void *arg)
{
	size_t old = 0;
	for (size_t k = 0; k < h->count; k++)
		old += &h->list[k] != h->now && !lives(arg, &h->list[k]);
	for (size_t k = 0; k < h->count && (int64_t)old > limit; k++) {
		const struct revision *v = &h->list[k];
		if (v == h->now || lives(arg, v))
			continue;
		old--;
		if (!v->child.deleting)
			children_act(r, i, ch, owner_key, &v->child, OBJ_DELETE);
	}
}
