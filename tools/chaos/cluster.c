#include "tools/chaos/cluster.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/controllers/clusterrole_aggregation.h"
#include "actors/controllers/cronjob.h"
#include "actors/controllers/daemonset.h"
#include "actors/controllers/deployment.h"
#include "actors/controllers/disruption.h"
#include "actors/controllers/endpoints.h"
#include "actors/controllers/ephemeral_volume.h"
#include "actors/controllers/garbage.h"
#include "actors/controllers/host_path.h"
#include "actors/controllers/job.h"
#include "actors/controllers/namespace_deletion.h"
#include "actors/controllers/namespaces.h"
#include "actors/controllers/node_lifecycle.h"
#include "actors/controllers/pod_gc.h"
#include "actors/controllers/persistentvolume.h"
#include "actors/controllers/quota.h"
#include "actors/controllers/replication.h"
#include "actors/controllers/selector_overlap.h"
#include "actors/controllers/statefulset.h"
#include "actors/controllers/taint_eviction.h"
#include "actors/controllers/ttl_after_finished.h"
#include "actors/controllers/volume_protection.h"
#include "actors/gate/event_expiry.h"
#include "actors/gate/gate.h"
#include "actors/gate/messages.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/store_actor.h"
#include "actors/scheduler/scheduler.h"
#include "broker/messages.h"
#include "nodes/messages.h"
#include "nodes/node_agent.h"

/* The control plane. Apart: cells of this name; together: all in `core`. */
static const struct part {
	const char *apart, *name;
	const struct actor_spec *spec;
	bool workloads; /* only where those are wished for */
} parts[] = {
	{"core", "store", &store_actor, false},
	{"core", "gate", &gate_actor, false},
	{"controllers", "namespaces", &namespaces_actor, false},
	{"collectors", "namespace-deletion", &namespace_deletion_actor, false},
	{"controllers", "replication", &replication_actor, false},
	{"controllers", "replicaset", &replicaset_actor, true},
	{"controllers", "deployment", &deployment_actor, true},
	{"controllers", "daemonset", &daemonset_actor, true},
	{"controllers", "statefulset", &statefulset_actor, true},
	{"controllers", "job", &job_actor, true},
	{"controllers", "ttl-after-finished", &ttl_after_finished_actor, true},
	{"controllers", "cronjob", &cronjob_actor, true},
	{"collectors", "selector-overlap", &selector_overlap_actor, true},
	{"controllers", "disruption", &disruption_actor, true},
	{"controllers", "node-lifecycle", &node_lifecycle_actor, true},
	{"controllers", "taint-eviction", &taint_eviction_actor, true},
	{"collectors", "pod-gc", &pod_gc_actor, true},
	{"controllers", "persistentvolume", &persistentvolume_actor, true},
	{"controllers", "host-path", &host_path_actor, true},
	{"controllers", "ephemeral-volume", &ephemeral_volume_actor, true},
	{"collectors", "pvc-protection", &pvc_protection_actor, true},
	{"collectors", "pv-protection", &pv_protection_actor, true},
	{"collectors", "clusterrole-aggregation", &clusterrole_aggregation_actor, true},
	{"collectors", "event-expiry", &event_expiry_actor, true},
	{"controllers", "endpoints", &endpoints_actor, false},
	{"collectors", "garbage-collector", &garbage_actor, false},
	{"collectors", "resource-quota", &quota_actor, false},
	{"scheduler", "scheduler", &scheduler_actor, false},
};
enum { PARTS = sizeof parts / sizeof *parts };

static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &gate_messages, &node_messages, NULL};
const struct catalogue cluster_catalogue = {tables};

/* One at a time works. */
static bool has_fence(const struct actor_spec *spec)
{
	static const struct actor_spec *const without[] = {&store_actor, &gate_actor, &event_expiry_actor};
	for (size_t i = 0; i < sizeof without / sizeof *without; i++)
		if (spec == without[i])
			return false;
	return true;
}

static void add_kind(struct cluster *c, const struct actor_spec *spec)
{
	size_t n = 0;
	for (; c->kinds[n]; n++)
		if (c->kinds[n] == spec)
			return;
	assert(n + 1 < CLUSTER_KINDS_MAX);
	c->kinds[n] = spec;
}

static void add_cell(struct cluster *c, const char *cell)
{
	for (size_t i = 0; i < c->cell_count; i++)
		if (strcmp(c->cells[i], cell) == 0)
			return;
	c->cells[c->cell_count++] = cell;
}

static void add_actor(struct cluster *c, struct cluster_actor a)
{
	a.name = arena_dup(&c->arena, a.name);
	c->actors[c->actor_count++] = a;
	add_cell(c, a.cell);
	add_kind(c, a.spec);
}

void cluster_plan(struct cluster *c, const struct cluster_wish *w)
{
	size_t extra = 0;
	memset(c, 0, sizeof *c);
	c->wish = *w;
	while (w->extra && w->extra[extra].cell)
		extra++;
	size_t most = 2 * PARTS + w->nodes + extra;
	c->actors = arena_alloc(&c->arena, most * sizeof *c->actors);
	c->cells = arena_alloc(&c->arena, most * sizeof *c->cells);
	for (size_t i = 0; i < PARTS; i++)
		if (w->workloads || !parts[i].workloads)
			add_actor(c, (struct cluster_actor){w->apart ? parts[i].apart : "core",
							    parts[i].name, parts[i].spec, NULL, 0});
	for (size_t i = 0; i < PARTS && w->standby; i++)
		if (has_fence(parts[i].spec) && (w->workloads || !parts[i].workloads))
			add_actor(c, (struct cluster_actor){
					     "spare", arena_printf(&c->arena, "spare/%s", parts[i].name), parts[i].spec, NULL, 0});
	for (size_t i = 0; i < w->nodes; i++) {
		const char *node = arena_printf(&c->arena, "n%zu", i + 1);
		const char *name = arena_printf(&c->arena, "node-agent/%s", node);
		add_actor(c, (struct cluster_actor){node, name, &node_agent_actor, node, 0});
	}
	for (size_t i = 0; i < extra; i++)
		add_actor(c, w->extra[i]);
	c->wish.extra = NULL; /* borrowed for this call */
}

void cluster_add(struct cluster *c, struct cell *cell, const struct cluster_actor *a)
{
	struct buf b = {0}, labels = {0};
	bool silent = a->node && !c->wish.workloads; /* nobody would listen */
	bool labelled = a->node && c->wish.labels && c->wish.labels(c->wish.labels_arg, a->node, &labels) > 0;
	mpw_map(&b, a->node ? 4 + silent + labelled : 1);
	if (labelled) {
		mpw_str(&b, "labels");
		mpw_raw(&b, span_buf(&labels));
	}
	if (silent)
		mpw_kv_i64(&b, "heartbeat", 0);
	if (!a->node)
		mpw_kv_u64(&b, "number", a->number);
	if (a->node) {
		mpw_kv_str(&b, "node", a->node);
		mpw_kv_str(&b, "runtime", "sim");
		mpw_kv_str(&b, "cpu", c->wish.node_cpu);
		mpw_kv_i64(&b, "pods", c->wish.node_pods);
	}
	int rc = cell_add_actor(cell, a->spec->kind, a->name, mp_of(span_buf(&b)), NULL);
	assert(rc == 0 || rc == ERR_EXISTS);
	(void)rc;
	buf_fini(&labels);
	buf_fini(&b);
}

void cluster_fill(void *cluster, struct cell *cell)
{
	struct cluster *c = cluster;
	for (size_t i = 0; i < c->actor_count; i++)
		if (strcmp(c->actors[i].cell, cell_name(cell)) == 0)
			cluster_add(c, cell, &c->actors[i]);
}

struct sim *cluster_start(struct cluster *c, const struct sim_config *cfg)
{
	struct sim_config own = *cfg;
	own.catalogue = &cluster_catalogue;
	own.kinds = c->kinds;
	struct sim *s = sim_new(&own);
	for (size_t i = 0; i < c->cell_count; i++)
		cluster_fill(c, sim_cell(s, c->cells[i]));
	return s;
}

void cluster_fini(struct cluster *c)
{
	arena_fini(&c->arena);
}
