#include "tools/client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/envelope.h"
#include "broker/messages.h"
#include "broker/socket.h"
#include "tools/rundir.h"

enum { CLUSTER = 1, PING_MS = 1000, BYE_MS = 200 };

struct client {
	struct sock *dealer;
	struct rundir run;
	char name[64], self[80];
	uint64_t epoch, sequence, correlation;
	uint64_t pinged_ms;
};

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void send_envelope(struct client *c, enum env_type type, const char *to, uint16_t kind,
			  uint64_t correlation, struct buf *body)
{
	struct envelope env = {
		.type = type,
		.cluster = CLUSTER,
		.to = span_of(to),
		.from = span_of(type == ENV_SYSTEM ? "" : c->self),
		.incarnation = (uint64_t)getpid(),
		.sequence = ++c->sequence,
		.correlation = correlation,
		.kind = kind,
		.hops = ENV_HOPS,
		.epoch = c->epoch,
		.body = span_buf(body),
	};
	struct buf out = {0};
	env_encode(&out, &env);
	struct bytes *frame = bytes_take(&out);
	(void)sock_send(c->dealer, 0, frame);
	bytes_unref(frame);
	buf_fini(body);
}

static void say_hello(struct client *c)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "cell", c->name);
	mpw_kv_u64(&b, "incarnation", (uint64_t)getpid());
	mpw_str(&b, "version");
	mpw_array(&b, 2);
	mpw_u64(&b, 1);
	mpw_u64(&b, 1);
	mpw_str(&b, "names");
	mpw_array(&b, 1);
	mpw_str(&b, c->self);
	c->epoch = 0;
	send_envelope(c, ENV_SYSTEM, "broker", MSG_SESSION_HELLO, 0, &b);
}

static void keep_alive(struct client *c)
{
	uint64_t now = now_ms();
	if (now - c->pinged_ms < PING_MS)
		return;
	struct buf b = {0};
	mpw_map(&b, 0);
	c->pinged_ms = now;
	send_envelope(c, ENV_SYSTEM, "broker", MSG_SESSION_PING, 0, &b);
}

/* The next envelope from the broker before `until`; NULL: none came. */
static struct bytes *receive(struct client *c, uint64_t until, struct envelope *env)
{
	for (;;) {
		uint64_t peer, now = now_ms();
		struct bytes *frame = NULL;
		if (sock_recv(c->dealer, &peer, &frame) == 0) {
			if (env_decode(bytes_span(frame), env, NULL) == 0)
				return frame;
			bytes_unref(frame);
			continue;
		}
		if (now >= until)
			return NULL;
		struct pollfd fd = {.fd = sock_fd(c->dealer), .events = POLLIN};
		uint64_t wait = until - now < 100 ? until - now : 100;
		poll(&fd, 1, (int)wait);
	}
}

static bool welcomed(struct client *c, uint64_t until)
{
	struct envelope env;
	struct bytes *frame;
	while ((frame = receive(c, until, &env))) {
		struct mp v;
		bool good = env.type == ENV_SYSTEM && env.kind == MSG_SESSION_WELCOME &&
			    mp_find(mp_of(env.body), "epoch", &v) && mp_u64(&v, &c->epoch) == 0;
		bytes_unref(frame);
		if (good)
			return true;
	}
	return false;
}

static int connect_broker(struct client *c, const char *data_dir, struct err *e)
{
	char at[64];
	c->dealer = sock_new(SOCK_DEALER, e);
	if (!c->dealer)
		return ERR_IO;
	if (rundir_open(&c->run, data_dir, e))
		return err_set(e, ERR_UNREACHABLE, "no cluster answers at the data directory %s",
			       data_dir);
	snprintf(at, sizeof at, "ipc://%s/broker.ipc", c->run.path);
	return sock_connect(c->dealer, at, e);
}

/* Waits until the broker has heard it: closing the socket drops what is on its
 * way, and a session that only falls silent is a warning in the log. After a
 * bye we are a stranger, who is told so. */
static void say_bye(struct client *c)
{
	struct buf b = {0}, ping = {0};
	struct envelope env;
	struct bytes *frame;
	bool heard = false;
	uint64_t until = now_ms() + BYE_MS;
	mpw_map(&b, 1);
	mpw_kv_str(&b, "reason", "done");
	send_envelope(c, ENV_SYSTEM, "broker", MSG_SESSION_BYE, 0, &b);
	mpw_map(&ping, 0);
	send_envelope(c, ENV_SYSTEM, "broker", MSG_SESSION_PING, 0, &ping);
	while (!heard && (frame = receive(c, until, &env))) {
		heard = env.type == ENV_SYSTEM && env.kind == MSG_SESSION_BYE;
		bytes_unref(frame);
	}
}

int client_open(struct client **out, const char *data_dir, uint32_t timeout_ms, struct err *e)
{
	struct client *c = mem_alloc(sizeof *c);
	sock_system_start();
	snprintf(c->name, sizeof c->name, "tool-%d", getpid());
	snprintf(c->self, sizeof c->self, "cell/%s", c->name);
	int rc = connect_broker(c, data_dir, e);
	if (rc == 0) {
		say_hello(c);
		if (!welcomed(c, now_ms() + timeout_ms))
			rc = err_set(e, ERR_UNREACHABLE,
				     "no cluster answers at the data directory %s", data_dir);
	}
	if (rc) {
		client_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	if (c->epoch)
		say_bye(c);
	sock_close(c->dealer);
	sock_system_stop();
	rundir_close(&c->run);
	free(c);
}

const char *client_self(const struct client *c)
{
	return c->self;
}

static int failed(const struct envelope *env, struct err *e)
{
	struct mp body = mp_of(env->body);
	struct span code = mp_path_str(body, "code"), text = mp_path_str(body, "text");
	char name[64];
	snprintf(name, sizeof name, "%.*s", (int)code.len, (const char *)code.data);
	return err_set(e, err_by_name(name), "%.*s", (int)text.len, (const char *)text.data);
}

int client_request(struct client *c, const char *to, uint16_t kind, struct buf *body,
		   uint32_t timeout_ms, struct mp *reply, struct bytes **owner, struct err *e)
{
	uint64_t until = now_ms() + timeout_ms, id = ++c->correlation;
	struct envelope env;
	struct bytes *frame;
	send_envelope(c, ENV_REQUEST, to, kind, id, body);
	while ((frame = receive(c, until, &env))) {
		if (env.correlation == id && env.type == ENV_REPLY) {
			*reply = mp_of(env.body);
			*owner = frame;
			return 0;
		}
		int rc = env.correlation == id && env.type == ENV_ERROR ? failed(&env, e) : 0;
		bool bye = env.type == ENV_SYSTEM && env.kind == MSG_SESSION_BYE;
		bytes_unref(frame);
		if (bye) {
			say_hello(c);
			welcomed(c, until);
			return err_set(e, ERR_STALE, "the broker was started again");
		}
		if (rc)
			return rc;
	}
	return err_set(e, ERR_TIMEOUT, "%s did not answer within %u ms", to, timeout_ms);
}

void client_again(struct client *c)
{
	c->correlation--;
}

void client_send(struct client *c, const char *to, uint16_t kind, struct buf *body)
{
	send_envelope(c, ENV_SEND, to, kind, 0, body);
}

void client_keep(struct client *c)
{
	struct envelope env;
	struct bytes *frame;
	keep_alive(c);
	while ((frame = receive(c, 0, &env))) {
		bool bye = env.type == ENV_SYSTEM && env.kind == MSG_SESSION_BYE;
		bytes_unref(frame);
		if (bye) {
			say_hello(c);
			welcomed(c, now_ms() + PING_MS);
		}
	}
}
