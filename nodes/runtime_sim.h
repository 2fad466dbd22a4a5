/* What a simulated container does: pure arithmetic on its command and on the
 * pod's annotations. No process, no clock; the runtime `sim` sets timers by
 * it. A million of them cost nothing while they "run".
 *
 * By its command: `true`, `false`, `exit N`, `sleep N` end as they say, also
 * inside `sh -c "..."` with ; && || between them, `echo` and its like pass at
 * once; everything else, and a container without a command, runs until it is
 * told to stop.
 *
 * By annotation, which wins: key "sim.troupe/CONTAINER", or "sim.troupe" for
 * all containers of the pod. Its value has one script per attempt, separated
 * by ';', and the last one repeats. A script is clauses separated by ',':
 *   run                      until it is told to stop (the default)
 *   exit N [after TIME]      ends by itself
 *   start TIME               time until it has started
 *   ready TIME | ready never from its start until it is ready
 *   term ignore              TERM does nothing; KILL does
 *   term exit N [after TIME] what TERM leads to
 *   error TEXT               it cannot be started (the rest of the script)
 * TIME is 500ms, 5s, 2m, 1h, 1d, or seconds. Example: a container that fails
 * twice, then runs: "exit 1 after 2s; exit 1 after 2s; run, ready 3s".
 *
 * By its image: all are there, but for those tagged "non-existent", which
 * cannot be pulled: what a rollout does that gets stuck can be seen. */
#ifndef NODES_RUNTIME_SIM_H
#define NODES_RUNTIME_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"

#define SIM_ANNOTATION "sim.troupe"

enum { SIM_NEVER = -1 };

/* Times in milliseconds. */
struct sim_run {
	int64_t start_ms;      /* from the request until it has started */
	int64_t ready_ms;      /* from its start; SIM_NEVER */
	int64_t end_ms;        /* from its start until it ends by itself; SIM_NEVER */
	int32_t code;          /* then */
	const char *reason;    /* of that end; a constant; NULL: by the code */
	int64_t term_ms;       /* from TERM until it ends; SIM_NEVER: it ignores it */
	int32_t term_code;     /* then; KILL is always 137, at once */
	const char *error;     /* it cannot be started; NULL: it can */
};

/* Something that may change how a container starts on a node, or end it while
 * it runs: chaos. Agents look for one that is shared with them as
 * "sim-containers"; then there is a port of that name too, and when an id comes
 * by it they ask with that for each container that runs. */
struct sim_containers {
	void *arg;
	void (*starts)(void *arg, const char *node, struct sim_run *run);
	/* True: it ends so long from now; end_ms, code and reason are set. */
	bool (*ends)(void *arg, uint64_t id, struct sim_run *run);
};

/* `argv`: command, then args, NULL terminated; may be empty. `annotations`: a
 * cursor at the pod's map of them, p NULL when it has none. ERR_INVALID: the
 * annotation is not of the form; the text says where (and *out is by argv). */
int sim_run_plan(struct arena *a, const char *const *argv, struct mp annotations,
		 const char *container, uint32_t attempt, struct sim_run *out, struct err *e);

/* Whether the registry has the image: "foo:non-existent" is not there. */
bool sim_image_exists(struct span image);

#endif
