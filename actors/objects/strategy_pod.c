/* Pods: spec is fixed but for a few fields, status belongs to the node, a
 * binding gives them their node once, and deletion waits for their processes.
 *
 *	created (Pending) -> bound (spec.nodeName) -> running -> ended
 *	deleted: unbound or ended pods at once, others after their grace period,
 *	when their node confirms with a deletion of grace 0 */
#include "actors/objects/pod.h"

#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/objects/warning.h"

static void defaults(struct write *w)
{
	struct doc *spec = doc_need_map(w->a, w->obj, "spec");
	if (spec)
		pod_defaults(w->a, spec);
}

static void prepare_create(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec");
	pod_apparmor_take(w, spec);
	pod_admit(w, spec);
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, status, "phase", "Pending");
	const struct doc *gates = doc_get(spec, "schedulingGates");
	if (doc_is(gates, DOC_ARRAY) && gates->count) {
		struct doc *list = doc_set(w->a, status, "conditions", doc_new(w->a, DOC_ARRAY));
		struct doc *c = doc_add(list, doc_new(w->a, DOC_MAP));
		doc_set_str(w->a, c, "type", "PodScheduled");
		doc_set_str(w->a, c, "status", "False");
		doc_set_str(w->a, c, "reason", "SchedulingGated");
		doc_set_str(w->a, c, "message",
			    "Scheduling is blocked due to non-empty scheduling gates");
	}
	doc_set_str(w->a, status, "qosClass", pod_qos(spec));
}

static void prepare_update(struct write *w)
{
	pod_admit_update(w, doc_get(w->obj, "spec"));
	keep_old(w, "status");
}

static void validate(struct write *w)
{
	if (!w->old)
		pod_spec_validate(&w->faults, FPATH(NULL, "spec"), doc_get(w->obj, "spec"));
}

/* Of an update only what may change needs judging: the rest is as it was. */
static void validate_images(struct write *w)
{
	static const char *const lists[] = {"containers", "initContainers"};
	for (size_t i = 0; i < 2; i++) {
		const struct doc *list =
			doc_path(w->obj, i ? "spec.initContainers" : "spec.containers");
		int k = 0;
		if (!doc_is(list, DOC_ARRAY))
			continue;
		DOC_EACH(c, list) {
			const struct fpath *p = FPATH_AT(FPATH(FPATH(NULL, "spec"), lists[i]), k++);
			if (doc_get_str(c, "image").len == 0)
				field_required(&w->faults, FPATH(p, "image"), "");
		}
	}
}

static void validate_update(struct write *w)
{
	const struct fpath *p = FPATH(NULL, "spec");
	const struct doc *spec = doc_get(w->obj, "spec");
	check_range(&w->faults, FPATH(p, "activeDeadlineSeconds"),
		    doc_get(spec, "activeDeadlineSeconds"), 1, INT32_MAX);
	validate_images(w);
	pod_update_validate(w);
}

/* ---- deletion */

static int64_t grace_s(const struct write *w)
{
	const struct doc *spec = doc_get(w->obj, "spec");
	struct span phase = doc_path_str(w->obj, "status.phase");
	int64_t grace = w->del.grace_s >= 0 ? w->del.grace_s
					    : doc_get_int(spec, "terminationGracePeriodSeconds", 0);
	if (doc_get_str(spec, "nodeName").len == 0 || span_is(phase, "Failed") ||
	    span_is(phase, "Succeeded"))
		return 0;
	return grace < 0 ? 1 : grace;
}

/* ---- subresources */

static void prepare_status(struct write *w)
{
	struct doc *m = meta_of(w->obj);
	keep_old(w, "spec");
	put_or_remove(w, m, "ownerReferences",
		      copy_of(w, doc_get(meta_of(w->old), "ownerReferences")));
	struct doc *status = doc_need_map(w->a, w->obj, "status");
	const struct doc *qos = doc_path(w->old, "status.qosClass");
	if (status && qos)
		doc_default(w->a, status, "qosClass", copy_of(w, qos));
}

static void set_scheduled(struct write *w)
{
	struct doc *status = doc_need_map(w->a, w->obj, "status");
	struct doc *list = doc_default(w->a, status, "conditions", doc_new(w->a, DOC_ARRAY));
	struct doc *c = NULL;
	DOC_EACH(d, list)
		if (span_is(doc_get_str(d, "type"), "PodScheduled"))
			c = d;
	if (!c)
		c = doc_add(list, doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, c, "type", "PodScheduled");
	doc_set_str(w->a, c, "status", "True");
	doc_set_str(w->a, c, "lastTransitionTime", w->now);
	doc_remove(c, "reason");
	doc_remove(c, "message");
}

static struct doc *binding_conflict(struct write *w, const char *why)
{
	struct schema_resource bindings = *w->r;
	bindings.resource = "pods/binding";
	return status_conflict(w->a, &bindings, w->name, why);
}

/* Why the pod cannot be bound (now), NULL when it can. */
static const char *not_bindable(struct write *w, const struct doc *binding)
{
	const struct doc *spec = doc_get(w->old, "spec"), *gates = doc_get(spec, "schedulingGates");
	struct span uid = doc_get_str(meta_of(binding), "uid"), name = w->name;
	struct span mine = doc_get_str(meta_of(w->old), "uid");
	struct span node = doc_get_str(spec, "nodeName");
	if (uid.len && !span_eq(uid, mine))
		return arena_printf(w->a,
				    "Precondition failed: UID in precondition: %.*s, UID in object "
				    "meta: %.*s",
				    (int)uid.len, uid.data, (int)mine.len, mine.data);
	if (meta_deleting(w->old))
		return arena_printf(w->a, "pod %.*s is being deleted, cannot be assigned to a host",
				    (int)name.len, name.data);
	if (node.len)
		return arena_printf(w->a, "pod %.*s is already assigned to node \"%.*s\"",
				    (int)name.len, name.data, (int)node.len, node.data);
	if (doc_is(gates, DOC_ARRAY) && gates->count)
		return arena_printf(w->a, "pod %.*s has non-empty .spec.schedulingGates",
				    (int)name.len, name.data);
	return NULL;
}

static void merge_metadata(struct write *w, const struct doc *body, const char *field)
{
	const struct doc *from = doc_get(meta_of(body), field);
	if (!doc_is(from, DOC_MAP) || from->count == 0)
		return;
	struct doc *to = doc_need_map(w->a, meta_of(w->obj), field);
	DOC_EACH(d, from)
		doc_set_span(w->a, to, d->key, doc_copy(w->a, d));
}

/* An error without a reason, as Kubernetes answers what it found by hand. */
static struct doc *check_binding(struct write *w, struct doc *body)
{
	struct err e = {0};
	if (schema_coerce(schema_type("core/v1.Binding"), body, w->a, NULL, &e))
		return status_bad_request(
			w->a, arena_printf(w->a,
					   "Binding in version \"v1\" cannot be handled "
					   "as a Binding: %s",
					   e.text));
	const struct doc *target = doc_get(body, "target");
	struct span kind = doc_get_str(target, "kind");
	const char *wrong = NULL, *missing = NULL;
	if (kind.len && !span_is(kind, "Node"))
		wrong = arena_printf(w->a,
				     "target.kind: Unsupported value: \"%.*s\": supported values: "
				     "\"Node\", \"<empty>\"",
				     (int)kind.len, (const char *)kind.data);
	if (doc_get_str(target, "name").len == 0)
		missing = "target.name: Required value";
	const char *both = wrong && missing ? arena_printf(w->a, "[%s, %s]", wrong, missing) : NULL;
	if (!wrong && !missing)
		return NULL;
	return status_failure(w->a, 500, "", both ? both : wrong ? wrong : missing);
}

static struct doc *bind(struct write *w, const struct doc *b)
{
	const char *why = not_bindable(w, b);
	if (why)
		return binding_conflict(w, why);
	struct doc *spec = doc_need_map(w->a, w->obj, "spec");
	struct span node = doc_path_str(b, "target.name");
	doc_set(w->a, spec, "nodeName", doc_span(w->a, node));
	merge_metadata(w, b, "annotations");
	merge_metadata(w, b, "labels");
	set_scheduled(w);
	return NULL;
}

static const char *const binding_versions[] = {"v1", NULL};
static const char *const eviction_versions[] = {"policy/v1", "policy/v1beta1", NULL};

static const struct subresource subresources[] = {
	{.name = "status", .prepare = prepare_status},
	{.name = "ephemeralcontainers",
	 .counts = true,
	 .prepare = pod_prepare_ephemeral,
	 .validate = pod_validate_ephemeral},
	{.name = "resize",
	 .counts = true,
	 .prepare = pod_prepare_resize,
	 .validate = pod_validate_resize},
	{.name = "binding", .kind = "Binding", .versions = binding_versions, .check = check_binding, .create = bind},
	{.name = "eviction", .kind = "Eviction", .versions = eviction_versions, .create = plan_evict},
	{0},
};

const struct strategy strategy_pod = {
	.unconditional_update = true,
	.generation = true,
	.returns_deleted = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = validate,
	.validate_update = validate_update,
	.grace_s = grace_s,
	.subresources = subresources,
	.warn = warn_pod,
};
