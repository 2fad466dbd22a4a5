/* Server-side apply: the body says which fields its manager wants and nothing
 * else. It is merged into what is there; what the manager wanted before, wants
 * no more and nobody else owns goes; what others own and would be changed is a
 * conflict, unless it is forced. */
#include <string.h>

#include "actors/objects/convert.h"
#include "actors/objects/fields.h"
#include "actors/objects/managed.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"

/* ---- merging: by the types, items by their keys */

static struct doc *merge(struct arena *a, const struct schema_field *f,
			 const struct schema_type *type, struct doc *live, const struct doc *want);

static void merge_map(struct arena *a, const struct schema_type *type, struct doc *live,
		      const struct doc *want)
{
	DOC_EACH(d, want)
	{
		const struct schema_field *f =
			type->kind == SCHEMA_STRUCT ? schema_field(type, d->key) : NULL;
		const struct schema_type *below = f ? f->type : type->elem;
		struct doc *is = doc_get_span(live, d->key);
		struct doc *now = below ? merge(a, f, below, is, d) : doc_copy(a, d);
		if (now != is)
			doc_set_span(a, live, d->key, now);
	}
}

static struct doc *item_of(struct arena *a, const struct schema_field *f, struct doc *list,
			   const char *name)
{
	DOC_EACH(d, list)
	{
		const char *other = fields_item(a, f, d);
		if (other && strcmp(other, name) == 0)
			return d;
	}
	return NULL;
}

static void merge_list(struct arena *a, const struct schema_field *f, struct doc *live,
		       const struct doc *want)
{
	DOC_EACH(d, want)
	{
		const char *name = fields_item(a, f, d);
		struct doc *is = name ? item_of(a, f, live, name) : NULL;
		if (!is)
			doc_add(live, doc_copy(a, d));
		else if (is->type == DOC_MAP)
			(void)merge(a, NULL, f->type->elem, is, d);
	}
}

static struct doc *merge(struct arena *a, const struct schema_field *f,
			 const struct schema_type *type, struct doc *live, const struct doc *want)
{
	bool same = live && live->type == want->type &&
		    (want->type == DOC_MAP || want->type == DOC_ARRAY);
	if (!same || fields_atomic(f, type))
		return doc_copy(a, want);
	if (want->type == DOC_MAP)
		merge_map(a, type, live, want);
	else
		merge_list(a, f, live, want);
	return live;
}

/* ---- pruning: members of `gone` that nobody of `kept` has a part of */

static void prune(struct arena *a, const struct schema_type *type, struct doc *value,
		  const struct schema_field *list, const struct doc *gone, const struct doc *kept);

static struct doc *child_of(struct arena *a, struct doc *value, const struct schema_field *list,
			    struct span step)
{
	struct span name = {step.data + 2, step.len - 2};
	if (step.data[0] == 'f')
		return doc_is(value, DOC_MAP) ? doc_get_span(value, name) : NULL;
	return doc_is(value, DOC_ARRAY) && list
		       ? item_of(a, list, value, arena_ndup(a, step.data, step.len))
		       : NULL;
}

static void prune_child(struct arena *a, const struct schema_type *type, struct doc *value,
			const struct schema_field *list, const struct doc *gone,
			const struct doc *kept)
{
	struct doc *child = child_of(a, value, list, gone->key);
	const struct schema_field *f = NULL;
	const struct schema_type *below = type->elem;
	if (!child)
		return;
	if (fields_member(gone) && !kept) {
		doc_detach(value, child);
		return;
	}
	if (type->kind == SCHEMA_STRUCT) {
		f = schema_field(type, (struct span){gone->key.data + 2, gone->key.len - 2});
		below = f ? f->type : NULL;
	}
	if (below)
		prune(a, below, child, f, gone, kept);
}

static void prune(struct arena *a, const struct schema_type *type, struct doc *value,
		  const struct schema_field *list, const struct doc *gone, const struct doc *kept)
{
	DOC_EACH(d, gone)
	{
		if (d->key.len > 2)
			prune_child(a, type, value, list, d, doc_get_span(kept, d->key));
	}
}

/* ---- conflicts */

struct conflicts {
	struct write *w;
	const char *shown; /* as who_of's */
	struct doc *causes;
	struct buf text;
	const struct doc *entry;
	size_t managers;
};

/* `shown`: the version that its fields are seen in; NULL: the entry's own. */
static const char *who_of(struct write *w, const struct doc *entry, const char *shown)
{
	struct span manager = doc_get_str(entry, "manager");
	struct span version = shown ? span_of(shown) : doc_get_str(entry, "apiVersion");
	struct span sub = doc_get_str(entry, "subresource"), time = doc_get_str(entry, "time");
	bool update = span_is(doc_get_str(entry, "operation"), "Update");
	const char *who =
		arena_printf(w->a, "\"%.*s\"", (int)manager.len, (const char *)manager.data);
	if (sub.len)
		who = arena_printf(w->a, "%s with subresource \"%.*s\"", who, (int)sub.len,
				   (const char *)sub.data);
	if (!update)
		return who;
	who = arena_printf(w->a, "%s using %.*s", who, (int)version.len,
			   (const char *)version.data);
	return time.len ? arena_printf(w->a, "%s at %.*s", who, (int)time.len,
						 (const char *)time.data)
				  : who;
}

static void add_conflict(void *arg, const char *path)
{
	struct conflicts *c = arg;
	struct arena *a = c->w->a;
	struct doc *cause = doc_add(c->causes, doc_new(a, DOC_MAP));
	doc_set_str(a, cause, "reason", "FieldManagerConflict");
	doc_set(a, cause, "message", doc_printf(a, "conflict with %s", who_of(c->w, c->entry, c->shown)));
	doc_set_str(a, cause, "field", arena_dup(a, path));
	buf_printf(&c->text, "\n- %s", path);
}

static void note_conflicts(struct conflicts *c, const struct doc *entry, const struct doc *set)
{
	c->entry = entry;
	c->managers++;
	buf_printf(&c->text, "%s%s:", c->managers > 1 ? "\nconflicts with " : "",
		   who_of(c->w, entry, c->shown));
	fields_each(c->w->a, set, add_conflict, c);
}

static void refuse_conflicts(struct write *w, struct conflicts *c)
{
	size_t n = c->causes->count;
	const char *text = arena_ndup(w->a, c->text.data, c->text.len);
	const char *one = doc_get_str(c->causes->first, "field").len
				  ? arena_ndup(w->a, doc_get_str(c->causes->first, "field").data,
					       doc_get_str(c->causes->first, "field").len)
				  : "";
	const char *message =
		n == 1 ? arena_printf(w->a, "Apply failed with 1 conflict: conflict with %s: %s",
				      who_of(w, c->entry, c->shown), one)
		       : arena_printf(w->a, "Apply failed with %zu conflicts: conflicts with %s", n,
				      text);
	struct doc *s = status_failure(w->a, 409, "Conflict", message);
	struct doc *details = doc_new(w->a, DOC_MAP), *code = doc_get(s, "code");
	doc_detach(s, code);
	doc_set(w->a, details, "causes", c->causes);
	doc_set(w->a, s, "details", details);
	doc_set(w->a, s, "code", code);
	plan_refuse(w, s);
}

/* What others own and this apply would change. NULL and refused when that may
 * not be. */
static bool settle_conflicts(struct write *w, const struct doc *entries, const struct doc *own,
			     const struct doc *changed, const char *shown, struct doc **taken)
{
	struct conflicts c = {.w = w, .shown = shown, .causes = doc_new(w->a, DOC_ARRAY)};
	*taken = NULL;
	DOC_EACH(e, entries)
	{
		struct doc *both =
			e == own ? NULL : fields_both(w->a, managed_set(w->a, e), changed);
		if (!both)
			continue;
		note_conflicts(&c, e, both);
		*taken = fields_union(w->a, *taken, both);
	}
	bool refused = c.causes->count && !w->req->force;
	if (refused)
		refuse_conflicts(w, &c);
	buf_fini(&c.text);
	return !refused;
}

/* ---- the plan */

/* In whose words what was applied is no object of this kind: Kubernetes' merge
 * library knows neither reasons nor whose fault it is. */
static void refuse_untyped(struct write *w, const struct doc *body, const char *why)
{
	struct span name = doc_path_str(body, "metadata.name"), kind = doc_get_str(body, "kind");
	struct span namespace = doc_path_str(body, "metadata.namespace");
	struct span version = doc_get_str(body, "apiVersion");
	const char *group = version.len && memchr(version.data, '/', version.len) ? "" : "/"; /* "/v1", "apps/v1" */
	char *message = arena_printf(
		w->a, "failed to create typed patch object (%.*s/%.*s; %s%.*s, Kind=%.*s): %s",
		(int)namespace.len, (const char *)namespace.data, (int)name.len,
		(const char *)name.data, group, (int)version.len, (const char *)version.data, (int)kind.len,
		(const char *)kind.data, why);
	plan_refuse(w, status_failure(w->a, 500, "", message));
}

void plan_refuse_undeclared(struct write *w, const struct notes *unknown)
{
	struct buf b = {0};
	const char *before = unknown->count > 1 ? "errors:\n  " : "";
	for (const struct note *n = unknown->first; n; n = n->next) {
		const char *from = strchr(n->text, '"'), *to = strrchr(n->text, '"');
		buf_printf(&b, "%s.%.*s: field not declared in schema", before,
			   from < to ? (int)(to - from - 1) : 0, from < to ? from + 1 : "");
		before = "\n  ";
	}
	refuse_untyped(w, w->req->body, buf_text(&b));
	buf_fini(&b);
}

/* Unlike other writes an apply has to say what it is about. */
static bool check_type(struct write *w, const char *expected, const char *of_kind)
{
	const struct doc *body = w->req->body;
	struct span version = doc_get_str(body, "apiVersion"), kind = doc_get_str(body, "kind");
	if (!span_is(version, expected)) {
		plan_bad_request(w,
				 "Incorrect version specified in apply patch. Specified patch "
				 "version: %.*s, expected: %s",
				 (int)version.len, (const char *)version.data, expected);
		return false;
	}
	if (span_is(kind, of_kind))
		return true;
	refuse_untyped(w, body,
		       arena_printf(w->a, "no corresponding type for %s%s, Kind=%.*s",
				    strchr(expected, '/') ? "" : "/", expected, (int)kind.len,
				    (const char *)kind.data));
	return false;
}

static bool check_request(struct write *w, const char *version, const char *kind)
{
	const struct doc *m = doc_get(w->req->body, "metadata");
	struct field_error unnamed = {.field = "fieldManager",
				      .fault = FIELD_REQUIRED,
				      .text = "Required value: is required for apply patch"};
	struct field_errors nobody = {&unnamed, &unnamed, 1};
	if (!doc_is(w->req->body, DOC_MAP))
		plan_bad_request(w, "error decoding YAML: the body is no object");
	else if (!w->req->field_manager.len)
		plan_refuse(w, status_invalid_options(w->a, "PatchOptions", &nobody));
	else if (!managed_type(w))
		plan_refuse(w, status_unsupported_media_type(w->a,
							     "this kind has no type to apply by"));
	else if (doc_get(m, "managedFields") && doc_get(m, "managedFields")->type != DOC_NULL)
		plan_bad_request(w, "metadata.managedFields must be nil");
	else
		return check_type(w, version, kind);
	return false;
}

/* What is made anew is named as the path says, and was nobody's before. */
static bool check_new(struct write *w)
{
	struct span uid = doc_path_str(w->obj, "metadata.uid");
	if (!plan_check_names(w))
		return false;
	if (!uid.len)
		return true;
	plan_refuse(w, status_conflict(w->a, w->r, w->name,
				       arena_printf(w->a,
						    "uid mismatch: the provided object specified "
						    "uid %.*s, and no existing object was found",
						    (int)uid.len, (const char *)uid.data)));
	return false;
}

/* An object of before there were entries: all of it is somebody's. */
static void own_all(struct write *w, struct doc *entries)
{
	struct doc *set = managed_strip(w, fields_of(w->a, managed_type(w), w->old));
	if (!set)
		return;
	struct doc *e = doc_add(entries, doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, e, "manager", "before-first-apply");
	doc_set_str(w->a, e, "operation", "Update");
	doc_set_str(w->a, e, "apiVersion",
		    schema_api_version(w->r->stored ? w->r->stored : w->r, w->a));
	doc_set_str(w->a, e, "time", w->now);
	doc_set_str(w->a, e, "fieldsType", "FieldsV1");
	doc_set(w->a, e, "fieldsV1", set);
}

/* The object that shall be, in w->obj, and what of it is whose. */
static bool make(struct write *w)
{
	struct arena *a = w->a;
	const struct schema_type *type = managed_type(w);
	struct doc *config = doc_copy(a, w->req->body);
	convert_in(a, w->r, config);
	const char *twice = fields_duplicate(a, type, config);
	if (twice) {
		refuse_untyped(w, w->req->body, twice);
		return false;
	}
	struct doc *entries = managed_entries(w);
	if (w->old && !entries->count)
		own_all(w, entries);
	struct doc *own = managed_own(w, entries, "Apply");
	struct doc *set = managed_strip(w, fields_of(a, type, config));
	struct doc *merged = config;
	if (w->old) {
		struct doc *others = managed_others(w, entries, own);
		struct doc *kept = fields_union(a, set, others);
		struct doc *gone = fields_minus(a, own ? managed_set(a, own) : NULL, kept);
		merged = merge(a, NULL, type, doc_copy(a, w->old), config);
		prune(a, type, merged, NULL, gone, kept);
		struct doc *m = doc_need_map(a, merged, "metadata");
		doc_remove(m, "managedFields");
		if (!doc_get_str(m, "resourceVersion").len)
			doc_set(a, m, "resourceVersion",
				doc_printf(a, "%llu", (unsigned long long)w->row.mod_version));
	}
	convert_out(a, w->r, merged);
	if (!plan_decode(w, merged, true))
		return false;
	struct fields_diff d = fields_compare(a, type, w->old, w->obj);
	struct doc *taken = NULL, *wanted = fields_both(a, d.changed, set);
	if (w->old && !settle_conflicts(w, entries, own, wanted, NULL, &taken))
		return false;
	w->apply = arena_alloc(a, sizeof *w->apply);
	*w->apply = (struct managed_apply){entries, own, set,
					   w->old ? fields_union(a, taken, d.removed) : NULL};
	return true;
}

void plan_apply(struct write *w)
{
	if (!w->req->body) {
		plan_bad_request(w, "the request has no body");
		return;
	}
	if (!check_request(w, schema_api_version(w->r, w->a), w->r->kind) || !plan_read_object(w))
		return;
	if (!w->old && *w->req->subresource) {
		plan_refuse(w, status_not_found(w->a, w->r, w->name));
		return;
	}
	if (!make(w))
		return;
	if (w->old) {
		plan_update_decoded(w);
		return;
	}
	if (!check_new(w))
		return;
	w->plan->txn.compare_count = 0;
	plan_create_decoded(w);
}

/* ---- of what a subresource shows */

bool plan_apply_shown_check(struct write *w, const char *type, const char *version, const char *kind)
{
	struct notes unknown = {0};
	struct err e = {0};
	if (!check_request(w, version, kind))
		return false;
	if (schema_coerce(schema_type(type), doc_copy(w->a, w->req->body), w->a, &unknown, &e))
		plan_bad_request(w, "%s", e.text);
	else if (unknown.count)
		plan_refuse_undeclared(w, &unknown);
	else
		return true;
	return false;
}

/* Its fields are those of the object that have the same paths. */
bool plan_apply_shown_own(struct write *w, const char *type, const char *version)
{
	struct arena *a = w->a;
	struct doc *entries = managed_entries(w), *taken = NULL;
	if (!entries->count)
		own_all(w, entries);
	struct doc *own = managed_own(w, entries, "Apply");
	struct doc *set = managed_strip(w, fields_of(a, schema_type(type), w->req->body));
	if (set)
		doc_remove(set, "f:metadata"); /* that is the object's */
	struct fields_diff d = fields_compare(a, managed_type(w), w->old, w->obj);
	if (!settle_conflicts(w, entries, own, fields_both(a, d.changed, set), version, &taken))
		return false;
	w->apply = arena_alloc(a, sizeof *w->apply);
	*w->apply = (struct managed_apply){entries, own, set && set->count ? set : NULL, taken};
	return true;
}
