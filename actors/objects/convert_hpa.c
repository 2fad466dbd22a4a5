/* HorizontalPodAutoscalers: v1 knows one metric, the processor's use in
 * percent. What else there is it keeps as JSON in annotations, in forms of its
 * own for metrics:
 *
 *	spec.targetCPUUtilizationPercentage  the first metric of that kind
 *	.../metrics, .../current-metrics     the other metrics, all that is measured
 *	.../behavior, .../conditions         as v2 has them
 *
 * An annotation that is not what it should be stays and means nothing. */
#include "actors/objects/convert.h"

#include "actors/objects/meta.h"
#include "actors/schema/json.h"

static const char metrics_key[] = "autoscaling.alpha.kubernetes.io/metrics",
		  current_key[] = "autoscaling.alpha.kubernetes.io/current-metrics",
		  conditions_key[] = "autoscaling.alpha.kubernetes.io/conditions",
		  behavior_key[] = "autoscaling.alpha.kubernetes.io/behavior";

/* ---- metrics: the same values in other places */

static const struct place {
	const char *kind; /* "object": the field that holds the metric */
	const char *v1, *v2;
} spec_places[] =
	{
		{"object", "target", "describedObject"},
		{"object", "metricName", "metric.name"},
		{"object", "selector", "metric.selector"},
		{"object", "targetValue", "target.value"},
		{"object", "averageValue", "target.averageValue"},
		{"pods", "metricName", "metric.name"},
		{"pods", "selector", "metric.selector"},
		{"pods", "targetAverageValue", "target.averageValue"},
		{"resource", "targetAverageUtilization", "target.averageUtilization"},
		{"resource", "targetAverageValue", "target.averageValue"},
		{"containerResource", "targetAverageUtilization", "target.averageUtilization"},
		{"containerResource", "targetAverageValue", "target.averageValue"},
		{"external", "metricName", "metric.name"},
		{"external", "metricSelector", "metric.selector"},
		{"external", "targetValue", "target.value"},
		{"external", "targetAverageValue", "target.averageValue"},
		{0},
},
  status_places[] = {
	  {"object", "target", "describedObject"},
	  {"object", "metricName", "metric.name"},
	  {"object", "selector", "metric.selector"},
	  {"object", "currentValue", "current.value"},
	  {"object", "averageValue", "current.averageValue"},
	  {"pods", "metricName", "metric.name"},
	  {"pods", "selector", "metric.selector"},
	  {"pods", "currentAverageValue", "current.averageValue"},
	  {"resource", "currentAverageUtilization", "current.averageUtilization"},
	  {"resource", "currentAverageValue", "current.averageValue"},
	  {"containerResource", "currentAverageUtilization", "current.averageUtilization"},
	  {"containerResource", "currentAverageValue", "current.averageValue"},
	  {"external", "metricName", "metric.name"},
	  {"external", "metricSelector", "metric.selector"},
	  {"external", "currentValue", "current.value"},
	  {"external", "currentAverageValue", "current.averageValue"},
	  {0},
};

/* `target` is another thing in each version: what was moved there last comes
 * out first. */
static void move_in(struct arena *a, struct doc *metric, const struct place *places)
{
	for (const struct place *p = places; p->kind; p++)
		if (doc_is(doc_get(metric, p->kind), DOC_MAP))
			convert_move(a, doc_get(metric, p->kind), p->v1, p->v2);
}

static void move_out(struct arena *a, struct doc *metric, const struct place *places)
{
	const struct place *p = places;
	while (p->kind)
		p++;
	while (p-- > places)
		if (doc_is(doc_get(metric, p->kind), DOC_MAP))
			convert_move(a, doc_get(metric, p->kind), p->v2, p->v1);
}

static bool is_zero(const struct doc *quantity)
{
	return doc_is(quantity, DOC_STR) && span_is(quantity->text, "0");
}

/* v1 does not say what is aimed at: it is what has a value. */
static void say_target(struct arena *a, struct doc *metric)
{
	static const char *const kinds[] = {"object", "pods", "resource", "containerResource",
					    "external"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct doc *d = doc_get(metric, kinds[i]);
		struct doc *t = doc_is(d, DOC_MAP) ? doc_need_map(a, d, "target") : NULL;
		if (!t)
			continue;
		bool average = doc_get(t, "averageValue") != NULL;
		/* Required in v1, so that it stood there as nothing. */
		if (average && is_zero(doc_get(t, "value")))
			doc_remove(t, "value");
		doc_set_str(a, t, "type",
			    doc_get(t, "averageUtilization")		 ? "Utilization"
			    : doc_get(t, "value") && (i > 0 || !average) ? "Value"
									 : "AverageValue");
	}
}

/* Required in v1, absent in v2. */
static void drop_zero_values(struct doc *metric)
{
	static const char *const paths[] = {"resource.current.averageValue",
					    "containerResource.current.averageValue",
					    "object.current.value", "external.current.value"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (is_zero(doc_path(metric, paths[i])))
			doc_path_remove(metric, paths[i]);
}

/* ---- annotations */

static void annotate(struct arena *a, struct doc *obj, const char *key, const struct doc *value)
{
	struct buf b = {0};
	if (!value || value->count == 0)
		return;
	json_from_doc(&b, value);
	struct doc *all = doc_need_map(a, meta_of(obj), "annotations");
	if (all)
		doc_set(a, all, key,
			doc_span(a, (struct span){(uint8_t *)arena_ndup(a, b.data, b.len), b.len}));
	buf_fini(&b);
}

/* What an annotation holds, as a value of that type; it is taken out. */
static struct doc *annotated(struct arena *a, struct doc *obj, const char *key, enum doc_type type)
{
	struct doc *all = doc_get(meta_of(obj), "annotations"), *d = NULL;
	const struct doc *text = doc_get(all, key);
	if (!doc_is(text, DOC_STR) || json_parse(a, text->text, &d, NULL, NULL) || !doc_is(d, type))
		return NULL;
	doc_remove(all, key);
	return d;
}

/* The list of an annotation, each element as that type; NULL: it is not. */
static struct doc *annotated_list(struct arena *a, struct doc *obj, const char *key,
				  const char *type)
{
	struct doc *all = doc_get(meta_of(obj), "annotations");
	struct doc *was = doc_get(all, key) ? doc_copy(a, doc_get(all, key)) : NULL;
	struct doc *list = annotated(a, obj, key, DOC_ARRAY);
	DOC_EACH(d, list)
	if (!doc_is(d, DOC_MAP) || schema_coerce(schema_type(type), d, a, NULL, NULL)) {
		doc_set(a, all, key, was);
		return NULL;
	}
	return list;
}

/* ---- the object */

static bool is_cpu_use(const struct doc *metric)
{
	return span_is(doc_get_str(metric, "type"), "Resource") &&
	       span_is(doc_path_str(metric, "resource.name"), "cpu");
}

static struct doc *cpu_metric(struct arena *a, int64_t percent)
{
	struct doc *m = doc_new(a, DOC_MAP);
	doc_set_str(a, m, "type", "Resource");
	doc_path_set(a, m, "resource.name", doc_str(a, "cpu"));
	doc_path_set(a, m, "resource.target.type", doc_str(a, "Utilization"));
	doc_path_set(a, m, "resource.target.averageUtilization", doc_int(a, percent));
	return m;
}

static void spec_in(struct arena *a, struct doc *d)
{
	struct doc *spec = doc_need_map(a, d, "spec");
	const struct doc *percent = doc_get(spec, "targetCPUUtilizationPercentage");
	struct doc *list = annotated_list(a, d, metrics_key, "autoscaling/v1.MetricSpec");
	struct doc *behavior = annotated(a, d, behavior_key, DOC_MAP);
	DOC_EACH(m, list)
	{
		move_in(a, m, spec_places);
		say_target(a, m);
	}
	if (percent) {
		list = list ? list : doc_new(a, DOC_ARRAY);
		doc_add(list, cpu_metric(a, percent->integer));
		doc_remove(spec, "targetCPUUtilizationPercentage");
	}
	if (list)
		doc_set(a, spec, "metrics", list);
	if (behavior &&
	    !schema_coerce(schema_type("autoscaling/v2.HorizontalPodAutoscalerBehavior"), behavior,
			   a, NULL, NULL))
		doc_set(a, spec, "behavior", behavior);
}

static void status_in(struct arena *a, struct doc *d)
{
	struct doc *status = doc_need_map(a, d, "status");
	struct doc *list = annotated_list(a, d, current_key, "autoscaling/v1.MetricStatus");
	struct doc *conditions = annotated_list(a, d, conditions_key,
						"autoscaling/v1.HorizontalPodAutoscalerCondition");
	const struct doc *percent = doc_get(status, "currentCPUUtilizationPercentage");
	DOC_EACH(m, list)
	{
		move_in(a, m, status_places);
		drop_zero_values(m);
	}
	if (!list && percent) {
		struct doc *m = doc_new(a, DOC_MAP);
		doc_set_str(a, m, "type", "Resource");
		doc_path_set(a, m, "resource.name", doc_str(a, "cpu"));
		doc_path_set(a, m, "resource.current.averageUtilization", doc_copy(a, percent));
		list = doc_new(a, DOC_ARRAY);
		doc_add(list, m);
	}
	doc_remove(status, "currentCPUUtilizationPercentage");
	if (list)
		doc_set(a, status, "currentMetrics", list);
	if (conditions)
		doc_set(a, status, "conditions", conditions);
}

void convert_hpa_in(struct arena *a, struct doc *d)
{
	struct doc *m = meta_of(d);
	spec_in(a, d);
	status_in(a, d);
	const struct doc *all = doc_get(m, "annotations");
	if (all && all->count == 0)
		doc_remove(m, "annotations");
}

static void spec_out(struct arena *a, struct doc *d)
{
	struct doc *spec = doc_get(d, "spec"), *list = doc_get(spec, "metrics");
	struct doc *others = doc_new(a, DOC_ARRAY);
	const struct doc *percent = NULL;
	DOC_EACH(m, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct doc *use = doc_path(m, "resource.target.averageUtilization");
		if (is_cpu_use(m) && use && !percent) {
			percent = use;
			continue;
		}
		struct doc *other = doc_add(others, doc_copy(a, m));
		move_out(a, other, spec_places);
		(void)schema_coerce(schema_type("autoscaling/v1.MetricSpec"), other, a, NULL, NULL);
	}
	annotate(a, d, metrics_key, others);
	annotate(a, d, behavior_key, doc_get(spec, "behavior"));
	if (percent)
		doc_set(a, spec, "targetCPUUtilizationPercentage", doc_copy(a, percent));
}

static void status_out(struct arena *a, struct doc *d)
{
	struct doc *status = doc_get(d, "status"), *list = doc_get(status, "currentMetrics");
	struct doc *shown = doc_new(a, DOC_ARRAY);
	const struct doc *percent = NULL;
	DOC_EACH(m, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		if (is_cpu_use(m) && !percent)
			percent = doc_path(m, "resource.current.averageUtilization");
		struct doc *other = doc_add(shown, doc_copy(a, m));
		move_out(a, other, status_places);
		(void)schema_coerce(schema_type("autoscaling/v1.MetricStatus"), other, a, NULL,
				    NULL);
	}
	annotate(a, d, current_key, shown);
	annotate(a, d, conditions_key, doc_get(status, "conditions"));
	if (percent)
		doc_set(a, status, "currentCPUUtilizationPercentage", doc_copy(a, percent));
}

void convert_hpa_out(struct arena *a, struct doc *d)
{
	if (!meta_of(d))
		return;
	spec_out(a, d);
	status_out(a, d);
}
