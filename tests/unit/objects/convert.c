/* Versions of a kind: what goes out and comes back is what it was. The objects
 * are made of the types by chance, from a seed. */
#include "actors/objects/convert.h"

#include "broker/base/sort.h"
#include "dice.h"
#include "fake_store.h"
#include "tests/lib/doc_text.h"

enum { OBJECTS = 300 };

static const struct schema_resource *row(struct schema *s, const char *group, const char *version,
					 const char *resource)
{
	const struct schema_resource *r =
		schema_find(s, span_of(group), span_of(version), span_of(resource));
	cr_assert(r, "%s/%s %s", group, version, resource);
	return r;
}

static struct doc *object_of(struct dice *d, const struct schema_resource *r)
{
	struct doc *o = any_struct(d, r->type, 8);
	doc_set_str(d->a, o, "apiVersion", schema_api_version(r, d->a));
	doc_set_str(d->a, o, "kind", r->kind);
	doc_set(d->a, o, "metadata", any_of(d, schema_type("meta/v1.ObjectMeta"), 2));
	return o;
}

static struct doc *coerced(struct arena *a, const struct schema_resource *r, struct doc *d)
{
	struct err e = {0};
	cr_assert_eq(schema_coerce(r->type, d, a, NULL, &e), 0, "%s", e.text);
	return d;
}

/* ---- events: the same in both, exactly */

Test(convert, events_are_the_same_in_both_versions)
{
	struct schema *s = schema_new();
	const struct schema_resource *core = row(s, "", "v1", "events"),
				     *new = row(s, "events.k8s.io", "v1", "events");
	cr_assert_eq(new->stored, core);
	for (uint64_t seed = 0; seed < OBJECTS; seed++) {
		struct arena a = {0};
		struct dice d = {&a, seed, false};
		struct doc *o = coerced(&a, core, object_of(&d, core));
		const char *was = text_of(&a, o);
		convert_out(&a, new, o);
		cr_assert(doc_str_is(doc_get(o, "apiVersion"), "events.k8s.io/v1"));
		cr_assert_not(doc_get(o, "involvedObject"));
		convert_in(&a, new, o);
		cr_assert_str_eq(text_of(&a, o), was, "seed %llu", (unsigned long long)seed);

		o = coerced(&a, new, object_of(&d, new));
		was = text_of(&a, o);
		convert_in(&a, new, o);
		cr_assert(doc_str_is(doc_get(o, "apiVersion"), "v1"));
		convert_out(&a, new, o);
		cr_assert_str_eq(text_of(&a, o), was, "seed %llu", (unsigned long long)seed);
		arena_fini(&a);
	}
	schema_free(s);
}

/* ---- autoscalers */

static const char *const sources[] = {"Object", "Pods", "Resource", "ContainerResource",
				      "External"};
static const char *const fields[] = {"object", "pods", "resource", "containerResource", "external"};

/* A metric that says one thing: one source, aimed at what has a value. */
static struct doc *metric(struct dice *d, bool status)
{
	unsigned which = roll(d, 5), aim = roll(d, 3);
	const char *values = status ? "current" : "target", *f = fields[which];
	struct doc *m = doc_new(d->a, DOC_MAP), *x = doc_new(d->a, DOC_MAP);
	doc_set_str(d->a, m, "type", sources[which]);
	doc_set(d->a, m, f, x);
	if (which == 2 || which == 3) {
		aim = aim ? aim : 1;
		doc_set_str(d->a, x, "name", roll(d, 2) ? "cpu" : "memory");
	} else {
		aim = which == 1 ? 1 : aim % 2;
		doc_path_set(d->a, x, "metric.name", doc_printf(d->a, "m%u", roll(d, 9)));
		if (roll(d, 2))
			doc_path_set(d->a, x, "metric.selector.matchLabels.a", doc_str(d->a, "b"));
	}
	if (which == 3)
		doc_set_str(d->a, x, "container", "c");
	if (which == 0)
		doc_path_set(
			d->a, x, "describedObject",
			any_of(d, schema_type("autoscaling/v2.CrossVersionObjectReference"), 2));
	static const char *const kinds[] = {"Value", "AverageValue", "Utilization"};
	static const char *const names[] = {"value", "averageValue", "averageUtilization"};
	struct doc *t = doc_set(d->a, x, values, doc_new(d->a, DOC_MAP));
	if (!status)
		doc_set_str(d->a, t, "type", kinds[aim]);
	doc_set(d->a, t, names[aim],
		aim == 2 ? doc_int(d->a, 1 + roll(d, 99))
			 : doc_printf(d->a, "%um", 1 + roll(d, 999)));
	return m;
}

static struct doc *autoscaler(struct dice *d, const struct schema_resource *v2)
{
	struct doc *o = object_of(d, v2);
	struct doc *spec = doc_need_map(d->a, o, "spec"), *status = doc_need_map(d->a, o, "status");
	for (int i = 0; i < 2; i++) {
		struct doc *list = doc_new(d->a, DOC_ARRAY);
		for (unsigned n = roll(d, 4); n-- > 0;)
			doc_add(list, metric(d, i));
		doc_remove(i ? status : spec, i ? "currentMetrics" : "metrics");
		if (list->count)
			doc_set(d->a, i ? status : spec, i ? "currentMetrics" : "metrics", list);
	}
	if (doc_get(spec, "behavior") && !doc_get(spec, "behavior")->count)
		doc_remove(spec, "behavior");
	return coerced(d->a, v2, o);
}

struct sorting {
	struct arena *a;
};

static int by_text(const void *x, const void *y, void *arg)
{
	struct sorting *s = arg;
	return strcmp(text_of(s->a, *(struct doc *const *)x),
		      text_of(s->a, *(struct doc *const *)y));
}

/* v1 has the one that it knows apart: their order is not kept. */
static const char *unordered(struct arena *a, struct doc *o)
{
	struct doc *list = doc_path(o, "spec.metrics"), *all[16];
	size_t n = 0;
	struct sorting s = {a};
	DOC_EACH(m, doc_is(list, DOC_ARRAY) ? list : NULL)
	all[n++] = m;
	sort_stable(all, n, sizeof *all, by_text, &s);
	if (list)
		doc_refill(list, all, n);
	return text_of(a, o);
}

Test(convert, autoscalers_lose_nothing_in_v1)
{
	struct schema *s = schema_new();
	const struct schema_resource *v1 = row(s, "autoscaling", "v1", "horizontalpodautoscalers"),
				     *v2 = row(s, "autoscaling", "v2", "horizontalpodautoscalers");
	cr_assert_eq(v1->stored, v2);
	for (uint64_t seed = 0; seed < OBJECTS; seed++) {
		struct arena a = {0};
		struct dice d = {&a, seed, false};
		struct doc *o = autoscaler(&d, v2);
		const char *was = unordered(&a, doc_copy(&a, o));
		convert_out(&a, v1, o);
		cr_assert(doc_str_is(doc_get(o, "apiVersion"), "autoscaling/v1"));
		cr_assert_not(doc_path(o, "spec.metrics"));
		convert_in(&a, v1, o);
		cr_assert_str_eq(unordered(&a, o), was, "seed %llu: %s is %s",
				 (unsigned long long)seed, was, text_of(&a, o));
		arena_fini(&a);
	}
	schema_free(s);
}

Test(convert, an_autoscaler_of_v1_is_the_same_in_v2)
{
	struct fake f;
	fake_init(&f);
	struct obj_request q = fake_request(
		&f, OBJ_CREATE, "horizontalpodautoscalers/default",
		"{\"metadata\":{\"name\":\"h\"},\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{"
		"\"kind\":\"Deployment\",\"name\":\"d\"},\"targetCPUUtilizationPercentage\":70}}");
	q.resource = row(f.schema, "autoscaling", "v1", "horizontalpodautoscalers");
	const char *a = fake_send(&f, &q);
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "apiVersion", "autoscaling/v2");
	EXPECT_AT(&f, a, "spec.metrics",
		  "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
		  "\"Utilization\",\"averageUtilization\":70}}}]");
	/* A patch is written for the version that the client sees. */
	q = fake_request(&f, OBJ_PATCH_MERGE, "horizontalpodautoscalers/default/h",
			 "{\"spec\":{\"targetCPUUtilizationPercentage\":50}}");
	q.resource = row(f.schema, "autoscaling", "v1", "horizontalpodautoscalers");
	a = fake_send(&f, &q);
	EXPECT_CODE(&f, 200, a);
	EXPECT_AT(&f, a, "spec.metrics[0].resource.target.averageUtilization", "50");
	fake_fini(&f);
}

Test(convert, an_annotation_that_is_no_metric_stays_and_means_nothing)
{
	struct fake f;
	fake_init(&f);
	struct obj_request q =
		fake_request(&f, OBJ_CREATE, "horizontalpodautoscalers/default",
			     "{\"metadata\":{\"name\":\"h\",\"annotations\":{"
			     "\"autoscaling.alpha.kubernetes.io/metrics\":\"[1]\","
			     "\"autoscaling.alpha.kubernetes.io/conditions\":\"{\"}},"
			     "\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{\"kind\":"
			     "\"Deployment\",\"name\":\"d\"},"
			     "\"targetCPUUtilizationPercentage\":70}}");
	q.resource = row(f.schema, "autoscaling", "v1", "horizontalpodautoscalers");
	const char *a = fake_send(&f, &q);
	EXPECT_CODE(&f, 201, a);
	EXPECT_AT(&f, a, "metadata.annotations",
		  "{\"autoscaling.alpha.kubernetes.io/conditions\":\"{\","
		  "\"autoscaling.alpha.kubernetes.io/metrics\":\"[1]\"}");
	EXPECT_AT(&f, a, "spec.metrics[0].resource.name", "cpu");
	fake_fini(&f);
}

Test(convert, a_beta_version_is_another_name_of_the_same_type)
{
	struct fake f;
	fake_init(&f);
	const struct schema_resource *beta = row(f.schema, "batch", "v1beta1", "cronjobs");
	cr_assert_eq(beta->stored, row(f.schema, "batch", "v1", "cronjobs"));
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "apiVersion", "batch/v1");
	mpw_kv_str(&b, "kind", "CronJob");
	struct bytes *shown = objects_visible(beta, mp_of(span_buf(&b)));
	cr_assert(shown);
	cr_expect(span_is(mp_path_str(mp_of(bytes_span(shown)), "apiVersion"), "batch/v1beta1"));
	cr_expect_not(objects_visible(beta->stored, mp_of(span_buf(&b))));
	bytes_unref(shown);
	buf_fini(&b);
	fake_fini(&f);
}

/* ---- disruption budgets */

Test(convert, an_empty_selector_of_a_beta_budget_selects_nothing)
{
#define ONE(op)                                                                                    \
	"{\"matchExpressions\":[{\"key\":\"pdb.kubernetes.io/"                                     \
	"deprecated-v1beta1-empty-selector-match\","                                               \
	"\"operator\":\"" op "\"}]}"
	static const struct {
		const char *beta, *stored;
	} rows[] = {
		{"{}", ONE("Exists")},
		{ONE("DoesNotExist"), "{}"},
		{"{\"matchLabels\":{\"a\":\"b\"}}", "{\"matchLabels\":{\"a\":\"b\"}}"},
		{"null", "null"},
	};
	struct schema *s = schema_new();
	const struct schema_resource *beta = row(s, "policy", "v1beta1", "poddisruptionbudgets");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct doc *d = NULL;
		const char *text = arena_printf(&a, "{\"spec\":{\"selector\":%s}}", rows[i].beta);
		cr_assert_eq(json_parse(&a, span_of(text), &d, NULL, NULL), 0);
		coerced(&a, beta, d);
		const char *before = text_of(&a, doc_path(d, "spec"));
		convert_in(&a, beta, d);
		const struct doc *selector = doc_path(d, "spec.selector");
		cr_expect_str_eq(selector ? text_of(&a, selector) : "null", rows[i].stored);
		convert_out(&a, beta, d);
		cr_expect_str_eq(text_of(&a, doc_path(d, "spec")), before);
		arena_fini(&a);
	}
	schema_free(s);
}
