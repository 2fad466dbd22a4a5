#include "actors/objects/job.h"

#include "actors/objects/pod.h"

static const struct fill fills[] = {
	DEFAULT_NUMBER("parallelism", 1),
	DEFAULT_TEXT("completionMode", "NonIndexed"),
	DEFAULT_NO("suspend"),
	{0},
};

/* A condition of a pod that is only named is one that is so. */
static void policy_defaults(struct arena *a, struct doc *policy)
{
	struct doc *rules = doc_get(policy, "rules");
	DOC_EACH(rule, doc_is(rules, DOC_ARRAY) ? rules : NULL) {
		struct doc *conditions = doc_get(rule, "onPodConditions");
		DOC_EACH(it, doc_is(conditions, DOC_ARRAY) ? conditions : NULL)
			if (doc_is(it, DOC_MAP) && !doc_get_str(it, "status").len)
				doc_set_str(a, it, "status", "True");
	}
}

void job_spec_defaults(struct arena *a, struct doc *spec)
{
	struct doc *template = doc_get(spec, "template");
	bool per_index = doc_get(spec, "backoffLimitPerIndex") != NULL;
	/* One pod, once, unless something else is said. */
	if (!doc_get(spec, "completions") && !doc_get(spec, "parallelism"))
		doc_set_int(a, spec, "completions", 1);
	rules_fill(a, spec, fills);
	doc_default(a, spec, "backoffLimit", doc_int(a, per_index ? INT32_MAX : 6));
	doc_default(
		a, spec, "podReplacementPolicy",
		doc_str(a, doc_get(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed"));
	policy_defaults(a, doc_get(spec, "podFailurePolicy"));
	if (doc_is(template, DOC_MAP))
		pod_template_defaults(a, template);
}

static const struct rule rules[] = {
	RULE("parallelism", NOT_NEGATIVE),
	RULE("completions", NOT_NEGATIVE),
	RULE("activeDeadlineSeconds", NOT_NEGATIVE),
	RULE("backoffLimit", NOT_NEGATIVE),
	RULE("backoffLimitPerIndex", NOT_NEGATIVE),
	RULE("maxFailedIndexes", NOT_NEGATIVE),
	RULE("ttlSecondsAfterFinished", NOT_NEGATIVE),
	RULE("completionMode", ONE_OF, .list = ONE_OF("NonIndexed", "Indexed")),
	RULE("podReplacementPolicy", ONE_OF, .list = ONE_OF("Failed", "TerminatingOrFailed")),
	{0},
};

enum {
	MANAGER_BYTES_MAX = 63,
	INDEXED_MAX = 100000,  /* pods at a time, failed indexes */
	PER_INDEX_MAX = 10000, /* the same, when more completions than that fail each on its own */
};

static void check_manager(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (!doc_is(d, DOC_STR))
		return;
	check_domain_path(f, p, d->text);
	if (d->text.len > MANAGER_BYTES_MAX)
		field_too_long(f, p, MANAGER_BYTES_MAX);
}

static void check_at_most(struct faults *f, const struct fpath *p, const struct doc *d, int64_t max,
			  const char *when)
{
	if (doc_is(d, DOC_INT) && d->integer > max)
		field_invalid_int(f, p, d->integer,
				  arena_printf(f->arena, "must be less than or equal to %lld%s",
					       (long long)max, when));
}

static void check_indexed_limits(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	static const char many[] =
		" when completions are above 100000 and used with backoff limit per index";
	const struct doc *failed = doc_get(spec, "maxFailedIndexes");
	const struct doc *parallel = doc_get(spec, "parallelism");
	check_at_most(f, FPATH(p, "parallelism"), parallel, INDEXED_MAX,
		      " when completion mode is Indexed");
	check_at_most(f, FPATH(p, "maxFailedIndexes"), failed, INDEXED_MAX, "");
	if (doc_get_int(spec, "completions", 0) <= INDEXED_MAX ||
	    doc_absent(doc_get(spec, "backoffLimitPerIndex")))
		return;
	if (doc_absent(failed))
		field_required(f, FPATH(p, "maxFailedIndexes"),
			       "must be specified when completions is above 100000");
	check_at_most(f, FPATH(p, "parallelism"), parallel, PER_INDEX_MAX, many);
	check_at_most(f, FPATH(p, "maxFailedIndexes"), failed, PER_INDEX_MAX, many);
}

static void check_restart(struct faults *f, const struct fpath *p, struct span policy)
{
	static const char *const fine[] = {"OnFailure", "Never", NULL};
	if (policy.len == 0 || span_is(policy, "Always"))
		field_required(f, p, "valid values: \"OnFailure\", \"Never\"");
	else if (!in_list(fine, policy))
		field_not_supported(f, p, policy, fine);
}

static void check_indexed(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	static const char *const of_indexed[] = {"backoffLimitPerIndex", "maxFailedIndexes",
						 "successPolicy"};
	bool indexed = span_is(doc_get_str(spec, "completionMode"), "Indexed");
	const struct doc *failed = doc_get(spec, "maxFailedIndexes");
	int64_t completions = doc_get_int(spec, "completions", INT64_MAX);
	if (doc_is(failed, DOC_INT) && doc_absent(doc_get(spec, "backoffLimitPerIndex")))
		field_required(f, FPATH(p, "backoffLimitPerIndex"),
			       "when maxFailedIndexes is specified");
	if (indexed && doc_is(failed, DOC_INT) && failed->integer > completions)
		field_invalid_int(f, FPATH(p, "maxFailedIndexes"), failed->integer,
				  "must be less than or equal to completions");
	if (indexed && !doc_get(spec, "completions"))
		field_required(f, FPATH(p, "completions"), "when completion mode is Indexed");
	if (indexed)
		check_indexed_limits(f, p, spec);
	for (size_t i = 0; i < 3; i++) {
		const struct doc *d = doc_get(spec, of_indexed[i]);
		if (d && !indexed)
			field_invalid_doc(f, FPATH(p, of_indexed[i]), d,
					  "requires indexed completion mode");
	}
}

void job_spec_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct fpath *t = FPATH(p, "template");
	const struct doc *template = doc_get(spec, "template");
	rules_check(f, p, spec, rules);
	check_manager(f, FPATH(p, "managedBy"), doc_get(spec, "managedBy"));
	check_indexed(f, p, spec);
	job_check_failure_policy(f, p, spec);
	job_check_success_policy(f, p, spec);
	pod_template_validate(f, t, template);
	check_restart(f, FPATH(FPATH(t, "spec"), "restartPolicy"),
		      doc_path_str(template, "spec.restartPolicy"));
}
