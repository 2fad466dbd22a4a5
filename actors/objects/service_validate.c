/* What is well-formed in a service. */
#include "actors/objects/address.h"
#include "actors/objects/meta.h"
#include "actors/objects/service.h"

enum { AFFINITY_MAX_S = 86400 };

static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort", NULL};
static const char *const affinities[] = {"ClientIP", "None", NULL};
static const char *const policies[] = {"Cluster", "Local", NULL};

static void check_target(struct faults *f, const struct fpath *p, const struct doc *target)
{
	if (doc_is(target, DOC_INT))
		check_port_number(f, p, target);
	else if (doc_is(target, DOC_STR) && name_port(target->text))
		field_invalid(f, p, target->text, name_port(target->text));
}

static void check_one_port(struct write *w, const struct fpath *p, const struct doc *port,
			   bool named)
{
	struct faults *f = &w->faults;
	struct span name = doc_get_str(port, "name"), app = doc_get_str(port, "appProtocol");
	if (name.len == 0 && named)
		field_required(f, FPATH(p, "name"), "");
	else if (name.len && name_dns1123_label(name))
		field_invalid(f, FPATH(p, "name"), name, name_dns1123_label(name));
	check_port_number(f, FPATH(p, "port"), doc_get(port, "port"));
	check_protocol(f, FPATH(p, "protocol"), doc_get(port, "protocol"));
	check_target(f, FPATH(p, "targetPort"), doc_get(port, "targetPort"));
	if (app.len && name_qualified(app))
		field_invalid(f, FPATH(p, "appProtocol"), app, name_qualified(app));
	if (doc_get_int(port, "nodePort", 0) &&
	    (service_is(w->obj, "ClusterIP") || service_is(w->obj, "ExternalName")))
		field_forbidden(f, FPATH(p, "nodePort"),
				arena_printf(w->a, "may not be used when `type` is '%s'",
					     service_is(w->obj, "ClusterIP") ? "ClusterIP"
									     : "ExternalName"));
}

/* Distinct names, ports by protocol, and node ports by protocol. */
static void check_doubles(struct faults *f, const struct fpath *p, const struct doc *ports,
			  const struct doc *port)
{
	static const char *const numbers[] = {"port", "nodePort"};
	struct span name = doc_get_str(port, "name"), protocol = doc_get_str(port, "protocol");
	for (const struct doc *q = ports->first; q != port; q = q->next)
		if (name.len && span_eq(doc_get_str(q, "name"), name)) {
			field_duplicate(f, FPATH(p, "name"), name);
			break;
		}
	for (size_t i = 0; i < 2; i++) {
		int64_t n = doc_get_int(port, numbers[i], 0);
		for (const struct doc *q = ports->first; n && q != port; q = q->next)
			if (doc_get_int(q, numbers[i], 0) == n &&
			    span_eq(doc_get_str(q, "protocol"), protocol)) {
				const char *text = arena_printf(f->arena, "%lld/%.*s", (long long)n,
								(int)protocol.len,
								(const char *)protocol.data);
				field_duplicate(f, FPATH(p, numbers[i]), span_of(text));
				break;
			}
	}
}

static void validate_ports(struct write *w, const struct fpath *spec, const struct doc *ports)
{
	const struct fpath *p = FPATH(spec, "ports");
	bool many = doc_is(ports, DOC_ARRAY) && ports->count > 1;
	int i = 0;
	if ((!doc_is(ports, DOC_ARRAY) || !ports->count) && service_has_address(w->obj)) {
		field_required(&w->faults, p, "");
		return;
	}
	DOC_EACH(port, doc_is(ports, DOC_ARRAY) ? ports : NULL)
	{
		const struct fpath *at = FPATH_AT(p, i++);
		check_one_port(w, at, port, many);
		check_doubles(&w->faults, at, ports, port);
	}
}

static void validate_addresses(struct write *w, const struct fpath *p, const struct doc *spec)
{
	struct span ip = doc_get_str(spec, "clusterIP");
	const struct doc *list = doc_get(spec, "clusterIPs"), *outside;
	bool none = span_is(ip, "None");
	int i = 0;
	if (none && (service_is(w->obj, "LoadBalancer") || service_is(w->obj, "NodePort")))
		field_invalid(
			&w->faults, FPATH(p, "clusterIP"), ip,
			arena_printf(w->a, "may not be set to 'None' for %s services",
				     service_is(w->obj, "NodePort") ? "NodePort" : "LoadBalancer"));
	if (ip.len && service_is(w->obj, "ExternalName"))
		field_forbidden(&w->faults, FPATH(p, "clusterIPs"),
				"may not be set for ExternalName services");
	else if (ip.len && !none)
		check_address(&w->faults, FPATH_AT(FPATH(p, "clusterIPs"), 0), ip);
	if (doc_is(list, DOC_ARRAY) && list->count && !doc_str_is(list->first, "") &&
	    !span_eq(list->first->text, ip))
		field_invalid_doc(&w->faults, FPATH(p, "clusterIPs"), list,
				  "first value must match `clusterIP`");
	outside = doc_get(spec, "externalIPs");
	DOC_EACH(e, doc_is(outside, DOC_ARRAY) ? outside : NULL)
	check_endpoint_address(w, FPATH_AT(FPATH(p, "externalIPs"), i++),
			       e->type == DOC_STR ? e->text : (struct span){0});
}

static void validate_name_elsewhere(struct write *w, const struct fpath *p, const struct doc *spec)
{
	struct span name = doc_get_str(spec, "externalName");
	if (!service_is(w->obj, "ExternalName"))
		return;
	if (name.len && name.data[name.len - 1] == '.')
		name.len--;
	check_name(&w->faults, FPATH(p, "externalName"), name, name_dns1123_subdomain);
}

/* ---- families: this cluster has one */

static bool has_our_families(const struct doc *spec)
{
	const struct doc *selector = doc_get(spec, "selector");
	/* Whose endpoints are written by hand may have both. */
	return !span_is(doc_get_str(spec, "clusterIP"), "None") ||
	       (doc_is(selector, DOC_MAP) && selector->count);
}

static void validate_families(struct write *w, const struct fpath *p, const struct doc *spec)
{
	static const char *const families[] = {"IPv4", "IPv6", NULL};
	static const char *const stacks[] = {"PreferDualStack", "RequireDualStack", "SingleStack",
					     NULL};
	const struct doc *list = doc_get(spec, "ipFamilies"), *how = doc_get(spec, "ipFamilyPolicy");
	const struct fpath *at = FPATH(p, "ipFamilies");
	bool ours = has_our_families(spec), many = doc_is(list, DOC_ARRAY) && list->count > 1;
	int i = 0;
	check_enum(&w->faults, FPATH(p, "ipFamilyPolicy"), how, stacks);
	if (ours && doc_str_is(how, "RequireDualStack"))
		field_invalid(&w->faults, FPATH(p, "ipFamilyPolicy"), how->text,
			      "this cluster is not configured for dual-stack services");
	if (many && doc_str_is(how, "SingleStack"))
		field_invalid(&w->faults, FPATH(p, "ipFamilyPolicy"), how->text,
			      "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
			      "families are specified");
	DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL) {
		const struct fpath *here = FPATH_AT(at, i++);
		if (!in_list(families, d->text))
			field_not_supported(&w->faults, here, d->text, families);
		else if (d != list->first && span_eq(d->text, list->first->text))
			field_duplicate(&w->faults, here, d->text);
		else if (ours && !span_is(d->text, "IPv4"))
			field_invalid(&w->faults, here, d->text, "not configured on this cluster");
	}
}

/* ---- load balancers */

static const char balanced_only[] = "may only be used when `type` is 'LoadBalancer'";

static void validate_sources(struct write *w, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	if (!doc_is(list, DOC_ARRAY) || !list->count)
		return;
	if (!service_is(w->obj, "LoadBalancer"))
		field_forbidden(&w->faults, p, balanced_only);
	DOC_EACH(d, list) {
		struct address_range range;
		if (!address_range(span_trim(d->text), &range))
			field_invalid(&w->faults, FPATH_AT(p, i), d->text,
				      "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
				      "2001:db8::/64)");
		i++;
	}
}

static void validate_balancer(struct write *w, const struct fpath *p, const struct doc *spec)
{
	const struct doc *class = doc_get(spec, "loadBalancerClass");
	bool balanced = service_is(w->obj, "LoadBalancer");
	int64_t health = doc_get_int(spec, "healthCheckNodePort", 0);
	validate_sources(w, FPATH(p, "LoadBalancerSourceRanges"),
			 doc_get(spec, "loadBalancerSourceRanges"));
	if (!balanced && !doc_absent(doc_get(spec, "allocateLoadBalancerNodePorts")))
		field_forbidden(&w->faults, FPATH(p, "allocateLoadBalancerNodePorts"), balanced_only);
	if (!doc_absent(class) && !balanced)
		field_forbidden(&w->faults, FPATH(p, "loadBalancerClass"), balanced_only);
	else if (doc_is(class, DOC_STR) && name_qualified(class->text))
		field_invalid(&w->faults, FPATH(p, "loadBalancerClass"), class->text,
			      name_qualified(class->text));
	if (health && !service_is_checked(w->obj))
		field_invalid_int(&w->faults, FPATH(p, "healthCheckNodePort"), health,
				  "may only be set when `type` is 'LoadBalancer' and "
				  "`externalTrafficPolicy` is 'Local'");
}

void service_validate(struct write *w)
{
	static const char *const near[] = {"PreferClose", "PreferSameNode", "PreferSameZone", NULL};
	const struct fpath *p = FPATH(NULL, "spec");
	const struct doc *spec = doc_get(w->obj, "spec");
	const struct doc *external = doc_get(spec, "externalTrafficPolicy");
	const struct doc *ips = doc_get(spec, "externalIPs");
	struct faults *f = &w->faults;
	validate_ports(w, p, doc_get(spec, "ports"));
	meta_validate_labels(f, FPATH(p, "selector"), doc_get(spec, "selector"));
	check_enum(f, FPATH(p, "type"), doc_get(spec, "type"), types);
	check_enum(f, FPATH(p, "sessionAffinity"), doc_get(spec, "sessionAffinity"), affinities);
	check_range(
		f, FPATH(FPATH(FPATH(p, "sessionAffinityConfig"), "clientIP"), "timeoutSeconds"),
		doc_path(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"), 1, AFFINITY_MAX_S);
	validate_addresses(w, p, spec);
	validate_name_elsewhere(w, p, spec);
	if (!service_is(w->obj, "ExternalName"))
		validate_families(w, p, spec);
	validate_balancer(w, p, spec);
	check_enum(f, FPATH(p, "trafficDistribution"), doc_get(spec, "trafficDistribution"), near);
	check_enum(f, FPATH(p, "internalTrafficPolicy"), doc_get(spec, "internalTrafficPolicy"),
		   policies);
	check_enum(f, FPATH(p, "externalTrafficPolicy"), external, policies);
	if (doc_is(external, DOC_STR) && external->text.len && service_is(w->obj, "ClusterIP") &&
	    !(doc_is(ips, DOC_ARRAY) && ips->count))
		field_invalid_doc(f, FPATH(p, "externalTrafficPolicy"), external,
				  "may only be set for externally-accessible services");
}
