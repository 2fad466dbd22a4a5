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
	if (!was)
		was = doc_add(list, doc_new(a, DOC_MAP));
	return merge_map(a, was, element, type, e);
}

/* Wherever it stands, the word replaces the whole list by the elements that
 * do not say it. */
static bool is_replaced(const struct doc *patch)
{
	DOC_EACH(p, patch)
		if (doc_str_is(doc_get(p, "$patch"), "replace"))
			return true;
	return false;
}

static int merge_list_of_maps(struct arena *a, struct doc *list, const struct doc *patch,
			      const struct schema_field *f, struct err *e)
{
	bool replaced = is_replaced(patch);
	if (replaced)
		doc_refill(list, NULL, 0);
	DOC_EACH(p, patch) {
		if (replaced && doc_get(p, "$patch"))
			continue;
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

static bool same_element(const struct doc *a, const struct doc *b, const char *key)
{
	return key ? doc_get(a, key) && doc_equal(doc_get(a, key), doc_get(b, key))
		   : doc_equal(a, b);
}

/* The place of an element in a list; -1: it is not there. */
static int place_in(const struct doc *list, const struct doc *element, const char *key)
{
	int i = 0;
	DOC_EACH(d, list)
	{
		if (same_element(d, element, key))
			return i;
		i++;
	}
	return -1;
}

/* What the order names, in its order, is merged with the others in theirs. Of
 * two that were there before (`was`) the former comes first; what is new comes
 * before the others. */
static void arrange(struct arena *a, struct doc *list, const struct doc *order,
		    const struct doc *was, const char *key)
{
	struct doc **left, **right, **all;
	size_t n = 0, left_count = 0, right_count = 0, i = 0, j = 0;
	if (!doc_is(list, DOC_ARRAY) || list->count < 2)
		return;
	left = arena_alloc(a, list->count * sizeof *left);
	right = arena_alloc(a, list->count * sizeof *right);
	all = arena_alloc(a, list->count * sizeof *all);
	DOC_EACH(o, order)
	DOC_EACH(d, list)
	if (same_element(o, d, key) && left_count < list->count)
		left[left_count++] = d;
	DOC_EACH(d, list)
	if (place_in(order, d, key) < 0)
		right[right_count++] = d;
	if (left_count + right_count != list->count)
		return; /* an element is named twice: it has no place */
	while (i < left_count && j < right_count) {
		int l = place_in(was, left[i], key), r = place_in(was, right[j], key);
		all[n++] = l >= 0 && r >= 0 && r < l ? right[j++] : left[i++];
	}
	while (i < left_count)
		all[n++] = left[i++];
	while (j < right_count)
		all[n++] = right[j++];
	doc_refill(list, all, n);
}

/* Whether the order names what the patch brings, in the same order. */
static bool is_ordered(const struct doc *patch, const struct doc *order, const char *key)
{
	int last = -1;
	DOC_EACH(p, patch) {
		int place = place_in(order, p, key);
		if (doc_get(p, "$patch"))
			continue;
		if (place <= last)
			return false;
		last = place;
	}
	return true;
}

/* The order that a patch gives for one of its lists, or NULL. */
static const struct doc *given_order(const struct doc *patch, struct span field)
{
	struct span name;
	DOC_EACH(p, patch)
	if (p->type == DOC_ARRAY && has_prefix(p->key, set_order, &name) && span_eq(name, field))
		return p;
	return NULL;
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
static int merge_child(struct arena *a, struct doc *target, const struct doc *patch,
		       const struct doc *p, const struct schema_type *type, struct err *e)
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
	const struct doc *before = doc_copy(a, was), *order = given_order(patch, p->key);
	const char *key = schema_marks(f)->patch_merge_key;
	int rc = 0;
	if (order && !is_ordered(p, order, key))
		return err_set(e, ERR_INVALID,
			       "the elements of %.*s are not, or not so, in its "
			       "$setElementOrder",
			       (int)p->key.len, (const char *)p->key.data);
	if (key)
		rc = merge_list_of_maps(a, was, p, f, e);
	else
		merge_scalars(a, was, p);
	arrange(a, was, order ? order : p, before, key);
	return rc;
}

static void apply_orders(struct arena *a, struct doc *target, const struct doc *patch,
			 const struct schema_type *type)
{
	struct span name;
	DOC_EACH(p, patch)
	{
		if (!has_prefix(p->key, set_order, &name) || p->type != DOC_ARRAY)
			continue;
		/* With its list it is looked at when that is merged. */
		const struct schema_field *f = field_of(type, name);
		struct doc *list = doc_get_span(target, name);
		if (!doc_get_span(patch, name))
			arrange(a, list, p, list ? doc_copy(a, list) : NULL,
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
	DOC_EACH(p, patch)
	{
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
			rc = merge_child(a, target, patch, p, type, e);
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
