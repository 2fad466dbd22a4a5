/* What the gate's files share. */
#ifndef GATE_GATE_PRIVATE_H
#define GATE_GATE_PRIVATE_H

#include "actors/gate/correlator.h"
#include "actors/objects/writing.h"

enum { JOBS_MAX = 50000 };

struct job {
	struct gate *gate;
	struct writing writing;
	uint64_t tag, parked; /* parked 0: nobody waits for the answer */
	struct doc *missing;  /* made when what is to be changed is not there; NULL: refused */
	char *pod_uid;	      /* of a pod's status */
	bool superseded;      /* a newer status of that pod came meanwhile */
};

struct gate {
	struct schema *schema;
	const struct schema_resource *pods, *nodes, *events;
	struct view *pod_view, *node_view, *namespace_view, *event_view;
	struct omap jobs;     /* tag -> struct job */
	struct omap statuses; /* pod's uid -> the newest job that writes its status */
	struct correlator correlator;
	uint64_t next_tag, written, refused, dropped;
};

struct job *job_new(struct ctx *c, struct gate *g, const struct msg *m,
		    const struct schema_resource *r, enum obj_verb verb);
void job_name(struct job *j, struct span ns, struct span name);
void job_run(struct ctx *c, struct gate *g, struct job *j);

/* events.c: the handler of event.record. */
int gate_on_event(struct ctx *c, void *state, const struct msg *m);

#endif
