/* Pods that are given to this node, and that it cannot take: Failed, in a kubelet's words,
 * before anything of them is made. Looked at once; what runs already, or ran, stays. */
#include "actors/objects/usage.h"
#include "nodes/admission.h"
#include "nodes/node_private.h"
#include "nodes/sysctls.h"

static void refuse(struct ctx *c, struct agent *a, struct agent_pod *p, const char *reason,
		   const char *message)
{
	agent_tell_event(c, a, p, &(struct pod_event){.reason = reason, .message = message,
						      .warning = true});
	pod_worker_refuse(p->worker, reason, arena_printf(ctx_arena(c), "Pod was rejected: %s", message));
}

static const char *pressures_of(struct ctx *c, const struct agent *a)
{
	static const char *const names[PRESSURES] = {"MemoryPressure", "DiskPressure", "PIDPressure"};
	const char *said = "";
	for (size_t i = 0; i < PRESSURES; i++)
		if (a->pressure[i].on)
			said = arena_printf(ctx_arena(c), "%s%s%s", said, *said ? " " : "", names[i]);
	return arena_printf(ctx_arena(c), "The node had condition: [%s]. ", said);
}

/* Those that the node has taken: of those that were not looked at, who has begun. */
static size_t others_of(struct ctx *c, struct agent *a, const struct agent_pod *than, struct mp **out)
{
	const struct omap *view = view_map(a->view);
	size_t count = 0;
	*out = arena_alloc(ctx_arena(c), (view->count + a->pods.count + 1) * sizeof **out);
	for (struct onode *n = omap_first(&a->pods); n; n = omap_next(n)) {
		const struct agent_pod *p = n->value;
		if (p != than && p->worker && !p->unadmitted && pod_worker_counts(p->worker))
			(*out)[count++] = pod_worker_object(p->worker);
	}
	for (struct onode *n = omap_first(view); n; n = omap_next(n)) {
		const struct view_object *o = n->value;
		struct mp pod = mp_of_bytes(o->value);
		struct span phase = mp_path_str(pod, "status.phase");
		if (!omap_get(&a->by_key, onode_key(n)) && mp_path_str(pod, "status.startTime").len &&
		    !span_is(phase, "Failed") && !span_is(phase, "Succeeded"))
			(*out)[count++] = pod;
	}
	return count;
}

/* With the labels that whoever chose it has seen. */
static int find_node(struct agent_pod *p, struct mp pod, struct mp *out)
{
	struct span object;
	*out = (struct mp){0};
	int rc = admission_needs_node(pod) ? agent_object(p, "nodes", (struct span){0},
							  span_of(p->agent->node), false, &object)
					   : ERR_NOT_FOUND;
	if (rc == 0)
		*out = mp_of(object);
	return rc == ERR_AGAIN ? rc : 0;
}

/* ---- whose containers they are to be */

static const char runtime_classes[] = "runtimeclasses.node.k8s.io";

static bool knows_class(struct agent_pod *p, struct mp pod)
{
	struct span name = mp_path_str(pod, "spec.runtimeClassName"), object;
	return !p->agent->oci || !name.len ||
	       agent_object(p, runtime_classes, (struct span){0}, name, false, &object) != ERR_AGAIN;
}

static bool has_handler(const struct agent *a, struct span handler)
{
	for (struct mp_walk h = mp_walk_list(mp_of_bytes(a->info), "handlers"); mp_walk_next(&h);) {
		struct mp at = h.value;
		struct span name;
		if (mp_str(&at, &name) == 0 && span_eq(name, handler))
			return true;
	}
	return false;
}

const char *agent_runtime_fault(struct agent_pod *p, struct arena *arena, struct span *handler)
{
	struct span name = mp_path_str(pod_worker_object(p->worker), "spec.runtimeClassName"), object;
	*handler = (struct span){0};
	if (!name.len)
		return NULL;
	int rc = agent_object(p, runtime_classes, (struct span){0}, name, true, &object);
	if (rc)
		return arena_printf(arena, "RuntimeClass \"%.*s\" %s", (int)name.len,
				    (const char *)name.data,
				    rc == ERR_NOT_FOUND ? "not found" : "is not known yet");
	*handler = mp_path_str(mp_of(object), "handler");
	if (!handler->len || has_handler(p->agent, *handler))
		return NULL;
	return arena_printf(arena, "failed to get sandbox runtime: no runtime for \"%.*s\" is configured",
			    (int)handler->len, (const char *)handler->data);
}

bool agent_admits(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct mp pod = pod_worker_object(p->worker), *others;
	const char *reason, *message;
	struct admission x = {.pod = pod, .allocatable = mp_of(span_buf(&a->allocatable))};
	if (!eviction_admits(pod, a->pressure[PRESSURE_MEMORY].on,
			     a->pressure[PRESSURE_DISK].on || a->pressure[PRESSURE_PIDS].on)) {
		p->unadmitted = false;
		refuse(c, a, p, "Evicted", pressures_of(c, a));
		return true;
	}
	message = a->oci ? sysctls_forbidden(ctx_arena(c), pod) : NULL;
	reason = "SysctlForbidden";
	bool apparmor = mp_path_bool(mp_of_bytes(a->info), "apparmor", false);
	if (message || admission_forbids(pod, a->oci, apparmor, &reason, &message)) {
		p->unadmitted = false;
		refuse(c, a, p, reason, message);
		return true;
	}
	if (!a->allocatable.len || !knows_class(p, pod) || find_node(p, pod, &x.node))
		return false; /* it is asked for, and we are stepped when it comes */
	p->unadmitted = false;
	x.count = others_of(c, a, p, &others);
	x.others = others;
	if (admission_refuses(ctx_arena(c), &x, &reason, &message))
		refuse(c, a, p, reason, message);
	return true;
}

void agent_resizes(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct mp *others;
	const char *reason, *message;
	struct admission x = {.pod = pod_worker_wants(p->worker), .allocatable = mp_of(span_buf(&a->allocatable))};
	struct pod_time now = {(int64_t)(ctx_now_us(c) / 1000), ctx_wall_us(c)};
	if (!x.pod.p || !a->allocatable.len)
		return;
	x.count = others_of(c, a, p, &others);
	x.others = others;
	if (admission_defers(ctx_arena(c), &x, &reason, &message)) {
		pod_worker_not_resized(p->worker, reason, message, now);
		a->defers = a->defers || pod_worker_waits_for_room(p->worker);
		return;
	}
	pod_worker_resized(p->worker, now);
	a->room = true; /* perhaps: it may want less than before */
}

/* They are stepped, and so asked again. */
void agent_room(struct ctx *c, struct agent *a)
{
	uint64_t at = 0;
	if (!a->room || !a->defers) {
		a->room = false;
		return;
	}
	a->room = a->defers = false;
	for (struct onode *n; (n = omap_seek_u64(&a->pods, at));) {
		struct agent_pod *p = n->value;
		at = p->id + 1;
		if (p->worker && pod_worker_waits_for_room(p->worker))
			agent_step(c, a, p);
	}
}
