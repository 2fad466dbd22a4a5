/* Conversions between the versions of a kind: a table of those that differ in
 * more than their apiVersion. */
#include "actors/objects/convert.h"

#include "actors/objects/objects.h"

void convert_move(struct arena *a, struct doc *d, const char *from, const char *to)
{
	struct doc *value = doc_path(d, from);
	if (!value)
		return;
	value = doc_copy(a, value);
	doc_path_remove(d, from);
	doc_path_set(a, d, to, value);
}

/* ---- events: the same fields under other names */

static const struct {
	const char *core, *events;
} event_names[] = {
	{"involvedObject", "regarding"},
	{"message", "note"},
	{"source", "deprecatedSource"},
	{"firstTimestamp", "deprecatedFirstTimestamp"},
	{"lastTimestamp", "deprecatedLastTimestamp"},
	{"count", "deprecatedCount"},
	{"reportingComponent", "reportingController"},
};

static void event_in(struct arena *a, struct doc *d)
{
	for (size_t i = 0; i < sizeof event_names / sizeof *event_names; i++)
		convert_move(a, d, event_names[i].events, event_names[i].core);
}

static void event_out(struct arena *a, struct doc *d)
{
	for (size_t i = 0; i < sizeof event_names / sizeof *event_names; i++)
		convert_move(a, d, event_names[i].core, event_names[i].events);
}

/* ---- disruption budgets: an empty selector selects nothing in v1beta1, and all
 * pods in v1. Each says what the other means by an expression of this label. */

static const char pdb_label[] = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match";

/* Whether it is that expression alone, or (without an operator) empty. */
static bool is_pdb_selector(const struct doc *selector, const char *op)
{
	const struct doc *labels = doc_get(selector, "matchLabels"),
			 *all = doc_get(selector, "matchExpressions"), *one = doc_at(all, 0);
	if (!doc_is(selector, DOC_MAP) || (doc_is(labels, DOC_MAP) && labels->count))
		return false;
	if (!op)
		return !one;
	return one && all->count == 1 && span_is(doc_get_str(one, "key"), pdb_label) &&
	       span_is(doc_get_str(one, "operator"), op);
}

static void set_pdb_selector(struct arena *a, struct doc *d, const char *op)
{
	struct doc *selector = doc_new(a, DOC_MAP), *one = doc_new(a, DOC_MAP);
	if (op) {
		doc_set_str(a, one, "key", pdb_label);
		doc_set_str(a, one, "operator", op);
		doc_add(doc_set(a, selector, "matchExpressions", doc_new(a, DOC_ARRAY)), one);
	}
	doc_path_set(a, d, "spec.selector", selector);
}

static void pdb_in(struct arena *a, struct doc *d)
{
	const struct doc *selector = doc_path(d, "spec.selector");
	if (is_pdb_selector(selector, NULL))
		set_pdb_selector(a, d, "Exists");
	else if (is_pdb_selector(selector, "DoesNotExist"))
		set_pdb_selector(a, d, NULL);
}

static void pdb_out(struct arena *a, struct doc *d)
{
	const struct doc *selector = doc_path(d, "spec.selector");
	if (is_pdb_selector(selector, NULL))
		set_pdb_selector(a, d, "DoesNotExist");
	else if (is_pdb_selector(selector, "Exists"))
		set_pdb_selector(a, d, NULL);
}

/* ---- which kinds */

static const struct conversion {
	const char *group, *version, *resource;
	void (*in)(struct arena *a, struct doc *d);
	void (*out)(struct arena *a, struct doc *d);
} conversions[] = {
	{"events.k8s.io", "v1", "events", event_in, event_out},
	{"autoscaling", "v1", "horizontalpodautoscalers", convert_hpa_in, convert_hpa_out},
	{"policy", "v1beta1", "poddisruptionbudgets", pdb_in, pdb_out},
};

static const struct conversion *find(const struct schema_resource *r)
{
	for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
		if (strcmp(conversions[i].group, r->group) == 0 &&
		    strcmp(conversions[i].version, r->version) == 0 &&
		    strcmp(conversions[i].resource, r->resource) == 0)
			return &conversions[i];
	return NULL;
}

static bool is_stored(const struct schema_resource *r)
{
	return !r->stored || r->stored == r;
}

/* As the type has it: fields in its order, what it requires there. */
static void settle(struct arena *a, const struct schema_resource *r, struct doc *d)
{
	doc_set_str(a, d, "apiVersion", schema_api_version(r, a));
	doc_set_str(a, d, "kind", r->kind);
	if (r->type)
		(void)schema_coerce(r->type, d, a, NULL, NULL); /* its types are known good */
}

void convert_in(struct arena *a, const struct schema_resource *r, struct doc *d)
{
	const struct conversion *c = find(r);
	if (is_stored(r))
		return;
	if (c)
		c->in(a, d);
	settle(a, r->stored, d);
}

void convert_out(struct arena *a, const struct schema_resource *r, struct doc *d)
{
	const struct conversion *c = find(r);
	if (is_stored(r))
		return;
	if (c)
		c->out(a, d);
	settle(a, r, d);
}

struct bytes *objects_visible(const struct schema_resource *r, struct mp object)
{
	struct arena a = {0};
	struct doc *d = NULL;
	struct buf b = {0};
	if (is_stored(r) || doc_from_mp(&a, object, &d, NULL) || !doc_is(d, DOC_MAP)) {
		arena_fini(&a);
		return NULL;
	}
	convert_out(&a, r, d);
	doc_to_mp(&b, d);
	arena_fini(&a);
	return bytes_take(&b);
}
