/* ResourceQuotas: how much a namespace may have of what. */
#include "actors/objects/admission.h"
#include "actors/objects/quota.h"

#include "actors/schema/quantity.h"

static const char *const counted[] = {"pods",
				      "resourcequotas",
				      "services",
				      "replicationcontrollers",
				      "secrets",
				      "configmaps",
				      "persistentvolumeclaims",
				      "services.nodeports",
				      "services.loadbalancers",
				      NULL};
static const char *const measured[] = {"cpu",
				       "memory",
				       "ephemeral-storage",
				       "requests.cpu",
				       "requests.memory",
				       "requests.storage",
				       "requests.ephemeral-storage",
				       "limits.cpu",
				       "limits.memory",
				       "limits.ephemeral-storage",
				       NULL};

static bool starts_with(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.len >= n && memcmp(s.data, prefix, n) == 0;
}

static bool is_quota_name(struct span s)
{
	return in_list(counted, s) || in_list(measured, s) || starts_with(s, "hugepages-") ||
	       starts_with(s, "requests.hugepages-");
}

static bool is_qualified(struct span s)
{
	return memchr(s.data, '/', s.len) != NULL;
}

void quota_check_name(struct faults *f, const struct fpath *p, struct span name)
{
	const char *why = name_qualified(name);
	if (why)
		field_invalid(f, p, name, why);
	else if (!is_qualified(name) && !is_quota_name(name) && !span_is(name, "storage"))
		field_invalid(f, p, name, "must be a standard resource type or fully qualified");
}

void quota_check_amount(struct faults *f, const struct fpath *p, const struct doc *amount)
{
	struct quantity q;
	if (!doc_is(amount, DOC_STR) || quantity_parse(amount->text, &q))
		return;
	if (q.nano < 0)
		field_invalid(f, p, amount->text, "must be greater than or equal to 0");
	if (in_list(counted, amount->key) && !quantity_is_integer(q))
		field_invalid(f, p, amount->text, "must be an integer");
}

static void check_amounts(struct faults *f, const struct fpath *p, const struct doc *list)
{
	DOC_EACH(d, doc_is(list, DOC_MAP) ? list : NULL)
	{
		const struct fpath *here = FPATH_KEY(p, d->key);
		quota_check_name(f, here, d->key);
		if (!is_qualified(d->key) && !is_quota_name(d->key))
			field_invalid(f, here, d->key, "must be a standard resource for quota");
		quota_check_amount(f, here, d);
	}
}

/* ---- scopes: which pods count */

static const char *const scopes[] = {"Terminating",
				     "NotTerminating",
				     "BestEffort",
				     "NotBestEffort",
				     "PriorityClass",
				     "CrossNamespacePodAffinity",
				     NULL};
static const char *const of_compute[] = {"pods",
					 "cpu",
					 "memory",
					 "requests.cpu",
					 "requests.memory",
					 "limits.cpu",
					 "limits.memory",
					 "ephemeral-storage",
					 "requests.ephemeral-storage",
					 "limits.ephemeral-storage",
					 NULL};

static bool counts_by(struct span scope, struct span resource)
{
	if (span_is(scope, "BestEffort") || span_is(scope, "CrossNamespacePodAffinity"))
		return span_is(resource, "pods");
	return in_list(of_compute, resource);
}

static bool fits_all(struct span scope, const struct doc *hard)
{
	DOC_EACH(d, doc_is(hard, DOC_MAP) ? hard : NULL)
	if (is_quota_name(d->key) && !counts_by(scope, d->key))
		return false;
	return true;
}

/* Two of them say the opposite: `named` is the list, or has the names. */
static bool conflict(const struct doc *list, const char *field)
{
	static const char *const pairs[][2] = {{"BestEffort", "NotBestEffort"},
					       {"Terminating", "NotTerminating"}};
	for (size_t i = 0; i < 2; i++) {
		bool there[2] = {false, false};
		DOC_EACH(d, list)
		for (size_t k = 0; k < 2; k++)
			there[k] |= doc_str_is(field ? doc_get(d, field) : d, pairs[i][k]);
		if (there[0] && there[1])
			return true;
	}
	return false;
}

static void check_scopes(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *list = doc_get(spec, "scopes"), *hard = doc_get(spec, "hard");
	const struct fpath *at = FPATH(p, "scopes");
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		if (!in_list(scopes, d->text))
			field_invalid_doc(f, at, list, "unsupported scope");
		if (!fits_all(d->text, hard))
			field_invalid_doc(f, at, list, "unsupported scope applied to resource");
	}
	if (list && conflict(list, NULL))
		field_invalid_doc(f, at, list, "conflicting scopes");
}

static void check_requirement(struct faults *f, const struct fpath *p, const struct doc *x)
{
	const struct doc *values = doc_get(x, "values");
	struct span scope = doc_get_str(x, "scopeName"), op = doc_get_str(x, "operator");
	bool some = values && values->count > 0;
	if (!in_list(scopes, scope))
		field_invalid(f, FPATH(p, "scopeName"), scope, "unsupported scope");
	else if (!span_is(scope, "PriorityClass") && !span_is(op, "Exists"))
		field_invalid(f, FPATH(p, "operator"), op,
			      "must be 'Exist' only operator when scope is any of "
			      "ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
			      "ResourceQuotaScopeBestEffort and ResourceQuotaScopeNotBestEffort");
	if (span_is(op, "In") || span_is(op, "NotIn")) {
		if (!some)
			field_required(f, FPATH(p, "values"),
				       "must be at least one value when `operator` is 'In' or "
				       "'NotIn' for scope selector");
	} else if (span_is(op, "Exists") || span_is(op, "DoesNotExist")) {
		if (some)
			field_invalid_doc(f, FPATH(p, "values"), values,
					  "must be no value when `operator` is 'Exist' or "
					  "'DoesNotExist' for scope selector");
	} else {
		field_invalid(f, FPATH(p, "operator"), op, "not a valid selector operator");
	}
}

static void check_spec(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *list = doc_path(spec, "scopeSelector.matchExpressions");
	const struct fpath *at = FPATH(FPATH(p, "scopeSelector"), "matchExpressions");
	check_amounts(f, FPATH(p, "hard"), doc_get(spec, "hard"));
	check_scopes(f, p, spec);
	DOC_EACH(x, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		check_requirement(f, at, x);
		if (!fits_all(doc_get_str(x, "scopeName"), doc_get(spec, "hard")))
			field_invalid_doc(f, at, doc_get(spec, "scopeSelector"),
					  "unsupported scope applied to resource");
	}
	if (list && conflict(list, "scopeName"))
		field_invalid_doc(f, at, doc_get(spec, "scopes"), "conflicting scopes");
}

static const struct rule rules[] =
	{
		RULE("spec", CALL, .call = check_spec),
		{0},
},
			 status_rules[] = {
				 RULE("status.hard", CALL, .call = check_amounts),
				 RULE("status.used", CALL, .call = check_amounts),
				 {0},
};

static const char *const fixed[] = {"spec.scopes", NULL};

static bool claims(struct write *w, bool removing)
{
	return admission_list(w, !removing);
}

const struct strategy strategy_resourcequota = {
	.unconditional_update = true,
	.returns_deleted = true,
	.status = true,
	.rules = rules,
	.status_rules = status_rules,
	.fixed = fixed,
	.claims = claims,
	.subresources = subresources_status,
};
