/* Requests and limits: known names, amounts that are not negative, requests
 * within limits; and the quality of service that follows from them. */
#include "actors/objects/pod.h"
#include "actors/schema/quantity.h"

static bool parse(const struct doc *d, struct quantity *q)
{
	return doc_is(d, DOC_STR) && quantity_parse(d->text, q) == 0;
}

static bool is_huge_pages(struct span name)
{
	static const char prefix[] = "hugepages-";
	return name.len >= sizeof prefix - 1 && memcmp(name.data, prefix, sizeof prefix - 1) == 0;
}

static bool is_standard(struct span name)
{
	static const char *const names[] = {"cpu", "memory", "ephemeral-storage", NULL};
	return in_list(names, name) || is_huge_pages(name);
}

/* A device cannot be shared: who asks for it gets exactly that. */
static bool is_overcommitted(struct span name)
{
	return is_standard(name) && !is_huge_pages(name);
}

static void validate_name(struct faults *f, const struct fpath *p, struct span name)
{
	const char *why = name_qualified(name);
	if (why)
		field_invalid(f, p, name, why);
	if (!memchr(name.data, '/', name.len) && !is_standard(name))
		field_invalid(f, p, name, "must be a standard resource for containers");
}

static void validate_list(struct faults *f, const struct fpath *p, const struct doc *list,
			  pod_resource_name *check)
{
	struct quantity q;
	if (!doc_is(list, DOC_MAP))
		return;
	DOC_EACH(d, list) {
		const struct fpath *here = FPATH_KEY(p, d->key);
		check(f, here, d->key);
		if (!parse(d, &q))
			continue;
		if (q.nano < 0)
			field_invalid(f, here, d->text, "must be greater than or equal to 0");
		else if (!is_standard(d->key) && !quantity_is_integer(q))
			field_invalid(f, here, d->text, "must be an integer");
	}
}

static void validate_request(struct faults *f, const struct fpath *p, const struct doc *request,
			     const struct doc *limits)
{
	const struct doc *limit = doc_get_span(limits, request->key);
	struct quantity want, most;
	bool shared = is_overcommitted(request->key);
	if (!limit) {
		if (!shared)
			field_required(f, FPATH(p, "limits"),
				       "Limit must be set for non overcommitable resources");
		return;
	}
	if (!parse(request, &want) || !parse(limit, &most))
		return;
	int c = quantity_cmp(want, most);
	if (c > 0 || (c != 0 && !shared))
		field_invalid(f, FPATH(p, "requests"), request->text,
			      arena_printf(f->arena, "must be %s %.*s limit of %.*s",
					   shared ? "less than or equal to" : "equal to",
					   (int)request->key.len, request->key.data,
					   (int)limit->text.len, limit->text.data));
}

void pod_resources_validate_named(struct faults *f, const struct fpath *p,
				  const struct doc *resources, pod_resource_name *check)
{
	const struct doc *limits = doc_get(resources, "limits");
	const struct doc *requests = doc_get(resources, "requests");
	validate_list(f, FPATH(p, "limits"), limits, check);
	validate_list(f, FPATH(p, "requests"), requests, check);
	if (doc_is(requests, DOC_MAP))
		DOC_EACH(r, requests)
			validate_request(f, p, r, limits);
}

void pod_resources_validate(struct faults *f, const struct fpath *p, const struct doc *resources)
{
	pod_resources_validate_named(f, p, resources, validate_name);
}

/* ---- quality of service */

struct qos {
	bool any;	 /* some container, or the pod, asks for cpu or memory */
	bool guaranteed; /* every one limits both, and asks for the limit */
};

static bool positive(const struct doc *list, const char *name, struct quantity *q)
{
	return parse(doc_get(list, name), q) && q->nano > 0;
}

static void look_at(struct qos *s, const struct doc *container)
{
	static const char *const names[] = {"cpu", "memory"};
	const struct doc *resources = doc_get(container, "resources");
	const struct doc *limits = doc_get(resources, "limits");
	const struct doc *requests = doc_get(resources, "requests");
	for (size_t i = 0; i < 2; i++) {
		struct quantity limit, request;
		bool limited = positive(limits, names[i], &limit);
		bool asked = positive(requests, names[i], &request);
		s->any |= limited || asked;
		s->guaranteed &= limited && (!asked || quantity_cmp(limit, request) == 0);
	}
}

const char *pod_qos(const struct doc *spec)
{
	static const char *const lists[] = {"containers", "initContainers"};
	struct qos s = {.guaranteed = true};
	bool whole = doc_is(doc_get(spec, "resources"), DOC_MAP);
	if (whole) /* then the containers' do not count */
		look_at(&s, spec);
	for (size_t i = 0; i < 2 && !whole; i++) {
		const struct doc *list = doc_get(spec, lists[i]);
		if (doc_is(list, DOC_ARRAY))
			DOC_EACH(c, list)
				look_at(&s, c);
	}
	return !s.any ? "BestEffort" : s.guaranteed ? "Guaranteed" : "Burstable";
}
