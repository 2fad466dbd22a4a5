/* What the files of the gate share. */
#ifndef GATE_PRIVATE_H
#define GATE_PRIVATE_H

#include "actors/gate/correlator.h"
#include "actors/gate/gate.h"
#include "actors/gate/heartbeat.h"
#include "actors/objects/writing.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum {
	JOBS_MAX = 50000,
	EVENTS_TOGETHER_MAX = 16,
	EVENT_FLIGHTS_MAX = 16,
	EVENT_ARENA_BYTES = 1024, /* of a block: many events may wait */
};

/* One request on its way: parked, planned, in the store's hands. */
struct job {
	struct gate *gate;
	struct writing writing;
	uint64_t tag, parked; /* parked 0: nobody waits for the answer */
	struct doc *missing; /* made when what is to be changed is not there; NULL: refused */
	char *pod_uid;	     /* of a pod's status */
	bool superseded;     /* a newer status of that pod came meanwhile */
	/* an event's, in the queue */
	bool event;
	bool alone; /* it was refused together with others */
	struct job *next;
	struct trace trace;
};

/* A transaction that is under way with some events; none: there is none. */
struct event_flight {
	struct job *sent[EVENTS_TOGETHER_MAX];
	size_t count;
	size_t compares, ops; /* of all of them */
	uint64_t tag;
};

/* Events that wait, and those under way. */
struct event_queue {
	struct job *first, **last;
	struct event_flight flights[EVENT_FLIGHTS_MAX];
	uint64_t transactions;
};

struct gate {
	struct schema *schema;
	const struct schema_resource *pods, *nodes, *events, *leases, *accounts;
	struct view *pod_view, *node_view, *namespace_view, *event_view, *lease_view;
	struct omap jobs;     /* tag -> struct job */
	struct omap statuses; /* pod's uid -> the newest job that writes its status */
	struct correlator correlator;
	struct event_queue event_queue;
	struct heartbeats heartbeats;
	int signer;	      /* a port; -1: this cluster has no key for tokens */
	struct omap tokens;   /* number -> struct token_job (pod_token.c) */
	uint64_t next_tag, written, refused, dropped;
};

struct job *gate_job_new(struct ctx *c, struct gate *g, const struct msg *m,
			 const struct schema_resource *r, enum obj_verb verb);
void gate_job_name(struct job *j, struct span ns, struct span name);
void gate_job_run(struct ctx *c, struct gate *g, struct job *j);
/* It is over: whoever waits is answered, and the job is gone. */
void gate_job_answer(struct ctx *c, struct gate *g, struct job *j);
/* Whether the sender may speak for that node; if not, it is told so. */
bool gate_may_speak_for(struct ctx *c, const struct msg *m, struct span node);

/* The pod that a message is about (namespace, name, uid), when the sender may touch it;
 * NULL: it was told why not. */
struct view_object *gate_pod_of(struct ctx *c, struct gate *g, const struct msg *m);

/* pod_token.c: the handler of pod.token, and what comes back for it. */
int gate_on_pod_token(struct ctx *c, void *state, const struct msg *m);
void gate_token_account(struct ctx *c, struct gate *g, uint64_t number, const struct reply *r);
void gate_token_signed(struct ctx *c, struct gate *g, const struct port_event *p);
int gate_tokens_open(struct ctx *c, struct gate *g, struct mp cfg);
void gate_tokens_fini(struct gate *g);

/* mirror.c: the handler of pod.mirror. */
int gate_on_pod_mirror(struct ctx *c, void *state, const struct msg *m);

/* events.c: the handler of event.record. */
int gate_on_event(struct ctx *c, void *state, const struct msg *m);

/* event_queue.c */
void event_queue_add(struct ctx *c, struct gate *g, struct job *j);
/* One that was answered and is to be asked otherwise; in a turn of the queue. */
void event_queue_again(struct gate *g, struct job *j);
/* Whether the outcome was one of events. */
bool event_queue_outcome(struct ctx *c, struct gate *g, uint64_t tag, const struct store_outcome *o);

#endif
