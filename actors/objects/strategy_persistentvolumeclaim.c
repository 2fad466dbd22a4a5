/* PersistentVolumeClaims: what a pod wants of a volume. Once made a claim only
 * finds its volume, and grows when it is bound. */
#include "actors/objects/volume.h"

#include "actors/objects/admission.h"
#include "actors/objects/meta.h"
#include "actors/objects/plan.h"
#include "actors/objects/warning.h"
#include "actors/schema/quantity.h"

static const struct fill fills[] = {DEFAULT_TEXT("spec.volumeMode", "Filesystem"), {0}};

/* Of several default classes the newest, and of those the first by name. */
static struct span newest(struct write *w, const struct doc *names)
{
	struct span best = {0}, when = {0};
	DOC_EACH(n, names)
	{
		struct store_row row;
		if (!admission_read(w, "storageclasses.storage.k8s.io", n->text, &row))
			return (struct span){0};
		if (!row.value)
			continue;
		struct span made = mp_path_str(mp_of_bytes(row.value),
					       "metadata.creationTimestamp");
		int c = span_cmp(made, when);
		if (!best.len || c > 0 || (c == 0 && span_cmp(n->text, best) < 0)) {
			best = n->text;
			when = made;
		}
	}
	return best;
}

/* Who names no class at all gets the default one; "" is none, on purpose. */
static void default_class(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec"), *names;
	const struct doc *notes = doc_get(meta_of(w->obj), "annotations");
	if (!doc_absent(doc_get(spec, "storageClassName")) ||
	    doc_get(notes, "volume.beta.kubernetes.io/storage-class") ||
	    !admission_names(w, "storageclasses", &names) || !doc_is(names, DOC_ARRAY))
		return;
	struct span class = newest(w, names);
	if (class.len)
		doc_set(w->a, spec, "storageClassName", doc_span(w->a, class));
}

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set_str(w->a, status, "phase", "Pending");
	default_class(w);
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

static int compare_sizes(const struct doc *x, const struct doc *y)
{
	struct quantity a = {0}, b = {0};
	if (doc_is(x, DOC_STR))
		(void)quantity_parse(x->text, &a);
	if (doc_is(y, DOC_STR))
		(void)quantity_parse(y->text, &b);
	return quantity_cmp(a, b);
}

static const char size_of[] = "spec.resources.requests.storage";

static void validate_update(struct write *w)
{
	struct doc *now = copy_of(w, doc_get(w->obj, "spec")),
		   *was = copy_of(w, doc_get(w->old, "spec"));
	const struct doc *size = doc_path(now, "resources.requests.storage");
	const struct doc *before = doc_path(was, "resources.requests.storage");
	const struct fpath *p = FPATH(NULL, "spec");
	/* What could not be made larger may be given up, but nothing shrinks. */
	bool smaller = size && before && compare_sizes(size, before) < 0 &&
		       compare_sizes(size, doc_path(w->old, "status.capacity.storage")) <= 0;
	if (!doc_get_str(was, "volumeName").len) /* it is found once */
		put_or_remove(w, was, "volumeName", copy_of(w, doc_get(now, "volumeName")));
	if (doc_absent(doc_get(was, "storageClassName"))) /* and the default class, too */
		put_or_remove(w, was, "storageClassName",
			      copy_of(w, doc_get(now, "storageClassName")));
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
				"field can not be less than status.capacity");
	check_immutable(&w->faults, FPATH(NULL, "volumeMode"), doc_path(w->obj, "spec.volumeMode"),
			doc_path(w->old, "spec.volumeMode"));
}

static bool class_grows(struct write *w, bool *grows)
{
	struct span class = doc_get_str(doc_get(meta_of(w->old), "annotations"),
					"volume.beta.kubernetes.io/storage-class");
	struct store_row row = {0};
	if (!class.len)
		class = doc_path_str(w->old, "spec.storageClassName");
	if (class.len && !admission_read(w, "storageclasses.storage.k8s.io", class, &row))
		return false;
	*grows = row.value && mp_path_bool(mp_of_bytes(row.value), "allowVolumeExpansion", false);
	return true;
}

/* Only what its class lets grow. */
static bool admit_update(struct write *w)
{
	bool grows = false;
	if (compare_sizes(doc_path(w->obj, size_of), doc_path(w->old, size_of)) <= 0)
		return true;
	if (!class_grows(w, &grows))
		return false;
	if (!grows)
		plan_refuse(w, status_forbidden(w->a, w->r, w->name,
						"only dynamically provisioned pvc can be resized and the "
						"storageclass that provisions the pvc must support resize"));
	return grows;
}

const struct strategy strategy_persistentvolumeclaim = {
	.unconditional_update = true,
	.returns_deleted = true,
	.status = true,
	.fills = fills,
	.prepare_create = prepare_create,
	.rules = rules,
	.validate_update = validate_update,
	.admit_update = admit_update,
	.subresources = subresources_status,
	.warn = warn_claim,
};
