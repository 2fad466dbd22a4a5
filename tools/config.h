/* The cluster's config: one YAML file, read by one table of keys.
 *
 * The table (config_keys.h) gives for each key its place, type, unit, default,
 * range and help; the parser, its refusals ("cluster.yaml:7:5: unknown key
 * 'polcy', did you mean 'policy'?"), `troupe up --help-config` and the file
 * that `troupe up` writes come from it. What an actor's own map may hold is a
 * table too, per kind.
 *
 * Ownership: everything lives in the config's arena. No threads. */
#ifndef TOOLS_CONFIG_H
#define TOOLS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/objects/objects.h"
#include "actors/runtime/supervision.h"
#include "broker/base/bytes.h"
#include "broker/base/doc.h"
#include "broker/base/err.h"
#include "broker/base/mem.h"

struct config_actor {
	const char *kind, *name;
	int64_t count; /* node-agent: so many, named NAME1 ... */
	struct doc *options;
	const struct doc *line; /* where it is in the file */
	const char *plugin;	/* kind plugin: the kind in its file, when that is loaded */
};

struct config_cell {
	const char *name;
	bool own_process;
	bool foreign; /* has shared objects of others: its end does not end the cluster */
	struct restart_policy restart; /* of its actors, and of the cell as a whole */
	struct config_actor *actors;
	size_t actor_count;
};

struct config {
	struct arena arena;
	const char *cluster;
	const char *store_driver, *store_path;
	int64_t store_quota;
	struct restart_policy restart; /* of processes; its strategy means nothing */
	uint32_t turn_limit_ms;
	int64_t ring_bytes; /* of each loop's records */
	struct config_cell *cells;
	size_t cell_count;
	struct obj_cluster ranges; /* of services' addresses and node ports */
	const char *nodes_range, *nodes_bridge; /* between nodes with a namespace each */
};

/* Reads the text of `file` (its name is for messages). ERR_INVALID. */
int config_parse(struct config *c, const char *file, struct span text, struct err *e);
int config_load(struct config *c, const char *file, struct err *e);
void config_fini(struct config *c);

/* What `troupe up` runs without -f, as the text of a file. */
struct config_wish {
	const char *api; /* HOST:PORT */
	int nodes;
	const char *runtime; /* process, sim, oci */
	const char *program; /* of oci; NULL: the agent looks for one */
	bool own_api;        /* the API in a process of its own */
	unsigned slot;       /* of the machine's: clusters with runtime oci have each one of its own */
};
/* The services' range, as text; and its first address, the API's. */
enum { CONFIG_RANGE_MAX = 24 };
void config_services(const struct config *c, char range[CONFIG_RANGE_MAX], char first[CONFIG_RANGE_MAX]);
/* What a slot stands for, as texts; slot 0 is what is there when nothing is said. */
enum { CONFIG_SLOTS = 12 };
struct config_slot {
	char bridge[16], subnet[20], services[20]; /* of a lone node, n1 */
	char nodes_bridge[16], nodes_range[20], pods[20]; /* of several; all their pods */
};
struct config_slot config_slot(unsigned slot);
/* The slot that a config has its services in; CONFIG_SLOTS: in none. */
unsigned config_slot_of(const struct config *c);
void config_default(struct buf *out, const struct config_wish *w);

void config_help(FILE *out);

/* The names of all controllers, in the order of their start; whether an actor
 * of kind `controllers` leaves one out; what it is called there. */
size_t config_controllers(const char *const **names);
bool config_is_without(const struct config_actor *a, const char *controller);
const char *config_controller_name(const struct config_actor *a, const char *controller,
				   struct arena *arena);
/* Whether that is IPV4:PORT. */
bool config_read_address(struct span text);
/* The API actor's listen address; NULL when there is no API. */
const char *config_api_address(const struct config *c, struct arena *a);
/* The name of the agent's index-th node, from 0. */
const char *config_node_name(const struct config_actor *agent, int64_t index, struct arena *a);
/* Whether a node runs its containers so: "process", "oci". */
bool config_has_runtime(const struct config *c, const char *runtime);
/* The OCI program that a node of runtime oci names first; "" when none does. */
struct span config_oci_program(const struct config *c);
/* The names of all nodes, in order. */
size_t config_nodes(const struct config *c, struct arena *a, const char ***names);

#endif
