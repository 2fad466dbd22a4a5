/* What the files of the node agent share. */
#ifndef NODES_NODE_PRIVATE_H
#define NODES_NODE_PRIVATE_H

#include "actors/runtime/actor.h"
#include "actors/runtime/view.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "nodes/eviction.h"
#include "nodes/pod_worker.h"
#include "nodes/runtime.h"

struct agent;
struct agent_run;
struct node_static;
struct probed;
struct sim_timer;
struct pod_token;

struct agent_pod {
	struct agent *agent;
	uint64_t id;
	char *key, *uid; /* "pods/default/web"; key NULL: its object is long gone */
	struct pod_worker *worker;
	uint64_t timer;
	struct trace trace;   /* of the last change of its object */
	bool stepping, again; /* observed something while its plan is carried out */
	bool telling;         /* a pod.status is on its way */
	struct bytes *next_status; /* that waits for it */
	unsigned unanswered;  /* statuses in a row that heard nothing */
	uint64_t rests_on;    /* version that the first status rests on; 0: it was told */
	uint64_t told;	      /* version that the last status was written at; 0: none was */
	bool overruled;	      /* somebody else has said since whether it is ready */
	bool finish_waits;    /* pod.finished is due once the last status was told */
	size_t running;       /* of an orphan: attempts that have not ended */
	struct sim_timer *sim_timers;
	/* node_volumes.c */
	struct pod_token *tokens;
	uint64_t files_mark;	 /* of the files that it has; 0: nobody knows */
	char *mount_failure;	 /* why its files are not new, as it was told; NULL: they are */
	bool up;		 /* its sandbox is */
	bool counted;		 /* it had of the node what it asked for */
	bool unadmitted;	 /* nobody has said that the node can have it */
	bool refreshing;	 /* what is known of objects will do, however old */
	bool awaits;		 /* it cannot go on without an object that was asked for */
	uint64_t since_us;	 /* what was asked for before it came may be older than it rests on */
	struct bytes *disk;	 /* RUNTIME_DISK, or NULL */
	struct probed *probed;  /* attempts that run and have probes */
	struct agent_run *runs; /* that are under way */
	struct node_static *of_file; /* NULL: it is the API's */
	int64_t probe_due_ms;   /* when its timer for probes comes; 0: none is set */
};

struct object_cache {
	struct bytes *value; /* NULL: it does not exist */
	uint64_t known_us;   /* when what is known was asked for; 0: nothing is known */
	uint64_t looked_us;  /* when the store was last looked at, or could not be */
	uint64_t asked_us;   /* when the question on its way was sent */
	bool asked;
	char *key;
	uint64_t id;
};

enum node_pressure { PRESSURE_MEMORY, PRESSURE_DISK, PRESSURE_PIDS, PRESSURES };

/* Of a node's conditions. */
struct pressure {
	bool on;
	int64_t seen_us, since_us; /* wall; since_us 0: never */
};

struct agent {
	char *node, *host_ip;
	char *subnet; /* of its pods; NULL: it has none */
	struct buf labels; /* of its node, besides its own: a map, or empty */
	bool sim, oci, keep_pods, listed; /* neither sim nor oci: processes */
	int port, probe_port, static_port; /* -1: not open */
	struct view *view;
	struct view *services; /* for their variables; NULL: simulated, they run nothing */
	struct omap pods;    /* id -> struct agent_pod */
	struct omap by_key;  /* key -> struct agent_pod */
	struct omap on_machine; /* uid, as told at the start */
	struct omap objects; /* key -> struct object_cache: config maps and secrets */
	struct omap logs;    /* number -> parked request */
	struct omap sessions;    /* number -> struct agent_session */
	struct omap session_keys; /* who asks, zero, its number -> the same */
	struct bytes *static_files; /* that were told of, and not looked at yet */
	bool static_told; /* they were looked at once */
	struct omap runs;    /* number -> struct agent_run: handlers of probes and hooks */
	uint64_t next_id;
	struct ctx *turn;
	struct bytes *info;  /* RUNTIME_INFO */
	struct bytes *images; /* RUNTIME_IMAGES, or NULL */
	struct bytes *figures; /* RUNTIME_FIGURES, or NULL */
	/* node_pressure.c */
	struct pressure pressure[PRESSURES];
	int64_t eviction_memory;		/* bytes */
	int64_t eviction_disk, eviction_inodes, eviction_pids; /* percent */
	bool low[EVICTION_RESOURCES];
	bool defers, room; /* some pod waits for room to be resized; there may be some now */
	bool reclaiming, reclaimed; /* the runtime makes room; it did, and figures follow */
	char cpu[32], memory[32];
	int64_t pods_max;
	int64_t ready_since_us;
	uint64_t beat_us; /* between heartbeats; 0: none */
	uint64_t siblings; /* agents of this kind in this process, with it */
	uint64_t report_timer;
	bool refresh_timer; /* volumes are looked at again */
	bool registered, reporting; /* told once; being told */
	unsigned unanswered;	    /* reports in a row that heard nothing */
	struct buf allocatable;
	const char *base_env[4];
	struct omap sim_timers; /* number -> struct sim_timer, of its pod */
};

/* Request and timer tags: what in the low bits, whose in the others. */
enum { TAG_POD = 0, TAG_STATUS, TAG_FINISHED, TAG_NODE, TAG_OBJECT, TAG_SIM, TAG_SESSION, TAG_BEAT,
       TAG_TOKEN, TAG_VOLUMES, TAG_PROBE, TAG_RUN, TAG_MIRROR, TAG_BITS = 4 };
#define NODE_TAG(what, id) ((uint64_t)(id) << TAG_BITS | (what))

struct agent_pod *agent_pod(const struct agent *a, uint64_t id);
/* Steps the worker and carries its plan out, until it plans nothing. */
void agent_step(struct ctx *c, struct agent *a, struct agent_pod *p);
void agent_observe(struct ctx *c, struct agent *a, struct agent_pod *p,
		   const struct pod_observation *o);

void agent_tell_event(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_event *e);

/* What was found on the machine, or begins; the caller tells what is desired. */
struct agent_pod *agent_pod_begin(struct agent *a, struct span key, struct span uid);
/* Nobody wants it any more: it ends. It may be gone when this returns. */
void agent_pod_gone(struct ctx *c, struct agent *a, struct agent_pod *p);

/* node_static.c: pods of files, and their mirrors */
void static_on_port(struct ctx *c, struct agent *a, const struct port_event *e);
void static_take(struct ctx *c, struct agent *a); /* what was told before we were listed */
/* A change of the pods' view. True: it was of such a pod, or of a mirror. */
bool static_on_view(struct ctx *c, struct agent *a, struct span key, const struct view_object *o);
void static_on_synced(struct ctx *c, struct agent *a);
void static_on_mirrored(struct ctx *c, struct agent *a, uint64_t id, const struct reply *r);
void static_on_timer(struct ctx *c, struct agent *a, uint64_t id);
/* Whom the API knows it by; NULL: there is no mirror. */
const char *static_api_uid(const struct agent_pod *p);
void static_free(struct node_static *s); /* NULL is fine */

/* node_probes.c: probes and hooks, where containers are real */
void probes_follow(struct ctx *c, struct agent *a, struct agent_pod *p); /* after a step */
void probes_on_timer(struct ctx *c, struct agent *a, struct agent_pod *p);
void probes_forget(struct agent_pod *p);
void agent_hook(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x);

/* node_status.c: the node's own state, and that it lives */
void node_report(struct ctx *c, struct agent *a);
void node_on_told(struct ctx *c, struct agent *a, const struct reply *r);
void node_beat(struct ctx *c, struct agent *a);
void node_on_heard(struct ctx *c, struct agent *a, const struct reply *r);

/* node_sim.c: containers that only exist here */
void sim_act(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x);
void sim_on_port(struct ctx *c, struct agent *a, uint64_t id); /* chaos asks about what runs */
void sim_on_timer(struct ctx *c, struct agent *a, uint64_t id);
/* The pod ends: what its containers would have done falls away. */
void sim_forget(struct ctx *c, struct agent *a, struct agent_pod *p);
void sim_timer_free(void *timer);

/* An object of the store that a pod wants, from the agent's cache: not older than the pod's
 * coming here, nor than a few seconds unless the store cannot be reached. `any`: what is
 * known will do, and is asked anew when it is old. 0, ERR_NOT_FOUND, ERR_AGAIN: it was asked
 * for, and the pod is stepped when it comes. One that is another than it was is looked at by
 * node_volumes.c. */
int agent_object(struct agent_pod *p, const char *stream, struct span namespace, struct span name,
		 bool any, struct span *out);
/* All pods that have a worker. */
void agent_step_all(struct ctx *c, struct agent *a);

/* node_objects.c, more of it: for workers' sources, and answers of the store */
int agent_lookup(void *pod, enum pod_env_kind kind, struct span namespace, struct span name,
		 struct span *out);
int agent_each_service(void *pod, struct span namespace,
		       void (*each)(void *to, struct span service), void *to);
void agent_on_object(struct ctx *c, struct agent *a, uint64_t id, const struct reply *r);
void agent_object_free(void *object);

/* node_admission.c: the handler of the pod's RuntimeClass, empty without one; why it is not to
 * be had here, or NULL. */
const char *agent_runtime_fault(struct agent_pod *p, struct arena *arena, struct span *handler);

/* node_calls.c: actions through the runtime's port; `b` is taken over */
void agent_call(struct ctx *c, struct agent *a, struct agent_pod *p, uint32_t op, struct buf *b);
void agent_call_uid(struct ctx *c, struct agent *a, struct agent_pod *p, uint32_t op);
void agent_call_signal(struct ctx *c, struct agent *a, struct agent_pod *p, const char *name,
		       int64_t attempt, int signal);
void agent_port_act(struct ctx *c, struct agent *a, struct agent_pod *p,
		    const struct pod_action *x);
void agent_tell_event(struct ctx *c, struct agent *a, struct agent_pod *p,
		      const struct pod_event *e);

/* node_volumes.c: what volumes hold, also while they are mounted */
struct volume_source node_volume_source(struct agent_pod *p);
/* Adds `volumes` to RUNTIME_SANDBOX; returns the number of fields. */
size_t node_volumes_put(struct ctx *c, struct agent_pod *p, struct buf *b, struct span list);
/* Its sandbox is there, or not. */
void node_volumes_up(struct ctx *c, struct agent *a, struct agent_pod *p, bool up);
/* The pod's object is another one, a token came, or time has passed. */
void node_volumes_refresh(struct ctx *c, struct agent *a, struct agent_pod *p);
/* An object is another one. */
void node_volumes_look(struct ctx *c, struct agent *a);
void node_volumes_on_timer(struct ctx *c, struct agent *a);
void node_volumes_on_token(struct ctx *c, struct agent *a, struct agent_pod *p,
			   const struct reply *r);
/* RUNTIME_STALE */
void node_volumes_on_stale(struct ctx *c, struct agent *a, struct agent_pod *p, struct mp body);
void node_volumes_free(struct agent_pod *p);

/* node_pressure.c: what happens when there is too little of something */
void pressure_on_figures(struct ctx *c, struct agent *a, struct mp figures);
void pressure_on_reclaimed(struct agent *a);
void pressure_on_disk(struct ctx *c, struct agent *a, struct agent_pod *p); /* `disk` is new */

/* node_admission.c: a pod that is new here, `unadmitted` until it was looked at; one that the
 * node cannot take is Failed. False: it cannot be told yet. */
bool agent_admits(struct ctx *c, struct agent *a, struct agent_pod *p);
/* Whether it is given the resources that it wants, before each of its steps. */
void agent_resizes(struct ctx *c, struct agent *a, struct agent_pod *p);
/* After a step: those that wait for room are stepped when there may be some. */
void agent_room(struct ctx *c, struct agent *a);

/* node_figures.c */
int agent_on_summary(struct ctx *c, void *state, const struct msg *m);

/* node_logs.c */
int agent_on_logs(struct ctx *c, void *state, const struct msg *m);
void agent_on_chunk(struct ctx *c, struct agent *a, const struct port_event *p);

/* node_sessions.c: streams to and from what runs beside containers */
int agent_on_session_open(struct ctx *c, void *state, const struct msg *m);
int agent_on_session_read(struct ctx *c, void *state, const struct msg *m);
int agent_on_session_write(struct ctx *c, void *state, const struct msg *m);
int agent_on_session_resize(struct ctx *c, void *state, const struct msg *m);
int agent_on_session_close(struct ctx *c, void *state, const struct msg *m);
/* EXECED, OUTPUT or TAKEN. */
void agent_on_session_event(struct ctx *c, struct agent *a, const struct port_event *p);
void agent_on_session_timer(struct ctx *c, struct agent *a, uint64_t number);
/* An asker is gone. */
void agent_on_session_down(struct ctx *c, struct agent *a, struct span who);
void agent_session_free(void *session);

/* node_runs.c: a container of a pod's spec; `p` has a worker. False: there is none. */
bool agent_spec_of(const struct agent_pod *p, const char *name, struct mp *spec);
/* node_sessions.c: the field "env"; a terminal has a TERM. */
void agent_put_env(struct buf *b, const char *const *env, bool tty);

/* The pod of a message's `namespace` and `pod`; NULL: it is not here. */
struct agent_pod *agent_pod_named(struct agent *a, struct mp body);

#endif
