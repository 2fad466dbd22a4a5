/* PersistentVolumeClaims: what a pod wants of a volume. Once made a claim only
 * finds its volume, and grows when it is bound. */
#include "actors/objects/volume.h"

#include "actors/schema/quantity.h"

static const struct fill fills[] = {DEFAULT_TEXT("spec.volumeMode", "Filesystem"), {0}};

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, status, "phase", "Pending");
}

static void check_access(struct faults *f, const struct fpath *p, const struct doc *modes)
{
	volume_check_access(f, p, modes, "at least 1 access mode is required");
}

/* Its place is told without "requests". */
static void check_resources(struct faults *f, const struct fpath *p, const struct doc *resources)
{
	const struct doc *size = doc_path(resources, "requests.storage");
	const struct fpath *at = FPATH_KEY(p, span_of("storage"));
	struct quantity q;
	if (!size)
		field_required(f, at, "");
	else if (!quantity_parse(size->text, &q) && q.nano <= 0)
		field_invalid(f, at, size->text, "must be greater than zero");
}

static void check_source(struct faults *f, const struct fpath *p, const struct doc *source)
{
	struct span kind = doc_get_str(source, "kind");
	if (!source)
		return;
	if (!doc_get_str(source, "name").len)
		field_required(f, FPATH(p, "name"), "");
	if (!kind.len)
		field_required(f, FPATH(p, "kind"), "");
	if (!doc_get_str(source, "apiGroup").len && !span_is(kind, "PersistentVolumeClaim"))
		field_invalid(f, p, kind, "");
}

static const struct rule rules[] = {
	RULE("spec.accessModes", CALL, .call = check_access),
	RULE("spec.selector", SELECTOR),
	RULE("spec.resources", CALL, .call = check_resources),
	RULE("spec.storageClassName", OPTIONAL_NAME, .name = name_dns1123_subdomain),
	RULE("spec.volumeMode", ONE_OF, .list = volume_modes),
	RULE("spec.dataSource", CALL, .call = check_source),
	RULE("spec.dataSourceRef", CALL, .call = check_source),
	{0},
};

static void validate_update(struct write *w)
{
	struct doc *now = copy_of(w, doc_get(w->obj, "spec")),
		   *was = copy_of(w, doc_get(w->old, "spec"));
	const struct doc *size = doc_path(now, "resources.requests.storage");
	const struct doc *before = doc_path(was, "resources.requests.storage");
	struct quantity a, b;
	const struct fpath *p = FPATH(NULL, "spec");
	bool smaller = size && before && !quantity_parse(size->text, &a) &&
		       !quantity_parse(before->text, &b) && quantity_cmp(a, b) < 0;
	if (!doc_get_str(was, "volumeName").len) /* it is found once */
		put_or_remove(w, was, "volumeName", copy_of(w, doc_get(now, "volumeName")));
	put_or_remove(w, was, "volumeAttributesClassName",
		      copy_of(w, doc_get(now, "volumeAttributesClassName")));
	if (span_is(doc_path_str(w->old, "status.phase"), "Bound") && before)
		doc_path_set(w->a, now, "resources.requests.storage", copy_of(w, before));
	if (!doc_equal(now, was))
		field_forbidden(&w->faults, p,
				"spec is immutable after creation except resources.requests and "
				"volumeAttributesClassName for bound claims");
	if (smaller)
		field_forbidden(&w->faults,
				FPATH(FPATH(FPATH(p, "resources"), "requests"), "storage"),
				"field can not be less than previous value");
	check_immutable(&w->faults, FPATH(NULL, "volumeMode"), doc_path(w->obj, "spec.volumeMode"),
			doc_path(w->old, "spec.volumeMode"));
}

const struct strategy strategy_persistentvolumeclaim = {
	.unconditional_update = true,
	.returns_deleted = true,
	.status = true,
	.fills = fills,
	.prepare_create = prepare_create,
	.rules = rules,
	.validate_update = validate_update,
	.subresources = subresources_status,
};
