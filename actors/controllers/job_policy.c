/* Rules as kubernetes pkg/controller/job/pod_failure_policy.go and
 * success_policy.go apply them. */
#include "actors/controllers/job_policy.h"

#include "actors/schema/conditions.h"

static bool has_number(struct mp list, int64_t wanted)
{
	size_t n = 0;
	int64_t v;
	if (mp_array(&list, &n))
		return false;
	for (; n > 0 && !mp_i64(&list, &v); n--)
		if (v == wanted)
			return true;
	return false;
}

/* ---- exit codes */

struct ended {
	struct span container;
	int64_t code;
};

static bool find_code(struct mp rule, struct mp pod, const char *path, struct ended *out)
{
	struct mp list, values = {0};
	struct span only = mp_path_str(rule, "containerName");
	bool in = !span_is(mp_path_str(rule, "operator"), "NotIn");
	size_t n = 0;
	mp_find(rule, "values", &values);
	if (!mp_path(pod, path, &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--) {
		*out = (struct ended){mp_path_str(list, "name"),
				      mp_path_int(list, "state.terminated.exitCode", 0)};
		if (out->code && (!only.len || span_eq(only, out->container)) &&
		    has_number(values, out->code) == in)
			return true;
		if (mp_skip(&list))
			break;
	}
	return false;
}

static bool matches_code(struct mp rule, struct mp pod, struct ended *out)
{
	return find_code(rule, pod, "status.containerStatuses", out) ||
	       find_code(rule, pod, "status.initContainerStatuses", out);
}

/* ---- conditions */

static bool has_condition(struct mp pod, struct span type, struct span status)
{
	struct mp m;
	return condition_find(pod, type, &m) && span_eq(mp_path_str(m, "status"), status);
}

static bool matches_condition(struct mp patterns, struct mp pod, struct span *type)
{
	size_t n = 0;
	if (mp_array(&patterns, &n))
		return false;
	for (; n > 0; n--) {
		struct span status = mp_path_str(patterns, "status");
		*type = mp_path_str(patterns, "type");
		if (has_condition(pod, *type, status.len ? status : span_of("True")))
			return true;
		if (mp_skip(&patterns))
			break;
	}
	return false;
}

/* ---- the failure policy */

static enum job_failure action_of(const struct job_facts *j, struct span action)
{
	if (span_is(action, "FailJob"))
		return JOB_FAILURE_OF_JOB;
	if (span_is(action, "Ignore"))
		return JOB_FAILURE_IGNORED;
	return span_is(action, "FailIndex") && j->backoff_per_index >= 0 ? JOB_FAILURE_OF_INDEX
									   : JOB_FAILURE_COUNTS;
}

enum job_failure job_failure_of(struct arena *a, const struct job_facts *j,
				const struct job_pod *p, const char **why)
{
	struct mp rules = j->failure_policy, m;
	size_t n = 0;
	struct ended ended;
	struct span type, ns = p->replica.child.namespace, name = p->replica.child.name;
	if (!rules.p || mp_array(&rules, &n))
		return JOB_FAILURE_COUNTS;
	for (size_t i = 0; i < n; i++) {
		struct span action = mp_path_str(rules, "action");
		const char *what = NULL;
		if (mp_find(rules, "onExitCodes", &m) && matches_code(m, p->object, &ended))
			what = arena_printf(
				a, "Container %.*s for pod %.*s/%.*s failed with exit code %lld",
				(int)ended.container.len, (const char *)ended.container.data,
				(int)ns.len, (const char *)ns.data, (int)name.len,
				(const char *)name.data, (long long)ended.code);
		else if (mp_find(rules, "onPodConditions", &m) &&
			 matches_condition(m, p->object, &type))
			what = arena_printf(a, "Pod %.*s/%.*s has condition %.*s", (int)ns.len,
					    (const char *)ns.data, (int)name.len,
					    (const char *)name.data, (int)type.len,
					    (const char *)type.data);
		if (what) {
			*why = arena_printf(a, "%s matching %.*s rule at index %zu", what,
					    (int)action.len, (const char *)action.data, i);
			return action_of(j, action);
		}
		if (mp_skip(&rules))
			break;
	}
	return JOB_FAILURE_COUNTS;
}

/* ---- the success policy */

static int64_t in_both(struct arena *a, const struct indexes *x, const struct indexes *y)
{
	struct indexes all = indexes_union(a, x, y);
	return x->total + y->total - all.total;
}

int job_success_rule(struct arena *a, const struct job_facts *j, const struct indexes *succeeded)
{
	struct mp rules = j->success_policy;
	size_t n = 0;
	if (!rules.p || mp_array(&rules, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct span text = mp_path_str(rules, "succeededIndexes");
		int64_t needed = mp_path_int(rules, "succeededCount", -1);
		int64_t have = succeeded->total;
		if (text.len) {
			struct indexes named = indexes_parse(a, text, j->completions);
			have = in_both(a, &named, succeeded);
			needed = needed < 0 ? named.total : needed;
		}
		if (needed >= 0 && have >= needed)
			return (int)i;
		if (mp_skip(&rules))
			break;
	}
	return -1;
}
