#include "actors/objects/scale.h"

#include "actors/objects/meta.h"

struct doc *scale_of(struct arena *a, const struct doc *obj, struct span selector)
{
	static const char *const shown[] = {"name", "namespace", "uid", "creationTimestamp"};
	struct doc *s = doc_new(a, DOC_MAP), *m = doc_new(a, DOC_MAP);
	struct doc *spec = doc_new(a, DOC_MAP), *status = doc_new(a, DOC_MAP);
	doc_set_str(a, s, "kind", "Scale");
	doc_set_str(a, s, "apiVersion", "autoscaling/v1");
	doc_set(a, s, "metadata", m);
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		if (doc_get(meta_of(obj), shown[i]))
			doc_set(a, m, shown[i], doc_copy(a, doc_get(meta_of(obj), shown[i])));
	doc_set(a, s, "spec", spec);
	int64_t wanted = doc_path_int(obj, "spec.replicas", 0);
	if (wanted)
		doc_set_int(a, spec, "replicas", wanted);
	doc_set(a, s, "status", status);
	doc_set_int(a, status, "replicas", doc_path_int(obj, "status.replicas", 0));
	if (selector.len)
		doc_set(a, status, "selector", doc_span(a, selector));
	return s;
}

void scale_take(struct write *w, const struct doc *scale)
{
	int64_t wanted = doc_path_int(scale, "spec.replicas", 0);
	if (wanted < 0)
		field_invalid_int(&w->faults, FPATH(FPATH(NULL, "spec"), "replicas"), wanted,
				  "must be greater than or equal to 0");
	doc_set_int(w->a, doc_need_map(w->a, w->obj, "spec"), "replicas", wanted);
}
