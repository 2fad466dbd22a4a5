/* The walk is the same for both: take a key off the path, go on with each
 * value that it means, and at the end hand over the parent and the last key.
 * Places are on the C stack, as everywhere in field.h. */
#include "actors/objects/rules.h"

#include <stdio.h>

#include "actors/objects/meta.h"
#include "actors/schema/selectors.h"

/* ---- paths */

struct step {
	const char *rest; /* of the path, behind the key; "" at its end */
	struct span key;
	bool each, make;
};

static struct step next_step(const char *path)
{
	size_t n = strcspn(path, ".");
	struct step s = {.rest = path + n + (path[n] == '.'), .key = {(const uint8_t *)path, n}};
	if (n > 2 && path[n - 1] == ']') {
		s.each = true;
		s.key.len -= 2;
	} else if (n > 1 && path[n - 1] == '+') {
		s.make = true;
		s.key.len--;
	}
	return s;
}

/* The key as a text of its own, for places: the path is a constant. */
static const char *name_of(struct arena *a, struct span key)
{
	return arena_ndup(a, key.data, key.len);
}

/* ---- defaults */

static struct doc *made(struct arena *a, const struct fill *f)
{
	switch (f->kind) {
	case FILL_TEXT:
		return doc_str(a, f->text);
	case FILL_NUMBER:
		return doc_int(a, f->number);
	case FILL_YES:
	case FILL_NO:
		return doc_bool(a, f->kind == FILL_YES);
	case FILL_MAP:
		break;
	}
	return doc_new(a, DOC_MAP);
}

static bool is_nothing(const struct doc *d)
{
	return !d || d->type == DOC_NULL || (d->type == DOC_STR && d->text.len == 0);
}

static void fill_at(struct arena *a, struct doc *d, const char *path, const struct fill *f)
{
	struct step s = next_step(path);
	struct doc *child = doc_get_span(d, s.key);
	if (!doc_is(d, DOC_MAP))
		return;
	if (!*s.rest) {
		if (is_nothing(child))
			doc_set_span(a, d, s.key, made(a, f));
		return;
	}
	if (s.make && is_nothing(child))
		child = doc_set_span(a, d, s.key, doc_new(a, DOC_MAP));
	if (!s.each)
		fill_at(a, child, s.rest, f);
	else if (doc_is(child, DOC_ARRAY) || doc_is(child, DOC_MAP))
		DOC_EACH(x, child)
	fill_at(a, x, s.rest, f);
}

void rules_fill(struct arena *a, struct doc *d, const struct fill *rows)
{
	for (; rows->path; rows++)
		fill_at(a, d, rows->path, rows);
}

/* ---- checks */

static bool is_empty(const struct doc *d)
{
	if (is_nothing(d))
		return true;
	return (d->type == DOC_ARRAY || d->type == DOC_MAP) && d->count == 0;
}

static void check_number(struct faults *f, const struct fpath *p, const struct doc *value,
			 int64_t least, const char *why)
{
	if (doc_is(value, DOC_INT) && value->integer < least)
		field_invalid_int(f, p, value->integer, why);
}

static struct span text_of(const struct doc *d)
{
	return doc_is(d, DOC_STR) ? d->text : (struct span){0};
}

static void check_one(struct faults *f, const struct fpath *p, const struct doc *v,
		      const struct rule *r)
{
	struct span text = text_of(v);
	switch (r->kind) {
	case RULE_NEEDED:
		if (is_empty(v))
			field_required(f, p, r->detail ? r->detail : "");
		break;
	case RULE_NEEDED_MAP:
		if (!doc_is(v, DOC_MAP))
			field_required(f, p, "");
		break;
	case RULE_NAME:
		if (text.len == 0)
			field_required(f, p, r->detail ? r->detail : "");
		else if (r->name(text))
			field_invalid(f, p, text, r->name(text));
		break;
	case RULE_ANY_NAME:
		if (v && r->name(text))
			field_invalid(f, p, text, r->name(text));
		break;
	case RULE_OPTIONAL_NAME:
		if (text.len && r->name(text))
			field_invalid(f, p, text, r->name(text));
		break;
	case RULE_ONE_OF:
		check_enum(f, p, v, r->list);
		break;
	case RULE_NEEDED_ONE_OF:
		if (!in_list(r->list, text))
			field_not_supported(f, p, text, r->list);
		break;
	case RULE_NOT_NEGATIVE:
		check_not_negative(f, p, v);
		break;
	case RULE_POSITIVE:
		check_number(f, p, v, 1, "must be greater than 0");
		break;
	case RULE_COUNT:
		check_count(f, p, v);
		break;
	case RULE_SHARE:
		check_share(f, p, v);
		break;
	case RULE_SELECTOR:
		check_label_selector(f, p, v);
		break;
	case RULE_CALL:
		r->call(f, p, v);
		break;
	}
}

static void check_at(struct faults *f, const struct fpath *p, const struct doc *d, const char *path,
		     const struct rule *r)
{
	struct step s = next_step(path);
	const struct doc *child = doc_get_span(d, s.key);
	const struct fpath *here = FPATH(p, name_of(f->arena, s.key));
	int i = 0;
	if (!doc_is(d, DOC_MAP))
		return;
	if (!s.each) {
		if (*s.rest)
			check_at(f, here, child, s.rest, r);
		else
			check_one(f, here, child && child->type != DOC_NULL ? child : NULL, r);
		return;
	}
	if (!doc_is(child, DOC_ARRAY) && !doc_is(child, DOC_MAP))
		return;
	DOC_EACH(x, child)
	{
		const struct fpath *at =
			child->type == DOC_ARRAY ? FPATH_AT(here, i++) : FPATH_KEY(here, x->key);
		if (*s.rest)
			check_at(f, at, x, s.rest, r);
		else
			check_one(f, at, x, r);
	}
}

void rules_check(struct faults *f, const struct fpath *p, const struct doc *d,
		 const struct rule *rules)
{
	for (; rules->path; rules++)
		check_at(f, p, d, rules->path, rules);
}

static void check_fixed_at(struct faults *f, const struct fpath *p, const struct doc *d,
			   const struct doc *was, const char *path)
{
	struct step s = next_step(path);
	const struct fpath *here = FPATH(p, name_of(f->arena, s.key));
	const struct doc *child = doc_get_span(d, s.key), *before = doc_get_span(was, s.key);
	if (*s.rest)
		check_fixed_at(f, here, child, before, s.rest);
	else
		check_immutable(f, here, child, before);
}

void rules_check_fixed(struct faults *f, const struct doc *d, const struct doc *was,
		       const char *const *paths)
{
	for (; *paths; paths++)
		check_fixed_at(f, NULL, d, was, *paths);
}

/* ---- label selectors */

static void check_expression(struct faults *f, const struct fpath *p, const struct doc *x)
{
	const struct doc *values = doc_get(x, "values");
	struct span op = doc_get_str(x, "operator"), key = doc_get_str(x, "key");
	bool some = doc_is(values, DOC_ARRAY) && values->count > 0;
	const struct fpath *at = FPATH(p, "values");
	int i = 0;
	if (span_is(op, "In") || span_is(op, "NotIn")) {
		if (!some)
			field_required(f, at,
				       "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (span_is(op, "Exists") || span_is(op, "DoesNotExist")) {
		if (some)
			field_forbidden(f, at,
					"may not be specified when `operator` is 'Exists' or "
					"'DoesNotExist'");
	} else {
		field_invalid(f, FPATH(p, "operator"), op, "not a valid selector operator");
	}
	if (name_qualified(key))
		field_invalid(f, FPATH(p, "key"), key, name_qualified(key));
	DOC_EACH(v, some ? values : NULL)
	{
		const struct fpath *here = FPATH_AT(at, i++);
		if (name_label_value(text_of(v)))
			field_invalid(f, here, text_of(v), name_label_value(text_of(v)));
	}
}

void check_label_selector(struct faults *f, const struct fpath *p, const struct doc *selector)
{
	const struct doc *list = doc_get(selector, "matchExpressions");
	int i = 0;
	meta_validate_labels(f, FPATH(p, "matchLabels"), doc_get(selector, "matchLabels"));
	DOC_EACH(x, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *at = FPATH_AT(FPATH(p, "matchExpressions"), i++);
		check_expression(f, at, x);
	}
}

/* ---- counts and percentages */

static bool percent_of(const struct doc *d, int64_t *out)
{
	struct span s = text_of(d);
	*out = 0;
	if (s.len < 2 || s.len > 8 || s.data[s.len - 1] != '%')
		return false;
	for (size_t i = 0; i + 1 < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		*out = 10 * *out + s.data[i] - '0';
	}
	return true;
}

int64_t share_of(const struct doc *d)
{
	int64_t percent;
	struct span s = text_of(d);
	if (doc_is(d, DOC_INT))
		return d->integer;
	if (percent_of(d, &percent))
		return percent;
	/* A number that came as text is no percentage, but not nothing either. */
	percent = 0;
	for (size_t i = 0; i < s.len && s.data[i] >= '0' && s.data[i] <= '9' && i < 9; i++)
		percent = 10 * percent + s.data[i] - '0';
	return percent;
}

void check_share(struct faults *f, const struct fpath *p, const struct doc *d)
{
	int64_t percent;
	check_count(f, p, d);
	if (percent_of(d, &percent) && percent > 100)
		field_invalid(f, p, d->text, "must not be greater than 100%");
}

void check_count(struct faults *f, const struct fpath *p, const struct doc *d)
{
	int64_t percent;
	check_not_negative(f, p, d);
	if (doc_is(d, DOC_STR) && !percent_of(d, &percent))
		field_invalid(f, p, d->text,
			      "a valid percent string must be a numeric string followed by an "
			      "ending '%' (e.g. '1%',  or '93%', regex used for validation is "
			      "'[0-9]+%')");
}
