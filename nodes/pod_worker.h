/* The life of one pod on its node, as a pure state machine: no I/O, no clock.
 *
 * Whoever owns a worker tells it what is desired (the pod object) and what
 * was observed (sandbox, containers, probes), calls pod_worker_step with the
 * time, and carries out the actions of the plan in their order. Everything
 * may be told more than once; a step without news plans nothing.
 *
 *	pod_worker_desired(w, object);
 *	for (;;) {
 *		pod_worker_step(w, now, arena, &plan);
 *		... plan.actions, plan.status, plan.events; sleep until plan.wake_ms ...
 *		... pod_worker_observe(w, &what_happened) ...
 *	}
 *
 * A *sandbox* is what a pod's containers share and what holds them: with real
 * runtimes its pause. Containers are started only while it is up. When a
 * worker is made for a pod that may be on the machine already (`found`), the
 * first action is POD_ATTACH: answer with all attempts that are known, then
 * POD_SEEN_SANDBOX_UP or _DOWN. So adoption is the same road as a start.
 *
 * Status, restarts, back-off and phases follow Kubernetes' kubelet (1.34).
 * Threads: one owner. */
#ifndef NODES_POD_WORKER_H
#define NODES_POD_WORKER_H

#include "nodes/pod_env.h"
#include "nodes/volumes/volume_plan.h"

/* All that is a matter of time; zero fields mean the default. */
struct pod_limits {
	int64_t backoff_first_ms; /* 10 s */
	int64_t backoff_max_ms;   /* 5 min; each failure doubles it up to here */
	int64_t backoff_reset_ms; /* 10 min from the last restart to the next end */
	int64_t grace_s;          /* 30, where the pod says nothing */
	int64_t retry_ms;         /* 5 s: config that is missing, deletes not done */
	int64_t sandbox_retry_ms; /* 1 s, doubling to 60 s */
	int64_t leave_ms;         /* 250 ms from the request to delete it until the object goes,
				     unless its name was generated. `kubectl delete` reads the
				     object, lists it some milliseconds later and then waits for
				     ever if another came of that name between
				     (kubernetes/kubernetes#135562); kubelets take a second */
};

struct pod_worker_config {
	const char *host_ip;
	const char *id_scheme;  /* of container ids; NULL: "troupe" */
	bool probes;            /* somebody runs probes and observes them here;
				   otherwise containers with probes count as fine */
	bool hooks;             /* somebody runs hooks; otherwise there are none */
	bool told_ready;        /* POD_SEEN_READY decides for every container (sim) */
	bool from_image;        /* commands and environments begin with the image's (oci) */
	bool needs_command;     /* a container without one cannot start (process) */
	bool found;             /* the pod may be on the machine already */
	struct pod_limits limits;
	struct pod_env_source source;
	bool awaits_volumes;    /* no sandbox before all of a pod's are known */
	bool has_volumes;       /* they are made, and its containers find them (oci) */
	struct volume_source volumes;
	struct span allocatable;       /* as in pod_env_facts; must outlive the worker */
	const char *const *base_env;   /* "K=V"; NULL terminated, or NULL; must outlive it.
					  HOSTNAME and POD_IP are added to it */
};

struct pod_time {
	int64_t mono_ms;
	int64_t wall_us;
};

struct pod_worker;

struct pod_worker *pod_worker_new(const struct pod_worker_config *cfg);
void pod_worker_free(struct pod_worker *w); /* NULL is fine */
/* The pod object (checked msgpack; a reference is taken). ERR_INVALID: not a
 * pod, or of another uid. */
int pod_worker_desired(struct pod_worker *w, struct bytes *pod, struct err *e);
/* The object does not exist any more: end everything, then POD_FORGET. */
void pod_worker_gone(struct pod_worker *w);
/* The node wants the pod out at once: Failed with this reason, and its containers have a
 * second to end, whatever it says. */
void pod_worker_evict(struct pod_worker *w, const char *reason, const char *message);
/* The same because the node has too little, whatever the pod does: its condition
 * DisruptionTarget says so, which a Job's podFailurePolicy may ask for. */
void pod_worker_disrupt(struct pod_worker *w, const char *reason, const char *message);
/* It does not take it: the same, and of its containers there is nothing to say. */
void pod_worker_refuse(struct pod_worker *w, const char *reason, const char *message);

/* ---- what was seen */

/* When an image is fetched from its registry. */
enum pod_pull { POD_PULL_IF_ABSENT, POD_PULL_ALWAYS, POD_PULL_NEVER };

enum pod_seen {
	POD_SEEN_SANDBOX_UP,      /* ips; ends attaching */
	POD_SEEN_SANDBOX_DOWN,    /* it is gone: what ran in it is lost */
	POD_SEEN_SANDBOX_FAILED,  /* text; reason of the event, NULL: FailedCreatePodSandBox */
	POD_SEEN_PULLING,         /* name: its image is being pulled */
	POD_SEEN_IMAGE,           /* name, good; good: pulled, pull_ms, wait_ms, image_bytes;
				     else reason (NULL: ErrImagePull), text */
	POD_SEEN_WAITING,         /* name, attempt, reason, text: cannot be made as things are;
				     it is tried again */
	POD_SEEN_STARTED,         /* name, attempt, started_us, image_id */
	POD_SEEN_ENDED,           /* name, attempt, code, started_us, finished_us, reason
				     (NULL: by the code), text: the termination message */
	POD_SEEN_START_FAILED,    /* name, attempt, finished_us, text, image_id */
	POD_SEEN_LOST,            /* name, attempt, started_us: nobody knows how it ended */
	POD_SEEN_READY,           /* name, good: the readiness probe's verdict */
	POD_SEEN_STARTUP,         /* name: the startup probe succeeded */
	POD_SEEN_UNHEALTHY,       /* name, attempt, reason: "liveness" or "startup", whose
				     probe gave up */
	POD_SEEN_RETIRED,         /* after POD_RETIRE */
	POD_SEEN_RESIZED,         /* name, attempt, good; text: what was wrong */
	POD_SEEN_HOOK,            /* name, attempt, reason: "postStart" or "preStop", good;
				     text: what was wrong */
};

struct pod_observation {
	enum pod_seen kind;
	const char *name; /* of the container */
	uint32_t attempt;
	int32_t code;
	bool good;
	int64_t started_us, finished_us;
	const char *reason, *text, *image_id;
	bool pulled;	     /* the image, just now */
	int64_t pull_ms, wait_ms, image_bytes; /* wait_ms: with the wait for other pulls */
	const char *const *ips; /* NULL terminated */
};

/* Unknown containers are ignored (they were in an older object). */
void pod_worker_observe(struct pod_worker *w, const struct pod_observation *o,
			struct pod_time now);

/* ---- what is to be done */

enum pod_action_kind {
	POD_ATTACH,         /* find out what is there; start nothing */
	POD_SANDBOX,        /* volumes: make the sandbox, or find it */
	POD_IMAGE,          /* name, image, pull: have the image, answer POD_SEEN_IMAGE */
	POD_START,          /* name, attempt, command, spec, mounts */
	POD_SIGNAL,         /* name, attempt, signal */
	POD_SANDBOX_REMOVE, /* end it (nothing runs in it any more); answer DOWN */
	POD_DELETE,         /* the object is to be deleted now (pod.finished) */
	POD_RETIRE,         /* it has ended for good: what it has but logs may go; answer
			       POD_SEEN_RETIRED (with volumes only) */
	POD_FORGET,         /* remove all that is left, logs too; the worker is done */
	POD_RESIZE,         /* name, attempt, spec: what runs has the spec's resources from now
			       on; answer POD_SEEN_RESIZED */
	POD_HOOK,           /* name, attempt, hook, spec: run that of its hooks beside it,
			       and answer POD_SEEN_HOOK; it ends with the container */
};

struct pod_action {
	enum pod_action_kind kind;
	const char *name;
	uint32_t attempt;
	int signal;
	const char *hook; /* "postStart" or "preStop" */
	struct pod_command command; /* argv is command, then args */
	struct mp spec;             /* the container's own map */
	struct span volumes, mounts; /* as in volume_plan.h; empty: none are known of here */
	const char *image;
	enum pod_pull pull;
	const char *const *auths; /* of the pod's imagePullSecrets: texts as Docker's config.json,
				     NULL terminated */
};

/* For Kubernetes Events about the pod. */
struct pod_event {
	const char *container; /* NULL: about the pod */
	const char *reason, *message;
	bool warning;
};

/* Everything in it lives in the arena, or in the worker until its next call. */
struct pod_plan {
	struct pod_action *actions;
	size_t action_count;
	struct pod_event *events;
	size_t event_count;
	struct span status; /* a whole PodStatus to report; empty: as reported last */
	int64_t wake_ms;    /* step again then (mono); INT64_MAX: only with news */
	bool done;          /* POD_FORGET was planned: free the worker */
};

void pod_worker_step(struct pod_worker *w, struct pod_time now, struct arena *a,
		     struct pod_plan *out);
/* The last status did not reach the store: plan it again. */
void pod_worker_status_lost(struct pod_worker *w);
/* What its last status says. */
bool pod_worker_is_ready(const struct pod_worker *w);
/* Why a container does not run: "CreateContainerConfigError". Borrowed until the next
 * step; empty: it does not wait, or nothing was reported. */
struct span pod_worker_waits_for(const struct pod_worker *w, struct span container);

/* ---- for those who own many */
struct mp pod_worker_object(const struct pod_worker *w);
/* "troupe://<uid>-<name>-<attempt>" */
const char *pod_container_id(struct arena *a, const char *scheme, struct span uid,
			     struct span name, uint32_t attempt);
/* The attempt that runs or ended last; false: the container never started. */
bool pod_worker_attempt(const struct pod_worker *w, const char *name, uint32_t *attempt,
			bool *running);
/* The object with resources that it was not given yet (as the API has it, while
 * pod_worker_object is as it was given); empty: there is none, or they do not matter any more.
 * Whoever knows what the node has says whether it is given them: */
struct mp pod_worker_wants(const struct pod_worker *w);
void pod_worker_resized(struct pod_worker *w, struct pod_time now);
/* "Deferred" (asked again when there may be room) or "Infeasible"; a constant. */
void pod_worker_not_resized(struct pod_worker *w, const char *reason, const char *message,
			    struct pod_time now);
bool pod_worker_waits_for_room(const struct pod_worker *w); /* deferred */
/* Its volumes as they are now, for who refreshes them: volume_plan_make. */
int pod_worker_volumes(struct pod_worker *w, struct arena *a, struct volume_plan *out);
/* A container as those see it who run something beside it: probes, hooks. */
struct pod_container {
	const char *name;
	struct mp spec;
	uint32_t attempt;
	bool there;   /* it was seen: what is beside it may run */
	bool runs;    /* ... and its status says so: its postStart is over */
	bool started; /* as status.started */
	bool ready;   /* what its readiness probe said last */
	bool adopted; /* it ran, and was known to, before this worker was made */
	int64_t started_us;
};
/* Each in turn: `at` NULL at first, then the last result, which is NULL in the end. */
const void *pod_worker_each(const struct pod_worker *w, const void *at, struct pod_container *out);
/* All its containers are to stop. */
bool pod_worker_ending(const struct pod_worker *w);
/* ... they did, and what it had of the node is free again. */
bool pod_worker_over(const struct pod_worker *w);
/* It has, or is to have, what it asked the node for. */
bool pod_worker_counts(const struct pod_worker *w);
const char *pod_worker_ip(const struct pod_worker *w); /* NULL: none yet */
/* What the container is run with, for what runs beside it: its environment and
 * directory. Errors as pod_command_make's; ERR_NOT_FOUND too for a container
 * that the pod has not. */
int pod_worker_command(struct pod_worker *w, const char *name, struct arena *a,
		       struct pod_command *out, struct err *e);

#endif
