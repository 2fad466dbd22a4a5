/* What a pod asks for as a whole, beside what its containers ask for: which
 * resources can be given so, what follows from the containers, and that the
 * containers fit in it.
 *
 * Source of the rules: kubernetes, pkg/apis/core/v1/defaults.go and
 * pkg/apis/core/validation (validatePodResources). */
#include "actors/objects/pod.h"
#include "actors/objects/usage.h"

static bool is_huge(struct span name)
{
	return usage_is_pod_level(name) && !span_is(name, "cpu") && !span_is(name, "memory");
}

/* "requests" or "limits" of all containers together; `b` holds the names. */
static struct amounts of_containers(struct arena *a, const struct doc *spec, const char *list,
				    struct buf *b)
{
	struct amounts all = {.a = a};
	doc_to_mp(b, spec);
	usage_of_containers(mp_of(span_buf(b)), list, &all);
	amounts_sort(&all);
	return all;
}

static const char *text_of(struct arena *a, struct quantity q)
{
	char text[QUANTITY_TEXT_MAX];
	quantity_format(q, text);
	return arena_dup(a, text);
}

/* ---- defaults */

static bool is_given(const struct doc *resources, const char *list)
{
	const struct doc *d = doc_get(resources, list);
	return doc_is(d, DOC_MAP) && d->count;
}

static void put(struct arena *a, struct doc *to, const struct amount *x)
{
	if (!doc_get_span(to, x->name))
		doc_set_span(a, to, (struct span){(uint8_t *)arena_ndup(a, x->name.data, x->name.len), x->name.len},
			     doc_str(a, text_of(a, x->q)));
}

/* Huge pages that containers are limited to, unless the pod asks for them. */
static void fill_huge_limits(struct arena *a, const struct doc *spec, struct doc *resources)
{
	struct buf b = {0};
	struct amounts all = of_containers(a, spec, "limits", &b);
	for (size_t i = 0; i < all.count; i++)
		if (is_huge(all.all[i].name) &&
		    !doc_get_span(doc_get(resources, "requests"), all.all[i].name))
			put(a, doc_need_map(a, resources, "limits"), &all.all[i]);
	buf_fini(&b);
}

/* Who limits the pod asks for what its containers do, or else for the limit. */
static void fill_requests(struct arena *a, const struct doc *spec, struct doc *resources)
{
	struct buf b = {0};
	struct amounts all = of_containers(a, spec, "requests", &b);
	struct doc *requests = doc_need_map(a, resources, "requests");
	for (size_t i = 0; i < all.count; i++)
		if (usage_is_pod_level(all.all[i].name) && !is_huge(all.all[i].name))
			put(a, requests, &all.all[i]);
	DOC_EACH(l, doc_get(resources, "limits"))
	if (usage_is_pod_level(l->key) && !doc_get_span(requests, l->key))
		doc_set_span(a, requests, l->key, doc_copy(a, l));
	buf_fini(&b);
}

void pod_level_defaults(struct arena *a, const struct doc *spec)
{
	struct doc *resources = doc_get(spec, "resources");
	if (!is_given(resources, "requests") && !is_given(resources, "limits"))
		return;
	fill_huge_limits(a, spec, resources);
	if (is_given(resources, "limits"))
		fill_requests(a, spec, resources);
}

/* ---- validation */

static void validate_name(struct faults *f, const struct fpath *p, struct span name)
{
	static const char *const names[] = {"cpu", "hugepages-", "memory", NULL};
	const char *why = name_qualified(name);
	if (why)
		field_invalid(f, p, name, why);
	else if (!usage_is_pod_level(name))
		field_not_supported(f, p, name, names);
}

static void validate_sum(struct faults *f, const struct fpath *p, const struct doc *spec,
			 const struct doc *requests)
{
	struct buf b = {0};
	struct amounts all = of_containers(f->arena, spec, "requests", &b);
	for (size_t i = 0; i < all.count; i++) {
		struct span name = all.all[i].name;
		struct quantity has = quantity_of(0, QUANTITY_DECIMAL);
		const struct doc *d = doc_get_span(requests, name);
		if (!usage_is_pod_level(name) || (d && (d->type != DOC_STR || quantity_parse(d->text, &has))))
			continue;
		if (quantity_cmp(all.all[i].q, has) > 0)
			field_invalid(f, FPATH_KEY(p, name), d ? d->text : span_of("0"),
				      arena_printf(f->arena,
						   "must be greater than or equal to aggregate "
						   "container requests of %s",
						   text_of(f->arena, all.all[i].q)));
	}
	buf_fini(&b);
}

static void validate_limits(struct faults *f, const struct fpath *p, const struct doc *container,
			    const struct doc *limits)
{
	const struct doc *own = doc_path(container, "resources.limits");
	struct quantity one, all;
	DOC_EACH(d, doc_is(own, DOC_MAP) ? own : NULL)
	{
		const struct doc *most = doc_get_span(limits, d->key);
		if (doc_is(d, DOC_STR) && doc_is(most, DOC_STR) && !quantity_parse(d->text, &one) &&
		    !quantity_parse(most->text, &all) && quantity_cmp(one, all) > 0)
			field_invalid(f, FPATH(FPATH_KEY(p, d->key), "limits"), d->text,
				      arena_printf(f->arena,
						   "must be less than or equal to pod limits of %.*s",
						   (int)most->text.len, (const char *)most->text.data));
	}
}

void pod_level_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct doc *resources = doc_get(spec, "resources");
	const struct doc *containers = doc_get(spec, "containers");
	const struct doc *limits = doc_get(resources, "limits"), *requests = doc_get(resources, "requests");
	int i = 0;
	if (!doc_is(resources, DOC_MAP))
		return;
	if (!doc_absent(doc_get(resources, "claims")))
		field_forbidden(f, FPATH(p, "claims"), "claims cannot be set for Resources at pod-level");
	pod_resources_validate_named(f, p, resources, validate_name);
	validate_sum(f, FPATH(p, "requests"), spec, requests);
	DOC_EACH(c, doc_is(containers, DOC_ARRAY) ? containers : NULL)
	validate_limits(f, FPATH_AT(FPATH(p, "containers"), i++), c, limits);
}

bool pod_level_is_set(const struct doc *spec)
{
	const struct doc *resources = doc_get(spec, "resources");
	return is_given(resources, "requests") || is_given(resources, "limits");
}
