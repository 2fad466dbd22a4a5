/* Kubernetes' API server takes one from the budget's status and then deletes
 * the pod (registry/core/pod/storage/eviction.go); here both are one
 * transaction that compares the budget's row, so that nothing is taken for a
 * pod that stays. */
#include "actors/objects/budget.h"

#include "actors/objects/admission.h"
#include "actors/objects/plan.h"
#include "actors/schema/conditions.h"
#include "actors/schema/selectors.h"

static bool selects(struct mp budget, struct mp labels)
{
	struct mp selector = {0};
	mp_path(budget, "spec.selector", &selector);
	return label_object_match_all(selector, labels);
}

static bool needs_no_budget(struct mp pod)
{
	struct span phase = mp_path_str(pod, "status.phase");
	return span_is(phase, "Succeeded") || span_is(phase, "Failed") ||
	       span_is(phase, "Pending") || mp_path_str(pod, "metadata.deletionTimestamp").len;
}

/* ---- refusals */

static bool refuse(struct write *w, struct doc *status)
{
	plan_refuse(w, status);
	return false;
}

static bool too_many_requests(struct write *w, const char *why, int retry_s)
{
	struct arena *a = w->a;
	struct doc *s = status_failure(
		a, 429, "TooManyRequests",
		"Cannot evict pod as it would violate the pod's disruption budget.");
	struct doc *list = doc_new(a, DOC_ARRAY), *cause = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, cause, "reason", "DisruptionBudget");
	doc_set_str(a, cause, "message", why);
	doc_path_set(a, s, "details.causes", list);
	if (retry_s)
		doc_path_set(a, s, "details.retryAfterSeconds", doc_int(a, retry_s));
	return refuse(w, s);
}

/* ---- the budget */

/* The one budget that selects the pod, in *found; its key is NULL for none.
 * False: refused. */
static bool find(struct write *w, struct mp pod, struct span *found)
{
	struct doc *names;
	struct mp labels = {0};
	struct store_row row;
	const struct schema_resource *r =
		schema_find_stream(w->req->schema, span_of("poddisruptionbudgets.policy"));
	*found = (struct span){0};
	if (!admission_names(w, "poddisruptionbudgets", &names))
		return false;
	mp_path(pod, "metadata.labels", &labels);
	DOC_EACH(n, doc_is(names, DOC_ARRAY) ? names : NULL)
	{
		struct buf b = {0};
		schema_key(&b, r, w->namespace, n->text);
		struct span key = {(uint8_t *)arena_ndup(w->a, b.data, b.len), b.len};
		buf_fini(&b);
		if (!plan_peek(w, key, &row))
			return false;
		/* It is listed: a view that does not have it is behind. */
		if (!row.value && !plan_read(w, key, &row))
			return false;
		if (!row.value || !selects(mp_of_bytes(row.value), labels))
			continue;
		if (found->len)
			return refuse(w, status_failure(
						 w->a, 500, "InternalError",
						 "This pod has more than one PodDisruptionBudget, "
						 "which the eviction subresource does not support."));
		*found = key;
	}
	return true;
}

/* A pod that is not ready costs nothing where the others are enough. */
static bool costs_nothing(struct mp budget, struct mp pod)
{
	int64_t healthy = mp_path_int(budget, "status.currentHealthy", 0);
	int64_t wanted = mp_path_int(budget, "status.desiredHealthy", 0);
	if (condition_is(pod, "Ready", "True"))
		return false;
	return span_is(mp_path_str(budget, "spec.unhealthyPodEvictionPolicy"), "AlwaysAllow") ||
	       (wanted > 0 && healthy >= wanted);
}

static void take_one(struct write *w, const struct store_row *row)
{
	struct buf b = {0};
	struct doc *d;
	if (doc_from_mp(w->a, mp_of_bytes(row->value), &d, NULL))
		return; /* it was read before */
	struct doc *status = doc_need_map(w->a, d, "status");
	doc_set_int(w->a, status, "disruptionsAllowed",
		    doc_get_int(status, "disruptionsAllowed", 0) - 1);
	doc_set_span(w->a, doc_need_map(w->a, status, "disruptedPods"), w->name,
		     doc_str(w->a, w->now));
	doc_to_mp(&b, d);
	plan_also(w, (struct store_op){.verb = STORE_PUT,
				       .key = row->key,
				       .value = plan_own(w, bytes_take(&b))});
}

bool budget_charge(struct write *w)
{
	struct mp pod = mp_of_bytes(w->row.value);
	struct span key;
	struct store_row row;
	if (needs_no_budget(pod))
		return true;
	if (!find(w, pod, &key))
		return false;
	if (!key.len)
		return true;
	if (!plan_read(w, key, &row))
		return false;
	struct mp budget = row.value ? mp_of_bytes(row.value) : (struct mp){0};
	struct span name = mp_path_str(budget, "metadata.name");
	if (!row.value || costs_nothing(budget, pod))
		return true;
	if (mp_path_int(budget, "status.observedGeneration", 0) <
	    mp_path_int(budget, "metadata.generation", 0))
		return too_many_requests(
			w,
			arena_printf(w->a, "The disruption budget %.*s is still being processed by the server.",
				     (int)name.len, (const char *)name.data),
			10);
	if (mp_path_int(budget, "status.disruptionsAllowed", 0) > 0) {
		take_one(w, &row);
		return true;
	}
	return too_many_requests(
		w,
		arena_printf(w->a, "The disruption budget %.*s needs %lld healthy pods and has %lld currently",
			     (int)name.len, (const char *)name.data,
			     (long long)mp_path_int(budget, "status.desiredHealthy", 0),
			     (long long)mp_path_int(budget, "status.currentHealthy", 0)),
		0);
}
