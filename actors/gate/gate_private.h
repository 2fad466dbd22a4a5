/* What the gate's files share: its jobs, and what it keeps of events. */
#ifndef GATE_PRIVATE_H
#define GATE_PRIVATE_H

#include "actors/gate/gate.h"
#include "actors/objects/writing.h"
#include "broker/base/omap.h"

enum { JOBS_MAX = 50000, EVENTS_TOGETHER_MAX = 16 };

struct job {
	struct gate *gate;
	struct writing writing;
	uint64_t tag, parked; /* parked 0: nobody waits for the answer */
	bool create_on_missing; /* a node's status without its object */
	struct doc *node;       /* that object */
	char *event_key;        /* of an event's first write: remembered when done */
	char *pod_uid;          /* of a pod's status */
	bool superseded;        /* a newer status of that pod came meanwhile */
	/* an event's: in the queue */
	struct job *next;
	struct trace trace;
	bool alone; /* it was refused together with others */
};

/* Events that wait, and the transaction that is under way with some. */
struct gate_events {
	struct omap recent;  /* what an event says -> struct recent */
	struct omap sources; /* who says something about what -> struct source */
	struct job *first, **last;
	struct job *sent[EVENTS_TOGETHER_MAX];
	size_t sent_count;
	uint64_t tag, transactions, dropped;
};

struct gate {
	struct schema *schema;
	const struct schema_resource *pods, *nodes, *event_row;
	struct view *pod_view, *node_view, *namespace_view, *event_view;
	struct omap jobs;   /* tag -> struct job */
	struct omap statuses; /* pod's uid -> the newest job that writes its status */
	struct gate_events events;
	uint64_t next_tag, written, refused;
};

/* A request of the sender, in the map of jobs. */
struct job *job_new(struct ctx *c, struct gate *g, const struct msg *m,
		    const struct schema_resource *r, enum obj_verb verb);
void name_job(struct job *j, struct span ns, struct span name);
/* It is over: whoever waits is answered, and the job is gone. */
void job_answer(struct ctx *c, struct gate *g, struct job *j);
void job_free(void *job);

int events_on_record(struct ctx *c, void *state, const struct msg *m);
/* Whether the outcome was one of events. */
bool events_outcome(struct ctx *c, struct gate *g, uint64_t tag, const struct store_outcome *o);
void events_remember(struct gate *g, struct job *j);
/* The jobs themselves are the gate's. */
void events_fini(struct gate_events *e);

#endif
