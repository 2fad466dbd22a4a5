/* Label selectors: from a LabelSelector of an object or a map, and matching.
 * The query syntax is in selectors_parse.c.
 *
 * Matching reads the labels as msgpack once per requirement. Objects have few
 * labels and selectors few requirements; nothing is allocated. */
#include "actors/schema/selectors.h"

#include "actors/schema/names.h"
#include "actors/schema/selectors_private.h"

/* ---- matching */

static bool find_label(struct mp labels, struct span key, struct span *value)
{
	struct mp v;
	return mp_find_span(labels, key, &v) && mp_str(&v, value) == 0;
}

static bool has_value(const struct label_requirement *r, struct span value)
{
	for (size_t i = 0; i < r->value_count; i++)
		if (span_eq(r->values[i], value))
			return true;
	return false;
}

static bool number_of(struct span s, int64_t *out)
{
	bool minus = s.len && s.data[0] == '-';
	uint64_t v = 0, limit = (uint64_t)INT64_MAX + minus;
	size_t i = s.len && (minus || s.data[0] == '+');
	if (i == s.len)
		return false;
	for (; i < s.len; i++) {
		unsigned d = (unsigned)(s.data[i] - '0');
		if (d > 9 || v > (limit - d) / 10)
			return false;
		v = 10 * v + d;
	}
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static bool holds(const struct label_requirement *r, bool there, struct span value)
{
	int64_t number;
	switch (r->op) {
	case LABEL_EXISTS:
		return there;
	case LABEL_ABSENT:
		return !there;
	case LABEL_EQUALS:
	case LABEL_IN:
		return there && has_value(r, value);
	case LABEL_NOT_EQUALS:
	case LABEL_NOT_IN:
		return !there || !has_value(r, value);
	case LABEL_GREATER:
		return there && number_of(value, &number) && number > r->number;
	case LABEL_LESS:
		return there && number_of(value, &number) && number < r->number;
	}
	return false;
}

bool label_selector_match(const struct label_selector *s, struct mp labels)
{
	if (s->nothing)
		return false;
	for (const struct label_requirement *r = s->first; r; r = r->next) {
		struct span value = {0};
		bool there = find_label(labels, r->key, &value);
		if (!holds(r, there, value))
			return false;
	}
	return true;
}

bool label_selector_match_object(const struct label_selector *s, struct mp object)
{
	struct mp labels = {0};
	if (label_selector_empty(s))
		return true;
	if (!mp_path(object, "metadata.labels", &labels))
		labels = (struct mp){0};
	return label_selector_match(s, labels);
}

bool label_map_match(struct mp selector, struct mp labels)
{
	size_t n = 0;
	struct span key, want, value;
	if (!selector.p || mp_map(&selector, &n))
		return true;
	for (; n > 0 && !mp_str(&selector, &key) && !mp_str(&selector, &want); n--)
		if (!find_label(labels, key, &value) || !span_eq(value, want))
			return false;
	return n == 0;
}

static bool lists(struct mp values, struct span value)
{
	size_t n = 0;
	struct span v;
	if (!values.p || mp_array(&values, &n))
		return false;
	for (; n > 0 && !mp_str(&values, &v); n--)
		if (span_eq(v, value))
			return true;
	return false;
}

static bool beyond(struct mp values, struct span value, bool greater)
{
	size_t n = 0;
	struct span limit;
	int64_t is, than;
	if (!values.p || mp_array(&values, &n) || n != 1 || mp_str(&values, &limit) ||
	    !number_of(value, &is) || !number_of(limit, &than))
		return false;
	return greater ? is > than : is < than;
}

bool label_requirement_match(struct mp requirement, struct mp labels)
{
	struct mp values = {0};
	struct span value = {0}, op = mp_path_str(requirement, "operator");
	bool there = find_label(labels, mp_path_str(requirement, "key"), &value);
	mp_path(requirement, "values", &values);
	if (span_is(op, "In"))
		return there && lists(values, value);
	if (span_is(op, "NotIn"))
		return !there || !lists(values, value);
	if (span_is(op, "Gt") || span_is(op, "Lt"))
		return there && beyond(values, value, span_is(op, "Gt"));
	return span_is(op, "Exists") ? there : span_is(op, "DoesNotExist") && !there;
}

bool label_object_match(struct mp selector, struct mp labels)
{
	size_t pairs = 0, n = 0;
	struct mp m, map;
	if (!selector.p)
		return false;
	if (mp_path(selector, "matchLabels", &map) && !(m = map, mp_map(&m, &pairs)) && pairs &&
	    !label_map_match(map, labels))
		return false;
	if (!mp_path(selector, "matchExpressions", &m) || mp_array(&m, &n))
		return pairs > 0;
	pairs += n;
	for (; n > 0; n--) {
		if (!label_requirement_match(m, labels) || mp_skip(&m))
			return false;
	}
	return pairs > 0;
}

bool label_object_match_all(struct mp selector, struct mp labels)
{
	size_t n = 0, all = 0;
	struct mp m;
	if (!selector.p)
		return false;
	if (mp_path(selector, "matchLabels", &m) && mp_map(&m, &n) == 0)
		all += n;
	if (mp_path(selector, "matchExpressions", &m) && mp_array(&m, &n) == 0)
		all += n;
	return all == 0 || label_object_match(selector, labels);
}

bool label_selector_empty(const struct label_selector *s)
{
	return !s->first && !s->nothing;
}

/* ---- building */

static int bad_value(const struct label_requirement *r, size_t i, const char *why, struct err *e)
{
	return err_set(e, ERR_INVALID, "values[%zu][%.*s]: Invalid value: \"%.*s\": %s", i,
		       (int)r->key.len, (const char *)r->key.data, (int)r->values[i].len,
		       (const char *)r->values[i].data, why);
}

int label_requirement_check(struct label_requirement *r, struct err *e)
{
	const char *why = name_qualified(r->key);
	if (why)
		return err_set(e, ERR_INVALID, "<nil>: Invalid value: \"%.*s\": %s",
			       (int)r->key.len, (const char *)r->key.data, why);
	bool set = r->op == LABEL_IN || r->op == LABEL_NOT_IN;
	if (set && r->value_count == 0)
		return err_set(e, ERR_INVALID, "values: Invalid value: []: for 'in', 'notin' "
					       "operators, values set can't be empty");
	bool bare = r->op == LABEL_EXISTS || r->op == LABEL_ABSENT;
	if (bare && r->value_count > 0)
		return err_set(e, ERR_INVALID,
			       "values: Invalid value: values set must be empty for "
			       "exists and does not exist");
	bool order = r->op == LABEL_GREATER || r->op == LABEL_LESS;
	if (order && !number_of(r->values[0], &r->number))
		return err_set(e, ERR_INVALID, "values[0]: Invalid value: \"%.*s\": for 'Gt', 'Lt' "
					       "operators, the value must be an integer",
			       (int)r->values[0].len, (const char *)r->values[0].data);
	for (size_t i = 0; i < r->value_count; i++) {
		why = name_label_value(r->values[i]);
		if (why)
			return bad_value(r, i, why, e);
	}
	return 0;
}

static struct label_requirement *add_requirement(struct arena *a, struct label_selector *s,
						 struct span key, enum label_op op, size_t values)
{
	struct label_requirement *r = arena_alloc(a, sizeof *r), **end = &s->first;
	while (*end)
		end = &(*end)->next;
	*r = (struct label_requirement){
		.key = key,
		.op = op,
		.values = arena_alloc(a, (values + 1) * sizeof(struct span)),
	};
	*end = r;
	return r;
}

static void add_value(struct label_requirement *r, struct span value)
{
	((struct span *)r->values)[r->value_count++] = value;
}

const struct label_selector *label_selector_from_map(struct arena *a, const struct doc *map)
{
	struct label_selector *s = arena_alloc(a, sizeof *s);
	if (!doc_is(map, DOC_MAP))
		return s;
	DOC_EACH(d, map)
		add_value(add_requirement(a, s, d->key, LABEL_EQUALS, 1),
			  doc_is(d, DOC_STR) ? d->text : (struct span){0});
	return s;
}

static int add_expression(struct arena *a, struct label_selector *s, const struct doc *x,
			  struct err *e)
{
	static const struct {
		const char *name;
		enum label_op op;
	} ops[] = {{"In", LABEL_IN}, {"NotIn", LABEL_NOT_IN}, {"Exists", LABEL_EXISTS},
		   {"DoesNotExist", LABEL_ABSENT}};
	const struct doc *values = doc_get(x, "values");
	struct span op = doc_get_str(x, "operator");
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		if (!span_is(op, ops[i].name))
			continue;
		size_t n = doc_is(values, DOC_ARRAY) ? values->count : 0;
		struct label_requirement *r =
			add_requirement(a, s, doc_get_str(x, "key"), ops[i].op, n);
		if (n)
			DOC_EACH(v, values)
				add_value(r, doc_is(v, DOC_STR) ? v->text : (struct span){0});
		return label_requirement_check(r, e);
	}
	return err_set(e, ERR_INVALID, "\"%.*s\" is not a valid label selector operator",
		       (int)op.len, (const char *)op.data);
}

int label_selector_from_doc(struct arena *a, const struct doc *selector,
			    const struct label_selector **out, struct err *e)
{
	struct label_selector *s = arena_alloc(a, sizeof *s);
	*out = s;
	if (!selector || selector->type != DOC_MAP) {
		s->nothing = true;
		return 0;
	}
	s->first = label_selector_from_map(a, doc_get(selector, "matchLabels"))->first;
	const struct doc *expressions = doc_get(selector, "matchExpressions");
	int rc = 0;
	for (const struct label_requirement *r = s->first; r && rc == 0; r = r->next)
		rc = label_requirement_check((struct label_requirement *)r, e);
	if (rc == 0 && doc_is(expressions, DOC_ARRAY))
		for (const struct doc *x = expressions->first; x && rc == 0; x = x->next)
			rc = add_expression(a, s, x, e);
	return rc;
}

/* ---- text */

void label_selector_text(const struct label_selector *s, struct buf *out)
{
	static const char *const signs[] = {
		[LABEL_EXISTS] = "",	   [LABEL_ABSENT] = "",	  [LABEL_EQUALS] = "=",
		[LABEL_NOT_EQUALS] = "!=", [LABEL_IN] = " in (",  [LABEL_NOT_IN] = " notin (",
		[LABEL_GREATER] = ">",	   [LABEL_LESS] = "<",
	};
	for (const struct label_requirement *r = s->first; r; r = r->next) {
		if (r != s->first)
			buf_putc(out, ',');
		if (r->op == LABEL_ABSENT)
			buf_putc(out, '!');
		buf_append(out, r->key.data, r->key.len);
		buf_puts(out, signs[r->op]);
		for (size_t i = 0; i < r->value_count; i++) {
			if (i)
				buf_putc(out, ',');
			buf_append(out, r->values[i].data, r->values[i].len);
		}
		if (r->op == LABEL_IN || r->op == LABEL_NOT_IN)
			buf_putc(out, ')');
	}
}
