#include "tests/threads/twin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/sim.h"
#include "actors/runtime/store_actor.h"
#include "broker/base/mem.h"
#include "broker/serve.h"
#include "broker/socket.h"
#include "tests/threads/bodies.h"

enum { CELLS_MAX = 8, NAP_US = 2000 };

struct twin_real {
	char name[32];
	struct loop *loop;
	struct loop_hook *hook;
	pthread_t thread;
	_Atomic bool paused, held;
};

struct twin {
	enum twin_end end;
	struct twin_config cfg;
	/* TWIN_SIM */
	struct sim *sim;
	/* TWIN_ZMQ */
	char dir[64], broker_at[100], bus_at[100];
	struct broker *broker;
	pthread_t broker_thread;
	struct sock *watching; /* the bus */
	struct twin_real cells[CELLS_MAX];
	size_t count;
};

/* ---- the clock on the wall, which tests set */

static _Atomic int64_t wall_jump_us;

/* Stands before libc's for the whole program. */
int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);
	int64_t jump = id == CLOCK_REALTIME ? wall_jump_us : 0;
	if (rc == 0 && jump)
		t->tv_sec += jump / 1000000;
	return rc;
}

static uint64_t real_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void nap(void)
{
	struct timespec t = {.tv_nsec = NAP_US * 1000};
	nanosleep(&t, NULL);
}

/* ---- real ends */

static void *run_broker(void *arg)
{
	broker_run(arg);
	return NULL;
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void start_broker(struct twin *t)
{
	struct broker_config cfg = {.cluster = 1, .dir = t->dir};
	struct err e = {0};
	/* The library frees an inproc name a moment after its socket is closed. */
	int rc, tries = 0;
	while ((rc = broker_open(&t->broker, &cfg, &e)) == ERR_BUSY && tries++ < 1000)
		nap();
	must(rc == 0, "%s", e.text);
	pthread_create(&t->broker_thread, NULL, run_broker, t->broker);
}

static void stop_broker(struct twin *t)
{
	broker_stop(t->broker);
	pthread_join(t->broker_thread, NULL);
	broker_free(t->broker);
}

static void open_real(struct twin *t)
{
	struct err e = {0};
	strcpy(t->dir, "/tmp/troupe-twin-XXXXXX");
	must(mkdtemp(t->dir));
	snprintf(t->broker_at, sizeof t->broker_at, "ipc://%s/broker.ipc", t->dir);
	snprintf(t->bus_at, sizeof t->bus_at, "ipc://%s/%s.ipc", t->dir,
		 t->cfg.deaf ? "nobody" : "bus");
	sock_system_start();
	start_broker(t);
	if (!t->cfg.published)
		return;
	t->watching = sock_new(SOCK_SUB, &e);
	sock_connect(t->watching, t->bus_at, &e);
	sock_subscribe(t->watching, span_of(t->cfg.topic), true);
}

/* Where a paused loop stays. */
static uint64_t hold(void *arg)
{
	struct twin_real *c = arg;
	while (c->paused) {
		c->held = true;
		nap();
	}
	c->held = false;
	return UINT64_MAX;
}

static const struct port_driver *const drivers[] = {&journal_port_driver, NULL};

static void open_cell(struct twin *t, const char *name)
{
	struct twin_real *c = &t->cells[t->count++];
	struct err e = {0};
	must(t->count <= CELLS_MAX);
	snprintf(c->name, sizeof c->name, "%s", name);
	struct loop_config cfg = {
		.cell = {.name = c->name,
			 .cluster = 1,
			 .catalogue = t->cfg.catalogue,
			 .kinds = t->cfg.kinds,
			 .drivers = drivers,
			 .check = true,
			 .restart = t->cfg.restart},
		.broker = t->broker_at,
		.bus = t->bus_at,
		.shared = t->cfg.shared,
		.shared_arg = t->cfg.arg,
	};
	must(loop_open(&c->loop, &cfg, &e) == 0, "%s", e.text);
	c->hook = loop_hook_add(c->loop, hold, c);
}

static void take_bus(struct twin *t)
{
	uint64_t peer;
	struct bytes *frame = NULL;
	while (t->watching && sock_recv(t->watching, &peer, &frame) == 0) {
		t->cfg.published(t->cfg.arg, frame);
		bytes_unref(frame);
	}
}

static void free_real(struct twin *t)
{
	char path[128];
	for (size_t i = 0; i < t->count; i++) {
		t->cells[i].paused = false;
		loop_stop(t->cells[i].loop, 0);
	}
	for (size_t i = 0; i < t->count; i++) {
		pthread_join(t->cells[i].thread, NULL);
		loop_hook_remove(t->cells[i].hook);
		loop_free(t->cells[i].loop);
	}
	sock_close(t->watching);
	stop_broker(t);
	sock_system_stop();
	snprintf(path, sizeof path, "%s/broker.ipc", t->dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/bus.ipc", t->dir);
	unlink(path);
	rmdir(t->dir);
}

/* Its loop comes by once a second at least. */
static void pause_real(struct twin_real *c, bool paused)
{
	c->paused = paused;
	while (paused && !c->held)
		nap();
}

static struct twin_real *real_cell(struct twin *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->cells[i].name, name) == 0)
			return &t->cells[i];
	must(!"there is such a cell", "%s", name);
	return NULL;
}

/* ---- both */

struct twin *twin_new(enum twin_end end, const struct twin_config *cfg)
{
	struct twin *t = mem_alloc(sizeof *t);
	t->end = end;
	t->cfg = *cfg;
	if (end == TWIN_ZMQ) {
		open_real(t);
		return t;
	}
	struct sim_config sim = {
		.seed = 1,
		.catalogue = cfg->catalogue,
		.kinds = cfg->kinds,
		.restart = cfg->restart,
		.latency_min_us = 20,
		.latency_max_us = 500,
		.sync_min_us = 100,
		.sync_max_us = 2000,
		.bus_loss_permille = cfg->deaf ? 1000 : 0,
		.shared = cfg->shared,
		.shared_arg = cfg->arg,
		.published = cfg->published,
		.published_arg = cfg->arg,
	};
	t->sim = sim_new(&sim);
	return t;
}

void twin_free(struct twin *t)
{
	if (t->end == TWIN_SIM)
		sim_free(t->sim);
	else
		free_real(t);
	free(t);
}

static void add_actors(struct cell *c, const char *actors)
{
	char words[200], *at = NULL;
	struct err e = {0};
	snprintf(words, sizeof words, "%s", actors);
	for (char *kind = strtok_r(words, " ", &at); kind; kind = strtok_r(NULL, " ", &at)) {
		struct buf cfg = {0};
		mpw_map(&cfg, 1);
		mpw_kv_str(&cfg, "driver", "memory");
		must(cell_add_actor(c, kind, strtok_r(NULL, " ", &at), mp_of(span_buf(&cfg)), &e) ==
			     0,
		     "%s", e.text);
		buf_fini(&cfg);
	}
}

void twin_cell(struct twin *t, const char *cell, const char *actors)
{
	if (t->end == TWIN_SIM) {
		add_actors(sim_cell(t->sim, cell), actors);
		return;
	}
	open_cell(t, cell);
	struct twin_real *c = real_cell(t, cell);
	add_actors(loop_cell(c->loop), actors);
	pthread_create(&c->thread, NULL, run_loop, c->loop);
}

bool twin_run(struct twin *t, uint64_t at_most_us, bool (*done)(void *arg))
{
	if (t->end == TWIN_SIM)
		return sim_run(t->sim, sim_now_us(t->sim) + at_most_us, done, t->cfg.arg);
	uint64_t until = real_us() + at_most_us;
	do {
		take_bus(t);
		if (done && done(t->cfg.arg))
			return true;
		nap();
	} while (real_us() < until);
	return false;
}

void twin_pause(struct twin *t, const char *cell, bool paused)
{
	if (t->end == TWIN_SIM)
		sim_pause_cell(t->sim, cell, paused);
	else
		pause_real(real_cell(t, cell), paused);
}

void twin_restart_broker(struct twin *t)
{
	if (t->end == TWIN_SIM) {
		sim_restart_broker(t->sim);
		return;
	}
	stop_broker(t);
	start_broker(t);
}

void twin_jump_wall(struct twin *t, int64_t us)
{
	if (t->end == TWIN_SIM)
		sim_jump_wall(t->sim, us);
	else
		wall_jump_us += us;
}

uint64_t twin_now_us(const struct twin *t)
{
	return t->end == TWIN_SIM ? sim_now_us(t->sim) : real_us();
}
