/* LimitRanges: how much one container, pod or claim of a namespace may ask
 * for, and what it gets when it does not ask. */
#include "actors/objects/admission.h"
#include "actors/objects/quota.h"

#include <stdio.h>

#include "actors/schema/quantity.h"

/* ---- defaults: of a container each amount stands in for those that lack */

static void fill_from(struct arena *a, struct doc *to, const struct doc *from)
{
	DOC_EACH(d, doc_is(from, DOC_MAP) ? from : NULL)
	if (!doc_get_span(to, d->key))
		doc_set_span(a, to, d->key, doc_copy(a, d));
}

static void defaults(struct write *w)
{
	const struct doc *limits = doc_path(w->obj, "spec.limits");
	DOC_EACH(item, doc_is(limits, DOC_ARRAY) ? limits : NULL)
	{
		if (!span_is(doc_get_str(item, "type"), "Container"))
			continue;
		struct doc *limit = doc_need_map(w->a, item, "default");
		struct doc *request = doc_need_map(w->a, item, "defaultRequest");
		fill_from(w->a, limit, doc_get(item, "max"));
		fill_from(w->a, request, limit);
		fill_from(w->a, request, doc_get(item, "min"));
	}
}

/* ---- checks */

static void check_type(struct faults *f, const struct fpath *p, const struct doc *d)
{
	static const char *const types[] = {"Pod", "Container", "PersistentVolumeClaim", NULL};
	struct span type = doc_is(d, DOC_STR) ? d->text : (struct span){0};
	if (name_qualified(type))
		field_invalid(f, p, type, name_qualified(type));
	else if (!memchr(type.data, '/', type.len) && !in_list(types, type))
		field_invalid(f, p, type, "must be a standard limit type or fully qualified");
}

static void check_container_name(struct faults *f, const struct fpath *p, struct span name)
{
	static const char *const fine[] = {"cpu", "memory", "ephemeral-storage", NULL};
	static const char huge[] = "hugepages-";
	bool is_huge = name.len >= sizeof huge - 1 && !memcmp(name.data, huge, sizeof huge - 1);
	if (name_qualified(name))
		field_invalid(f, p, name, name_qualified(name));
	if (!memchr(name.data, '/', name.len) && !in_list(fine, name) && !is_huge)
		field_invalid(f, p, name, "must be a standard resource for containers");
}

static const char *const amounts[] = {"max", "min", "default", "defaultRequest",
				      "maxLimitRequestRatio"};
enum { AMOUNTS = 5 };

static void check_names(struct faults *f, const struct fpath *p, const struct doc *item)
{
	struct span type = doc_get_str(item, "type");
	bool pod = span_is(type, "Pod"), container = pod || span_is(type, "Container");
	for (size_t i = 0; i < AMOUNTS; i++) {
		const struct doc *list = doc_get(item, amounts[i]);
		const struct fpath *at = FPATH(p, amounts[i]);
		if (pod && (i == 2 || i == 3)) {
			if (list && list->count)
				field_forbidden(f, at, "may not be specified when `type` is 'Pod'");
			continue;
		}
		DOC_EACH(d, doc_is(list, DOC_MAP) ? list : NULL)
		{
			const struct fpath *here = FPATH_KEY(at, d->key);
			if (container)
				check_container_name(f, here, d->key);
			else
				quota_check_name(f, here, d->key);
		}
	}
}

/* What must not be greater than what. */
static const struct order {
	const char *less, *more, *at, *shown, *words;
} orders[] = {
	{"min", "max", "min", "min", "min value %s is greater than max value %s"},
	{"min", "defaultRequest", "defaultRequest", "defaultRequest",
	 "min value %s is greater than default request value %s"},
	{"defaultRequest", "max", "defaultRequest", "defaultRequest",
	 "default request value %s is greater than max value %s"},
	{"defaultRequest", "default", "defaultRequest", "defaultRequest",
	 "default request value %s is greater than default limit value %s"},
	{"min", "default", "default", "min", "min value %s is greater than default value %s"},
	{"default", "max", "default", "max", "default value %s is greater than max value %s"},
};

static bool amount(const struct doc *item, const char *list, struct span key, struct quantity *q,
		   char text[QUANTITY_TEXT_MAX])
{
	const struct doc *d = doc_get_span(doc_get(item, list), key);
	if (!doc_is(d, DOC_STR) || quantity_parse(d->text, q))
		return false;
	quantity_format(*q, text);
	return true;
}

static void check_orders(struct faults *f, const struct fpath *p, const struct doc *item,
			 struct span key)
{
	char a[QUANTITY_TEXT_MAX], b[QUANTITY_TEXT_MAX], words[3 * QUANTITY_TEXT_MAX];
	struct quantity less, more;
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		const struct order *o = &orders[i];
		if (!amount(item, o->less, key, &less, a) ||
		    !amount(item, o->more, key, &more, b) || quantity_cmp(less, more) <= 0)
			continue;
		/* The words are those of the table above. */
		const char *at = strstr(o->words, "%s"), *then = strstr(at + 2, "%s");
		snprintf(words, sizeof words, "%.*s%s%.*s%s", (int)(at - o->words), o->words, a,
			 (int)(then - at - 2), at + 2, b);
		field_invalid(f, FPATH_KEY(FPATH(p, o->at), key),
			      span_of(strcmp(o->shown, o->less) == 0 ? a : b), words);
	}
}

static void check_ratio(struct faults *f, const struct fpath *p, const struct doc *item,
			struct span key)
{
	char ratio_text[QUANTITY_TEXT_MAX], unused[QUANTITY_TEXT_MAX];
	struct quantity ratio, low, high;
	const struct fpath *at = FPATH_KEY(FPATH(p, "maxLimitRequestRatio"), key);
	if (!amount(item, "maxLimitRequestRatio", key, &ratio, ratio_text))
		return;
	if (quantity_cmp(ratio, quantity_of(1, QUANTITY_DECIMAL)) < 0)
		field_invalid(f, at, span_of(ratio_text),
			      arena_printf(f->arena, "ratio %s is less than 1", ratio_text));
	if (!amount(item, "min", key, &low, unused) || !amount(item, "max", key, &high, unused) ||
	    low.nano <= 0)
		return;
	/* In millionths: what is written has six digits, and no float is asked. */
	__int128 unit = low.nano / 1000 ? low.nano / 1000 : 1;
	__int128 most = (high.nano / 1000 * 1000000 + unit / 2) / unit;
	if (ratio.nano / 1000 > most)
		field_invalid(f, at, span_of(ratio_text),
			      arena_printf(f->arena,
					   "ratio %s is greater than max/min = %lld.%06lld",
					   ratio_text, (long long)(most / 1000000),
					   (long long)(most % 1000000)));
}

/* Each resource that any of the lists names, once. */
static void check_amounts(struct faults *f, const struct fpath *p, const struct doc *item)
{
	struct doc *seen = doc_new(f->arena, DOC_MAP);
	for (size_t i = 0; i < AMOUNTS; i++) {
		const struct doc *list = doc_get(item, amounts[i]);
		DOC_EACH(d, doc_is(list, DOC_MAP) ? list : NULL)
		{
			if (doc_get_span(seen, d->key))
				continue;
			doc_set_span(f->arena, seen, d->key, doc_bool(f->arena, true));
			check_orders(f, p, item, d->key);
			check_ratio(f, p, item, d->key);
		}
	}
}

static void check_limits(struct faults *f, const struct fpath *p, const struct doc *limits)
{
	int i = 0;
	DOC_EACH(item, doc_is(limits, DOC_ARRAY) ? limits : NULL)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		struct span type = doc_get_str(item, "type");
		check_type(f, FPATH(here, "type"), doc_get(item, "type"));
		for (const struct doc *o = limits->first; o != item; o = o->next)
			if (span_eq(doc_get_str(o, "type"), type)) {
				field_duplicate(f, FPATH(here, "type"), type);
				break;
			}
		check_names(f, here, item);
		if (span_is(type, "PersistentVolumeClaim") && !doc_path(item, "min.storage") &&
		    !doc_path(item, "max.storage"))
			field_required(f, FPATH(here, "limits"),
				       "either minimum or maximum storage value is required, but "
				       "neither was provided");
		check_amounts(f, here, item);
	}
}

static const struct rule rules[] = {RULE("spec.limits", CALL, .call = check_limits), {0}};

static bool claims(struct write *w, bool removing)
{
	return admission_list(w, !removing);
}

const struct strategy strategy_limitrange = {
	.unconditional_update = true,
	.create_on_update = true,
	.defaults = defaults,
	.rules = rules,
	.claims = claims,
};
