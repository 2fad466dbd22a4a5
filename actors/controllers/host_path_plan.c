#include "actors/controllers/host_path_plan.h"

#include <string.h>

static struct span spanned(const char *text)
{
	return span_of(text);
}

struct span host_path_name(struct arena *a, struct mp claim)
{
	struct span uid = object_uid(claim);
	return spanned(arena_printf(a, "pvc-%.*s", (int)uid.len, (const char *)uid.data));
}

bool host_path_is_asked(struct mp claim, struct mp class)
{
	return claim.p && class.p && !object_is_deleting(claim) &&
	       !mp_path_str(claim, "spec.volumeName").len &&
	       span_is(volume_note(claim, VOLUME_PROVISIONER), HOST_PATH_PROVISIONER) &&
	       span_is(mp_path_str(class, "provisioner"), HOST_PATH_PROVISIONER) &&
	       (!class_waits(class) || volume_note(claim, VOLUME_SELECTED_NODE).len);
}

const char *host_path_refusal(struct mp claim)
{
	struct mp m;
	if (mp_path(claim, "spec.selector", &m) && mp_peek(&m) == MP_MAP)
		return "claim.Spec.Selector is not supported";
	if (span_is(mp_path_str(claim, "spec.volumeMode"), "Block"))
		return "a directory is no block device: volumeMode must be Filesystem";
	if ((mp_path(claim, "spec.dataSource", &m) || mp_path(claim, "spec.dataSourceRef", &m)) &&
	    mp_peek(&m) == MP_MAP)
		return "a directory begins empty: there is no source that it could be made from";
	return NULL;
}

/* ---- the volume */

/* A part of an object under a field of the spec; nothing when it has none. */
static void take(struct arena *a, struct doc *spec, const char *field, struct mp object,
		 const char *path)
{
	const struct doc *d = doc_path(object_tree(a, object), path);
	if (d && d->type != DOC_NULL)
		doc_set(a, spec, field, doc_copy(a, d));
}

static struct doc *only_on(struct arena *a, struct span hostname)
{
	struct doc *values = doc_new(a, DOC_ARRAY), *one = doc_new(a, DOC_MAP);
	struct doc *all = doc_new(a, DOC_ARRAY), *term = doc_new(a, DOC_MAP);
	struct doc *terms = doc_new(a, DOC_ARRAY), *affinity = doc_new(a, DOC_MAP);
	doc_add(values, doc_span(a, object_copy(a, hostname)));
	doc_set_str(a, one, "key", "kubernetes.io/hostname");
	doc_set_str(a, one, "operator", "In");
	doc_set(a, one, "values", values);
	doc_add(all, one);
	doc_set(a, term, "matchExpressions", all);
	doc_add(terms, term);
	doc_path_set(a, affinity, "required.nodeSelectorTerms", terms);
	return affinity;
}

static struct doc *metadata(struct arena *a, struct mp claim)
{
	struct doc *m = doc_new(a, DOC_MAP), *notes = doc_new(a, DOC_MAP);
	struct doc *finalizers = doc_new(a, DOC_ARRAY);
	doc_set(a, m, "name", doc_span(a, host_path_name(a, claim)));
	doc_set_str(a, notes, VOLUME_PROVISIONED_BY, HOST_PATH_PROVISIONER);
	doc_set(a, m, "annotations", notes);
	doc_add(finalizers, doc_str(a, VOLUME_PROTECTION));
	doc_add(finalizers, doc_str(a, HOST_PATH_FINALIZER));
	doc_set(a, m, "finalizers", finalizers);
	return m;
}

struct doc *host_path_volume(struct arena *a, struct mp claim, struct mp class, const char *dir,
			     struct span hostname)
{
	struct doc *v = doc_new(a, DOC_MAP), *spec = doc_new(a, DOC_MAP);
	struct span name = host_path_name(a, claim);
	doc_set_str(a, v, "apiVersion", "v1");
	doc_set_str(a, v, "kind", "PersistentVolume");
	doc_set(a, v, "metadata", metadata(a, claim));
	doc_set(a, v, "spec", spec);
	doc_path_set(a, spec, "hostPath.path",
		     doc_printf(a, "%s/%.*s", dir, (int)name.len, (const char *)name.data));
	doc_path_set(a, spec, "hostPath.type", doc_str(a, "DirectoryOrCreate"));
	struct doc *capacity = doc_new(a, DOC_MAP);
	take(a, capacity, "storage", claim, "spec.resources.requests.storage");
	doc_set(a, spec, "capacity", capacity);
	take(a, spec, "accessModes", claim, "spec.accessModes");
	take(a, spec, "volumeMode", claim, "spec.volumeMode");
	take(a, spec, "persistentVolumeReclaimPolicy", class, "reclaimPolicy");
	take(a, spec, "mountOptions", class, "mountOptions");
	doc_set(a, spec, "storageClassName", doc_span(a, object_copy(a, object_name(class))));
	doc_set(a, spec, "claimRef", claim_ref(a, claim));
	if (hostname.len)
		doc_set(a, spec, "nodeAffinity", only_on(a, hostname));
	return v;
}

/* ---- its end */

enum host_path_end host_path_end_of(struct mp volume, struct mp claim)
{
	bool named = claim.p && volume_is_for(volume, claim) &&
		     (!mp_path_str(claim, "spec.volumeName").len ||
		      span_eq(mp_path_str(claim, "spec.volumeName"), object_name(volume)));
	bool deleting = object_is_deleting(volume);
	struct span phase = mp_path_str(volume, "status.phase");
	if (!span_is(volume_note(volume, VOLUME_PROVISIONED_BY), HOST_PATH_PROVISIONER) || named ||
	    object_lists(volume, "metadata.finalizers", deleting ? VOLUME_PROTECTION : "-"))
		return HOST_PATH_STAYS;
	if (!span_is(mp_path_str(volume, "spec.persistentVolumeReclaimPolicy"), "Delete"))
		return deleting ? HOST_PATH_LET_GO : HOST_PATH_STAYS;
	return deleting || span_is(phase, "Released") ? HOST_PATH_REMOVED : HOST_PATH_STAYS;
}

bool host_path_is_own(struct mp volume, const char *dir)
{
	struct span path = mp_path_str(volume, "spec.hostPath.path"), name = object_name(volume);
	size_t n = strlen(dir);
	return path.len == n + 1 + name.len && memcmp(path.data, dir, n) == 0 &&
	       path.data[n] == '/' && memcmp(path.data + n + 1, name.data, name.len) == 0;
}
