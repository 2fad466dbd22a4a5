/* ReplicaSets: so many pods of a template. */
#include "actors/objects/warning.h"
#include "actors/objects/workload.h"

static const struct fill fills[] = {DEFAULT_NUMBER("spec.replicas", 1), {0}};

static const struct rule rules[] =
	{
		RULE("spec.selector", NEEDED_MAP),
		RULE("spec.replicas", NOT_NEGATIVE),
		RULE("spec.minReadySeconds", NOT_NEGATIVE),
		{0},
},
			 status_rules[] = {
				 RULE("status.replicas", NOT_NEGATIVE),
				 RULE("status.fullyLabeledReplicas", NOT_NEGATIVE),
				 RULE("status.readyReplicas", NOT_NEGATIVE),
				 RULE("status.availableReplicas", NOT_NEGATIVE),
				 RULE("status.observedGeneration", NOT_NEGATIVE),
				 {0},
};

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_int(w->a, status, "replicas", 0);
}

static void validate(struct write *w)
{
	workload_validate(w, "deployment", "invalid label selector", "ReplicaSet");
}

static void validate_status(struct write *w)
{
	workload_check_counts(w, "replicas",
			      ONE_OF("fullyLabeledReplicas", "readyReplicas", "availableReplicas"));
	workload_check_counts(w, "readyReplicas", ONE_OF("availableReplicas"));
}

static const char *const fixed[] = {"spec.selector", NULL};

const struct strategy strategy_replicaset = {
	.unconditional_update = true,
	.generation = true,
	.status = true,
	.fills = fills,
	.defaults = workload_defaults,
	.prepare_create = prepare_create,
	.rules = rules,
	.status_rules = status_rules,
	.fixed = fixed,
	.validate = validate,
	.validate_status = validate_status,
	.subresources = subresources_scale,
	.warn = warn_workload,
};
