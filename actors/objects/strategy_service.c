/* Services: an address and ports that stay, in front of pods that do not.
 * Addresses and node ports are given in the create's own transaction, kept
 * through updates that leave them out, and released with the service or with
 * the type that needed them. */
#include "actors/objects/service.h"

#include "actors/objects/meta.h"
#include "actors/objects/warning.h"

enum { AFFINITY_S = 10800 };

static struct doc *spec_of(const struct write *w)
{
	return doc_get(w->obj, "spec");
}

bool service_is(const struct doc *service, const char *type)
{
	return span_is(doc_path_str(service, "spec.type"), type);
}

static bool is_headless(const struct doc *service)
{
	return span_is(doc_path_str(service, "spec.clusterIP"), "None");
}

bool service_has_address(const struct doc *service)
{
	return service && !service_is(service, "ExternalName") && !is_headless(service);
}

bool service_has_node_ports(const struct doc *service)
{
	return service_is(service, "NodePort") || service_is(service, "LoadBalancer");
}

bool service_gets_node_ports(const struct doc *service)
{
	return service_is(service, "NodePort") ||
	       (service_is(service, "LoadBalancer") &&
		doc_path_bool(service, "spec.allocateLoadBalancerNodePorts", true));
}

bool service_is_checked(const struct doc *service)
{
	return service_is(service, "LoadBalancer") &&
	       span_is(doc_path_str(service, "spec.externalTrafficPolicy"), "Local");
}

/* From outside the cluster. */
static bool is_reachable(const struct doc *service)
{
	const struct doc *ips = doc_path(service, "spec.externalIPs");
	return service_has_node_ports(service) ||
	       (service_is(service, "ClusterIP") && doc_is(ips, DOC_ARRAY) && ips->count);
}

/* ---- defaults */

static bool is_zero(const struct doc *d)
{
	return doc_absent(d) || (d->type == DOC_INT && d->integer == 0) ||
	       (d->type == DOC_STR && d->text.len == 0);
}

static void default_ports(struct write *w, const struct doc *ports)
{
	if (!doc_is(ports, DOC_ARRAY))
		return;
	DOC_EACH(p, ports)
	{
		if (!doc_is(p, DOC_MAP))
			continue;
		doc_default(w->a, p, "protocol", doc_str(w->a, "TCP"));
		if (is_zero(doc_get(p, "targetPort")) && doc_get(p, "port"))
			doc_set(w->a, p, "targetPort", copy_of(w, doc_get(p, "port")));
	}
}

static void default_affinity(struct write *w, struct doc *spec)
{
	doc_default(w->a, spec, "sessionAffinity", doc_str(w->a, "None"));
	if (!span_is(doc_get_str(spec, "sessionAffinity"), "ClientIP")) {
		doc_remove(spec, "sessionAffinityConfig");
		return;
	}
	struct doc *config = doc_need_map(w->a, spec, "sessionAffinityConfig");
	struct doc *ip = config ? doc_need_map(w->a, config, "clientIP") : NULL;
	if (ip)
		doc_default(w->a, ip, "timeoutSeconds", doc_int(w->a, AFFINITY_S));
}

static void defaults(struct write *w)
{
	struct doc *spec = doc_need_map(w->a, w->obj, "spec");
	if (!spec)
		return;
	default_affinity(w, spec);
	doc_default(w->a, spec, "type", doc_str(w->a, "ClusterIP"));
	default_ports(w, doc_get(spec, "ports"));
	bool balanced = service_is(w->obj, "LoadBalancer");
	if (is_reachable(w->obj))
		doc_default(w->a, spec, "externalTrafficPolicy", doc_str(w->a, "Cluster"));
	if (!service_is(w->obj, "ExternalName"))
		doc_default(w->a, spec, "internalTrafficPolicy", doc_str(w->a, "Cluster"));
	if (balanced)
		doc_default(w->a, spec, "allocateLoadBalancerNodePorts", doc_bool(w->a, true));
}

/* ---- addresses and families, which go together */

/* clusterIP and clusterIPs say the same; who gives one has given both. */
static void pair_addresses(struct write *w, struct doc *spec)
{
	struct span one = doc_get_str(spec, "clusterIP");
	const struct doc *list = doc_get(spec, "clusterIPs");
	bool listed = doc_is(list, DOC_ARRAY) && list->count;
	if (one.len && !listed)
		doc_add(doc_set(w->a, spec, "clusterIPs", doc_new(w->a, DOC_ARRAY)),
			doc_span(w->a, one));
	else if (!one.len && listed && list->first->type == DOC_STR)
		doc_set(w->a, spec, "clusterIP", doc_span(w->a, list->first->text));
}

static void set_families(struct write *w, struct doc *spec)
{
	const struct doc *selector = doc_get(spec, "selector");
	bool both = is_headless(w->obj) && (!doc_is(selector, DOC_MAP) || !selector->count);
	doc_default(w->a, spec, "ipFamilyPolicy",
		    doc_str(w->a, both ? "RequireDualStack" : "SingleStack"));
	if (!doc_absent(doc_get(spec, "ipFamilies")))
		return;
	struct doc *list = doc_set(w->a, spec, "ipFamilies", doc_new(w->a, DOC_ARRAY));
	doc_add(list, doc_str(w->a, "IPv4"));
	if (both)
		doc_add(list, doc_str(w->a, "IPv6"));
}

static void complete(struct write *w)
{
	struct doc *spec = spec_of(w);
	if (service_is(w->obj, "ExternalName"))
		return;
	pair_addresses(w, spec);
	set_families(w, spec);
}

static void prepare_create(struct write *w)
{
	struct doc *status = doc_set(w->a, w->obj, "status", doc_new(w->a, DOC_MAP));
	doc_set(w->a, status, "loadBalancer", doc_new(w->a, DOC_MAP));
	complete(w);
}

/* ---- updates */

static void keep_allocated(struct write *w, struct doc *spec)
{
	static const char *const fields[] = {"clusterIP", "clusterIPs", "ipFamilies",
					     "ipFamilyPolicy"};
	const struct doc *was = doc_get(w->old, "spec");
	if (service_is(w->obj, "ExternalName") || service_is(w->old, "ExternalName") ||
	    doc_get_str(spec, "clusterIP").len)
		return;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (doc_absent(doc_get(spec, fields[i])))
			put_or_remove(w, spec, fields[i], copy_of(w, doc_get(was, fields[i])));
}

/* Who changes clusterIP alone means both. */
static void follow_address(struct write *w, struct doc *spec)
{
	const struct doc *was = doc_get(w->old, "spec");
	struct span now = doc_get_str(spec, "clusterIP");
	if (!now.len || span_eq(now, doc_get_str(was, "clusterIP")) ||
	    !doc_equal(doc_get(spec, "clusterIPs"), doc_get(was, "clusterIPs")))
		return;
	doc_remove(spec, "clusterIPs");
}

static const struct doc *same_port(const struct doc *ports, const struct doc *want)
{
	DOC_EACH(p, doc_is(ports, DOC_ARRAY) ? ports : NULL)
	if (doc_equal(doc_get(p, "port"), doc_get(want, "port")) &&
	    doc_equal(doc_get(p, "protocol"), doc_get(want, "protocol")))
		return p;
	return NULL;
}

/* Node ports: kept where the client leaves them out, dropped where the new
 * type has none and the client did not change them. */
static void settle_node_ports(struct write *w, struct doc *spec)
{
	const struct doc *was = doc_path(w->old, "spec.ports"), *ports = doc_get(spec, "ports");
	bool wanted = service_gets_node_ports(w->obj), had = service_gets_node_ports(w->old);
	DOC_EACH(p, doc_is(ports, DOC_ARRAY) ? ports : NULL)
	{
		const struct doc *old = same_port(was, p);
		const struct doc *port = doc_get(old, "nodePort");
		if (wanted && had && port && !doc_get(p, "nodePort"))
			doc_set(w->a, p, "nodePort", copy_of(w, port));
		else if (!wanted && had && port && doc_equal(port, doc_get(p, "nodePort")))
			doc_remove(p, "nodePort");
	}
}

/* What only another type has goes with it, unless the client changed it. */
static void drop_with_type(struct write *w, struct doc *spec)
{
	static const struct {
		const char *field;
		bool external_name; /* goes when it becomes a name, or stops being exposed */
	} fields[] = {{"clusterIP", true},
		      {"clusterIPs", true},
		      {"ipFamilies", true},
		      {"ipFamilyPolicy", true},
		      {"internalTrafficPolicy", true},
		      {"externalTrafficPolicy", false}};
	const struct doc *was = doc_get(w->old, "spec");
	bool named = service_is(w->obj, "ExternalName") && !service_is(w->old, "ExternalName");
	bool hidden = is_reachable(w->old) && !is_reachable(w->obj);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		bool goes = fields[i].external_name ? named : hidden;
		if (goes &&
		    doc_equal(doc_get(spec, fields[i].field), doc_get(was, fields[i].field)))
			doc_remove(spec, fields[i].field);
	}
}

static void drop_same(struct doc *spec, const struct doc *was, const char *field)
{
	if (doc_equal(doc_get(spec, field), doc_get(was, field)))
		doc_remove(spec, field);
}

/* The same of what load balancers have; who leaves the port of the checks out keeps it. */
static void settle_balancer(struct write *w, struct doc *spec)
{
	static const char port[] = "healthCheckNodePort";
	const struct doc *was = doc_get(w->old, "spec");
	bool had = service_is_checked(w->old), has = service_is_checked(w->obj);
	if (had && has && !doc_get_int(spec, port, 0))
		put_or_remove(w, spec, port, copy_of(w, doc_get(was, port)));
	if (had && !has)
		drop_same(spec, was, port);
	if (!service_is(w->old, "LoadBalancer") || service_is(w->obj, "LoadBalancer"))
		return;
	drop_same(spec, was, "loadBalancerClass");
	drop_same(spec, was, "allocateLoadBalancerNodePorts");
}

static void prepare_update(struct write *w)
{
	struct doc *spec = spec_of(w);
	keep_old(w, "status");
	keep_allocated(w, spec);
	follow_address(w, spec);
	settle_node_ports(w, spec);
	drop_with_type(w, spec);
	settle_balancer(w, spec);
	complete(w);
}

static void prepare_status(struct write *w)
{
	keep_old(w, "spec");
}

static void validate_update(struct write *w)
{
	struct span was = doc_path_str(w->old, "spec.clusterIP");
	struct span now = doc_path_str(w->obj, "spec.clusterIP");
	const struct doc *class = doc_path(w->obj, "spec.loadBalancerClass");
	if (service_is(w->old, "LoadBalancer") && service_is(w->obj, "LoadBalancer") &&
	    !doc_equal(class, doc_path(w->old, "spec.loadBalancerClass")))
		field_invalid_doc(&w->faults, FPATH(FPATH(NULL, "spec"), "loadBalancerClass"), class,
				  "may not change once set");
	if (service_is_checked(w->old) && service_is_checked(w->obj) &&
	    doc_path_int(w->old, "spec.healthCheckNodePort", 0) !=
		    doc_path_int(w->obj, "spec.healthCheckNodePort", 0))
		field_forbidden(&w->faults, FPATH(FPATH(NULL, "spec"), "healthCheckNodePort"),
				"field is immutable");
	const struct fpath *p = FPATH_AT(FPATH(FPATH(NULL, "spec"), "clusterIPs"), 0);
	if (service_is(w->old, "ExternalName") || service_is(w->obj, "ExternalName") || !was.len ||
	    span_eq(was, now))
		return;
	field_invalid_doc(&w->faults, p, doc_path(w->obj, "spec.clusterIPs"),
			  "may not change once set");
}

static const struct subresource subresources[] = {
	{.name = "status", .prepare = prepare_status},
	{0},
};

const struct strategy strategy_service = {
	.name = name_dns1035_label,
	.unconditional_update = true,
	.returns_deleted = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.prepare_update = prepare_update,
	.validate = service_validate,
	.validate_update = validate_update,
	.claims = service_claims,
	.subresources = subresources,
	.warn = warn_service,
};
