/* Requests to a real kernel, in namespaces of the test's own. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "nodes/network/netlink.h"
#include "tests/unit/nodes/namespaces.h"

static int open_socket(void)
{
	int fd = -1;
	struct err e = {0};
	cr_assert_eq(netlink_open(&fd, &e), 0, "%s", e.text);
	return fd;
}

static struct netlink_prefix prefix(const char *text)
{
	struct netlink_prefix p;
	struct err e = {0};
	cr_assert_eq(netlink_prefix_parse(text, &p, &e), 0, "%s", e.text);
	return p;
}

/* Uses the test's `e`. */
#define WORKS(call)                                                            \
	do {                                                                   \
		e = (struct err){0};                                           \
		cr_assert_eq(call, 0, "%s", e.text);                           \
	} while (0)

Test(netlink, prefixes_are_read_strictly)
{
	static const char *const bad[] = {"", "10.244.1.5", "10.244.1.5/", "10.244.1.5/33",
					  "10.244.1/24", "10.244.1.5/2x", "10.244.1.5/-1", "/24",
					  "10.244.1.5/ 4", "10.244.100.200.300.400/8"};
	struct netlink_prefix p = prefix("10.244.1.5/24");
	cr_expect_eq(p.bits, 24);
	cr_expect_eq(p.ip.s_addr, inet_addr("10.244.1.5"));
	cr_expect_eq(netlink_prefix_network(p).ip.s_addr, inet_addr("10.244.1.0"));
	cr_expect_eq(netlink_prefix_network(prefix("10.1.2.3/0")).ip.s_addr, 0);
	cr_expect_eq(netlink_prefix_network(prefix("10.1.2.3/32")).ip.s_addr, inet_addr("10.1.2.3"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_eq(netlink_prefix_parse(bad[i], &p, NULL), ERR_INVALID, "%s", bad[i]);
}

Test(netlink, bridge_and_pair_are_made_found_and_deleted)
{
	NEEDS_NAMESPACES();
	int here = namespace_here(), fd = open_socket(), there = namespace_new();
	int far = open_socket();
	struct netlink_link bridge, l;
	struct err e = {0};
	WORKS(netlink_add_bridge(fd, "br0", 1400, NULL, &e));
	WORKS(netlink_set_up(fd, "br0", true, &e));
	WORKS(netlink_set_alias(fd, "br0", "whose it is", &e));
	WORKS(netlink_find(fd, "br0", &bridge, &e));
	cr_expect_str_eq(bridge.kind, "bridge");
	cr_expect_str_eq(bridge.alias, "whose it is");
	cr_expect_eq(bridge.mtu, 1400);
	cr_expect(bridge.up && bridge.index > 1);
	struct netlink_pair p = {.name = "vethx", .peer = "eth0", .peer_namespace = there,
				 .master = bridge.index, .mtu = 1400};
	WORKS(netlink_add_pair(fd, &p, &e));
	WORKS(netlink_find(fd, "vethx", &l, &e));
	cr_expect_str_eq(l.kind, "veth");
	cr_expect_eq(l.master, bridge.index);
	cr_expect(l.up);
	WORKS(netlink_find(far, "eth0", &l, &e));
	cr_expect_eq(l.mtu, 1400);
	cr_expect(!l.up);
	cr_expect_eq(netlink_find(fd, "eth0", &l, &e), ERR_NOT_FOUND, "it is not here");
	cr_expect_eq(netlink_add_pair(fd, &p, &e), ERR_EXISTS);
	WORKS(netlink_delete(fd, "vethx", &e));
	cr_expect_eq(netlink_find(far, "eth0", &l, &e), ERR_NOT_FOUND, "both ends go");
	cr_expect_eq(netlink_delete(fd, "vethx", &e), ERR_NOT_FOUND);
	namespace_enter(here);
}

static bool count_to(void *arg, const struct netlink_link *l)
{
	size_t *left = arg;
	cr_expect(l->name[0]);
	return --*left > 0;
}

Test(netlink, a_list_that_was_left_does_not_disturb_the_next_answer)
{
	NEEDS_NAMESPACES();
	int fd = open_socket();
	struct err e = {0};
	char name[16];
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "br%d", i);
		WORKS(netlink_add_bridge(fd, name, 0, NULL, &e));
	}
	size_t left = 3, all = 1000;
	WORKS(netlink_links(fd, count_to, &left, &e));
	cr_expect_eq(left, 0);
	WORKS(netlink_links(fd, count_to, &all, &e));
	cr_expect_eq(1000 - all, 101, "and lo");
	struct netlink_link l;
	WORKS(netlink_find(fd, "br7", &l, &e));
	cr_expect_str_eq(l.name, "br7");
}

Test(netlink, routes_of_each_kind_are_added_replaced_found_and_deleted)
{
	NEEDS_NAMESPACES();
	int fd = open_socket();
	struct err e = {0};
	struct netlink_route r;
	WORKS(netlink_set_up(fd, "lo", true, &e));
	WORKS(netlink_add_bridge(fd, "br0", 0, NULL, &e));
	WORKS(netlink_set_up(fd, "br0", true, &e));
	WORKS(netlink_add_address(fd, "br0", prefix("10.244.1.1/24"), &e));
	WORKS(netlink_add_address(fd, "br0", prefix("10.244.1.1/24"), &e));
	struct netlink_route rows[] = {
		{.kind = NETLINK_BLACKHOLE, .to = prefix("10.244.0.0/16")},
		{.kind = NETLINK_LOCAL, .to = prefix("10.96.0.0/16"), .link = NETLINK_LO},
		{.to = prefix("10.244.2.0/24"), .gateway = {inet_addr("10.244.1.7")}},
		{.gateway = {inet_addr("10.244.1.9")}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_eq(netlink_find_route(fd, rows[i].kind, rows[i].to, &r, &e), ERR_NOT_FOUND);
		WORKS(netlink_add_route(fd, &rows[i], &e));
		cr_expect_eq(netlink_add_route(fd, &rows[i], &e), ERR_EXISTS);
		WORKS(netlink_put_route(fd, &rows[i], &e));
		WORKS(netlink_find_route(fd, rows[i].kind, rows[i].to, &r, &e));
		cr_expect_eq(r.gateway.s_addr, rows[i].gateway.s_addr);
		cr_expect(i == 0 || r.link > 0);
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		WORKS(netlink_delete_route(fd, &rows[i], &e));
		cr_expect_eq(netlink_find_route(fd, rows[i].kind, rows[i].to, &r, &e), ERR_NOT_FOUND);
		cr_expect_eq(netlink_delete_route(fd, &rows[i], &e), ERR_NOT_FOUND);
	}
}

Test(netlink, errors_say_what_was_asked_and_what_the_kernel_says)
{
	NEEDS_NAMESPACES();
	int fd = open_socket();
	struct err e = {0};
	struct netlink_route r = {.to = prefix("10.244.2.0/24"), .gateway = {inet_addr("10.9.9.9")}};
	cr_expect_eq(netlink_set_up(fd, "none", true, &e), ERR_NOT_FOUND);
	cr_expect_str_eq(e.text, "cannot bring up none: No such device");
	cr_expect_neq(netlink_add_route(fd, &r, &e), 0);
	cr_expect(strncmp(e.text, "cannot add the route to 10.244.2.0/24: ", 39) == 0, "%s", e.text);
	cr_expect(strstr(e.text, "(Nexthop has invalid gateway)"), "%s", e.text);
}
