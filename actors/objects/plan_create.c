/* Creates: names, the namespace's admission, and the first put of an object. */
#include <string.h>

#include "actors/objects/admission.h"
#include "actors/objects/managed.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"

enum { NAME_TRIES = 8 };

/* The body's namespace is the request's, or says nothing. */
static bool settle_namespace(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	struct span ns = doc_get_str(m, "namespace");
	if (ns.len && w->namespace.len && !span_eq(ns, w->namespace)) {
		plan_bad_request(w, "the namespace of the provided object does not match the "
				    "namespace sent on the request");
		return false;
	}
	if (w->namespace.len)
		doc_set(w->a, m, "namespace", doc_span(w->a, w->namespace));
	else
		doc_remove(m, "namespace");
	return true;
}

static bool settle_name(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	struct span name = doc_get_str(m, "name");
	if (name.len && w->name.len && !span_eq(name, w->name)) {
		plan_bad_request(w,
				 "the name of the object (%.*s) does not match the name on the URL "
				 "(%.*s)",
				 (int)name.len, name.data, (int)w->name.len, w->name.data);
		return false;
	}
	if (name.len)
		w->name = name;
	else if (w->name.len)
		doc_set(w->a, m, "name", doc_span(w->a, w->name));
	return true;
}

/* Nothing new comes into a namespace that is missing or being deleted. */
static bool admit_namespace(struct write *w, const struct store_row *ns)
{
	const struct schema_resource *namespaces =
		schema_find_stream(w->req->schema, span_of("namespaces"));
	if (!ns->value) {
		plan_refuse(w, status_not_found(w->a, namespaces, w->namespace));
		return false;
	}
	struct mp m = mp_of_bytes(ns->value), v;
	bool terminating = span_is(mp_path_str(m, "status.phase"), "Terminating") ||
			   mp_path(m, "metadata.deletionTimestamp", &v);
	if (!terminating)
		return true;
	struct doc *s =
		status_forbidden(w->a, w->r, w->name,
				 arena_printf(w->a,
					      "unable to create new content in namespace %.*s "
					      "because it is being terminated",
					      (int)w->namespace.len, w->namespace.data));
	struct doc *causes =
		doc_set(w->a, doc_get(s, "details"), "causes", doc_new(w->a, DOC_ARRAY));
	struct doc *c = doc_add(causes, doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, c, "reason", "NamespaceTerminating");
	doc_set(w->a, c, "message",
		doc_printf(w->a, "namespace %.*s is being terminated", (int)w->namespace.len,
			   w->namespace.data));
	doc_set_str(w->a, c, "field", "metadata.namespace");
	plan_refuse(w, s);
	return false;
}

static void generate_name(struct write *w, int attempt)
{
	struct doc *m = meta_of(w->obj);
	w->name = meta_generated_name(w, doc_get_str(m, "generateName"), attempt);
	doc_set(w->a, m, "name", doc_span(w->a, w->name));
}

/* A name that is taken refuses the create; one of our making is made anew.
 * The object's row is the plan's first compare, whatever else was read. */
static bool find_free_name(struct write *w, bool generated)
{
	/* What was read so far: the namespace, a class. */
	size_t n = w->plan->txn.compare_count;
	struct store_compare *read = arena_alloc(w->a, n * sizeof *read);
	if (n)
		memcpy(read, w->plan->compares, n * sizeof *read);
	for (int i = 0; i < (generated ? NAME_TRIES : 1); i++) {
		if (i > 0)
			generate_name(w, i);
		w->plan->txn.compare_count = 0;
		if (!plan_read_object(w))
			return false;
		for (size_t k = 0; k < n; k++)
			plan_compare(w, read[k].key, read[k].number);
		if (!w->row.value)
			return true;
	}
	plan_refuse(w, status_already_exists(w->a, w->r, w->name));
	return false;
}

void plan_create_decoded(struct write *w)
{
	struct store_row ns = {0};
	if (doc_get_str(meta_of(w->obj), "resourceVersion").len) {
		plan_bad_request(w, "resourceVersion should not be set on objects to be created");
		return;
	}
	if (!settle_namespace(w) || !settle_name(w))
		return;
	if (w->r->namespaced &&
	    (!plan_read(w, plan_namespace_key(w), &ns) || !admit_namespace(w, &ns)))
		return;
	bool generated = w->name.len == 0 && doc_get_str(meta_of(w->obj), "generateName").len > 0;
	if (generated)
		generate_name(w, 0);
	meta_create(w);
	managed_write(w); /* what admission fills in is nobody's */
	if (w->s->status)
		doc_remove(w->obj, "status");
	if (w->s->prepare_create)
		w->s->prepare_create(w);
	if (w->plan->finished || w->plan->settled)
		return; /* refused */
	meta_validate(w);
	plan_validate(w);
	if (plan_refuse_faults(w) || !admit_limits(w) || !find_free_name(w, generated))
		return;
	if (w->req->advise && w->s->warn)
		w->s->warn(w);
	plan_put(w, 201, NULL);
}

void plan_create(struct write *w)
{
	if (!w->req->body) {
		plan_bad_request(w, "the request has no body");
		return;
	}
	if (plan_decode(w, doc_copy(w->a, w->req->body), false))
		plan_create_decoded(w);
}
