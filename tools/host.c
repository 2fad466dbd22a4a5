/* Assembles a process from its config: shared things first, then a thread for
 * the broker and one per cell. The main thread waits for signals. */
#include "tools/host.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/runtime/heads.h"
#include "actors/runtime/tap.h"
#include "actors/runtime/watchdog.h"
#include "broker/base/log.h"
#include "broker/serve.h"
#include "broker/socket.h"
#include "tools/host_private.h"
#include "tools/plugin.h"

enum { STOP_MS = 3000, CLUSTER = 1 };

static void *shared(void *arg, const char *name)
{
	struct host *h = arg;
	if (strcmp(name, "heads") == 0)
		return h->heads;
	if (strcmp(name, "cluster") == 0)
		return &h->config.ranges;
	if (strcmp(name, "data_dir") == 0)
		return (void *)(uintptr_t)h->data_dir;
	return NULL;
}

static bool has_audited(const struct config_cell *cell)
{
	for (size_t i = 0; i < cell->actor_count; i++)
		if (strcmp(cell->actors[i].kind, "api") == 0 && host_is_audited(&cell->actors[i]))
			return true;
	return false;
}

/* A cell that can have no ring runs all the same. */
static struct tap *open_tap(const struct host *h, const struct config_cell *cell)
{
	char dir[500];
	struct tap *t = NULL;
	struct err e = {0};
	struct tap_config cfg = {dir, cell->name, host_catalogue(), (size_t)h->config.ring_bytes,
				 has_audited(cell)};
	snprintf(dir, sizeof dir, "%s/rings", h->run_dir);
	if (tap_open(&t, &cfg, &e))
		log_warn("troupe", "cell %s is not tapped: %s", cell->name, e.text);
	return t;
}

/* ---- shared objects: loaded once, before there are threads; one file may have
 * several actors here */

static int load_plugin(struct host *h, struct config_actor *a)
{
	struct err e = {0};
	size_t n = 0;
	const struct troupe_plugin *p;
	char file[4096];
	struct span s = doc_get_str(a->options, "file");
	snprintf(file, sizeof file, "%.*s", (int)s.len, (const char *)s.data);
	if (plugin_load(file, &p, &e)) {
		log_error("troupe", "%s", e.text);
		return ERR_INVALID;
	}
	while (h->kinds[n] && strcmp(h->kinds[n]->kind, p->actor->kind))
		n++;
	if (h->kinds[n] ? h->kinds[n] != p->actor : n + 1 == HOST_KINDS_MAX) {
		log_error("troupe", "%s: there is another shared object of kind '%s', or too many",
			  file, p->actor->kind);
		return ERR_EXISTS;
	}
	h->kinds[n] = p->actor;
	a->plugin = p->actor->kind;
	return 0;
}

static int load_plugins(struct host *h, const char *process)
{
	int rc = 0;
	for (size_t i = 0; host_kinds[i]; i++)
		h->kinds[i] = host_kinds[i];
	for (size_t i = 0; i < h->config.cell_count; i++) {
		const struct config_cell *cell = &h->config.cells[i];
		if (h->main_process || !cell->own_process || strcmp(cell->name, process))
			continue;
		for (size_t k = 0; k < cell->actor_count && rc == 0; k++)
			if (strcmp(cell->actors[k].kind, "plugin") == 0)
				rc = load_plugin(h, &cell->actors[k]);
	}
	return rc;
}

static int fill_cell(const struct host_cell *k, struct cell *c)
{
	int rc = k->with_store ? host_add_store(k->host, c) : 0;
	for (size_t i = 0; i < k->cfg->actor_count && rc == 0; i++)
		rc = host_add_actor(k->host, c, &k->cfg->actors[i]);
	return rc;
}

/* On the cell's own thread, when it begins again. What was added once can be
 * added again. */
static void refill_cell(void *arg, struct cell *c)
{
	(void)fill_cell(arg, c);
}

/* A cell that can have no record in shared memory runs all the same, with one
 * that ends with its process. */
static struct turn_record *open_record(const struct host *h, const char *cell)
{
	char path[600];
	struct turn_record *r = NULL;
	struct err e = {0};
	snprintf(path, sizeof path, "%s/%s.turn", h->run_dir, cell);
	if (turn_record_open(&r, path, &e) == 0)
		return r;
	log_warn("troupe", "%s: what crashes the process is not remembered", e.text);
	return turn_record_new();
}

static bool has_agents(const struct config_cell *cfg)
{
	for (size_t i = 0; i < cfg->actor_count; i++)
		if (strcmp(cfg->actors[i].kind, "node-agent") == 0)
			return true;
	return false;
}

static int open_cell(struct host *h, const struct config_cell *cfg, bool with_store)
{
	struct err e = {0};
	char broker[64] = "inproc://broker", bus[64] = "inproc://bus";
	if (!h->main_process) {
		snprintf(broker, sizeof broker, "ipc://%s/broker.ipc", h->sockets.path);
		snprintf(bus, sizeof bus, "ipc://%s/bus.ipc", h->sockets.path);
	}
	struct host_cell *k = &h->cells[h->loop_count];
	*k = (struct host_cell){.host = h, .cfg = cfg, .with_store = with_store};
	k->record = open_record(h, cfg->name);
	struct loop_config l = {
		.cell = {.name = cfg->name,
			 .cluster = CLUSTER,
			 .catalogue = host_catalogue(),
			 .kinds = h->kinds,
			 .drivers = host_drivers,
			 .restart = cfg->restart,
			 .apart = !h->main_process,
			 .record = k->record,
			 .letters = &k->letters},
		.fill = refill_cell,
		.fill_arg = k,
		.alone = !h->main_process,
		.restart = cfg->restart,
		.broker = broker,
		.bus = bus,
		.trusted = h->main_process,
		.shared = shared,
		.shared_arg = h,
	};
	l.tap_arg = h->taps[h->loop_count] = open_tap(h, cfg);
	l.tap = l.tap_arg ? tap_write : NULL;
	l.heard = l.tap_arg ? tap_heard : NULL;
	int rc = loop_open(&h->loops[h->loop_count], &l, &e);
	if (rc) {
		log_error("troupe", "cell %s: %s", cfg->name, e.text);
		turn_record_close(k->record);
		return rc;
	}
	h->has_agents[h->loop_count] = has_agents(cfg);
	return fill_cell(k, loop_cell(h->loops[h->loop_count++]));
}

/* ---- threads */

static void *broker_main(void *arg)
{
	prctl(PR_SET_NAME, "broker");
	broker_run(arg);
	return NULL;
}

static void *loop_main(void *arg)
{
	prctl(PR_SET_NAME, cell_name(loop_cell(arg)));
	loop_run(arg);
	return NULL;
}

static void start_watchdog(struct host *h)
{
	const struct turn_record *records[HOST_CELLS_MAX];
	const char *cells[HOST_CELLS_MAX];
	for (size_t i = 0; i < h->loop_count; i++) {
		records[i] = h->cells[i].record;
		cells[i] = h->cells[i].cfg->name;
	}
	struct watchdog_config cfg = {.records = records,
				      .cells = cells,
				      .count = h->loop_count,
				      .limit_ms = h->config.turn_limit_ms};
	h->watchdog = watchdog_start(&cfg);
}

static int open_cells(struct host *h, const char *process)
{
	bool store_placed = false;
	for (size_t i = 0; i < h->config.cell_count; i++) {
		const struct config_cell *cell = &h->config.cells[i];
		bool mine = h->main_process ? !cell->own_process
					    : cell->own_process && strcmp(cell->name, process) == 0;
		bool store = h->main_process && mine && !store_placed;
		store_placed |= store;
		if (h->loop_count == HOST_CELLS_MAX)
			return ERR_LIMIT;
		if (mine && open_cell(h, cell, store))
			return ERR_IO;
	}
	return h->loop_count ? 0 : ERR_NOT_FOUND;
}

static int start(struct host *h, const char *process)
{
	char path[500];
	struct err e = {0};
	snprintf(path, sizeof path, "%s/cluster.yaml", h->run_dir);
	if (config_load(&h->config, path, &e)) {
		log_error("troupe", "%s", e.text);
		return HOST_EXIT_FATAL;
	}
	if (load_plugins(h, process) || places_read(&h->config, &h->arena, &h->places, &e))
		return HOST_EXIT_FATAL;
	snprintf(path, sizeof path, "%s/heads", h->run_dir);
	if (heads_open(&h->heads, path, &e)) {
		log_error("troupe", "%s", e.text);
		return 1;
	}
	if (rundir_open(&h->sockets, h->data_dir, &e)) {
		log_error("troupe", "%s", e.text);
		return 1;
	}
	char ring[500];
	snprintf(ring, sizeof ring, "%s/rings", h->run_dir);
	mkdir(ring, 0700); /* what there is to say, its first user says */
	snprintf(ring, sizeof ring, "%s/rings/broker.ring", h->run_dir);
	struct broker_config b = {.cluster = CLUSTER, .dir = h->sockets.path, .ring = ring};
	if (h->main_process && broker_open(&h->broker, &b, &e)) {
		log_error("troupe", "broker: %s", e.text);
		return 1;
	}
	return open_cells(h, process) ? 1 : 0;
}

/* Loops stop in reverse order: what was started last depends on the others. */
static void stop_loops(struct host *h, bool agents_only)
{
	for (size_t i = h->loop_count; i-- > 0;) {
		if (h->stopped[i] || (agents_only && !h->has_agents[i]))
			continue;
		loop_stop(h->loops[i], STOP_MS);
		pthread_join(h->threads[i], NULL);
		h->stopped[i] = true;
	}
}

static void stop(struct host *h)
{
	stop_loops(h, false);
	watchdog_stop(h->watchdog);
	for (size_t i = h->loop_count; i-- > 0;) {
		loop_free(h->loops[i]);
		turn_record_close(h->cells[i].record);
		dead_letters_fini(&h->cells[i].letters);
		tap_close(h->taps[i]);
	}
	if (h->broker) {
		broker_stop(h->broker);
		pthread_join(h->broker_thread, NULL);
		broker_free(h->broker);
	}
}

static void tell_pods(struct host *h)
{
	const char *fd = getenv("TROUPE_NOTIFY_FD");
	stop_loops(h, true);
	(void)!write(fd ? atoi(fd) : -1, HOST_SAYS_TOLD, sizeof HOST_SAYS_TOLD - 1);
}

static void wait_for_term(struct host *h)
{
	sigset_t set;
	int sig = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	while (sigwait(&set, &sig) || sig != SIGTERM)
		if (sig == SIGUSR1)
			tell_pods(h);
}

static void block_signals(void)
{
	sigset_t set;
	signal(SIGINT, SIG_IGN); /* the terminal's is the parent's to handle */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int host_run(const char *data_dir, const char *process, bool keep_pods)
{
	struct host *h = mem_alloc(sizeof *h);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		return 1; /* the parent died before we asked to die with it */
	block_signals();
	h->data_dir = data_dir;
	h->keep_pods = keep_pods;
	h->main_process = strcmp(process, "main") == 0;
	snprintf(h->run_dir, sizeof h->run_dir, "%s/run", data_dir);
	sock_system_start();
	int rc = start(h, process);
	if (rc)
		return rc;
	if (h->broker)
		pthread_create(&h->broker_thread, NULL, broker_main, h->broker);
	for (size_t i = 0; i < h->loop_count; i++)
		pthread_create(&h->threads[i], NULL, loop_main, h->loops[i]);
	start_watchdog(h);
	wait_for_term(h);
	stop(h);
	sock_system_stop();
	rundir_close(&h->sockets);
	heads_close(h->heads);
	config_fini(&h->config);
	arena_fini(&h->arena);
	free(h);
	return 0;
}
