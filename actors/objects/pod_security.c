/* Security contexts of pods and containers: what would else be asked of a node in vain,
 * or be had without what makes it safe. */
#include "actors/objects/pod.h"

static void validate_seccomp(struct faults *f, const struct fpath *p, const struct doc *profile)
{
	static const char *const types[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};
	const struct doc *local = doc_get(profile, "localhostProfile");
	const struct fpath *here = FPATH(p, "localhostProfile");
	bool is_local = span_is(doc_get_str(profile, "type"), "Localhost");
	if (!doc_is(profile, DOC_MAP))
		return;
	if (doc_get_str(profile, "type").len == 0)
		field_required(f, FPATH(p, "type"), "type is required when seccompProfile is set");
	else
		check_enum(f, FPATH(p, "type"), doc_get(profile, "type"), types);
	if (is_local && doc_absent(local))
		field_required(f, here, "must be set when seccomp type is Localhost");
	else if (is_local)
		pod_below_validate(f, here, doc_get_str(profile, "localhostProfile"));
	else if (!doc_absent(local))
		field_invalid_doc(f, here, profile, "can only be set when seccomp type is Localhost");
}

void pod_security_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct fpath *here = FPATH(p, "securityContext");
	bool share = doc_get_bool(spec, "shareProcessNamespace", false);
	if (share && doc_get_bool(spec, "hostPID", false))
		field_invalid_doc(f, FPATH(here, "shareProcessNamespace"),
				  doc_get(spec, "shareProcessNamespace"),
				  "ShareProcessNamespace and HostPID cannot both be enabled");
	validate_seccomp(f, FPATH(here, "seccompProfile"),
			 doc_get(doc_get(spec, "securityContext"), "seccompProfile"));
	pod_apparmor_validate(f, FPATH(here, "appArmorProfile"),
			      doc_get(doc_get(spec, "securityContext"), "appArmorProfile"));
}

void pod_container_security_validate(struct faults *f, const struct fpath *p, const struct doc *c)
{
	static const char *const mounts[] = {"Default", "Unmasked", NULL};
	check_enum(f, FPATH(p, "procMount"), doc_get(c, "procMount"), mounts);
	validate_seccomp(f, FPATH(p, "seccompProfile"), doc_get(c, "seccompProfile"));
	pod_apparmor_validate(f, FPATH(p, "appArmorProfile"), doc_get(c, "appArmorProfile"));
}

static bool has_own_users(const struct doc *spec)
{
	return !doc_get_bool(spec, "hostUsers", true);
}

void pod_proc_mounts_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	static const char *const lists[] = {"initContainers", "containers"};
	for (size_t k = 0; k < 2 && !has_own_users(spec); k++) {
		const struct doc *list = doc_get(spec, lists[k]);
		int i = 0;
		DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
		{
			const struct fpath *at = FPATH(FPATH_AT(FPATH(p, lists[k]), i++), "securityContext");
			struct span how = doc_get_str(doc_get(c, "securityContext"), "procMount");
			if (span_is(how, "Unmasked"))
				field_invalid(f, FPATH(at, "procMount"), how,
					      "`hostUsers` must be false to use `Unmasked`");
		}
	}
}
