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

/* Segments of lower case letters, digits, "-" and "_", with "." or "/" between them. */
static bool is_sysctl(struct span s)
{
	bool edge = true; /* a segment begins here, or has just ended */
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		bool end = i + 1 == s.len || s.data[i + 1] == '.' || s.data[i + 1] == '/';
		bool divides = c == '.' || c == '/';
		if (divides ? edge : !plain && (edge || end || (c != '-' && c != '_')))
			return false;
		edge = divides;
	}
	return s.len && !edge;
}

/* The first of "." and "/" says which of the two divides; "." is how it is kept. */
static bool same_sysctl(struct span a, struct span b)
{
	for (size_t i = 0; i < a.len && a.len == b.len; i++) {
		bool divides = a.data[i] == '.' || a.data[i] == '/';
		if (a.data[i] != b.data[i] && !(divides && (b.data[i] == '.' || b.data[i] == '/')))
			return false;
	}
	return a.len == b.len;
}

static void validate_sysctls(struct faults *f, const struct fpath *p, const struct doc *list)
{
	enum { SYSCTL_BYTES_MAX = 253 };
	int i = 0;
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL) {
		struct span name = doc_get_str(d, "name");
		const struct fpath *at = FPATH(FPATH_AT(p, i++), "name");
		bool twice = false;
		for (const struct doc *o = list->first; o != d; o = o->next)
			twice |= same_sysctl(doc_get_str(o, "name"), name);
		if (!name.len)
			field_required(f, at, "");
		else if (name.len > SYSCTL_BYTES_MAX || !is_sysctl(name))
			field_invalid(f, at, name,
				      "must have at most 253 characters and match regex "
				      "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*"
				      "[a-z0-9])?$");
		else if (twice)
			field_duplicate(f, at, name);
	}
}

static void validate_policies(struct faults *f, const struct fpath *p, const struct doc *context)
{
	static const struct {
		const char *field, *words[3];
	} rows[] = {
		{"supplementalGroupsPolicy", {"Merge", "Strict", NULL}},
		{"fsGroupChangePolicy", {"Always", "OnRootMismatch", NULL}},
		{"seLinuxChangePolicy", {"MountOption", "Recursive", NULL}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_enum(f, FPATH(p, rows[i].field), doc_get(context, rows[i].field), rows[i].words);
}

static bool has_own_users(const struct doc *spec)
{
	return !doc_get_bool(spec, "hostUsers", true);
}

static void validate_own_users(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	static const char *const shared[] = {"hostNetwork", "hostPID", "hostIPC"};
	for (size_t i = 0; i < 3 && has_own_users(spec); i++)
		if (doc_get_bool(spec, shared[i], false))
			field_forbidden(f, FPATH(p, shared[i]), "when `hostUsers` is false");
}

static void validate_os(struct faults *f, const struct fpath *p, const struct doc *os)
{
	static const char *const known[] = {"linux", "windows", NULL};
	struct span name = doc_get_str(os, "name");
	if (!doc_is(os, DOC_MAP))
		return;
	if (!name.len)
		field_required(f, FPATH(p, "name"), "");
	else if (!in_list(known, name))
		field_not_supported(f, p, name, known);
}

void pod_security_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct fpath *here = FPATH(p, "securityContext");
	const struct doc *context = doc_get(spec, "securityContext");
	bool share = doc_get_bool(spec, "shareProcessNamespace", false);
	if (share && doc_get_bool(spec, "hostPID", false))
		field_invalid_doc(f, FPATH(here, "shareProcessNamespace"),
				  doc_get(spec, "shareProcessNamespace"),
				  "ShareProcessNamespace and HostPID cannot both be enabled");
	validate_seccomp(f, FPATH(here, "seccompProfile"),
			 doc_get(context, "seccompProfile"));
	pod_apparmor_validate(f, FPATH(here, "appArmorProfile"), doc_get(context, "appArmorProfile"));
	validate_policies(f, here, context);
	validate_sysctls(f, FPATH(here, "sysctls"), doc_get(context, "sysctls"));
	validate_own_users(f, p, spec);
	validate_os(f, FPATH(p, "os"), doc_get(spec, "os"));
}

void pod_container_security_validate(struct faults *f, const struct fpath *p, const struct doc *c)
{
	static const char *const mounts[] = {"Default", "Unmasked", NULL};
	check_enum(f, FPATH(p, "procMount"), doc_get(c, "procMount"), mounts);
	validate_seccomp(f, FPATH(p, "seccompProfile"), doc_get(c, "seccompProfile"));
	pod_apparmor_validate(f, FPATH(p, "appArmorProfile"), doc_get(c, "appArmorProfile"));
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
