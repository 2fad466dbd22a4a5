/* HorizontalPodAutoscalers, in the form of autoscaling/v2. */
#include "actors/objects/meta.h"
#include "actors/schema/quantity.h"

enum { WINDOW_MAX_S = 3600, PERIOD_MAX_S = 1800, CPU_PERCENT = 80 };

static const struct fill fills[] = {
	DEFAULT_NUMBER("spec.minReplicas", 1),
	DEFAULT_NUMBER("spec.behavior.scaleUp+.stabilizationWindowSeconds", 0),
	DEFAULT_TEXT("spec.behavior.scaleUp+.selectPolicy", "Max"),
	DEFAULT_TEXT("spec.behavior.scaleDown+.selectPolicy", "Max"),
	{0},
};

/* Who does not say what is measured means the processor's use. */
static struct doc *cpu_use(struct arena *a)
{
	struct doc *m = doc_new(a, DOC_MAP), *list = doc_new(a, DOC_ARRAY);
	doc_set_str(a, m, "type", "Resource");
	doc_path_set(a, m, "resource.name", doc_str(a, "cpu"));
	doc_path_set(a, m, "resource.target.type", doc_str(a, "Utilization"));
	doc_path_set(a, m, "resource.target.averageUtilization", doc_int(a, CPU_PERCENT));
	doc_add(list, m);
	return list;
}

static void add_policy(struct arena *a, struct doc *rules, const char *type, int64_t value)
{
	struct doc *list = doc_default(a, rules, "policies", doc_new(a, DOC_ARRAY));
	struct doc *p = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, p, "type", type);
	doc_set_int(a, p, "value", value);
	doc_set_int(a, p, "periodSeconds", 15);
}

static void defaults(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec"), *metrics = doc_get(spec, "metrics");
	struct doc *up = doc_path(spec, "behavior.scaleUp"),
		   *down = doc_path(spec, "behavior.scaleDown");
	if (!metrics || metrics->count == 0)
		doc_set(w->a, spec, "metrics", cpu_use(w->a));
	if (up && !doc_get(up, "policies")) {
		add_policy(w->a, up, "Pods", 4);
		add_policy(w->a, up, "Percent", 100);
	}
	if (down && !doc_get(down, "policies"))
		add_policy(w->a, down, "Percent", 100);
}

/* ---- metrics */

static void check_positive_amount(struct faults *f, const struct fpath *p, const struct doc *d)
{
	struct quantity q;
	if (d && !quantity_parse(d->text, &q) && q.nano <= 0)
		field_invalid(f, p, d->text, "must be positive");
}

static void check_target_type(struct faults *f, const struct fpath *p, const struct doc *d)
{
	struct span type = doc_is(d, DOC_STR) ? d->text : (struct span){0};
	if (!type.len)
		field_required(f, p, "must specify a metric target type");
	if (!in_list(ONE_OF("Utilization", "Value", "AverageValue"), type))
		field_invalid(f, p, type, "must be either Utilization, Value, or AverageValue");
}

static const struct rule
	target_rules[] =
		{
			RULE("target.type", CALL, .call = check_target_type),
			RULE("target.value", CALL, .call = check_positive_amount),
			RULE("target.averageValue", CALL, .call = check_positive_amount),
			RULE("target.averageUtilization", POSITIVE),
			{0},
},
	metric_rules[] =
		{
			RULE("metric.name", NAME, .name = name_path_segment,
			     .detail = "must specify a metric name"),
			RULE("metric.selector", SELECTOR),
			{0},
},
	object_rules[] =
		{
			RULE("describedObject.kind", NAME, .name = name_path_segment),
			RULE("describedObject.name", NAME, .name = name_path_segment),
			{0},
},
	resource_rules[] =
		{
			RULE("name", NEEDED, .detail = "must specify a resource name"),
			{0},
},
	container_rules[] =
		{
			RULE("name", NEEDED, .detail = "must specify a resource name"),
			RULE("container", NAME, .name = name_dns1123_label,
			     .detail = "must specify a container"),
			{0},
},
	none[] = {{0}};

/* What a source is aimed at: one of two values, or one that must be there. */
static const struct source {
	const char *type, *field;
	const struct rule *rules, *metric;
	const char *either, * or, *missing, *both;
} sources[] = {
	{"Object", "object", object_rules, metric_rules, "value", "averageValue",
	 "must set either a target value or averageValue", NULL},
	{"External", "external", none, metric_rules, "value", "averageValue",
	 "must set either a target value for metric or a per-pod target",
	 "may not set both a target value for metric and a per-pod target"},
	{"Pods", "pods", none, metric_rules, "averageValue", "averageValue",
	 "must specify a positive target averageValue", NULL},
	{"Resource", "resource", resource_rules, none, "averageValue", "averageUtilization",
	 "must set either a target raw value or a target utilization",
	 "may not set both a target raw value and a target utilization"},
	{"ContainerResource", "containerResource", container_rules, none, "averageValue",
	 "averageUtilization", "must set either a target raw value or a target utilization",
	 "may not set both a target raw value and a target utilization"},
};
enum { SOURCES = sizeof sources / sizeof *sources };

static void check_source(struct faults *f, const struct fpath *p, const struct doc *d,
			 const struct source *s)
{
	const struct fpath *t = FPATH(p, "target");
	const struct doc *target = doc_get(d, "target");
	bool either = doc_get(target, s->either) != NULL, or = doc_get(target, s->or) != NULL;
	rules_check(f, p, d, s->rules);
	rules_check(f, p, d, s->metric);
	rules_check(f, p, d, target_rules);
	if (!either && ! or)
		field_required(f, FPATH(t, s->or), s->missing);
	if (either && or &&s->both)
		field_forbidden(f, FPATH(t, s->either), s->both);
}

static void check_metric(struct faults *f, const struct fpath *p, const struct doc *m)
{
	struct span type = doc_get_str(m, "type");
	const struct source *meant = NULL;
	int present = 0;
	if (!type.len)
		field_required(f, FPATH(p, "type"), "must specify a metric source type");
	for (size_t i = 0; i < SOURCES; i++) {
		const struct doc *d = doc_get(m, sources[i].field);
		if (span_is(type, sources[i].type))
			meant = &sources[i];
		if (d && present++ == 0)
			check_source(f, FPATH(p, sources[i].field), d, &sources[i]);
	}
	if (!meant)
		field_not_supported(
			f, FPATH(p, "type"), type,
			ONE_OF("ContainerResource", "External", "Object", "Pods", "Resource"));
	else if (!doc_get(m, meant->field))
		field_required(f, FPATH(p, meant->field),
			       "must populate information for the given metric source");
	for (size_t i = 0; i < SOURCES && present != 1; i++)
		if (&sources[i] != meant && doc_get(m, sources[i].field))
			field_forbidden(f, FPATH(p, sources[i].field),
					"must populate the given metric source only");
}

/* ---- behavior */

static void check_at_most(struct faults *f, const struct fpath *p, const struct doc *d,
			  int64_t least, const char *too_little, int64_t most)
{
	if (!doc_is(d, DOC_INT))
		return;
	if (d->integer < least)
		field_invalid_int(f, p, d->integer, too_little);
	if (d->integer > most)
		field_invalid_int(f, p, d->integer,
				  arena_printf(f->arena, "must be less than or equal to %lld",
					       (long long)most));
}

static void check_window(struct faults *f, const struct fpath *p, const struct doc *d)
{
	check_at_most(f, p, d, 0, "must be greater than or equal to zero", WINDOW_MAX_S);
}

static void check_value(struct faults *f, const struct fpath *p, const struct doc *d)
{
	check_at_most(f, p, d, 1, "must be greater than zero", INT32_MAX);
}

static void check_period(struct faults *f, const struct fpath *p, const struct doc *d)
{
	check_at_most(f, p, d, 1, "must be greater than zero", PERIOD_MAX_S);
}

static const struct rule scaling_rules[] = {
	RULE("stabilizationWindowSeconds", CALL, .call = check_window),
	RULE("selectPolicy", ONE_OF, .list = ONE_OF("Disabled", "Max", "Min")),
	RULE("policies", NEEDED, .detail = "must specify at least one Policy"),
	RULE("policies[].type", NEEDED_ONE_OF, .list = ONE_OF("Percent", "Pods")),
	RULE("policies[].value", CALL, .call = check_value),
	RULE("policies[].periodSeconds", CALL, .call = check_period),
	{0},
};

static void check_scaling(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (d)
		rules_check(f, p, d, scaling_rules);
}

/* ---- the object */

static const struct rule rules[] =
	{
		RULE("spec.scaleTargetRef.kind", NAME, .name = name_path_segment),
		RULE("spec.scaleTargetRef.name", NAME, .name = name_path_segment),
		RULE("spec.metrics[]", CALL, .call = check_metric),
		RULE("spec.behavior.scaleUp", CALL, .call = check_scaling),
		RULE("spec.behavior.scaleDown", CALL, .call = check_scaling),
		{0},
},
			 status_rules[] = {
				 RULE("status.currentReplicas", NOT_NEGATIVE),
				 RULE("status.desiredReplicas", NOT_NEGATIVE),
				 {0},
};

/* What is measured is there without a pod. */
static bool scales_from_nothing(const struct doc *metrics)
{
	DOC_EACH(m, doc_is(metrics, DOC_ARRAY) ? metrics : NULL)
	if (in_list(ONE_OF("Object", "External"), doc_get_str(m, "type")))
		return true;
	return false;
}

static void validate(struct write *w)
{
	const struct fpath *p = FPATH(NULL, "spec");
	const struct doc *spec = doc_get(w->obj, "spec");
	int64_t low = doc_get_int(spec, "minReplicas", 1),
		high = doc_get_int(spec, "maxReplicas", 0);
	if (low < 1)
		field_invalid_int(&w->faults, FPATH(p, "minReplicas"), low,
				  "must be greater than or equal to 1");
	if (low == 0 && !scales_from_nothing(doc_get(spec, "metrics")))
		field_forbidden(&w->faults, FPATH(p, "metrics"),
				"must specify at least one Object or External metric to support "
				"scaling to zero replicas");
	if (high < 1)
		field_invalid_int(&w->faults, FPATH(p, "maxReplicas"), high,
				  "must be greater than 0");
	if (high < low)
		field_invalid_int(&w->faults, FPATH(p, "maxReplicas"), high,
				  "must be greater than or equal to `minReplicas`");
}

const struct strategy strategy_autoscaler = {
	.unconditional_update = true,
	.status = true,
	.fills = fills,
	.defaults = defaults,
	.rules = rules,
	.validate = validate,
	.status_rules = status_rules,
	.subresources = subresources_status,
};
