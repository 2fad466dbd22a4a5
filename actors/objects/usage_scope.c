/* Scopes of quotas: which pods one is about. */
#include "actors/objects/usage.h"

#include <string.h>

static bool is_terminating(struct mp pod)
{
	return mp_path_int(pod, "spec.activeDeadlineSeconds", -1) >= 0;
}

static bool is_best_effort(struct mp pod)
{
	return span_is(mp_path_str(pod, "status.qosClass"), "BestEffort");
}

static bool names_namespaces(struct mp terms, const char *inner)
{
	for (struct mp_walk t = mp_walk_list(terms, NULL); mp_walk_next(&t);) {
		struct mp term = t.value, m;
		if (inner && !mp_path(t.value, inner, &term))
			continue;
		if (mp_walk_list(term, "namespaces").left ||
		    mp_path(term, "namespaceSelector", &m))
			return true;
	}
	return false;
}

static bool crosses_namespaces(struct mp pod)
{
	static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};
	static const struct {
		const char *list, *inner;
	} lists[] = {{"requiredDuringSchedulingIgnoredDuringExecution", NULL},
		     {"preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"}};
	struct mp affinity, kind, list;
	if (!mp_path(pod, "spec.affinity", &affinity))
		return false;
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; mp_find(affinity, kinds[i], &kind) && k < 2; k++)
			if (mp_find(kind, lists[k].list, &list) &&
			    names_namespaces(list, lists[k].inner))
				return true;
	return false;
}

static bool in_values(struct mp requirement, struct span name)
{
	for (struct mp_walk v = mp_walk_list(requirement, "values"); mp_walk_next(&v);) {
		struct span s = {0};
		struct mp m = v.value;
		if (!mp_str(&m, &s) && span_eq(s, name))
			return true;
	}
	return false;
}

static bool class_fits(struct mp pod, struct span op, struct mp requirement)
{
	struct span class = mp_path_str(pod, "spec.priorityClassName");
	bool in = class.len && in_values(requirement, class);
	if (span_is(op, "In"))
		return in;
	if (span_is(op, "NotIn"))
		return !in;
	return span_is(op, "DoesNotExist") ? !class.len : class.len > 0;
}

static bool fits(struct mp pod, struct span scope, struct span op, struct mp requirement)
{
	if (span_is(scope, "Terminating"))
		return is_terminating(pod);
	if (span_is(scope, "NotTerminating"))
		return !is_terminating(pod);
	if (span_is(scope, "BestEffort"))
		return is_best_effort(pod);
	if (span_is(scope, "NotBestEffort"))
		return !is_best_effort(pod);
	if (span_is(scope, "PriorityClass"))
		return class_fits(pod, op, requirement);
	return span_is(scope, "CrossNamespacePodAffinity") && crosses_namespaces(pod);
}

bool usage_in_scope(const struct schema_resource *r, struct mp object, struct mp spec)
{
	bool pod = strcmp(r->stream, "pods") == 0;
	for (struct mp_walk k = mp_walk_list(spec, "scopes"); mp_walk_next(&k);) {
		struct span scope = {0};
		struct mp m = k.value;
		if (!pod || mp_str(&m, &scope) ||
		    !fits(object, scope, span_of("Exists"), (struct mp){0}))
			return false;
	}
	for (struct mp_walk k = mp_walk_list(spec, "scopeSelector.matchExpressions");
	     mp_walk_next(&k);)
		if (!pod || !fits(object, mp_path_str(k.value, "scopeName"),
				  mp_path_str(k.value, "operator"), k.value))
			return false;
	return true;
}
