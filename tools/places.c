#include "tools/places.h"

#include <arpa/inet.h>
#include <string.h>

#include "nodes/network/addresses.h"
#include "nodes/network/node_network.h"
#include "nodes/network/node_space.h"

static const char *text_of(struct arena *a, uint32_t ip)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in = {htonl(ip)};
	return arena_dup(a, inet_ntop(AF_INET, &in, text, sizeof text));
}

static int read_place(struct arena *a, const struct config_actor *agent, struct place *p,
		      struct err *e)
{
	struct span subnet = doc_get_str(agent->options, "subnet");
	struct netlink_prefix range;
	char own[24];
	struct span bridge = doc_get_str(agent->options, "bridge");
	p->bridge = bridge.len ? arena_ndup(a, bridge.data, bridge.len) : NULL;
	node_network_subnet(p->node, own);
	p->subnet = subnet.len ? arena_ndup(a, subnet.data, subnet.len) : arena_dup(a, own);
	int rc = netlink_prefix_parse(p->subnet, &range, e);
	if (rc)
		return rc;
	if (range.bits < ADDRESSES_BITS_MIN || range.bits > ADDRESSES_BITS_MAX)
		return err_set(e, ERR_INVALID, "subnet %s of node %s: %d to %d bits", p->subnet,
			       p->node, ADDRESSES_BITS_MIN, ADDRESSES_BITS_MAX);
	struct span address = doc_get_str(agent->options, "address");
	struct in_addr ip;
	p->address = text_of(a, ntohl(netlink_prefix_network(range).ip.s_addr) + 1);
	if (doc_get(agent->options, "cni")) {
		p->address = "127.0.0.1";
		p->subnet = "";
	}
	p->named = address.len > 0;
	if (!p->named)
		return 0;
	p->address = arena_ndup(a, address.data, address.len);
	if (inet_pton(AF_INET, p->address, &ip) != 1)
		return err_set(e, ERR_INVALID, "address '%s' of node %s is no IPv4 address", p->address,
			       p->node);
	return 0;
}

static int add_agent(struct arena *a, const struct config_actor *agent, struct places *out,
		     struct err *e)
{
	int rc = 0;
	out->own = out->own || doc_get_bool(agent->options, "own-namespace", false);
	for (int64_t i = 0; i < agent->count && rc == 0; i++) {
		struct place *p = &out->all[out->count++];
		p->node = config_node_name(agent, i, a);
		rc = read_place(a, agent, p, e);
	}
	return rc;
}

/* Overlapping ones are found by their first addresses, the larger one's mask on both. */
static int check_distinct(const struct places *p, struct err *e)
{
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < i; k++) {
			struct netlink_prefix x, y;
			if (netlink_prefix_parse(p->all[i].subnet, &x, NULL) ||
			    netlink_prefix_parse(p->all[k].subnet, &y, NULL))
				continue; /* of CNI */
			x.bits = y.bits = x.bits < y.bits ? x.bits : y.bits;
			if (netlink_prefix_network(x).ip.s_addr ==
			    netlink_prefix_network(y).ip.s_addr)
				return err_set(e, ERR_INVALID,
					       "nodes %s and %s would have the same addresses, %s: "
					       "give one of them another `subnet`",
					       p->all[k].node, p->all[i].node, p->all[i].subnet);
		}
	return 0;
}

/* Nodes have the first addresses of the range, the machine its last one. */
static int put_between(const struct config *c, struct arena *a, struct places *out, struct err *e)
{
	struct netlink_prefix range;
	struct in_addr at = {0};
	int rc = netlink_prefix_parse(c->nodes_range, &range, e);
	if (rc)
		return rc;
	uint32_t first = ntohl(range.ip.s_addr), last = ntohl(node_space_machine(range).s_addr);
	if (first + out->count >= last)
		return err_set(e, ERR_INVALID, "%zu nodes have no room in `nodes: {range: %s}`", out->count,
			       c->nodes_range);
	out->machine = text_of(a, last);
	for (size_t i = 0; i < out->count; i++) {
		struct place *p = &out->all[i];
		if (!p->named) {
			p->address = text_of(a, first + 1 + (uint32_t)i);
			continue;
		}
		inet_pton(AF_INET, p->address, &at);
		if (ntohl(at.s_addr) <= first || ntohl(at.s_addr) >= last)
			return err_set(e, ERR_INVALID, "address %s of node %s is not one for a node in "
						       "`nodes: {range: %s}`", p->address, p->node, c->nodes_range);
	}
	return 0;
}

int places_read(const struct config *c, struct arena *a, struct places *out, struct err *e)
{
	size_t total = 0;
	int rc = 0;
	memset(out, 0, sizeof *out);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < c->cell_count && rc == 0; i++)
			for (size_t k = 0; k < c->cells[i].actor_count && rc == 0; k++) {
				const struct config_actor *x = &c->cells[i].actors[k];
				if (strcmp(x->kind, "node-agent") ||
				    !span_is(doc_get_str(x->options, "runtime"), "oci"))
					continue;
				if (pass == 0)
					total += (size_t)x->count;
				else
					rc = add_agent(a, x, out, e);
			}
		if (pass == 0)
			out->all = arena_alloc(a, (total + 1) * sizeof *out->all);
	}
	rc = rc ? rc : check_distinct(out, e);
	out->own = out->own || out->count > 1;
	return rc || !out->own ? rc : put_between(c, a, out, e);
}

const char *places_machine(const struct places *p)
{
	if (p->own)
		return p->machine;
	/* With CNI the machine has the address that the config says, or none. */
	bool loopback = p->count && strncmp(p->all[0].address, "127.", 4) == 0;
	return p->count && !loopback ? p->all[0].address : NULL;
}

const struct place *places_of(const struct places *p, const char *node)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->all[i].node, node) == 0)
			return &p->all[i];
	return NULL;
}
