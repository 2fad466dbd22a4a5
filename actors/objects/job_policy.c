/* What a job may say of failures that matter and of successes that are enough:
 * podFailurePolicy and successPolicy, by Kubernetes' rules and in its words. */
#include "actors/objects/job.h"

enum { RULES_MAX = 20, CODES_MAX = 255, CONDITIONS_MAX = 20, INDEXES_BYTES_MAX = 64 * 1024 };

static const char *const actions[] = {"Count", "FailIndex", "FailJob", "Ignore", NULL};
static const char *const operators[] = {"In", "NotIn", NULL};
static const char *const statuses[] = {"False", "True", "Unknown", NULL};

/* A word of a list that has to be there. */
static void check_word(struct faults *f, const struct fpath *p, struct span word,
		       const char *const *list, const char *valid)
{
	if (!word.len)
		field_required(f, p, valid);
	else if (!in_list(list, word))
		field_not_supported(f, p, word, list);
}

/* ---- podFailurePolicy */

static bool has_container(const struct doc *spec, struct span name)
{
	static const char *const lists[] = {"template.spec.containers",
					    "template.spec.initContainers"};
	for (size_t i = 0; i < 2; i++) {
		const struct doc *list = doc_path(spec, lists[i]);
		DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
			if (span_eq(doc_get_str(d, "name"), name))
				return true;
	}
	return false;
}

static void check_codes(struct faults *f, const struct fpath *p, const struct doc *values, bool in)
{
	const struct doc *before = NULL;
	bool ordered = true;
	int i = 0;
	if (!doc_is(values, DOC_ARRAY) || !values->count) {
		field_invalid_doc(f, p, values, "at least one value is required");
		return;
	}
	if (values->count > CODES_MAX)
		field_too_many(f, p, values->count, CODES_MAX);
	DOC_EACH(d, values)
	{
		if (in && d->integer == 0)
			field_invalid_int(f, FPATH_AT(p, i), 0, "must not be 0 for the In operator");
		for (const struct doc *o = values->first; o != d; o = o->next)
			if (o->integer == d->integer) {
				field_duplicate_doc(f, FPATH_AT(p, i), d, "");
				break;
			}
		ordered = ordered && !(before && before->integer > d->integer);
		before = d;
		i++;
	}
	if (!ordered)
		field_invalid_doc(f, p, values, "must be ordered");
}

static void check_exit_codes(struct faults *f, const struct fpath *p, const struct doc *spec,
			     const struct doc *codes)
{
	struct span operator = doc_get_str(codes, "operator");
	const struct doc *container = doc_get(codes, "containerName");
	check_word(f, FPATH(p, "operator"), operator, operators, "valid values: [\"In\" \"NotIn\"]");
	if (doc_is(container, DOC_STR) && !has_container(spec, container->text))
		field_invalid(f, FPATH(p, "containerName"), container->text,
			      "must be one of the container or initContainer names in the pod template");
	check_codes(f, FPATH(p, "values"), doc_get(codes, "values"), span_is(operator, "In"));
}

static void check_conditions(struct faults *f, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	if (list->count > CONDITIONS_MAX)
		field_too_many(f, p, list->count, CONDITIONS_MAX);
	DOC_EACH(d, list)
	{
		const struct fpath *at = FPATH_AT(p, i++);
		struct span type = doc_get_str(d, "type");
		const char *why = name_qualified(type);
		if (why)
			field_invalid(f, FPATH(at, "type"), type, why);
		check_word(f, FPATH(at, "status"), doc_get_str(d, "status"), statuses,
			   "valid values: [\"False\" \"True\" \"Unknown\"]");
	}
}

static void check_action(struct faults *f, const struct fpath *p, const struct doc *spec,
			 struct span action)
{
	if (span_is(action, "FailIndex") && doc_absent(doc_get(spec, "backoffLimitPerIndex")))
		field_invalid(f, p, action, "requires the backoffLimitPerIndex to be set");
	else
		check_word(f, p, action, actions,
			   "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]");
}

static void check_failure_rule(struct faults *f, const struct fpath *p, const struct doc *spec,
			       const struct doc *rule)
{
	const struct doc *codes = doc_get(rule, "onExitCodes");
	const struct doc *conditions = doc_get(rule, "onPodConditions");
	bool by_code = !doc_absent(codes);
	bool by_condition = doc_is(conditions, DOC_ARRAY) && conditions->count;
	check_action(f, FPATH(p, "action"), spec, doc_get_str(rule, "action"));
	if (by_code)
		check_exit_codes(f, FPATH(p, "onExitCodes"), spec, codes);
	if (by_condition)
		check_conditions(f, FPATH(p, "onPodConditions"), conditions);
	if (by_code && by_condition)
		field_invalid_whole(f, p, "specifying both OnExitCodes and OnPodConditions is not supported");
	if (!by_code && !by_condition)
		field_invalid_whole(f, p, "specifying one of OnExitCodes and OnPodConditions is required");
}

void job_check_failure_policy(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *policy = doc_get(spec, "podFailurePolicy"), *rules = doc_get(policy, "rules");
	static const char *const failed[] = {"Failed", NULL};
	const struct fpath *at = FPATH(FPATH(p, "podFailurePolicy"), "rules");
	int i = 0;
	if (doc_absent(policy))
		return;
	if (doc_is(rules, DOC_ARRAY) && rules->count > RULES_MAX)
		field_too_many(f, at, rules->count, RULES_MAX);
	DOC_EACH(d, doc_is(rules, DOC_ARRAY) ? rules : NULL)
		check_failure_rule(f, FPATH_AT(at, i++), spec, d);
	check_enum(f, FPATH(p, "podReplacementPolicy"), doc_get(spec, "podReplacementPolicy"), failed);
	struct span restart = doc_path_str(spec, "template.spec.restartPolicy");
	if (span_is(restart, "OnFailure"))
		field_invalid(f, FPATH(FPATH(FPATH(p, "template"), "spec"), "restartPolicy"), restart,
			      "only \"Never\" is supported when podFailurePolicy is specified");
}

/* ---- successPolicy */

/* A whole number of the text; -1: it is none, or too large for one. */
static int64_t number_of(struct span s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' || n > INT32_MAX)
			return -1;
		n = 10 * n + s.data[i] - '0';
	}
	return s.len ? n : -1;
}

static struct span until(struct span *s, uint8_t mark)
{
	const uint8_t *at = s->len ? memchr(s->data, mark, s->len) : NULL;
	struct span head = {s->data, at ? (size_t)(at - s->data) : s->len};
	size_t taken = at ? head.len + 1 : head.len;
	*s = (struct span){s->data + taken, s->len - taken};
	return head;
}

/* "0,3-5": how many; or what is wrong with it, in *why. */
static int64_t count_indexes(struct arena *a, struct span text, int64_t completions,
			     const char **why)
{
	int64_t total = 0, last = -1;
	while (text.len && !*why) {
		struct span part = until(&text, ','), whole = part, ends[2];
		ends[0] = until(&part, '-');
		bool range = ends[0].len < whole.len;
		ends[1] = range ? part : ends[0];
		if (part.len && memchr(part.data, '-', part.len))
			*why = arena_printf(a,
					    "the fragment \"%.*s\" violates the requirement that an index "
					    "interval can have at most two parts separated by '-'",
					    (int)whole.len, (const char *)whole.data);
		int64_t from = last;
		for (size_t i = 0; i < 1u + range && !*why; i++) {
			int64_t n = number_of(ends[i]);
			if (n < 0)
				*why = arena_printf(
					a, "cannot convert string to integer for index: \"%.*s\"",
					(int)ends[i].len, (const char *)ends[i].data);
			else if (n >= completions)
				*why = arena_printf(a, "too large index: \"%.*s\"", (int)ends[i].len,
						    (const char *)ends[i].data);
			else if (n <= last)
				*why = arena_printf(
					a, "non-increasing order, previous: %lld, current: %lld",
					(long long)last, (long long)n);
			from = i == 0 ? n : from;
			last = n;
		}
		total += last - from + 1;
	}
	return total;
}

static void check_success_rule(struct faults *f, const struct fpath *p, const struct doc *rule,
			       int64_t completions)
{
	const struct doc *indexes = doc_get(rule, "succeededIndexes");
	const struct doc *count = doc_get(rule, "succeededCount");
	const struct fpath *at = FPATH(p, "succeededCount");
	int64_t total = INT64_MAX;
	const char *why = NULL;
	if (doc_absent(indexes) && doc_absent(count))
		field_required(f, p,
			       "at least one of succeededCount or succeededIndexes must be specified");
	if (doc_is(indexes, DOC_STR)) {
		total = count_indexes(f->arena, indexes->text, completions, &why);
		if (indexes->text.len > INDEXES_BYTES_MAX)
			field_too_long(f, FPATH(p, "succeededIndexes"), INDEXES_BYTES_MAX);
		if (why)
			field_invalid(f, FPATH(p, "succeededIndexes"), indexes->text,
				      arena_printf(f->arena, "error parsing succeededIndexes: %s", why));
	}
	if (!doc_is(count, DOC_INT))
		return;
	check_not_negative(f, at, count);
	if (count->integer > completions)
		field_invalid_int(f, at, count->integer,
				  arena_printf(f->arena,
					       "must be less than or equal to %lld (the number of "
					       "specified completions)",
					       (long long)completions));
	if (!why && count->integer > total)
		field_invalid_int(f, at, count->integer,
				  arena_printf(f->arena,
					       "must be less than or equal to %lld (the number of indexes "
					       "in the specified succeededIndexes field)",
					       (long long)total));
}

void job_check_success_policy(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *policy = doc_get(spec, "successPolicy"), *rules = doc_get(policy, "rules");
	const struct fpath *at = FPATH(FPATH(p, "successPolicy"), "rules");
	int i = 0;
	if (doc_absent(policy) || !span_is(doc_get_str(spec, "completionMode"), "Indexed"))
		return;
	if (!doc_is(rules, DOC_ARRAY) || !rules->count)
		field_required(f, at,
			       "at least one rules must be specified when the successPolicy is specified");
	if (doc_is(rules, DOC_ARRAY) && rules->count > RULES_MAX)
		field_too_many(f, at, rules->count, RULES_MAX);
	DOC_EACH(d, doc_is(rules, DOC_ARRAY) ? rules : NULL)
		check_success_rule(f, FPATH_AT(at, i++), d, doc_get_int(spec, "completions", 0));
}
