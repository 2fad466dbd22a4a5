/* Strategic merge: like a merge patch, but lists whose elements have a key
 * are merged element by element.
 *
 * Directives: `$patch: delete|replace|merge` in a map or as an element;
 * `$retainKeys: [...]` clears the other keys of a map (unions); for a field
 * x, `$deleteFromPrimitiveList/x` takes values out of a list of scalars and
 * `$setElementOrder/x` orders the merged list: elements that it names stand
 * in its order, the server's others keep their places. */
#include "actors/objects/patch.h"

#include "broker/base/mem.h"

static const char delete_from[] = "$deleteFromPrimitiveList/";
static const char set_order[] = "$setElementOrder/";

static int merge_map(struct arena *a, struct doc *target, const struct doc *patch,
		     const struct schema_type *type, struct err *e);

static bool has_prefix(struct span s, const char *prefix, struct span *rest)
{
	size_t n = strlen(prefix);
	if (s.len < n || memcmp(s.data, prefix, n) != 0)
		return false;
	*rest = (struct span){s.data + n, s.len - n};
	return true;
}

static const struct schema_field *field_of(const struct schema_type *t, struct span name)
{
	return t && t->kind == SCHEMA_STRUCT ? schema_field(t, name) : NULL;
}

/* The type of what stands behind a key; maps have one for all. */
static const struct schema_type *child_type(const struct schema_type *t, struct span name)
{
	if (t && t->kind == SCHEMA_MAP)
		return t->elem;
	const struct schema_field *f = field_of(t, name);
	return f ? f->type : NULL;
}

static bool has_strategy(const struct schema_field *f, const char *word)
{
	const char *s = f ? schema_marks(f)->patch_strategy : NULL;
	size_t n = strlen(word);
	for (; s && *s; s = *s ? s + strcspn(s, ",") + (s[strcspn(s, ",")] == ',') : s)
		if (strncmp(s, word, n) == 0 && (s[n] == 0 || s[n] == ','))
			return true;
	return false;
}

/* ---- lists of maps */

static struct doc *find_element(const struct doc *list, const char *key, const struct doc *value)
{
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(d, list)
			if (doc_equal(doc_get(d, key), value))
				return d;
	return NULL;
}

static int merge_element(struct arena *a, struct doc *list, const struct doc *element,
			 const char *key, const struct schema_type *type, struct err *e)
{
	const struct doc *id = doc_get(element, key), *directive = doc_get(element, "$patch");
	if (!id)
		return err_set(e, ERR_INVALID, "map: %s does not contain declared merge key: %s",
			       "an element", key);
	struct doc *was = find_element(list, key, id);
	if (doc_str_is(directive, "delete")) {
		if (was)
			doc_detach(list, was);
		return 0;
	}
	if (!was || doc_str_is(directive, "replace")) {
		struct doc *now = doc_new(a, DOC_MAP);
		if (was)
			doc_replace(list, was, now);
		else
			doc_add(list, now);
		was = now;
	}
	return merge_map(a, was, element, type, e);
}

static int merge_list_of_maps(struct arena *a, struct doc *list, const struct doc *patch,
			      const struct schema_field *f, struct err *e)
{
	DOC_EACH(p, patch)
	if (doc_str_is(doc_get(p, "$patch"), "replace") &&
	    !doc_get(p, schema_marks(f)->patch_merge_key))
		doc_refill(list, NULL, 0);
	DOC_EACH(p, patch) {
		bool whole = doc_get(p, "$patch") && !doc_get(p, schema_marks(f)->patch_merge_key);
		if (whole)
			continue; /* the list's own directive */
		int rc = merge_element(a, list, p, schema_marks(f)->patch_merge_key, f->type->elem,
				       e);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- lists of scalars */

static bool holds(const struct doc *list, const struct doc *value)
{
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(d, list)
			if (doc_equal(d, value))
				return true;
	return false;
}

static void merge_scalars(struct arena *a, struct doc *list, const struct doc *patch)
{
	DOC_EACH(p, patch)
		if (!holds(list, p))
			doc_add(list, doc_copy(a, p));
}

static void remove_scalars(struct doc *list, const struct doc *gone)
{
	if (!doc_is(list, DOC_ARRAY))
		return;
	for (struct doc *d = list->first, *next; d; d = next) {
		next = d->next;
		if (holds(gone, d))
			doc_detach(list, d);
	}
}

/* ---- order */

static const struct doc *order_of(const struct doc *order, const struct doc *element,
				  const char *key)
{
	DOC_EACH(o, order) {
		bool same = key ? doc_equal(doc_get(o, key), doc_get(element, key)) &&
					  doc_get(o, key)
				: doc_equal(o, element);
		if (same)
			return o;
	}
	return NULL;
}

/* Elements that the order names, in its order; the others stay where they are. */
static void reorder(struct arena *a, struct doc *list, const struct doc *order, const char *key)
{
	if (!doc_is(list, DOC_ARRAY) || list->count < 2)
		return;
	struct doc **sorted = arena_alloc(a, list->count * sizeof *sorted);
	size_t n = 0;
	DOC_EACH(o, order)
		DOC_EACH(d, list)
			if (order_of(order, d, key) == o)
				sorted[n++] = d;
	struct doc **all = arena_alloc(a, list->count * sizeof *all);
	size_t count = 0, next = 0;
	DOC_EACH(d, list) {
		if (!order_of(order, d, key))
			all[count++] = d;
		else
			all[count++] = sorted[next++];
	}
	doc_refill(list, all, count);
}

/* ---- maps */

static void retain_keys(struct doc *target, const struct doc *keys)
{
	if (!doc_is(keys, DOC_ARRAY))
		return;
	for (struct doc *d = target->first, *next; d; d = next) {
		struct doc key = {.type = DOC_STR, .text = d->key};
		next = d->next;
		if (!holds(keys, &key))
			doc_detach(target, d);
	}
}

/* A child that the target lacks still passes the merge, so that directives
 * inside do not get stored. */
static int merge_child(struct arena *a, struct doc *target, const struct doc *p,
		       const struct schema_type *type, struct err *e)
{
	const struct schema_field *f = field_of(type, p->key);
	struct doc *was = doc_get_span(target, p->key);
	bool to_list = p->type == DOC_ARRAY && has_strategy(f, "merge");
	if (p->type == DOC_MAP) {
		bool fresh = !doc_is(was, DOC_MAP);
		if (fresh || has_strategy(f, "replace"))
			was = doc_set_span(a, target, p->key, doc_new(a, DOC_MAP));
		return merge_map(a, was, p, child_type(type, p->key), e);
	}
	if (!to_list) {
		doc_set_span(a, target, p->key, doc_copy(a, p));
		return 0;
	}
	if (!doc_is(was, DOC_ARRAY))
		was = doc_set_span(a, target, p->key, doc_new(a, DOC_ARRAY));
	if (schema_marks(f)->patch_merge_key)
		return merge_list_of_maps(a, was, p, f, e);
	merge_scalars(a, was, p);
	return 0;
}

static void apply_orders(struct arena *a, struct doc *target, const struct doc *patch,
			 const struct schema_type *type)
{
	struct span name;
	DOC_EACH(p, patch) {
		if (!has_prefix(p->key, set_order, &name) || p->type != DOC_ARRAY)
			continue;
		const struct schema_field *f = field_of(type, name);
		reorder(a, doc_get_span(target, name), p,
			f ? schema_marks(f)->patch_merge_key : NULL);
	}
}

static int merge_map(struct arena *a, struct doc *target, const struct doc *patch,
		     const struct schema_type *type, struct err *e)
{
	const struct doc *directive = doc_get(patch, "$patch");
	struct span name;
	if (doc_str_is(directive, "replace") || doc_str_is(directive, "delete"))
		doc_refill(target, NULL, 0);
	if (doc_str_is(directive, "delete"))
		return 0;
	if (directive && !doc_str_is(directive, "replace") && !doc_str_is(directive, "merge"))
		return err_set(e, ERR_INVALID, "unknown patch type found");
	retain_keys(target, doc_get(patch, "$retainKeys"));
	DOC_EACH(p, patch) {
		int rc = 0;
		if (has_prefix(p->key, delete_from, &name))
			remove_scalars(doc_get_span(target, name), p);
		else if (p->key.len && p->key.data[0] == '$')
			continue;
		else if (p->type == DOC_NULL) {
			struct doc *was = doc_get_span(target, p->key);
			if (was)
				doc_detach(target, was);
		} else
			rc = merge_child(a, target, p, type, e);
		if (rc)
			return rc;
	}
	apply_orders(a, target, patch, type);
	return 0;
}

int patch_strategic(struct arena *a, struct doc *target, const struct doc *patch,
		    const struct schema_type *type, struct err *e)
{
	if (!doc_is(patch, DOC_MAP))
		return err_set(e, ERR_INVALID, "a strategic merge patch is an object");
	if (!doc_is(target, DOC_MAP))
		return err_set(e, ERR_INVALID, "only an object can be merged into");
	return merge_map(a, target, patch, type, e);
}
