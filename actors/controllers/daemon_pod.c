/* Which node a daemon pod is for stands in its affinity, so that the scheduler
 * binds it like any other: it counts its room, and waits for it. */
#include "actors/controllers/daemon_pod.h"

#include "actors/controllers/history.h"
#include "actors/objects/placement.h"

#define REQUIRED "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
#define GENERATION "deprecated.daemonset.template.generation"

/* What a daemon bears that other pods do not (daemonset_util.go). */
static const struct {
	const char *key, *effect;
	bool host_network; /* only with the host's network */
} borne[] = {
	{"node.kubernetes.io/not-ready", "NoExecute", false},
	{"node.kubernetes.io/unreachable", "NoExecute", false},
	{"node.kubernetes.io/disk-pressure", "NoSchedule", false},
	{"node.kubernetes.io/memory-pressure", "NoSchedule", false},
	{"node.kubernetes.io/pid-pressure", "NoSchedule", false},
	{"node.kubernetes.io/unschedulable", "NoSchedule", false},
	{"node.kubernetes.io/network-unavailable", "NoSchedule", true},
};

static struct span first_value(struct mp terms)
{
	struct mp fields, values;
	struct span s = {0};
	size_t n = 0;
	if (mp_array(&terms, &n) || !n || !mp_path(terms, "matchFields", &fields) ||
	    mp_array(&fields, &n) || !n || !mp_path(fields, "values", &values) ||
	    mp_array(&values, &n) || !n || mp_str(&values, &s))
		return (struct span){0};
	return s;
}

struct span daemon_pod_node(const struct replica *r, struct mp pod)
{
	struct mp terms;
	if (r->node.len || !mp_path(pod, "spec." REQUIRED ".nodeSelectorTerms", &terms))
		return r->node;
	return first_value(terms);
}

/* ---- the pod */

static bool has_toleration(const struct doc *list, const char *key, const char *effect)
{
	DOC_EACH(d, list)
		if (doc_str_is(doc_get(d, "key"), key) && doc_str_is(doc_get(d, "effect"), effect) &&
		    doc_str_is(doc_get(d, "operator"), "Exists"))
			return true;
	return false;
}

static void bear(struct arena *a, struct doc *spec)
{
	struct doc *list = doc_get(spec, "tolerations");
	if (!doc_is(list, DOC_ARRAY))
		list = doc_set(a, spec, "tolerations", doc_new(a, DOC_ARRAY));
	for (size_t i = 0; i < sizeof borne / sizeof *borne; i++) {
		if ((borne[i].host_network && !doc_get_bool(spec, "hostNetwork", false)) ||
		    has_toleration(list, borne[i].key, borne[i].effect))
			continue;
		struct doc *d = doc_add(list, doc_new(a, DOC_MAP));
		doc_set_str(a, d, "key", borne[i].key);
		doc_set_str(a, d, "operator", "Exists");
		doc_set_str(a, d, "effect", borne[i].effect);
	}
}

static void aim(struct arena *a, struct doc *spec, struct span node)
{
	struct doc *terms = doc_new(a, DOC_ARRAY), *term = doc_add(terms, doc_new(a, DOC_MAP));
	struct doc *fields = doc_set(a, term, "matchFields", doc_new(a, DOC_ARRAY));
	struct doc *field = doc_add(fields, doc_new(a, DOC_MAP));
	doc_set_str(a, field, "key", "metadata.name");
	doc_set_str(a, field, "operator", "In");
	doc_add(doc_set(a, field, "values", doc_new(a, DOC_ARRAY)),
		doc_span(a, object_copy(a, node)));
	doc_path_set(a, spec, REQUIRED ".nodeSelectorTerms", terms);
}

struct doc *daemon_pod_body(struct arena *a, struct mp set, struct span node, struct span hash)
{
	struct doc *pod = replica_from_template(a, set);
	struct span generation = object_annotation(set, GENERATION);
	if (!pod)
		return doc_new(a, DOC_MAP); /* it is gone: the write's basis says so */
	struct doc *labels = doc_need_map(a, doc_get(pod, "metadata"), "labels");
	struct doc *spec = doc_need_map(a, pod, "spec");
	doc_set(a, labels, HISTORY_HASH, doc_span(a, object_copy(a, hash)));
	if (generation.len)
		doc_set(a, labels, "pod-template-generation",
			doc_span(a, object_copy(a, generation)));
	bear(a, spec);
	aim(a, spec, node);
	return pod;
}

/* ---- nodes */

static struct mp tolerations_of(struct arena *a, struct mp set)
{
	struct doc *spec = doc_path(object_tree(a, set), "spec.template.spec");
	struct buf b = {0};
	if (!spec)
		return (struct mp){0};
	bear(a, spec);
	doc_to_mp(&b, doc_get(spec, "tolerations"));
	struct span kept = object_copy(a, span_buf(&b));
	buf_fini(&b);
	return mp_of(kept);
}

struct daemon_node *daemon_nodes(struct arena *a, const struct omap *nodes, struct mp set,
				 size_t *count)
{
	struct daemon_node *list = arena_alloc(a, (nodes->count + 1) * sizeof *list);
	struct mp spec = {0}, tolerations = tolerations_of(a, set);
	struct span fixed = mp_path_str(set, "spec.template.spec.nodeName");
	mp_path(set, "spec.template.spec", &spec);
	*count = 0;
	for (struct onode *n = omap_first(nodes); n; n = omap_next(n)) {
		struct mp node = object_of(n->value);
		struct span name = object_name(node);
		enum placement_taint taint = placement_taints(tolerations, node);
		bool fits = (!fixed.len || span_eq(fixed, name)) && placement_selects(spec, node);
		list[(*count)++] = (struct daemon_node){
			.name = name,
			.meant = fits && taint == TAINT_NONE,
			.may_stay = fits && taint != TAINT_NO_EXECUTE,
		};
	}
	return list;
}
