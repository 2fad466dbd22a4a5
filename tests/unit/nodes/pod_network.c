/* Two pods in namespaces of their own, at a bridge in a third. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "nodes/network/pod_network.h"
#include "tests/unit/nodes/namespaces.h"

static int node_open(void)
{
	struct err e = {0};
	struct netlink_prefix gateway;
	int fd;
	cr_assert_eq(netlink_open(&fd, &e), 0, "%s", e.text);
	netlink_prefix_parse("10.244.1.1/24", &gateway, NULL);
	cr_assert_eq(netlink_set_up(fd, "lo", true, &e), 0, "%s", e.text);
	cr_assert_eq(netlink_add_bridge(fd, "br0", 0, NULL, &e), 0, "%s", e.text);
	cr_assert_eq(netlink_add_address(fd, "br0", gateway, &e), 0, "%s", e.text);
	cr_assert_eq(netlink_set_up(fd, "br0", true, &e), 0, "%s", e.text);
	return fd;
}

/* Its namespace. */
static int pod_up(int node, const char *uid, const char *address)
{
	char ifname[NETLINK_NAME_MAX + 1];
	struct buf b = {0};
	struct err e = {0};
	pod_network_ifname(uid, ifname);
	struct pod_network n = {"br0", ifname, address, "10.244.1.1", NULL, 1450};
	pod_network_write(&b, &n);
	cr_assert_eq(mp_check(span_buf(&b), NULL), 0);
	int ns = namespace_new();
	cr_assert_eq(pod_network_up(mp_of(span_buf(&b)), &(struct pod_network_node){node, -1}, &e), 0, "%s", e.text);
	buf_fini(&b);
	return ns;
}

static int listen_here(const char *ip)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, ip, &at.sin_addr);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	cr_assert_eq(listen(fd, 4), 0);
	return fd;
}

/* The address that the connection comes from is `from`. */
static void expect_reached(int listener, const char *ip, const char *from)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)}, peer;
	socklen_t n = sizeof peer;
	struct timeval wait = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[INET_ADDRSTRLEN];
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	inet_pton(AF_INET, ip, &at.sin_addr);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0, "%s: %m", ip);
	int got = accept(listener, (struct sockaddr *)&peer, &n);
	cr_assert(got >= 0);
	inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
	cr_expect_str_eq(text, from);
	close(fd);
	close(got);
}

Test(pod_network, pods_and_their_node_reach_each_other)
{
	NEEDS_NAMESPACES();
	int here = namespace_here(), node = node_open();
	int a = pod_up(node, "uid-a", "10.244.1.5/24"), at_a = listen_here("10.244.1.5");
	int b = pod_up(node, "uid-b", "10.244.1.6/24"), at_b = listen_here("10.244.1.6");
	namespace_enter(a);
	expect_reached(at_b, "10.244.1.6", "10.244.1.5");
	expect_reached(at_a, "10.244.1.5", "10.244.1.5"); /* itself, over lo */
	namespace_enter(b);
	expect_reached(at_a, "10.244.1.5", "10.244.1.6");
	namespace_enter(here);
	expect_reached(at_a, "10.244.1.5", "10.244.1.1");
	int at_node = listen_here("10.244.1.1");
	namespace_enter(b);
	expect_reached(at_node, "10.244.1.1", "10.244.1.6");
}

Test(pod_network, a_pair_that_is_still_there_is_replaced)
{
	NEEDS_NAMESPACES();
	int here = namespace_here(), node = node_open();
	pod_up(node, "uid-a", "10.244.1.5/24"); /* its namespace stays, by the descriptor */
	namespace_enter(here);
	pod_up(node, "uid-a", "10.244.1.5/24");
	int at = listen_here("10.244.1.5");
	namespace_enter(here);
	expect_reached(at, "10.244.1.5", "10.244.1.1");
}

Test(pod_network, what_cannot_be_says_why)
{
	NEEDS_NAMESPACES();
	static const struct {
		struct pod_network n;
		const char *text;
	} rows[] = {
		{{"", "veth1", "10.244.1.5/24", "10.244.1.1", NULL, 0},
		 "network: bridge is no name of a link"},
		{{"br0", "a-name-of-sixteen", "10.244.1.5/24", "10.244.1.1", NULL, 0},
		 "network: host_ifname is no name of a link"},
		{{"br0", "veth1", "10.244.1.5", "10.244.1.1", NULL, 0},
		 "'10.244.1.5' is no IPv4 prefix like 10.244.1.0/24"},
		{{"br0", "veth1", "10.244.1.5/24", "x", NULL, 0},
		 "network: 'x' is no address of a gateway"},
		{{"br1", "veth1", "10.244.1.5/24", "10.244.1.1", NULL, 0},
		 "cannot find the link br1: No such device"},
	};
	int node = node_open();
	namespace_new();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = {0};
		struct err e = {0};
		pod_network_write(&b, &rows[i].n);
		cr_expect_neq(pod_network_up(mp_of(span_buf(&b)), &(struct pod_network_node){node, -1}, &e), 0);
		cr_expect_str_eq(e.text, rows[i].text);
		buf_fini(&b);
	}
}

Test(pod_network, of_a_node_with_a_namespace_of_its_own)
{
	NEEDS_NAMESPACES();
	int here = namespace_here(), there = namespace_new(), at_node = node_open();
	char path[40];
	struct buf b = {0}, host = {0};
	struct err e = {0};
	struct netlink_link l;
	struct pod_network_node node;
	snprintf(path, sizeof path, "/proc/self/fd/%d", there);
	struct pod_network n = {"br0", "veth1", "10.244.1.5/24", "10.244.1.1", path, 0};
	pod_network_write(&b, &n);
	namespace_enter(here);
	cr_expect(pod_network_is_own(mp_of(span_buf(&b))));
	cr_assert_eq(pod_network_enter_node(mp_of(span_buf(&b)), &node, &e), 0, "%s", e.text);
	cr_expect_eq(netlink_find(node.socket, "br0", &l, NULL), 0);
	namespace_new();
	cr_assert_eq(pod_network_up(mp_of(span_buf(&b)), &node, &e), 0, "%s", e.text);
	cr_expect_eq(netlink_find(at_node, "veth1", &l, NULL), 0);
	pod_network_leave_node(&node);

	mpw_map(&host, 2);
	mpw_kv_bool(&host, "host", true);
	mpw_kv_str(&host, "namespace", path);
	namespace_enter(here);
	cr_expect(!pod_network_is_own(mp_of(span_buf(&host))));
	cr_assert_eq(pod_network_enter_node(mp_of(span_buf(&host)), &node, &e), 0, "%s", e.text);
	cr_expect_eq(netlink_find(node.socket, "br0", &l, NULL), 0);
	buf_fini(&b);
	buf_fini(&host);
}

Test(pod_network, names_of_pairs_fit_and_differ)
{
	char a[NETLINK_NAME_MAX + 1], b[NETLINK_NAME_MAX + 1];
	pod_network_ifname("2c9de4a2-6d4b-4c7c-8c25-6f9a6ae9a64d", a);
	pod_network_ifname("2c9de4a2-6d4b-4c7c-8c25-6f9a6ae9a64e", b);
	cr_expect_eq(strlen(a), 12);
	cr_expect(strncmp(a, "veth", 4) == 0);
	cr_expect(strcmp(a, b) != 0);
}
