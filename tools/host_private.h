/* What the files of the host share: a process, its cells, and who is in them. */
#ifndef TOOLS_HOST_PRIVATE_H
#define TOOLS_HOST_PRIVATE_H

#include <pthread.h>

#include "actors/runtime/cell.h"
#include "actors/runtime/dead_letters.h"
#include "tools/host.h"
#include "tools/places.h"
#include "tools/rundir.h"

enum { HOST_KINDS_MAX = 64, HOST_CELLS_MAX = 256 };

/* A cell, and what of it outlives its lives. */
struct host_cell {
	struct host *host;
	const struct config_cell *cfg;
	struct turn_record *record;
	struct dead_letters letters;
	bool with_store;
};

struct host {
	struct config config;
	/* Troupe's own, and those of this process' shared objects. */
	const struct actor_spec *kinds[HOST_KINDS_MAX];
	const char *data_dir;
	char run_dir[400];
	struct rundir sockets; /* the same, short enough for a socket's path */
	struct heads *heads;
	struct broker *broker;
	pthread_t broker_thread;
	struct host_cell cells[HOST_CELLS_MAX];
	struct watchdog *watchdog;
	struct loop *loops[HOST_CELLS_MAX];
	struct tap *taps[HOST_CELLS_MAX]; /* NULL: that cell does without */
	pthread_t threads[HOST_CELLS_MAX];
	bool has_agents[HOST_CELLS_MAX], stopped[HOST_CELLS_MAX];
	size_t loop_count;
	bool main_process, keep_pods;
	struct places places; /* of nodes with real pods */
	struct arena arena;
};

/* host_kinds.c: Troupe's own, each list with a NULL behind it. */
extern const struct actor_spec *const host_kinds[];
extern const struct port_driver *const host_drivers[];

/* host_actors.c: into a cell; what was added once can be added again. The error is in the log. */
int host_add_store(struct host *h, struct cell *c);
int host_add_actor(struct host *h, struct cell *c, const struct config_actor *a);
bool host_is_audited(const struct config_actor *a);

#endif
