/* The runtime beside bare libzmq, 256-byte messages, JSON lines:
 *
 *   round trip of one request: within a cell, through the broker over inproc
 *   and over ipc; the same with 64 in flight; each through-broker figure
 *   beside a bare DEALER - ROUTER - DEALER relay in the same run
 *   sends under a backlog, beside the relay with one message a frame
 *   100,000 actors in one process: bytes and microseconds each
 *   timers set and fired a second
 *
 * Usage: runtime [SECONDS_EACH] */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/messages.h"
#include "tools/bench/broker.h"
#include "tools/bench/relay.h"

enum {
	BYTES = 256,
	ASK = 200,
	ANSWER = 201,
	PUT = 202,
	GOT = 203,
	ACTORS = 100000,
	TIMERS = 1000000,
	FLOOD = 8000, /* sends on their way, so that there is always a backlog */
	PORTION = 500,
};

/* ---- messages */

static const struct msg_field data[] = {{"data", MP_BIN, 0, true, "bytes"},
					{NULL, MP_NONE, 0, false, NULL}};
static const struct msg_field nothing[] = {{NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {
	{ASK, "bench.ask", CLASS_REQUEST, ROLE_CELL, data, "bytes to be sent back"},
	{ANSWER, "bench.answer", CLASS_REPLY, ROLE_CELL, data, "the same"},
	{PUT, "bench.put", CLASS_SEND, ROLE_CELL, data, "bytes that are only counted"},
	{GOT, "bench.got", CLASS_SEND, ROLE_CELL, nothing, "a portion of them came"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table bench_messages = {"bench", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &bench_messages, NULL};
static const struct catalogue catalogue = {tables};

static void put_data(struct buf *b)
{
	static const uint8_t zeros[BYTES];
	mpw_map(b, 1);
	mpw_str(b, "data");
	mpw_bin(b, (struct span){zeros, BYTES});
}

/* ---- actors */

struct world {
	long in_flight;
	double seconds;
	_Atomic bool done;
	double began, ended;
	long answers, fired;
	struct loop *asking;
};

static int answer(struct ctx *c, void *st, const struct msg *m)
{
	struct buf b = {0};
	(void)st, (void)m;
	put_data(&b);
	ctx_reply(c, &b);
	return 0;
}

static const struct actor_handler answers[] = {{"bench.ask", answer}, {NULL, NULL}};
static const struct actor_spec answerer = {
	.kind = "answerer", .state_bytes = 1, .handlers = answers};

static void ask(struct ctx *c)
{
	struct buf b = {0};
	put_data(&b);
	ctx_request(c, "answerer", "bench.ask", &b, 10000, 0);
}

/* The first answer says that everything is connected; the clock starts then. */
static int on_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct world *w = ctx_shared(c, "world");
	(void)st, (void)tag;
	if (r->status) {
		ctx_timer(c, 10000, 0);
		return 0;
	}
	if (!w->began) {
		w->began = now_s();
		for (long i = 0; i < w->in_flight; i++)
			ask(c);
		return 0;
	}
	w->answers++;
	if ((w->answers & 63) == 0 && now_s() - w->began > w->seconds) {
		w->ended = now_s();
		w->done = true;
	}
	if (!w->done)
		ask(c);
	return 0;
}

static int begin(struct ctx *c, void *st, uint64_t tag)
{
	(void)st, (void)tag;
	ask(c);
	return 0;
}

static int asker_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	ctx_timer(c, 10000, 0);
	return 0;
}

static const struct actor_spec asker = {.kind = "asker", .state_bytes = 1, .init = asker_init,
					.on_timer = begin, .on_reply = on_reply};
/* ---- sends without an answer, as many as the way takes */

static int on_put(struct ctx *c, void *st, const struct msg *m)
{
	struct world *w = ctx_shared(c, "world");
	struct buf none = {0};
	(void)st, (void)m;
	if (++w->answers % PORTION)
		return 0;
	if (now_s() - w->began > w->seconds) {
		w->ended = now_s();
		w->done = true;
	}
	ctx_send(c, "flooder", "bench.got", &none, 0);
	return 0;
}

static const struct actor_handler putting[] = {{"bench.put", on_put}, {NULL, NULL}};
static const struct actor_spec counter = {.kind = "counter", .state_bytes = 1, .handlers = putting};

static void flood(struct ctx *c, long portions)
{
	for (long i = 0; i < portions * PORTION; i++) {
		struct buf b = {0};
		put_data(&b);
		ctx_send(c, "counter", "bench.put", &b, 0);
	}
}

static int on_got(struct ctx *c, void *st, const struct msg *m)
{
	struct world *w = ctx_shared(c, "world");
	(void)st, (void)m;
	if (!w->done)
		flood(c, 1);
	return 0;
}

/* The first answer says that both are connected. */
static int flood_begin(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct world *w = ctx_shared(c, "world");
	(void)st, (void)tag;
	if (r->status) {
		ctx_timer(c, 10000, 0);
		return 0;
	}
	w->began = now_s();
	flood(c, FLOOD / PORTION);
	return 0;
}

static int flood_try(struct ctx *c, void *st, uint64_t tag)
{
	struct buf none = {0};
	(void)st, (void)tag;
	ctx_request(c, "counter", "actor.inspect", &none, 10000, 0);
	return 0;
}

static const struct actor_handler gots[] = {{"bench.got", on_got}, {NULL, NULL}};
static const struct actor_spec flooder = {.kind = "flooder", .state_bytes = 1, .handlers = gots,
					  .init = asker_init, .on_timer = flood_try,
					  .on_reply = flood_begin};
static const struct actor_spec idler = {.kind = "idler", .state_bytes = 16};

static int on_fired(struct ctx *c, void *st, uint64_t tag)
{
	struct world *w = ctx_shared(c, "world");
	(void)st, (void)tag;
	if (++w->fired == TIMERS) {
		w->ended = now_s();
		w->done = true;
	}
	return 0;
}

static int clock_init(struct ctx *c, void *st, struct mp cfg)
{
	struct world *w = ctx_shared(c, "world");
	(void)st, (void)cfg;
	w->began = now_s();
	for (int i = 0; i < TIMERS; i++)
		ctx_timer(c, 1 + ctx_random(c) % 100000, 0);
	return 0;
}

static const struct actor_spec clock_spec = {
	.kind = "clock", .state_bytes = 1, .init = clock_init, .on_timer = on_fired};

static const struct actor_spec *const kinds[] = {&asker, &answerer, &flooder, &counter,
						&idler, &clock_spec, NULL};

static void add(struct loop *l, const char *kind, const char *name)
{
	static const uint8_t empty[] = {0x80};
	if (cell_add_actor(loop_cell(l), kind, name, mp_of((struct span){empty, 1}), NULL))
		exit(1);
}

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "world") == 0 ? arg : NULL;
}

/* ---- processes of threads */

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static struct loop *loop_new(struct world *w, const char *name, const char *broker, const char *bus,
			     bool trusted)
{
	struct loop *l;
	struct err e = {0};
	struct loop_config cfg = {
		.cell = {.name = name, .cluster = 1, .catalogue = &catalogue, .kinds = kinds},
		.broker = broker, .bus = bus, .trusted = trusted,
		.shared = shared, .shared_arg = w,
	};
	if (loop_open(&l, &cfg, &e)) {
		fprintf(stderr, "bench: %s\n", e.text);
		exit(1);
	}
	return l;
}

static void wait_done(struct world *w)
{
	struct timespec t = {.tv_nsec = 1000000};
	while (!w->done)
		nanosleep(&t, NULL);
}

/* Where a figure is taken. */
/* One actor of each kind, in one cell or in two. */
static double measure(struct world *w, const struct way *y, const char *from, const char *to,
		      bool one_cell)
{
	pthread_t t[2];
	struct loop *a = loop_new(w, "asking", y->broker, y->bus, y->trusted), *b = NULL;
	add(a, from, from);
	if (one_cell)
		add(a, to, to);
	else
		add(b = loop_new(w, "answering", y->broker, y->bus, y->trusted), to, to);
	pthread_create(&t[0], NULL, run_loop, a);
	if (b)
		pthread_create(&t[1], NULL, run_loop, b);
	wait_done(w);
	loop_stop(a, 100);
	pthread_join(t[0], NULL);
	loop_free(a);
	if (b) {
		loop_stop(b, 100);
		pthread_join(t[1], NULL);
		loop_free(b);
	}
	return (double)w->answers / (w->ended - w->began);
}

/* ---- the figures */

static void through_broker(const struct way *y, double seconds)
{
	static const long flights[] = {1, 64};
	for (size_t i = 0; i < 2; i++) {
		struct world w = {.in_flight = flights[i], .seconds = seconds};
		double ours = measure(&w, y, "asker", "answerer", false);
		double raw = bare(y->raw, flights[i], BYTES, seconds);
		printf("{\"bench\":\"request\",\"over\":\"%s\",\"in_flight\":%ld,\"per_s\":%.0f,\"us\":%.1f,"
		       "\"bare_per_s\":%.0f,\"ratio\":%.2f}\n",
		       y->over, flights[i], ours, 1e6 * (double)flights[i] / ours, raw, ours / raw);
	}
	struct world w = {.seconds = seconds};
	double ours = measure(&w, y, "flooder", "counter", false);
	double raw = bare_flood(y->raw, BYTES, FLOOD, seconds);
	printf("{\"bench\":\"send\",\"over\":\"%s\",\"backlog\":%d,\"per_s\":%.0f,\"bare_per_s\":%.0f,"
	       "\"ratio\":%.2f}\n",
	       y->over, FLOOD, ours, raw, ours / raw);
}

static void many_actors(void)
{
	struct world w = {0};
	struct loop *l = loop_new(&w, "many", "inproc://nobody", "inproc://nobody-bus", true);
	char name[32];
	struct mallinfo2 before = mallinfo2();
	double began = now_s();
	for (int i = 0; i < ACTORS; i++) {
		snprintf(name, sizeof name, "idler/%d", i);
		add(l, "idler", name);
	}
	while (cell_run(loop_cell(l), 1000))
		;
	double took = now_s() - began;
	struct mallinfo2 after = mallinfo2();
	printf("{\"bench\":\"actors\",\"count\":%d,\"bytes_each\":%zu,\"us_each\":%.2f}\n", ACTORS,
	       (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / ACTORS,
	       took * 1e6 / ACTORS);
	loop_free(l);
}

static void timers(void)
{
	struct world w = {0};
	struct loop *l = loop_new(&w, "clock", "inproc://nobody", "inproc://nobody-bus", true);
	add(l, "clock", "clock");
	while (!w.done) {
		while (cell_run(loop_cell(l), 1000))
			;
	}
	printf("{\"bench\":\"timers\",\"per_s\":%.0f}\n", TIMERS / (w.ended - w.began));
	loop_free(l);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2;
	struct bench_broker b;
	bench_broker_open(&b);
	struct world w = {.in_flight = 1, .seconds = seconds};
	double local = measure(&w, &b.inproc, "asker", "answerer", true);
	printf("{\"bench\":\"request\",\"over\":\"cell\",\"in_flight\":1,\"per_s\":%.0f,\"us\":%.2f}\n", local,
	       1e6 / local);
	through_broker(&b.inproc, seconds);
	through_broker(&b.ipc, seconds);
	many_actors();
	timers();
	bench_broker_close(&b);
	return 0;
}
