/* The production loop, alone: no broker answers it. */
#include <criterion/criterion.h>
#include <time.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"
#include "broker/socket.h"

static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

enum { EVENTS = 30 };

static struct {
	struct loop *loop;
	int delivered, seen;
} world;

/* ---- a driver whose library speaks up when the loop is about to sleep */

static uint64_t before_sleep(void *arg)
{
	if (world.delivered == world.seen && world.delivered < EVENTS &&
	    port_deliver(arg, 1, 1, 0, NULL) == 0)
		world.delivered++;
	return UINT64_MAX;
}

static int open_port(struct port *p, struct mp cfg, struct err *e)
{
	(void)cfg, (void)e;
	p->state = loop_hook_add(p->loop, before_sleep, p);
	return 0;
}

static void close_port(struct port *p)
{
	loop_hook_remove(p->state);
}

static const struct port_driver late = {.name = "late", .open = open_port, .close = close_port};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	(void)state;
	return ctx_port_open(c, "late", cfg, NULL) < 0 ? ERR_IO : 0;
}

static int on_port(struct ctx *c, void *state, const struct port_event *p)
{
	(void)c, (void)state, (void)p;
	if (++world.seen == EVENTS)
		loop_stop(world.loop, 0);
	return 0;
}

static const struct actor_spec listener = {
	.kind = "listener", .state_bytes = 1, .init = init, .on_port = on_port};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* It slept up to a second over each of them. */
Test(loop, does_not_sleep_over_what_a_hook_delivered, .timeout = 60)
{
	static const uint8_t empty[] = {0x80};
	static const struct actor_spec *const kinds[] = {&listener, NULL};
	static const struct port_driver *const drivers[] = {&late, NULL};
	struct loop_config cfg = {
		.cell = {.name = "test", .cluster = 1, .catalogue = &catalogue, .kinds = kinds,
			 .drivers = drivers},
		.broker = "inproc://nobody", .bus = "inproc://nobody-bus"};
	struct err e = {0};
	log_init("off");
	cr_assert_eq(loop_open(&world.loop, &cfg, &e), 0, "%s", e.text);
	cr_assert_eq(cell_add_actor(loop_cell(world.loop), "listener", "listener",
				    mp_of((struct span){empty, 1}), NULL), 0);
	double start = seconds();
	loop_run(world.loop);
	double took = seconds() - start;
	cr_expect_eq(world.seen, EVENTS);
	cr_expect_lt(took, 1.0, "%d events took %.2f s", EVENTS, took);
	loop_free(world.loop);
}
