/* PersistentVolumes: storage that outlives pods. Where it is never changes. */
#include "actors/objects/volume.h"

#include "actors/objects/pod.h"
#include "actors/objects/warning.h"
#include "actors/schema/quantity.h"

const char *const volume_access_modes[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
					   "ReadWriteOncePod", NULL};
const char *const volume_modes[] = {"Block", "Filesystem", NULL};

/* What a volume may be, and what must be said of it. */
static const struct source {
	const char *name, *needed[3];
} sources[] = {
	{"hostPath", {"path"}},
	{"gcePersistentDisk", {"pdName"}},
	{"awsElasticBlockStore", {"volumeID"}},
	{"glusterfs", {"endpoints", "path"}},
	{"flocker", {NULL}},
	{"nfs", {"server", "path"}},
	{"rbd", {"monitors", "image"}},
	{"quobyte", {"registry", "volume"}},
	{"cephfs", {"monitors"}},
	{"iscsi", {"targetPortal", "iqn"}},
	{"cinder", {"volumeID"}},
	{"fc", {NULL}},
	{"flexVolume", {"driver"}},
	{"azureFile", {"secretName", "shareName"}},
	{"vsphereVolume", {"volumePath"}},
	{"azureDisk", {"diskName", "diskURI"}},
	{"photonPersistentDisk", {"pdID"}},
	{"portworxVolume", {"volumeID"}},
	{"scaleIO", {"gateway", "system", "volumeName"}},
	{"local", {"path"}},
	{"storageos", {"volumeName"}},
	{"csi", {"driver", "volumeHandle"}},
};
enum { SOURCES = sizeof sources / sizeof *sources };

static bool is_missing(const struct doc *d)
{
	return !d || (d->type == DOC_STR ? d->text.len == 0 : d->type == DOC_ARRAY && !d->count);
}

static void check_source(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	int count = 0;
	for (size_t i = 0; i < SOURCES; i++) {
		const struct doc *d = doc_get(spec, sources[i].name);
		const struct fpath *at = FPATH(p, sources[i].name);
		if (!d)
			continue;
		if (count++ > 0) {
			field_forbidden(f, at, "may not specify more than 1 volume type");
			continue;
		}
		for (size_t k = 0; k < 3 && sources[i].needed[k]; k++)
			if (is_missing(doc_get(d, sources[i].needed[k])))
				field_required(f, FPATH(at, sources[i].needed[k]), "");
	}
	if (count == 0)
		field_required(f, p, "must specify a volume type");
	if (doc_get(spec, "local") && !doc_get(spec, "nodeAffinity"))
		field_required(f, FPATH(FPATH(NULL, "metadata"), "annotations"),
			       "Local volume requires node affinity");
	if (span_is(doc_path_str(spec, "hostPath.path"), "/") &&
	    span_is(doc_get_str(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		field_forbidden(f, FPATH(p, "persistentVolumeReclaimPolicy"),
				"may not be 'recycle' for a hostPath mount of '/'");
}

void volume_check_access(struct faults *f, const struct fpath *p, const struct doc *modes,
			 const char *missing)
{
	bool one_pod = false;
	if (is_missing(modes)) {
		field_required(f, p, missing);
		return;
	}
	DOC_EACH(d, modes)
	{
		check_enum(f, p, d, volume_access_modes);
		one_pod |= doc_str_is(d, "ReadWriteOncePod");
	}
	if (one_pod && modes->count > 1)
		field_forbidden(f, p, "may not use ReadWriteOncePod with other access modes");
}

static void check_capacity(struct faults *f, const struct fpath *p, const struct doc *capacity)
{
	struct quantity q;
	if (!capacity || !capacity->count)
		field_required(f, p, "");
	if (!doc_get(capacity, "storage") || capacity->count > 1)
		field_not_supported(f, p, (struct span){0}, ONE_OF("storage"));
	DOC_EACH(d, capacity)
	if (!quantity_parse(d->text, &q) && q.nano <= 0)
		field_invalid(f, FPATH_KEY(p, d->key), d->text, "must be greater than zero");
}

static void check_inline(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	static const char *const absent[] = {"claimRef", "capacity", "nodeAffinity",
					     "storageClassName"};
	for (size_t i = 0; i < 4; i++)
		if (doc_get(spec, absent[i]))
			field_forbidden(f, FPATH(p, absent[i]),
					"may not be specified in the context of inline volumes");
	if (!doc_get(spec, "csi"))
		field_required(f, FPATH(p, "csi"),
			       "has to be specified in the context of inline volumes");
}

static const struct rule spec_rules[] = {
	RULE("capacity", CALL, .call = check_capacity),
	RULE("persistentVolumeReclaimPolicy", ONE_OF,
	     .list = ONE_OF("Delete", "Recycle", "Retain")),
	RULE("storageClassName", OPTIONAL_NAME, .name = name_dns1123_subdomain),
	RULE("volumeMode", ONE_OF, .list = volume_modes),
	{0},
};

static void check_affinity(struct faults *f, const struct fpath *p, const struct doc *affinity)
{
	const struct doc *required = doc_get(affinity, "required");
	if (!affinity)
		return;
	if (required)
		pod_node_selector_validate(f, FPATH(p, "required"), required);
	else
		field_required(f, FPATH(p, "required"), "must specify required node constraints");
}

void volume_spec_validate(struct faults *f, const struct fpath *p, const struct doc *spec,
			  bool inline_of_attachment)
{
	volume_check_access(f, FPATH(p, "accessModes"), doc_get(spec, "accessModes"), "");
	if (inline_of_attachment) {
		check_inline(f, p, spec);
	} else {
		rules_check(f, p, spec, spec_rules);
		check_affinity(f, FPATH(p, "nodeAffinity"), doc_get(spec, "nodeAffinity"));
	}
	check_source(f, p, spec);
}

static const struct fill fills[] = {
	DEFAULT_TEXT("spec.persistentVolumeReclaimPolicy", "Retain"),
	DEFAULT_TEXT("spec.volumeMode", "Filesystem"),
	DEFAULT_TEXT("spec.hostPath.type", ""),
	DEFAULT_TEXT("spec.iscsi.iscsiInterface", "default"),
	DEFAULT_TEXT("spec.rbd.pool", "rbd"),
	DEFAULT_TEXT("spec.rbd.user", "admin"),
	DEFAULT_TEXT("spec.rbd.keyring", "/etc/ceph/keyring"),
	DEFAULT_TEXT("spec.azureDisk.cachingMode", "ReadWrite"),
	DEFAULT_TEXT("spec.azureDisk.fsType", "ext4"),
	DEFAULT_NO("spec.azureDisk.readOnly"),
	DEFAULT_TEXT("spec.azureDisk.kind", "Shared"),
	DEFAULT_TEXT("spec.scaleIO.storageMode", "ThinProvisioned"),
	DEFAULT_TEXT("spec.scaleIO.fsType", "xfs"),
	{0},
};

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, status, "phase", "Pending");
	doc_set_str(w->a, status, "lastPhaseTransitionTime", w->now);
}

static void validate(struct write *w)
{
	volume_spec_validate(&w->faults, FPATH(NULL, "spec"), doc_get(w->obj, "spec"), false);
}

static void validate_update(struct write *w)
{
	const struct doc *now = doc_get(w->obj, "spec"), *was = doc_get(w->old, "spec");
	bool same = true;
	for (size_t i = 0; i < SOURCES; i++)
		same &= doc_equal(doc_get(now, sources[i].name), doc_get(was, sources[i].name));
	if (!same)
		field_forbidden(&w->faults, FPATH(FPATH(NULL, "spec"), "persistentvolumesource"),
				"spec.persistentvolumesource is immutable after creation");
	check_immutable(&w->faults, FPATH(NULL, "volumeMode"), doc_get(now, "volumeMode"),
			doc_get(was, "volumeMode"));
	if (doc_get(was, "nodeAffinity"))
		check_immutable(&w->faults, FPATH(NULL, "nodeAffinity"),
				doc_get(now, "nodeAffinity"), doc_get(was, "nodeAffinity"));
}

const struct strategy strategy_persistentvolume = {
	.unconditional_update = true,
	.returns_deleted = true,
	.status = true,
	.fills = fills,
	.prepare_create = prepare_create,
	.validate = validate,
	.validate_update = validate_update,
	.subresources = subresources_status,
	.warn = warn_volume,
};
