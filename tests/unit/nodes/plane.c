/* The data plane on real sockets. Clients, plane and endpoints are all on this
 * thread: the plane moves only when a test lets it, until what the test waits
 * for is so. Each test has an address of its own, by its process. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nodes/proxy/plane.h"

enum { FRONT = 7000, BACK = 8001, PATIENCE_MS = 10000, ENDPOINTS_MAX = 8 };

struct rig {
	struct plane *plane;
	char ip[32], told_text[200];
	int told_code;
	unsigned told_count;
	int backs[ENDPOINTS_MAX]; /* listening sockets; -1: none */
	int type;
};

static void told(void *arg, uint64_t id, int code, const char *text)
{
	struct rig *r = arg;
	(void)id;
	r->told_code = code;
	r->told_count++;
	snprintf(r->told_text, sizeof r->told_text, "%s", text);
}

static struct rig rig(struct plane_config cfg)
{
	struct rig r = {.type = SOCK_STREAM};
	unsigned n = (unsigned)getpid();
	snprintf(r.ip, sizeof r.ip, "127.%u.%u.%u", 200 + (n >> 16 & 31), n >> 8 & 255,
		 1 + n % 254);
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		r.backs[i] = -1;
	cr_assert_eq(plane_new(&r.plane, &cfg, NULL), 0);
	return r;
}

#define RIG(name, ...)                                                         \
	struct rig name = rig((struct plane_config){.told = told, .arg = &name, ##__VA_ARGS__})

static void done(struct rig *r)
{
	plane_free(r->plane);
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		if (r->backs[i] >= 0)
			close(r->backs[i]);
}

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, ip, &a.sin_addr);
	return a;
}

static int socket_at(struct rig *r, int port)
{
	struct sockaddr_in a = address(r->ip, port);
	int one = 1, fd = socket(AF_INET, r->type | SOCK_NONBLOCK, 0);
	if (r->type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0, "%s:%d: %m", r->ip, port);
	return fd;
}

static void open_back(struct rig *r, int i)
{
	r->backs[i] = socket_at(r, BACK + i);
	if (r->type == SOCK_STREAM)
		cr_assert_eq(listen(r->backs[i], 1000), 0);
}

/* Listener `id` at FRONT + id, with the endpoints of these digits: "013". */
static void serve_as(struct rig *r, uint64_t id, const char *service, const char *digits,
		     uint32_t affinity_s)
{
	struct proxy_address list[ENDPOINTS_MAX];
	struct proxy_listener l = {.protocol = r->type == SOCK_DGRAM ? PROXY_UDP : PROXY_TCP,
				   .affinity_s = affinity_s,
				   .endpoints = list};
	proxy_address_parse(span_of(r->ip), (uint16_t)(FRONT + id), &l.at);
	for (; *digits; digits++)
		proxy_address_parse(span_of(r->ip), (uint16_t)(BACK + *digits - '0'),
				    &list[l.endpoint_count++]);
	plane_listen(r->plane, id, span_of(service), &l);
}

static void serve(struct rig *r, const char *digits)
{
	serve_as(r, 1, "default/web", digits, 0);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Lets the plane go on until `so` is. */
#define UNTIL(r, so)                                                           \
	do {                                                                   \
		int64_t end_ = now_ms() + PATIENCE_MS;                         \
		while (!(so)) {                                                \
			cr_assert_lt(now_ms(), end_, "never: " #so);           \
			plane_turn((r)->plane, 1);                             \
		}                                                              \
	} while (0)

static int connect_from(struct rig *r, const char *from, int port)
{
	struct sockaddr_in a = address(r->ip, port), b = address(from, 0);
	int fd = socket(AF_INET, r->type | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&b, sizeof b), 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS) {
		int why = errno;
		close(fd);
		return -why;
	}
	return fd;
}

static int client(struct rig *r)
{
	return connect_from(r, "127.0.0.1", FRONT + 1);
}

/* Refused by the kernel, with nobody's help. */
static bool refused(struct rig *r)
{
	int fd = client(r), why = 0;
	socklen_t n = sizeof why;
	if (fd < 0)
		return fd == -ECONNREFUSED;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n);
	close(fd);
	return why == ECONNREFUSED;
}

/* Whether somebody has come to endpoint i; *fd is then that connection. */
static bool came(struct rig *r, int i, int *fd)
{
	*fd = accept4(r->backs[i], NULL, NULL, SOCK_NONBLOCK);
	return *fd >= 0;
}

static bool came_to_any(struct rig *r, int *which, int *fd)
{
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		if (r->backs[i] >= 0 && came(r, i, fd)) {
			*which = i;
			return true;
		}
	return false;
}

static bool reads(int fd, char *buf, size_t max, ssize_t *n)
{
	*n = recv(fd, buf, max, 0);
	return *n >= 0 || errno != EAGAIN;
}

static void expect_text(struct rig *r, int fd, const char *want)
{
	char buf[64];
	ssize_t n;
	UNTIL(r, reads(fd, buf, sizeof buf, &n));
	cr_assert_eq(n, (ssize_t)strlen(want), "%zd bytes, %m", n);
	cr_expect_eq(memcmp(buf, want, strlen(want)), 0);
}

static void expect_end(struct rig *r, int fd)
{
	char buf[64];
	ssize_t n;
	UNTIL(r, reads(fd, buf, sizeof buf, &n));
	cr_expect_eq(n, 0, "%zd, %m", n);
}

static void expect_reset(struct rig *r, int fd)
{
	char buf[64];
	ssize_t n;
	UNTIL(r, reads(fd, buf, sizeof buf, &n));
	cr_expect_eq(n, -1);
	cr_expect_eq(errno, ECONNRESET, "%m");
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text), "%m");
}

static void close_hard(int fd)
{
	struct linger now = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* A connection, both ends of it. */
struct pair {
	int client, server, which;
};

static struct pair pair(struct rig *r)
{
	struct pair p = {.client = client(r)};
	cr_assert_geq(p.client, 0, "%s", strerror(-p.client));
	UNTIL(r, came_to_any(r, &p.which, &p.server));
	return p;
}

static void end(struct rig *r, struct pair *p)
{
	close(p->client);
	close(p->server);
	UNTIL(r, plane_counters(r->plane)->connections == 0);
}

/* ---- who is connected with whom */

Test(plane, connections_go_to_the_endpoints_in_turn)
{
	RIG(r);
	for (int i = 0; i < 3; i++)
		open_back(&r, i);
	serve(&r, "012");
	cr_expect_eq(r.told_code, 0);
	for (int i = 0; i < 6; i++) {
		struct pair p = pair(&r);
		cr_expect_eq(p.which, i % 3);
		end(&r, &p);
	}
	cr_expect_eq(plane_counters(r.plane)->accepted, 6);
	done(&r);
}

Test(plane, without_endpoints_a_connection_is_refused_at_once)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "");
	cr_expect(refused(&r));
	serve(&r, "0");
	struct pair p = pair(&r);
	serve(&r, "");
	cr_expect(refused(&r));
	plane_close(r.plane, 1);
	cr_expect(refused(&r));
	end(&r, &p);
	done(&r);
}

Test(plane, what_is_connected_goes_on_when_endpoint_and_listener_are_gone)
{
	RIG(r);
	open_back(&r, 0);
	open_back(&r, 1);
	serve(&r, "01");
	struct pair p = pair(&r);
	cr_assert_eq(p.which, 0);
	serve(&r, "1");
	for (int i = 0; i < 2; i++) {
		struct pair other = pair(&r);
		cr_expect_eq(other.which, 1);
		close(other.client);
		close(other.server);
	}
	say(p.client, "still there?");
	expect_text(&r, p.server, "still there?");
	plane_close(r.plane, 1);
	say(p.server, "yes");
	expect_text(&r, p.client, "yes");
	end(&r, &p);
	done(&r);
}

Test(plane, an_endpoint_that_refuses_is_passed_over)
{
	RIG(r);
	open_back(&r, 1);
	open_back(&r, 2);
	serve(&r, "012"); /* nobody is at 0 */
	static const int want[] = {1, 2, 1, 2};
	for (int i = 0; i < 4; i++) {
		struct pair p = pair(&r);
		cr_expect_eq(p.which, want[i]);
		end(&r, &p);
	}
	cr_expect_eq(plane_counters(r.plane)->connect_failed, 2);
	cr_expect_eq(plane_counters(r.plane)->unserved, 0);
	done(&r);
}

Test(plane, a_client_is_reset_when_every_endpoint_refuses)
{
	RIG(r);
	serve(&r, "012");
	int c = client(&r);
	expect_reset(&r, c);
	cr_expect_eq(plane_counters(r.plane)->connect_failed, 3, "each was tried once");
	cr_expect_eq(plane_counters(r.plane)->unserved, 1);
	cr_expect_eq(plane_counters(r.plane)->connections, 0);
	close(c);
	done(&r);
}

/* A full backlog: the kernel drops what comes, and nobody answers. */
static int fill_backlog(struct rig *r, int i, int *fds, int max)
{
	int n = 0;
	r->backs[i] = socket_at(r, BACK + i);
	cr_assert_eq(listen(r->backs[i], 0), 0);
	while (n < max) {
		struct pollfd p = {.events = POLLOUT};
		p.fd = fds[n++] = connect_from(r, "127.0.0.1", BACK + i);
		if (poll(&p, 1, 50) == 0)
			break;
	}
	return n;
}

Test(plane, an_endpoint_that_does_not_answer_in_time_is_passed_over)
{
	RIG(r, .connect_timeout_ms = 40);
	int waiting[8], n = fill_backlog(&r, 0, waiting, 8);
	open_back(&r, 1);
	serve(&r, "01");
	int c = client(&r), s;
	UNTIL(&r, came(&r, 1, &s));
	cr_expect_eq(plane_counters(r.plane)->connect_failed, 1);
	say(c, "hello");
	expect_text(&r, s, "hello");
	for (int i = 0; i < n; i++)
		close(waiting[i]);
	close(c);
	close(s);
	done(&r);
}

Test(plane, a_client_that_gives_up_meanwhile_ends_the_search)
{
	RIG(r, .connect_timeout_ms = 60000);
	int waiting[8], n = fill_backlog(&r, 0, waiting, 8);
	serve(&r, "0");
	int c = client(&r);
	UNTIL(&r, plane_counters(r.plane)->connections == 1);
	close_hard(c);
	UNTIL(&r, plane_counters(r.plane)->connections == 0);
	cr_expect_eq(plane_counters(r.plane)->connect_failed, 0);
	for (int i = 0; i < n; i++)
		close(waiting[i]);
	done(&r);
}

Test(plane, affinity_holds_clients_by_address)
{
	RIG(r);
	for (int i = 0; i < 3; i++)
		open_back(&r, i);
	serve_as(&r, 1, "default/web", "012", 100);
	static const struct {
		const char *from;
		int want;
	} rows[] = {{"127.0.0.1", 0}, {"127.0.0.1", 0}, {"127.0.0.2", 1},
		    {"127.0.0.3", 2}, {"127.0.0.2", 1}, {"127.0.0.1", 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pair p = {.client = connect_from(&r, rows[i].from, FRONT + 1)};
		UNTIL(&r, came_to_any(&r, &p.which, &p.server));
		cr_expect_eq(p.which, rows[i].want, "row %zu", i);
		end(&r, &p);
	}
	done(&r);
}

/* ---- what a connection carries */

Test(plane, half_closes_and_ends_are_passed_on)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct pair p = pair(&r);
	say(p.client, "question");
	shutdown(p.client, SHUT_WR);
	expect_text(&r, p.server, "question");
	expect_end(&r, p.server);
	say(p.server, "answer");
	expect_text(&r, p.client, "answer");
	close(p.server);
	expect_end(&r, p.client);
	UNTIL(&r, plane_counters(r.plane)->connections == 0);
	cr_expect_eq(plane_counters(r.plane)->reset, 0);
	cr_expect_eq(plane_counters(r.plane)->bytes_in, 8);
	cr_expect_eq(plane_counters(r.plane)->bytes_out, 6);
	close(p.client);
	done(&r);
}

Test(plane, what_was_said_before_the_server_was_found_arrives_with_its_end)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	int c = client(&r), s;
	say(c, "early"); /* the kernel took the connection already */
	shutdown(c, SHUT_WR);
	UNTIL(&r, came(&r, 0, &s));
	expect_text(&r, s, "early");
	expect_end(&r, s);
	close(c);
	close(s);
	done(&r);
}

Test(plane, a_dead_peer_resets_the_other_side)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct pair a = pair(&r), b = pair(&r);
	close_hard(a.server);
	expect_reset(&r, a.client);
	close_hard(b.client);
	expect_reset(&r, b.server);
	cr_expect_eq(plane_counters(r.plane)->reset, 2);
	cr_expect_eq(plane_counters(r.plane)->connections, 0);
	close(a.client);
	close(b.server);
	done(&r);
}

Test(plane, last_words_before_a_reset_arrive)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct pair p = pair(&r);
	say(p.client, "never read");
	struct pollfd w = {.fd = p.server, .events = POLLIN};
	UNTIL(&r, poll(&w, 1, 0) == 1);
	say(p.server, "go away");
	close(p.server); /* with bytes unread: the kernel resets */
	expect_text(&r, p.client, "go away");
	expect_reset(&r, p.client);
	close(p.client);
	done(&r);
}

Test(plane, the_end_of_the_plane_resets_everybody)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct pair p = pair(&r);
	struct plane *old = r.plane;
	cr_assert_eq(plane_new(&r.plane, &(struct plane_config){.told = told, .arg = &r}, NULL), 0);
	plane_free(old);
	expect_reset(&r, p.client);
	expect_reset(&r, p.server);
	serve(&r, "0"); /* the address is free at once */
	cr_expect_eq(r.told_code, 0);
	close(p.client);
	close(p.server);
	done(&r);
}

/* Bytes by place, so that a lost, doubled or moved one shows. */
static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

struct stream {
	int fd;
	size_t sent, got;
};

static void stream_send(struct stream *s, size_t total)
{
	uint8_t block[40000];
	size_t n = total - s->sent < sizeof block ? total - s->sent : sizeof block;
	for (size_t i = 0; i < n; i++)
		block[i] = byte_at(s->sent + i);
	ssize_t done_ = n ? send(s->fd, block, n, MSG_NOSIGNAL) : 0;
	s->sent += done_ > 0 ? (size_t)done_ : 0;
}

static void stream_recv(struct stream *s, size_t most)
{
	uint8_t block[65536];
	ssize_t n = recv(s->fd, block, most < sizeof block ? most : sizeof block, 0);
	for (ssize_t i = 0; i < n; i++)
		cr_assert_eq(block[i], byte_at(s->got + (size_t)i), "byte %zu", s->got + (size_t)i);
	s->got += n > 0 ? (size_t)n : 0;
}

Test(plane, large_bodies_pass_whole_both_ways_also_to_slow_readers)
{
	enum { TOTAL = 6 << 20 };
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct pair p = pair(&r);
	struct stream a = {.fd = p.client}, b = {.fd = p.server};
	for (int round = 0; a.got < TOTAL || b.got < TOTAL; round++) {
		cr_assert_lt(round, 2000000);
		stream_send(&a, TOTAL);
		stream_send(&b, TOTAL);
		plane_turn(r.plane, 0);
		stream_recv(&b, 65536);
		if (round % 4 == 0) /* the client is slow */
			stream_recv(&a, 30000);
	}
	cr_expect_eq(plane_counters(r.plane)->bytes_in, TOTAL);
	cr_expect_eq(plane_counters(r.plane)->bytes_out, TOTAL);
	end(&r, &p);
	done(&r);
}

Test(plane, many_connections_at_once_keep_apart)
{
	enum { MANY = 300 };
	RIG(r);
	for (int i = 0; i < 3; i++)
		open_back(&r, i);
	serve(&r, "012");
	static struct pair all[MANY];
	int taken[3] = {0};
	char text[32];
	for (int i = 0; i < MANY; i++)
		all[i] = pair(&r);
	for (int i = 0; i < MANY; i++) {
		taken[all[i].which]++;
		snprintf(text, sizeof text, "client %d", i);
		say(all[i].client, text);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "client %d", i);
		expect_text(&r, all[i].server, text);
	}
	for (int i = 0; i < 3; i++)
		cr_expect_eq(taken[i], MANY / 3);
	for (int i = 0; i < MANY; i++)
		close(i % 2 ? all[i].client : all[i].server);
	for (int i = 0; i < MANY; i++)
		expect_end(&r, i % 2 ? all[i].server : all[i].client);
	for (int i = 0; i < MANY; i++)
		close(i % 2 ? all[i].server : all[i].client);
	UNTIL(&r, plane_counters(r.plane)->connections == 0);
	done(&r);
}

/* ---- limits */

Test(plane, over_the_limits_connections_are_reset_and_counted)
{
	RIG(r, .connections_max = 3, .service_connections_max = 2);
	open_back(&r, 0);
	serve_as(&r, 1, "default/web", "0", 0);
	serve_as(&r, 2, "default/other", "0", 0);
	struct pair a = pair(&r), b = pair(&r);
	int over = client(&r), c, s;
	expect_reset(&r, over);
	cr_expect_eq(plane_counters(r.plane)->over_service_limit, 1);
	close(over);
	c = connect_from(&r, "127.0.0.1", FRONT + 2);
	UNTIL(&r, came(&r, 0, &s));
	over = connect_from(&r, "127.0.0.1", FRONT + 2);
	expect_reset(&r, over);
	cr_expect_eq(plane_counters(r.plane)->over_limit, 1);
	close(over);
	close(c);
	close(s);
	close(a.client);
	close(a.server);
	UNTIL(&r, plane_counters(r.plane)->connections == 1);
	struct pair again = pair(&r);
	close(b.client);
	close(b.server);
	end(&r, &again);
	done(&r);
}

/* Nobody reads: what waits is bounded, and is given back with its connection. */
Test(plane, what_slow_readers_make_wait_is_counted_and_given_back)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct pair p = pair(&r);
	struct stream s = {.fd = p.client};
	for (int quiet = 0; quiet < 200; quiet++) {
		size_t before = s.sent;
		stream_send(&s, SIZE_MAX);
		plane_turn(r.plane, 0);
		quiet = s.sent != before ? 0 : quiet;
	}
	cr_expect_gt(plane_counters(r.plane)->bytes_waiting, 0);
	cr_expect_leq(plane_counters(r.plane)->bytes_waiting, 65536);
	close_hard(p.client);
	UNTIL(&r, plane_counters(r.plane)->connections == 0);
	cr_expect_eq(plane_counters(r.plane)->bytes_waiting, 0);
	close(p.server);
	done(&r);
}

Test(plane, without_descriptors_accepting_pauses_and_goes_on)
{
	struct rlimit was, few;
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	int c = client(&r), s;
	getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = (rlim_t)c + 1;
	setrlimit(RLIMIT_NOFILE, &few);
	UNTIL(&r, plane_counters(r.plane)->no_descriptors == 1);
	plane_turn(r.plane, 1);
	cr_expect_eq(plane_counters(r.plane)->no_descriptors, 1, "not at full speed");
	setrlimit(RLIMIT_NOFILE, &was);
	UNTIL(&r, came(&r, 0, &s));
	close(c);
	close(s);
	done(&r);
}

/* ---- listening */

Test(plane, a_port_in_use_is_told_and_others_are_not_affected)
{
	RIG(r);
	open_back(&r, 0);
	int taken = socket_at(&r, FRONT + 2);
	cr_assert_eq(listen(taken, 1), 0);
	serve_as(&r, 2, "default/other", "0", 0);
	cr_expect_eq(r.told_code, ERR_BUSY);
	cr_expect(strstr(r.told_text, ":7002/TCP: Address already in use"), "%s", r.told_text);
	serve(&r, "0");
	cr_expect_eq(r.told_code, 0);
	struct pair p = pair(&r);
	close(taken);
	serve_as(&r, 2, "default/other", "0", 0);
	cr_expect_eq(r.told_code, 0, "the same again tries again");
	end(&r, &p);
	done(&r);
}

Test(plane, two_services_of_one_address_do_not_share_it)
{
	RIG(r);
	open_back(&r, 0);
	serve(&r, "0");
	struct proxy_address endpoint;
	struct proxy_listener l = {.endpoints = &endpoint, .endpoint_count = 1};
	proxy_address_parse(span_of(r.ip), FRONT + 1, &l.at);
	proxy_address_parse(span_of(r.ip), BACK, &endpoint);
	plane_listen(r.plane, 9, span_of("default/thief"), &l);
	cr_expect_eq(r.told_code, ERR_BUSY);
	done(&r);
}

Test(plane, an_address_of_elsewhere_and_a_protocol_unknown_are_told)
{
	RIG(r);
	struct proxy_address endpoint;
	struct proxy_listener l = {.endpoints = &endpoint, .endpoint_count = 1};
	proxy_address_parse(span_of("127.0.0.1"), 1, &endpoint);
	proxy_address_parse(span_of("192.0.2.1"), 80, &l.at);
	plane_listen(r.plane, 1, span_of("default/far"), &l);
	cr_expect_eq(r.told_code, ERR_NOT_FOUND);
	proxy_address_parse(span_of(r.ip), 80, &l.at);
	l.protocol = PROXY_SCTP;
	plane_listen(r.plane, 2, span_of("default/sctp"), &l);
	cr_expect_eq(r.told_code, ERR_UNSUPPORTED);
	cr_expect(strstr(r.told_text, "/SCTP: this proxy does TCP and UDP only"), "%s", r.told_text);
	done(&r);
}

Test(plane, a_wake_ends_a_wait)
{
	RIG(r);
	plane_wake(r.plane);
	cr_expect(plane_turn(r.plane, -1));
	cr_expect_not(plane_turn(r.plane, 0));
	done(&r);
}

/* ---- UDP */

/* What endpoint i was sent; it answers when there is something to say. */
static bool heard(struct rig *r, int i, char *text, size_t max, const char *answer)
{
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(r->backs[i], text, max - 1, 0, (struct sockaddr *)&from, &len);
	text[n > 0 ? n : 0] = 0;
	if (n >= 0 && answer)
		sendto(r->backs[i], answer, strlen(answer), 0, (struct sockaddr *)&from, len);
	return n >= 0;
}

static void ask(struct rig *r, int fd, int i, const char *question, const char *answer)
{
	char text[64];
	say(fd, question);
	UNTIL(r, heard(r, i, text, sizeof text, answer));
	cr_expect_str_eq(text, question);
	expect_text(r, fd, answer);
}

static void open_udp(struct rig *r, int endpoints)
{
	r->type = SOCK_DGRAM;
	for (int i = 0; i < endpoints; i++)
		open_back(r, i);
}

Test(plane, udp_clients_go_in_turn_and_stay)
{
	RIG(r);
	open_udp(&r, 2);
	serve(&r, "01");
	int a = client(&r), b = client(&r);
	ask(&r, a, 0, "one", "first");
	ask(&r, b, 1, "two", "second");
	ask(&r, a, 0, "three", "first again");
	cr_expect_eq(plane_counters(r.plane)->flows, 2);
	serve(&r, "1"); /* there is nothing to drain: the next datagram goes elsewhere */
	cr_expect_eq(plane_counters(r.plane)->flows, 1);
	ask(&r, a, 1, "four", "moved");
	plane_close(r.plane, 1);
	cr_expect_eq(plane_counters(r.plane)->flows, 0);
	close(a);
	close(b);
	done(&r);
}

Test(plane, udp_flows_end_when_they_idle_or_are_too_many)
{
	RIG(r, .flows_max = 2, .flow_idle_ms = 30);
	open_udp(&r, 1);
	serve(&r, "0");
	int fds[3];
	for (int i = 0; i < 3; i++) {
		fds[i] = client(&r);
		ask(&r, fds[i], 0, "hello", "hi");
	}
	cr_expect_eq(plane_counters(r.plane)->flows_opened, 3);
	UNTIL(&r, plane_counters(r.plane)->flows == 0);
	ask(&r, fds[0], 0, "again", "hi");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	done(&r);
}

Test(plane, udp_endpoint_that_refuses_is_left)
{
	RIG(r);
	char text[64];
	open_udp(&r, 0);
	open_back(&r, 1);
	serve(&r, "01"); /* nobody is at 0 */
	int c = client(&r);
	say(c, "lost");
	UNTIL(&r, plane_counters(r.plane)->flows_opened == 1 && plane_counters(r.plane)->flows == 0);
	say(c, "found");
	UNTIL(&r, heard(&r, 1, text, sizeof text, NULL));
	cr_expect_str_eq(text, "found");
	close(c);
	done(&r);
}
