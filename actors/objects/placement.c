#include "actors/objects/placement.h"

#include <string.h>

#include "actors/schema/rfc3339.h"
#include "actors/schema/selectors.h"

/* ---- taints and tolerations */

struct taint {
	struct span key, value, effect;
};

static bool tolerates(struct mp toleration, const struct taint *t)
{
	struct span key = mp_path_str(toleration, "key");
	struct span op = mp_path_str(toleration, "operator");
	struct span effect = mp_path_str(toleration, "effect");
	if (effect.len && !span_eq(effect, t->effect))
		return false;
	if (key.len && !span_eq(key, t->key))
		return false;
	if (span_is(op, "Exists"))
		return true;
	return key.len && span_eq(mp_path_str(toleration, "value"), t->value);
}

static bool find_toleration(struct mp list, const struct taint *t, struct mp *out)
{
	size_t n;
	if (!list.p || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (tolerates(list, t)) {
			*out = list;
			return true;
		}
	return false;
}

static bool tolerated(struct mp list, const struct taint *t)
{
	struct mp m;
	return find_toleration(list, t, &m);
}

static enum placement_taint strength(struct mp tolerations, const struct taint *t)
{
	bool no_execute = span_is(t->effect, "NoExecute");
	if ((!no_execute && !span_is(t->effect, "NoSchedule")) || tolerated(tolerations, t))
		return TAINT_NONE;
	return no_execute ? TAINT_NO_EXECUTE : TAINT_NO_SCHEDULE;
}

enum placement_taint placement_taints(struct mp tolerations, struct mp node)
{
	struct taint cordon = {.key = span_of("node.kubernetes.io/unschedulable"),
			       .effect = span_of("NoSchedule")};
	enum placement_taint worst = TAINT_NONE;
	struct mp list;
	size_t n;
	if (mp_path_bool(node, "spec.unschedulable", false))
		worst = strength(tolerations, &cordon);
	if (!mp_path(node, "spec.taints", &list) || mp_array(&list, &n))
		return worst;
	for (; n > 0; n--, mp_skip(&list)) {
		struct taint t = {mp_path_str(list, "key"), mp_path_str(list, "value"),
				  mp_path_str(list, "effect")};
		enum placement_taint is = strength(tolerations, &t);
		worst = is > worst ? is : worst;
	}
	return worst;
}

int placement_unwelcome(struct mp tolerations, struct mp node)
{
	struct mp list;
	size_t n;
	int count = 0;
	if (!mp_path(node, "spec.taints", &list) || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct taint t = {mp_path_str(list, "key"), mp_path_str(list, "value"),
				  mp_path_str(list, "effect")};
		count += span_is(t.effect, "PreferNoSchedule") && !tolerated(tolerations, &t);
	}
	return count;
}

/* By one taint of the node. */
static int64_t leave_by(struct mp tolerations, struct mp taint, int64_t since_us,
			const struct placement_clock *clock)
{
	struct taint t = {mp_path_str(taint, "key"), mp_path_str(taint, "value"),
			  mp_path_str(taint, "effect")};
	struct mp toleration, seconds;
	int64_t s, added_us;
	if (!span_is(t.effect, "NoExecute"))
		return INT64_MAX;
	if (!find_toleration(tolerations, &t, &toleration))
		return INT64_MIN;
	if (!mp_find(toleration, "tolerationSeconds", &seconds) || mp_i64(&seconds, &s))
		return INT64_MAX;
	if (s <= 0)
		return INT64_MIN;
	if (rfc3339_parse(mp_path_str(taint, "timeAdded"), &added_us))
		added_us = clock ? clock->added_us(clock->arg, taint) : since_us;
	if (added_us > since_us)
		since_us = added_us;
	return s < (INT64_MAX - since_us) / 1000000 ? since_us + s * 1000000 : INT64_MAX;
}

int64_t placement_leave_us(struct mp tolerations, struct mp node, int64_t since_us,
			   const struct placement_clock *clock)
{
	int64_t first = INT64_MAX;
	struct mp list;
	size_t n;
	if (!mp_path(node, "spec.taints", &list) || mp_array(&list, &n))
		return first;
	for (; n > 0; n--, mp_skip(&list)) {
		int64_t us = leave_by(tolerations, list, since_us, clock);
		first = us < first ? us : first;
	}
	return first;
}

/* ---- required node affinity */

static bool name_matches(struct mp field, struct mp node)
{
	struct span op = mp_path_str(field, "operator"), value = {0};
	struct span name = mp_path_str(node, "metadata.name");
	struct mp values;
	size_t n = 0;
	if (!span_is(mp_path_str(field, "key"), "metadata.name") ||
	    !mp_path(field, "values", &values) || mp_array(&values, &n) || n != 1 ||
	    mp_str(&values, &value))
		return false;
	if (span_is(op, "In"))
		return span_eq(name, value);
	return span_is(op, "NotIn") && !span_eq(name, value);
}

/* All of a list hold; *count: how many there are. */
static bool all_hold(struct mp term, const char *list, struct mp about,
		     bool (*holds)(struct mp requirement, struct mp about), size_t *count)
{
	struct mp m;
	size_t n = 0;
	if (!mp_path(term, list, &m) || mp_array(&m, &n))
		return true;
	*count += n;
	for (; n > 0; n--) {
		if (!holds(m, about))
			return false;
		if (mp_skip(&m))
			break;
	}
	return true;
}

/* One that asks nothing holds nowhere. */
static bool term_holds(struct mp term, struct mp node, struct mp labels)
{
	size_t asked = 0;
	return all_hold(term, "matchExpressions", labels, label_requirement_match, &asked) &&
	       all_hold(term, "matchFields", node, name_matches, &asked) && asked;
}

static bool a_term_holds(struct mp selector, struct mp node, struct mp labels)
{
	struct mp terms;
	size_t n = 0;
	if (!mp_path(selector, "nodeSelectorTerms", &terms) || mp_array(&terms, &n))
		return true;
	for (; n > 0; n--) {
		if (term_holds(terms, node, labels))
			return true;
		if (mp_skip(&terms))
			break;
	}
	return false;
}

bool placement_node_selector(struct mp selector, struct mp node)
{
	struct mp labels = {0};
	mp_path(node, "metadata.labels", &labels);
	return a_term_holds(selector, node, labels);
}

static bool affine(struct mp spec, struct mp node, struct mp labels)
{
	struct mp required;
	return !mp_path(spec,
			"affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
			&required) ||
	       a_term_holds(required, node, labels);
}

bool placement_selects(struct mp spec, struct mp node)
{
	struct mp labels = {0}, want;
	if (!spec.p)
		return true;
	mp_path(node, "metadata.labels", &labels);
	if (mp_path(spec, "nodeSelector", &want) && !label_map_match(want, labels))
		return false;
	return affine(spec, node, labels);
}

int64_t placement_preference(struct mp spec, struct mp node)
{
	struct mp list, term, labels = {0};
	int64_t sum = 0;
	size_t n;
	if (!mp_path(spec, "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution", &list) ||
	    mp_array(&list, &n))
		return 0;
	mp_path(node, "metadata.labels", &labels);
	for (; n > 0; n--, mp_skip(&list))
		if (mp_find(list, "preference", &term) && term_holds(term, node, labels))
			sum += mp_path_int(list, "weight", 0);
	return sum;
}
