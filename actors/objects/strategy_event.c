/* Events: about one object, in that object's namespace. */
#include "actors/objects/meta.h"

/* Events about what is in no namespace are kept in "default". */
static void validate(struct write *w)
{
	struct span about = doc_path_str(w->obj, "involvedObject.namespace");
	struct span ns = doc_get_str(meta_of(w->obj), "namespace");
	const struct fpath *p = FPATH(FPATH(NULL, "involvedObject"), "namespace");
	bool fine = about.len ? span_eq(about, ns)
			      : ns.len == 0 || span_is(ns, "default") || span_is(ns, "kube-system");
	if (!fine)
		field_invalid(&w->faults, p, about, "does not match event.namespace");
}

const struct strategy strategy_event = {
	.unconditional_update = true,
	.create_on_update = true,
	.validate = validate,
};
