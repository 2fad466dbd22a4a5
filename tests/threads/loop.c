/* The production loop: what happens beside the sockets is not slept over. */
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "broker/socket.h"
#include "tests/threads/bodies.h"

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- a library beside the loop, which finds work in its hook */

struct finder {
	struct port *port;
	struct loop_hook *hook;
	int rounds;
	uint64_t given_us;
};

enum { QUIET_ROUND = 5 };

static uint64_t before_sleep(void *arg)
{
	struct finder *l = arg;
	if (++l->rounds < QUIET_ROUND)
		return 0;
	if (l->rounds == QUIET_ROUND) {
		l->given_us = now_us();
		port_deliver(l->port, 1, 0, 0, NULL);
	}
	return UINT64_MAX;
}

static int finder_open(struct port *p, struct mp cfg, struct err *e)
{
	struct finder *l = p->shared(p, "finder");
	(void)cfg, (void)e;
	l->port = p;
	l->hook = loop_hook_add(p->loop, before_sleep, l);
	return 0;
}

static void finder_close(struct port *p)
{
	struct finder *l = p->shared(p, "finder");
	loop_hook_remove(l->hook);
}

static const struct port_driver finder_driver = {
	.name = "finder", .open = finder_open, .close = finder_close};

/* ---- the actor that it is for */

struct world {
	struct finder finder;
	struct loop *loop;
	uint64_t taken_us;
};

static void *shared(void *arg, const char *name)
{
	struct world *w = arg;
	return strcmp(name, "finder") == 0 ? (void *)&w->finder : w;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	(void)state;
	return ctx_port_open(c, "finder", cfg, NULL);
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
static const struct port_driver *const drivers[] = {&finder_driver, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

static void a_turn_that_a_hook_queues_does_not_wait_for_the_next_event(void)
{
	struct world w = {0};
	struct loop_config cfg = {
		.cell = {.name = "cell",
			 .cluster = 1,
			 .catalogue = &catalogue,
			 .kinds = kinds,
			 .drivers = drivers},
		.broker = "inproc://nobody",
		.bus = "inproc://nobody-either",
		.shared = shared,
		.shared_arg = &w,
	};
	uint8_t none = 0x80; /* the empty map */
	log_init("off");
	sock_system_start();
	must(loop_open(&w.loop, &cfg, NULL) == 0);
	must(cell_add_actor(loop_cell(w.loop), "reader", "reader", mp_of((struct span){&none, 1}),
			    NULL) == 0);
	loop_run(w.loop);
	must(w.taken_us - w.finder.given_us < 100000);
	loop_free(w.loop);
	sock_system_stop();
}

/* ---- a cell that fails */

struct lives {
	struct loop *loop;
	struct dead_letters letters;
	uint64_t enough; /* lives until it is well */
};

static void *shared_lives(void *arg, const char *name)
{
	return strcmp(name, "lives") == 0 ? arg : NULL;
}

static int fragile_init(struct ctx *c, void *state, struct mp cfg)
{
	struct lives *l = ctx_shared(c, "lives");
	(void)state, (void)cfg;
	if (loop_lives(l->loop) < l->enough)
		return ERR_INVALID;
	loop_stop(l->loop, 100);
	return 0;
}

static const struct actor_spec fragile = {
	.kind = "fragile", .state_bytes = 1, .init = fragile_init};
static const struct actor_spec *const fragile_kinds[] = {&fragile, NULL};

static void fill(void *arg, struct cell *c)
{
	uint8_t none = 0x80;
	(void)arg;
	must(cell_add_actor(c, "fragile", "fragile", mp_of((struct span){&none, 1}), NULL) == 0);
}

static void run_lives(struct lives *l, bool alone)
{
	struct restart_policy p = {.intensity = 2,
				   .window_us = 60000000,
				   .backoff_min_us = 1000,
				   .backoff_max_us = 2000};
	struct loop_config cfg = {
		.cell = {.name = "cell",
			 .cluster = 1,
			 .catalogue = &catalogue,
			 .kinds = fragile_kinds,
			 .drivers = drivers,
			 .restart = p,
			 .letters = &l->letters},
		.broker = "inproc://nobody",
		.bus = "inproc://nobody-either",
		.shared = shared_lives,
		.shared_arg = l,
		.fill = fill,
		.alone = alone,
		.restart = p,
	};
	log_init("off");
	sock_system_start();
	must(loop_open(&l->loop, &cfg, NULL) == 0);
	fill(NULL, loop_cell(l->loop));
	loop_run(l->loop);
	loop_free(l->loop);
	sock_system_stop();
}

static void a_cell_that_fails_begins_again(void)
{
	struct lives l = {.enough = 2};
	run_lives(&l, false); /* which returns because the third life was well */
}

/* The code with which the process ends. */
static int exit_of(uint64_t enough, bool alone)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		struct lives l = {.enough = enough};
		run_lives(&l, alone);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_cell_that_fails_too_often_ends_its_process(void)
{
	must(exit_of(2, false) == 0);
	must(exit_of(3, false) == LOOP_EXIT_FAILED);
}

static void a_cell_alone_in_its_process_ends_it_at_once(void)
{
	must(exit_of(0, true) == 0);
	must(exit_of(1, true) == LOOP_EXIT_FAILED);
}

const struct body bodies[] = {
	{"a_turn_that_a_hook_queues_does_not_wait_for_the_next_event",
	 a_turn_that_a_hook_queues_does_not_wait_for_the_next_event},
	{"a_cell_that_fails_begins_again", a_cell_that_fails_begins_again},
	{"a_cell_that_fails_too_often_ends_its_process",
	 a_cell_that_fails_too_often_ends_its_process},
	{"a_cell_alone_in_its_process_ends_it_at_once",
	 a_cell_alone_in_its_process_ends_it_at_once},
	{0},
};
