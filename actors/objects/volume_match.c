#include "actors/objects/volume_match.h"

#include <stdio.h>

#include "actors/objects/placement.h"
#include "actors/schema/selectors.h"

struct span volume_note(struct mp object, const char *name)
{
	struct mp m;
	struct span s = {0};
	if (!object.p || !mp_path(object, "metadata.annotations", &m) || !mp_find(m, name, &m) ||
	    mp_str(&m, &s))
		return (struct span){0};
	return s;
}

/* ---- classes */

static const char old_class[] = "volume.beta.kubernetes.io/storage-class";

struct span volume_class(struct mp object)
{
	struct span old = volume_note(object, old_class);
	return old.len || !object.p ? old : mp_path_str(object, "spec.storageClassName");
}

bool claim_wants_default_class(struct mp claim)
{
	struct mp m, all;
	bool noted = mp_path(claim, "metadata.annotations", &all) && mp_find(all, old_class, &m);
	return !noted && (!mp_path(claim, "spec.storageClassName", &m) || mp_peek(&m) == MP_NIL);
}

bool class_is_default(struct mp class)
{
	return span_is(volume_note(class, "storageclass.kubernetes.io/is-default-class"), "true") ||
	       span_is(volume_note(class, "storageclass.beta.kubernetes.io/is-default-class"),
		       "true");
}

bool class_waits(struct mp class)
{
	return class.p && span_is(mp_path_str(class, "volumeBindingMode"), "WaitForFirstConsumer");
}

/* ---- whose they are */

bool claim_is_bound(struct mp claim)
{
	return mp_path_str(claim, "spec.volumeName").len &&
	       volume_note(claim, VOLUME_BIND_COMPLETED).len &&
	       span_is(mp_path_str(claim, "status.phase"), "Bound");
}

bool volume_is_for(struct mp volume, struct mp claim)
{
	struct span uid = mp_path_str(volume, "spec.claimRef.uid");
	return span_eq(mp_path_str(volume, "spec.claimRef.name"),
		       mp_path_str(claim, "metadata.name")) &&
	       span_eq(mp_path_str(volume, "spec.claimRef.namespace"),
		       mp_path_str(claim, "metadata.namespace")) &&
	       (!uid.len || span_eq(uid, mp_path_str(claim, "metadata.uid")));
}

bool volume_is_free(struct mp volume)
{
	struct mp m;
	return span_is(mp_path_str(volume, "status.phase"), "Available") &&
	       !mp_path_str(volume, "metadata.deletionTimestamp").len &&
	       !(mp_path(volume, "spec.claimRef", &m) && mp_peek(&m) == MP_MAP);
}

/* ---- what fits */

static struct quantity size_of(struct mp object, const char *path)
{
	struct quantity q = {0};
	if (quantity_parse(mp_path_str(object, path), &q))
		return (struct quantity){0};
	return q;
}

static bool has_mode(struct mp volume, struct span mode)
{
	struct mp list;
	struct span s;
	size_t n = 0;
	if (!mp_path(volume, "spec.accessModes", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0 && !mp_str(&list, &s); n--)
		if (span_eq(s, mode))
			return true;
	return false;
}

static bool has_all_modes(struct mp volume, struct mp claim)
{
	struct mp list;
	struct span s;
	size_t n = 0;
	if (!mp_path(claim, "spec.accessModes", &list) || mp_array(&list, &n))
		return true;
	for (; n > 0 && !mp_str(&list, &s); n--)
		if (!has_mode(volume, s))
			return false;
	return true;
}

static bool is_block(struct mp object)
{
	return span_is(mp_path_str(object, "spec.volumeMode"), "Block");
}

static bool is_too_small(struct mp volume, struct mp claim)
{
	return quantity_cmp(size_of(volume, "spec.capacity.storage"),
			    size_of(claim, "spec.resources.requests.storage")) < 0;
}

bool volume_will_be_of(struct mp volume, struct mp claim)
{
	if (!volume_is_for(volume, claim))
		return false;
	if (mp_path_str(volume, "spec.claimRef.uid").len)
		return true;
	return !mp_path_str(volume, "metadata.deletionTimestamp").len &&
	       !is_too_small(volume, claim) && is_block(volume) == is_block(claim) &&
	       has_all_modes(volume, claim);
}

const char *volume_mismatch(struct mp volume, struct mp claim)
{
	if (is_too_small(volume, claim))
		return "requested PV is too small";
	if (!span_eq(volume_class(volume), volume_class(claim)))
		return "storageClassName does not match";
	if (is_block(volume) != is_block(claim))
		return "incompatible volumeMode";
	if (!has_all_modes(volume, claim))
		return "incompatible accessMode";
	return NULL;
}

bool volume_is_selected(struct mp volume, struct mp claim)
{
	struct mp selector, labels = {0};
	if (!mp_path(claim, "spec.selector", &selector) || mp_peek(&selector) != MP_MAP)
		return true;
	mp_path(volume, "metadata.labels", &labels);
	return label_object_match_all(selector, labels);
}

bool volume_is_better(struct mp volume, struct mp than)
{
	int c;
	if (!than.p)
		return true;
	c = quantity_cmp(size_of(volume, "spec.capacity.storage"),
			 size_of(than, "spec.capacity.storage"));
	return c < 0 || (c == 0 && span_cmp(mp_path_str(volume, "metadata.name"),
					    mp_path_str(than, "metadata.name")) < 0);
}

bool volume_reaches(struct mp volume, struct mp node)
{
	struct mp required;
	return !mp_path(volume, "spec.nodeAffinity.required", &required) ||
	       placement_node_selector(required, node);
}

/* ---- what pods name */

bool claim_is_of_pod(struct mp claim, struct mp pod)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(claim, "metadata.ownerReferences", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--) {
		if (mp_path_bool(list, "controller", false))
			return span_eq(mp_path_str(list, "uid"), mp_path_str(pod, "metadata.uid"));
		if (mp_skip(&list))
			return false;
	}
	return false;
}

void pod_claims_each(struct mp pod, void (*each)(void *arg, const struct pod_claim_name *n),
		     void *arg)
{
	struct mp list, of;
	size_t n = 0;
	char text[520];
	if (!mp_path(pod, "spec.volumes", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--) {
		if (mp_find(list, "persistentVolumeClaim", &of)) {
			each(arg, &(struct pod_claim_name){mp_path_str(of, "claimName"), {0}});
		} else if (mp_find(list, "ephemeral", &of)) {
			struct span name = mp_path_str(list, "name");
			struct span of_pod = mp_path_str(pod, "metadata.name");
			snprintf(text, sizeof text, "%.*s-%.*s", (int)of_pod.len,
				 (const char *)of_pod.data, (int)name.len, (const char *)name.data);
			each(arg, &(struct pod_claim_name){span_of(text), of});
		}
		if (mp_skip(&list))
			return;
	}
}
