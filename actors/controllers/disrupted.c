#include "actors/controllers/disrupted.h"

#include "actors/schema/conditions.h"
#include "actors/schema/rfc3339.h"

struct reconcile_action *disrupted_say(struct reconcile_item *i,
				       const struct schema_resource *pods, struct mp pod,
				       const char *reason, const char *message, int64_t now_us)
{
	struct arena *a = reconcile_arena(i);
	char now[RFC3339_MAX];
	struct mp was;
	if (condition_find(pod, span_of("DisruptionTarget"), &was) &&
	    span_is(mp_path_str(was, "status"), "True"))
		return NULL;
	rfc3339_format(now_us, now);
	struct doc *d = doc_new(a, DOC_MAP), *list = doc_new(a, DOC_ARRAY);
	doc_set_str(a, d, "type", "DisruptionTarget");
	doc_set_str(a, d, "status", "True");
	doc_set_str(a, d, "reason", reason);
	doc_set_str(a, d, "message", message);
	doc_set_str(a, d, "lastTransitionTime", arena_dup(a, now));
	doc_add(list, d);
	struct reconcile_action *x =
		reconcile_add(i, OBJ_PATCH_STRATEGIC, pods, object_copy(a, object_namespace(pod)),
			      object_copy(a, object_name(pod)));
	x->sub = "status";
	x->body = doc_new(a, DOC_MAP);
	doc_set(a, doc_set(a, x->body, "status", doc_new(a, DOC_MAP)), "conditions", list);
	return x;
}
