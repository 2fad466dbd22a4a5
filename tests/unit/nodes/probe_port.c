/* Requests of probes on real sockets: a loop without a broker and an actor that
 * asks; the test is the server. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"
#include "broker/socket.h"
#include "nodes/probes/probe_call.h"
#include "nodes/probes/probe_grpc.h"
#include "nodes/probes/probe_plan.h"
#include "nodes/probes/probe_port.h"
#include "tests/unit/nodes/objects.h"

enum { PATIENCE_S = 10, AT = 7000 };

struct world {
	char ip[32];
	struct arena a;
	struct bytes *call; /* what the actor asks for, as number 1 */
	bool cancel;        /* ... and gives up at once */
	struct loop *loop;
	pthread_t thread;
	int listener;
	pthread_mutex_t lock;
	pthread_cond_t heard;
	unsigned count;
	int result;
	char text[500];
};

/* ---- the actor */

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct world *w = ctx_shared(c, "world");
	int port = ctx_port_open(c, "probes", cfg, NULL);
	(void)state;
	if (port < 0)
		return port;
	ctx_port_call(c, port, PROBE_RUN, 1, 0, bytes_ref(w->call));
	if (w->cancel)
		ctx_port_call(c, port, PROBE_CANCEL, 1, 0, NULL);
	return 0;
}

static int on_port(struct ctx *c, void *state, const struct port_event *e)
{
	struct world *w = ctx_shared(c, "world");
	(void)state;
	pthread_mutex_lock(&w->lock);
	w->count++;
	w->result = (int)e->arg;
	span_text(w->text, sizeof w->text, e->payload ? bytes_span(e->payload) : (struct span){0});
	pthread_cond_signal(&w->heard);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static const struct actor_spec user = {.kind = "user", .state_bytes = 1, .init = init, .on_port = on_port};
static const struct actor_spec *const kinds[] = {&user, NULL};
static const struct port_driver *const drivers[] = {&probe_port_driver, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "world") == 0 ? arg : NULL;
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

/* ---- the world around it */

/* An address of this process's own, and somebody who listens there. */
static void prepare(struct world *w, bool listens)
{
	unsigned n = (unsigned)getpid();
	int one = 1;
	memset(w, 0, sizeof *w);
	snprintf(w->ip, sizeof w->ip, "127.%u.%u.%u", 220 + (n >> 16 & 7), n >> 8 & 255, 1 + n % 254);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->heard, NULL);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(AT)};
	inet_pton(AF_INET, w->ip, &at.sin_addr);
	w->listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(w->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	cr_assert_eq(bind(w->listener, (struct sockaddr *)&at, sizeof at), 0);
	if (listens)
		cr_assert_eq(listen(w->listener, 10), 0);
}

static void start(struct world *w, const char *handler, int64_t timeout_ms)
{
	uint8_t none = 0x80; /* the empty map */
	struct buf b = {0};
	struct probe_target t = {.pod_ip = w->ip, .timeout_ms = timeout_ms};
	struct loop_config cfg = {
		.cell = {.name = "cell", .cluster = 1, .catalogue = &catalogue, .kinds = kinds,
			 .drivers = drivers},
		.broker = "inproc://nobody", .bus = "inproc://nobody-either",
		.shared = shared, .shared_arg = w,
	};
	cr_assert_eq(probe_call_make(mp_of(object_of(&w->a, handler)), &t, &b, NULL), 0);
	w->call = bytes_take(&b);
	log_init("off");
	sock_system_start();
	cr_assert_eq(loop_open(&w->loop, &cfg, NULL), 0);
	cr_assert_eq(cell_add_actor(loop_cell(w->loop), "user", "user", mp_of((struct span){&none, 1}), NULL), 0);
	pthread_create(&w->thread, NULL, run, w->loop);
}

static void stop(struct world *w)
{
	loop_stop(w->loop, 1000);
	pthread_join(w->thread, NULL);
	loop_free(w->loop);
	sock_system_stop();
	close(w->listener);
	bytes_unref(w->call);
	arena_fini(&w->a);
}

/* Its one result, as "0", or "2 why", with the server's address as AT. */
static const char *result(struct world *w)
{
	struct timespec end;
	int rc = 0;
	char at[60];
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&w->lock);
	while (!w->count && rc == 0)
		rc = pthread_cond_timedwait(&w->heard, &w->lock, &end);
	pthread_mutex_unlock(&w->lock);
	cr_assert_eq(rc, 0, "never");
	cr_expect_eq(w->count, 1);
	snprintf(at, sizeof at, "%s:%d", w->ip, AT);
	struct buf b = {0};
	buf_printf(&b, "%d%s", w->result, w->text[0] ? " " : "");
	for (char *from = w->text; *from;) {
		bool here = strncmp(from, at, strlen(at)) == 0;
		buf_append(&b, here ? "AT" : from, here ? 2 : 1);
		from += here ? strlen(at) : 1;
	}
	const char *out = arena_dup(&w->a, buf_text(&b));
	buf_fini(&b);
	return out;
}

/* Takes a connection and what is sent until it holds `until`. */
static int take(struct world *w, const char *until, char *request, size_t max)
{
	struct pollfd p = {.fd = w->listener, .events = POLLIN};
	size_t n = 0;
	cr_assert_eq(poll(&p, 1, PATIENCE_S * 1000), 1, "nobody came");
	int fd = accept(w->listener, NULL, NULL);
	cr_assert_geq(fd, 0);
	for (;;) {
		ssize_t more = read(fd, request + n, max - 1 - n);
		cr_assert_gt(more, 0);
		n += (size_t)more;
		request[n] = 0;
		if (memmem(request, n, until, strlen(until)))
			return fd;
	}
}

static void say(int fd, const char *text)
{
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

#define TCP "{'tcpSocket':{'port':7000}}"
#define HTTP "{'httpGet':{'port':7000,'path':'/p'}}"
#define GRPC "{'grpc':{'port':7000,'service':'s'}}"

Test(probe_port, tcp_is_good_when_somebody_listens)
{
	struct world w;
	prepare(&w, true);
	start(&w, TCP, 1000);
	cr_expect_str_eq(result(&w), "0");
	stop(&w);
}

Test(probe_port, who_is_not_there_is_told_in_the_words_of_go)
{
	static const char *const rows[][2] = {
		{TCP, "2 dial tcp AT: connect: connection refused"},
		{HTTP, "2 Get \"http://AT/p\": dial tcp AT: connect: connection refused"},
		{GRPC, "2 timeout: failed to connect service \"AT\" within 1s: context deadline exceeded: connection "
		       "error: desc = \"transport: Error while dialing: dial tcp AT: connect: connection refused\""},
		{"{'tcpSocket':{'port':7000,'host':'no.such.host.invalid'}}",
		 "2 dial tcp: lookup no.such.host.invalid: no such host"},
		{"{'httpGet':{'port':7000,'host':'no such host'}}",
		 "2 Get \"http://no such host:7000/\": dial tcp: lookup no such host: no such host"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world w;
		prepare(&w, false);
		start(&w, rows[i][0], 1000);
		cr_expect_str_eq(result(&w), rows[i][1]);
		stop(&w);
	}
}

static const struct {
	const char *answer, *result;
} answers[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "0"},
	{"HTTP/1.1 399 Odd\r\nContent-Length: 2\r\n\r\nhi", "1 Probe terminated redirects, Response body: hi"},
	{"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
	 "1 Probe terminated redirects, Response body: "},
	{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "2 HTTP probe failed with statuscode: 404"},
	{"HTTP/1.1 500 No\r\n\r\nwhy", "2 HTTP probe failed with statuscode: 500"},
	{"", "2 Get \"http://AT/p\": EOF"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "3 unexpected EOF"},
	{"hello\r\n", "2 Get \"http://AT/p\": net/http: HTTP/1.x transport connection broken: malformed HTTP "
		      "response \"hello\""},
};

Test(probe_port, http_is_judged_by_its_status)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct world w;
		char request[500];
		prepare(&w, true);
		start(&w, HTTP, 5000);
		int fd = take(&w, "\r\n\r\n", request, sizeof request);
		say(fd, answers[i].answer);
		close(fd);
		cr_expect_str_eq(result(&w), answers[i].result);
		char want[200];
		snprintf(want, sizeof want, "GET /p HTTP/1.1\r\nHost: %s:7000\r\nUser-Agent: kube-probe/1.34\r\n"
					    "Accept: */*\r\nConnection: close\r\n\r\n", w.ip);
		cr_expect_str_eq(request, want);
		stop(&w);
	}
}

Test(probe_port, redirects_on_the_same_host_are_followed)
{
	struct world w;
	char request[500];
	prepare(&w, true);
	start(&w, HTTP, 5000);
	int fd = take(&w, "GET /p HTTP", request, sizeof request);
	say(fd, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /q\r\n\r\n");
	close(fd);
	fd = take(&w, "GET /q HTTP", request, sizeof request);
	say(fd, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
	close(fd);
	cr_expect_str_eq(result(&w), "2 HTTP probe failed with statuscode: 503");
	stop(&w);
}

Test(probe_port, redirects_without_end_are_not)
{
	struct world w;
	char request[500];
	prepare(&w, true);
	start(&w, HTTP, 9000);
	for (int i = 0; i < 10; i++) {
		int fd = take(&w, "\r\n\r\n", request, sizeof request);
		say(fd, "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: p\r\n\r\n");
		close(fd);
	}
	cr_expect_str_eq(result(&w), "2 Get \"http://AT/p\": stopped after 10 redirects");
	stop(&w);
}

Test(probe_port, who_is_silent_for_too_long_has_failed)
{
	static const char *const rows[][3] = {
		{HTTP, "", "2 Get \"http://AT/p\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"},
		{HTTP, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
		 "3 context deadline exceeded (Client.Timeout or context cancellation while reading body)"},
		{GRPC, "", "2 timeout: health rpc did not complete within 0s"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world w;
		char request[500];
		prepare(&w, true);
		start(&w, rows[i][0], 300);
		int fd = take(&w, i < 2 ? "\r\n\r\n" : "trailers", request, sizeof request);
		say(fd, rows[i][1]);
		cr_expect_str_eq(result(&w), rows[i][2]);
		close(fd);
		stop(&w);
	}
}

Test(probe_port, plain_http_where_tls_was_asked_for)
{
	struct world w;
	prepare(&w, true);
	start(&w, "{'httpGet':{'port':7000,'scheme':'HTTPS'}}", 5000);
	int fd = accept(w.listener, NULL, NULL);
	say(fd, "HTTP/1.0 400 Bad Request\r\n\r\n");
	cr_expect_str_eq(result(&w), "2 Get \"https://AT/\": http: server gave HTTP response to HTTPS client");
	close(fd);
	stop(&w);
}

Test(probe_port, what_was_cancelled_is_not_heard_of_again)
{
	struct world w;
	prepare(&w, true);
	w.cancel = true;
	start(&w, HTTP, 200);
	char byte;
	int fd = accept(w.listener, NULL, NULL);
	while (read(fd, &byte, 1) > 0) /* to its end, which cancelling is */
		;
	close(fd);
	stop(&w);
	cr_expect_eq(w.count, 0);
}

/* ---- gRPC, in frames that a server of grpc-go would send */

static const struct {
	const char *frames;
	size_t len;
	const char *result;
} grpc[] = {
#define F(text) text, sizeof text - 1
	{F("\0\0\0\4\0\0\0\0\0" "\0\0\1\1\4\0\0\0\1\x88" "\0\0\7\0\0\0\0\0\1\0\0\0\0\2\x08\1"), "0"},
	{F("\0\0\3\0\0\0\0\0\1\0\0\0" "\0\0\4\0\0\0\0\0\1\0\2\x08\2"),
	 "2 service unhealthy (responded with \"NOT_SERVING\")"},
	{F("\0\0\5\0\0\0\0\0\1\0\0\0\0\0"), "2 service unhealthy (responded with \"UNKNOWN\")"},
	{F("\0\0\x0a\0\x08\0\0\0\1\2\0\0\0\0\2\x08\1xx"), "0"}, /* padded */
	{F("\0\0\1\1\5\0\0\0\1\x88"), "2 error: health rpc probe failed: the server did not answer it"},
	{F("\0\0\0\7\0\0\0\0\0"), "2 error: health rpc probe failed: the server did not answer it"},
	{F("HTTP/1.1 400 Bad Request\r\n\r\n"), "2 error: health rpc probe failed: the answer is not gRPC"},
	{F("\0\0\5\0\0\0\0\0\1\1\0\0\0\0"), "2 error: health rpc probe failed: the answer is not gRPC"},
};

Test(probe_port, grpc_is_judged_by_its_health)
{
	for (size_t i = 0; i < sizeof grpc / sizeof *grpc; i++) {
		struct world w;
		char request[500];
		prepare(&w, true);
		start(&w, GRPC, 5000);
		int fd = take(&w, "\x0a\1s", request, sizeof request); /* the service, at the end */
		cr_expect_eq(memcmp(request, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24), 0);
		cr_assert_eq(write(fd, grpc[i].frames, grpc[i].len), (ssize_t)grpc[i].len);
		cr_expect_str_eq(result(&w), grpc[i].result, "row %zu", i);
		close(fd);
		stop(&w);
	}
}

Test(probe_port, grpc_comes_byte_by_byte_too)
{
	struct probe_grpc g = {0};
	int rc = ERR_AGAIN;
	for (size_t i = 0; i < grpc[0].len && rc == ERR_AGAIN; i++)
		rc = probe_grpc_read(&g, (struct span){(const uint8_t *)grpc[0].frames + i, 1});
	cr_expect_eq(rc, 0);
	cr_expect_eq(g.health, GRPC_SERVING);
	probe_grpc_fini(&g);
}
