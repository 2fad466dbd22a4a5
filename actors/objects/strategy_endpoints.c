/* Endpoints and EndpointSlices: where a service's connections go. */
#include "actors/objects/address.h"

#include "actors/objects/meta.h"

enum { SLICE_ENDPOINTS_MAX = 1000, SLICE_ADDRESSES_MAX = 100, SLICE_PORTS_MAX = 20000 };

static void default_ports(struct write *w, struct doc *ports)
{
	if (!doc_is(ports, DOC_ARRAY))
		return;
	DOC_EACH(p, ports)
	if (doc_is(p, DOC_MAP))
		doc_default(w->a, p, "protocol", doc_str(w->a, "TCP"));
}

/* Names are distinct, and there when there are several. */
static void check_port_names(struct faults *f, const struct fpath *list, const struct doc *ports)
{
	int i = 0;
	DOC_EACH(p, ports)
	{
		const struct fpath *at = FPATH(FPATH_AT(list, i++), "name");
		struct span name = doc_get_str(p, "name");
		const char *why = name.len ? name_dns1123_label(name) : NULL;
		if (why)
			field_invalid(f, at, name, why);
		for (const struct doc *q = ports->first; q != p; q = q->next)
			if (span_eq(doc_get_str(q, "name"), name)) {
				field_duplicate(f, at, name);
				break;
			}
	}
}

/* ---- Endpoints */

static void endpoints_defaults(struct write *w)
{
	const struct doc *subsets = doc_get(w->obj, "subsets");
	if (doc_is(subsets, DOC_ARRAY))
		DOC_EACH(s, subsets)
	default_ports(w, doc_get(s, "ports"));
}

static void validate_addresses(struct write *w, const struct fpath *p, const struct doc *list)
{
	int i = 0;
	DOC_EACH(a, list)
	{
		const struct fpath *at = FPATH_AT(p, i++);
		struct span host = doc_get_str(a, "hostname"), node = doc_get_str(a, "nodeName");
		check_endpoint_address(w, FPATH(at, "ip"), doc_get_str(a, "ip"));
		if (host.len && name_dns1123_label(host))
			field_invalid(&w->faults, FPATH(at, "hostname"), host,
				      name_dns1123_label(host));
		if (node.len && name_dns1123_subdomain(node))
			field_invalid(&w->faults, FPATH(at, "nodeName"), node,
				      name_dns1123_subdomain(node));
	}
}

static void validate_subset(struct write *w, const struct fpath *p, const struct doc *subset)
{
	const struct doc *ready = doc_get(subset, "addresses");
	const struct doc *not_ready = doc_get(subset, "notReadyAddresses");
	const struct doc *ports = doc_get(subset, "ports");
	int i = 0;
	if ((!ready || !ready->count) && (!not_ready || !not_ready->count))
		field_required(&w->faults, p, "must specify `addresses` or `notReadyAddresses`");
	validate_addresses(w, FPATH(p, "addresses"), ready);
	validate_addresses(w, FPATH(p, "notReadyAddresses"), not_ready);
	DOC_EACH(port, ports)
	{
		const struct fpath *at = FPATH_AT(FPATH(p, "ports"), i++);
		if (ports->count > 1 && doc_get_str(port, "name").len == 0)
			field_required(&w->faults, FPATH(at, "name"), "");
		check_port_number(&w->faults, FPATH(at, "port"), doc_get(port, "port"));
		check_protocol(&w->faults, FPATH(at, "protocol"), doc_get(port, "protocol"));
	}
	if (ports)
		check_port_names(&w->faults, FPATH(p, "ports"), ports);
}

static void endpoints_validate(struct write *w)
{
	const struct doc *subsets = doc_get(w->obj, "subsets");
	int i = 0;
	if (doc_is(subsets, DOC_ARRAY))
		DOC_EACH(s, subsets)
	validate_subset(w, FPATH_AT(FPATH(NULL, "subsets"), i++), s);
}

const struct strategy strategy_endpoints = {
	.unconditional_update = true,
	.create_on_update = true,
	.defaults = endpoints_defaults,
	.validate = endpoints_validate,
};

/* ---- EndpointSlices */

static void slice_defaults(struct write *w)
{
	struct doc *ports = doc_get(w->obj, "ports");
	default_ports(w, ports);
	if (doc_is(ports, DOC_ARRAY))
		DOC_EACH(p, ports)
	if (doc_is(p, DOC_MAP))
		doc_default(w->a, p, "name", doc_str(w->a, ""));
}

static void slice_update(struct write *w)
{
	static const char *const said[] = {"endpoints", "ports", "addressType"};
	bool same = true;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		same &= doc_equal(doc_get(w->obj, said[i]), doc_get(w->old, said[i]));
	if (!same)
		meta_next_generation(w);
}

static void validate_slice_address(struct write *w, const struct fpath *p, struct span type,
				   struct span text)
{
	uint32_t n;
	if (span_is(type, "IPv4") && !address_v4(text, &n))
		field_invalid(&w->faults, p, text, "must be an IPv4 address");
	else if (span_is(type, "IPv6") && !address_v6(text))
		field_invalid(&w->faults, p, text, "must be an IPv6 address");
	else if (!span_is(type, "FQDN"))
		check_endpoint_address(w, p, text);
	else if (name_dns1123_subdomain(text))
		field_invalid(&w->faults, p, text, name_dns1123_subdomain(text));
}

static void validate_slice_endpoint(struct write *w, const struct fpath *p, const struct doc *e)
{
	const struct doc *list = doc_get(e, "addresses");
	struct span type = doc_get_str(w->obj, "addressType"), node = doc_get_str(e, "nodeName");
	int i = 0;
	if (!doc_is(list, DOC_ARRAY) || !list->count)
		field_required(&w->faults, FPATH(p, "addresses"),
			       "must contain at least 1 address");
	else if (list->count > SLICE_ADDRESSES_MAX)
		field_too_many(&w->faults, FPATH(p, "addresses"), list->count, SLICE_ADDRESSES_MAX);
	else
		DOC_EACH(a, list)
	validate_slice_address(w, FPATH_AT(FPATH(p, "addresses"), i++), type,
			       a->type == DOC_STR ? a->text : (struct span){0});
	if (node.len && name_dns1123_subdomain(node))
		field_invalid(&w->faults, FPATH(p, "nodeName"), node, name_dns1123_subdomain(node));
}

static void slice_validate(struct write *w)
{
	static const char *const types[] = {"FQDN", "IPv4", "IPv6", NULL};
	const struct doc *endpoints = doc_get(w->obj, "endpoints");
	const struct doc *ports = doc_get(w->obj, "ports");
	const struct fpath *p = FPATH(NULL, "endpoints"), *q = FPATH(NULL, "ports");
	int i = 0;
	if (doc_get_str(w->obj, "addressType").len == 0)
		field_required(&w->faults, FPATH(NULL, "addressType"), "");
	else
		check_enum(&w->faults, FPATH(NULL, "addressType"), doc_get(w->obj, "addressType"),
			   types);
	if (endpoints && endpoints->count > SLICE_ENDPOINTS_MAX)
		field_too_many(&w->faults, p, endpoints->count, SLICE_ENDPOINTS_MAX);
	else
		DOC_EACH(e, endpoints)
	validate_slice_endpoint(w, FPATH_AT(p, i++), e);
	if (ports && ports->count > SLICE_PORTS_MAX) {
		field_too_many(&w->faults, q, ports->count, SLICE_PORTS_MAX);
		return;
	}
	i = 0;
	DOC_EACH(port, ports)
	check_protocol(&w->faults, FPATH(FPATH_AT(q, i++), "protocol"), doc_get(port, "protocol"));
	if (ports)
		check_port_names(&w->faults, q, ports);
}

static void slice_validate_update(struct write *w)
{
	check_immutable(&w->faults, FPATH(NULL, "addressType"), doc_get(w->obj, "addressType"),
			doc_get(w->old, "addressType"));
}

const struct strategy strategy_endpointslice = {
	.unconditional_update = true,
	.generation = true,
	.defaults = slice_defaults,
	.prepare_update = slice_update,
	.validate = slice_validate,
	.validate_update = slice_validate_update,
};
