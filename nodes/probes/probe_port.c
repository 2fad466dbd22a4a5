/* One socket a probe:
 *
 *   (look-up) ──► connecting ──► (handshake) ──► sending ──► receiving ──► done
 *        ▲             └ TCP: done                               │
 *        └──────────────────────── redirected ───────────────────┘
 *
 * Nearby a connection is there at once, and so is often the answer: the loop is
 * only asked where the socket says that it would block. */
#include "nodes/probes/probe_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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
#include "nodes/probes/probe_link.h"
#include "nodes/probes/probe_names.h"
#include "nodes/probes/probe_plan.h"

struct probes {
	struct port *port;
	struct omap by_id;
	uint64_t due_us; /* no probe is overdue before; 0: none has a time-out */
	struct loop_hook *hook;
	struct probe_names *names; /* NULL: none was asked yet */
	gnutls_certificate_credentials_t nobody; /* no certificate is looked at */
};

enum phase { LOOK_UP, CONNECTING, HANDSHAKE, SENDING, RECEIVING };

struct probe {
	struct probes *all;
	uint64_t id, deadline_us; /* 0: none */
	enum handler_kind kind;
	enum phase phase;
	struct probe_link link;
	struct loop_watch *watch;
	struct probe_url url;
	const char *lines, *name, *service;
	bool any_status;
	int redirects;
	int64_t timeout_ms;
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
	probe_link_close(&p->link);
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
	if (p->kind == HANDLER_GRPC && p->phase <= CONNECTING)
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
	getsockname(p->link.fd, (struct sockaddr *)&at, &n);
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
	if (p->phase == LOOK_UP)
		fail(p, arena_printf(&p->arena, "dial tcp: lookup %s: i/o timeout", p->url.host));
	else if (p->kind == HANDLER_GRPC && p->phase != CONNECTING)
		done(p, PROBE_FAILURE, arena_printf(&p->arena, "timeout: health rpc did not complete within %s",
						    patience(p)));
	else if (p->kind != HANDLER_HTTP)
		fail(p, arena_printf(&p->arena, "dial tcp %s: i/o timeout", address(p)));
	else if (p->in.answer.status)
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
		p->watch = loop_add(p->all->port->loop, p->link.fd, events, on_ready, p);
}

/* ---- connecting */

/* 0: it is no address. */
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

static void start_at(struct probe *p, const struct sockaddr_storage *at, socklen_t n)
{
	p->phase = CONNECTING;
	int rc = probe_link_connect(&p->link, at, n);
	if (rc == 0)
		step(p);
	else if (rc == ERR_AGAIN)
		wait_for(p, LOOP_WRITE);
	else if (p->link.fd >= 0)
		fail_connect(p, errno);
	else
		done(p, PROBE_ERROR,
		     arena_printf(&p->arena, "dial tcp %s: socket: %s", address(p), error_text(p, errno)));
}

static void no_such_host(struct probe *p)
{
	fail(p, arena_printf(&p->arena, "dial tcp: lookup %s: no such host", p->url.host));
}

static void on_name(void *arg, uint64_t id, const struct sockaddr_storage *found, socklen_t n)
{
	struct probes *x = arg;
	struct probe *p = omap_get_u64(&x->by_id, id);
	struct sockaddr_storage at = *found;
	if (!p || p->phase != LOOK_UP)
		return;
	if (!n) {
		no_such_host(p);
		return;
	}
	if (at.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&at)->sin6_port = htons((uint16_t)p->url.port);
	else
		((struct sockaddr_in *)&at)->sin_port = htons((uint16_t)p->url.port);
	start_at(p, &at, n);
}

static void start(struct probe *p)
{
	struct probes *x = p->all;
	struct sockaddr_storage at;
	socklen_t n = parse_address(&p->url, &at);
	if (n) {
		start_at(p, &at, n);
		return;
	}
	if (!x->names)
		x->names = probe_names_new(x->port->loop, on_name, x);
	p->phase = LOOK_UP;
	int rc = probe_names_ask(x->names, p->id, p->url.host);
	if (rc == ERR_INVALID)
		no_such_host(p);
	else if (rc)
		done(p, PROBE_ERROR, "too many names are being looked up");
}

/* True: go on. */
static bool shake_hands(struct probe *p)
{
	struct err e = {0};
	bool writes;
	int rc = probe_link_shake(&p->link, &writes, &e);
	if (rc == ERR_AGAIN)
		wait_for(p, writes ? LOOP_WRITE : LOOP_READ);
	else if (rc)
		fail(p, e.text);
	return rc == 0;
}

/* ---- the exchange */

/* True: it has left. */
static bool send_request(struct probe *p)
{
	while (p->sent < p->out.len) {
		ssize_t n = probe_link_put(&p->link, (struct span){p->out.data + p->sent, p->out.len - p->sent});
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
	int status = p->in.answer.status;
	if (probe_http_redirect(&p->arena, &p->in, &p->url, &to)) {
		follow(p, &to);
	} else if (p->any_status || (status >= 200 && status < 300)) {
		done(p, PROBE_SUCCESS, "");
	} else if (status >= 300 && status < 400) {
		done(p, PROBE_WARNING,
		     arena_printf(&p->arena, "Probe terminated redirects, Response body: %s",
				  probe_output_text(&p->arena, span_buf(&p->in.body),
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
		ssize_t n = probe_link_get(&p->link, bytes, sizeof bytes);
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
		ssize_t n = probe_link_get(&p->link, bytes, sizeof bytes);
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
		else if (p->in.answer.status)
			done(p, PROBE_ERROR, "unexpected EOF");
		else
			fail(p, "EOF");
		return;
	}
}

/* ---- one step, as far as it goes */

static bool connected(struct probe *p)
{
	struct sockaddr_storage at;
	int error = p->watch ? probe_link_connected(&p->link) : 0; /* else connect() itself said so */
	const char *name = parse_address(&p->url, &at) ? NULL : p->url.host;
	if (error) {
		fail_connect(p, error);
		return false;
	}
	if (p->kind == HANDLER_TCP) {
		done(p, PROBE_SUCCESS, "");
		return false;
	}
	if (p->url.tls && probe_link_secure(&p->link, name, &p->all->nobody)) {
		done(p, PROBE_ERROR, "tls: no session could be made");
		return false;
	}
	if (p->kind == HANDLER_GRPC)
		probe_grpc_request(&p->out, address(p), span_of(p->service));
	else
		probe_http_request(&p->out, p->url.path, p->name, p->lines);
	p->phase = p->url.tls ? HANDSHAKE : SENDING;
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
	p->link.fd = -1;
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
	probe_names_free(x->names);
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
