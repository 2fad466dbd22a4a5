/* Host ports on real sockets, in a namespace of the test's own. The pod is this
 * process, on another address. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "nodes/network/port_map.h"
#include "tests/unit/nodes/namespaces.h"
#include "tests/unit/nodes/objects.h"

static struct arena arena;

static struct netlink_prefix prefix(const char *text)
{
	struct netlink_prefix p;
	cr_assert_eq(netlink_prefix_parse(text, &p, NULL), 0);
	return p;
}

/* A node at 10.0.0.1, with services here, too. */
static struct port_map *node(void)
{
	int fd;
	cr_assert_eq(netlink_open(&fd, NULL), 0);
	cr_assert_eq(netlink_set_up(fd, "lo", true, NULL), 0);
	cr_assert_eq(netlink_add_address(fd, "lo", prefix("10.0.0.1/32"), NULL), 0);
	cr_assert_eq(netlink_add_address(fd, "lo", prefix("10.96.0.7/32"), NULL), 0);
	close(fd);
	return port_map_new(NULL, prefix("10.96.0.0/16"));
}

static struct mp pod(const char *ports)
{
	return mp_of(object_of(&arena,
			       arena_printf(&arena, "{'metadata':{'name':'p','namespace':'d'},"
						    "'spec':{'containers':[{'ports':[%s]}]}}", ports)));
}

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, ip, &at.sin_addr);
	return at;
}

static int socket_of(int type)
{
	struct timeval wait = {.tv_sec = 10};
	int fd = socket(AF_INET, type, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	return fd;
}

static int serve(int type, const char *ip, int port)
{
	struct sockaddr_in at = address(ip, port);
	int fd = socket_of(type), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0, "%m");
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 8), 0);
	return fd;
}

/* 0, or an errno. */
static int reach(const char *ip, int port)
{
	struct sockaddr_in at = address(ip, port);
	int fd = socket_of(SOCK_STREAM);
	int rc = connect(fd, (struct sockaddr *)&at, sizeof at) ? errno : 0;
	close(fd);
	return rc;
}

static void expect_led(const char *ip, int port, int server)
{
	struct sockaddr_in at = address(ip, port);
	char got[8] = "";
	int fd = socket_of(SOCK_STREAM);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0, "%s:%d: %m", ip, port);
	int conn = accept(server, NULL, NULL);
	cr_assert(conn >= 0);
	cr_expect_eq(write(conn, "hello", 5), 5);
	cr_expect_eq(read(fd, got, sizeof got), 5);
	close(fd);
	close(conn);
}

Test(port_map, leads_to_the_pod_from_every_address_but_those_of_services)
{
	NEEDS_NAMESPACES();
	struct port_map *m = node();
	struct err e = {0};
	int server = serve(SOCK_STREAM, "127.0.0.9", 80);
	cr_assert_eq(port_map_add(m, "u", pod("{'hostPort':8080,'containerPort':80}"),
				  "127.0.0.9", &e), 0, "%s", e.text);
	expect_led("127.0.0.1", 8080, server);
	expect_led("10.0.0.1", 8080, server);
	int service = serve(SOCK_STREAM, "10.96.0.7", 8080);
	cr_expect(service >= 0, "the port of a service is free");
	port_map_free(m);
	cr_expect_eq(reach("10.0.0.1", 8080), ECONNREFUSED);
}

Test(port_map, one_address_and_udp)
{
	NEEDS_NAMESPACES();
	struct port_map *m = node();
	struct err e = {0};
	int server = serve(SOCK_DGRAM, "127.0.0.9", 53);
	cr_assert_eq(port_map_add(m, "u", pod("{'hostPort':5353,'containerPort':53,'protocol':'UDP',"
					      "'hostIP':'10.0.0.1'}"),
				  "127.0.0.9", &e), 0, "%s", e.text);
	struct sockaddr_in at = address("10.0.0.1", 5353), from;
	socklen_t n = sizeof from;
	char got[8] = "";
	int fd = socket_of(SOCK_DGRAM);
	cr_assert_eq(sendto(fd, "who", 3, 0, (struct sockaddr *)&at, sizeof at), 3);
	cr_assert_eq(recvfrom(server, got, sizeof got, 0, (struct sockaddr *)&from, &n), 3);
	cr_assert_eq(sendto(server, "me", 2, 0, (struct sockaddr *)&from, n), 2);
	cr_expect_eq(recvfrom(fd, got, sizeof got, 0, (struct sockaddr *)&from, &n), 2);
	cr_expect_eq(ntohs(from.sin_port), 5353);
	serve(SOCK_DGRAM, "127.0.0.1", 5353);
	port_map_free(m);
}

Test(port_map, a_port_in_use_is_refused_in_words_and_opens_none)
{
	NEEDS_NAMESPACES();
	struct port_map *m = node();
	struct err e = {0};
	int taken = serve(SOCK_STREAM, "10.0.0.1", 8081);
	struct mp two = pod("{'hostPort':8080,'containerPort':80},{'hostPort':8081,'containerPort':80}");
	cr_expect_eq(port_map_add(m, "u", two, "127.0.0.9", &e), ERR_BUSY);
	cr_expect_str_eq(e.text, "cannot listen on host port 10.0.0.1:8081/TCP: Address already in use");
	cr_expect_eq(reach("10.0.0.1", 8080), ECONNREFUSED);
	cr_expect_eq(port_map_add(m, "u", pod("{'hostPort':1,'hostIP':'9.9.9.9'}"), "127.0.0.9", &e),
		     ERR_NOT_FOUND);
	cr_expect_eq(port_map_add(m, "u", pod("{'hostPort':1,'protocol':'SCTP'}"), "127.0.0.9", &e),
		     ERR_UNSUPPORTED);
	close(taken);
	cr_expect_eq(port_map_add(m, "u", two, "127.0.0.9", &e), 0, "%s", e.text);
	cr_expect_eq(port_map_add(m, "u", two, "127.0.0.9", &e), 0, "again is nothing new");
	port_map_free(m);
}

Test(port_map, a_port_is_free_for_the_next_pod_at_once)
{
	NEEDS_NAMESPACES();
	struct port_map *m = node();
	struct err e = {0};
	int a = serve(SOCK_STREAM, "127.0.0.8", 80), b = serve(SOCK_STREAM, "127.0.0.9", 80);
	struct mp one = pod("{'hostPort':8080,'containerPort':80}");
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(port_map_add(m, "a", one, "127.0.0.8", &e), 0, "%s", e.text);
		expect_led("10.0.0.1", 8080, a);
		port_map_remove(m, "a");
		cr_assert_eq(port_map_add(m, "b", one, "127.0.0.9", &e), 0, "%s", e.text);
		expect_led("10.0.0.1", 8080, b);
		port_map_remove(m, "b");
	}
	port_map_remove(m, "nobody");
	port_map_free(m);
}
