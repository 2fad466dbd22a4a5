/* PodDisruptionBudgets: how many pods of a selector may be taken away. */
#include "actors/objects/admission.h"

static void check_spec(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	if (doc_get(spec, "minAvailable") && doc_get(spec, "maxUnavailable"))
		field_invalid_doc(f, p, spec, "minAvailable and maxUnavailable cannot be both set");
}

static const struct rule rules[] =
	{
		RULE("spec", CALL, .call = check_spec),
		RULE("spec.minAvailable", SHARE),
		RULE("spec.maxUnavailable", SHARE),
		RULE("spec.selector", SELECTOR),
		RULE("spec.unhealthyPodEvictionPolicy", ONE_OF,
		     .list = ONE_OF("AlwaysAllow", "IfHealthyBudget")),
		{0},
},
			 status_rules[] = {
				 RULE("status.disruptionsAllowed", NOT_NEGATIVE),
				 RULE("status.currentHealthy", NOT_NEGATIVE),
				 RULE("status.desiredHealthy", NOT_NEGATIVE),
				 RULE("status.expectedPods", NOT_NEGATIVE),
				 {0},
};

/* Evictions look for it by its namespace's list. */
static bool claims(struct write *w, bool removing)
{
	return admission_list(w, !removing);
}

const struct strategy strategy_poddisruptionbudget = {
	.generation = true,
	.status = true,
	.rules = rules,
	.status_rules = status_rules,
	.subresources = subresources_status,
	.claims = claims,
};
