#include "actors/objects/managed.h"

#include <string.h>

#include "actors/objects/fields.h"
#include "actors/objects/meta.h"
#include "broker/base/sort.h"

enum { MANAGER_BYTES_MAX = 128 };

const struct schema_type *managed_type(const struct write *w)
{
	return w->r->stored ? w->r->stored->type : w->r->type;
}

/* The word before the version of whoever names no manager; an actor's name. */
const char *managed_manager(struct write *w)
{
	struct span m = w->req->field_manager;
	if (!m.len)
		m = w->req->origin.principal;
	if (m.len > MANAGER_BYTES_MAX)
		m.len = MANAGER_BYTES_MAX;
	return m.len ? arena_ndup(w->a, m.data, m.len) : "unknown";
}

/* ---- what may be owned */

/* `set` is this write's own and is changed. */
struct doc *managed_strip(struct write *w, struct doc *set)
{
	static const char *const meta[] = {"f:name",
					   "f:namespace",
					   "f:creationTimestamp",
					   "f:selfLink",
					   "f:uid",
					   "f:generation",
					   "f:managedFields",
					   "f:resourceVersion",
					   "f:deletionTimestamp",
					   "f:deletionGracePeriodSeconds",
					   "."};
	bool status = strcmp(w->req->subresource, "status") == 0;
	struct doc *m = doc_get(set, "f:metadata"), *its = doc_get(set, "f:status");
	if (!set)
		return NULL;
	for (size_t i = 0; i < sizeof meta / sizeof *meta; i++)
		doc_remove(m, meta[i]);
	if (m && !m->count)
		doc_remove(set, "f:metadata");
	doc_remove(set, "f:apiVersion");
	doc_remove(set, "f:kind");
	bool apart = schema_subresource(w->r, span_of("status")) != NULL;
	if (apart && !status) {
		doc_remove(set, "f:status");
	} else if (apart && status) {
		set = its ? doc_new(w->a, DOC_MAP) : NULL;
		if (its)
			doc_set(w->a, set, "f:status", doc_copy(w->a, its));
	}
	return set && set->count ? set : NULL;
}

/* ---- entries */

/* Unpacked when somebody wants to see it. */
struct doc *managed_set(struct arena *a, struct doc *entry)
{
	struct doc *set = doc_get(entry, "fieldsV1");
	if (doc_is(set, DOC_PACKED)) {
		struct doc *open;
		if (doc_from_packed(a, set->text, &open, NULL))
			return NULL;
		set = doc_set(a, entry, "fieldsV1", open);
	}
	return doc_is(set, DOC_MAP) ? set : NULL;
}

/* Stored packed, so that who reads an object passes over it in one step. */
static void pack(struct arena *a, struct doc *entry)
{
	struct doc *set = doc_get(entry, "fieldsV1"), *packed;
	struct buf b = {0};
	if (!doc_is(set, DOC_MAP))
		return;
	doc_to_packed(&b, set);
	packed = doc_new(a, DOC_PACKED);
	packed->text = (struct span){(uint8_t *)arena_ndup(a, b.data, b.len), b.len};
	doc_set(a, entry, "fieldsV1", packed);
	buf_fini(&b);
}

static bool is_entry(const struct write *w, const struct doc *e, const char *manager,
		     const char *operation)
{
	return span_is(doc_get_str(e, "manager"), manager) &&
	       span_is(doc_get_str(e, "operation"), operation) &&
	       span_is(doc_get_str(e, "subresource"), w->req->subresource);
}

struct doc *managed_own(struct write *w, const struct doc *entries, const char *operation)
{
	const char *manager = managed_manager(w);
	DOC_EACH(e, entries)
	{
		if (is_entry(w, e, manager, operation))
			return e;
	}
	return NULL;
}

struct doc *managed_others(struct write *w, const struct doc *entries, const struct doc *own)
{
	struct doc *all = NULL;
	DOC_EACH(e, entries)
	{
		if (e != own)
			all = fields_union(w->a, all, managed_set(w->a, e));
	}
	return all;
}

/* In the order of Kubernetes' entries. */
static struct doc *new_entry(struct write *w, const char *manager, const char *operation,
			     struct doc *set)
{
	struct doc *e = doc_new(w->a, DOC_MAP);
	const struct schema_resource *r = w->r->stored ? w->r->stored : w->r;
	doc_set_str(w->a, e, "manager", manager);
	doc_set_str(w->a, e, "operation", operation);
	doc_set_str(w->a, e, "apiVersion", schema_api_version(r, w->a));
	doc_set_str(w->a, e, "time", w->now);
	doc_set_str(w->a, e, "fieldsType", "FieldsV1");
	doc_set(w->a, e, "fieldsV1", set);
	if (*w->req->subresource)
		doc_set_str(w->a, e, "subresource", w->req->subresource);
	return e;
}

/* [{}] is how somebody says that nobody shall own anything. */
static bool is_reset(const struct doc *list)
{
	return doc_is(list, DOC_ARRAY) && list->count == 1 && doc_is(list->first, DOC_MAP) &&
	       !doc_get_str(list->first, "manager").len && !doc_get(list->first, "fieldsV1");
}

static bool is_list_of_entries(struct arena *a, const struct doc *list)
{
	if (!doc_is(list, DOC_ARRAY) || !list->count)
		return false;
	DOC_EACH(e, list)
	{
		struct span op = doc_get_str(e, "operation");
		if (!doc_get_str(e, "manager").len || (!managed_set(a, e)) ||
		    (!span_is(op, "Apply") && !span_is(op, "Update")))
			return false;
	}
	return true;
}

struct doc *managed_entries(struct write *w)
{
	const struct doc *was = w->old ? doc_get(meta_of(w->old), "managedFields") : NULL;
	if (w->old && is_reset(w->given_fields))
		return doc_new(w->a, DOC_ARRAY);
	if (w->old && is_list_of_entries(w->a, w->given_fields))
		return doc_copy(w->a, w->given_fields);
	return doc_is(was, DOC_ARRAY) ? doc_copy(w->a, was) : doc_new(w->a, DOC_ARRAY);
}

/* Kubernetes' order: applies first, then by time, manager, subresource. */
static int by_age(const void *x, const void *y, void *arg)
{
	static const char *const fields[] = {"operation", "time", "manager", "subresource"};
	const struct doc *a = *(const struct doc *const *)x, *b = *(const struct doc *const *)y;
	(void)arg;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		int order = span_cmp(doc_get_str(a, fields[i]), doc_get_str(b, fields[i]));
		if (order)
			return order;
	}
	return 0;
}

static void sort_entries(struct arena *a, struct doc *list)
{
	struct doc **all = arena_alloc(a, list->count * sizeof *all);
	size_t n = 0;
	DOC_EACH(e, list)
	all[n++] = e;
	sort_stable(all, n, sizeof *all, by_age, NULL);
	doc_refill(list, all, n);
}

/* Whether a set may have a member in common with another one: they do not when
 * they have no field of the object in common. Said without unpacking it. */
static bool may_meet(const struct doc *set, const struct doc *lost)
{
	struct mp m;
	size_t n;
	if (!doc_is(set, DOC_PACKED))
		return true;
	m = mp_of(set->text);
	if (mp_map(&m, &n) || n == 0)
		return true;
	for (; n > 0; n--) {
		struct span key;
		if (mp_packed_key(&m, &key) || span_is(key, ".") || doc_get_span(lost, key) || mp_skip(&m))
			return true;
	}
	return false;
}

/* Takes what was lost out of an entry; false: nothing is left of it. */
static bool lose(struct write *w, struct doc *entry, const struct doc *lost)
{
	if (!lost || !may_meet(doc_get(entry, "fieldsV1"), lost) || !fields_meet(managed_set(w->a, entry), lost))
		return true;
	struct doc *rest = fields_minus(w->a, managed_set(w->a, entry), lost);
	if (rest)
		doc_set(w->a, entry, "fieldsV1", rest);
	return rest != NULL;
}

/* Puts the entries into w->obj: `own` becomes `set`, the others lose `lost`. */
static void put_entries(struct write *w, struct doc *entries, struct doc *own,
			const char *operation, struct doc *set, const struct doc *lost)
{
	struct doc *list = doc_new(w->a, DOC_ARRAY), *mine = NULL;
	if (set && own && (set == managed_set(w->a, own) || doc_equal(managed_set(w->a, own), set)))
		mine = own; /* with the time of its last change */
	else if (set)
		mine = new_entry(w, managed_manager(w), operation, set);
	for (struct doc *e = entries->first, *next; e; e = next) {
		next = e->next;
		doc_detach(entries, e);
		if (e == own && mine)
			doc_add(list, mine);
		if (e != own && lose(w, e, lost))
			doc_add(list, e);
	}
	if (mine && !own)
		doc_add(list, mine);
	if (list->count > 1)
		sort_entries(w->a, list);
	DOC_EACH(e, list)
	pack(w->a, e);
	put_or_remove(w, meta_of(w->obj), "managedFields", list->count ? list : NULL);
}

/* ---- writes that are no apply */

static bool is_tracked(const struct write *w)
{
	/* Events come by the thousand and nobody applies them. */
	return managed_type(w) && strcmp(w->r->resource, "events") != 0;
}

/* Of a write that touches the status alone, or all but the status. */
static struct fields_diff what_changed(struct write *w)
{
	const struct schema_type *type = managed_type(w);
	const struct schema_field *f = schema_field(type, span_of("status"));
	if (!w->s->status || strcmp(w->req->subresource, "status") != 0 || !f || !w->old)
		return fields_compare(w->a, type, w->old, w->obj);
	return fields_compare_in(w->a, f, doc_get(w->old, "status"), doc_get(w->obj, "status"));
}

void managed_write(struct write *w)
{
	if (!is_tracked(w))
		return;
	if (w->apply) {
		put_entries(w, w->apply->entries, w->apply->own, "Apply", w->apply->set,
			    w->apply->lost);
		return;
	}
	struct doc *entries = managed_entries(w), *own = managed_own(w, entries, "Update");
	/* The lists themselves are no fields of anybody. */
	doc_remove(meta_of(w->obj), "managedFields");
	struct fields_diff d = what_changed(w);
	d.changed = managed_strip(w, d.changed);
	struct doc *set = own ? managed_set(w->a, own) : NULL;
	bool others = entries->count > (own != NULL);
	struct doc *lost = others ? fields_union(w->a, d.changed, d.removed) : NULL;
	if (!set)
		set = d.changed;
	else if (!fields_within(d.changed, set))
		set = fields_union(w->a, set, d.changed);
	if (fields_meet(set, d.removed))
		set = fields_minus(w->a, set, d.removed);
	put_entries(w, entries, own, "Update", set, lost);
}
