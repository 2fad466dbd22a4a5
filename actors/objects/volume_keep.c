#include "actors/objects/volume_keep.h"

#include "actors/objects/volume_match.h"

static struct doc *text(struct arena *a, struct mp object, const char *path)
{
	struct span s = mp_path_str(object, path);
	return doc_span(a, (struct span){(uint8_t *)arena_ndup(a, s.data, s.len), s.len});
}

/* ---- finalizers */

/* The list, as a tree of its own; *listed: whether `name` is in it. */
static struct doc *finalizers(struct arena *a, struct mp object, const char *name, bool *listed)
{
	struct doc *list = doc_new(a, DOC_ARRAY);
	struct mp m;
	struct span s;
	size_t n = 0;
	*listed = false;
	if (!mp_path(object, "metadata.finalizers", &m) || mp_array(&m, &n))
		return list;
	for (; n > 0 && !mp_str(&m, &s); n--) {
		if (span_is(s, name))
			*listed = true;
		else
			doc_add(list, doc_span(a, (struct span){
						  (uint8_t *)arena_ndup(a, s.data, s.len), s.len}));
	}
	return list;
}

struct doc *finalizer_patch(struct arena *a, struct mp object, const char *name, bool wanted)
{
	bool listed;
	struct doc *list = finalizers(a, object, name, &listed), *patch = doc_new(a, DOC_MAP);
	if (listed == wanted)
		return NULL;
	if (wanted)
		doc_add(list, doc_str(a, name));
	doc_path_set(a, patch, "metadata.finalizers", list);
	return patch;
}

struct doc *volume_protect(struct arena *a, struct doc *patch, struct mp object, const char *name)
{
	bool listed;
	struct doc *list = finalizers(a, object, name, &listed);
	if (listed || mp_path_str(object, "metadata.deletionTimestamp").len)
		return patch;
	if (!patch)
		patch = doc_new(a, DOC_MAP);
	doc_add(list, doc_str(a, name));
	doc_set(a, doc_need_map(a, patch, "metadata"), "finalizers", list);
	return patch;
}

/* ---- whose a volume is */

void volume_note_in(struct arena *a, struct doc *patch, const char *name, struct doc *value)
{
	struct doc *m = doc_need_map(a, patch, "metadata");
	doc_set(a, doc_need_map(a, m, "annotations"), name, value);
}

struct doc *claim_ref(struct arena *a, struct mp claim)
{
	struct doc *ref = doc_new(a, DOC_MAP);
	doc_set_str(a, ref, "apiVersion", "v1");
	doc_set_str(a, ref, "kind", "PersistentVolumeClaim");
	doc_set(a, ref, "namespace", text(a, claim, "metadata.namespace"));
	doc_set(a, ref, "name", text(a, claim, "metadata.name"));
	doc_set(a, ref, "uid", text(a, claim, "metadata.uid"));
	return ref;
}

struct doc *volume_kept_for(struct arena *a, struct mp volume, struct mp claim)
{
	struct doc *patch = NULL;
	struct mp ref;
	bool by_name = mp_path(volume, "spec.claimRef", &ref) && mp_peek(&ref) == MP_MAP;
	if (!span_eq(mp_path_str(volume, "spec.claimRef.uid"),
		     mp_path_str(claim, "metadata.uid"))) {
		patch = doc_new(a, DOC_MAP);
		doc_path_set(a, patch, "spec.claimRef", claim_ref(a, claim));
		/* Who kept it by name gets it back as it was. */
		if (!by_name)
			volume_note_in(a, patch, VOLUME_BOUND_BY_CONTROLLER, doc_str(a, "yes"));
	}
	return volume_protect(a, patch, volume, VOLUME_PROTECTION);
}
