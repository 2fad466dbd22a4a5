/* Host ports: pods come and go on the owner's thread, while clients are led to them on
 * the other. No root is needed: the node is this machine's loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/network/port_map.h"
#include "tests/threads/bodies.h"

enum { ROUNDS = BODIES_SLOW ? 50 : 200, PODS = 3, PORT = 21000 };

static struct sockaddr_in address(int host, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	/* of this process, so that several may run beside each other */
	at.sin_addr.s_addr = htonl(0x7f000000u | ((uint32_t)getpid() & 0x7fff) << 8 | 0x800000u |
				   (uint32_t)host);
	return at;
}

/* The pods' servers, on addresses 2, 3 and 4: say one byte to who comes. */
static void *serve(void *arg)
{
	int fd = *(int *)arg;
	for (int conn; (conn = accept(fd, NULL, NULL)) >= 0; close(conn))
		(void)!write(conn, "x", 1);
	return NULL;
}

/* Connects to whichever port is there, until it is told to stop. */
static _Atomic bool over;
static _Atomic int led, lost;

static void *visit(void *arg)
{
	(void)arg;
	for (int i = 0; !over; i++) {
		struct sockaddr_in at = address(1, PORT + i % PODS);
		char byte = 0;
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		/* Who connects while the port closes may be left with half a connection, of
		 * which the kernel has no other end (seen by ss, once in some hundred runs). */
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 2}, sizeof(struct timeval));
		if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
			ssize_t n = read(fd, &byte, 1);
			lost += n < 0 && errno == EAGAIN;
			led += n == 1 && byte == 'x';
		}
		close(fd);
	}
	return NULL;
}

static struct mp pod(struct buf *b, int number)
{
	char ip[INET_ADDRSTRLEN];
	struct sockaddr_in at = address(1, 0);
	inet_ntop(AF_INET, &at.sin_addr, ip, sizeof ip);
	mpw_map(b, 1);
	mpw_str(b, "spec");
	mpw_map(b, 1);
	mpw_str(b, "containers");
	mpw_array(b, 1);
	mpw_map(b, 1);
	mpw_str(b, "ports");
	mpw_array(b, 1);
	mpw_map(b, 3);
	mpw_kv_str(b, "hostIP", ip);
	mpw_kv_i64(b, "hostPort", PORT + number);
	mpw_kv_i64(b, "containerPort", PORT);
	return mp_of(span_buf(b));
}

static void pods_come_and_go_while_clients_are_led_to_them(void)
{
	struct netlink_prefix services = {{0}, 32};
	struct port_map *m = port_map_new(NULL, services);
	struct err e = {0};
	pthread_t servers[PODS], visitor;
	int listening[PODS];
	char ip[INET_ADDRSTRLEN], uid[16];
	for (int i = 0; i < PODS; i++) {
		struct sockaddr_in at = address(2 + i, PORT);
		listening[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		must(bind(listening[i], (struct sockaddr *)&at, sizeof at) == 0);
		must(listen(listening[i], 64) == 0);
		must(pthread_create(&servers[i], NULL, serve, &listening[i]) == 0);
	}
	must(pthread_create(&visitor, NULL, visit, NULL) == 0);
	for (int round = 0; round < ROUNDS || led < 10; round++) {
		struct buf b = {0};
		int i = round % PODS;
		struct sockaddr_in at = address(2 + i, PORT);
		inet_ntop(AF_INET, &at.sin_addr, ip, sizeof ip);
		snprintf(uid, sizeof uid, "u%d", i);
		port_map_remove(m, uid);
		must(port_map_add(m, uid, pod(&b, i), ip, &e) == 0);
		buf_fini(&b);
	}
	over = true;
	must(pthread_join(visitor, NULL) == 0);
	must(lost <= 1);
	port_map_free(m);
	for (int i = 0; i < PODS; i++) {
		shutdown(listening[i], SHUT_RDWR);
		must(pthread_join(servers[i], NULL) == 0);
		close(listening[i]);
	}
}

const struct body bodies[] = {
	{"pods_come_and_go_while_clients_are_led_to_them",
	 pods_come_and_go_while_clients_are_led_to_them},
	{0},
};
