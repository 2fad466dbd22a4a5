/* Jobs: pods that end. Unless it says otherwise a job is given a selector and
 * its pods labels by its uid, so that no two jobs count the same pod. Deleted
 * without a word about its pods it leaves them. */
#include "actors/objects/job.h"

#include "actors/objects/meta.h"
#include "actors/objects/warning.h"
#include "actors/objects/workload.h"

static const char uid_key[] = "batch.kubernetes.io/controller-uid",
		  old_uid_key[] = "controller-uid", name_key[] = "batch.kubernetes.io/job-name",
		  old_name_key[] = "job-name";

static void defaults(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec"), *m = meta_of(w->obj);
	const struct doc *labels = doc_path(spec, "template.metadata.labels");
	const struct doc *own = doc_get(m, "labels");
	job_spec_defaults(w->a, spec);
	if (labels && m && (!own || own->count == 0))
		doc_set(w->a, m, "labels", copy_of(w, labels));
}

static bool is_manual(const struct write *w)
{
	return doc_path_bool(w->obj, "spec.manualSelector", false);
}

static void generate_selector(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec");
	struct doc *template = doc_need_map(w->a, spec, "template");
	struct doc *labels = doc_need_map(w->a, doc_need_map(w->a, template, "metadata"), "labels");
	struct doc *selector =
		doc_need_map(w->a, doc_need_map(w->a, spec, "selector"), "matchLabels");
	struct span uid = doc_get_str(meta_of(w->obj), "uid");
	/* Labels that are there already stay: the validation finds them. */
	doc_default(w->a, labels, old_name_key, doc_span(w->a, w->name));
	doc_default(w->a, labels, name_key, doc_span(w->a, w->name));
	doc_default(w->a, labels, old_uid_key, doc_span(w->a, uid));
	doc_default(w->a, labels, uid_key, doc_span(w->a, uid));
	doc_default(w->a, selector, uid_key, doc_span(w->a, uid));
}

static void prepare_create(struct write *w)
{
	if (!is_manual(w))
		generate_selector(w);
}

static void check_label(struct write *w, const char *key, struct span want)
{
	const struct fpath *p =
		FPATH(FPATH(FPATH(FPATH(NULL, "spec"), "template"), "metadata"), "labels");
	const struct doc *labels = doc_path(w->obj, "spec.template.metadata.labels");
	const struct doc *label = doc_get(labels, key);
	if (!label)
		field_required(&w->faults, FPATH_KEY(p, span_of(key)),
			       arena_printf(w->a, "must be '%.*s'", (int)want.len,
					    (const char *)want.data));
	else if (!span_eq(label->text, want))
		field_invalid_doc(&w->faults, FPATH_KEY(p, span_of(key)), labels,
				  arena_printf(w->a, "must be '%.*s'", (int)want.len,
					       (const char *)want.data));
}

static void check_generated(struct write *w)
{
	struct span uid = doc_get_str(meta_of(w->obj), "uid");
	const struct doc *chosen = doc_path(w->obj, "spec.selector.matchLabels");
	const struct doc *by_uid = doc_get(chosen, uid_key);
	check_label(w, uid_key, uid);
	check_label(w, name_key, w->name);
	check_label(w, old_uid_key, uid);
	check_label(w, old_name_key, w->name);
	if (chosen && (!by_uid || !span_eq(by_uid->text, uid)))
		field_invalid_doc(&w->faults, FPATH(FPATH(NULL, "spec"), "selector"),
				  doc_path(w->obj, "spec.selector"),
				  "`selector` not auto-generated");
}

/* Pods are named by it and their index, and that is their host name. */
static void check_host_name(struct write *w, const struct doc *spec)
{
	int64_t completions = doc_get_int(spec, "completions", 0);
	if (!span_is(doc_get_str(spec, "completionMode"), "Indexed") || completions <= 0)
		return;
	const char *last = arena_printf(w->a, "%.*s-%lld", (int)w->name.len,
					(const char *)w->name.data, (long long)completions - 1);
	if (name_dns1123_label(span_of(last)))
		field_invalid(&w->faults, FPATH(FPATH(NULL, "metadata"), "name"), w->name,
			      arena_printf(w->a,
					   "will not able to create pod with invalid DNS label: %s",
					   last));
}

static void validate(struct write *w)
{
	const struct fpath *p = FPATH(NULL, "spec");
	const struct doc *spec = doc_get(w->obj, "spec"), *selector = doc_get(spec, "selector");
	if (!is_manual(w) && selector)
		check_generated(w);
	job_spec_validate(&w->faults, p, spec);
	if (!selector)
		field_required(&w->faults, FPATH(p, "selector"), "");
	else
		check_label_selector(&w->faults, FPATH(p, "selector"), selector);
	workload_check_labels(w, FPATH(p, "template"), selector, doc_get(spec, "template"));
	check_host_name(w, spec);
}

/* Where pods go can still be changed while none has been started. */
static bool may_move(const struct write *w)
{
	return doc_path_bool(w->old, "spec.suspend", false) &&
	       !doc_path(w->old, "status.startTime");
}

static void validate_update(struct write *w)
{
	static const char *const placement[] = {"nodeSelector", "affinity", "tolerations",
						"schedulingGates"};
	const struct fpath *p = FPATH(NULL, "spec");
	struct doc *now = copy_of(w, doc_path(w->obj, "spec.template"));
	const struct doc *was = doc_path(w->old, "spec.template");
	for (size_t i = 0; i < 4 && may_move(w); i++)
		put_or_remove(w, doc_get(now, "spec"), placement[i],
			      copy_of(w, doc_get(doc_get(was, "spec"), placement[i])));
	if (!doc_equal(now, was))
		field_invalid_doc(&w->faults, FPATH(p, "template"),
				  doc_path(w->obj, "spec.template"), "field is immutable");
	/* An indexed job may grow and shrink, with as many pods at a time. */
	const struct doc *spec = doc_get(w->obj, "spec");
	const struct doc *completions = doc_get(spec, "completions");
	const struct doc *before = doc_path(w->old, "spec.completions");
	bool elastic = span_is(doc_get_str(spec, "completionMode"), "Indexed") &&
		       doc_equal(completions, doc_get(spec, "parallelism"));
	if (!elastic)
		check_immutable(&w->faults, FPATH(p, "completions"), completions, before);
}

static const struct rule status_rules[] = {
	RULE("status.active", NOT_NEGATIVE),	  RULE("status.succeeded", NOT_NEGATIVE),
	RULE("status.failed", NOT_NEGATIVE),	  RULE("status.ready", NOT_NEGATIVE),
	RULE("status.terminating", NOT_NEGATIVE), {0},
};

static const char *const fixed[] = {"spec.selector",
				    "spec.completionMode",
				    "spec.podFailurePolicy",
				    "spec.backoffLimitPerIndex",
				    "spec.managedBy",
				    "spec.successPolicy",
				    NULL};

const struct strategy strategy_job = {
	.unconditional_update = true,
	.generation = true,
	.status = true,
	.orphans = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.validate = validate,
	.fixed = fixed,
	.validate_update = validate_update,
	.status_rules = status_rules,
	.subresources = subresources_status,
	.warn = warn_job,
};
