/* Subresources that show a part of the object as another type (a Scale): what
 * is read is made of the object, what is written changes that part alone.
 *
 *	stored -> shown -> PUT or PATCH of what is shown -> taken -> stored
 */
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"

static struct doc *show(struct write *w, const struct subresource *sub, const struct doc *obj)
{
	struct doc *d = sub->show(w->a, obj);
	doc_set(w->a, doc_get(d, "metadata"), "resourceVersion",
		doc_printf(w->a, "%llu", (unsigned long long)w->row.mod_version));
	return d;
}

static const char *text_of(struct write *w, const struct doc *d, const char *field)
{
	struct span s = doc_get_str(d, field);
	return arena_ndup(w->a, s.data, s.len);
}

/* Type and names of what is to be shown; of a patch those of what is shown. */
static bool check_shown(struct write *w, const struct doc *shown, struct doc *body)
{
	const char *const versions[] = {text_of(w, shown, "apiVersion"), NULL};
	if (!plan_check_kind(w, body, text_of(w, shown, "kind"), versions))
		return false;
	w->obj = body;
	return plan_check_names(w);
}

/* What the client wants shown; NULL: refused. */
static struct doc *wanted(struct write *w, const struct subresource *sub)
{
	struct err e = {0};
	struct doc *shown = show(w, sub, w->old);
	if (w->req->verb == OBJ_APPLY &&
	    !plan_apply_shown_check(w, sub->type, text_of(w, shown, "apiVersion"), text_of(w, shown, "kind")))
		return NULL;
	struct doc *body = w->req->verb == OBJ_UPDATE
				   ? doc_copy(w->a, w->req->body)
				   : plan_patched(w, doc_copy(w->a, shown), schema_type(sub->type));
	if (!body || !check_shown(w, shown, body))
		return NULL;
	if (schema_coerce(schema_type(sub->type), body, w->a, NULL, &e)) {
		plan_bad_request(w, "%s", e.text);
		return NULL;
	}
	return body;
}

/* The answer shows the new object in place of the object itself. */
static void answer_shown(struct write *w, const struct subresource *sub)
{
	struct obj_answer *a = &w->plan->answer;
	struct buf b = {0};
	if (a->status)
		return;
	struct doc *d = sub->show(w->a, w->obj);
	doc_to_mp(&b, d);
	bytes_unref(a->object);
	a->object = bytes_take(&b);
}

/* Faults are those of what is shown: its kind and group stand in the answer. */
static void refuse_shown(struct write *w, const struct doc *shown)
{
	struct span api = doc_get_str(shown, "apiVersion"), kind = doc_get_str(shown, "kind");
	const uint8_t *slash = api.len ? memchr(api.data, '/', api.len) : NULL;
	struct schema_resource r = *w->r;
	r.group = arena_ndup(w->a, api.data, slash ? (size_t)(slash - api.data) : 0);
	r.kind = arena_ndup(w->a, kind.data, kind.len);
	plan_refuse(w, status_invalid(w->a, &r, w->name, &w->faults.errors));
}

void plan_shown(struct write *w, const struct subresource *sub)
{
	if (!w->req->body) {
		plan_bad_request(w, "the request has no body");
		return;
	}
	if (!plan_read_object(w))
		return;
	if (!w->old) {
		plan_refuse(w, w->req->verb == OBJ_APPLY ? status_not_found(w->a, w->r, w->name)
							 : status_not_shown(w->a, w->r, sub->name, w->name));
		return;
	}
	struct doc *body = wanted(w, sub);
	w->obj = body;
	if (!body || !plan_check_preconditions(w))
		return;
	w->obj = doc_copy(w->a, w->old);
	sub->take(w, body);
	if (w->s->generation && !doc_equal(doc_get(w->obj, "spec"), doc_get(w->old, "spec")))
		meta_next_generation(w);
	if (w->faults.errors.count) {
		refuse_shown(w, body);
		return;
	}
	if (w->req->verb == OBJ_APPLY && !plan_apply_shown_own(w, sub->type, text_of(w, body, "apiVersion")))
		return;
	plan_put(w, 200, NULL);
	answer_shown(w, sub);
}

struct bytes *objects_show(const struct schema_resource *r, const char *subresource,
			   struct mp object, struct arena *a)
{
	const struct strategy *s = r->strategy ? r->strategy : &strategy_plain;
	const struct subresource *sub = s->subresources;
	struct doc *obj = NULL;
	struct buf b = {0};
	while (sub && sub->name && strcmp(sub->name, subresource) != 0)
		sub++;
	if (!sub || !sub->name || !sub->show || doc_from_mp(a, object, &obj, NULL))
		return NULL;
	doc_to_mp(&b, sub->show(a, obj));
	return bytes_take(&b);
}
