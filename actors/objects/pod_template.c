/* Pod templates, wherever they stand: what pods are made from. */
#include "actors/objects/pod.h"

#include "actors/objects/meta.h"

void pod_template_defaults(struct arena *a, struct doc *template)
{
	struct doc *spec = doc_get(template, "spec");
	if (doc_is(spec, DOC_MAP))
		pod_spec_defaults(a, spec);
}

void pod_template_validate(struct faults *f, const struct fpath *p, const struct doc *template)
{
	const struct doc *m = meta_of(template);
	/* Kubernetes leaves "metadata" out of these places. */
	meta_validate_labels(f, FPATH(p, "labels"), doc_get(m, "labels"));
	meta_validate_annotations(f, FPATH(p, "annotations"), doc_get(m, "annotations"));
	pod_spec_validate(f, FPATH(p, "spec"), doc_get(template, "spec"));
}

void pod_template_validate_kept(struct faults *f, const struct fpath *p, const struct doc *template,
				const char *kind)
{
	static const char *const always[] = {"Always", NULL};
	const struct fpath *spec = FPATH(p, "spec");
	struct span policy = doc_path_str(template, "spec.restartPolicy");
	pod_template_validate(f, p, template);
	if (!span_is(policy, "Always"))
		field_not_supported(f, FPATH(spec, "restartPolicy"), policy, always);
	if (doc_path(template, "spec.activeDeadlineSeconds"))
		field_forbidden(f, FPATH(spec, "activeDeadlineSeconds"),
				arena_printf(f->arena,
					     "activeDeadlineSeconds in %s is not Supported", kind));
}
