#include "actors/controllers/job_pod.h"

/* ---- a new one */

/* Each container knows its index, unless it says otherwise. */
static void put_index_variable(struct arena *a, struct doc *containers)
{
	if (!doc_is(containers, DOC_ARRAY))
		return;
	DOC_EACH(c, containers)
	{
		bool there = false;
		struct doc *env = doc_get(c, "env");
		if (!doc_is(env, DOC_ARRAY))
			env = doc_set(a, c, "env", doc_new(a, DOC_ARRAY));
		DOC_EACH(v, env)
			there |= doc_str_is(doc_get(v, "name"), "JOB_COMPLETION_INDEX");
		if (there)
			continue;
		struct doc *v = doc_add(env, doc_new(a, DOC_MAP));
		doc_set_str(a, v, "name", "JOB_COMPLETION_INDEX");
		doc_path_set(a, v, "valueFrom.fieldRef.fieldPath",
			     doc_str(a, "metadata.labels['" JOB_INDEX "']"));
	}
}

static void put_text(struct arena *a, struct doc *meta, const char *map, const char *key,
		     int64_t n)
{
	doc_set(a, doc_need_map(a, meta, map), key, doc_printf(a, "%lld", (long long)n));
}

static void put_index(struct arena *a, struct doc *pod, struct span job, bool per_index,
		      const struct job_create *create)
{
	struct doc *meta = doc_get(pod, "metadata"), *spec = doc_need_map(a, pod, "spec");
	const char *name = arena_printf(a, "%.*s-%lld", (int)job.len, (const char *)job.data,
					(long long)create->index);
	doc_set(a, meta, "generateName", doc_printf(a, "%s-", name));
	put_text(a, meta, "annotations", JOB_INDEX, create->index);
	put_text(a, meta, "labels", JOB_INDEX, create->index);
	if (per_index)
		put_text(a, meta, "annotations", JOB_FAILURES, create->failures);
	if (create->ignored)
		put_text(a, meta, "annotations", JOB_IGNORED, create->ignored);
	doc_set_str(a, spec, "hostname", name);
	put_index_variable(a, doc_get(spec, "initContainers"));
	put_index_variable(a, doc_get(spec, "containers"));
}

static void add_finalizer(struct arena *a, struct doc *meta)
{
	struct doc *list = doc_get(meta, "finalizers");
	if (!doc_is(list, DOC_ARRAY))
		list = doc_set(a, meta, "finalizers", doc_new(a, DOC_ARRAY));
	DOC_EACH(f, list)
		if (doc_str_is(f, JOB_FINALIZER))
			return;
	doc_add(list, doc_str(a, JOB_FINALIZER));
}

struct doc *job_pod_new(struct arena *a, struct mp job, const struct job_create *create)
{
	struct doc *pod = replica_from_template(a, job);
	bool per_index = mp_path_int(job, "spec.backoffLimitPerIndex", -1) >= 0;
	if (!pod)
		return NULL;
	add_finalizer(a, doc_get(pod, "metadata"));
	if (create->index != JOB_NO_INDEX)
		put_index(a, pod, object_name(job), per_index, create);
	return pod;
}

/* ---- patches */

static struct doc *patch(struct arena *a, struct mp pod, struct doc **meta)
{
	struct doc *d = doc_new(a, DOC_MAP);
	*meta = doc_set(a, d, "metadata", doc_new(a, DOC_MAP));
	doc_set(a, *meta, "uid", doc_span(a, object_copy(a, object_uid(pod))));
	return d;
}

/* Its finalizers but ours. */
static struct doc *other_finalizers(struct arena *a, struct mp pod)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	struct mp m;
	struct span s;
	size_t n = 0;
	if (mp_path(pod, "metadata.finalizers", &m) && mp_array(&m, &n) == 0)
		for (; n > 0 && !mp_str(&m, &s); n--)
			if (!span_is(s, JOB_FINALIZER))
				doc_add(list, doc_span(a, object_copy(a, s)));
	return list;
}

struct doc *job_pod_adopted(struct arena *a, struct mp pod, struct mp job)
{
	struct doc *meta, *d = patch(a, pod, &meta);
	struct span uid = object_uid(job);
	struct doc *owners = owners_without(a, pod, uid);
	struct mp m;
	struct span raw;
	/* A list is replaced as a whole: other owners stay in it. */
	if (!owners && mp_path(pod, "metadata.ownerReferences", &m) && !mp_raw(&m, &raw))
		doc_from_mp(a, mp_of(object_copy(a, raw)), &owners, NULL);
	if (!doc_is(owners, DOC_ARRAY))
		owners = doc_new(a, DOC_ARRAY);
	doc_add(owners, owners_new_ref(a, job));
	doc_set(a, meta, "ownerReferences", owners);
	doc_add(doc_set(a, meta, "finalizers", other_finalizers(a, pod)),
		doc_str(a, JOB_FINALIZER));
	return d;
}

struct doc *job_pod_released(struct arena *a, struct mp pod, struct mp job)
{
	struct doc *meta, *d = patch(a, pod, &meta);
	struct doc *rest = owners_without(a, pod, object_uid(job));
	doc_set(a, meta, "ownerReferences", rest ? rest : doc_new(a, DOC_ARRAY));
	doc_set(a, meta, "finalizers", other_finalizers(a, pod));
	return d;
}

struct doc *job_pod_untracked(struct arena *a, struct mp pod)
{
	struct doc *meta, *d = patch(a, pod, &meta);
	doc_set(a, meta, "finalizers", other_finalizers(a, pod));
	return d;
}

struct doc *job_pod_chosen(struct arena *a, struct mp pod)
{
	struct doc *meta, *d = patch(a, pod, &meta);
	struct doc *notes = doc_set(a, meta, "annotations", doc_new(a, DOC_MAP));
	doc_set_str(a, notes, JOB_CHOSEN, "true");
	return d;
}
