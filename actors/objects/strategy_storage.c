/* storage.k8s.io: classes of storage, drivers, what is attached where. */
#include "actors/objects/admission.h"
#include "actors/objects/meta.h"
#include "actors/objects/volume.h"

/* ---- storage classes */

enum { PARAMETERS_MAX = 512, PARAMETERS_BYTES_MAX = 256 * 1024 };

static const struct fill class_fills[] = {
	DEFAULT_TEXT("reclaimPolicy", "Delete"),
	DEFAULT_TEXT("volumeBindingMode", "Immediate"),
	{0},
};

/* Qualified, in any case. */
static void check_provisioner(struct faults *f, const struct fpath *p, const struct doc *d)
{
	struct span s = doc_is(d, DOC_STR) ? d->text : (struct span){0};
	if (!s.len) {
		field_required(f, p, "");
		return;
	}
	char *lower = arena_ndup(f->arena, s.data, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] |= 0x20;
	const char *why = name_qualified((struct span){(uint8_t *)lower, s.len});
	if (why)
		field_invalid(f, p, s, why);
}

static void check_parameters(struct faults *f, const struct fpath *p, const struct doc *all)
{
	size_t bytes = 0;
	if (!all)
		return;
	if (all->count > PARAMETERS_MAX) {
		field_too_long(f, p, PARAMETERS_MAX);
		return;
	}
	DOC_EACH(d, all)
	{
		if (d->key.len == 0)
			field_invalid(f, p, d->key, "field can not be empty.");
		bytes += d->key.len + d->text.len;
	}
	if (bytes > PARAMETERS_BYTES_MAX)
		field_too_long(f, p, PARAMETERS_BYTES_MAX);
}

static void check_topology(struct faults *f, const struct fpath *p, const struct doc *term)
{
	const struct doc *list = doc_get(term, "matchLabelExpressions");
	int i = 0;
	DOC_EACH(x, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *here = FPATH_AT(FPATH(p, "matchLabelExpressions"), i++);
		const struct doc *values = doc_get(x, "values");
		struct span key = doc_get_str(x, "key");
		if (!values || !values->count)
			field_required(f, FPATH(here, "values"), "");
		if (name_qualified(key))
			field_invalid(f, FPATH(here, "key"), key, name_qualified(key));
		for (const struct doc *y = list->first; y != x; y = y->next)
			if (span_eq(doc_get_str(y, "key"), key))
				field_duplicate(f, FPATH(here, "key"), key);
	}
}

static const struct rule class_rules[] = {
	RULE("provisioner", CALL, .call = check_provisioner),
	RULE("parameters", CALL, .call = check_parameters),
	RULE("reclaimPolicy", ONE_OF, .list = ONE_OF("Delete", "Retain")),
	RULE("volumeBindingMode", ONE_OF, .list = ONE_OF("Immediate", "WaitForFirstConsumer")),
	RULE("allowedTopologies[]", CALL, .call = check_topology),
	{0},
};

static void class_validate_update(struct write *w)
{
	static const char *const fields[] = {"parameters", "provisioner", "reclaimPolicy"};
	for (size_t i = 0; i < 3; i++)
		if (!doc_equal(doc_get(w->obj, fields[i]), doc_get(w->old, fields[i])))
			field_forbidden(
				&w->faults, FPATH(NULL, fields[i]),
				arena_printf(w->a, "updates to %s are forbidden.", fields[i]));
}

static const char *const class_fixed[] = {"volumeBindingMode", NULL};

/* Whether claims without a class get this one. */
static bool class_claims(struct write *w, bool removing)
{
	const struct doc *notes = doc_get(meta_of(w->obj), "annotations");
	bool is = doc_str_is(doc_get(notes, "storageclass.kubernetes.io/is-default-class"),
			     "true") ||
		  doc_str_is(doc_get(notes, "storageclass.beta.kubernetes.io/is-default-class"),
			     "true");
	return admission_list(w, is && !removing);
}

const struct strategy strategy_storageclass = {
	.unconditional_update = true,
	.returns_deleted = true,
	.fills = class_fills,
	.rules = class_rules,
	.fixed = class_fixed,
	.validate_update = class_validate_update,
	.claims = class_claims,
};

/* ---- attachments */

static void check_source(struct faults *f, const struct fpath *p, const struct doc *source)
{
	const struct doc *inline_spec = doc_get(source, "inlineVolumeSpec");
	const struct doc *name = doc_get(source, "persistentVolumeName");
	static const char both[] =
		"must specify exactly one of inlineVolumeSpec and persistentVolumeName";
	if (!inline_spec && !name)
		field_required(f, p, both);
	else if (inline_spec && name)
		field_forbidden(f, p, both);
	else if (name && !name->text.len)
		field_required(f, FPATH(p, "persistentVolumeName"),
			       "must specify non empty persistentVolumeName");
	if (name && name_dns1123_subdomain(name->text))
		field_invalid(f, FPATH(p, "persistentVolumeName"), name->text,
			      name_dns1123_subdomain(name->text));
	if (inline_spec && !name)
		volume_spec_validate(f, FPATH(p, "inlineVolumeSpec"), inline_spec, true);
}

static const struct rule attachment_rules[] = {
	RULE("spec.attacher", NEEDED),
	RULE("spec.attacher", ANY_NAME, .name = name_dns1123_subdomain),
	RULE("spec.source", CALL, .call = check_source),
	RULE("spec.nodeName", ANY_NAME, .name = name_dns1123_subdomain),
	{0},
};

static const char *const spec_fixed[] = {"spec", NULL};

const struct strategy strategy_volumeattachment = {
	.status = true,
	.returns_deleted = true,
	.rules = attachment_rules,
	.fixed = spec_fixed,
	.subresources = subresources_status,
};

/* ---- drivers */

static const struct fill driver_fills[] = {
	DEFAULT_YES("spec.attachRequired"),
	DEFAULT_NO("spec.podInfoOnMount"),
	DEFAULT_NO("spec.storageCapacity"),
	DEFAULT_TEXT("spec.fsGroupPolicy", "ReadWriteOnceWithFSType"),
	DEFAULT_NO("spec.requiresRepublish"),
	DEFAULT_NO("spec.seLinuxMount"),
	{0},
};

static void driver_defaults(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec"), *modes = doc_get(spec, "volumeLifecycleModes");
	if (modes && modes->count)
		return;
	modes = doc_set(w->a, spec, "volumeLifecycleModes", doc_new(w->a, DOC_ARRAY));
	doc_add(modes, doc_str(w->a, "Persistent"));
}

static void check_tokens(struct faults *f, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	DOC_EACH(t, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		struct span audience = doc_get_str(t, "audience");
		const struct doc *seconds = doc_get(t, "expirationSeconds");
		bool again = false;
		for (const struct doc *o = list->first; o != t; o = o->next)
			again |= span_eq(doc_get_str(o, "audience"), audience);
		if (again)
			field_duplicate(f, FPATH(here, "audience"), audience);
		else if (seconds && seconds->integer < 600)
			field_invalid_int(f, FPATH(here, "expirationSeconds"), seconds->integer,
					  "may not specify a duration less than 10 minutes");
		else if (seconds && seconds->integer > INT64_C(1) << 32)
			field_invalid_int(f, FPATH(here, "expirationSeconds"), seconds->integer,
					  "may not specify a duration larger than 2^32 seconds");
	}
}

/* The place of a mode in its list is not told. */
static void check_modes(struct faults *f, const struct fpath *p, const struct doc *list)
{
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	check_enum(f, p, d, ONE_OF("Persistent", "Ephemeral"));
}

static const struct rule driver_rules[] = {
	RULE("spec.fsGroupPolicy", ONE_OF,
	     .list = ONE_OF("File", "None", "ReadWriteOnceWithFSType")),
	RULE("spec.tokenRequests", CALL, .call = check_tokens),
	RULE("spec.volumeLifecycleModes", CALL, .call = check_modes),
	{0},
};

static const char *const driver_fixed[] = {"spec.attachRequired", "spec.volumeLifecycleModes",
					   "spec.podInfoOnMount", "spec.fsGroupPolicy", NULL};

const struct strategy strategy_csidriver = {
	.returns_deleted = true,
	.generation = true,
	.fills = driver_fills,
	.defaults = driver_defaults,
	.rules = driver_rules,
	.fixed = driver_fixed,
};

/* ---- drivers of a node */

static void check_node_id(struct faults *f, const struct fpath *p, const struct doc *d)
{
	enum { NODE_ID_BYTES_MAX = 256 };
	if (!d || !d->text.len)
		field_required(f, p, "");
	else if (d->text.len > NODE_ID_BYTES_MAX)
		field_invalid(
			f, p, d->text,
			arena_printf(f->arena, "must be %d characters or less", NODE_ID_BYTES_MAX));
}

static void check_drivers(struct faults *f, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		const struct doc *keys = doc_get(d, "topologyKeys");
		struct span name = doc_get_str(d, "name");
		for (const struct doc *o = list->first; o != d; o = o->next)
			if (span_eq(doc_get_str(o, "name"), name))
				field_duplicate(f, FPATH(here, "name"), name);
		DOC_EACH(k, doc_is(keys, DOC_ARRAY) ? keys : NULL)
		{
			if (!k->text.len)
				field_required(f, here, "");
			for (const struct doc *o = keys->first; o != k; o = o->next)
				if (doc_equal(o, k))
					field_duplicate(f, here, k->text);
			if (name_qualified(k->text))
				field_invalid_doc(f, here, keys, name_qualified(k->text));
		}
	}
}

static const struct rule node_rules[] = {
	RULE("spec.drivers[].name", NEEDED),
	RULE("spec.drivers[].name", ANY_NAME, .name = name_dns1123_subdomain),
	RULE("spec.drivers[].nodeID", CALL, .call = check_node_id),
	RULE("spec.drivers[].allocatable.count", NOT_NEGATIVE),
	RULE("spec.drivers", CALL, .call = check_drivers),
	{0},
};

/* A driver that stays, stays as it is. */
static void node_validate_update(struct write *w)
{
	const struct doc *now = doc_path(w->obj, "spec.drivers"),
			 *was = doc_path(w->old, "spec.drivers");
	DOC_EACH(o, doc_is(was, DOC_ARRAY) ? was : NULL)
	DOC_EACH(d, doc_is(now, DOC_ARRAY) ? now : NULL)
	if (span_eq(doc_get_str(o, "name"), doc_get_str(d, "name")) && !doc_equal(o, d))
		field_invalid_doc(&w->faults, FPATH(NULL, "CSINodeDriver"), d,
				  "field is immutable");
}

const struct strategy strategy_csinode = {
	.returns_deleted = true,
	.rules = node_rules,
	.validate_update = node_validate_update,
};
