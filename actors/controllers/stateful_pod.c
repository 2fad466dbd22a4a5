#include "actors/controllers/stateful_pod.h"

#include "actors/controllers/history.h"
#include "actors/controllers/replica.h"

struct span stateful_pod_name(struct arena *a, struct mp set, int64_t ordinal)
{
	struct span name = object_name(set);
	return span_of(arena_printf(a, "%.*s-%lld", (int)name.len, (const char *)name.data,
				    (long long)ordinal));
}

void stateful_claims_each(struct arena *a, struct mp set, int64_t ordinal,
			  void (*each)(void *arg, struct span name, const struct doc *template),
			  void *arg)
{
	struct span pod = stateful_pod_name(a, set, ordinal);
	const struct doc *list = doc_path(object_tree(a, set), "spec.volumeClaimTemplates");
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		struct span own = doc_path_str(d, "metadata.name");
		each(arg,
		     span_of(arena_printf(a, "%.*s-%.*s", (int)own.len, (const char *)own.data,
					  (int)pod.len, (const char *)pod.data)),
		     d);
	}
}

/* ---- claims */

bool stateful_claims_go_with(struct mp set)
{
	return span_is(mp_path_str(set, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted"),
		       "Delete");
}

struct doc *stateful_claim_owner(struct arena *a, struct mp set)
{
	struct doc *ref = owners_new_ref(a, set);
	doc_remove(ref, "controller");
	doc_remove(ref, "blockOwnerDeletion");
	return ref;
}

struct doc *stateful_claim_body(struct arena *a, struct mp set, const struct doc *template,
				struct span name)
{
	struct doc *claim = doc_copy(a, template);
	struct doc *meta = doc_need_map(a, claim, "metadata");
	struct doc *labels = doc_need_map(a, meta, "labels");
	const struct doc *selects = doc_path(object_tree(a, set), "spec.selector.matchLabels");
	DOC_EACH(d, doc_is(selects, DOC_MAP) ? selects : NULL)
		doc_set_span(a, labels, d->key, doc_copy(a, d));
	doc_set_str(a, claim, "apiVersion", "v1");
	doc_set_str(a, claim, "kind", "PersistentVolumeClaim");
	doc_set(a, meta, "name", doc_span(a, name));
	doc_remove(claim, "status");
	if (stateful_claims_go_with(set))
		doc_add(doc_set(a, meta, "ownerReferences", doc_new(a, DOC_ARRAY)),
			stateful_claim_owner(a, set));
	return claim;
}

/* ---- the pod */

struct mounting {
	struct arena *a;
	struct doc *volumes;
};

static void mount(void *arg, struct span name, const struct doc *template)
{
	struct mounting *m = arg;
	struct span own = doc_path_str(template, "metadata.name");
	for (struct doc *d = m->volumes->first, *next; d; d = next) {
		next = d->next;
		if (span_eq(doc_get_str(d, "name"), own))
			doc_detach(m->volumes, d); /* the claim's wins */
	}
	struct doc *v = doc_add(m->volumes, doc_new(m->a, DOC_MAP));
	doc_set(m->a, v, "name", doc_span(m->a, own));
	doc_path_set(m->a, v, "persistentVolumeClaim.claimName", doc_span(m->a, name));
}

static void use_template(struct arena *a, struct doc *pod, struct mp revision)
{
	static const char *const taken[] = {"labels", "annotations", "finalizers"};
	const struct doc *t = doc_path(object_tree(a, revision), "data.spec.template");
	struct doc *meta = doc_get(pod, "metadata");
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		const struct doc *d = doc_get(doc_get(t, "metadata"), taken[i]);
		doc_remove(meta, taken[i]);
		if (d)
			doc_set(a, meta, taken[i], doc_copy(a, d));
	}
	if (doc_get(t, "spec"))
		doc_set(a, pod, "spec", doc_copy(a, doc_get(t, "spec")));
}

struct doc *stateful_pod_body(struct arena *a, struct mp set, int64_t ordinal, struct mp revision,
			      struct span revision_name)
{
	struct doc *pod = replica_from_template(a, set);
	struct span name = stateful_pod_name(a, set, ordinal);
	struct span service = object_copy(a, mp_path_str(set, "spec.serviceName"));
	if (!pod)
		return doc_new(a, DOC_MAP); /* it is gone: the write's basis says so */
	if (revision.p)
		use_template(a, pod, revision);
	struct doc *meta = doc_get(pod, "metadata"), *spec = doc_need_map(a, pod, "spec");
	struct doc *labels = doc_need_map(a, meta, "labels");
	doc_remove(meta, "generateName");
	doc_set(a, meta, "name", doc_span(a, name));
	doc_set(a, labels, "statefulset.kubernetes.io/pod-name", doc_span(a, name));
	doc_set(a, labels, "apps.kubernetes.io/pod-index",
		doc_printf(a, "%lld", (long long)ordinal));
	doc_set(a, labels, HISTORY_HASH, doc_span(a, object_copy(a, revision_name)));
	doc_set(a, spec, "hostname", doc_span(a, name));
	if (service.len)
		doc_set(a, spec, "subdomain", doc_span(a, service));
	struct doc *volumes = doc_get(spec, "volumes");
	struct mounting m = {a, doc_is(volumes, DOC_ARRAY) ? volumes : doc_new(a, DOC_ARRAY)};
	stateful_claims_each(a, set, ordinal, mount, &m);
	if (m.volumes->count && m.volumes != volumes)
		doc_set(a, spec, "volumes", m.volumes);
	return pod;
}
