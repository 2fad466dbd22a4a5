/* PodStatus as the kubelet writes it, from a worker's facts.
 *
 * Fields stand in the order of Kubernetes' Go types. What others wrote into
 * the status (conditions of readiness gates, qosClass, nominatedNodeName) is
 * kept as it is in the object. A condition's lastTransitionTime moves only
 * when its status does.
 *
 * Source of the rules: kubernetes pkg/kubelet/kubelet_pods.go (getPhase,
 * convertToAPIContainerStatuses), pkg/kubelet/status (generate.go,
 * status_manager.go). */
#include <string.h>

#include "actors/schema/conditions.h"
#include "actors/schema/rfc3339.h"
#include "nodes/pod_worker_private.h"

/* ---- times */

static void write_time(struct buf *b, const char *key, int64_t us)
{
	char text[RFC3339_MAX];
	mpw_str(b, key);
	if (us <= 0) {
		mpw_nil(b);
		return;
	}
	size_t n = rfc3339_format(us, text);
	mpw_span(b, (struct span){(uint8_t *)text, n});
}

/* ---- one container */

bool container_started(const struct pod_worker *w, const struct container *c)
{
	struct mp probe;
	if (c->state != CONTAINER_RUNNING)
		return false;
	return !w->cfg.probes || !mp_find(c->spec, "startupProbe", &probe) || c->startup_done;
}

static bool container_ready(const struct pod_worker *w, const struct container *c)
{
	struct mp probe;
	if (c->kind == CONTAINER_INIT)
		return c->state == CONTAINER_ENDED && c->end.code == 0;
	if (c->kind == CONTAINER_EPHEMERAL || !container_started(w, c))
		return false;
	if (w->cfg.told_ready)
		return c->ready_probe;
	return !w->cfg.probes || !mp_find(c->spec, "readinessProbe", &probe) || c->ready_probe;
}

/* What is shown of a container: one of three states, and the last ending. */
enum shown { SHOWN_WAITING, SHOWN_RUNNING, SHOWN_TERMINATED, SHOWN_UNKNOWN };

/* Once a pod that ran has ended, a container without a status counts as failed. */
static bool is_over(const struct pod_worker *w)
{
	return w->ending && !pod_alive(w);
}

static enum shown shown_of(const struct pod_worker *w, const struct container *c)
{
	switch (c->state) {
	case CONTAINER_RUNNING:
		return SHOWN_RUNNING;
	case CONTAINER_NEW:
		return is_over(w) && w->initialized && c->kind == CONTAINER_MAIN ? SHOWN_UNKNOWN
										  : SHOWN_WAITING;
	case CONTAINER_STARTING:
		return c->end.there && !c->held_us ? SHOWN_TERMINATED : SHOWN_WAITING;
	case CONTAINER_ENDED:
		break;
	}
	bool waits = c->waiting_reason && !w->ending && container_wants_start(w, c);
	return waits ? SHOWN_WAITING : SHOWN_TERMINATED;
}

static const struct ending *last_of(const struct pod_worker *w, const struct container *c)
{
	return shown_of(w, c) == SHOWN_WAITING && c->end.there ? &c->end : &c->last;
}

static void write_text(struct buf *b, size_t *count, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	mpw_kv_str(b, key, text);
	++*count;
}

static const char *id_of(struct pod_worker *w, const struct container *c, uint32_t attempt,
			 struct arena *a)
{
	return pod_container_id(a, w->cfg.id_scheme, mp_path_str(w->pod, "metadata.uid"),
				span_of(c->name), attempt);
}

static void write_terminated(struct pod_worker *w, struct buf *b, const struct container *c,
			     const struct ending *e)
{
	struct arena a = {0};
	size_t n = 4;
	mpw_str(b, "terminated");
	size_t at = mpw_map_open(b);
	mpw_kv_i64(b, "exitCode", e->code);
	mpw_kv_str(b, "reason", e->reason);
	write_text(b, &n, "message", e->message);
	/* A container that never ran began, says the CRI, at the epoch. */
	if (strcmp(e->reason, "StartError") == 0)
		mpw_kv_str(b, "startedAt", "1970-01-01T00:00:00Z");
	else
		write_time(b, "startedAt", e->started_us);
	write_time(b, "finishedAt", e->finished_us);
	write_text(b, &n, "containerID", id_of(w, c, e->attempt, &a));
	mpw_map_close(b, at, n);
	arena_fini(&a);
}

static void write_unknown(struct buf *b)
{
	mpw_str(b, "terminated");
	mpw_map(b, 5);
	mpw_kv_i64(b, "exitCode", 137);
	mpw_kv_str(b, "reason", "ContainerStatusUnknown");
	mpw_kv_str(b, "message",
		   "The container could not be located when the pod was terminated");
	write_time(b, "startedAt", 0);
	write_time(b, "finishedAt", 0);
}

static bool has_init(const struct pod_worker *w)
{
	for (const struct container *c = w->containers; c; c = c->next)
		if (c->kind == CONTAINER_INIT || c->kind == CONTAINER_SIDECAR)
			return true;
	return false;
}

static void write_waiting(struct pod_worker *w, struct buf *b, const struct container *c)
{
	const char *reason = c->waiting_reason;
	size_t n = 0;
	if (!reason)
		reason = has_init(w) ? "PodInitializing" : "ContainerCreating";
	mpw_str(b, "waiting");
	size_t at = mpw_map_open(b);
	write_text(b, &n, "reason", reason);
	if (c->waiting_reason)
		write_text(b, &n, "message", c->waiting_message);
	mpw_map_close(b, at, n);
}

static void write_state(struct pod_worker *w, struct buf *b, const struct container *c)
{
	mpw_str(b, "state");
	mpw_map(b, 1);
	switch (shown_of(w, c)) {
	case SHOWN_RUNNING:
		mpw_str(b, "running");
		mpw_map(b, 1);
		write_time(b, "startedAt", c->started_us);
		break;
	case SHOWN_TERMINATED:
		write_terminated(w, b, c, &c->end);
		break;
	case SHOWN_UNKNOWN:
		write_unknown(b);
		break;
	case SHOWN_WAITING:
		write_waiting(w, b, c);
		break;
	}
}

/* What it was given, and what it has. */
static size_t write_resources(struct buf *b, const struct container *c)
{
	struct mp resources, requests, has = resize_shown(c);
	struct span raw;
	size_t n = 0, entries = 0;
	if (mp_find(c->spec, "resources", &resources) && mp_find(resources, "requests", &requests)) {
		struct mp look = requests;
		if (mp_map(&look, &entries) == 0 && entries > 0 && mp_raw(&requests, &raw) == 0) {
			mpw_str(b, "allocatedResources");
			mpw_raw(b, raw);
			n++;
		}
	}
	struct mp look = has;
	if (has.p && mp_map(&look, &entries) == 0 && entries > 0 && mp_raw(&has, &raw) == 0) {
		mpw_str(b, "resources");
		mpw_raw(b, raw);
		n++;
	}
	return n;
}

/* As the spec has them, also before there is a container. */
static size_t write_mounts(struct buf *b, const struct container *c)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(c->spec, "volumeMounts", &list) || mp_array(&list, &n) || !n)
		return 0;
	mpw_str(b, "volumeMounts");
	mpw_array(b, n);
	for (; n > 0; n--) {
		bool read_only = mp_path_bool(list, "readOnly", false);
		struct span recursive = mp_path_str(list, "recursiveReadOnly");
		bool all = recursive.len && !span_is(recursive, "Disabled");
		mpw_map(b, read_only ? 4 : 2);
		mpw_kv_span(b, "name", mp_path_str(list, "name"));
		mpw_kv_span(b, "mountPath", mp_path_str(list, "mountPath"));
		if (read_only) {
			mpw_kv_bool(b, "readOnly", true);
			mpw_kv_str(b, "recursiveReadOnly", all ? "Enabled" : "Disabled");
		}
		mp_skip(&list);
	}
	return 1;
}

static void write_container(struct pod_worker *w, struct buf *b, const struct container *c)
{
	struct arena a = {0};
	struct span image = mp_path_str(c->spec, "image");
	const struct ending *last = last_of(w, c);
	/* One whose postStart runs counts: a former agent may have told of it. */
	bool counts = c->shown || c->held_us;
	uint32_t attempt = c->state == CONTAINER_STARTING && c->shown && !c->held_us ? c->attempt - 1
											  : c->attempt;
	size_t n = 8;
	size_t at = mpw_map_open(b);
	mpw_kv_str(b, "name", c->name);
	write_state(w, b, c);
	mpw_str(b, "lastState");
	mpw_map(b, last->there ? 1 : 0);
	if (last->there)
		write_terminated(w, b, c, last);
	mpw_kv_bool(b, "ready", container_ready(w, c));
	mpw_kv_u64(b, "restartCount", counts ? attempt : 0);
	mpw_kv_span(b, "image", image);
	mpw_kv_str(b, "imageID", c->shown && c->image_id ? c->image_id : "");
	if (c->shown)
		write_text(b, &n, "containerID", id_of(w, c, attempt, &a));
	mpw_kv_bool(b, "started", container_started(w, c));
	if (c->shown)
		n += write_resources(b, c);
	if (w->cfg.has_volumes)
		n += write_mounts(b, c);
	mpw_map_close(b, at, n);
	arena_fini(&a);
}

static bool in_list(const struct container *c, bool init, bool ephemeral)
{
	bool is_init = c->kind == CONTAINER_INIT || c->kind == CONTAINER_SIDECAR;
	return is_init == init && (c->kind == CONTAINER_EPHEMERAL) == ephemeral;
}

static size_t write_containers(struct pod_worker *w, struct buf *b, const char *key, bool init,
			       bool ephemeral)
{
	size_t n = 0, start = b->len;
	mpw_str(b, key);
	size_t at = mpw_array_open(b);
	for (const struct container *c = w->containers; c; c = c->next) {
		if (!in_list(c, init, ephemeral))
			continue;
		write_container(w, b, c);
		n++;
	}
	mpw_array_close(b, at, n);
	if (n == 0)
		b->len = start;
	return n > 0;
}

/* ---- the phase */

struct tally {
	size_t pending_init, pending_sidecar, failed_init;
	size_t running, waiting, stopped, succeeded;
};

/* Whether a waiting container has run before: then it counts as stopped. */
static bool ran_before(const struct pod_worker *w, const struct container *c)
{
	return last_of(w, c)->there;
}

static void tally_init(const struct pod_worker *w, const struct container *c, struct tally *t)
{
	enum shown s = shown_of(w, c);
	if (s == SHOWN_TERMINATED || (s == SHOWN_WAITING && ran_before(w, c)))
		t->failed_init += (s == SHOWN_TERMINATED ? &c->end : last_of(w, c))->code != 0;
	else
		t->pending_init++;
}

static void tally_sidecar(const struct pod_worker *w, const struct container *c, struct tally *t)
{
	enum shown s = shown_of(w, c);
	if (s == SHOWN_RUNNING) {
		t->pending_sidecar += !container_started(w, c);
		t->running++;
	} else if (s == SHOWN_WAITING && !ran_before(w, c)) {
		t->pending_sidecar++;
		t->waiting++;
	}
}

static void tally_main(const struct pod_worker *w, const struct container *c, struct tally *t)
{
	enum shown s = shown_of(w, c);
	if (s == SHOWN_RUNNING) {
		t->running++;
	} else if (s == SHOWN_TERMINATED || s == SHOWN_UNKNOWN) {
		t->stopped++;
		t->succeeded += s == SHOWN_TERMINATED && c->end.code == 0;
	} else if (ran_before(w, c)) {
		t->stopped++;
	} else {
		t->waiting++;
	}
}

static const char *phase_of(const struct pod_worker *w)
{
	enum restart_policy policy = pod_restart_policy(w);
	struct tally t = {0};
	for (const struct container *c = w->containers; c; c = c->next) {
		if (c->kind == CONTAINER_INIT)
			tally_init(w, c, &t);
		else if (c->kind == CONTAINER_SIDECAR)
			tally_sidecar(w, c, &t);
		else if (c->kind == CONTAINER_MAIN)
			tally_main(w, c, &t);
	}
	if (t.failed_init > 0 && policy == RESTART_NEVER)
		return "Failed";
	if (t.pending_init > 0 || (t.pending_sidecar > 0 && !w->initialized) || t.waiting > 0)
		return "Pending";
	if (t.running > 0)
		return "Running";
	if (t.stopped == 0)
		return "Pending";
	bool terminal = w->ending && !pod_alive(w);
	if (policy == RESTART_ALWAYS && !terminal)
		return "Running";
	if (t.stopped == t.succeeded)
		return "Succeeded";
	return policy == RESTART_NEVER || terminal ? "Failed" : "Running";
}

static bool is_terminal(const char *phase)
{
	return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

/* What we said last; but what the object says when that is terminal, because
 * others may say so too, or when we have said nothing yet. */
static const char *phase_before(const struct pod_worker *w)
{
	static const char *const phases[] = {"Running", "Succeeded", "Failed"};
	struct span was = w->facts.phase;
	for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
		if (span_is(was, phases[i]) && (!w->phase || is_terminal(phases[i])))
			return phases[i];
	return w->phase ? w->phase : "Pending";
}

/* A terminal phase is for ever, and never said while something runs. */
static const char *next_phase(const struct pod_worker *w)
{
	const char *before = phase_before(w), *phase = phase_of(w);
	if (is_terminal(before))
		return before;
	if (pod_alive(w))
		return is_terminal(phase) || w->evict_reason ? before : phase;
	if (w->evict_reason)
		return "Failed";
	return w->ending && !is_terminal(phase) ? "Failed" : phase;
}

/* ---- conditions */

struct verdict {
	bool on;
	const char *reason;
	const char *message; /* in the arena; NULL: none */
};

static const char *add_name(struct arena *a, const char *list, const char *name)
{
	return list ? arena_printf(a, "%s %s", list, name) : arena_dup(a, name);
}

static struct verdict initialized(const struct pod_worker *w, const char *phase, struct arena *a)
{
	const char *incomplete = NULL;
	for (const struct container *c = w->containers; c; c = c->next) {
		if ((c->kind == CONTAINER_INIT && !container_ready(w, c)) ||
		    (c->kind == CONTAINER_SIDECAR && !container_started(w, c)))
			incomplete = add_name(a, incomplete, c->name);
	}
	if (strcmp(phase, "Succeeded") == 0)
		return (struct verdict){true, "PodCompleted", NULL};
	if (!incomplete || w->initialized)
		return (struct verdict){true, NULL, NULL};
	return (struct verdict){false, "ContainersNotInitialized",
				arena_printf(a, "containers with incomplete status: [%s]",
					     incomplete)};
}

static struct verdict containers_ready(const struct pod_worker *w, const char *phase,
				       struct arena *a)
{
	const char *unready = NULL;
	for (const struct container *c = w->containers; c; c = c->next)
		if ((c->kind == CONTAINER_MAIN || c->kind == CONTAINER_SIDECAR) &&
		    !container_ready(w, c))
			unready = add_name(a, unready, c->name);
	if (strcmp(phase, "Succeeded") == 0)
		return (struct verdict){false, "PodCompleted", NULL};
	if (strcmp(phase, "Failed") == 0)
		return (struct verdict){false, "PodFailed", NULL};
	if (!unready)
		return (struct verdict){true, NULL, NULL};
	return (struct verdict){false, "ContainersNotReady",
				arena_printf(a, "containers with unready status: [%s]", unready)};
}

/* The status of a condition that somebody else keeps; empty: there is none. */
static struct span gate_status(const struct pod_worker *w, struct span type)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(w->pod, "status.conditions", &list) || mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (span_eq(mp_path_str(list, "type"), type))
			return mp_path_str(list, "status");
		mp_skip(&list);
	}
	return (struct span){0};
}

static struct verdict gates_ready(const struct pod_worker *w, struct arena *a)
{
	struct mp gates;
	size_t n = 0;
	const char *why = NULL;
	if (!mp_path(w->pod, "spec.readinessGates", &gates) || mp_array(&gates, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		struct span type = mp_path_str(gates, "conditionType");
		struct span status = gate_status(w, type);
		const char *one = NULL;
		if (!status.len)
			one = arena_printf(a, "corresponding condition of pod readiness gate "
					      "\"%.*s\" does not exist.",
					   (int)type.len, (const char *)type.data);
		else if (!span_is(status, "True"))
			one = arena_printf(a, "the status of pod readiness gate \"%.*s\" is not "
					      "\"True\", but %.*s",
					   (int)type.len, (const char *)type.data,
					   (int)status.len, (const char *)status.data);
		if (one)
			why = why ? arena_printf(a, "%s, %s", why, one) : one;
		mp_skip(&gates);
	}
	if (why)
		return (struct verdict){false, "ReadinessGatesNotReady", why};
	return (struct verdict){true, NULL, NULL};
}

static void write_condition(struct pod_worker *w, struct buf *b, int which, struct verdict v,
			    struct pod_time now)
{
	struct condition *c = &w->conditions[which];
	const char *status = v.on ? "True" : "False";
	int64_t generation = w->facts.generation;
	size_t n = 4;
	if (!c->status || strcmp(c->status, status) != 0 || c->since_us == 0)
		c->since_us = now.wall_us;
	c->status = status;
	size_t at = mpw_map_open(b);
	mpw_kv_str(b, "type", pod_condition_types[which]);
	if (generation > 0) {
		mpw_kv_i64(b, "observedGeneration", generation);
		n++;
	}
	mpw_kv_str(b, "status", status);
	mpw_str(b, "lastProbeTime");
	mpw_nil(b);
	write_time(b, "lastTransitionTime", c->since_us);
	write_text(b, &n, "reason", v.reason);
	write_text(b, &n, "message", v.message);
	mpw_map_close(b, at, n);
}

static const char resize_pending[] = "PodResizePending";
static const char resize_in_progress[] = "PodResizeInProgress";

static void write_resize(const struct pod_worker *w, struct buf *b, const char *type, int64_t since_us,
			 const char *reason, const char *message)
{
	int64_t generation = w->facts.generation;
	size_t n = 4, at = mpw_map_open(b);
	mpw_kv_str(b, "type", type);
	if (generation > 0) {
		mpw_kv_i64(b, "observedGeneration", generation);
		n++;
	}
	mpw_kv_str(b, "status", "True");
	mpw_str(b, "lastProbeTime");
	mpw_nil(b);
	write_time(b, "lastTransitionTime", since_us);
	write_text(b, &n, "reason", reason);
	write_text(b, &n, "message", message);
	mpw_map_close(b, at, n);
}

/* These are there while they are true. */
static size_t write_resizes(const struct pod_worker *w, struct buf *b)
{
	size_t n = 0;
	if (w->wanted && w->pending_reason && !pod_terminal(w)) {
		write_resize(w, b, resize_pending, w->pending_us, w->pending_reason, w->pending_message);
		n++;
	}
	if (w->resizing_us && !pod_terminal(w)) {
		write_resize(w, b, resize_in_progress, w->resizing_us, w->resize_error ? "Error" : NULL,
			     w->resize_error);
		n++;
	}
	return n;
}

static size_t copy_foreign_conditions(const struct pod_worker *w, struct buf *b)
{
	struct mp list;
	struct span raw;
	size_t n = 0, copied = 0;
	if (!mp_path(w->pod, "status.conditions", &list) || mp_array(&list, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct span type = mp_path_str(list, "type");
		bool ours = pod_condition_index(type) >= 0 || span_is(type, resize_pending) ||
			    span_is(type, resize_in_progress);
		if (mp_raw(&list, &raw))
			break;
		if (!ours) {
			mpw_raw(b, raw);
			copied++;
		}
	}
	return copied;
}

/* Once the object has it it is like anybody's. */
static size_t write_disruption(struct pod_worker *w, struct buf *b, struct pod_time now)
{
	static const char type[] = "DisruptionTarget";
	int64_t generation = w->facts.generation;
	if (!w->disrupted || condition_is(w->pod, type, "True"))
		return 0;
	if (!w->disrupted_us)
		w->disrupted_us = now.wall_us;
	mpw_map(b, generation > 0 ? 7 : 6);
	mpw_kv_str(b, "type", type);
	if (generation > 0)
		mpw_kv_i64(b, "observedGeneration", generation);
	mpw_kv_str(b, "status", "True");
	mpw_str(b, "lastProbeTime");
	mpw_nil(b);
	write_time(b, "lastTransitionTime", w->disrupted_us);
	mpw_kv_str(b, "reason", "TerminationByKubelet");
	mpw_kv_str(b, "message", w->evict_message);
	return 1;
}

static void write_conditions(struct pod_worker *w, struct buf *b, const char *phase,
			     struct pod_time now)
{
	struct arena a = {0};
	struct verdict all[CONDITIONS];
	bool sandbox = w->sandbox == SANDBOX_UP || w->sandbox == SANDBOX_LEAVING;
	all[POD_READY_TO_START] = (struct verdict){sandbox, NULL, NULL};
	all[POD_INITIALIZED] = initialized(w, phase, &a);
	all[POD_CONTAINERS_READY] = containers_ready(w, phase, &a);
	all[POD_READY] = all[POD_CONTAINERS_READY].on ? gates_ready(w, &a) : all[POD_CONTAINERS_READY];
	all[POD_SCHEDULED] = (struct verdict){true, NULL, NULL};
	mpw_str(b, "conditions");
	size_t at = mpw_array_open(b);
	size_t n = write_resizes(w, b);
	n += copy_foreign_conditions(w, b);
	n += write_disruption(w, b, now);
	for (int i = 0; i < CONDITIONS; i++)
		write_condition(w, b, i, all[i], now);
	mpw_array_close(b, at, n + CONDITIONS);
	arena_fini(&a);
}

/* ---- the whole */

static void write_ip_list(struct buf *b, const char *key, const char *const *ips)
{
	size_t n = 0;
	while (ips[n])
		n++;
	mpw_str(b, key);
	mpw_array(b, n);
	for (size_t i = 0; i < n; i++) {
		mpw_map(b, 1);
		mpw_kv_str(b, "ip", ips[i]);
	}
}

static size_t write_addresses(struct pod_worker *w, struct buf *b)
{
	const char *const host[] = {w->cfg.host_ip, NULL};
	size_t n = 0;
	if (w->cfg.host_ip) {
		mpw_kv_str(b, "hostIP", w->cfg.host_ip);
		write_ip_list(b, "hostIPs", host);
		n += 2;
	}
	if (w->ips && w->ips[0]) {
		mpw_kv_str(b, "podIP", w->ips[0]);
		write_ip_list(b, "podIPs", (const char *const *)w->ips);
		n += 2;
	}
	return n;
}

/* Fields that are the agent's; every other one is kept as it is. */
static bool is_ours(struct span key)
{
	static const char *const ours[] = {
		"observedGeneration", "phase",	 "conditions", "message",
		"reason",	      "hostIP",	 "hostIPs",    "podIP",
		"podIPs",	      "startTime", "initContainerStatuses",
		"containerStatuses",  "ephemeralContainerStatuses",
	};
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (span_is(key, ours[i]))
			return true;
	return false;
}

static size_t copy_foreign(const struct pod_worker *w, struct buf *b)
{
	struct mp map;
	struct span key, raw;
	size_t n = 0, copied = 0;
	if (!mp_find(w->pod, "status", &map) || mp_map(&map, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (mp_str(&map, &key) || mp_raw(&map, &raw))
			break;
		if (is_ours(key))
			continue;
		mpw_span(b, key);
		mpw_raw(b, raw);
		copied++;
	}
	return copied;
}

/* Before the sandbox of an adopted pod has told its addresses, and after it
 * is gone, they stay what they were. */
static void keep_ips(struct pod_worker *w)
{
	struct mp list;
	size_t n = 0;
	if (w->ips || !mp_path(w->pod, "status.podIPs", &list) || mp_array(&list, &n) || n == 0)
		return;
	w->ips = mem_alloc((n + 1) * sizeof *w->ips);
	for (size_t i = 0; i < n; i++) {
		struct span ip = mp_path_str(list, "ip");
		w->ips[i] = mem_ndup(ip.data, ip.len);
		mp_skip(&list);
	}
}

static size_t write_reason(struct pod_worker *w, struct buf *b, const char *phase)
{
	size_t n = 0;
	struct arena a = {0};
	if (w->evict_reason && strcmp(phase, "Failed") == 0) {
		write_text(b, &n, "message", w->evict_message);
		write_text(b, &n, "reason", w->evict_reason);
	} else if (!w->evict_reason && is_terminal(phase)) { /* of an eviction before our time */
		struct span message = mp_path_str(w->pod, "status.message");
		struct span reason = mp_path_str(w->pod, "status.reason");
		write_text(b, &n, "message", arena_ndup(&a, message.data, message.len));
		write_text(b, &n, "reason", arena_ndup(&a, reason.data, reason.len));
	}
	arena_fini(&a);
	return n;
}

/* By this worker, or one before it. */
static bool was_refused(const struct pod_worker *w)
{
	struct mp list;
	return w->refused || (span_is(w->facts.phase, "Failed") &&
			      !mp_path(w->pod, "status.containerStatuses", &list) && !pod_alive(w));
}

void pod_status_write(struct pod_worker *w, struct pod_time now, struct buf *out)
{
	int64_t generation = w->facts.generation;
	const char *phase = next_phase(w);
	size_t n = 3, at = mpw_map_open(out);
	w->phase = phase;
	keep_ips(w);
	if (generation > 0) {
		mpw_kv_i64(out, "observedGeneration", generation);
		n++;
	}
	mpw_kv_str(out, "phase", phase);
	write_conditions(w, out, phase, now);
	n += write_reason(w, out, phase);
	n += write_addresses(w, out);
	write_time(out, "startTime", w->start_us);
	if (!was_refused(w)) {
		n += write_containers(w, out, "initContainerStatuses", true, false);
		n += write_containers(w, out, "containerStatuses", false, false);
		n += write_containers(w, out, "ephemeralContainerStatuses", false, true);
	}
	n += copy_foreign(w, out);
	mpw_map_close(out, at, n);
}
