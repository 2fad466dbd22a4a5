/* One socket a probe:
 *
 *   connecting ──► (handshake) ──► sending ──► receiving ──► done
 *        └ TCP: done                  ▲ redirected ┘
 *
 * Nearby a connection is there at once, and so is often the answer: the loop is
 * only asked where the socket says that it would block. */
#include "nodes/probes/probe_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "nodes/port_body.h"
#include "nodes/probes/probe_call.h"
#include "nodes/probes/probe_grpc.h"
#include "nodes/probes/probe_http.h"
#include "nodes/probes/probe_plan.h"

struct probes {
	struct port *port;
	struct omap by_id;
	uint64_t due_us; /* no probe is overdue before; 0: none has a time-out */
	struct loop_hook *hook;
	gnutls_certificate_credentials_t nobody; /* no certificate is looked at */
};

enum phase { CONNECTING, HANDSHAKE, SENDING, RECEIVING };

struct probe {
	struct probes *all;
	uint64_t id, deadline_us; /* 0: none */
	enum handler_kind kind;
	enum phase phase;
	int fd;
	struct loop_watch *watch;
	struct probe_url url;
	const char *lines, *name, *service;
	bool any_status;
	int redirects;
	int64_t timeout_ms;
	gnutls_session_t tls;
	struct buf out;
	size_t sent;
	struct probe_http in;
	struct probe_grpc grpc;
	struct arena arena;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- the end of one */

static void disconnect(struct probe *p)
{
	loop_remove(p->watch);
	p->watch = NULL;
	if (p->tls)
		gnutls_deinit(p->tls);
	p->tls = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void probe_free(void *probe)
{
	struct probe *p = probe;
	disconnect(p);
	buf_fini(&p->out);
	probe_http_fini(&p->in);
	probe_grpc_fini(&p->grpc);
	arena_fini(&p->arena);
	free(p);
}

static void tell(struct probes *x, uint64_t id, enum probe_result r, const char *text)
{
	struct bytes *why = r == PROBE_SUCCESS ? NULL : bytes_copy(text, strlen(text));
	if (port_deliver(x->port, PROBE_DONE, id, r, why))
		log_warn("node", "a probe's result was lost: the agent's queue is full");
}

static void done(struct probe *p, enum probe_result r, const char *text)
{
	tell(p->all, p->id, r, text);
	omap_remove_u64(&p->all->by_id, p->id);
	probe_free(p);
}

/* ---- words, as Go's net and net/http have them */

static const char *address(struct probe *p)
{
	return probe_address(&p->arena, p->url.host, p->url.port);
}

/* As Go prints a duration of whole seconds; probes have no others. */
static const char *patience(struct probe *p)
{
	return arena_printf(&p->arena, "%llds", (long long)p->timeout_ms / 1000);
}

/* What went wrong with the exchange, as the result of it. */
static void fail(struct probe *p, const char *why)
{
	if (p->kind == HANDLER_GRPC && p->phase == CONNECTING)
		why = arena_printf(&p->arena, "timeout: failed to connect service \"%s\" within %s: context "
				   "deadline exceeded: connection error: desc = \"transport: Error while "
				   "dialing: %s\"", address(p), patience(p), why);
	else if (p->kind == HANDLER_GRPC)
		why = arena_printf(&p->arena, "error: health rpc probe failed: %s", why);
	else if (p->kind == HANDLER_HTTP)
		why = arena_printf(&p->arena, "Get \"http%s://%s%s\": %s", p->url.tls ? "s" : "", address(p),
				   p->url.path, why);
	done(p, PROBE_FAILURE, why);
}

static const char *error_text(struct probe *p, int error)
{
	char *text = arena_dup(&p->arena, strerror(error));
	if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a')
		text[0] = (char)(text[0] - 'A' + 'a');
	return text;
}

static void fail_connect(struct probe *p, int error)
{
	fail(p, arena_printf(&p->arena, "dial tcp %s: connect: %s", address(p), error_text(p, error)));
}

static const char *local_address(struct probe *p)
{
	struct sockaddr_storage at = {0};
	socklen_t n = sizeof at;
	char text[INET6_ADDRSTRLEN] = "";
	getsockname(p->fd, (struct sockaddr *)&at, &n);
	bool six = at.ss_family == AF_INET6;
	const void *ip = six ? (const void *)&((struct sockaddr_in6 *)&at)->sin6_addr
			     : (const void *)&((struct sockaddr_in *)&at)->sin_addr;
	inet_ntop(at.ss_family, ip, text, sizeof text);
	return probe_address(&p->arena, text,
			     ntohs(six ? ((struct sockaddr_in6 *)&at)->sin6_port
				       : ((struct sockaddr_in *)&at)->sin_port));
}

static void fail_io(struct probe *p, const char *what, int error)
{
	fail(p, arena_printf(&p->arena, "%s tcp %s->%s: %s: %s", what, local_address(p), address(p), what,
			     error_text(p, error)));
}

static void time_out(struct probe *p)
{
	if (p->kind == HANDLER_GRPC && p->phase != CONNECTING)
		done(p, PROBE_FAILURE, arena_printf(&p->arena, "timeout: health rpc did not complete within %s",
						    patience(p)));
	else if (p->kind != HANDLER_HTTP)
		fail(p, arena_printf(&p->arena, "dial tcp %s: i/o timeout", address(p)));
	else if (p->in.head)
		done(p, PROBE_ERROR, "context deadline exceeded (Client.Timeout or context cancellation "
				     "while reading body)");
	else
		fail(p, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
}

/* ---- waiting */

static void step(struct probe *p);

static void on_ready(void *arg, unsigned events)
{
	(void)events;
	step(arg);
}

static void wait_for(struct probe *p, unsigned events)
{
	if (p->watch)
		loop_change(p->watch, events);
	else
		p->watch = loop_add(p->all->port->loop, p->fd, events, on_ready, p);
}

/* ---- connecting */

/* 0: it is no address. Names of other machines are not looked up: see README. */
static socklen_t parse_address(const struct probe_url *u, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	const char *host = strcmp(u->host, "localhost") == 0 ? "127.0.0.1" : u->host;
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)u->port);
		return sizeof *four;
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		return 0;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)u->port);
	return sizeof *six;
}

static void start(struct probe *p)
{
	struct sockaddr_storage at;
	socklen_t n = parse_address(&p->url, &at);
	int one = 1;
	if (!n) {
		fail(p, arena_printf(&p->arena, "dial tcp: lookup %s: no such host", p->url.host));
		return;
	}
	p->phase = CONNECTING;
	p->fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		done(p, PROBE_ERROR,
		     arena_printf(&p->arena, "dial tcp %s: socket: %s", address(p), error_text(p, errno)));
		return;
	}
	if (p->kind != HANDLER_TCP)
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(p->fd, (struct sockaddr *)&at, n) == 0)
		step(p);
	else if (errno == EINPROGRESS)
		wait_for(p, LOOP_WRITE);
	else
		fail_connect(p, errno);
}

/* ---- TLS */

static bool begin_tls(struct probe *p)
{
	struct probes *x = p->all;
	if (!x->nobody && gnutls_certificate_allocate_credentials(&x->nobody))
		return false;
	if (gnutls_init(&p->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL))
		return false;
	struct sockaddr_storage at;
	if (!parse_address(&p->url, &at))
		gnutls_server_name_set(p->tls, GNUTLS_NAME_DNS, p->url.host, strlen(p->url.host));
	gnutls_transport_set_int(p->tls, p->fd);
	return gnutls_set_default_priority(p->tls) == 0 &&
	       gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, x->nobody) == 0;
}

static bool speaks_plain_http(struct probe *p)
{
	char start[5];
	return recv(p->fd, start, sizeof start, MSG_PEEK | MSG_DONTWAIT) == sizeof start &&
	       memcmp(start, "HTTP/", sizeof start) == 0;
}

static bool would_block(int rc)
{
	return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED;
}

/* True: go on. */
static bool shake_hands(struct probe *p)
{
	int rc = GNUTLS_E_AGAIN;
	if (speaks_plain_http(p)) {
		fail(p, "http: server gave HTTP response to HTTPS client");
		return false;
	}
	do
		rc = gnutls_handshake(p->tls);
	while (rc == GNUTLS_E_INTERRUPTED || (rc < 0 && !would_block(rc) && !gnutls_error_is_fatal(rc)));
	if (rc == GNUTLS_E_AGAIN) {
		wait_for(p, gnutls_record_get_direction(p->tls) ? LOOP_WRITE : LOOP_READ);
	} else if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		fail(p, arena_printf(&p->arena, "remote error: tls: %s",
				     gnutls_alert_get_name(gnutls_alert_get(p->tls))));
	} else if (rc == GNUTLS_E_PREMATURE_TERMINATION) {
		fail(p, "EOF");
	} else if (rc == GNUTLS_E_UNEXPECTED_PACKET || rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH ||
		   rc == GNUTLS_E_UNSUPPORTED_VERSION_PACKET) {
		fail(p, "tls: first record does not look like a TLS handshake");
	} else if (rc) {
		fail(p, arena_printf(&p->arena, "tls: %s", gnutls_strerror(rc)));
	}
	return rc == 0;
}

/* ---- the exchange. Both return bytes; 0: the end; ERR_AGAIN; -1 with errno */

static ssize_t put(struct probe *p, struct span data)
{
	if (!p->tls) {
		ssize_t n = send(p->fd, data.data, data.len, MSG_NOSIGNAL);
		return n < 0 && errno == EAGAIN ? ERR_AGAIN : n;
	}
	ssize_t n = gnutls_record_send(p->tls, data.data, data.len);
	errno = ECONNRESET;
	return n >= 0 ? n : would_block((int)n) ? ERR_AGAIN : -1;
}

static ssize_t get(struct probe *p, uint8_t *to, size_t max)
{
	if (!p->tls) {
		ssize_t n = recv(p->fd, to, max, 0);
		return n < 0 && errno == EAGAIN ? ERR_AGAIN : n;
	}
	ssize_t n;
	do
		n = gnutls_record_recv(p->tls, to, max);
	while (n < 0 && !would_block((int)n) && !gnutls_error_is_fatal((int)n));
	errno = ECONNRESET;
	return n >= 0 ? n : would_block((int)n) ? ERR_AGAIN : n == GNUTLS_E_PREMATURE_TERMINATION ? 0 : -1;
}

/* True: it has left. */
static bool send_request(struct probe *p)
{
	while (p->sent < p->out.len) {
		ssize_t n = put(p, (struct span){p->out.data + p->sent, p->out.len - p->sent});
		if (n == ERR_AGAIN)
			wait_for(p, LOOP_WRITE);
		else if (n < 0)
			fail_io(p, "write", errno);
		if (n < 0)
			return false;
		p->sent += (size_t)n;
	}
	return true;
}

static void follow(struct probe *p, const struct probe_url *to)
{
	if (++p->redirects >= PROBE_REDIRECTS_MAX) {
		fail(p, "stopped after 10 redirects");
		return;
	}
	bool moved = to->port != p->url.port || to->tls != p->url.tls;
	p->url = *to;
	if (moved)
		p->name = address(p);
	disconnect(p);
	probe_http_fini(&p->in);
	p->out.len = p->sent = 0;
	start(p);
}

static void conclude(struct probe *p)
{
	struct probe_url to;
	int status = p->in.status;
	if (probe_http_redirect(&p->arena, &p->in, &p->url, &to)) {
		follow(p, &to);
	} else if (p->any_status || (status >= 200 && status < 300)) {
		done(p, PROBE_SUCCESS, "");
	} else if (status >= 300 && status < 400) {
		done(p, PROBE_WARNING,
		     arena_printf(&p->arena, "Probe terminated redirects, Response body: %s",
				  probe_output_text(&p->arena, probe_http_body(&p->in),
						    PROBE_BODY_BYTES_MAX)));
	} else {
		done(p, PROBE_FAILURE,
		     arena_printf(&p->arena, "HTTP probe failed with statuscode: %d", status));
	}
}

static void conclude_grpc(struct probe *p, int rc)
{
	if (rc == 0 && p->grpc.health == GRPC_SERVING)
		done(p, PROBE_SUCCESS, "");
	else if (rc == 0)
		done(p, PROBE_FAILURE, arena_printf(&p->arena, "service unhealthy (responded with \"%s\")",
						    probe_grpc_name(p->grpc.health)));
	else
		fail(p, rc == ERR_CLOSED ? "the server did not answer it" : "the answer is not gRPC");
}

static void receive_grpc(struct probe *p)
{
	uint8_t bytes[4096];
	int rc = ERR_AGAIN;
	while (rc == ERR_AGAIN) {
		ssize_t n = get(p, bytes, sizeof bytes);
		if (n == ERR_AGAIN) {
			wait_for(p, LOOP_READ);
			return;
		}
		rc = n > 0 ? probe_grpc_read(&p->grpc, (struct span){bytes, (size_t)n}) : ERR_CLOSED;
	}
	conclude_grpc(p, rc);
}

static void receive(struct probe *p)
{
	uint8_t bytes[4096];
	struct err e = {0};
	for (;;) {
		ssize_t n = get(p, bytes, sizeof bytes);
		if (n == ERR_AGAIN) {
			wait_for(p, LOOP_READ);
			return;
		}
		if (n < 0) {
			fail_io(p, "read", errno);
			return;
		}
		int rc = n ? probe_http_read(&p->in, (struct span){bytes, (size_t)n}, &e)
			   : probe_http_ended(&p->in);
		if (rc == ERR_AGAIN)
			continue;
		if (rc == 0)
			conclude(p);
		else if (rc == ERR_INVALID)
			fail(p, e.text);
		else if (p->in.head)
			done(p, PROBE_ERROR, "unexpected EOF");
		else
			fail(p, "EOF");
		return;
	}
}

/* ---- one step, as far as it goes */

static bool connected(struct probe *p)
{
	int error = 0;
	socklen_t n = sizeof error;
	if (p->watch) /* else connect() itself said so */
		getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error) {
		fail_connect(p, error);
		return false;
	}
	if (p->kind == HANDLER_TCP) {
		done(p, PROBE_SUCCESS, "");
		return false;
	}
	if (p->url.tls && !begin_tls(p)) {
		done(p, PROBE_ERROR, "tls: no session could be made");
		return false;
	}
	if (p->kind == HANDLER_GRPC)
		probe_grpc_request(&p->out, address(p), span_of(p->service));
	else
		probe_http_request(&p->out, p->url.path, p->name, p->lines);
	p->phase = p->tls ? HANDSHAKE : SENDING;
	return true;
}

static void step(struct probe *p)
{
	if (p->phase == CONNECTING && !connected(p))
		return;
	if (p->phase == HANDSHAKE) {
		if (!shake_hands(p))
			return;
		p->phase = SENDING;
	}
	if (p->phase == SENDING) {
		if (!send_request(p))
			return;
		p->phase = RECEIVING;
	}
	if (p->kind == HANDLER_GRPC)
		receive_grpc(p);
	else
		receive(p);
}

/* ---- time-outs: the earliest is remembered, and may be one that is over by now */

static uint64_t before_sleep(void *arg)
{
	struct probes *x = arg;
	uint64_t now;
	if (!x->due_us)
		return UINT64_MAX;
	now = now_us();
	if (now < x->due_us)
		return x->due_us - now;
	uint64_t next = 0;
	struct onode *n = omap_first(&x->by_id), *after;
	for (; n; n = after) {
		struct probe *p = n->value;
		after = omap_next(n);
		if (p->deadline_us && p->deadline_us <= now)
			time_out(p);
		else if (p->deadline_us && (!next || p->deadline_us < next))
			next = p->deadline_us;
	}
	x->due_us = next;
	return next ? next - now : UINT64_MAX;
}

/* ---- the port */

static void run(struct probes *x, uint64_t id, struct mp call)
{
	if (x->by_id.count >= PROBES_AT_ONCE_MAX) {
		tell(x, id, PROBE_ERROR, "too many probes run on this node");
		return;
	}
	struct probe *p = mem_alloc(sizeof *p);
	int64_t timeout = mp_path_int(call, "timeout_ms", 0);
	p->all = x;
	p->id = id;
	p->fd = -1;
	p->arena.block = 512;
	p->kind = (enum handler_kind)mp_path_int(call, "kind", 0);
	p->url = (struct probe_url){
		.tls = mp_path_bool(call, "tls", false),
		.host = body_text(&p->arena, call, "host"),
		.port = (int)mp_path_int(call, "port", 0),
		.path = body_text(&p->arena, call, "path"),
	};
	if (p->kind == HANDLER_HTTP) {
		p->lines = body_text(&p->arena, call, "lines");
		p->name = body_text(&p->arena, call, "name");
		p->any_status = mp_path_bool(call, "any_status", false);
	}
	p->service = body_text(&p->arena, call, "service");
	p->timeout_ms = timeout;
	if (timeout > 0) {
		p->deadline_us = now_us() + (uint64_t)timeout * 1000;
		if (!x->due_us || p->deadline_us < x->due_us)
			x->due_us = p->deadline_us;
	}
	omap_put_u64(&x->by_id, id, p);
	if (p->kind == HANDLER_HTTP || p->kind == HANDLER_TCP || p->kind == HANDLER_GRPC)
		start(p);
	else
		done(p, PROBE_ERROR, "missing probe handler");
}

static void call(struct port *port, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct probes *x = port->state;
	(void)arg;
	if (op == PROBE_RUN) {
		run(x, id, mp_of_bytes(payload));
	} else if (op == PROBE_CANCEL) {
		struct probe *p = omap_remove_u64(&x->by_id, id);
		if (p)
			probe_free(p);
	}
}

static int open_port(struct port *port, struct mp cfg, struct err *e)
{
	struct probes *x = mem_alloc(sizeof *x);
	(void)cfg;
	(void)e;
	x->port = port;
	x->hook = loop_hook_add(port->loop, before_sleep, x);
	port->state = x;
	return 0;
}

static void close_port(struct port *port)
{
	struct probes *x = port->state;
	omap_fini(&x->by_id, probe_free);
	loop_hook_remove(x->hook);
	if (x->nobody)
		gnutls_certificate_free_credentials(x->nobody);
	free(x);
}

const struct port_driver probe_port_driver = {
	.name = "probes",
	.open = open_port,
	.call = call,
	.close = close_port,
};
