/* The parts of a bound pod's spec that change by a subresource of their own:
 * containers that are added to look at it, and how much its containers may
 * use. All else of the pod stays as it is. */
#include "actors/objects/pod.h"

#include "actors/objects/meta.h"

/* What is stored, with a list of its spec from the body. */
static struct doc *only(struct write *w, struct doc *list, const char *field)
{
	struct doc *m = doc_get(w->obj, "metadata");
	struct doc *obj = copy_of(w, w->old);
	/* Both metadata hold what the request must not change. */
	doc_set(w->a, obj, "metadata", copy_of(w, doc_get(w->old, "metadata")));
	put_or_remove(w, doc_get(obj, "metadata"), "generation",
		      copy_of(w, doc_get(m, "generation")));
	if (field)
		put_or_remove(w, doc_need_map(w->a, obj, "spec"), field, list);
	return obj;
}

/* ---- ephemeral containers: they come and stay */

void pod_prepare_ephemeral(struct write *w)
{
	struct doc *list = copy_of(w, doc_path(w->obj, "spec.ephemeralContainers"));
	w->obj = only(w, list, "ephemeralContainers");
}

static const struct doc *named(const struct doc *list, struct span name)
{
	DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
	if (span_eq(doc_get_str(c, "name"), name))
		return c;
	return NULL;
}

static void check_ephemeral(struct write *w, const struct fpath *p, const struct doc *c)
{
	static const char *const forbidden[] = {"ports",	"livenessProbe", "readinessProbe",
						"startupProbe", "lifecycle",	 "resizePolicy"};
	const struct doc *spec = doc_get(w->obj, "spec"), *resources = doc_get(c, "resources");
	struct span name = doc_get_str(c, "name"), target = doc_get_str(c, "targetContainerName");
	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
		if (!doc_absent(doc_get(c, forbidden[i])))
			field_forbidden(&w->faults, FPATH(p, forbidden[i]),
					"cannot be set for an Ephemeral Container");
	if (resources && resources->count)
		field_forbidden(&w->faults, FPATH(p, "resources"),
				"cannot be set for an Ephemeral Container");
	if (name.len && (named(doc_get(spec, "containers"), name) ||
			 named(doc_get(spec, "initContainers"), name)))
		field_duplicate(&w->faults, FPATH(p, "name"), name);
	if (target.len && !named(doc_get(spec, "containers"), target) &&
	    !named(doc_get(spec, "initContainers"), target))
		field_not_found(&w->faults, FPATH(p, "targetContainerName"), target);
}

void pod_validate_ephemeral(struct write *w)
{
	const struct fpath *p = FPATH(FPATH(NULL, "spec"), "ephemeralContainers");
	const struct doc *now = doc_path(w->obj, "spec.ephemeralContainers");
	const struct doc *was = doc_path(w->old, "spec.ephemeralContainers");
	int i = 0;
	pod_containers_validate(&w->faults, p, now, EPHEMERAL_CONTAINERS,
				doc_path(w->obj, "spec.volumes"));
	DOC_EACH(c, doc_is(now, DOC_ARRAY) ? now : NULL)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		check_ephemeral(w, here, c);
	}
	DOC_EACH(o, doc_is(was, DOC_ARRAY) ? was : NULL)
	{
		struct span name = doc_get_str(o, "name");
		const struct doc *c = named(now, name);
		if (!c || !doc_equal(c, o))
			field_forbidden(&w->faults, p,
					arena_printf(w->a,
						     "existing ephemeral containers \"%.*s\" may "
						     "not be %s\n",
						     (int)name.len, (const char *)name.data,
						     c ? "changed" : "removed"));
	}
}

/* ---- resize: cpu and memory of containers */

static const char *const lists[] = {"containers", "initContainers"};

void pod_prepare_resize(struct write *w)
{
	struct doc *obj = only(w, NULL, NULL);
	for (size_t i = 0; i < 2; i++) {
		const struct doc *wanted = doc_get(doc_get(w->obj, "spec"), lists[i]);
		const struct doc *list = doc_get(doc_get(obj, "spec"), lists[i]);
		DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
		{
			const struct doc *from = named(wanted, doc_get_str(c, "name"));
			if (from)
				put_or_remove(w, c, "resources",
					      copy_of(w, doc_get(from, "resources")));
		}
	}
	w->obj = obj;
}

/* Only these two may differ between two lists of amounts. */
static bool may_resize(const struct doc *now, const struct doc *was)
{
	static const char *const amounts[] = {"cpu", "memory", NULL};
	const struct doc *const sides[] = {now, was};
	for (size_t i = 0; i < 2; i++)
		DOC_EACH(d, doc_is(sides[i], DOC_MAP) ? sides[i] : NULL)
	if (!in_list(amounts, d->key) && !doc_equal(d, doc_get_span(sides[!i], d->key)))
		return false;
	return true;
}

/* What is given once can be less, and never nothing: nobody could tell the container. */
static bool is_removed(const struct doc *now, const struct doc *was)
{
	DOC_EACH(d, doc_is(was, DOC_MAP) ? was : NULL)
	if (doc_absent(doc_get_span(now, d->key)))
		return true;
	return false;
}

static void check_resize(struct write *w, const struct fpath *p, const struct doc *c, const struct doc *o,
			 bool init)
{
	static const char *const parts[] = {"limits", "requests"};
	static const char *const removed[] = {"resource limits cannot be removed",
					      "resource requests cannot be removed"};
	const struct doc *now = doc_get(c, "resources"), *was = doc_get(o, "resources");
	pod_resources_validate(&w->faults, p, now);
	if (init && !span_is(doc_get_str(c, "restartPolicy"), "Always")) {
		if (!doc_equal(now, was) && !(doc_absent(now) && doc_absent(was)))
			field_forbidden(&w->faults, p, "only the resources of side cars are mutable among "
						       "init containers");
		return;
	}
	for (size_t n = 0; n < 2; n++) {
		const struct doc *x = doc_get(now, parts[n]), *y = doc_get(was, parts[n]);
		if (!may_resize(x, y))
			field_forbidden(&w->faults, FPATH(p, parts[n]),
					"only cpu and memory resources are mutable");
		else if (is_removed(x, y))
			field_forbidden(&w->faults, FPATH(p, parts[n]), removed[n]);
	}
}

void pod_validate_resize(struct write *w)
{
	const struct doc *now = doc_get(w->obj, "spec"), *was = doc_get(w->old, "spec");
	if (pod_level_is_set(was)) {
		field_forbidden(&w->faults, NULL, "pods with pod-level resources cannot be resized");
		return;
	}
	if (doc_get(doc_get(meta_of(w->old), "annotations"), "kubernetes.io/config.mirror"))
		field_forbidden(&w->faults, NULL, "static pods cannot be resized");
	for (size_t i = 0; i < 2; i++) {
		const struct doc *list = doc_get(now, lists[i]);
		int k = 0;
		DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
		{
			const struct fpath *p = FPATH(
				FPATH_AT(FPATH(FPATH(NULL, "spec"), lists[i]), k++), "resources");
			const struct doc *o = named(doc_get(was, lists[i]), doc_get_str(c, "name"));
			check_resize(w, p, c, o, i == 1);
		}
	}
	if (strcmp(pod_qos(now), pod_qos(was)) != 0)
		field_invalid(&w->faults, FPATH(FPATH(NULL, "status"), "qosClass"),
			      span_of(pod_qos(now)),
			      "Pod QOS Class may not change as a result of resizing");
}

void pod_resize_policies_validate(struct faults *f, const struct fpath *p, const struct doc *list, bool never)
{
	static const char *const resources[] = {"cpu", "memory", NULL};
	static const char *const policies[] = {"NotRequired", "RestartContainer", NULL};
	int k = 0;
	DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *here = FPATH(FPATH_AT(p, k++), "resizePolicy");
		const struct doc *all = doc_get(c, "resizePolicy");
		int i = 0;
		DOC_EACH(d, doc_is(all, DOC_ARRAY) ? all : NULL)
		{
			struct span name = doc_get_str(d, "resourceName"), policy = doc_get_str(d, "restartPolicy");
			int at = i++;
			for (const struct doc *x = all->first; x != d; x = x->next)
				if (span_eq(doc_get_str(x, "resourceName"), name))
					field_duplicate(f, FPATH_AT(here, at), name);
			if (!in_list(resources, name))
				field_not_supported(f, here, name, resources);
			if (!policy.len)
				field_required(f, here, "");
			else if (!in_list(policies, policy))
				field_not_supported(f, here, policy, policies);
			else if (never && !span_is(policy, policies[0]))
				field_invalid(f, here, policy,
					      "must be 'NotRequired' when `restartPolicy` is 'Never'");
		}
	}
}
