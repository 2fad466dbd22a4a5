/* Containers: names, images, ports, environment, mounts. */
#include "actors/objects/pod.h"


/* ---- ports */

static void validate_port(struct faults *f, const struct fpath *p, const struct doc *port)
{
	static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
	struct span name = doc_get_str(port, "name");
	if (name.len && name_port(name))
		field_invalid(f, FPATH(p, "name"), name, name_port(name));
	if (doc_get_int(port, "containerPort", 0) == 0)
		field_required(f, FPATH(p, "containerPort"), "");
	else
		check_range(f, FPATH(p, "containerPort"), doc_get(port, "containerPort"), 1, 65535);
	check_range(f, FPATH(p, "hostPort"), doc_get(port, "hostPort"), 1, 65535);
	check_enum(f, FPATH(p, "protocol"), doc_get(port, "protocol"), protocols);
}

static bool named_before(const struct doc *list, const struct doc *one, const char *key)
{
	struct span name = doc_get_str(one, key);
	for (const struct doc *d = list->first; d != one && name.len; d = d->next)
		if (span_eq(doc_get_str(d, key), name))
			return true;
	return false;
}

static void validate_ports(struct faults *f, const struct fpath *p, const struct doc *ports)
{
	int i = 0;
	if (!doc_is(ports, DOC_ARRAY))
		return;
	DOC_EACH(d, ports) {
		const struct fpath *here = FPATH_AT(p, i++);
		validate_port(f, here, d);
		if (named_before(ports, d, "name"))
			field_duplicate(f, FPATH(here, "name"), doc_get_str(d, "name"));
	}
}

/* ---- environment */

static void validate_field_ref(struct faults *f, const struct fpath *p, const struct doc *ref)
{
	static const char *const paths[] = {"metadata.name",	   "metadata.namespace",
					    "metadata.uid",	   "spec.nodeName",
					    "spec.serviceAccountName", "status.hostIP",
					    "status.hostIPs",	   "status.podIP",
					    "status.podIPs",	   NULL};
	struct span path = doc_get_str(ref, "fieldPath");
	bool keyed = path.len > 10 && path.data[path.len - 1] == ']' &&
		     (memcmp(path.data, "metadata.l", 10) == 0 ||
		      memcmp(path.data, "metadata.a", 10) == 0);
	if (path.len == 0)
		field_required(f, FPATH(p, "fieldPath"), "");
	else if (!keyed && !in_list(paths, path))
		field_not_supported(f, FPATH(p, "fieldPath"), path, paths);
}

static void validate_resource_ref(struct faults *f, const struct fpath *p, const struct doc *ref)
{
	static const char *const names[] = {"limits.cpu",      "limits.ephemeral-storage",
					    "limits.memory",   "requests.cpu",
					    "requests.ephemeral-storage", "requests.memory", NULL};
	struct span name = doc_get_str(ref, "resource");
	if (name.len == 0)
		field_required(f, FPATH(p, "resource"), "");
	else if (!in_list(names, name) && !memmem(name.data, name.len, "hugepages-", 10))
		field_not_supported(f, FPATH(p, "resource"), name, names);
}

static void validate_key_ref(struct faults *f, const struct fpath *p, const struct doc *ref)
{
	struct span key = doc_get_str(ref, "key");
	if (key.len == 0)
		field_required(f, FPATH(p, "key"), "");
	else if (name_config_key(key))
		field_invalid(f, FPATH(p, "key"), key, name_config_key(key));
}

static const struct {
	const char *name;
	void (*validate)(struct faults *, const struct fpath *, const struct doc *);
} env_sources[] = {
	{"fieldRef", validate_field_ref},
	{"resourceFieldRef", validate_resource_ref},
	{"configMapKeyRef", validate_key_ref},
	{"secretKeyRef", validate_key_ref},
};

static void validate_env_source(struct faults *f, const struct fpath *p, const struct doc *env)
{
	const struct doc *from = doc_get(env, "valueFrom");
	int count = 0;
	if (doc_absent(from))
		return;
	for (size_t i = 0; i < sizeof env_sources / sizeof *env_sources; i++) {
		const struct doc *d = doc_get(from, env_sources[i].name);
		if (doc_absent(d))
			continue;
		count++;
		env_sources[i].validate(f, FPATH(p, env_sources[i].name), d);
	}
	if (count == 0)
		field_invalid(
			f, p, (struct span){0},
			"must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
			"`secretKeyRef`");
	else if (doc_get_str(env, "value").len)
		field_invalid(f, p, (struct span){0},
			      "may not be specified when `value` is not empty");
	else if (count > 1)
		field_invalid(f, p, (struct span){0},
			      "may not have more than one field specified at a time");
}

static void validate_env(struct faults *f, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(d, list) {
		const struct fpath *here = FPATH_AT(p, i++);
		check_name(f, FPATH(here, "name"), doc_get_str(d, "name"), name_env);
		validate_env_source(f, FPATH(here, "valueFrom"), d);
	}
}

static void validate_env_from(struct faults *f, const struct fpath *p, const struct doc *list)
{
	static const char *const sources[] = {"configMapRef", "secretRef"};
	int i = 0;
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(d, list) {
		const struct fpath *here = FPATH_AT(p, i++);
		int count = 0;
		for (size_t k = 0; k < 2; k++) {
			const struct doc *ref = doc_get(d, sources[k]);
			if (doc_absent(ref))
				continue;
			count++;
			if (doc_get_str(ref, "name").len == 0)
				field_required(f, FPATH(FPATH(here, sources[k]), "name"), "");
		}
		if (count == 0)
			field_invalid(f, here, (struct span){0},
				      "must specify one of: `configMapRef` or `secretRef`");
		else if (count > 1)
			field_invalid(f, here, (struct span){0},
				      "may not have more than one field specified at a time");
	}
}

/* ---- mounts */

/* Relative, and never upward. */
void pod_below_validate(struct faults *f, const struct fpath *p, struct span path)
{
	if (path.len == 0)
		return;
	if (path.data[0] == '/')
		field_invalid(f, p, path, "must be a relative path");
	for (size_t i = 0; i + 1 < path.len; i++) {
		bool starts = i == 0 || path.data[i - 1] == '/';
		bool ends = i + 2 == path.len || path.data[i + 2] == '/';
		if (starts && ends && path.data[i] == '.' && path.data[i + 1] == '.') {
			field_invalid(f, p, path, "must not contain '..'");
			return;
		}
	}
}

static bool has_volume(const struct doc *volumes, struct span name)
{
	if (doc_is(volumes, DOC_ARRAY))
		DOC_EACH(v, volumes)
			if (span_eq(doc_get_str(v, "name"), name))
				return true;
	return false;
}

static void validate_read_only(struct faults *f, const struct fpath *p, const struct doc *m)
{
	static const char *const words[] = {"Disabled", "Enabled", "IfPossible", NULL};
	const struct doc *how = doc_get(m, "recursiveReadOnly");
	struct span propagation = doc_get_str(m, "mountPropagation");
	check_enum(f, p, how, words);
	if (!doc_is(how, DOC_STR) || span_is(how->text, "Disabled") || !in_list(words, how->text))
		return;
	if (!doc_get_bool(m, "readOnly", false))
		field_forbidden(f, p, "may only be specified when readOnly is true");
	if (propagation.len && !span_is(propagation, "None"))
		field_forbidden(f, p,
				"may only be specified when mountPropagation is None or not specified");
}

static void validate_mounts(struct faults *f, const struct fpath *p, const struct doc *mounts,
			    const struct doc *volumes)
{
	int i = 0;
	if (!doc_is(mounts, DOC_ARRAY))
		return;
	DOC_EACH(m, mounts) {
		const struct fpath *here = FPATH_AT(p, i++);
		struct span name = doc_get_str(m, "name"), path = doc_get_str(m, "mountPath");
		if (name.len == 0)
			field_required(f, FPATH(here, "name"), "");
		else if (!has_volume(volumes, name))
			field_not_found(f, FPATH(here, "name"), name);
		if (path.len == 0)
			field_required(f, FPATH(here, "mountPath"), "");
		if (named_before(mounts, m, "mountPath"))
			field_invalid(f, FPATH(here, "mountPath"), path, "must be unique");
		pod_below_validate(f, FPATH(here, "subPath"), doc_get_str(m, "subPath"));
		if (doc_get_str(m, "subPath").len && doc_get_str(m, "subPathExpr").len)
			field_invalid(f, FPATH(here, "subPathExpr"), doc_get_str(m, "subPathExpr"),
				      "subPathExpr and subPath are mutually exclusive");
		validate_read_only(f, FPATH(p, "recursiveReadOnly"), m);
	}
}

static bool names_one(const struct doc *list, struct span name)
{
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
		if (span_eq(doc_get_str(d, "name"), name))
			return true;
	return false;
}

static bool is_claim(const struct doc *volumes, struct span name)
{
	DOC_EACH(v, doc_is(volumes, DOC_ARRAY) ? volumes : NULL)
		if (span_eq(doc_get_str(v, "name"), name))
			return doc_get(v, "persistentVolumeClaim") || doc_get(v, "ephemeral");
	return false;
}

/* Only claims are blocks: other volumes would silently not be there. */
static void validate_devices(struct faults *f, const struct fpath *p, const struct doc *container,
			     const struct doc *volumes)
{
	const struct doc *devices = doc_get(container, "volumeDevices");
	int i = 0;
	DOC_EACH(d, doc_is(devices, DOC_ARRAY) ? devices : NULL)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		struct span name = doc_get_str(d, "name"), path = doc_get_str(d, "devicePath");
		if (name.len == 0)
			field_required(f, FPATH(here, "name"), "");
		else if (!has_volume(volumes, name))
			field_not_found(f, FPATH(here, "name"), name);
		else if (!is_claim(volumes, name))
			field_invalid(f, FPATH(here, "name"), name,
				      "can only use volume source type of PersistentVolumeClaim or "
				      "Ephemeral for block mode");
		if (names_one(doc_get(container, "volumeMounts"), name))
			field_invalid(f, FPATH(here, "name"), name,
				      "must not already exist in volumeMounts");
		if (path.len == 0)
			field_required(f, FPATH(here, "devicePath"), "");
		if (named_before(devices, d, "devicePath"))
			field_invalid(f, FPATH(here, "devicePath"), path, "must be unique");
	}
}

/* ---- a container */

static void validate_image(struct faults *f, const struct fpath *p, struct span image)
{
	if (image.len == 0)
		field_required(f, p, "");
	else if (span_trim(image).len != image.len)
		field_invalid(f, p, image, "must not have leading or trailing whitespace");
}

static void validate_security(struct faults *f, const struct fpath *p, const struct doc *c)
{
	static const char *const ids[] = {"runAsUser", "runAsGroup"};
	const struct doc *escalation = doc_get(c, "allowPrivilegeEscalation");
	for (size_t i = 0; i < 2; i++)
		check_range(f, FPATH(p, ids[i]), doc_get(c, ids[i]), 0, INT32_MAX);
	if (doc_get_bool(c, "privileged", false) && doc_is(escalation, DOC_BOOL) &&
	    !escalation->boolean)
		field_invalid_doc(
			f, p, c,
			"cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
	pod_container_security_validate(f, p, c);
}

static void validate_container(struct faults *f, const struct fpath *p, const struct doc *c,
			       enum container_list which, const struct doc *volumes)
{
	static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};
	static const char *const messages[] = {"File", "FallbackToLogsOnError", NULL};
	static const char *const restarts[] = {"Always", NULL};
	check_name(f, FPATH(p, "name"), doc_get_str(c, "name"), name_dns1123_label);
	validate_image(f, FPATH(p, "image"), doc_get_str(c, "image"));
	pod_probes_validate(f, p, c, which);
	check_enum(f, FPATH(p, "terminationMessagePolicy"), doc_get(c, "terminationMessagePolicy"),
		   messages);
	validate_ports(f, FPATH(p, "ports"), doc_get(c, "ports"));
	validate_env(f, FPATH(p, "env"), doc_get(c, "env"));
	validate_env_from(f, FPATH(p, "envFrom"), doc_get(c, "envFrom"));
	validate_mounts(f, FPATH(p, "volumeMounts"), doc_get(c, "volumeMounts"), volumes);
	validate_devices(f, FPATH(p, "volumeDevices"), c, volumes);
	check_enum(f, FPATH(p, "imagePullPolicy"), doc_get(c, "imagePullPolicy"), pulls);
	pod_resources_validate(f, FPATH(p, "resources"), doc_get(c, "resources"));
	validate_security(f, FPATH(p, "securityContext"), doc_get(c, "securityContext"));
	const struct doc *restart = doc_get(c, "restartPolicy");
	if (restart && which == CONTAINERS)
		field_forbidden(f, FPATH(p, "restartPolicy"),
				"may not be set for non-init containers");
	else
		check_enum(f, FPATH(p, "restartPolicy"), restart, restarts);
}

void pod_containers_validate(struct faults *f, const struct fpath *p, const struct doc *list,
			     enum container_list which, const struct doc *volumes)
{
	int i = 0;
	if (!doc_is(list, DOC_ARRAY))
		return;
	DOC_EACH(c, list) {
		const struct fpath *here = FPATH_AT(p, i++);
		validate_container(f, here, c, which, volumes);
		if (named_before(list, c, "name"))
			field_duplicate(f, FPATH(here, "name"), doc_get_str(c, "name"));
	}
}
