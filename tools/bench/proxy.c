/* What the service proxy is measured with.
 *
 *   proxy backend IP PORT COUNT          a bare epoll server on COUNT addresses from IP on:
 *                                        the same small answer to every request
 *   proxy plane IP PORT BACK PORT COUNT  the plane of nodes/proxy/ in front of them
 *
 * Both run until they are killed, on one thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nodes/proxy/plane.h"

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 128\r\nContent-Type: text/plain\r\n\r\n"
			     "0123456789012345678901234567890123456789012345678901234567890123"
			     "0123456789012345678901234567890123456789012345678901234567890123";

/* The n-th address from `ip` on. */
static void nth(const char *ip, unsigned n, char out[INET_ADDRSTRLEN])
{
	struct in_addr a;
	if (inet_pton(AF_INET, ip, &a) != 1)
		exit(64);
	a.s_addr = htonl(ntohl(a.s_addr) + n);
	inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN);
}

static void listen_on(int ep, const char *ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	inet_pton(AF_INET, ip, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096)) {
		perror(ip);
		exit(1);
	}
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 1ull << 32 | (unsigned)fd};
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void accept_all(int ep, int fd)
{
	int c;
	while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (unsigned)c};
		epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
	}
}

static void serve(int fd)
{
	char request[4096];
	ssize_t n = recv(fd, request, sizeof request - 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		request[n] = 0;
		(void)!send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
	}
	if (n <= 0 || strstr(request, "lose\r\n")) /* Connection: close */
		close(fd);
}

static _Noreturn void backend(const char *ip, int port, unsigned count)
{
	int ep = epoll_create1(0);
	char at[INET_ADDRSTRLEN];
	for (unsigned i = 0; i < count; i++) {
		nth(ip, i, at);
		listen_on(ep, at, port);
	}
	for (;;) {
		struct epoll_event ev[256];
		int n = epoll_wait(ep, ev, 256, -1);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.u64 >> 32)
				accept_all(ep, (int)(uint32_t)ev[i].data.u64);
			else
				serve((int)ev[i].data.u64);
		}
	}
}

static void told(void *arg, uint64_t id, int code, const char *text)
{
	(void)arg, (void)id;
	if (code) {
		fprintf(stderr, "%s\n", text);
		exit(1);
	}
}

static int plane(char **a)
{
	enum { MOST = 64 };
	struct proxy_address list[MOST];
	struct proxy_listener l = {.endpoints = list, .endpoint_count = (size_t)atoi(a[4])};
	struct plane_config cfg = {.told = told};
	struct plane *p;
	char ip[INET_ADDRSTRLEN];
	if (l.endpoint_count > MOST || plane_new(&p, &cfg, NULL))
		return 1;
	proxy_address_parse(span_of(a[0]), (uint16_t)atoi(a[1]), &l.at);
	for (unsigned i = 0; i < l.endpoint_count; i++) {
		nth(a[2], i, ip);
		proxy_address_parse(span_of(ip), (uint16_t)atoi(a[3]), &list[i]);
	}
	plane_listen(p, 1, span_of("bench/web"), &l);
	for (;;)
		plane_turn(p, -1);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "backend") == 0)
		backend(argv[2], atoi(argv[3]), (unsigned)atoi(argv[4]));
	if (argc == 7 && strcmp(argv[1], "plane") == 0)
		return plane(argv + 2);
	fprintf(stderr, "proxy backend IP PORT COUNT | plane IP PORT BACK PORT COUNT\n");
	return 64;
}
