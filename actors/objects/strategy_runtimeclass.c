/* RuntimeClasses: what runs the pods that name them. */
#include "actors/objects/meta.h"
#include "actors/objects/pod.h"

static void check_handler(struct faults *f, const struct fpath *p, const struct doc *d)
{
	struct span s = doc_is(d, DOC_STR) ? d->text : (struct span){0};
	if (name_dns1123_label(s))
		field_invalid(f, p, s, name_dns1123_label(s));
}

static void check_overhead(struct faults *f, const struct fpath *p, const struct doc *overhead)
{
	struct doc *as_limits = doc_new(f->arena, DOC_MAP);
	if (!doc_get(overhead, "podFixed"))
		return;
	doc_set(f->arena, as_limits, "limits", doc_copy(f->arena, doc_get(overhead, "podFixed")));
	pod_resources_validate(f, p, as_limits);
}

static void check_scheduling(struct faults *f, const struct fpath *p, const struct doc *d)
{
	const struct doc *list = doc_get(d, "tolerations");
	const struct fpath *at = FPATH(p, "tolerations");
	int i = 0;
	meta_validate_labels(f, FPATH(p, "nodeSelector"), doc_get(d, "nodeSelector"));
	/* Kubernetes tells these places so. */
	pod_tolerations_validate(f, FPATH(at, "tolerations"), list);
	DOC_EACH(t, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *here = FPATH_AT(at, i++);
		for (const struct doc *o = list->first; o != t; o = o->next)
			if (doc_equal(o, t))
				field_duplicate(f, here, doc_get_str(t, "key"));
	}
}

static const struct rule rules[] = {
	RULE("handler", CALL, .call = check_handler),
	RULE("overhead", CALL, .call = check_overhead),
	RULE("scheduling", CALL, .call = check_scheduling),
	{0},
};

static const char *const fixed[] = {"handler", NULL};

const struct strategy strategy_runtimeclass = {
	.rules = rules,
	.fixed = fixed,
	.create_on_update = true,
};
