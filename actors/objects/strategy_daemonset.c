/* DaemonSets: a pod of a template on each node that is meant. */
#include "actors/objects/workload.h"

#include "actors/objects/meta.h"
#include "actors/objects/warning.h"

static const char generation[] = "deprecated.daemonset.template.generation";

static const struct fill fills[] =
	{
		DEFAULT_TEXT("spec.updateStrategy+.type", "RollingUpdate"),
		DEFAULT_NUMBER("spec.revisionHistoryLimit", 10),
		{0},
},
			 rolling[] = {
				 DEFAULT_NUMBER("spec.updateStrategy.rollingUpdate+.maxUnavailable",
						1),
				 DEFAULT_NUMBER("spec.updateStrategy.rollingUpdate+.maxSurge", 0),
				 {0},
};

static void defaults(struct write *w)
{
	workload_defaults(w);
	if (span_is(doc_path_str(w->obj, "spec.updateStrategy.type"), "RollingUpdate"))
		rules_fill(w->a, w->obj, rolling);
}

/* Clients of the first versions look for the template's generation here. */
static void set_template_generation(struct write *w, int64_t n)
{
	struct doc *all = doc_need_map(w->a, meta_of(w->obj), "annotations");
	if (all)
		doc_set(w->a, all, generation, doc_printf(w->a, "%lld", (long long)n));
}

static int64_t template_generation(const struct doc *obj)
{
	struct span s = doc_get_str(doc_get(meta_of(obj), "annotations"), generation);
	int64_t n = 0;
	for (size_t i = 0; i < s.len && i < 18; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return 0;
		n = 10 * n + s.data[i] - '0';
	}
	return n;
}

static void prepare_create(struct write *w)
{
	set_template_generation(w, 1);
}

static void prepare_update(struct write *w)
{
	bool same = doc_equal(doc_path(w->obj, "spec.template"), doc_path(w->old, "spec.template"));
	set_template_generation(w, template_generation(w->old) + !same);
}

static void check_strategy(struct faults *f, const struct fpath *p, const struct doc *strategy)
{
	const struct doc *update = doc_get(strategy, "rollingUpdate");
	const struct doc *gone = doc_get(update, "maxUnavailable"),
			 *surge = doc_get(update, "maxSurge");
	struct span type = doc_get_str(strategy, "type");
	const struct fpath *at = FPATH(p, "rollingUpdate");
	if (span_is(type, "OnDelete"))
		return;
	if (!span_is(type, "RollingUpdate")) {
		field_not_supported(f, p, type, ONE_OF("RollingUpdate", "OnDelete"));
		return;
	}
	check_share(f, FPATH(at, "maxUnavailable"), gone);
	check_share(f, FPATH(at, "maxSurge"), surge);
	if (share_of(gone) && share_of(surge))
		field_invalid_doc(f, FPATH(at, "maxSurge"), surge,
				  "may not be set when maxUnavailable is non-zero");
	if (!share_of(gone) && !share_of(surge))
		field_required(f, FPATH(at, "maxUnavailable"), "cannot be 0 when maxSurge is 0");
}

static const struct rule rules[] =
	{
		RULE("spec.minReadySeconds", NOT_NEGATIVE),
		RULE("spec.updateStrategy", CALL, .call = check_strategy),
		RULE("spec.revisionHistoryLimit", NOT_NEGATIVE),
		{0},
},
			 status_rules[] = {
				 RULE("status.currentNumberScheduled", NOT_NEGATIVE),
				 RULE("status.numberMisscheduled", NOT_NEGATIVE),
				 RULE("status.desiredNumberScheduled", NOT_NEGATIVE),
				 RULE("status.numberReady", NOT_NEGATIVE),
				 RULE("status.observedGeneration", NOT_NEGATIVE),
				 RULE("status.updatedNumberScheduled", NOT_NEGATIVE),
				 RULE("status.numberAvailable", NOT_NEGATIVE),
				 RULE("status.numberUnavailable", NOT_NEGATIVE),
				 RULE("status.collisionCount", NOT_NEGATIVE),
				 {0},
};

static void validate(struct write *w)
{
	workload_validate(w, "daemonset", NULL, "DaemonSet");
}

static void validate_status(struct write *w)
{
	workload_check_collisions(w);
}

static const char *const fixed[] = {"spec.selector", NULL};

const struct strategy strategy_daemonset = {
	.unconditional_update = true,
	.generation = true,
	.status = true,
	.fills = fills,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.rules = rules,
	.status_rules = status_rules,
	.fixed = fixed,
	.validate = validate,
	.validate_status = validate_status,
	.subresources = subresources_status,
	.warn = warn_template,
};
