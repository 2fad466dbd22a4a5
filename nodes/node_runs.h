/* What is run beside a container on the agent's own account: a probe's handler,
 * or a hook's. One run is one command, request or sleep; it ends by itself, by
 * its time-out, or with its container, and then nothing is heard of it.
 *
 * Commands go through the runtime (runtime.h), as those of sessions do, but for
 * nobody else's eyes; requests through the port "probes". */
#ifndef NODES_NODE_RUNS_H
#define NODES_NODE_RUNS_H

#include "nodes/node_private.h"
#include "nodes/probes/probe_plan.h"

enum run_for { RUN_POST_START = PROBE_KINDS, RUN_PRE_STOP };

struct agent_run {
	struct agent_run *next; /* of its pod */
	uint64_t id, pod;
	char *container;
	uint32_t attempt;
	int what;              /* an enum probe_kind or run_for */
	struct bytes *handler; /* its map in the spec */
	struct bytes *call;    /* as a port takes it; the same for the next run of it */
	int64_t timeout_ms;    /* 0: none */
	uint64_t timer;
	bool exec, sent; /* sent: a port knows of it */
	int64_t code;    /* of a command that ended */
	unsigned tries;  /* of making the call: what it needs was not known yet */
	struct buf output;
};

/* Begins a run. `handler` and `call` are borrowed; `call` NULL: it is made. May end
 * in this very call. */
void run_begin(struct ctx *c, struct agent *a, struct agent_pod *p, const struct agent_run *wish);
/* Those whose container's attempt is not there any more. */
void runs_drop_ended(struct ctx *c, struct agent *a, struct agent_pod *p);
void runs_drop_all(struct ctx *c, struct agent *a, struct agent_pod *p);
/* Of the runtime (EXECED, OUTPUT), of the port "probes", and its timer. */
void runs_on_command(struct ctx *c, struct agent *a, const struct port_event *e);
void runs_on_request(struct ctx *c, struct agent *a, const struct port_event *e);
void runs_on_timer(struct ctx *c, struct agent *a, uint64_t id);
void agent_run_free(void *run);

/* node_probes.c: it is over; `text` may be any bytes. The run is gone afterwards. */
void probes_on_result(struct ctx *c, struct agent *a, struct agent_pod *p,
		      const struct agent_run *run, enum probe_result r, struct span text);

#endif
