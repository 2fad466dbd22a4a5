/* NetworkPolicies: which pods may talk to which. */
#include "actors/objects/address.h"

static const struct fill fills[] = {
	DEFAULT_TEXT("spec.ingress[].ports[].protocol", "TCP"),
	DEFAULT_TEXT("spec.egress[].ports[].protocol", "TCP"),
	{0},
};

static void defaults(struct write *w)
{
	struct doc *spec = doc_get(w->obj, "spec"), *types = doc_get(spec, "policyTypes");
	const struct doc *egress = doc_get(spec, "egress");
	if (types && types->count)
		return;
	types = doc_set(w->a, spec, "policyTypes", doc_new(w->a, DOC_ARRAY));
	doc_add(types, doc_str(w->a, "Ingress"));
	if (egress && egress->count)
		doc_add(types, doc_str(w->a, "Egress"));
}

static void check_port(struct faults *f, const struct fpath *p, const struct doc *port)
{
	const struct doc *d = doc_get(port, "port"), *end = doc_get(port, "endPort");
	check_enum(f, FPATH(p, "protocol"), doc_get(port, "protocol"),
		   ONE_OF("TCP", "UDP", "SCTP"));
	if (doc_is(d, DOC_INT))
		check_range(f, FPATH(p, "port"), d, 1, 65535);
	else if (d && name_port(d->text))
		field_invalid(f, FPATH(p, "port"), d->text, name_port(d->text));
	if (!end)
		return;
	if (!doc_is(d, DOC_INT))
		field_invalid_doc(f, FPATH(p, "endPort"), end,
				  d ? "may not be specified when `port` is non-numeric"
				    : "may not be specified when `port` is not specified");
	else if (end->integer < d->integer)
		field_invalid_int(f, FPATH(p, "endPort"), end->integer,
				  "must be greater than or equal to `port`");
	check_range(f, FPATH(p, "endPort"), end, 1, 65535);
}

static void check_block(struct faults *f, const struct fpath *p, const struct doc *block)
{
	struct span cidr = doc_get_str(block, "cidr");
	const struct doc *except = doc_get(block, "except");
	struct address_range all, part;
	int i = 0;
	if (!cidr.len) {
		field_required(f, FPATH(p, "cidr"), "");
		return;
	}
	if (!address_range(cidr, &all)) {
		field_invalid(f, FPATH(p, "cidr"), cidr,
			      "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
		return;
	}
	DOC_EACH(d, doc_is(except, DOC_ARRAY) ? except : NULL)
	{
		const struct fpath *here = FPATH_AT(FPATH(p, "except"), i++);
		if (!address_range(d->text, &part)) {
			field_invalid(f, here, d->text,
				      "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
				      "2001:db8::/64)");
			return;
		}
		if (part.bits <= all.bits || !address_range_holds(&all, &part))
			field_invalid(f, here, d->text, "must be a strict subset of `cidr`");
	}
}

static void check_peer(struct faults *f, const struct fpath *p, const struct doc *peer)
{
	const struct doc *pods = doc_get(peer, "podSelector");
	const struct doc *namespaces = doc_get(peer, "namespaceSelector");
	const struct doc *block = doc_get(peer, "ipBlock");
	check_label_selector(f, FPATH(p, "podSelector"), pods);
	check_label_selector(f, FPATH(p, "namespaceSelector"), namespaces);
	if (block)
		check_block(f, FPATH(p, "ipBlock"), block);
	if (!pods && !namespaces && !block)
		field_required(f, p, "must specify a peer");
	else if (block && (pods || namespaces))
		field_forbidden(f, p, "may not specify both ipBlock and another peer");
}

static void check_types(struct faults *f, const struct fpath *p, const struct doc *types)
{
	static const char *const fine[] = {"Ingress", "Egress", NULL};
	int i = 0;
	if (!types)
		return;
	if (types->count > 2) {
		field_invalid_doc(f, p, types, "may not specify more than two policyTypes");
		return;
	}
	DOC_EACH(d, types)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		check_enum(f, here, d, fine);
	}
}

static const struct rule rules[] = {
	RULE("spec.podSelector", SELECTOR),
	RULE("spec.ingress[].ports[]", CALL, .call = check_port),
	RULE("spec.ingress[].from[]", CALL, .call = check_peer),
	RULE("spec.egress[].ports[]", CALL, .call = check_port),
	RULE("spec.egress[].to[]", CALL, .call = check_peer),
	RULE("spec.policyTypes", CALL, .call = check_types),
	{0},
};

const struct strategy strategy_networkpolicy = {
	.unconditional_update = true,
	.generation = true,
	.fills = fills,
	.defaults = defaults,
	.rules = rules,
};
