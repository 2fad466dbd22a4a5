/* Where a pod may run: node selector, tolerations, affinity, spread. */
#include "actors/objects/pod.h"

/* ---- tolerations */

static void validate_toleration(struct faults *f, const struct fpath *p, const struct doc *t)
{
	static const char *const operators[] = {"Equal", "Exists", NULL};
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	struct span key = doc_get_str(t, "key"), op = doc_get_str(t, "operator");
	struct span value = doc_get_str(t, "value"), effect = doc_get_str(t, "effect");
	bool exists = span_is(op, "Exists");
	if (key.len && name_qualified(key))
		field_invalid(f, FPATH(p, "key"), key, name_qualified(key));
	if (key.len == 0 && !exists)
		field_invalid(f, FPATH(p, "operator"), op,
			      "operator must be Exists when `key` is empty, which means \"match "
			      "all values "
			      "and all keys\"");
	if (doc_get(t, "tolerationSeconds") && !span_is(effect, "NoExecute"))
		field_invalid(f, FPATH(p, "effect"), effect,
			      "effect must be 'NoExecute' when `tolerationSeconds` is set");
	if (exists && value.len)
		field_invalid_doc(f, FPATH(p, "operator"), t,
				  "value must be empty when `operator` is 'Exists'");
	else if (name_label_value(value))
		field_invalid(f, FPATH(p, "operator"), value, name_label_value(value));
	check_enum(f, FPATH(p, "operator"), doc_get(t, "operator"), operators);
	check_enum(f, FPATH(p, "effect"), doc_get(t, "effect"), effects);
}

void pod_tolerations_validate(struct faults *f, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(t, list)
	validate_toleration(f, FPATH_AT(p, i++), t);
}

/* ---- node affinity */

static void validate_requirement(struct faults *f, const struct fpath *p, const struct doc *r)
{
	static const char *const all[] = {"In", "NotIn", "Exists", "DoesNotExist",
					  "Gt", "Lt",	 NULL};
	const struct doc *values = doc_get(r, "values");
	struct span op = doc_get_str(r, "operator");
	size_t n = doc_is(values, DOC_ARRAY) ? values->count : 0;
	const struct fpath *here = FPATH(p, "values");
	if (!in_list(all, op))
		field_invalid(f, FPATH(p, "operator"), op, "not a valid selector operator");
	else if ((span_is(op, "In") || span_is(op, "NotIn")) && n == 0)
		field_required(f, here, "must be specified when `operator` is 'In' or 'NotIn'");
	else if ((span_is(op, "Exists") || span_is(op, "DoesNotExist")) && n > 0)
		field_forbidden(
			f, here,
			"may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	else if ((span_is(op, "Gt") || span_is(op, "Lt")) && n != 1)
		field_required(f, here,
			       "must be specified single value when `operator` is 'Lt' or 'Gt'");
	struct span key = doc_get_str(r, "key");
	const char *why = name_qualified(key);
	if (why)
		field_invalid(f, FPATH(p, "key"), key, why);
}

/* A node's fields are its name. */
static void validate_field(struct faults *f, const struct fpath *p, const struct doc *r)
{
	static const char *const all[] = {"In", "NotIn", NULL};
	const struct doc *values = doc_get(r, "values");
	struct span op = doc_get_str(r, "operator"), key = doc_get_str(r, "key");
	int i = 0;
	if (!in_list(all, op))
		field_invalid(f, FPATH(p, "operator"), op, "not a valid selector operator");
	else if (!doc_is(values, DOC_ARRAY) || values->count != 1)
		field_required(f, FPATH(p, "values"),
			       "must be only one value when `operator` is 'In' or 'NotIn' for node "
			       "field selector");
	if (!span_is(key, "metadata.name")) {
		field_invalid(f, FPATH(p, "key"), key, "not a valid field selector key");
		return;
	}
	DOC_EACH(v, doc_is(values, DOC_ARRAY) ? values : NULL) {
		const char *why = name_dns1123_subdomain(v->text);
		if (why)
			field_invalid(f, FPATH_AT(FPATH(p, "values"), i), v->text, why);
		i++;
	}
}

static void validate_term(struct faults *f, const struct fpath *p, const struct doc *term)
{
	const struct doc *list = doc_get(term, "matchExpressions");
	const struct doc *fields = doc_get(term, "matchFields");
	int i = 0, k = 0;
	DOC_EACH(r, doc_is(fields, DOC_ARRAY) ? fields : NULL)
		validate_field(f, FPATH_AT(FPATH(p, "matchFields"), k++), r);
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(r, list)
			validate_requirement(f, FPATH_AT(FPATH(p, "matchExpressions"), i++), r);
}

static void validate_weight(struct faults *f, const struct fpath *p, const struct doc *preferred)
{
	int64_t weight = doc_get_int(preferred, "weight", 0);
	if (weight < 1 || weight > 100)
		field_invalid_int(f, FPATH(p, "weight"), weight, "must be in the range 1-100");
}

static const char required_key[] = "requiredDuringSchedulingIgnoredDuringExecution";
static const char preferred_key[] = "preferredDuringSchedulingIgnoredDuringExecution";

void pod_node_selector_validate(struct faults *f, const struct fpath *p, const struct doc *selector)
{
	const struct doc *terms = doc_get(selector, "nodeSelectorTerms");
	const struct fpath *at = FPATH(p, "nodeSelectorTerms");
	int i = 0;
	if (!doc_is(terms, DOC_ARRAY) || terms->count == 0)
		field_required(f, at, "must have at least one node selector term");
	if (doc_is(terms, DOC_ARRAY))
		DOC_EACH(t, terms)
			validate_term(f, FPATH_AT(at, i++), t);
}

static void validate_node_affinity(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *required = doc_get(d, required_key),
			 *preferred = doc_get(d, preferred_key);
	int i = 0;
	if (required)
		pod_node_selector_validate(f, FPATH(p, required_key), required);
	if (doc_is(preferred, DOC_ARRAY))
		DOC_EACH(t, preferred) {
			const struct fpath *here = FPATH_AT(FPATH(p, preferred_key), i++);
			validate_weight(f, here, t);
			validate_term(f, FPATH(here, "preference"), doc_get(t, "preference"));
		}
}

/* ---- labels of which a pod's own value is meant */

static bool selects(const struct doc *selector, struct span key)
{
	const struct doc *labels = doc_get(selector, "matchLabels");
	const struct doc *list = doc_get(selector, "matchExpressions");
	DOC_EACH(d, doc_is(labels, DOC_MAP) ? labels : NULL)
		if (span_eq(d->key, key))
			return true;
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
		if (span_eq(doc_get_str(d, "key"), key))
			return true;
	return false;
}

/* Of the constraint or term at `p`. With `alone` the selector may not have them too. */
static void validate_own_keys(struct faults *f, const struct fpath *p, const struct doc *d,
			      const char *field, bool alone)
{
	const struct doc *keys = doc_get(d, field), *selector = doc_get(d, "labelSelector");
	const struct fpath *at = FPATH(p, field);
	int i = 0;
	if (!doc_is(keys, DOC_ARRAY) || !keys->count)
		return;
	if (doc_absent(selector))
		field_forbidden(f, at, "must not be specified when labelSelector is not set");
	DOC_EACH(key, keys) {
		const struct fpath *here = FPATH_AT(at, i++);
		if (name_qualified(key->text))
			field_invalid(f, here, key->text, name_qualified(key->text));
		if (alone && selects(selector, key->text))
			field_invalid(f, here, key->text,
				      "exists in both matchLabelKeys and labelSelector");
	}
}

static void validate_both_keys(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *match = doc_get(d, "matchLabelKeys"),
			 *mismatch = doc_get(d, "mismatchLabelKeys");
	int i = 0;
	validate_own_keys(f, p, d, "matchLabelKeys", true);
	validate_own_keys(f, p, d, "mismatchLabelKeys", false);
	DOC_EACH(key, doc_is(match, DOC_ARRAY) ? match : NULL) {
		bool both = false;
		DOC_EACH(other, doc_is(mismatch, DOC_ARRAY) ? mismatch : NULL)
			both |= span_eq(other->text, key->text);
		if (both)
			field_invalid(f, FPATH_AT(FPATH(p, "matchLabelKeys"), i), key->text,
				      "exists in both matchLabelKeys and mismatchLabelKeys");
		i++;
	}
}

/* ---- pod affinity */

static void validate_pod_term(struct faults *f, const struct fpath *p, const struct doc *t)
{
	struct span key = doc_get_str(t, "topologyKey");
	const struct doc *namespaces = doc_get(t, "namespaces");
	check_label_selector(f, FPATH(p, "labelSelector"), doc_get(t, "labelSelector"));
	check_label_selector(f, FPATH(p, "namespaceSelector"), doc_get(t, "namespaceSelector"));
	DOC_EACH(name, doc_is(namespaces, DOC_ARRAY) ? namespaces : NULL)
		if (name_dns1123_label(name->text))
			field_invalid(f, FPATH(p, "namespace"), name->text,
				      name_dns1123_label(name->text));
	validate_both_keys(f, p, t);
	if (key.len == 0)
		field_required(f, FPATH(p, "topologyKey"), "can not be empty");
	if (name_qualified(key))
		field_invalid(f, FPATH(p, "topologyKey"), key, name_qualified(key));
}

static void validate_pod_affinity(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *required = doc_get(d, required_key),
			 *preferred = doc_get(d, preferred_key);
	int i = 0;
	if (doc_is(required, DOC_ARRAY))
		DOC_EACH(t, required)
			validate_pod_term(f, FPATH_AT(FPATH(p, required_key), i++), t);
	i = 0;
	if (doc_is(preferred, DOC_ARRAY))
		DOC_EACH(t, preferred) {
			const struct fpath *here = FPATH_AT(FPATH(p, preferred_key), i++);
			validate_weight(f, here, t);
			validate_pod_term(f, FPATH(here, "podAffinityTerm"),
					  doc_get(t, "podAffinityTerm"));
		}
}

/* ---- spread */

static void validate_domains(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *least = doc_get(d, "minDomains");
	struct span action = doc_get_str(d, "whenUnsatisfiable");
	if (!doc_is(least, DOC_INT))
		return;
	if (least->integer <= 0)
		field_invalid_int(f, FPATH(p, "minDomains"), least->integer,
				  "must be greater than zero");
	if (!span_is(action, "DoNotSchedule"))
		field_invalid_int(f, FPATH(p, "minDomains"), least->integer,
				  arena_printf(f->arena,
					       "can only use minDomains if "
					       "whenUnsatisfiable=DoNotSchedule, not %.*s",
					       (int)action.len, (const char *)action.data));
}

/* One constraint for a key and an action: which of two would hold? */
static void validate_only(struct faults *f, const struct fpath *p, const struct doc *d)
{
	struct span key = doc_get_str(d, "topologyKey"), action = doc_get_str(d, "whenUnsatisfiable");
	for (const struct doc *o = d->next; o; o = o->next)
		if (span_eq(doc_get_str(o, "topologyKey"), key) &&
		    span_eq(doc_get_str(o, "whenUnsatisfiable"), action)) {
			const char *both = arena_printf(f->arena, "{%.*s, %.*s}", (int)key.len,
							(const char *)key.data, (int)action.len,
							(const char *)action.data);
			field_duplicate(f, FPATH(p, "{topologyKey, whenUnsatisfiable}"),
					span_of(both));
			return;
		}
}

static void validate_spread(struct faults *f, const struct fpath *p, const struct doc *d)
{
	static const char *const actions[] = {"DoNotSchedule", "ScheduleAnyway", NULL};
	static const char *const policies[] = {"Honor", "Ignore", NULL};
	int64_t skew = doc_get_int(d, "maxSkew", 0);
	if (skew <= 0)
		field_invalid_int(f, FPATH(p, "maxSkew"), skew, "must be greater than zero");
	if (doc_get_str(d, "topologyKey").len == 0)
		field_required(f, FPATH(p, "topologyKey"), "can not be empty");
	struct span action = doc_get_str(d, "whenUnsatisfiable");
	if (!in_list(actions, action))
		field_not_supported(f, FPATH(p, "whenUnsatisfiable"), action, actions);
	validate_only(f, p, d);
	validate_domains(f, p, d);
	check_enum(f, FPATH(p, "nodeAffinityPolicy"), doc_get(d, "nodeAffinityPolicy"), policies);
	check_enum(f, FPATH(p, "nodeTaintsPolicy"), doc_get(d, "nodeTaintsPolicy"), policies);
	validate_own_keys(f, p, d, "matchLabelKeys", true);
	check_label_selector(f, FPATH(p, "labelSelector"), doc_get(d, "labelSelector"));
}

void pod_placement_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *selector = doc_get(spec, "nodeSelector");
	const struct doc *tolerations = doc_get(spec, "tolerations");
	const struct doc *spread = doc_get(spec, "topologySpreadConstraints");
	const struct doc *affinity = doc_get(spec, "affinity");
	const struct fpath *at = FPATH(p, "affinity");
	if (doc_is(selector, DOC_MAP))
		DOC_EACH(d, selector) {
			if (name_qualified(d->key))
				field_invalid(f, FPATH(p, "nodeSelector"), d->key,
					      name_qualified(d->key));
			if (doc_is(d, DOC_STR) && name_label_value(d->text))
				field_invalid(f, FPATH(p, "nodeSelector"), d->text,
					      name_label_value(d->text));
		}
	pod_tolerations_validate(f, FPATH(p, "tolerations"), tolerations);
	validate_node_affinity(f, FPATH(at, "nodeAffinity"), doc_get(affinity, "nodeAffinity"));
	validate_pod_affinity(f, FPATH(at, "podAffinity"), doc_get(affinity, "podAffinity"));
	validate_pod_affinity(f, FPATH(at, "podAntiAffinity"),
			      doc_get(affinity, "podAntiAffinity"));
	int i = 0;
	if (doc_is(spread, DOC_ARRAY))
		DOC_EACH(d, spread)
			validate_spread(f, FPATH_AT(FPATH(p, "topologySpreadConstraints"), i++), d);
}
