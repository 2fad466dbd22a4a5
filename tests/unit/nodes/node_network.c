/* A node's network in a namespace of the test's own, its files in a directory of
 * its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "nodes/network/addresses.h"
#include "nodes/network/node_network.h"
#include "nodes/network/node_record.h"
#include "tests/unit/nodes/namespaces.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static void make_dir(void)
{
	strcpy(dir, "/tmp/troupe-network.XXXXXX");
	cr_assert(mkdtemp(dir));
}

static void remove_dir(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(addresses, .init = make_dir, .fini = remove_dir);
TestSuite(node_network, .init = make_dir, .fini = remove_dir);

static struct netlink_prefix prefix(const char *text)
{
	struct netlink_prefix p;
	cr_assert_eq(netlink_prefix_parse(text, &p, NULL), 0);
	return p;
}

static struct addresses *addresses(const char *subnet, const char *pods_dir)
{
	struct addresses *a = NULL;
	struct err e = {0};
	cr_assert_eq(addresses_open(&a, dir, pods_dir, prefix(subnet), &e), 0, "%s", e.text);
	return a;
}

static const char *take(struct addresses *a, const char *uid)
{
	static char text[INET_ADDRSTRLEN];
	struct in_addr ip;
	if (addresses_take(a, uid, &ip, NULL))
		return "none";
	return inet_ntop(AF_INET, &ip, text, sizeof text);
}

Test(addresses, each_pod_has_its_own_until_it_is_given_back)
{
	struct addresses *a = addresses("10.1.2.0/29", NULL);
	struct err e = {0};
	struct in_addr ip;
	cr_expect_str_eq(take(a, "a"), "10.1.2.2");
	cr_expect_str_eq(take(a, "b"), "10.1.2.3");
	cr_expect_str_eq(take(a, "a"), "10.1.2.2");
	addresses_free(a, "a");
	cr_expect_str_eq(take(a, "c"), "10.1.2.4", "a's is not at once another's");
	cr_expect_str_eq(take(a, "d"), "10.1.2.5");
	cr_expect_str_eq(take(a, "e"), "10.1.2.6");
	cr_expect_str_eq(take(a, "f"), "10.1.2.2");
	cr_expect_eq(addresses_take(a, "g", &ip, &e), ERR_FULL);
	cr_expect_str_eq(e.text, "no address is left in 10.1.2.0/29");
	addresses_free(a, "nobody");
	addresses_free(a, "d");
	cr_expect_str_eq(take(a, "g"), "10.1.2.5");
	addresses_close(a);
}

Test(addresses, who_comes_later_finds_them_kept)
{
	struct addresses *a = addresses("10.1.2.0/24", NULL);
	take(a, "a");
	take(a, "b");
	take(a, "c");
	addresses_free(a, "a");
	addresses_close(a);
	a = addresses("10.1.2.0/24", NULL);
	cr_expect_str_eq(take(a, "c"), "10.1.2.4");
	cr_expect_str_eq(take(a, "b"), "10.1.2.3", "although one before it is free");
	cr_expect_str_eq(take(a, "d"), "10.1.2.5");
	addresses_close(a);
	a = addresses("10.1.3.0/24", NULL);
	cr_expect_str_eq(take(a, "c"), "10.1.3.2", "another node's subnet");
	addresses_close(a);
}

Test(addresses, those_of_pods_without_a_directory_are_free)
{
	char pods[100], pod[120];
	snprintf(pods, sizeof pods, "%s/pods", dir);
	snprintf(pod, sizeof pod, "%s/b", pods);
	mkdir(pods, 0700);
	mkdir(pod, 0700);
	struct addresses *a = addresses("10.1.2.0/29", NULL);
	take(a, "a");
	take(a, "b");
	addresses_close(a);
	a = addresses("10.1.2.0/29", pods);
	cr_expect_str_eq(take(a, "c"), "10.1.2.4");
	cr_expect_str_eq(take(a, "b"), "10.1.2.3");
	cr_expect_str_eq(take(a, "d"), "10.1.2.5");
	cr_expect_str_eq(take(a, "e"), "10.1.2.6");
	cr_expect_str_eq(take(a, "f"), "10.1.2.2");
	addresses_close(a);
}

Test(addresses, sizes_of_subnets_are_limited)
{
	struct addresses *a = NULL;
	cr_expect_eq(addresses_open(&a, dir, NULL, prefix("10.0.0.0/8"), NULL), ERR_INVALID);
	cr_expect_eq(addresses_open(&a, dir, NULL, prefix("10.0.0.0/30"), NULL), ERR_INVALID);
}

Test(node_network, subnets_go_by_the_nodes_number)
{
	static const char *const rows[][2] = {{"n1", "10.244.1.0/24"},
					      {"n254", "10.244.254.0/24"},
					      {"worker-17", "10.244.17.0/24"}};
	char out[24], other[24];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		node_network_subnet(rows[i][0], out);
		cr_expect_str_eq(out, rows[i][1]);
	}
	node_network_subnet("n255", out);
	node_network_subnet("n256", other);
	cr_expect(strcmp(out, other) != 0);
}

/* ---- with a kernel */

static struct node_network_config config(void)
{
	return (struct node_network_config){
		.data_dir = dir, .node = "n1", .subnet = "10.244.1.0/24"};
}

static struct node_network *network(void)
{
	struct node_network_config cfg = config();
	struct node_network *n = NULL;
	struct err e = {0};
	cr_assert_eq(node_network_open(&n, &cfg, &e), 0, "%s", e.text);
	return n;
}

static int connect_to(const char *ip)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, ip, &at.sin_addr);
	int rc = connect(fd, (struct sockaddr *)&at, sizeof at) ? errno : 0;
	close(fd);
	return rc;
}

static int socket_here(void)
{
	int fd;
	cr_assert_eq(netlink_open(&fd, NULL), 0);
	return fd;
}

Test(node_network, what_finds_nobody_goes_nowhere)
{
	NEEDS_NAMESPACES();
	int fd = socket_here();
	/* A way out, as a machine has one. */
	struct netlink_route out = {.gateway = {inet_addr("192.0.2.1")}};
	cr_assert_eq(netlink_add_bridge(fd, "eth0", 0, NULL, NULL), 0);
	cr_assert_eq(netlink_set_up(fd, "eth0", true, NULL), 0);
	cr_assert_eq(netlink_add_address(fd, "eth0", prefix("192.0.2.2/24"), NULL), 0);
	cr_assert_eq(netlink_add_route(fd, &out, NULL), 0);
	struct node_network *n = network();
	cr_expect_eq(connect_to("10.244.9.9"), EINVAL, "another node's pod: a blackhole");
	cr_expect_eq(connect_to("10.96.0.10"), ECONNREFUSED, "a service: here, and nobody");
	cr_expect_str_eq(node_network_gateway(n), "10.244.1.1");
	cr_expect_str_eq(node_network_range(n), "10.244.1.0/24");
	char on = 0;
	int forward = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY);
	cr_expect_eq(read(forward, &on, 1), 1);
	cr_expect_eq(on, '1');
	node_network_close(n);
	node_network_remove(dir);
}

static bool count_link(void *arg, const struct netlink_link *l)
{
	(*(size_t *)arg)++;
	(void)l;
	return true;
}

static size_t links(int fd)
{
	size_t n = 0;
	cr_assert_eq(netlink_links(fd, count_link, &n, NULL), 0);
	return n;
}

Test(node_network, is_found_again_and_removed_at_the_end)
{
	NEEDS_NAMESPACES();
	int fd = socket_here();
	size_t before = links(fd);
	struct netlink_link first, again;
	struct netlink_route r;
	struct node_network *n = network();
	cr_assert_eq(netlink_find(fd, "troupe0", &first, NULL), 0);
	cr_expect(strncmp(first.alias, "troupe n1 /tmp/troupe-network.", 30) == 0, "%s", first.alias);
	node_network_close(n);
	n = network();
	cr_assert_eq(netlink_find(fd, "troupe0", &again, NULL), 0);
	cr_expect_eq(again.index, first.index, "the same one");
	node_network_close(n);
	node_network_remove(dir);
	cr_expect_eq(links(fd), before);
	static const char *const ranges[] = {"10.244.0.0/16", "10.96.0.0/16", "10.244.1.0/24"};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		for (int kind = NETLINK_UNICAST; kind <= NETLINK_LOCAL; kind++)
			cr_expect_eq(netlink_find_route(fd, (enum netlink_route_kind)kind,
							prefix(ranges[i]), &r, NULL),
				     ERR_NOT_FOUND, "%s", ranges[i]);
}

/* Another cluster, as its bridge and its record show it. */
static void neighbour(int fd, const char *at)
{
	char alias[NETLINK_ALIAS_MAX + 1];
	struct node_record r = {.node = "~machine", .bridge = "other", .alias = alias,
				.pods = prefix("10.245.0.0/16"), .services = prefix("10.97.0.0/16"),
				.nodes = prefix("172.29.0.0/16")};
	node_network_alias(at, r.node, alias);
	cr_assert_eq(node_record_write(at, &r, NULL), 0);
	cr_assert_eq(netlink_add_bridge(fd, r.bridge, 0, NULL, NULL), 0);
	cr_assert_eq(netlink_set_alias(fd, r.bridge, alias, NULL), 0);
}

Test(node_network, what_a_neighbour_has_is_refused_with_what_to_set)
{
	NEEDS_NAMESPACES();
	static const struct {
		const char *subnet, *services, *nodes, *bridge, *why;
	} rows[] = {
		{"10.244.1.0/24", "10.97.128.0/17", NULL, NULL,
		 "the services' range 10.97.0.0/16 is of the cluster in %s; set another one, like "
		 "`services: {range: 10.97.0.0/16}`"},
		{"10.245.9.0/24", "10.96.0.0/16", NULL, NULL,
		 "the pods' range 10.245.0.0/16 is of the cluster in %s; set another `subnet` of the node-agent, "
		 "like 10.245.1.0/24, and another `bridge`"},
		{"10.245.9.0/24", "10.96.0.0/16", "172.30.0.0/16", NULL,
		 "the pods' range 10.245.0.0/16 is of the cluster in %s; set another `subnet` of each "
		 "node-agent, like 10.245.1.0/24"},
		{"10.244.1.0/24", "10.96.0.0/16", "172.29.7.0/24", NULL,
		 "the nodes' range 172.29.0.0/16 is of the cluster in %s; set another one, like `nodes: "
		 "{range: 172.29.0.0/16, bridge: troupe-nodes1}`"},
		{"10.244.1.0/24", "172.29.0.0/16", NULL, NULL,
		 "the nodes' range 172.29.0.0/16 is of the cluster in %s; set another one, like "
		 "`services: {range: 10.97.0.0/16}`"},
		{"10.244.1.0/24", "10.96.0.0/16", "172.30.0.0/16", "other",
		 "the bridge other is of the cluster in %s; it goes when that ends, or by `ip link delete "
		 "other`, or set another one: `nodes: {bridge: troupe-nodes1}`"},
		{"10.244.1.0/24", "10.96.0.0/16", "172.30.0.0/16", "own", NULL},
	};
	int fd = socket_here();
	char there[80], own[80], want[400];
	snprintf(there, sizeof there, "%s/there", dir);
	snprintf(own, sizeof own, "%s/own", dir);
	cr_assert_eq(mkdir(there, 0700), 0);
	cr_assert_eq(mkdir(own, 0700), 0);
	neighbour(fd, there);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct node_network_config c = {.data_dir = own, .node = "~machine", .subnet = rows[i].subnet,
						.services = rows[i].services, .nodes = rows[i].nodes,
						.bridge = rows[i].bridge};
		int rc = node_network_check(&c, &e);
		snprintf(want, sizeof want, rows[i].why ? rows[i].why : "", there);
		cr_expect_eq(rc, rows[i].why ? ERR_BUSY : 0, "row %zu: %s", i, e.text);
		cr_expect_str_eq(e.text, want);
		c.data_dir = there;
		cr_expect_eq(node_network_check(&c, &e), 0, "its own never are: %s", e.text);
	}
	/* As Docker's: no cluster, but the addresses are its own. */
	struct node_network_config c = {.data_dir = own, .node = "~machine", .nodes = "172.30.0.0/16",
					.bridge = "own"};
	struct err e = {0};
	cr_assert_eq(netlink_add_bridge(fd, "docker7", 0, NULL, NULL), 0);
	cr_assert_eq(netlink_set_up(fd, "docker7", true, NULL), 0);
	cr_assert_eq(netlink_add_address(fd, "docker7", prefix("172.30.0.1/16"), NULL), 0);
	cr_expect_eq(node_network_check(&c, &e), ERR_BUSY);
	cr_expect_str_eq(e.text, "the nodes' range 172.30.0.0/16 is routed elsewhere on this machine; set another "
				 "one, like `nodes: {range: 172.29.0.0/16}`");
}

Test(node_network, what_is_others_is_left_alone)
{
	NEEDS_NAMESPACES();
	int fd = socket_here();
	struct node_network_config cfg = config();
	struct node_network *n = NULL;
	struct err e = {0};
	struct netlink_link l;
	cr_assert_eq(netlink_add_bridge(fd, "troupe0", 0, NULL, NULL), 0);
	cr_expect_eq(node_network_open(&n, &cfg, &e), ERR_BUSY);
	cr_expect_str_eq(e.text, "the link troupe0 was not made by a cluster of Troupe");
	cr_assert_eq(netlink_set_alias(fd, "troupe0", "troupe n1 /usr", NULL), 0);
	cr_expect_eq(node_network_open(&n, &cfg, &e), ERR_BUSY);
	cr_expect_str_eq(e.text, "the bridge troupe0 is of the cluster in /usr; it goes when that ends, or by "
				 "`ip link delete troupe0`");
	cr_expect_eq(node_network_check(&cfg, &e), ERR_BUSY);
	cr_assert_eq(netlink_set_alias(fd, "troupe0", "troupe n1 /none/such", NULL), 0);
	cr_expect_eq(node_network_check(&cfg, &e), 0);
	cr_expect_eq(node_network_open(&n, &cfg, &e), 0, "%s", e.text);
	node_network_close(n);
	node_network_remove(dir);
	cr_expect_eq(netlink_find(fd, "troupe0", &l, NULL), ERR_NOT_FOUND);

	cr_assert_eq(netlink_add_bridge(fd, "cni0", 0, NULL, NULL), 0);
	cr_assert_eq(netlink_set_up(fd, "cni0", true, NULL), 0);
	cr_assert_eq(netlink_add_address(fd, "cni0", prefix("10.244.1.1/24"), NULL), 0);
	cr_expect_eq(node_network_open(&n, &cfg, &e), ERR_BUSY);
	cr_expect_str_eq(e.text,
			 "the node's subnet, 10.244.1.0/24, is routed elsewhere on this machine");
	struct netlink_route all = {.to = prefix("10.96.0.0/16"), .gateway = {inet_addr("10.244.1.7")}};
	cr_assert_eq(netlink_put_route(fd, &all, NULL), 0);
	cr_expect_eq(node_network_open(&n, &cfg, &e), ERR_BUSY);
	cr_expect_str_eq(e.text, "the services' range, 10.96.0.0/16, is routed elsewhere on this "
				 "machine");
}

Test(node_network, links_of_pods_that_are_gone_are_removed_others_stay)
{
	NEEDS_NAMESPACES();
	int here = namespace_here(), fd = socket_here();
	struct node_network *n = network();
	struct node_network_pod pod;
	struct err e = {0};
	struct netlink_link l;
	static const char *const uids[] = {"stays", "gone"};
	for (int i = 0; i < 2; i++) {
		struct buf b = {0};
		namespace_enter(here);
		cr_assert_eq(node_network_take(n, uids[i], &pod, &e), 0, "%s", e.text);
		pod_network_write(&b, &pod.network);
		namespace_new();
		cr_assert_eq(pod_network_up(mp_of(span_buf(&b)), &(struct pod_network_node){fd, -1}, &e), 0, "%s", e.text);
		buf_fini(&b);
	}
	cr_expect_str_eq(pod.address, "10.244.1.3/24");
	namespace_enter(here);
	node_network_give_back(n, "gone");
	node_network_close(n);
	n = network();
	cr_assert_eq(node_network_take(n, "stays", &pod, &e), 0);
	cr_expect_str_eq(pod.ip, "10.244.1.2");
	cr_expect_eq(netlink_find(fd, pod.host_ifname, &l, NULL), 0);
	char gone[NETLINK_NAME_MAX + 1];
	pod_network_ifname("gone", gone);
	cr_expect_eq(netlink_find(fd, gone, &l, NULL), ERR_NOT_FOUND);
	node_network_close(n);
	node_network_remove(dir);
}

Test(node_network, of_another_namespace_is_made_there)
{
	NEEDS_NAMESPACES();
	int here = namespace_here(), fd = socket_here(), there = namespace_new();
	int far = socket_here();
	namespace_enter(here);
	struct node_network_config cfg = config();
	struct node_network *n = NULL;
	struct err e = {0};
	struct netlink_link l;
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", there);
	cfg.namespace = path;
	cr_assert_eq(node_network_open(&n, &cfg, &e), 0, "%s", e.text);
	cr_expect_eq(netlink_find(fd, "troupe0", &l, NULL), ERR_NOT_FOUND, "not here");
	cr_expect_eq(netlink_find(far, "troupe0", &l, NULL), 0);
	cr_expect_eq(connect_to("10.96.0.10"), ENETUNREACH, "and this thread is at home");
	node_network_close(n);
	namespace_enter(there);
	node_network_remove(dir);
	cr_expect_eq(netlink_find(far, "troupe0", &l, NULL), ERR_NOT_FOUND);
}
