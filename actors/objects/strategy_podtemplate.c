/* PodTemplates: a template by itself. */
#include "actors/objects/pod.h"

#include "actors/objects/meta.h"

static void defaults(struct write *w)
{
	struct doc *template = doc_get(w->obj, "template");
	if (doc_is(template, DOC_MAP))
		pod_template_defaults(w->a, template);
}

static void prepare_create(struct write *w)
{
	doc_set_int(w->a, meta_of(w->obj), "generation", 1);
}

static void prepare_update(struct write *w)
{
	if (!doc_equal(doc_get(w->obj, "template"), doc_get(w->old, "template")))
		meta_next_generation(w);
}

static void validate(struct write *w)
{
	pod_template_validate(&w->faults, FPATH(NULL, "template"), doc_get(w->obj, "template"));
}

const struct strategy strategy_podtemplate = {
	.unconditional_update = true,
	.returns_deleted = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
};
