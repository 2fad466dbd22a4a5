/* Where nodes with real pods are in the network, by the config. */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/places.h"

static struct config config;
static struct places places;
static struct err why;

/* `agents`: the actors of a cell. */
static int read_places(const char *agents)
{
	static struct arena a;
	char *text = arena_printf(&a, "cells:\n  - name: c\n    actors: [{kind: gate}, %s]\n", agents);
	config_fini(&config);
	memset(&config, 0, sizeof config);
	cr_assert_eq(config_parse(&config, "c.yaml", span_of(text), &why), 0, "%s", why.text);
	return places_read(&config, &config.arena, &places, &why);
}

static void expect(const char *node, const char *subnet, const char *address)
{
	const struct place *p = places_of(&places, node);
	cr_assert(p, "%s", node);
	cr_expect_str_eq(p->subnet, subnet);
	cr_expect_str_eq(p->address, address);
}

Test(places, a_lone_node_is_in_the_machines_namespace)
{
	cr_assert_eq(read_places("{kind: node-agent, node: n3, runtime: oci}, "
				 "{kind: node-agent, node: s1, runtime: sim, count: 5}"), 0);
	cr_expect_eq(places.count, 1);
	cr_expect(!places.own);
	expect("n3", "10.244.3.0/24", "10.244.3.1");
	cr_expect_str_eq(places_machine(&places), "10.244.3.1");
	cr_expect(!places_of(&places, "s1"));
}

Test(places, of_several_each_has_one_of_its_own)
{
	cr_assert_eq(read_places("{kind: node-agent, node: n1, runtime: oci, count: 2}, "
				 "{kind: node-agent, node: x, runtime: oci, subnet: 10.9.0.0/20, "
				 "address: 172.30.9.9}"), 0);
	cr_expect(places.own);
	expect("n1", "10.244.1.0/24", "172.30.0.1");
	expect("n2", "10.244.2.0/24", "172.30.0.2");
	expect("x", "10.9.0.0/20", "172.30.9.9");
	cr_expect_str_eq(places_machine(&places), "172.30.255.254");
}

/* As read_places, with a net of the config between nodes. */
static int read_between(const char *nodes, const char *agents)
{
	static struct arena a;
	char *text = arena_printf(&a, "nodes: %s\ncells:\n  - name: c\n    actors: [{kind: gate}, %s]\n",
				  nodes, agents);
	config_fini(&config);
	memset(&config, 0, sizeof config);
	cr_assert_eq(config_parse(&config, "c.yaml", span_of(text), &why), 0, "%s", why.text);
	return places_read(&config, &config.arena, &places, &why);
}

Test(places, the_config_says_the_net_between_them)
{
	static const char agents[] = "{kind: node-agent, node: n1, runtime: oci, count: 2}, "
				     "{kind: node-agent, node: x, runtime: oci, address: 172.29.9.9}";
	cr_assert_eq(read_between("{range: 172.29.0.0/16, bridge: other}", agents), 0, "%s", why.text);
	expect("n2", "10.244.2.0/24", "172.29.0.2");
	cr_expect_str_eq(places_machine(&places), "172.29.255.254");
	cr_assert_eq(read_between("{range: 192.168.7.64/29}", "{kind: node-agent, runtime: oci, count: 5}"), 0,
		     "%s", why.text);
	expect("n5", "10.244.5.0/24", "192.168.7.69");
	cr_expect_str_eq(places_machine(&places), "192.168.7.70");
	cr_expect_eq(read_between("{range: 192.168.7.64/29}", "{kind: node-agent, runtime: oci, count: 6}"),
		     ERR_INVALID);
	cr_expect_str_eq(why.text, "6 nodes have no room in `nodes: {range: 192.168.7.64/29}`");
	cr_expect_eq(read_between("{range: 172.28.0.0/16}", agents), ERR_INVALID);
	cr_expect_str_eq(why.text, "address 172.29.9.9 of node x is not one for a node in "
				   "`nodes: {range: 172.28.0.0/16}`");
}

Test(places, a_lone_one_may_have_one_too)
{
	cr_assert_eq(read_places("{kind: node-agent, node: n1, runtime: oci, own-namespace: true}"), 0);
	cr_expect(places.own);
	expect("n1", "10.244.1.0/24", "172.30.0.1");
	cr_expect_str_eq(places_machine(&places), "172.30.255.254");
}

Test(places, without_real_pods_there_are_none)
{
	cr_assert_eq(read_places("{kind: node-agent, node: n1, runtime: process}"), 0);
	cr_expect_eq(places.count, 0);
	cr_expect(!places_machine(&places));
}

Test(places, with_cni_the_config_says_the_address)
{
	cr_assert_eq(read_places("{kind: node-agent, node: n1, runtime: oci, cni: x}"), 0);
	expect("n1", "", "127.0.0.1");
	cr_expect(!places_machine(&places));
	cr_assert_eq(read_places("{kind: node-agent, node: n1, runtime: oci, cni: x, address: 10.7.0.1}"), 0);
	cr_expect_str_eq(places_machine(&places), "10.7.0.1");
}

Test(places, what_does_not_fit_is_refused_in_words)
{
	static const char *const rows[][2] = {
		{"{kind: node-agent, node: a1, runtime: oci}, {kind: node-agent, node: b1, runtime: oci}",
		 "nodes a1 and b1 would have the same addresses, 10.244.1.0/24: give one of them "
		 "another `subnet`"},
		{"{kind: node-agent, node: a1, runtime: oci, subnet: 10.244.0.0/16}, "
		 "{kind: node-agent, node: b2, runtime: oci}",
		 "nodes a1 and b2 would have the same addresses, 10.244.2.0/24: give one of them "
		 "another `subnet`"},
		{"{kind: node-agent, runtime: oci, subnet: 10.0.0.0}",
		 "'10.0.0.0' is no IPv4 prefix like 10.244.1.0/24"},
		{"{kind: node-agent, runtime: oci, subnet: 10.0.0.0/8}",
		 "subnet 10.0.0.0/8 of node n1: 16 to 29 bits"},
		{"{kind: node-agent, runtime: oci, address: here}",
		 "address 'here' of node n1 is no IPv4 address"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_eq(read_places(rows[i][0]), ERR_INVALID);
		cr_expect_str_eq(why.text, rows[i][1]);
	}
}
