#include "actors/objects/workload.h"

#include "actors/objects/meta.h"
#include "actors/objects/pod.h"
#include "actors/schema/selectors.h"

void workload_defaults(struct write *w)
{
	struct doc *template = doc_path(w->obj, "spec.template");
	if (doc_is(template, DOC_MAP))
		pod_template_defaults(w->a, template);
}

static bool is_empty(const struct doc *d)
{
	return !d || d->count == 0;
}

void workload_check_selector(struct write *w, const char *what, const char *broken)
{
	const struct fpath *p = FPATH(FPATH(NULL, "spec"), "selector");
	const struct doc *selector = doc_path(w->obj, "spec.selector");
	const struct label_selector *compiled;
	check_label_selector(&w->faults, p, selector);
	if (doc_is(selector, DOC_MAP) && is_empty(doc_get(selector, "matchLabels")) &&
	    is_empty(doc_get(selector, "matchExpressions")))
		field_invalid_doc(&w->faults, p, selector,
				  arena_printf(w->a, "empty selector is invalid for %s", what));
	if (broken && label_selector_from_doc(w->a, selector, &compiled, NULL))
		field_invalid_doc(&w->faults, p, selector, broken);
}

void workload_check_labels(struct write *w, const struct fpath *p, const struct doc *selector,
			   const struct doc *template)
{
	const struct doc *labels = doc_get(meta_of(template), "labels");
	const struct label_selector *compiled;
	struct buf b = {0};
	if (label_selector_from_doc(w->a, selector, &compiled, NULL))
		return;
	doc_to_mp(&b, labels ? labels : doc_new(w->a, DOC_MAP));
	if (!label_selector_match(compiled, mp_of(span_buf(&b))))
		field_invalid_doc(&w->faults, FPATH(FPATH(p, "metadata"), "labels"), labels,
				  "`selector` does not match template `labels`");
	buf_fini(&b);
}

void workload_validate(struct write *w, const char *what, const char *broken, const char *kind)
{
	const struct fpath *p = FPATH(FPATH(NULL, "spec"), "template");
	const struct doc *template = doc_path(w->obj, "spec.template");
	workload_check_selector(w, what, broken);
	workload_check_labels(w, p, doc_path(w->obj, "spec.selector"), template);
	pod_template_validate_kept(&w->faults, p, template, kind);
}

void workload_check_counts(struct write *w, const char *all, const char *const *counts)
{
	const struct doc *status = doc_get(w->obj, "status");
	int64_t most = doc_get_int(status, all, 0);
	for (; *counts; counts++) {
		int64_t n = doc_get_int(status, *counts, 0);
		if (n > most)
			field_invalid_int(
				&w->faults, FPATH(FPATH(NULL, "status"), *counts), n,
				strcmp(all, "replicas") == 0
					? "cannot be greater than status.replicas"
					: arena_printf(w->a, "cannot be greater than %s", all));
	}
}

void workload_check_collisions(struct write *w)
{
	int64_t now = doc_path_int(w->obj, "status.collisionCount", 0);
	if (now < doc_path_int(w->old, "status.collisionCount", 0))
		field_invalid_int(&w->faults, FPATH(FPATH(NULL, "status"), "collisionCount"), now,
				  "cannot be decremented");
}
