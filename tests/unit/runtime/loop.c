/* The production loop: what happens beside the sockets is not slept over. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "broker/socket.h"

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- a library beside the loop, which finds work in its hook */

struct library {
	struct port *port;
	struct loop_hook *hook;
	int rounds;
	uint64_t given_us;
};

enum { QUIET_ROUND = 5 };

static uint64_t before_sleep(void *arg)
{
	struct library *l = arg;
	if (++l->rounds < QUIET_ROUND)
		return 0;
	if (l->rounds == QUIET_ROUND) {
		l->given_us = now_us();
		port_deliver(l->port, 1, 0, 0, NULL);
	}
	return UINT64_MAX;
}

static int library_open(struct port *p, struct mp cfg, struct err *e)
{
	struct library *l = p->shared(p, "library");
	(void)cfg, (void)e;
	l->port = p;
	l->hook = loop_hook_add(p->loop, before_sleep, l);
	return 0;
}

static void library_close(struct port *p)
{
	struct library *l = p->shared(p, "library");
	loop_hook_remove(l->hook);
}

static const struct port_driver library_driver = {
	.name = "library", .open = library_open, .close = library_close};

/* ---- the actor that it is for */

struct world {
	struct library library;
	struct loop *loop;
	uint64_t taken_us;
};

static void *shared(void *arg, const char *name)
{
	struct world *w = arg;
	return strcmp(name, "library") == 0 ? (void *)&w->library : w;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	(void)state;
	return ctx_port_open(c, "library", cfg, NULL);
}

static int on_port(struct ctx *c, void *state, const struct port_event *e)
{
	struct world *w = ctx_shared(c, "world");
	(void)state, (void)e;
	w->taken_us = now_us();
	loop_stop(w->loop, 100);
	return 0;
}

static const struct actor_spec reader = {
	.kind = "reader", .state_bytes = 1, .init = init, .on_port = on_port};

static const struct actor_spec *const kinds[] = {&reader, NULL};
static const struct port_driver *const drivers[] = {&library_driver, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

Test(loop, a_turn_that_a_hook_queues_does_not_wait_for_the_next_event)
{
	struct world w = {0};
	struct loop_config cfg = {
		.cell = {.name = "cell", .cluster = 1, .catalogue = &catalogue, .kinds = kinds,
			 .drivers = drivers},
		.broker = "inproc://nobody", .bus = "inproc://nobody-either",
		.shared = shared, .shared_arg = &w,
	};
	uint8_t none = 0x80; /* the empty map */
	log_init("off");
	sock_system_start();
	cr_assert_eq(loop_open(&w.loop, &cfg, NULL), 0);
	cr_assert_eq(cell_add_actor(loop_cell(w.loop), "reader", "reader",
				    mp_of((struct span){&none, 1}), NULL), 0);
	loop_run(w.loop);
	cr_expect_lt(w.taken_us - w.library.given_us, 100000);
	loop_free(w.loop);
	sock_system_stop();
}
