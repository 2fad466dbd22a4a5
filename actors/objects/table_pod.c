/* A pod's row. The STATUS word is the phase, unless something says more: in
 * order of what wins last, the pod's own reason, a scheduling gate, the first
 * init container that is not done ("Init:..."), the containers from last to
 * first, and a deletion ("Terminating").
 *
 * Only spec's lists are walked as msgpack; status becomes a small tree. */
#include "actors/objects/table_private.h"

#include <stdio.h>

#include "actors/schema/rfc3339.h"
#include "broker/base/doc.h"

enum { REASON_MAX = 256 };

struct look {
	struct arena arena;
	const struct doc *status;
	struct mp spec;
	char reason[REASON_MAX];
	int64_t restarts, last_us;	   /* of all containers that count */
	int64_t sidecar_restarts, sidecar_last_us; /* of init containers that keep running */
	int ready, total;
};

static void set_reason(struct look *l, const char *prefix, struct span text)
{
	snprintf(l->reason, sizeof l->reason, "%s%.*s", prefix, (int)text.len,
		 text.len ? (const char *)text.data : "");
}

/* The entry of spec.initContainers with that name keeps running. */
static bool is_sidecar(const struct look *l, struct span name)
{
	struct mp list;
	size_t n;
	if (!mp_find(l->spec, "initContainers", &list) || mp_array(&list, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (span_eq(mp_path_str(list, "name"), name))
			return span_is(mp_path_str(list, "restartPolicy"), "Always");
		if (mp_skip(&list))
			break;
	}
	return false;
}

static size_t count_sidecars(const struct look *l)
{
	struct mp list;
	size_t n, sidecars = 0;
	if (!mp_find(l->spec, "initContainers", &list) || mp_array(&list, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		sidecars += span_is(mp_path_str(list, "restartPolicy"), "Always");
		if (mp_skip(&list))
			break;
	}
	return sidecars;
}

static void count_restarts(const struct doc *container, int64_t *restarts, int64_t *last_us)
{
	int64_t us;
	*restarts += doc_get_int(container, "restartCount", 0);
	struct span at = doc_path_str(container, "lastState.terminated.finishedAt");
	if (at.len && rfc3339_parse(at, &us) == 0 && us > *last_us)
		*last_us = us;
}

/* "ExitCode:1", "Signal:9", or the reason itself. */
static void ended_reason(struct look *l, const char *prefix, const struct doc *ended)
{
	struct span reason = doc_get_str(ended, "reason");
	int64_t signal = doc_get_int(ended, "signal", 0);
	if (reason.len)
		set_reason(l, prefix, reason);
	else if (signal)
		snprintf(l->reason, sizeof l->reason, "%sSignal:%lld", prefix, (long long)signal);
	else
		snprintf(l->reason, sizeof l->reason, "%sExitCode:%lld", prefix,
			 (long long)doc_get_int(ended, "exitCode", 0));
}

/* True when the pod still waits for this init container. */
static bool look_at_init(struct look *l, const struct doc *c, int index)
{
	const struct doc *state = doc_get(c, "state"), *ended = doc_get(state, "terminated");
	struct span waiting = doc_path_str(state, "waiting.reason");
	bool sidecar = is_sidecar(l, doc_get_str(c, "name"));
	count_restarts(c, &l->restarts, &l->last_us);
	if (sidecar)
		count_restarts(c, &l->sidecar_restarts, &l->sidecar_last_us);
	if (doc_is(ended, DOC_MAP) && doc_get_int(ended, "exitCode", 0) == 0)
		return false;
	if (sidecar && doc_get_bool(c, "started", false)) {
		l->ready += doc_get_bool(c, "ready", false);
		return false;
	}
	if (doc_is(ended, DOC_MAP))
		ended_reason(l, "Init:", ended);
	else if (waiting.len && !span_is(waiting, "PodInitializing"))
		set_reason(l, "Init:", waiting);
	else
		snprintf(l->reason, sizeof l->reason, "Init:%d/%zu", index,
			 count_at(l->spec, "initContainers"));
	return true;
}

static bool condition_is(const struct look *l, const char *type, const char *field,
			 const char *value)
{
	const struct doc *list = doc_get(l->status, "conditions");
	if (doc_is(list, DOC_ARRAY))
		DOC_EACH(c, list)
			if (span_is(doc_get_str(c, "type"), type))
				return span_is(doc_get_str(c, field), value);
	return false;
}

static void look_at_containers(struct look *l)
{
	const struct doc *list = doc_get(l->status, "containerStatuses");
	bool running = false;
	l->restarts = l->sidecar_restarts;
	l->last_us = l->sidecar_last_us;
	for (const struct doc *c = doc_is(list, DOC_ARRAY) ? list->last : NULL; c; c = c->prev) {
		const struct doc *state = doc_get(c, "state"),
				 *ended = doc_get(state, "terminated");
		struct span waiting = doc_path_str(state, "waiting.reason");
		count_restarts(c, &l->restarts, &l->last_us);
		if (waiting.len) {
			set_reason(l, "", waiting);
		} else if (doc_is(ended, DOC_MAP)) {
			ended_reason(l, "", ended);
		} else if (doc_get_bool(c, "ready", false) &&
			   doc_is(doc_get(state, "running"), DOC_MAP)) {
			running = true;
			l->ready++;
		}
	}
	if (strcmp(l->reason, "Completed") == 0 && running)
		set_reason(l, "",
			   span_of(condition_is(l, "Ready", "status", "True") ? "Running"
									      : "NotReady"));
}

static void look_at_pod(struct look *l, struct mp object)
{
	struct span reason = doc_get_str(l->status, "reason"),
		    phase = doc_get_str(l->status, "phase");
	const struct doc *init = doc_get(l->status, "initContainerStatuses");
	bool waits = false;
	int index = 0;
	struct mp deleted;
	set_reason(l, "", reason.len ? reason : phase);
	if (condition_is(l, "PodScheduled", "reason", "SchedulingGated"))
		set_reason(l, "", span_of("SchedulingGated"));
	l->total = (int)(count_at(l->spec, "containers") + count_sidecars(l));
	for (const struct doc *c = doc_is(init, DOC_ARRAY) ? init->first : NULL; c && !waits;
	     c = c->next)
		waits = look_at_init(l, c, index++);
	if (!waits || condition_is(l, "Initialized", "status", "True"))
		look_at_containers(l);
	if (!mp_path(object, "metadata.deletionTimestamp", &deleted))
		return;
	if (span_is(reason, "NodeLost"))
		set_reason(l, "", span_of("Unknown"));
	else if (!span_is(phase, "Failed") && !span_is(phase, "Succeeded"))
		set_reason(l, "", span_of("Terminating"));
}

static void restarts_cell(struct cells *c, const struct look *l)
{
	struct buf b = {0};
	buf_printf(&b, "%lld", (long long)l->restarts);
	if (l->restarts && l->last_us) {
		buf_puts(&b, " (");
		table_duration(&b, c->now_us - l->last_us);
		buf_puts(&b, " ago)");
	}
	cell_buf(c, &b);
}

static void gates_cell(struct cells *c, const struct look *l)
{
	struct mp gates;
	size_t n = 0;
	int open = 0;
	struct buf b = {0};
	if (mp_find(l->spec, "readinessGates", &gates) && mp_array(&gates, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		struct span type = mp_path_str(gates, "conditionType");
		char name[320];
		snprintf(name, sizeof name, "%.*s", (int)type.len,
			 type.len ? (const char *)type.data : "");
		open += condition_is(l, name, "status", "True");
		if (mp_skip(&gates))
			break;
	}
	if (n == 0)
		buf_puts(&b, "<none>");
	else
		buf_printf(&b, "%d/%zu", open, n);
	cell_buf(c, &b);
}

void print_pod(struct cells *c)
{
	struct look l = {.last_us = 0};
	struct mp status;
	struct doc *d = NULL;
	struct buf ready = {0};
	if (!mp_find(c->object, "spec", &l.spec))
		l.spec = (struct mp){0};
	if (mp_find(c->object, "status", &status) && doc_from_mp(&l.arena, status, &d, NULL) == 0)
		l.status = d;
	look_at_pod(&l, c->object);
	cell_text(c, mp_path_str(c->object, "metadata.name"));
	buf_printf(&ready, "%d/%d", l.ready, l.total);
	cell_buf(c, &ready);
	cell_text(c, span_of(l.reason));
	restarts_cell(c, &l);
	cell_age(c, mp_path_str(c->object, "metadata.creationTimestamp"));
	const struct doc *ip = doc_at(doc_get(l.status, "podIPs"), 0);
	cell_or(c, ip ? doc_get_str(ip, "ip") : doc_get_str(l.status, "podIP"), "<none>");
	cell_or(c, mp_path_str(l.spec, "nodeName"), "<none>");
	cell_or(c, doc_get_str(l.status, "nominatedNodeName"), "<none>");
	gates_cell(c, &l);
	arena_fini(&l.arena);
}

const char *pod_row_conditions(struct mp object)
{
	struct span phase = mp_path_str(object, "status.phase");
	if (span_is(phase, "Succeeded"))
		return "[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Succeeded\","
		       "\"message\":"
		       "\"The pod has completed successfully.\"}]";
	if (span_is(phase, "Failed"))
		return "[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Failed\","
		       "\"message\":"
		       "\"The pod failed.\"}]";
	return NULL;
}
