/* Deployments: replica sets of a template, replaced by and by or at once. */
#include "actors/objects/warning.h"
#include "actors/objects/workload.h"

static const struct fill fills[] =
	{
		DEFAULT_NUMBER("spec.replicas", 1),
		DEFAULT_TEXT("spec.strategy+.type", "RollingUpdate"),
		DEFAULT_NUMBER("spec.revisionHistoryLimit", 10),
		DEFAULT_NUMBER("spec.progressDeadlineSeconds", 600),
		{0},
},
			 rolling[] = {
				 DEFAULT_TEXT("spec.strategy.rollingUpdate+.maxUnavailable", "25%"),
				 DEFAULT_TEXT("spec.strategy.rollingUpdate+.maxSurge", "25%"),
				 {0},
};

static void defaults(struct write *w)
{
	workload_defaults(w);
	if (span_is(doc_path_str(w->obj, "spec.strategy.type"), "RollingUpdate"))
		rules_fill(w->a, w->obj, rolling);
}

static void check_strategy(struct faults *f, const struct fpath *p, const struct doc *strategy)
{
	const struct doc *rolling_update = doc_get(strategy, "rollingUpdate");
	const struct doc *gone = doc_get(rolling_update, "maxUnavailable");
	struct span type = doc_get_str(strategy, "type");
	const struct fpath *at = FPATH(p, "rollingUpdate");
	if (span_is(type, "Recreate")) {
		if (rolling_update)
			field_forbidden(f, at,
					"may not be specified when strategy `type` is 'Recreate'");
	} else if (span_is(type, "RollingUpdate")) {
		check_share(f, FPATH(at, "maxUnavailable"), gone);
		check_count(f, FPATH(at, "maxSurge"), doc_get(rolling_update, "maxSurge"));
		if (share_of(gone) == 0 && share_of(doc_get(rolling_update, "maxSurge")) == 0)
			field_invalid_doc(f, FPATH(at, "maxUnavailable"), gone,
					  "may not be 0 when `maxSurge` is 0");
	} else {
		field_not_supported(f, p, type, ONE_OF("Recreate", "RollingUpdate"));
	}
}

static const struct rule rules[] =
	{
		RULE("spec.selector", NEEDED_MAP),
		RULE("spec.replicas", NOT_NEGATIVE),
		RULE("spec.strategy", CALL, .call = check_strategy),
		RULE("spec.minReadySeconds", NOT_NEGATIVE),
		RULE("spec.revisionHistoryLimit", NOT_NEGATIVE),
		RULE("spec.progressDeadlineSeconds", NOT_NEGATIVE),
		{0},
},
			 status_rules[] = {
				 RULE("status.observedGeneration", NOT_NEGATIVE),
				 RULE("status.replicas", NOT_NEGATIVE),
				 RULE("status.updatedReplicas", NOT_NEGATIVE),
				 RULE("status.readyReplicas", NOT_NEGATIVE),
				 RULE("status.availableReplicas", NOT_NEGATIVE),
				 RULE("status.unavailableReplicas", NOT_NEGATIVE),
				 RULE("status.collisionCount", NOT_NEGATIVE),
				 {0},
};

static void validate(struct write *w)
{
	const struct doc *spec = doc_get(w->obj, "spec");
	int64_t deadline = doc_get_int(spec, "progressDeadlineSeconds", INT64_MAX);
	workload_validate(w, "deployment", "invalid label selector", "ReplicaSet");
	if (deadline <= doc_get_int(spec, "minReadySeconds", 0))
		field_invalid_int(&w->faults, FPATH(FPATH(NULL, "spec"), "progressDeadlineSeconds"),
				  deadline, "must be greater than minReadySeconds");
}

static void validate_status(struct write *w)
{
	workload_check_counts(w, "replicas",
			      ONE_OF("updatedReplicas", "readyReplicas", "availableReplicas"));
	workload_check_counts(w, "readyReplicas", ONE_OF("availableReplicas"));
	workload_check_collisions(w);
}

static const char *const fixed[] = {"spec.selector", NULL};

const struct strategy strategy_deployment = {
	.unconditional_update = true,
	.generation = true,
	.counts_annotations = true,
	.status = true,
	.fills = fills,
	.defaults = defaults,
	.rules = rules,
	.status_rules = status_rules,
	.fixed = fixed,
	.validate = validate,
	.validate_status = validate_status,
	.subresources = subresources_scale,
	.warn = warn_workload,
};
