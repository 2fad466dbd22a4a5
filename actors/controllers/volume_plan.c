#include "actors/controllers/volume_plan.h"

#include <string.h>

#include "actors/schema/rfc3339.h"

static struct doc *text(struct arena *a, struct span s)
{
	return doc_span(a, object_copy(a, s));
}

/* ---- a claim and its volume */

static struct doc *names_volume(struct arena *a, struct mp claim, struct mp volume)
{
	struct doc *patch = NULL;
	bool chosen = !mp_path_str(claim, "spec.volumeName").len;
	if (chosen || !volume_note(claim, VOLUME_BIND_COMPLETED).len) {
		patch = doc_new(a, DOC_MAP);
		volume_note_in(a, patch, VOLUME_BIND_COMPLETED, doc_str(a, "yes"));
		if (chosen) {
			doc_path_set(a, patch, "spec.volumeName", text(a, object_name(volume)));
			volume_note_in(a, patch, VOLUME_BOUND_BY_CONTROLLER, doc_str(a, "yes"));
		}
	}
	return volume_protect(a, patch, claim, CLAIM_PROTECTION);
}

/* A part of the volume as the claim's status has it. */
static void show(struct arena *a, struct doc *status, const char *field, struct mp volume,
		 const char *path)
{
	struct doc *d = volume.p ? doc_path(object_tree(a, volume), path) : NULL;
	doc_set(a, status, field, d ? doc_copy(a, d) : doc_new(a, DOC_NULL));
}

/* With a volume: of that size and those modes; without: of none. NULL: so it is. */
static struct doc *claim_says(struct arena *a, struct mp claim, const char *phase,
			      struct mp volume)
{
	struct mp m;
	bool sized = mp_path(claim, "status.capacity.storage", &m);
	bool moded = mp_path(claim, "status.accessModes", &m);
	if (span_is(mp_path_str(claim, "status.phase"), phase) && sized == (volume.p != NULL) &&
	    moded == (volume.p != NULL))
		return NULL;
	struct doc *patch = doc_new(a, DOC_MAP), *status = doc_new(a, DOC_MAP);
	doc_set_str(a, status, "phase", phase);
	/* A bound claim that has grown says so itself. */
	if (!volume.p || !sized)
		show(a, status, "capacity", volume, "spec.capacity");
	if (!volume.p || !moded)
		show(a, status, "accessModes", volume, "spec.accessModes");
	doc_set(a, patch, "status", status);
	return patch;
}

static void bind(struct arena *a, struct mp claim, struct mp volume, struct claim_plan *out)
{
	out->volume = volume;
	out->of_volume = volume_kept_for(a, volume, claim);
	out->of_claim = names_volume(a, claim, volume);
	out->status = claim_says(a, claim, "Bound", volume);
}

static void say(struct claim_plan *out, const char *type, const char *reason, const char *message)
{
	out->event = (struct volume_event){type, reason, message};
}

static const char *quoted(struct arena *a, const char *before, struct span name, const char *after)
{
	return arena_printf(a, "%s\"%.*s\"%s", before, (int)name.len, (const char *)name.data,
			    after);
}

/* ---- a claim that was bound before */

static void lose(struct arena *a, const struct claim_facts *f, const char *reason,
		 const char *message, struct claim_plan *out)
{
	out->final = true;
	out->status = claim_says(a, f->claim, "Lost", (struct mp){0});
	if (out->status)
		say(out, "Warning", reason, message);
}

static bool is_kept(struct mp volume)
{
	struct mp ref;
	return mp_path(volume, "spec.claimRef", &ref) && mp_peek(&ref) == MP_MAP;
}

static void plan_bound(struct arena *a, const struct claim_facts *f, struct claim_plan *out)
{
	if (!mp_path_str(f->claim, "spec.volumeName").len)
		lose(a, f, "ClaimLost",
		     "Bound claim has lost reference to PersistentVolume. Data on the volume is "
		     "lost!",
		     out);
	else if (!f->named.p)
		lose(a, f, "ClaimLost",
		     "Bound claim has lost its PersistentVolume. Data on the volume is lost!", out);
	else if (!is_kept(f->named) || volume_is_for(f->named, f->claim))
		bind(a, f->claim, f->named, out);
	else
		lose(a, f, "ClaimMisbound",
		     "Two claims are bound to the same volume, this one is bound incorrectly", out);
}

/* ---- one that is not bound yet */

/* It named its volume itself. */
static void plan_named(struct arena *a, const struct claim_facts *f, struct claim_plan *out)
{
	struct span name = mp_path_str(f->claim, "spec.volumeName");
	if (!f->named.p)
		return;
	if (is_kept(f->named) && volume_is_for(f->named, f->claim)) {
		bind(a, f->claim, f->named, out);
		return;
	}
	if (is_kept(f->named)) {
		say(out, "Warning", "FailedBinding",
		    quoted(a, "volume ", name, " already bound to a different claim."));
		return;
	}
	const char *why = volume_mismatch(f->named, f->claim);
	if (why)
		say(out, "Warning", "VolumeMismatch",
		    arena_printf(a, "%s: %s", quoted(a, "Cannot bind to requested volume ", name, ""),
				 why));
	else if (!object_is_deleting(f->named))
		bind(a, f->claim, f->named, out);
}

static void ask_provisioner(struct arena *a, const struct claim_facts *f, struct span who,
			    struct claim_plan *out)
{
	static const char in_tree[] = "kubernetes.io/";
	if (who.len > sizeof in_tree - 1 && memcmp(who.data, in_tree, sizeof in_tree - 1) == 0) {
		say(out, "Warning", "ProvisioningFailed",
		    arena_printf(a, "no volume plugin matched name: %.*s", (int)who.len,
				 (const char *)who.data));
		return;
	}
	say(out, "Normal", "ExternalProvisioning",
	    arena_printf(a,
			 "Waiting for a volume to be created either by the external provisioner "
			 "'%.*s' or manually by the system administrator. If volume creation is "
			 "delayed, please verify that the provisioner is running and correctly "
			 "registered.",
			 (int)who.len, (const char *)who.data));
	if (span_eq(volume_note(f->claim, VOLUME_PROVISIONER), who))
		return;
	out->of_claim = doc_new(a, DOC_MAP);
	volume_note_in(a, out->of_claim, VOLUME_PROVISIONER, text(a, who));
	volume_note_in(a, out->of_claim, VOLUME_PROVISIONER_BETA, text(a, who));
}

/* Nothing fits: who could make it? */
static void plan_new(struct arena *a, const struct claim_facts *f, struct claim_plan *out)
{
	struct span class = volume_class(f->claim);
	if (claim_wants_default_class(f->claim) && f->default_class.len) {
		out->of_claim = doc_new(a, DOC_MAP);
		doc_path_set(a, out->of_claim, "spec.storageClassName", text(a, f->default_class));
	} else if (!class.len) {
		say(out, "Normal", "FailedBinding",
		    "no persistent volumes available for this claim and no storage class is set");
	} else if (!f->class.p) {
		say(out, "Warning", "ProvisioningFailed",
		    quoted(a, "storageclass.storage.k8s.io ", class, " not found"));
	} else if (class_waits(f->class) && !volume_note(f->claim, VOLUME_SELECTED_NODE).len) {
		say(out, "Normal", "WaitForFirstConsumer",
		    "waiting for first consumer to be created before binding");
	} else {
		ask_provisioner(a, f, mp_path_str(f->class, "provisioner"), out);
	}
}

void claim_plan(struct arena *a, const struct claim_facts *f, struct claim_plan *out)
{
	*out = (struct claim_plan){0};
	if (volume_note(f->claim, VOLUME_BIND_COMPLETED).len) {
		plan_bound(a, f, out);
		return;
	}
	if (object_is_deleting(f->claim))
		return;
	if (mp_path_str(f->claim, "spec.volumeName").len)
		plan_named(a, f, out);
	else if (f->found.p)
		bind(a, f->claim, f->found, out);
	else
		plan_new(a, f, out);
	if (!out->volume.p)
		out->status = claim_says(a, f->claim, "Pending", (struct mp){0});
}

/* ---- volumes */

static void volume_says(struct arena *a, struct mp volume, const char *phase, const char *message,
			int64_t now_us, struct volume_plan *out)
{
	char now[RFC3339_MAX];
	if (span_is(mp_path_str(volume, "status.phase"), phase))
		return;
	struct doc *status = doc_new(a, DOC_MAP);
	rfc3339_format(now_us, now);
	doc_set_str(a, status, "phase", phase);
	doc_set_str(a, status, "lastPhaseTransitionTime", arena_dup(a, now));
	doc_set(a, status, "message", message ? doc_str(a, message) : doc_new(a, DOC_NULL));
	out->status = doc_new(a, DOC_MAP);
	doc_set(a, out->status, "status", status);
}

static void fail(struct arena *a, struct mp volume, const char *reason, const char *message,
		 int64_t now_us, struct volume_plan *out)
{
	volume_says(a, volume, "Failed", message, now_us, out);
	out->event = (struct volume_event){"Warning", reason, message};
}

/* Its claim is gone. Who made it deletes it; of all others nobody here knows how. */
static void plan_released(struct arena *a, struct mp volume, int64_t now_us,
			  struct volume_plan *out)
{
	struct span policy = mp_path_str(volume, "spec.persistentVolumeReclaimPolicy");
	struct mp csi;
	out->final = true;
	if (span_is(mp_path_str(volume, "status.phase"), "Failed"))
		return;
	if (!span_is(mp_path_str(volume, "status.phase"), "Released"))
		volume_says(a, volume, "Released", NULL, now_us, out);
	else if (span_is(policy, "Recycle"))
		fail(a, volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!",
		     now_us, out);
	else if (span_is(policy, "Delete") && !volume_note(volume, VOLUME_PROVISIONED_BY).len &&
		 !mp_path(volume, "spec.csi", &csi))
		fail(a, volume, "VolumeFailedDelete",
		     quoted(a, "error getting deleter volume plugin for volume ",
			    object_name(volume), ": no deletable volume plugin matched"),
		     now_us, out);
}

/* Its claim has another one. What was kept for it by the controller is free
 * again; what a person kept stays his, by name. */
static void plan_spare(struct arena *a, struct mp volume, int64_t now_us, struct volume_plan *out)
{
	struct doc *nothing = doc_new(a, DOC_NULL);
	if (volume_note(volume, VOLUME_PROVISIONED_BY).len &&
	    span_is(mp_path_str(volume, "spec.persistentVolumeReclaimPolicy"), "Delete")) {
		volume_says(a, volume, "Released", NULL, now_us, out);
		return;
	}
	out->patch = doc_new(a, DOC_MAP);
	if (volume_note(volume, VOLUME_BOUND_BY_CONTROLLER).len) {
		doc_path_set(a, out->patch, "spec.claimRef", nothing);
		volume_note_in(a, out->patch, VOLUME_BOUND_BY_CONTROLLER, doc_new(a, DOC_NULL));
	} else {
		doc_path_set(a, out->patch, "spec.claimRef.uid", nothing);
		doc_path_set(a, out->patch, "spec.claimRef.resourceVersion", doc_new(a, DOC_NULL));
	}
}

void volume_plan(struct arena *a, struct mp volume, struct mp claim, int64_t now_us,
		 struct volume_plan *out)
{
	struct span uid = mp_path_str(volume, "spec.claimRef.uid");
	*out = (struct volume_plan){0};
	if (!uid.len) {
		volume_says(a, volume, "Available", NULL, now_us, out);
		return;
	}
	if (!claim.p || !span_eq(uid, object_uid(claim))) {
		plan_released(a, volume, now_us, out);
		return;
	}
	struct span named = mp_path_str(claim, "spec.volumeName");
	if (span_eq(named, object_name(volume)))
		volume_says(a, volume, "Bound", NULL, now_us, out);
	else if (named.len)
		plan_spare(a, volume, now_us, out);
	/* else the claim is about to name it */
}
