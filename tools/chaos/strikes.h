/* The faults of a simulated world that ask at each message, sync, clock or
 * container whether it is hit: one rule per line and spot, each with random
 * numbers of its own and a count of what it has hit.
 *
 * Threads: one. Owner: the world. */
#ifndef CHAOS_STRIKES_H
#define CHAOS_STRIKES_H

#include "actors/runtime/port.h"
#include "actors/runtime/sim.h"
#include "broker/base/omap.h"
#include "nodes/runtime_sim.h"
#include "tools/chaos/chance.h"
#include "tools/chaos/world.h"

struct rule {
	const struct act *act;
	const char *spot;
	int on; /* how many of the line's happenings last */
	uint16_t kind; /* of messages */
	int64_t by_us;
	struct chance chance;
	uint64_t touched;
	uint64_t revision; /* of bit-flip: the record */
};

struct strikes {
	struct sim *sim;
	const struct catalogue *catalogue;
	struct rule **rules;
	size_t count, cap;
	struct sim_containers containers; /* shared with node agents */
	struct omap agents; /* node -> struct port of its agent, those alive */
	void (*lost)(void *arg, uint64_t kept);
	void (*sent)(void *arg, const struct sim_message *m); /* of every message; NULL: nobody waits */
	void *arg; /* of both */
};

extern const struct port_driver chaos_containers_port; /* "sim-containers" */

void strikes_init(struct strikes *s, const struct catalogue *c);
/* A fault of messages, the store's disk, a clock or containers. */
void strikes_set(struct strikes *s, const struct strike *k, bool on);
uint64_t strikes_touched(struct strikes *s, const struct strike *k);
/* As a `when` and a rule see it; `text` keeps its names. */
struct strikes_names {
	char from[ENV_NAME_BYTES_MAX + 1], to[ENV_NAME_BYTES_MAX + 1];
};
void strikes_message(const struct sim_message *m, const char *kind, struct strikes_names *text,
		     struct sent_message *out);
/* When `sent` was set. */
void strikes_ask(struct strikes *s);
void strikes_heal(struct strikes *s);
void strikes_fini(struct strikes *s);

#endif
