/* AppArmor of pods: what a profile may say, and profiles in the annotations that came before
 * the fields, which become fields when the pod is made.
 * Source of the rules: kubernetes pkg/registry/core/pod/strategy.go (applyAppArmorVersionSkew),
 * pkg/apis/core/validation (validateAppArmorProfileField). */
#include "actors/objects/meta.h"
#include "actors/objects/pod.h"

static const char prefix[] = "container.apparmor.security.beta.kubernetes.io/";
static const char local[] = "localhost/";
static const char not_set[] = "must be set when AppArmor type is Localhost";
enum { PROFILE_NAME_MAX = 4095 };

void pod_apparmor_validate(struct faults *f, const struct fpath *p, const struct doc *profile)
{
	static const char *const types[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};
	const struct fpath *here = FPATH(p, "localhostProfile");
	struct span type = doc_get_str(profile, "type"), name = doc_get_str(profile, "localhostProfile");
	bool named = !doc_absent(doc_get(profile, "localhostProfile"));
	if (!doc_is(profile, DOC_MAP))
		return;
	if (!type.len)
		field_required(f, FPATH(p, "type"), "type is required when appArmorProfile is set");
	else if (!in_list(types, type))
		field_not_supported(f, FPATH(p, "type"), type, types);
	else if (!span_is(type, "Localhost") && named)
		field_invalid(f, here, name, "can only be set when AppArmor type is Localhost");
	if (!span_is(type, "Localhost"))
		return;
	if (!named || !span_trim(name).len)
		field_required(f, here, not_set);
	else if (span_trim(name).len != name.len)
		field_invalid(f, here, name, "must not be padded with whitespace");
	else if (name.len > PROFILE_NAME_MAX)
		field_too_long(f, here, PROFILE_NAME_MAX);
}

/* NULL: no profile that anybody knows. */
static struct doc *profile_of(struct arena *a, struct span annotation)
{
	struct doc *d = doc_new(a, DOC_MAP);
	size_t n = sizeof local - 1;
	if (span_is(annotation, "unconfined"))
		doc_set_str(a, d, "type", "Unconfined");
	else if (span_is(annotation, "runtime/default"))
		doc_set_str(a, d, "type", "RuntimeDefault");
	else if (annotation.len > n && memcmp(annotation.data, local, n) == 0)
		doc_set_str(a, d, "type", "Localhost");
	else
		return NULL;
	if (span_is(doc_get_str(d, "type"), "Localhost"))
		doc_set(a, d, "localhostProfile",
			doc_span(a, (struct span){annotation.data + n, annotation.len - n}));
	return d;
}

void pod_apparmor_take(struct write *w, struct doc *spec)
{
	static const char *const lists[] = {"containers", "initContainers"};
	const struct doc *annotations = doc_get(meta_of(w->obj), "annotations");
	for (size_t l = 0; l < 2; l++) {
		const struct doc *list = doc_get(spec, lists[l]);
		DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
		{
			struct span name = doc_get_str(c, "name");
			struct span value = doc_get_str(annotations, arena_printf(w->a, "%s%.*s", prefix, (int)name.len,
										  (const char *)name.data));
			struct doc *profile = profile_of(w->a, value);
			if (!profile || doc_get(doc_get(c, "securityContext"), "appArmorProfile"))
				continue;
			struct doc *context = doc_need_map(w->a, c, "securityContext");
			if (context)
				doc_set(w->a, context, "appArmorProfile", profile);
		}
	}
}
