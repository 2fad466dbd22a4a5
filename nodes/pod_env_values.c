/* Values that come from the pod itself (the downward API) and from services.
 *
 * Source of the rules: kubernetes pkg/fieldpath, pkg/api/v1/resource,
 * pkg/kubelet/envvars. */
#include <ctype.h>
#include <string.h>

#include "actors/schema/quantity.h"
#include "nodes/pod_env_private.h"

/* ---- fieldRef */

static const char *from_text(struct env_build *b, const char *path)
{
	struct span s = mp_path_str(b->pod, path);
	return arena_ndup(b->a, s.data, s.len);
}

static const char *host_ip(struct env_build *b, const char *path)
{
	(void)path;
	return b->facts->host_ip ? b->facts->host_ip : "";
}

static const char *pod_ip(struct env_build *b, const char *path)
{
	(void)path;
	return b->facts->pod_ips && b->facts->pod_ips[0] ? b->facts->pod_ips[0] : "";
}

static const char *pod_ips(struct env_build *b, const char *path)
{
	const char *all = "";
	(void)path;
	for (const char *const *ip = b->facts->pod_ips; ip && *ip; ip++)
		all = *all ? arena_printf(b->a, "%s,%s", all, *ip) : *ip;
	return all;
}

static const struct {
	const char *path;
	const char *(*get)(struct env_build *b, const char *path);
} fields[] = {
	{"metadata.name", from_text},	   {"metadata.namespace", from_text},
	{"metadata.uid", from_text},	   {"spec.nodeName", from_text},
	{"status.hostIP", host_ip},	   {"spec.serviceAccountName", from_text},
	{"status.hostIPs", host_ip},	   {"status.podIP", pod_ip},
	{"status.podIPs", pod_ips},
};

/* metadata.labels['key']; an absent one is the empty text. */
static bool subscript(struct env_build *b, struct span path, const char *map, const char **out)
{
	size_t n = strlen(map);
	if (path.len < n + 4 || memcmp(path.data, map, n) != 0 ||
	    memcmp(path.data + n, "['", 2) != 0 ||
	    memcmp(path.data + path.len - 2, "']", 2) != 0)
		return false;
	char *key = arena_ndup(b->a, path.data + n + 2, path.len - n - 4);
	struct mp entries, value;
	struct span text = {0};
	if (mp_path(b->pod, map, &entries) && mp_find(entries, key, &value))
		mp_str(&value, &text);
	*out = arena_ndup(b->a, text.data, text.len);
	return true;
}

int env_field(struct env_build *b, struct span path, const char **out, struct err *e)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (span_is(path, fields[i].path)) {
			*out = fields[i].get(b, fields[i].path);
			return 0;
		}
	if (subscript(b, path, "metadata.labels", out) ||
	    subscript(b, path, "metadata.annotations", out))
		return 0;
	return err_set(e, ERR_INVALID, "unsupported fieldPath: %.*s", (int)path.len,
		       (const char *)path.data);
}

/* ---- resourceFieldRef */

static bool container_named(struct mp pod, const char *list, struct span name, struct mp *out)
{
	struct mp items;
	size_t n = 0;
	if (!mp_path(pod, list, &items) || mp_array(&items, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (span_eq(mp_path_str(items, "name"), name)) {
			*out = items;
			return true;
		}
		mp_skip(&items);
	}
	return false;
}

static struct quantity quantity_at(struct mp map, const char *key, bool *found)
{
	struct quantity q = {0};
	struct mp value;
	struct span text;
	*found = mp_find(map, key, &value) && mp_str(&value, &text) == 0 &&
		 quantity_parse(text, &q) == 0;
	return q;
}

/* The limit or request; a limit that is not set is the pod's, or else what the node has. */
static struct quantity resource_amount(struct env_build *b, struct mp container, bool limit,
				       const char *name)
{
	struct mp amounts;
	bool found = false;
	struct quantity q = {0};
	if (mp_path(container, limit ? "resources.limits" : "resources.requests", &amounts))
		q = quantity_at(amounts, name, &found);
	if (!found && limit && mp_path(b->pod, "spec.resources.limits", &amounts))
		q = quantity_at(amounts, name, &found);
	if (!found && limit && b->facts->allocatable.len)
		q = quantity_at(mp_of(b->facts->allocatable), name, &found);
	return q;
}

static int64_t ceiling(int64_t amount, int64_t divisor)
{
	return amount / divisor + (amount % divisor > 0);
}

int env_resource(struct env_build *b, struct mp ref, const char **out, struct err *e)
{
	struct span what = mp_path_str(ref, "resource"), name = mp_path_str(ref, "containerName");
	struct span by = mp_path_str(ref, "divisor");
	struct mp container = b->container;
	struct quantity divisor = quantity_of(1, QUANTITY_DECIMAL);
	bool limit = what.len > 7 && memcmp(what.data, "limits.", 7) == 0;
	bool request = what.len > 9 && memcmp(what.data, "requests.", 9) == 0;
	if (!limit && !request)
		return err_set(e, ERR_INVALID, "unsupported container resource : %.*s",
			       (int)what.len, (const char *)what.data);
	if (name.len && !container_named(b->pod, "spec.containers", name, &container) &&
	    !container_named(b->pod, "spec.initContainers", name, &container))
		return err_set(e, ERR_INVALID, "container %.*s not found", (int)name.len,
			       (const char *)name.data);
	if (by.len && !span_is(by, "0") && quantity_parse(by, &divisor))
		return err_set(e, ERR_INVALID, "divisor %.*s", (int)by.len, (const char *)by.data);
	size_t skip = limit ? 7 : 9;
	const char *resource = arena_ndup(b->a, what.data + skip, what.len - skip);
	struct quantity q = resource_amount(b, container, limit, resource);
	bool cpu = strcmp(resource, "cpu") == 0;
	int64_t amount = cpu ? quantity_milli(q) : quantity_value(q);
	int64_t unit = cpu ? quantity_milli(divisor) : quantity_value(divisor);
	*out = arena_printf(b->a, "%lld", (long long)ceiling(amount, unit > 0 ? unit : 1));
	return 0;
}

/* ---- services */

static const char *variable_name(struct arena *a, struct span name)
{
	char *out = arena_ndup(a, name.data, name.len);
	for (char *c = out; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	return out;
}

static void set(struct env_build *b, const char *value, const char *prefix, const char *suffix)
{
	const char *name = arena_printf(b->a, "%s%s", prefix, suffix);
	omap_put(&b->services, span_of(name), (void *)value);
}

/* Names that Docker's links once had. */
static void add_link(struct env_build *b, const char *prefix, struct span ip, struct mp port,
		     bool first)
{
	struct span protocol = mp_path_str(port, "protocol");
	long long number = mp_path_int(port, "port", 0);
	if (!protocol.len)
		protocol = span_of("TCP");
	char *lower = arena_ndup(b->a, protocol.data, protocol.len);
	for (char *c = lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	bool six = memchr(ip.data, ':', ip.len) != NULL;
	const char *url = arena_printf(b->a, "%s://%s%.*s%s:%lld", lower, six ? "[" : "",
				       (int)ip.len, (const char *)ip.data, six ? "]" : "", number);
	const char *long_name = arena_printf(b->a, "%s_PORT_%lld_%s", prefix, number,
					     variable_name(b->a, protocol));
	if (first)
		set(b, url, prefix, "_PORT");
	set(b, url, long_name, "");
	set(b, lower, long_name, "_PROTO");
	set(b, arena_printf(b->a, "%lld", number), long_name, "_PORT");
	set(b, arena_ndup(b->a, ip.data, ip.len), long_name, "_ADDR");
}

static void add_service(void *to, struct span object)
{
	struct env_build *b = to;
	struct mp service = mp_of(object), ports;
	struct span ip = mp_path_str(service, "spec.clusterIP");
	size_t n = 0;
	if (ip.len == 0 || span_is(ip, "None"))
		return;
	const char *prefix = variable_name(b->a, mp_path_str(service, "metadata.name"));
	const char *service_port = arena_printf(b->a, "%s_SERVICE_PORT", prefix);
	set(b, arena_ndup(b->a, ip.data, ip.len), prefix, "_SERVICE_HOST");
	if (!mp_path(service, "spec.ports", &ports) || mp_array(&ports, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct span name = mp_path_str(ports, "name");
		const char *number =
			arena_printf(b->a, "%lld", (long long)mp_path_int(ports, "port", 0));
		if (i == 0)
			set(b, number, service_port, "");
		if (name.len)
			set(b, number, service_port,
			    arena_printf(b->a, "_%s", variable_name(b->a, name)));
		add_link(b, prefix, ip, ports, i == 0);
		mp_skip(&ports);
	}
}

/* Of another namespace only the API's own service counts. */
static void add_master(void *to, struct span object)
{
	if (span_is(mp_path_str(mp_of(object), "metadata.name"), "kubernetes"))
		add_service(to, object);
}

int env_services(struct env_build *b, struct err *e)
{
	const struct pod_env_source *s = &b->facts->source;
	struct span ns = mp_path_str(b->pod, "metadata.namespace");
	if (!s->services)
		return 0;
	int rc = s->services(s->arg, span_of("default"), add_master, b);
	if (rc == 0 && mp_path_bool(b->pod, "spec.enableServiceLinks", true))
		rc = s->services(s->arg, ns, add_service, b);
	return rc ? err_set(e, rc, "the services are not known yet") : 0;
}
