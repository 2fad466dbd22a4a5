/* Between pod_worker.c (decisions), pod_observe.c (facts) and pod_status.c
 * (what the API is told). */
#ifndef NODES_POD_WORKER_PRIVATE_H
#define NODES_POD_WORKER_PRIVATE_H

#include <stdlib.h>

#include "nodes/pod_worker.h"

enum container_kind {
	CONTAINER_INIT,
	CONTAINER_SIDECAR, /* an init container with restartPolicy Always */
	CONTAINER_MAIN,
	CONTAINER_EPHEMERAL,
};

enum container_state {
	CONTAINER_NEW,      /* never started */
	CONTAINER_STARTING, /* POD_START was planned, and nothing was heard, or its
			       postStart is not over (`held_us`) */
	CONTAINER_RUNNING,
	CONTAINER_ENDED,
};

/* Its hooks: pod_hooks.c. */
enum container_hook {
	HOOK_NONE,
	HOOK_START_DUE,
	HOOK_START_RUNS,
	HOOK_STOP_DUE,
	HOOK_STOP_RUNS,
	HOOK_STOP_OVER,
};

enum image_state {
	IMAGE_NONE,  /* to be asked for */
	IMAGE_ASKED, /* POD_IMAGE was planned */
	IMAGE_THERE, /* until the container starts */
	IMAGE_AWAY,  /* to be asked for again, at image_retry_ms */
};

/* How an attempt ended. */
struct ending {
	bool there;
	uint32_t attempt;
	int32_t code;
	char *reason, *message; /* message may be NULL */
	int64_t started_us, finished_us;
};

struct container {
	struct container *next; /* init containers first, in the spec's order */
	char *name;
	enum container_kind kind;
	struct mp spec; /* in the worker's object */
	enum container_state state;
	uint32_t attempt;       /* of `state`; while STARTING the one to come */
	bool shown;             /* an attempt was seen: `attempt` counts restarts */
	bool claimed;           /* only the object's status says that it runs */
	int64_t started_us;     /* RUNNING */
	char *image_id, *image; /* image: what it was started with */
	struct ending end, last; /* of this attempt, of the one before */
	/* Why it does not start; NULL: nothing stands in its way. */
	char *waiting_reason, *waiting_message;
	/* Resources (pod_resize.c): what the attempt has, while the object says something else;
	 * what a new worker found that it was given. */
	struct bytes *actual, *recalled;
	unsigned resize_asked;   /* POD_RESIZEs that were not answered */
	bool resize_due;         /* one is to be planned */
	int64_t resize_retry_ms; /* not before then */
	int64_t unmade_ms;      /* it could not be made: not before then; 0: it could */
	/* Back-off, on the monotonic clock. */
	int64_t backoff_ms;     /* 0: none yet */
	int64_t restarted_ms;   /* when it was set */
	int64_t finished_ms;    /* the end of this attempt */
	bool replace;           /* its spec changed: restart whatever the policy */
	bool again;             /* an init container that a new sandbox needs again */
	bool unhealthy, unstarted; /* a probe gave it up: liveness, or startup */
	bool killing;           /* it is to stop */
	bool termed;            /* ... and TERM was planned */
	int64_t kill_ms, spare_ms; /* when KILL follows, and not before which */
	bool ready_probe, startup_done; /* as probes said */
	bool adopted;           /* it was known to run when this worker was made */
	enum container_hook hook;
	bool start_hook_failed; /* it is to be stopped */
	int64_t held_us;        /* STARTING: it was seen to have started; 0: it was not */
	char *held_image_id;
	bool told_backoff;      /* the event of this wait was made */
	/* Why this attempt did not come to run, shown for a moment; NULL: it ran, or runs. */
	const char *failed_reason;
	char *failed_message;
	/* Its image, before it starts (pod_image.c). */
	enum image_state image_state;
	int64_t image_backoff_ms, image_retry_ms;
	char *image_error;      /* why it is away */
	bool image_pulls;	/* ... because pulling it failed */
	bool image_told;	/* the event of this wait was made */
};

enum sandbox_state { SANDBOX_UNKNOWN, SANDBOX_NONE, SANDBOX_ASKED, SANDBOX_UP, SANDBOX_LEAVING };

/* The conditions that are a node agent's, in the kubelet's order. */
enum pod_condition {
	POD_READY_TO_START,
	POD_INITIALIZED,
	POD_READY,
	POD_CONTAINERS_READY,
	POD_SCHEDULED,
	CONDITIONS,
};
extern const char *const pod_condition_types[CONDITIONS];
int pod_condition_index(struct span type); /* -1: somebody else's */

struct condition {
	const char *status; /* "True" or "False"; NULL: never set */
	int64_t since_us;
};

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

/* What steps ask of the object again and again, read once. */
#define POD_UNSAID INT64_MIN
struct pod_facts {
	bool deleting;
	int64_t generation;	    /* 0: it has none */
	int64_t grace_s, deletion_grace_s; /* POD_UNSAID: it does not say */
	enum restart_policy restart_policy;
	struct span phase; /* of the status, in the object */
};

struct pod_worker {
	struct pod_worker_config cfg;
	struct bytes *object;
	struct mp pod;
	struct pod_facts facts;
	struct container *containers;
	/* resources that change (pod_resize.c) */
	struct bytes *wanted;        /* the API's object, where it is not what was given; or NULL */
	bool known_spec;             /* it was looked at whether it is */
	const char *pending_reason;  /* why not; a constant. NULL: nobody has said */
	char *pending_message;
	int64_t pending_us, resizing_us; /* since when; 0: it is not under way */
	char *resize_error;          /* what stands in its way; NULL: nothing */
	/* the sandbox */
	enum sandbox_state sandbox;
	bool asked;            /* POD_ATTACH was planned */
	bool claims;           /* the object's status says that containers ran; see recall */
	bool anew;             /* it had a sandbox whose end nobody asked for, and gets another */
	bool initialized;      /* init containers are done: a main one was started in it */
	int64_t sandbox_retry_ms, sandbox_wait_ms;
	char *sandbox_error;
	int64_t mount_told_ms, mount_wait_ms; /* when events on volumes come again */
	char **ips;            /* NULL terminated, or NULL */
	/* the end */
	bool gone, forgotten;
	char *evict_reason, *evict_message;
	bool hurried;          /* ... and it has no time of its own */
	bool disrupted;        /* evicted for the node's sake */
	int64_t disrupted_us;  /* when that was told first; 0: it was not */
	bool refused;          /* evicted before anything of it was here */
	bool ending;           /* all containers are to stop */
	int64_t end_grace_s, end_ms; /* while ending: the grace that counts, when KILL is due */
	int64_t delete_ms;     /* when POD_DELETE was planned; 0: not yet */
	bool retiring, retired; /* POD_RETIRE was planned; is done */
	/* what was reported */
	int64_t start_us;      /* status.startTime */
	struct condition conditions[CONDITIONS];
	const char *phase;     /* as reported last; a constant */
	struct buf reported;   /* the last status; empty: none */
	/* Kubernetes Events that the next plan takes along. */
	struct pending_event *events, **events_end;
	size_t event_count;
};

enum { PENDING_EVENTS_MAX = 64 }; /* further ones are dropped: they are for people */

struct pending_event {
	struct pending_event *next;
	char *container, *reason, *message; /* container may be NULL */
	bool warning;
};

void pod_event(struct pod_worker *w, const char *container, bool warning, const char *reason,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* ---- of the spec */
enum restart_policy pod_restart_policy(const struct pod_worker *w);
bool pod_deleting(const struct pod_worker *w);
/* Succeeded or Failed, as reported or as the object says: it never runs again. */
bool pod_terminal(const struct pod_worker *w);

/* ---- of the facts (pod_observe.c) */
struct container *container_find(const struct pod_worker *w, struct span name);
static inline bool container_alive(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_STARTING;
}
bool pod_alive(const struct pod_worker *w); /* any container */
/* It ended without ever having run: bad command, no command. */
/* Shown as waiting, once it has ended, before its back-off is. NULL: nothing more. */
void container_failed(struct container *c, const char *reason, const char *message);
void container_start_failed(struct pod_worker *w, struct container *c, uint32_t attempt,
			    const char *why, int64_t finished_us, struct pod_time now);
void container_wait(struct container *c, const char *reason, const char *message);
void container_free(struct container *c);

/* ---- volumes (pod_volumes.c) */
enum { VOLUMES_RETRY_MS = 2000 };
/* What the sandbox is to have. False: something is not to be had yet; people are told. */
bool pod_volumes_known(struct pod_worker *w, const struct pod_env_facts *f, struct pod_time now,
		       struct arena *a, struct span *list);
/* Codes as pod_command_make's. */
int pod_volumes_mounts(const struct pod_worker *w, const struct container *c,
		       const char *const *env, struct arena *a, struct span *out, struct err *e);
void container_tell_started(struct pod_worker *w, const struct container *c);
void container_runs(struct pod_worker *w, struct container *c, const struct pod_observation *o);

/* ---- hooks (pod_hooks.c) */
/* A start was seen. True: nothing is said of it until its postStart is over. */
bool hook_holds_start(struct pod_worker *w, struct container *c, const struct pod_observation *o);
/* Those after it wait to be started. */
bool hook_holds_others(const struct pod_worker *w, const struct container *c);
void hook_seen(struct pod_worker *w, struct container *c, const struct pod_observation *o);
bool hook_before_stop(const struct pod_worker *w, const struct container *c); /* it has one */
/* It is to stop: what comes before TERM is due. */
void hook_stop(struct pod_worker *w, struct container *c);
bool hook_holds_term(const struct container *c);
/* The hook that is to be run now, which runs from then on; NULL: none. */
const char *hook_due(struct container *c);
void hook_clear(struct container *c); /* the attempt is over */

/* ---- resources that change (pod_resize.c) */
/* The object with what was given; a reference of the caller's. */
struct bytes *resize_take(struct pod_worker *w, struct bytes *pod);
void resize_recall(struct container *c, struct mp status);
/* True: POD_RESIZE is to be planned. */
bool resize_plan(struct pod_worker *w, struct container *c, struct pod_time now, int64_t *wake_ms);
void resize_seen(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		 struct pod_time now);
void resize_settle(struct pod_worker *w); /* after a step: whether it is over */
int64_t resize_wake(const struct pod_worker *w, struct pod_time now); /* mono; INT64_MAX: never */
void resize_clear(struct container *c);	  /* the attempt is over */
struct mp resize_shown(const struct container *c); /* what it has, for status.resources */
/* The specs of the containers, from w->object, which was replaced (pod_observe.c). */
void pod_take_specs(struct pod_worker *w);

/* ---- of the decisions (pod_worker.c) */
/* Whether it is to be started (again) when nothing else stands in the way. */
bool container_wants_start(const struct pod_worker *w, const struct container *c);
/* All containers have stopped, and none will be started again by policy. */
bool pod_finished(const struct pod_worker *w);

/* ---- of images (pod_image.c) */
enum image_answer { IMAGE_READY, IMAGE_WAIT, IMAGE_ASK };
/* IMAGE_ASK: *ask is a POD_IMAGE to be planned. IMAGE_WAIT: *wake_ms may be set. */
enum image_answer pod_image_ready(struct pod_worker *w, struct container *c, struct pod_time now,
				  struct arena *a, struct pod_action *ask, int64_t *wake_ms);
void pod_image_observe(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		       struct pod_time now);
/* As Go prints it. */
const char *pod_duration(struct arena *a, int64_t ms);

/* What runs by its status alone, and was not seen by now, is lost. */
void pod_settle_claims(struct pod_worker *w, struct pod_time now);

/* ---- status (pod_status.c, pod_recall.c) */
bool container_started(const struct pod_worker *w, const struct container *c); /* status.started */
/* Writes a PodStatus, and keeps in the worker what the next one needs. */
void pod_status_write(struct pod_worker *w, struct pod_time now, struct buf *out);
/* Takes over what the object's status says: startTime, the times of
 * conditions, and how its containers ran and ended. */
void pod_status_recall(struct pod_worker *w);

static inline void pod_set_text(char **to, const char *text)
{
	char *copy = text ? mem_dup(text) : NULL;
	free(*to);
	*to = copy;
}

#endif
