/* Bus events per second: from a publisher, which batches as a cell's outbox
 * does, through the broker to N followers' cells, and the same bytes from a bare XPUB to N bare SUB sockets, in one
 * run. Everything inproc. Usage: bus EVENTS FOLLOWERS; prints one JSON line. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/batch.h"
#include "broker/messages.h"
#include "broker/serve.h"
#include "broker/socket.h"

enum { BYTES = 1000, THREADS_MAX = 128 };

struct follower {
	const char *endpoint;
	long want;
	_Atomic long got;
	_Atomic bool ready;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Counts until the last event: some may be lost, that is what a bus does. */
static void *follow(void *arg)
{
	struct follower *f = arg;
	struct err e;
	struct sock *s = sock_new(SOCK_SUB, &e);
	sock_connect(s, f->endpoint, &e);
	sock_subscribe(s, (struct span){(const uint8_t *)"bench", 6}, true);
	f->ready = true;
	for (bool last = false; !last;) {
		uint64_t peer;
		struct bytes *frame = NULL;
		if (sock_recv(s, &peer, &frame)) {
			struct pollfd p = {.fd = sock_fd(s), .events = POLLIN};
			poll(&p, 1, 100); /* nothing was there: the descriptor tells */
			continue;
		}
		f->got++;
		struct span b = bytes_span(frame);
		last = b.len == 7 + 6;
		bytes_unref(frame);
	}
	sock_close(s);
	return NULL;
}

static void *serve(void *arg)
{
	broker_run(arg);
	return NULL;
}

static struct bytes *frame_of(size_t n)
{
	struct buf b = {0};
	buf_append(&b, "bench\0", 6);
	while (b.len < 6 + n)
		buf_putc(&b, 'x');
	return bytes_take(&b);
}

static long total(struct follower *f, int n)
{
	long sum = 0;
	for (int i = 0; i < n; i++)
		sum += f[i].got;
	return sum;
}

static void wait_a_little(void)
{
	struct timespec t = {.tv_nsec = 50000};
	nanosleep(&t, NULL);
}

static void send_frame(struct sock *out, struct bytes *frame)
{
	while (sock_send(out, 0, frame))
		wait_a_little();
}

static void flush(struct sock *out, struct batch *b)
{
	struct bytes *frame = batch_take(b);
	if (frame)
		send_frame(out, frame);
	bytes_unref(frame);
}

/* Paced by what the slowest queue holds, so that both sides lose nothing. */
static double run(struct sock *out, const char *endpoint, long events, int n, size_t batch_bytes,
		  long *delivered)
{
	static struct follower f[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	for (int i = 0; i < n; i++) {
		f[i] = (struct follower){.endpoint = endpoint, .want = events};
		pthread_create(&threads[i], NULL, follow, &f[i]);
		while (!f[i].ready)
			;
	}
	struct timespec settle = {.tv_nsec = 200000000};
	nanosleep(&settle, NULL);
	struct bytes *frame = frame_of(BYTES), *end = frame_of(7);
	struct batch b = {.limit = batch_bytes};
	double start = now_s();
	for (long i = 0; i < events; i++) {
		if (!batch_bytes) {
			send_frame(out, frame);
		} else {
			if (!batch_has_room(&b, bytes_span(frame).len))
				flush(out, &b);
			batch_add(&b, bytes_span(frame));
		}
		while (i % 256 == 0 && i * n - total(f, n) > 2000L * n)
			wait_a_little();
	}
	flush(out, &b);
	while (total(f, n) < events * n && now_s() - start < 60)
		wait_a_little();
	double took = now_s() - start;
	*delivered = total(f, n);
	send_frame(out, end);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	bytes_unref(frame);
	bytes_unref(end);
	return took;
}

static void hello(struct sock *s)
{
	struct buf b = {0}, out = {0};
	struct err e;
	mpw_map(&b, 4);
	mpw_kv_str(&b, "cell", "bench");
	mpw_kv_u64(&b, "incarnation", 1);
	mpw_str(&b, "version");
	mpw_array(&b, 0);
	mpw_str(&b, "names");
	mpw_array(&b, 0);
	struct envelope env = {.type = ENV_SYSTEM, .cluster = 1, .kind = MSG_SESSION_HELLO,
			       .body = span_buf(&b)};
	env_encode(&out, &env);
	struct bytes *frame = bytes_take(&out);
	(void)e;
	sock_send(s, 0, frame);
	bytes_unref(frame);
	buf_fini(&b);
}

int main(int argc, char **argv)
{
	long events = argc > 1 ? atol(argv[1]) : 100000, delivered[2];
	int n = argc > 2 ? atoi(argv[2]) : 1;
	struct err e = {0};
	struct broker *b;
	pthread_t t;
	if (n < 1 || n > THREADS_MAX)
		return 64;
	sock_system_start();
	struct sock *bare = sock_new(SOCK_XPUB, &e);
	sock_bind(bare, "inproc://bare", &e);
	double raw = run(bare, "inproc://bare", events, n, 0, &delivered[0]);
	struct broker_config cfg = {.cluster = 1};
	if (broker_open(&b, &cfg, &e))
		return 1;
	pthread_create(&t, NULL, serve, b);
	struct sock *dealer = sock_new(SOCK_DEALER, &e);
	sock_connect(dealer, "inproc://broker", &e);
	hello(dealer);
	double ours = run(dealer, "inproc://bus", events, n, BATCH_BYTES_MAX, &delivered[1]);
	printf("{\"bench\":\"bus\",\"followers\":%d,\"events_per_s\":%.0f,\"bare_per_s\":%.0f,"
	       "\"ratio\":%.2f,\"lost\":%ld,\"bare_lost\":%ld}\n",
	       n, (double)events / ours, (double)events / raw, raw / ours,
	       events * n - delivered[1], events * n - delivered[0]);
	sock_close(dealer);
	sock_close(bare);
	broker_stop(b);
	pthread_join(t, NULL);
	broker_free(b);
	return 0;
}
