/* Envelopes under a backlog, without actors: 256-byte messages put into batches
 * as a cell's outbox does, through the broker, taken apart and read at the other
 * end; beside a bare relay of the same bytes, one message a frame, in the same
 * run. A JSON line each, over inproc and ipc. Usage: batch [SECONDS_EACH] */
#include <string.h>

#include "broker/batch.h"
#include "broker/messages.h"
#include "tools/bench/broker.h"
#include "tools/bench/relay.h"

enum { BYTES = 256, BACKLOG = 8000, PUT = 202 };

struct taker {
	const struct way *way;
	_Atomic bool ready, stop;
	_Atomic long got;
};

static void wait_frame(struct sock *s)
{
	if (!sock_readable(s))
		a_moment();
}

static void send_all(struct sock *s, struct bytes *frame)
{
	while (sock_send(s, 0, frame))
		a_moment();
	bytes_unref(frame);
}

/* The session's epoch, once the broker has taken us in. */
static uint64_t hello(struct sock *s, const char *name)
{
	struct buf b = {0}, out = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "cell", name);
	mpw_kv_u64(&b, "incarnation", 1);
	mpw_kv_u64(&b, "batch", BATCH_BYTES_MAX);
	mpw_str(&b, "names");
	mpw_array(&b, 1);
	mpw_str(&b, name);
	struct envelope env = {.type = ENV_SYSTEM, .cluster = 1, .kind = MSG_SESSION_HELLO,
			       .body = span_buf(&b)};
	env_encode(&out, &env);
	send_all(s, bytes_take(&out));
	buf_fini(&b);
	for (;;) {
		uint64_t peer, epoch = 0;
		struct bytes *frame = NULL;
		struct mp v;
		if (sock_recv(s, &peer, &frame)) {
			wait_frame(s);
			continue;
		}
		if (env_decode(bytes_span(frame), &env, NULL) == 0 &&
		    mp_find(mp_of(env.body), "epoch", &v))
			mp_u64(&v, &epoch);
		bytes_unref(frame);
		if (epoch)
			return epoch;
	}
}

static void grant(struct sock *s, uint64_t epoch, uint64_t taken)
{
	struct buf b = {0}, out = {0};
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "taken", taken);
	struct envelope env = {.type = ENV_SYSTEM, .cluster = 1, .kind = MSG_SESSION_CREDIT,
			       .epoch = epoch, .body = span_buf(&b)};
	env_encode(&out, &env);
	send_all(s, bytes_take(&out));
	buf_fini(&b);
}

static long take_one(struct taker *t, struct span raw)
{
	struct envelope env;
	int rc = t->way->trusted ? env_decode_trusted(raw, &env, NULL) : env_decode(raw, &env, NULL);
	return rc == 0 && env.kind == PUT;
}

static void *take(void *arg)
{
	struct taker *t = arg;
	struct err e = {0};
	struct sock *s = sock_new(SOCK_DEALER, &e);
	sock_connect(s, t->way->broker, &e);
	uint64_t epoch = hello(s, "taker"), taken = 0, told = 0;
	t->ready = true;
	while (!t->stop) {
		uint64_t peer;
		struct bytes *frame = NULL;
		struct batch_reader r;
		struct span one;
		if (sock_recv(s, &peer, &frame)) {
			wait_frame(s);
			continue;
		}
		one = bytes_span(frame);
		long n = 0;
		if (batch_is(one) && batch_open(&r, one, NULL) == 0) {
			while (batch_next(&r, &one)) {
				struct bytes *kept = bytes_part(frame, one);
				n += take_one(t, bytes_span(kept));
				taken += one.len;
				bytes_unref(kept);
			}
		} else {
			n += take_one(t, one);
			taken += one.len;
		}
		t->got += n;
		bytes_unref(frame);
		if (taken - told > ROUTER_WINDOW_BYTES / 8)
			grant(s, epoch, told = taken);
	}
	sock_close(s);
	return NULL;
}

static double ours(const struct way *y, double seconds)
{
	struct taker t = {.way = y};
	struct err e = {0};
	pthread_t thread;
	pthread_create(&thread, NULL, take, &t);
	while (!t.ready)
		a_moment();
	struct sock *s = sock_new(SOCK_DEALER, &e);
	sock_connect(s, y->broker, &e);
	struct batch b = {.limit = BATCH_BYTES_MAX};
	struct buf body = {0};
	static const uint8_t zeros[BYTES];
	mpw_map(&body, 1);
	mpw_str(&body, "data");
	mpw_bin(&body, (struct span){zeros, sizeof zeros});
	struct envelope env = {.type = ENV_SEND, .cluster = 1, .to = span_of("taker"),
			       .from = span_of("putter"), .incarnation = 1, .kind = PUT,
			       .hops = ENV_HOPS, .epoch = hello(s, "putter"),
			       .body = span_buf(&body)};
	size_t most = env_bytes_max(&env);
	double began = now_s();
	while (now_s() - began < seconds) {
		while ((long)env.sequence - t.got > BACKLOG)
			a_moment();
		while (batch_has_room(&b, most)) {
			env.sequence++;
			batch_add_envelope(&b, &env);
		}
		send_all(s, batch_take(&b));
	}
	double per_s = (double)t.got / (now_s() - began);
	t.stop = true;
	pthread_join(thread, NULL);
	buf_fini(&body);
	sock_close(s);
	return per_s;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	struct bench_broker b;
	bench_broker_open(&b);
	const struct way *const ways[] = {&b.inproc, &b.ipc};
	for (size_t i = 0; i < 2; i++) {
		double batched = ours(ways[i], seconds);
		double raw = bare_flood(ways[i]->raw, BYTES, BACKLOG, seconds);
		printf("{\"bench\":\"batch\",\"over\":\"%s\",\"per_s\":%.0f,\"bare_per_s\":%.0f,"
		       "\"ratio\":%.2f}\n",
		       ways[i]->over, batched, raw, batched / raw);
	}
	bench_broker_close(&b);
	return 0;
}
