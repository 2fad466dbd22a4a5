/* Namespaces: Active until they are deleted, then Terminating until whoever
 * empties them has taken "kubernetes" out of spec.finalizers (by the
 * subresource `finalize`). Deleting one that still has finalizers only marks
 * it; emptying them removes it. */
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"

static void defaults(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	struct doc *labels = doc_need_map(w->a, m, "labels");
	struct span name = doc_get_str(m, "name");
	if (labels && name.len)
		doc_set(w->a, labels, "kubernetes.io/metadata.name", doc_span(w->a, name));
}

static void set_phase(struct write *w, const char *phase)
{
	struct doc *status = doc_need_map(w->a, w->obj, "status");
	doc_set_str(w->a, status, "phase", phase);
}

static void prepare_create(struct write *w)
{
	/* A generated name is known only now. */
	defaults(w);
	doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	set_phase(w, "Active");
	struct doc *spec = doc_need_map(w->a, w->obj, "spec");
	struct doc *list = doc_default(w->a, spec, "finalizers", doc_new(w->a, DOC_ARRAY));
	if (list->type != DOC_ARRAY)
		return;
	DOC_EACH(d, list)
		if (doc_str_is(d, "kubernetes"))
			return;
	doc_add(list, doc_str(w->a, "kubernetes"));
}

static void prepare_update(struct write *w)
{
	keep_old(w, "spec");
	keep_old(w, "status");
}

static void prepare_status(struct write *w)
{
	keep_old(w, "spec");
}

static void prepare_finalize(struct write *w)
{
	keep_old(w, "status");
}

static void validate(struct write *w)
{
	const struct doc *list = doc_path(w->obj, "spec.finalizers");
	const struct fpath *p = FPATH(FPATH(NULL, "spec"), "finalizers");
	static const char *const standard[] = {"kubernetes", NULL};
	int i = 0;
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(d, list) {
		/* Only the subresource tells their places. */
		const struct fpath *at = plan_find_subresource(w) ? FPATH_AT(p, i) : p;
		const char *why = doc_is(d, DOC_STR) ? name_qualified(d->text) : NULL;
		bool bare = doc_is(d, DOC_STR) && !why && !memchr(d->text.data, '/', d->text.len);
		if (why)
			field_invalid(&w->faults, at, d->text, why);
		else if (bare && !in_list(standard, d->text))
			field_invalid(&w->faults, at, d->text,
				      "name is neither a standard finalizer name nor is it fully "
				      "qualified");
		i++;
	}
}

static bool kept(const struct write *w, const struct doc *obj)
{
	(void)w;
	const struct doc *list = doc_path(obj, "spec.finalizers");
	return doc_is(list, DOC_ARRAY) && list->count > 0;
}

/* No grace period: the content decides when it is over. */
static void mark_deleted(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	doc_set_str(w->a, m, "deletionTimestamp", w->now);
	set_phase(w, "Terminating");
}

static struct doc *may_delete(struct write *w)
{
	static const char *const immortal[] = {"default", "kube-system", "kube-public", NULL};
	if (!in_list(immortal, w->name))
		return NULL;
	return status_forbidden(w->a, w->r, w->name, "this namespace may not be deleted");
}

static const struct subresource subresources[] = {
	{.name = "status", .prepare = prepare_status},
	{.name = "finalize", .prepare = prepare_finalize, .validate = validate},
	{0},
};

const struct strategy strategy_namespace = {
	.name = name_dns1123_label,
	.unconditional_update = true,
	.returns_deleted = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
	.kept = kept,
	.mark_deleted = mark_deleted,
	.may_delete = may_delete,
	.subresources = subresources,
};
