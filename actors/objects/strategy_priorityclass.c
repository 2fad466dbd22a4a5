/* PriorityClasses: numbers by which pods are put in order. A class keeps its
 * number: pods have it already. */
#include "actors/objects/admission.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"

enum { USER_HIGHEST = 1000000000 };

static const struct {
	const char *name;
	int64_t value;
} system_classes[] = {{"system-node-critical", 2000001000},
		      {"system-cluster-critical", 2000000000}};

static const struct fill fills[] = {DEFAULT_TEXT("preemptionPolicy", "PreemptLowerPriority"), {0}};
static const struct rule rules[] = {
	RULE("preemptionPolicy", ONE_OF, .list = ONE_OF("PreemptLowerPriority", "Never")),
	{0},
};

/* There is at most one that pods get who name none. */
static void refuse_second_default(struct write *w)
{
	struct doc *names;
	if (!doc_get_bool(w->obj, "globalDefault", false) ||
	    !admission_names(w, "priorityclasses", &names) || !doc_is(names, DOC_ARRAY) ||
	    !names->count || span_eq(names->first->text, w->name))
		return;
	struct span is = names->first->text;
	plan_refuse(w, status_forbidden(
			       w->a, w->r, w->name,
			       arena_printf(w->a,
					    "PriorityClass %.*s is already marked as default. Only "
					    "one default can exist",
					    (int)is.len, (const char *)is.data)));
}

static void prepare_create(struct write *w)
{
	doc_set_int(w->a, meta_of(w->obj), "generation", 1);
	refuse_second_default(w);
}

static const char *not_known(struct write *w, int64_t value)
{
	for (size_t i = 0; i < 2; i++) {
		if (!span_is(w->name, system_classes[i].name))
			continue;
		if (value != system_classes[i].value)
			return arena_printf(w->a, "value of %s PriorityClass must be %lld",
					    system_classes[i].name,
					    (long long)system_classes[i].value);
		return doc_get_bool(w->obj, "globalDefault", false)
			       ? arena_printf(w->a,
					      "globalDefault of %s PriorityClass must be false",
					      system_classes[i].name)
			       : NULL;
	}
	return arena_printf(w->a, "%.*s is not a known system priority class", (int)w->name.len,
			    (const char *)w->name.data);
}

static void validate(struct write *w)
{
	static const char prefix[] = "system-";
	int64_t value = doc_get_int(w->obj, "value", 0);
	size_t n = sizeof prefix - 1;
	bool system = w->name.len >= n && memcmp(w->name.data, prefix, n) == 0;
	const char *why = system ? not_known(w, value) : NULL;
	if (why)
		field_forbidden(&w->faults, FPATH(FPATH(NULL, "metadata"), "name"),
				arena_printf(w->a,
					     "priority class names with 'system-' prefix are "
					     "reserved for system use only. error: %s",
					     why));
	if (!system && value > USER_HIGHEST)
		field_forbidden(&w->faults, FPATH(NULL, "value"),
				"maximum allowed value of a user defined priority is 1000000000");
}

static void validate_update(struct write *w)
{
	if (doc_get_int(w->obj, "value", 0) != doc_get_int(w->old, "value", 0))
		field_forbidden(&w->faults, FPATH(NULL, "value"),
				"may not be changed in an update.");
}

static struct doc *may_delete(struct write *w)
{
	for (size_t i = 0; i < 2; i++)
		if (span_is(w->name, system_classes[i].name))
			return status_forbidden(w->a, w->r, w->name,
						"this is a system priority class and cannot be "
						"deleted");
	return NULL;
}

static const char *const fixed[] = {"preemptionPolicy", NULL};

static bool claims(struct write *w, bool removing)
{
	return admission_list(w, !removing && doc_get_bool(w->obj, "globalDefault", false));
}

const struct strategy strategy_priorityclass = {
	.unconditional_update = true,
	.fills = fills,
	.rules = rules,
	.fixed = fixed,
	.prepare_create = prepare_create,
	.validate = validate,
	.validate_update = validate_update,
	.may_delete = may_delete,
	.claims = claims,
};
