/* A whole cluster in the simulator, from one table: which actors there are
 * and in which cell each lives. A new controller is one row of it.
 *
 *	cluster_plan(&c, &wish);            who, where
 *	sim = cluster_start(&c, &config);   config: seed, network, disk, shared
 *	sim_crash_cell(sim, "n1", cluster_fill, &c);
 *
 * Owner: the caller; must outlive the simulator. One thread. */
#ifndef CHAOS_CLUSTER_H
#define CHAOS_CLUSTER_H

#include "actors/runtime/sim.h"
#include "broker/base/mem.h"

enum { CLUSTER_KINDS_MAX = 64 };

struct cluster_actor {
	const char *cell, *name;
	const struct actor_spec *spec;
	const char *node; /* of a node agent, else NULL */
	unsigned number;  /* of a client */
};

struct cluster_wish {
	size_t nodes;
	const char *node_cpu; /* "2" */
	int64_t node_pods;
	bool workloads; /* with the controllers of replica sets, deployments and so on:
			 * what a script cannot make costs its seeds nothing */
	bool standby; /* a second of each that has a fence, in the cell `spare` */
	bool apart; /* a cell for each part of the control plane, not one for all */
	/* What a node is labelled with: writes a map; how many. May be NULL. */
	size_t (*labels)(const void *arg, const char *node, struct buf *out);
	const void *labels_arg; /* outlives the cluster */
	const struct cluster_actor *extra; /* ends with cell NULL; may be NULL */
};

struct cluster {
	struct arena arena;
	struct cluster_wish wish;
	struct cluster_actor *actors;
	const char **cells;
	size_t actor_count, cell_count;
	const struct actor_spec *kinds[CLUSTER_KINDS_MAX];
};

void cluster_plan(struct cluster *c, const struct cluster_wish *w);
/* Sets catalogue and kinds in a copy of the config, and starts all cells. */
struct sim *cluster_start(struct cluster *c, const struct sim_config *cfg);
/* Adds the actors of that cell: what sim_start_cell and sim_crash_cell want. */
void cluster_fill(void *cluster, struct cell *cell);
void cluster_add(struct cluster *c, struct cell *cell, const struct cluster_actor *a);
/* Of all messages that it speaks. */
extern const struct catalogue cluster_catalogue;
void cluster_fini(struct cluster *c);

#endif
