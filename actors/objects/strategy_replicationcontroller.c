/* ReplicationControllers: so many pods of a template, counted by a selector
 * that must find them. Deleted without a word about its pods it leaves them
 * (v1 only; clients of today say what they want). */
#include "actors/objects/pod.h"
#include "actors/objects/scale.h"

#include "actors/objects/meta.h"
#include "actors/objects/warning.h"

static bool is_empty(const struct doc *map)
{
	return !doc_is(map, DOC_MAP) || map->count == 0;
}

static void defaults(struct write *w)
{
	struct doc *spec = doc_need_map(w->a, w->obj, "spec");
	struct doc *template = doc_get(spec, "template"), *m = doc_get(w->obj, "metadata");
	const struct doc *labels = doc_path(template, "metadata.labels");
	if (!spec)
		return;
	doc_default(w->a, spec, "replicas", doc_int(w->a, 1));
	if (doc_is(template, DOC_MAP))
		pod_template_defaults(w->a, template);
	if (is_empty(labels))
		return;
	if (is_empty(doc_get(spec, "selector")))
		doc_set(w->a, spec, "selector", copy_of(w, labels));
	if (doc_is(m, DOC_MAP) && is_empty(doc_get(m, "labels")))
		doc_set(w->a, m, "labels", copy_of(w, labels));
}

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_int(w->a, status, "replicas", 0);
}

static void prepare_update(struct write *w)
{
	keep_old(w, "status");
}

static void prepare_status(struct write *w)
{
	keep_old(w, "spec");
}

static bool selects(const struct doc *selector, const struct doc *labels)
{
	DOC_EACH(s, selector)
	if (!doc_equal(s, doc_get_span(labels, s->key)))
		return false;
	return true;
}

static void validate(struct write *w)
{
	const struct fpath *p = FPATH(NULL, "spec"), *t = FPATH(p, "template");
	const struct doc *spec = doc_get(w->obj, "spec"), *selector = doc_get(spec, "selector");
	const struct doc *template = doc_get(spec, "template");
	const struct doc *labels = doc_path(template, "metadata.labels");
	struct faults *f = &w->faults;
	check_not_negative(f, FPATH(p, "minReadySeconds"), doc_get(spec, "minReadySeconds"));
	if (is_empty(selector))
		field_required(f, FPATH(p, "selector"), "");
	check_not_negative(f, FPATH(p, "replicas"), doc_get(spec, "replicas"));
	if (!doc_is(template, DOC_MAP)) {
		field_required(f, t, "");
		return;
	}
	if (!is_empty(selector) && !selects(selector, labels))
		field_invalid_doc(f, FPATH(FPATH(t, "metadata"), "labels"), labels,
				  "`selector` does not match template `labels`");
	pod_template_validate_kept(f, t, template, "ReplicationController");
}

static void validate_status(struct write *w)
{
	static const char *const counts[] = {"replicas", "fullyLabeledReplicas", "readyReplicas",
					     "availableReplicas", "observedGeneration"};
	const struct doc *status = doc_get(w->obj, "status");
	const struct fpath *p = FPATH(NULL, "status");
	int64_t all = doc_get_int(status, "replicas", 0);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		check_not_negative(&w->faults, FPATH(p, counts[i]), doc_get(status, counts[i]));
	for (size_t i = 1; i < 4; i++)
		if (doc_get_int(status, counts[i], 0) > all)
			field_invalid_int(&w->faults, FPATH(p, counts[i]),
					  doc_get_int(status, counts[i], 0),
					  "cannot be greater than status.replicas");
}

static struct doc *show_scale(struct arena *a, const struct doc *obj)
{
	struct buf b = {0};
	const struct doc *selector = doc_path(obj, "spec.selector");
	DOC_EACH(s, doc_is(selector, DOC_MAP) ? selector : NULL)
	buf_printf(&b, "%s%.*s=%.*s", b.len ? "," : "", (int)s->key.len, (const char *)s->key.data,
		   (int)s->text.len, (const char *)s->text.data);
	struct doc *scale =
		scale_of(a, obj, (struct span){(uint8_t *)arena_ndup(a, b.data, b.len), b.len});
	buf_fini(&b);
	return scale;
}

static const struct subresource subresources[] = {
	{.name = "status", .prepare = prepare_status, .validate = validate_status},
	{.name = "scale", .type = "autoscaling/v1.Scale", .show = show_scale, .take = scale_take},
	{0},
};

const struct strategy strategy_replicationcontroller = {
	.unconditional_update = true,
	.generation = true,
	.orphans = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
	.subresources = subresources,
	.warn = warn_workload,
};
