/* What happens when the node has too little of something.
 *
 *	figures ──► low? ──► condition, event ──► of the disk: the runtime reclaims, figures
 *	                                          again ──► still low: one pod goes
 *
 * A condition of pressure is said as soon as it is there, and taken back when it has
 * not been for a while, as a kubelet does (eviction-pressure-transition-period); while it
 * is, new pods are refused (node_admission.c). Pods go one at a time: the next one when what this one had is
 * back. Who uses more of the disk than it may goes at once, however much there is.
 *
 * Critical pods and those of files stay. Source of the rules: kubernetes
 * pkg/kubelet/eviction/eviction_manager.go. */
#include "nodes/disk_use.h"
#include "nodes/node_private.h"

enum { SYSTEM_CRITICAL = 2000000000 };
static const int64_t transition_us = (int64_t)300 * 1000000;

/* ---- conditions */

static void see_pressure(struct ctx *c, struct agent *a, enum node_pressure which, bool there,
			 bool *changed)
{
	struct pressure *p = &a->pressure[which];
	int64_t now = ctx_wall_us(c);
	if (there)
		p->seen_us = now;
	bool on = there || (p->on && now - p->seen_us < transition_us);
	if (on == p->on)
		return;
	p->on = on;
	p->since_us = now;
	*changed = true;
}

static void tell_node(struct ctx *c, struct agent *a, const char *reason, const char *message)
{
	struct buf b = {0};
	mpw_map(&b, 9);
	mpw_kv_str(&b, "namespace", "");
	mpw_kv_str(&b, "name", a->node);
	mpw_kv_str(&b, "uid", a->node);
	mpw_kv_str(&b, "kind", "Node");
	mpw_kv_str(&b, "type", "Warning");
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_str(&b, "message", message);
	mpw_kv_str(&b, "component", "kubelet");
	mpw_kv_str(&b, "host", a->node);
	ctx_send(c, "gate", "event.record", &b, 0);
}

/* ---- pods that go */

static bool may_go(const struct agent_pod *p)
{
	return !p->of_file && mp_path_int(pod_worker_object(p->worker), "spec.priority", 0) <
				      SYSTEM_CRITICAL;
}

static void tell_evicted(struct ctx *c, struct agent *a, struct agent_pod *p, const char *message)
{
	agent_tell_event(c, a, p, &(struct pod_event){.reason = "Evicted", .message = message,
						      .warning = true});
}

/* What is there, and how much has to be. */
struct scarcity {
	enum eviction_resource resource;
	int64_t threshold, available;
};

/* False: one is about to go, whose share is not back yet. */
static bool gather(struct ctx *c, struct agent *a, struct mp figures, struct eviction_pod **out,
		   size_t *count)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(figures, "pods", &list) || mp_array(&list, &n))
		n = 0;
	*out = arena_alloc(ctx_arena(c), (n + 1) * sizeof **out);
	*count = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct agent_pod *p = agent_pod(a, (uint64_t)mp_path_int(list, "id", 0));
		if (!p || !p->worker || !p->key || pod_worker_over(p->worker))
			continue;
		if (pod_worker_ending(p->worker))
			return false;
		if (!may_go(p))
			continue;
		struct eviction_pod *x = &(*out)[(*count)++];
		*x = (struct eviction_pod){.pod = pod_worker_object(p->worker), .owner = p};
		mp_find(list, "containers", &x->containers);
		if (p->disk)
			x->disk = mp_of_bytes(p->disk);
	}
	return true;
}

static void evict_one(struct ctx *c, struct agent *a, struct mp figures, const struct scarcity *s)
{
	struct eviction_pod *pods;
	size_t count;
	if (!gather(c, a, figures, &pods, &count))
		return;
	const struct eviction_pod *first = eviction_choose(s->resource, pods, count);
	if (!first)
		return;
	struct agent_pod *p = first->owner;
	const char *message = eviction_message(ctx_arena(c), s->resource, first, s->threshold,
					       s->available);
	tell_evicted(c, a, p, message);
	pod_worker_disrupt(p->worker, "Evicted", message);
	agent_step(c, a, p);
}

/* First all that no pod misses; the figures that come then decide. */
static bool reclaimed(struct ctx *c, struct agent *a, enum eviction_resource r)
{
	struct buf b = {0};
	if (r == EVICTION_MEMORY || r == EVICTION_PIDS)
		return true;
	if (a->reclaimed) {
		a->reclaimed = false;
		return true;
	}
	if (!a->reclaiming) {
		mpw_map(&b, 0);
		ctx_port_call(c, a->port, RUNTIME_RECLAIM, 0, 0, bytes_take(&b));
	}
	a->reclaiming = true;
	return false;
}

void pressure_on_reclaimed(struct agent *a)
{
	a->reclaimed = a->reclaiming;
	a->reclaiming = false;
}

/* ---- figures */

static size_t scarce(const struct agent *a, struct mp node, struct scarcity out[EVICTION_RESOURCES])
{
	int64_t pids = mp_path_int(node, "processes_max", 0);
	const struct scarcity all[] = {
		{EVICTION_MEMORY, a->eviction_memory, mp_path_int(node, "available", INT64_MAX)},
		{EVICTION_STORAGE, mp_path_int(node, "fs.capacity", 0) / 100 * a->eviction_disk,
		 mp_path_int(node, "fs.available", 0)},
		{EVICTION_INODES, mp_path_int(node, "fs.inodes", 0) / 100 * a->eviction_inodes,
		 mp_path_int(node, "fs.inodes_free", 0)},
		{EVICTION_PIDS, pids * a->eviction_pids / 100, pids - mp_path_int(node, "processes", 0)},
	};
	size_t n = 0;
	for (size_t i = 0; i < EVICTION_RESOURCES; i++)
		if (all[i].available < all[i].threshold)
			out[n++] = all[i];
	return n;
}

static void tell_met(struct ctx *c, struct agent *a, const struct scarcity *all, size_t n)
{
	bool was[EVICTION_RESOURCES];
	memcpy(was, a->low, sizeof was);
	memset(a->low, 0, sizeof a->low);
	for (size_t i = 0; i < n; i++) {
		enum eviction_resource r = all[i].resource;
		a->low[r] = true;
		if (!was[r])
			tell_node(c, a, "EvictionThresholdMet",
				  arena_printf(ctx_arena(c), "Attempting to reclaim %s",
					       eviction_resource_name(r)));
	}
}

void pressure_on_figures(struct ctx *c, struct agent *a, struct mp figures)
{
	struct scarcity low[EVICTION_RESOURCES];
	struct mp node;
	bool changed = false;
	if (!mp_find(figures, "node", &node))
		return;
	size_t n = scarce(a, node, low);
	tell_met(c, a, low, n);
	see_pressure(c, a, PRESSURE_MEMORY, a->low[EVICTION_MEMORY], &changed);
	see_pressure(c, a, PRESSURE_DISK, a->low[EVICTION_STORAGE] || a->low[EVICTION_INODES], &changed);
	see_pressure(c, a, PRESSURE_PIDS, a->low[EVICTION_PIDS], &changed);
	if (changed && a->registered)
		node_report(c, a);
	if (n == 0)
		a->reclaimed = false;
	else if (reclaimed(c, a, low[0].resource))
		evict_one(c, a, figures, &low[0]);
}

void pressure_on_disk(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	if (!may_go(p) || pod_worker_ending(p->worker))
		return;
	const char *why = disk_use_excess(ctx_arena(c), pod_worker_object(p->worker), mp_of_bytes(p->disk));
	if (!why)
		return;
	tell_evicted(c, a, p, why);
	pod_worker_evict(p->worker, "Evicted", why);
	agent_step(c, a, p);
}
