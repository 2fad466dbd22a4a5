/* Ingresses: names and paths of HTTP, and the services behind them. */
#include "actors/objects/address.h"

#include "actors/objects/meta.h"
#include "actors/objects/warning.h"

static const char class_key[] = "kubernetes.io/ingress.class";

/* ---- hosts */

static const char *name_wildcard(struct span s)
{
	struct span rest = {s.data + 2, s.len - 2};
	if (s.len > 2 && s.data[0] == '*' && s.data[1] == '.' && !name_dns1123_subdomain(rest))
		return NULL;
	return "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
	       "subdomain, which must consist of lower case alphanumeric characters, '-' or '.' "
	       "and end with an alphanumeric character (e.g. '*.example.com', regex used for "
	       "validation is "
	       "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

static const char *name_host(struct span s)
{
	return s.len && memchr(s.data, '*', s.len) ? name_wildcard(s) : name_dns1123_subdomain(s);
}

static void check_host(struct faults *f, const struct fpath *p, const struct doc *d)
{
	uint32_t v4;
	if (!d || !d->text.len)
		return;
	if (address_v4(d->text, &v4) || address_v6(d->text))
		field_invalid(f, p, d->text, "must be a DNS name, not an IP address");
	if (name_host(d->text))
		field_invalid(f, p, d->text, name_host(d->text));
}

/* ---- backends */

static const struct rule reference_rules[] =
	{
		RULE("apiGroup", OPTIONAL_NAME, .name = name_dns1123_subdomain),
		RULE("kind", NAME, .name = name_path_segment, .detail = "kind is required"),
		RULE("name", NAME, .name = name_path_segment, .detail = "name is required"),
		{0},
},
			 service_rules[] = {
				 RULE("service.name", NAME, .name = name_dns1035_label),
				 {0},
};

static void check_service(struct faults *f, const struct fpath *p, const struct doc *backend)
{
	const struct doc *port = doc_path(backend, "service.port");
	const struct fpath *at = FPATH(FPATH(p, "service"), "port");
	struct span name = doc_get_str(port, "name");
	int64_t number = doc_get_int(port, "number", 0);
	rules_check(f, p, backend, service_rules);
	if (name.len && number)
		field_invalid(f, p, (struct span){0}, "cannot set both port name & port number");
	else if (name.len && name_port(name))
		field_invalid(f, FPATH(at, "name"), name, name_port(name));
	else if (number)
		check_range(f, FPATH(at, "number"), doc_get(port, "number"), 1, 65535);
	else if (!name.len)
		field_required(f, p, "port name or number is required");
}

static void check_backend(struct faults *f, const struct fpath *p, const struct doc *backend)
{
	const struct doc *resource = doc_get(backend, "resource");
	const struct doc *service = doc_get(backend, "service");
	if (resource && service)
		field_invalid(f, p, (struct span){0},
			      "cannot set both resource and service backends");
	else if (resource)
		rules_check(f, FPATH(p, "resource"), resource, reference_rules);
	else if (service)
		check_service(f, p, backend);
	else
		field_invalid(f, p, (struct span){0}, "resource or service backend is required");
}

/* ---- paths */

static bool ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);
	return s.len >= n && memcmp(s.data + s.len - n, end, n) == 0;
}

static void check_exact(struct faults *f, const struct fpath *p, struct span path)
{
	static const char *const sequences[] = {"//", "/./", "/../", "%2f", "%2F"};
	static const char *const ends[] = {"/..", "/."};
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
		if (path.len && memmem(path.data, path.len, sequences[i], strlen(sequences[i])))
			field_invalid(
				f, p, path,
				arena_printf(f->arena, "must not contain '%s'", sequences[i]));
	for (size_t i = 0; i < 2; i++)
		if (ends_with(path, ends[i]))
			field_invalid(f, p, path,
				      arena_printf(f->arena, "cannot end with '%s'", ends[i]));
}

static void check_path(struct faults *f, const struct fpath *p, const struct doc *d)
{
	static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix", NULL};
	struct span path = doc_get_str(d, "path"), type = doc_get_str(d, "pathType");
	bool specific = span_is(type, "ImplementationSpecific");
	if (doc_absent(doc_get(d, "pathType"))) {
		field_required(f, FPATH(p, "pathType"), "pathType must be specified");
		return;
	}
	if (!in_list(types, type)) {
		field_not_supported(f, FPATH(p, "pathType"), type, types);
	} else {
		if ((path.len || !specific) && (!path.len || path.data[0] != '/'))
			field_invalid(f, FPATH(p, "path"), path, "must be an absolute path");
		if (!specific)
			check_exact(f, FPATH(p, "path"), path);
	}
	check_backend(f, FPATH(p, "backend"), doc_get(d, "backend"));
}

/* ---- the object */

static void check_tls_host(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (name_host(d->text))
		field_invalid(f, p, d->text, name_host(d->text));
}

static void check_default_backend(struct faults *f, const struct fpath *p, const struct doc *d)
{
	if (d)
		check_backend(f, p, d);
}

static const struct rule rules[] = {
	RULE("spec.defaultBackend", CALL, .call = check_default_backend),
	RULE("spec.rules[].host", CALL, .call = check_host),
	RULE("spec.rules[].http.paths", NEEDED),
	RULE("spec.rules[].http.paths[]", CALL, .call = check_path),
	RULE("spec.tls[].hosts[]", CALL, .call = check_tls_host),
	RULE("spec.tls[].secretName", OPTIONAL_NAME, .name = name_dns1123_subdomain),
	RULE("spec.ingressClassName", OPTIONAL_NAME, .name = name_dns1123_subdomain),
	{0},
};

static void validate(struct write *w)
{
	const struct doc *spec = doc_get(w->obj, "spec"), *list = doc_get(spec, "rules");
	const struct doc *class = doc_get(doc_get(meta_of(w->obj), "annotations"), class_key);
	if (!doc_get(spec, "defaultBackend") && (!list || list->count == 0))
		field_invalid_doc(&w->faults, FPATH(NULL, "spec"), list ? list : NULL,
				  "either `defaultBackend` or `rules` must be specified");
	if (!w->old && class && doc_get(spec, "ingressClassName"))
		field_invalid(&w->faults, FPATH(FPATH(NULL, "annotations"), class_key), class->text,
			      "can not be set when the class field is also set");
}

const struct strategy strategy_ingress = {
	.unconditional_update = true,
	.generation = true,
	.status = true,
	.rules = rules,
	.validate = validate,
	.subresources = subresources_status,
	.warn = warn_ingress,
};

/* ---- classes */

/* "example.com/controller" */
static void check_controller(struct faults *f, const struct fpath *p, const struct doc *d)
{
	enum { CONTROLLER_BYTES_MAX = 250 };
	struct span s = doc_is(d, DOC_STR) ? d->text : (struct span){0};
	if (s.len > CONTROLLER_BYTES_MAX)
		field_too_long(f, p, CONTROLLER_BYTES_MAX);
	check_domain_path(f, p, s);
}

static const struct rule class_rules[] = {
	RULE("spec.controller", CALL, .call = check_controller),
	RULE("spec.parameters.apiGroup", OPTIONAL_NAME, .name = name_dns1123_subdomain),
	RULE("spec.parameters.kind", NAME, .name = name_path_segment, .detail = "kind is required"),
	RULE("spec.parameters.name", NAME, .name = name_path_segment, .detail = "name is required"),
	RULE("spec.parameters.scope", ONE_OF, .list = ONE_OF("Cluster", "Namespace")),
	{0},
};

static const struct fill class_fills[] = {DEFAULT_TEXT("spec.parameters.scope", "Cluster"), {0}};
static const char *const class_fixed[] = {"spec.controller", NULL};

const struct strategy strategy_ingressclass = {
	.unconditional_update = true,
	.generation = true,
	.fills = class_fills,
	.rules = class_rules,
	.fixed = class_fixed,
};
