/* What the node and its pods use: told to who asks, as a kubelet's /stats/summary, and
 * acted on when there is too little left.
 *
 * A condition of pressure is said as soon as it is there, and taken back when it has
 * not been for a while, as a kubelet does (eviction-pressure-transition-period). */
#include "actors/schema/rfc3339.h"
#include "nodes/eviction.h"
#include "nodes/node_private.h"

enum {
	PIDS_PERCENT = 95,
	INODES_PERCENT = 5,
};
static const int64_t transition_us = (int64_t)300 * 1000000;

/* ---- pressure */

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

/* One at a time: the next one when the memory of this one is back. */
static void evict_one(struct ctx *c, struct agent *a, struct mp figures, int64_t available)
{
	struct mp list;
	size_t n = 0, count = 0;
	if (!mp_find(figures, "pods", &list) || mp_array(&list, &n))
		n = 0;
	struct eviction_pod *pods = arena_alloc(ctx_arena(c), (n + 1) * sizeof *pods);
	for (; n > 0; n--, mp_skip(&list)) {
		struct agent_pod *p = agent_pod(a, (uint64_t)mp_path_int(list, "id", 0));
		if (!p || !p->worker || !p->key)
			continue;
		if (pod_worker_ending(p->worker))
			return;
		pods[count] = (struct eviction_pod){.pod = pod_worker_object(p->worker), .owner = p};
		mp_find(list, "containers", &pods[count].containers);
		count++;
	}
	const struct eviction_pod *first = eviction_choose(pods, count);
	if (!first)
		return;
	struct agent_pod *p = first->owner;
	const char *message = eviction_message(ctx_arena(c), first, a->eviction_memory, available);
	agent_tell_event(c, a, p, &(struct pod_event){.reason = "Evicted", .message = message,
						      .warning = true});
	pod_worker_evict(p->worker, "Evicted", message);
	agent_step(c, a, p);
}

static bool disk_is_low(const struct agent *a, struct mp node)
{
	struct mp fs;
	if (!mp_find(node, "fs", &fs) || !a->eviction_disk)
		return false;
	int64_t all = mp_path_int(fs, "capacity", 0), left = mp_path_int(fs, "available", 0);
	int64_t inodes = mp_path_int(fs, "inodes", 0), free = mp_path_int(fs, "inodes_free", 0);
	return (all > 0 && left < all / 100 * a->eviction_disk) ||
	       (inodes > 0 && free < inodes / 100 * INODES_PERCENT);
}

void agent_on_figures(struct ctx *c, struct agent *a, const struct port_event *e)
{
	struct mp figures = mp_of_bytes(e->payload), node;
	bool changed = false;
	bytes_unref(a->figures);
	a->figures = bytes_ref(e->payload);
	if (!mp_find(figures, "node", &node))
		return;
	int64_t available = mp_path_int(node, "available", INT64_MAX);
	int64_t pids = mp_path_int(node, "processes", 0), pids_max = mp_path_int(node, "processes_max", 0);
	bool low = available < a->eviction_memory;
	bool was = a->pressure[PRESSURE_MEMORY].on;
	see_pressure(c, a, PRESSURE_MEMORY, low, &changed);
	see_pressure(c, a, PRESSURE_DISK, disk_is_low(a, node), &changed);
	see_pressure(c, a, PRESSURE_PIDS, pids_max > 0 && pids > pids_max / 100 * PIDS_PERCENT,
		     &changed);
	if (changed && a->registered)
		node_report(c, a);
	if (low && !was)
		tell_node(c, a, "EvictionThresholdMet", "Attempting to reclaim memory");
	if (low)
		evict_one(c, a, figures, available);
}

/* ---- the summary: kubernetes staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1 */

static void put_cpu(struct buf *b, const char *time, struct mp m)
{
	int64_t rate = mp_path_int(m, "nano_cores", -1);
	mpw_str(b, "cpu");
	mpw_map(b, rate < 0 ? 2 : 3);
	mpw_kv_str(b, "time", time);
	if (rate >= 0)
		mpw_kv_i64(b, "usageNanoCores", rate);
	mpw_kv_i64(b, "usageCoreNanoSeconds", mp_path_int(m, "cpu_ns", 0));
}

static void put_memory(struct buf *b, const char *time, int64_t usage, int64_t working_set,
		       int64_t rss, int64_t available)
{
	mpw_str(b, "memory");
	mpw_map(b, available < 0 ? 4 : 5);
	mpw_kv_str(b, "time", time);
	if (available >= 0)
		mpw_kv_i64(b, "availableBytes", available);
	mpw_kv_i64(b, "usageBytes", usage);
	mpw_kv_i64(b, "workingSetBytes", working_set);
	mpw_kv_i64(b, "rssBytes", rss);
}

static void put_fs(struct buf *b, const char *key, const char *time, struct mp fs)
{
	mpw_str(b, key);
	mpw_map(b, 7);
	mpw_kv_str(b, "time", time);
	mpw_kv_i64(b, "availableBytes", mp_path_int(fs, "available", 0));
	mpw_kv_i64(b, "capacityBytes", mp_path_int(fs, "capacity", 0));
	mpw_kv_i64(b, "usedBytes", mp_path_int(fs, "used", 0));
	mpw_kv_i64(b, "inodesFree", mp_path_int(fs, "inodes_free", 0));
	mpw_kv_i64(b, "inodes", mp_path_int(fs, "inodes", 0));
	mpw_kv_i64(b, "inodesUsed", mp_path_int(fs, "inodes_used", 0));
}

static void put_node(struct buf *b, const struct agent *a, const char *time, struct mp node)
{
	struct mp fs = {0};
	char since[RFC3339_MAX];
	rfc3339_format(a->ready_since_us, since);
	mp_find(node, "fs", &fs);
	mpw_str(b, "node");
	mpw_map(b, 7);
	mpw_kv_str(b, "nodeName", a->node);
	mpw_kv_str(b, "startTime", since);
	put_cpu(b, time, node);
	put_memory(b, time, mp_path_int(node, "memory_total", 0) - mp_path_int(node, "available", 0),
		   mp_path_int(node, "working_set", 0), mp_path_int(node, "rss", 0),
		   mp_path_int(node, "available", 0));
	put_fs(b, "fs", time, fs);
	mpw_str(b, "runtime");
	mpw_map(b, 1);
	put_fs(b, "imageFs", time, fs);
	mpw_str(b, "rlimit");
	mpw_map(b, 3);
	mpw_kv_str(b, "time", time);
	mpw_kv_i64(b, "maxpid", mp_path_int(node, "processes_max", 0));
	mpw_kv_i64(b, "curproc", mp_path_int(node, "processes", 0));
}

struct sum {
	int64_t cpu_ns, nano_cores, usage, working_set, rss;
	bool rated;
};

static void put_container(struct buf *b, const char *time, struct mp m, struct sum *s)
{
	int64_t rate = mp_path_int(m, "nano_cores", -1);
	mpw_map(b, 3);
	mpw_kv_span(b, "name", mp_path_str(m, "name"));
	put_cpu(b, time, m);
	put_memory(b, time, mp_path_int(m, "usage", 0), mp_path_int(m, "working_set", 0),
		   mp_path_int(m, "rss", 0), -1);
	s->cpu_ns += mp_path_int(m, "cpu_ns", 0);
	s->usage += mp_path_int(m, "usage", 0);
	s->working_set += mp_path_int(m, "working_set", 0);
	s->rss += mp_path_int(m, "rss", 0);
	s->rated = s->rated && rate >= 0;
	s->nano_cores += rate >= 0 ? rate : 0;
}

static void put_pod(struct buf *b, const struct agent_pod *p, const char *time, struct mp figures)
{
	struct mp m = pod_worker_object(p->worker), list;
	struct sum s = {.rated = true};
	size_t n = 0;
	mpw_map(b, 5);
	mpw_str(b, "podRef");
	mpw_map(b, 3);
	mpw_kv_span(b, "name", mp_path_str(m, "metadata.name"));
	mpw_kv_span(b, "namespace", mp_path_str(m, "metadata.namespace"));
	mpw_kv_str(b, "uid", p->uid);
	mpw_kv_span(b, "startTime", mp_path_str(m, "status.startTime"));
	if (!mp_find(figures, "containers", &list) || mp_array(&list, &n))
		n = 0;
	mpw_str(b, "containers");
	mpw_array(b, n);
	for (; n > 0; n--, mp_skip(&list))
		put_container(b, time, list, &s);
	mpw_str(b, "cpu");
	mpw_map(b, s.rated ? 3 : 2);
	mpw_kv_str(b, "time", time);
	if (s.rated)
		mpw_kv_i64(b, "usageNanoCores", s.nano_cores);
	mpw_kv_i64(b, "usageCoreNanoSeconds", s.cpu_ns);
	put_memory(b, time, s.usage, s.working_set, s.rss, -1);
}

static size_t put_pods(struct buf *b, const struct agent *a, const char *time, struct mp list)
{
	size_t n = 0, count = 0;
	if (mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct agent_pod *p = agent_pod(a, (uint64_t)mp_path_int(list, "id", 0));
		if (!p || !p->worker || !p->key)
			continue;
		put_pod(b, p, time, list);
		count++;
	}
	return count;
}

int agent_on_summary(struct ctx *c, void *state, const struct msg *m)
{
	struct agent *a = state;
	struct mp figures = mp_of_bytes(a->figures), node = {0}, pods = {0};
	struct buf b = {0};
	char time[RFC3339_MAX];
	(void)m;
	if (!a->figures) {
		ctx_reply_error(c, ERR_AGAIN, "node %s has no figures%s", a->node,
				a->oci ? " yet" : ": its containers have none");
		return 0;
	}
	rfc3339_format(mp_path_int(figures, "time_us", 0), time);
	mp_find(figures, "node", &node);
	mp_find(figures, "pods", &pods);
	mpw_map(&b, 1);
	mpw_str(&b, "summary");
	mpw_map(&b, 2);
	put_node(&b, a, time, node);
	mpw_str(&b, "pods");
	size_t at = mpw_array_open(&b);
	mpw_array_close(&b, at, put_pods(&b, a, time, pods));
	ctx_reply(c, &b);
	return 0;
}
