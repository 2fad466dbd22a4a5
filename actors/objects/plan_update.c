/* Updates and patches: what the client wants, on top of what is stored. */
#include "actors/objects/admission.h"
#include "actors/objects/convert.h"
#include "actors/objects/managed.h"
#include "actors/objects/meta.h"
#include "actors/objects/patch.h"
#include "actors/objects/plan.h"

/* The object in the body is the one in the URL. */
bool plan_check_names(struct write *w)
{
	const struct doc *m = meta_of(w->obj);
	struct span name = doc_get_str(m, "name"), ns = doc_get_str(m, "namespace");
	if (name.len == 0)
		plan_bad_request(w,
				 "the name of the object (%.*s based on URL) was undeterminable: "
				 "name must be provided",
				 (int)w->name.len, w->name.data);
	else if (!span_eq(name, w->name))
		plan_bad_request(w,
				 "the name of the object (%.*s) does not match the name on the URL "
				 "(%.*s)",
				 (int)name.len, name.data, (int)w->name.len, w->name.data);
	else if (ns.len && w->r->namespaced && !span_eq(ns, w->namespace))
		plan_bad_request(w,
				 "the namespace of the object (%.*s) does not match the namespace "
				 "on the request (%.*s)",
				 (int)ns.len, ns.data, (int)w->namespace.len, w->namespace.data);
	else
		return true;
	return false;
}

/* What is put is meant for one object; a patch that changes the uid changes what
 * nobody may, and is told so with the rest. */
static bool check_uid(struct write *w)
{
	const struct subresource *sub = plan_find_subresource(w);
	if (w->req->verb != OBJ_UPDATE && !(sub && sub->show))
		return true;
	struct span uid = doc_get_str(meta_of(w->obj), "uid");
	struct span was = doc_get_str(meta_of(w->old), "uid");
	if (uid.len == 0 || span_eq(uid, was))
		return true;
	plan_refuse(w, status_conflict(
			       w->a, w->r, w->name,
			       arena_printf(w->a,
					    "Precondition failed: UID in precondition: %.*s, UID "
					    "in object meta: %.*s",
					    (int)uid.len, uid.data, (int)was.len, was.data)));
	return false;
}

static const char *version_text(struct write *w, uint64_t version)
{
	return arena_printf(w->a, "%llu", (unsigned long long)version);
}

/* The resourceVersion that the client has seen is the newest one. */
static bool check_version(struct write *w)
{
	struct span v = doc_get_str(meta_of(w->obj), "resourceVersion");
	if (v.len == 0 || span_is(v, "0")) {
		if (w->s->unconditional_update)
			return true;
		const struct fpath *p = FPATH(FPATH(NULL, "metadata"), "resourceVersion");
		field_invalid_doc(&w->faults, p, NULL, "must be specified for an update");
		((struct field_error *)w->faults.errors.first)->text =
			"Invalid value: 0x0: must be specified for an update";
		/* Kubernetes names the resource where it names the kind elsewhere. */
		struct schema_resource by_resource = *w->r;
		by_resource.kind = w->r->resource;
		plan_refuse(w, status_invalid(w->a, &by_resource, w->name, &w->faults.errors));
		return false;
	}
	if (span_is(v, version_text(w, w->row.mod_version)))
		return true;
	for (size_t i = 0; i < v.len; i++)
		if (v.data[i] < '0' || v.data[i] > '9') {
			const struct fpath *p = FPATH(FPATH(NULL, "metadata"), "resourceVersion");
			field_invalid(&w->faults, p, v, "must be an unsigned integer");
			return !plan_refuse_faults(w);
		}
	plan_refuse(w, status_conflict(w->a, w->r, w->name, STATUS_MODIFIED));
	return false;
}

bool plan_check_preconditions(struct write *w)
{
	return check_uid(w) && check_version(w);
}

/* An update may be what ends a deletion: nothing holds the object any more. */
static bool ends_deletion(const struct write *w)
{
	if (!meta_deleting(w->old) || meta_has_finalizers(w->obj))
		return false;
	if (w->s->kept && w->s->kept(w, w->obj))
		return false;
	return doc_get_int(meta_of(w->old), "deletionGracePeriodSeconds", 0) == 0;
}

/* Who replaces a subresource with a PUT often names the object and no more:
 * metadata that the body leaves out stays. (Kubernetes would drop a pod's
 * labels here; nobody means that. A patch can still remove them.) */
static void keep_left_out(struct write *w)
{
	static const char *const fields[] = {"generateName", "labels", "annotations",
					     "finalizers", "ownerReferences"};
	struct doc *m = meta_of(w->obj);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!doc_get(m, fields[i]))
			put_or_remove(w, m, fields[i],
				      copy_of(w, doc_get(meta_of(w->old), fields[i])));
}

/* Whether the update is one of those that the kind counts. */
static bool counts(const struct write *w)
{
	return (w->s->generation && !doc_equal(doc_get(w->obj, "spec"), doc_get(w->old, "spec"))) ||
	       (w->s->counts_annotations && !doc_equal(doc_get(meta_of(w->obj), "annotations"),
						       doc_get(meta_of(w->old), "annotations")));
}

static bool changes(const struct write *w)
{
	return !doc_equal(doc_get(w->obj, "spec"), doc_get(w->old, "spec"));
}

static void validate(struct write *w)
{
	plan_validate(w);
	if (w->s->fixed)
		rules_check_fixed(&w->faults, w->obj, w->old, w->s->fixed);
	if (w->s->validate_update)
		w->s->validate_update(w);
}

void plan_update_decoded(struct write *w)
{
	const struct subresource *sub = plan_find_subresource(w);
	if (!plan_check_names(w) || !plan_check_preconditions(w))
		return;
	struct doc *m = meta_of(w->obj);
	if (w->r->namespaced && doc_get_str(m, "namespace").len == 0)
		doc_set(w->a, m, "namespace", doc_span(w->a, w->namespace));
	if (!w->r->namespaced)
		doc_remove(m, "namespace");
	meta_update(w);
	if (sub && w->req->verb == OBJ_UPDATE)
		keep_left_out(w);
	if (w->s->status && !sub)
		keep_old(w, "status");
	if (sub && sub->prepare)
		sub->prepare(w);
	else if (w->s->prepare_update)
		w->s->prepare_update(w);
	if ((!sub || sub->counts) && counts(w))
		meta_next_generation(w);
	meta_validate(w);
	meta_validate_update(w);
	if (sub && sub->validate)
		sub->validate(w);
	if (!sub)
		validate(w);
	if (plan_refuse_faults(w))
		return;
	if (!sub && w->s->admit_update && !w->s->admit_update(w))
		return;
	if (!sub && w->req->advise && w->s->warn && changes(w))
		w->s->warn(w);
	if (!ends_deletion(w)) {
		if (sub || admit_limits(w))
			plan_put(w, 200, NULL);
		return;
	}
	managed_write(w);
	struct bytes *last = plan_encode(w);
	if (last)
		plan_remove(w, last, NULL);
}

void plan_update(struct write *w)
{
	if (!w->req->body) {
		plan_bad_request(w, "the request has no body");
		return;
	}
	if (!plan_decode(w, doc_copy(w->a, w->req->body), false) || !plan_check_names(w) ||
	    !plan_read_object(w))
		return;
	if (w->old) {
		plan_update_decoded(w);
	} else if (w->s->create_on_update && !plan_find_subresource(w)) {
		w->plan->txn.compare_count = 0;
		doc_remove(meta_of(w->obj), "resourceVersion");
		plan_create_decoded(w);
	} else {
		plan_refuse(w, status_not_found(w->a, w->r, w->name));
	}
}

/* ---- patches */

/* The object as the client sees it, which is what patches are written for. */
static struct doc *visible(struct write *w)
{
	struct doc *d = doc_copy(w->a, w->old);
	convert_out(w->a, w->r, d);
	struct doc *m = doc_need_map(w->a, d, "metadata");
	doc_set_str(w->a, m, "resourceVersion", version_text(w, w->row.mod_version));
	return d;
}

static struct doc *unprocessable(struct write *w, const char *why)
{
	struct doc *s = status_failure(w->a, 422, "Invalid",
				       arena_printf(w->a,
						    "the server rejected our request due to an "
						    "error in our request: %s",
						    why));
	return status_details(w->a, s, NULL, (struct span){0});
}

struct doc *plan_patched(struct write *w, struct doc *d, const struct schema_type *type)
{
	struct err e = {0};
	const struct doc *patch = w->req->body;
	int rc = 0;
	if (w->req->verb == OBJ_PATCH_JSON && patch->count > PATCH_OPS_MAX) {
		plan_refuse(w, status_too_large(
				       w->a, arena_printf(w->a,
							  "The allowed maximum operations in a JSON "
							  "patch is %d, got %u",
							  PATCH_OPS_MAX, patch->count)));
		return NULL;
	}
	if (w->req->verb == OBJ_PATCH_JSON)
		rc = patch_json(w->a, &d, patch, &e);
	else if (patch->type != DOC_MAP)
		rc = err_set(&e, ERR_INVALID, "the patch is no object");
	else if (w->req->verb == OBJ_PATCH_MERGE)
		d = patch_merge(w->a, d, patch);
	else
		rc = patch_strategic(w->a, d, patch, type, &e);
	if (rc == 0)
		return d;
	if (rc == ERR_CONFLICT)
		plan_refuse(w, unprocessable(w, e.text));
	else
		plan_bad_request(w, "error decoding patch: %s", e.text);
	return NULL;
}

void plan_patch(struct write *w)
{
	if (!w->req->body) {
		plan_bad_request(w, "the request has no body");
		return;
	}
	if (w->req->verb == OBJ_PATCH_STRATEGIC && !w->r->type) {
		plan_refuse(w,
			    status_unsupported_media_type(
				    w->a,
				    "the body of the request was in an unknown format - accepted "
				    "media types include: application/json-patch+json, "
				    "application/merge-patch+json"));
		return;
	}
	if (!plan_read_object(w))
		return;
	if (!w->old) {
		plan_refuse(w, status_not_found(w->a, w->r, w->name));
		return;
	}
	struct doc *patched = plan_patched(w, visible(w), w->r->type);
	if (patched && plan_decode(w, patched, true))
		plan_update_decoded(w);
}

/* ---- subresources whose body is something else */

/* The body, to be read; NULL: refused. */
static struct doc *check_body(struct write *w, const struct subresource *sub)
{
	if (!w->req->body) {
		plan_bad_request(w, "the request has no body");
		return NULL;
	}
	if (!plan_check_kind(w, w->req->body, sub->kind, sub->versions))
		return NULL;
	if (!span_eq(doc_path_str(w->req->body, "metadata.name"), w->name)) {
		plan_bad_request(w, "name in URL does not match name in %s object", sub->kind);
		return NULL;
	}
	struct doc *body = doc_copy(w->a, w->req->body);
	struct doc *refused = sub->check ? sub->check(w, body) : NULL;
	if (refused)
		plan_refuse(w, refused);
	else if (!w->name.len)
		plan_bad_request(w, "Name parameter required.");
	else
		return body;
	return NULL;
}

void plan_subresource(struct write *w)
{
	const struct subresource *sub = plan_find_subresource(w);
	struct doc *body = check_body(w, sub);
	if (!body || !plan_read_object(w))
		return;
	if (!w->old) {
		plan_refuse(w, status_not_found(w->a, w->r, w->name));
		return;
	}
	w->obj = doc_copy(w->a, w->old);
	struct doc *refused = sub->create(w, body);
	if (refused)
		plan_refuse(w, refused);
	else if (w->obj && !plan_refuse_faults(w))
		plan_put(w, 201, status_created(w->a));
}
