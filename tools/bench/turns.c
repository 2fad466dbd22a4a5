/* What a message within a cell costs, with and without its tap, in
 * nanoseconds: two actors that send each other one message back and forth.
 * Each is a message sent, delivered, and a turn: three records.
 * Usage: turns [MESSAGES] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/cell.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/tap.h"
#include "broker/base/log.h"

struct world {
	uint64_t numbers;
	struct tap *tap;
};

struct player {
	const char *other;
	long left;
};

static uint64_t now_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t now_us(void *arg)
{
	(void)arg;
	return now_ns(CLOCK_MONOTONIC) / 1000;
}

static int64_t wall_us(void *arg)
{
	(void)arg;
	return (int64_t)now_ns(CLOCK_REALTIME) / 1000;
}

static uint64_t number(void *arg)
{
	return ((struct world *)arg)->numbers++;
}

static void tap_op(void *arg, const struct tap_record *r)
{
	tap_write(((struct world *)arg)->tap, r);
}

static int nowhere(void *arg, struct bytes *frame)
{
	(void)arg, (void)frame;
	return ERR_OVERLOADED;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void no_topic(void *arg, struct span topic, bool on)
{
	(void)arg, (void)topic, (void)on;
}

static void play(struct ctx *c, struct player *p)
{
	struct buf b = {0};
	mpw_map(&b, 0);
	if (p->left-- > 0)
		ctx_send(c, p->other, "ball", &b, 0);
}

static int on_ball(struct ctx *c, void *state, const struct msg *m)
{
	(void)m;
	play(c, state);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct player *p = state;
	p->left = mp_path_int(cfg, "balls", 0);
	bool first = span_is(ctx_name(c), "controller/one");
	p->other = first ? "controller/two" : "controller/one";
	if (first)
		play(c, p);
	return 0;
}

static const struct msg_field fields[] = {{NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {{900, "ball", CLASS_SEND, ROLE_CELL, fields, "to and fro"},
				      {0, NULL, CLASS_SYSTEM, 0, NULL, NULL}};
static const struct msg_table balls = {"bench", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, &balls, NULL};
static const struct catalogue catalogue = {tables};
static const struct actor_handler handlers[] = {{"ball", on_ball}, {NULL, NULL}};
static const struct actor_spec player = {
	.kind = "player", .state_bytes = sizeof(struct player), .handlers = handlers, .init = init};
static const struct actor_spec *const kinds[] = {&player, NULL};
static const struct port_driver *const drivers[] = {NULL};

static void add(struct cell *c, const char *name, long balls_each)
{
	struct buf cfg = {0};
	mpw_map(&cfg, 1);
	mpw_kv_i64(&cfg, "balls", balls_each);
	cell_add_actor(c, "player", name, mp_of(span_buf(&cfg)), NULL);
	buf_fini(&cfg);
}

static double run(long messages, struct tap *tap)
{
	struct world w = {1, tap};
	struct cell_config cfg = {.name = "bench", .cluster = 1, .catalogue = &catalogue,
				  .kinds = kinds, .drivers = drivers};
	struct cell_ops ops = {.arg = &w, .now_us = now_us, .wall_us = wall_us,
			       .random = number, .send = nowhere, .subscribe = no_topic,
			       .reconnect = nothing, .tap = tap ? tap_op : NULL};
	struct cell *c = cell_new(&cfg, &ops);
	add(c, "controller/one", messages / 2);
	add(c, "controller/two", messages / 2);
	uint64_t t0 = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (cell_run(c, 512))
		;
	double ns = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - t0) / (double)messages;
	cell_free(c);
	return ns;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1000000;
	char dir[] = "/tmp/troupe-turns-XXXXXX", path[64];
	struct tap *tap = NULL;
	double bare = 1e9, tapped = 1e9;
	log_init("off");
	struct tap_config cfg = {.dir = dir, .cell = "bench", .catalogue = &catalogue};
	if (!mkdtemp(dir) || tap_open(&tap, &cfg, NULL))
		return 1;
	for (int i = 0; i < 3; i++) {
		double a = run(n, NULL), b = run(n, tap);
		bare = a < bare ? a : bare;
		tapped = b < tapped ? b : tapped;
	}
	printf("{\"bench\":\"turns\",\"messages\":%ld,\"ns_each\":%.0f,\"tapped_ns_each\":%.0f}\n", n,
	       bare, tapped);
	tap_close(tap);
	snprintf(path, sizeof path, "%s/bench.ring", dir);
	unlink(path);
	rmdir(dir);
	return 0;
}
