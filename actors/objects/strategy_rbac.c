/* Roles and who they are given to. A binding's role never changes: who could
 * change it would give away rights that were given for another one. */
#include "actors/objects/meta.h"
#include "actors/schema/selectors.h"

#define GROUP "rbac.authorization.k8s.io"

/* ---- roles */

static bool some(const struct doc *rule, const char *list)
{
	const struct doc *d = doc_get(rule, list);
	return doc_is(d, DOC_ARRAY) && d->count > 0;
}

static void check_any_rule(struct faults *f, const struct fpath *p, const struct doc *rule,
			   bool namespaced)
{
	const struct doc *urls = doc_get(rule, "nonResourceURLs");
	const struct fpath *at = FPATH(p, "nonResourceURLs");
	if (!some(rule, "verbs"))
		field_required(f, FPATH(p, "verbs"), "verbs must contain at least one value");
	if (some(rule, "nonResourceURLs")) {
		if (namespaced)
			field_invalid_doc(f, at, urls,
					  "namespaced rules cannot apply to non-resource URLs");
		if (some(rule, "apiGroups") || some(rule, "resources") ||
		    some(rule, "resourceNames"))
			field_invalid_doc(f, at, urls,
					  "rules cannot apply to both regular resources and "
					  "non-resource URLs");
		return;
	}
	if (!some(rule, "apiGroups"))
		field_required(f, FPATH(p, "apiGroups"),
			       "resource rules must supply at least one api group");
	if (!some(rule, "resources"))
		field_required(f, FPATH(p, "resources"),
			       "resource rules must supply at least one resource");
}

static void check_rule(struct faults *f, const struct fpath *p, const struct doc *rule)
{
	check_any_rule(f, p, rule, true);
}

static void check_cluster_rule(struct faults *f, const struct fpath *p, const struct doc *rule)
{
	check_any_rule(f, p, rule, false);
}

static void check_aggregated(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct label_selector *compiled;
	check_label_selector(f, p, d);
	if (label_selector_from_doc(f->arena, d, &compiled, NULL))
		field_invalid_doc(f, p, d, "invalid label selector.");
}

static const struct rule role_rules[] =
	{
		RULE("rules[]", CALL, .call = check_rule),
		{0},
},
			 cluster_role_rules[] = {
				 RULE("rules[]", CALL, .call = check_cluster_rule),
				 RULE("aggregationRule.clusterRoleSelectors", NEEDED,
				      .detail = "at least one clusterRoleSelector required if "
						"aggregationRule is non-nil"),
				 RULE("aggregationRule.clusterRoleSelectors[]", CALL,
				      .call = check_aggregated),
				 {0},
};

const struct strategy strategy_role = {
	.name = name_path_segment,
	.unconditional_update = true,
	.create_on_update = true,
	.rules = role_rules,
};

const struct strategy strategy_clusterrole = {
	.name = name_path_segment,
	.unconditional_update = true,
	.create_on_update = true,
	.rules = cluster_role_rules,
};

/* ---- bindings */

static const struct fill binding_fills[] = {DEFAULT_TEXT("roleRef+.apiGroup", GROUP), {0}};

static void binding_defaults(struct write *w)
{
	const struct doc *subjects = doc_get(w->obj, "subjects");
	DOC_EACH(s, doc_is(subjects, DOC_ARRAY) ? subjects : NULL)
	{
		struct span kind = doc_get_str(s, "kind");
		if (!doc_get_str(s, "apiGroup").len &&
		    (span_is(kind, "User") || span_is(kind, "Group")))
			doc_set_str(w->a, s, "apiGroup", GROUP);
	}
}

static void check_any_subject(struct faults *f, const struct fpath *p, const struct doc *s,
			      bool namespaced)
{
	static const char *const kinds[] = {"ServiceAccount", "User", "Group", NULL};
	struct span kind = doc_get_str(s, "kind"), name = doc_get_str(s, "name");
	struct span group = doc_get_str(s, "apiGroup");
	bool account = span_is(kind, "ServiceAccount");
	if (!name.len)
		field_required(f, FPATH(p, "name"), "");
	if (!in_list(kinds, kind)) {
		field_not_supported(f, FPATH(p, "kind"), kind, kinds);
		return;
	}
	if (!account && !span_is(group, GROUP))
		field_not_supported(f, FPATH(p, "apiGroup"), group, ONE_OF(GROUP));
	if (!account)
		return;
	if (name.len && name_dns1123_subdomain(name))
		field_invalid(f, FPATH(p, "name"), name, name_dns1123_subdomain(name));
	if (group.len)
		field_not_supported(f, FPATH(p, "apiGroup"), group, ONE_OF(""));
	if (!namespaced && !doc_get_str(s, "namespace").len)
		field_required(f, FPATH(p, "namespace"), "");
}

static void check_subject(struct faults *f, const struct fpath *p, const struct doc *s)
{
	check_any_subject(f, p, s, true);
}

static void check_cluster_subject(struct faults *f, const struct fpath *p, const struct doc *s)
{
	check_any_subject(f, p, s, false);
}

static const struct rule binding_rules[] =
	{
		RULE("roleRef.apiGroup", NEEDED_ONE_OF, .list = ONE_OF(GROUP)),
		RULE("roleRef.kind", NEEDED_ONE_OF, .list = ONE_OF("Role", "ClusterRole")),
		RULE("roleRef.name", NAME, .name = name_path_segment),
		RULE("subjects[]", CALL, .call = check_subject),
		{0},
},
			 cluster_binding_rules[] = {
				 RULE("roleRef.apiGroup", NEEDED_ONE_OF, .list = ONE_OF(GROUP)),
				 RULE("roleRef.kind", NEEDED_ONE_OF, .list = ONE_OF("ClusterRole")),
				 RULE("roleRef.name", NAME, .name = name_path_segment),
				 RULE("subjects[]", CALL, .call = check_cluster_subject),
				 {0},
};

static void binding_validate_update(struct write *w)
{
	const struct doc *role = doc_get(w->obj, "roleRef");
	if (!doc_equal(role, doc_get(w->old, "roleRef")))
		field_invalid_doc(&w->faults, FPATH(NULL, "roleRef"), role,
				  "cannot change roleRef");
}

const struct strategy strategy_rolebinding = {
	.name = name_path_segment,
	.unconditional_update = true,
	.create_on_update = true,
	.fills = binding_fills,
	.defaults = binding_defaults,
	.rules = binding_rules,
	.validate_update = binding_validate_update,
};

const struct strategy strategy_clusterrolebinding = {
	.name = name_path_segment,
	.unconditional_update = true,
	.create_on_update = true,
	.fills = binding_fills,
	.defaults = binding_defaults,
	.rules = cluster_binding_rules,
	.validate_update = binding_validate_update,
};
