/* RuntimeClasses of pods: one that a pod names must be there; what it costs, and where its
 * pods may run, is written into the pod.
 * Source of the rules: kubernetes plugin/pkg/admission/runtimeclass, pkg/util/tolerations. */
#include "actors/objects/admission.h"

#include "actors/objects/plan.h"
#include "actors/objects/pod.h"
#include "actors/schema/quantity.h"

static bool refuse(struct write *w, const char *why)
{
	plan_refuse(w, status_forbidden(w->a, w->r, w->name, why));
	return false;
}

/* False: refused. */
static bool find_class(struct write *w, struct span name, struct doc **out)
{
	struct store_row row;
	if (!admission_read(w, "runtimeclasses.node.k8s.io", name, &row))
		return false;
	if (!row.value)
		return refuse(w, arena_printf(w->a, "pod rejected: RuntimeClass \"%.*s\" not found",
					      (int)name.len, (const char *)name.data));
	return !doc_from_mp(w->a, mp_of_bytes(row.value), out, NULL);
}

/* ---- what each pod of it costs */

static bool same_amount(const struct doc *x, const struct doc *y)
{
	struct quantity a, b;
	return doc_is(x, DOC_STR) && doc_is(y, DOC_STR) && !quantity_parse(x->text, &a) &&
	       !quantity_parse(y->text, &b) && quantity_cmp(a, b) == 0;
}

static bool same_amounts(const struct doc *x, const struct doc *y)
{
	size_t n = doc_is(x, DOC_MAP) ? x->count : 0, m = doc_is(y, DOC_MAP) ? y->count : 0;
	if (n != m)
		return false;
	DOC_EACH(d, n ? x : NULL)
	if (!same_amount(d, doc_get_span(y, d->key)))
		return false;
	return true;
}

static bool set_overhead(struct write *w, struct doc *spec, const struct doc *class)
{
	const struct doc *overhead = doc_get(class, "overhead"), *given = doc_get(spec, "overhead");
	const struct doc *fixed = doc_get(overhead, "podFixed");
	if (doc_absent(overhead))
		return doc_absent(given) ||
		       refuse(w, "pod rejected: Pod Overhead set without corresponding RuntimeClass "
				 "defined Overhead");
	if (!doc_absent(given) && !same_amounts(given, fixed))
		return refuse(w, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined "
				 "Overhead");
	if (doc_is(fixed, DOC_MAP))
		doc_set(w->a, spec, "overhead", doc_copy(w->a, fixed));
	return true;
}

/* ---- where they may run */

static bool merge_selector(struct write *w, struct doc *spec, const struct doc *selector)
{
	if (!doc_is(selector, DOC_MAP) || !selector->count)
		return true;
	struct doc *own = doc_need_map(w->a, spec, "nodeSelector");
	DOC_EACH(d, own ? selector : NULL)
	{
		const struct doc *was = doc_get_span(own, d->key);
		if (!doc_absent(was) && !doc_equal(was, d))
			return refuse(w, arena_printf(w->a,
						      "conflict: runtimeClass.scheduling.nodeSelector[%.*s] "
						      "= %.*s; pod.spec.nodeSelector[%.*s] = %.*s",
						      (int)d->key.len, (const char *)d->key.data,
						      (int)d->text.len, (const char *)d->text.data,
						      (int)d->key.len, (const char *)d->key.data,
						      (int)was->text.len, (const char *)was->text.data));
		doc_set_span(w->a, own, d->key, doc_copy(w->a, d));
	}
	return true;
}

/* Whether `wide` tolerates all that `t` does. */
static bool covers(const struct doc *wide, const struct doc *t)
{
	struct span key = doc_get_str(wide, "key"), effect = doc_get_str(wide, "effect");
	bool any = span_is(doc_get_str(wide, "operator"), "Exists");
	const struct doc *most = doc_get(wide, "tolerationSeconds");
	if (doc_equal(wide, t))
		return true;
	if (!span_eq(key, doc_get_str(t, "key")) && (key.len || !any))
		return false;
	if (effect.len && !span_eq(effect, doc_get_str(t, "effect")))
		return false;
	if (span_is(effect, "NoExecute") && doc_is(most, DOC_INT) &&
	    doc_get_int(t, "tolerationSeconds", INT64_MAX) > most->integer)
		return false;
	return any || (span_is(doc_get_str(t, "operator"), "Equal") &&
		       span_eq(doc_get_str(t, "value"), doc_get_str(wide, "value")));
}

static bool is_covered(const struct doc *t, const struct doc *kept)
{
	DOC_EACH(k, kept)
	if (covers(k, t))
		return true;
	for (const struct doc *after = t->next; after; after = after->next)
		if (!doc_equal(t, after) && covers(after, t))
			return true;
	return false;
}

/* Of two that say the same one stays, of two of which one says more, that. */
static void merge_tolerations(struct write *w, struct doc *spec, const struct doc *more)
{
	struct doc *all = doc_new(w->a, DOC_ARRAY), *kept = doc_new(w->a, DOC_ARRAY);
	const struct doc *own = doc_get(spec, "tolerations");
	if (!doc_is(more, DOC_ARRAY) || !more->count)
		return;
	DOC_EACH(t, doc_is(own, DOC_ARRAY) ? own : NULL)
	doc_add(all, doc_copy(w->a, t));
	DOC_EACH(t, more)
	doc_add(all, doc_copy(w->a, t));
	DOC_EACH(t, all)
	if (!is_covered(t, kept))
		doc_add(kept, doc_copy(w->a, t));
	doc_set(w->a, spec, "tolerations", kept);
}

void admit_runtime_class(struct write *w, struct doc *spec)
{
	struct span name = doc_get_str(spec, "runtimeClassName");
	struct doc *class = NULL;
	if (name.len && !find_class(w, name, &class))
		return;
	const struct doc *scheduling = doc_get(class, "scheduling");
	if (set_overhead(w, spec, class) &&
	    merge_selector(w, spec, doc_get(scheduling, "nodeSelector")))
		merge_tolerations(w, spec, doc_get(scheduling, "tolerations"));
}
