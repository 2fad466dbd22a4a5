#include "actors/controllers/replica.h"

#include <string.h>

#include "actors/schema/conditions.h"

static void read_ready(struct replica *r, struct mp pod)
{
	struct mp m;
	r->ready = condition_find(pod, span_of("Ready"), &m) &&
		   span_is(mp_path_str(m, "status"), "True");
	r->ready_us = r->ready ? object_time_us(m, "lastTransitionTime") : 0;
}

static int64_t restarts_of(struct mp pod)
{
	struct mp list;
	size_t n = 0;
	int64_t most = 0;
	if (!mp_path(pod, "status.containerStatuses", &list) || mp_array(&list, &n))
		return 0;
	for (; n > 0; n--) {
		int64_t restarts = mp_path_int(list, "restartCount", 0);
		most = restarts > most ? restarts : most;
		if (mp_skip(&list))
			break;
	}
	return most;
}

static int64_t cost_of(struct mp pod)
{
	struct mp m;
	if (!mp_path(pod, "metadata.annotations", &m) ||
	    !mp_find(m, "controller.kubernetes.io/pod-deletion-cost", &m))
		return 0;
	struct span s;
	int64_t v = 0;
	if (mp_str(&m, &s) || s.len == 0 || s.len > 11)
		return 0;
	bool negative = s.data[0] == '-';
	for (size_t i = negative; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return 0;
		v = 10 * v + s.data[i] - '0';
	}
	return negative ? -v : v;
}

static int phase_of(struct span phase)
{
	return span_is(phase, "Running") ? 2 : span_is(phase, "Unknown") ? 1 : 0;
}

void replica_read(struct replica *r, const struct view_object *o)
{
	struct mp pod = object_of(o);
	struct span phase = mp_path_str(pod, "status.phase");
	*r = (struct replica){
		.node = mp_path_str(pod, "spec.nodeName"),
		.failed = span_is(phase, "Failed"),
		.phase = phase_of(phase),
		.cost = cost_of(pod),
		.restarts = restarts_of(pod),
	};
	r->ended = r->failed || span_is(phase, "Succeeded");
	child_read(&r->child, o);
	read_ready(r, pod);
}

static void read_facts(const struct view_object *o, void *facts)
{
	replica_read(facts, o);
}

const struct view_index_spec replica_index = {
	.name = "controller",
	.keys = owners_controller_keys,
	.facts_bytes = sizeof(struct replica),
	.facts = read_facts,
};

bool replica_is_available(const struct replica *r, int64_t min_ready_s, int64_t now_us,
			  int64_t *in_us)
{
	int64_t due_us = r->ready_us + min_ready_s * 1000000 - now_us;
	*in_us = 0;
	if (!r->ready || min_ready_s == 0 || due_us <= 0)
		return r->ready;
	*in_us = due_us;
	return false;
}

struct doc *replica_from_template(struct arena *a, struct mp owner)
{
	static const char *const taken[] = {"labels", "annotations", "finalizers"};
	struct doc *pod, *template = NULL;
	struct mp m;
	struct span raw, name = object_name(owner);
	if (!mp_path(owner, "spec.template", &m) || mp_raw(&m, &raw) ||
	    doc_from_mp(a, mp_of(object_copy(a, raw)), &template, NULL))
		return NULL;
	pod = doc_new(a, DOC_MAP);
	doc_set_str(a, pod, "apiVersion", "v1");
	doc_set_str(a, pod, "kind", "Pod");
	struct doc *meta = doc_set(a, pod, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, meta, "generateName",
		doc_printf(a, "%.*s-", (int)name.len, (const char *)name.data));
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		const struct doc *d = doc_get(doc_get(template, "metadata"), taken[i]);
		if (d)
			doc_set(a, meta, taken[i], doc_copy(a, d));
	}
	doc_add(doc_set(a, meta, "ownerReferences", doc_new(a, DOC_ARRAY)),
		owners_new_ref(a, owner));
	if (doc_get(template, "spec"))
		doc_set(a, pod, "spec", doc_copy(a, doc_get(template, "spec")));
	return pod;
}
