/* The node's own status, as a kubelet reports it. */
#include <stdio.h>

#include "actors/schema/rfc3339.h"
#include "nodes/node_private.h"
#include "nodes/pulse.h"

enum {
	REPORT_MS = 2000, /* doubled for each answer that did not come */
	REPORTS_DOUBLED_MAX = 3,
	REPORT_US = 300000000, /* as a kubelet without news */
	RETRY_US = 1000000,
};

static void put_resources(struct buf *b, const struct agent *a)
{
	char pods[24], disk[32] = "100Gi";
	int64_t bytes = mp_path_int(mp_of_bytes(a->info), "disk", 0);
	snprintf(pods, sizeof pods, "%lld", (long long)a->pods_max);
	if (bytes > 0)
		snprintf(disk, sizeof disk, "%lldKi", (long long)bytes / 1024);
	mpw_map(b, 4);
	mpw_kv_str(b, "cpu", a->cpu);
	mpw_kv_str(b, "ephemeral-storage", disk);
	mpw_kv_str(b, "memory", a->memory);
	mpw_kv_str(b, "pods", pods);
}

static void put_condition(struct buf *b, const char *type, const char *status, const char *reason,
			  const char *message, const char *now, const char *since)
{
	mpw_map(b, 6);
	mpw_kv_str(b, "type", type);
	mpw_kv_str(b, "status", status);
	mpw_kv_str(b, "lastHeartbeatTime", now);
	mpw_kv_str(b, "lastTransitionTime", since);
	mpw_kv_str(b, "reason", reason);
	mpw_kv_str(b, "message", message);
}

/* `ready`: since when it has been well, if it has always been. */
static void put_pressure(struct buf *b, const struct agent *a, enum node_pressure which,
			 const char *now, const char *ready)
{
	static const char *const words[PRESSURES][5] = {
		{"MemoryPressure", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available",
		 "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
		{"DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure",
		 "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
		{"PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available",
		 "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
	};
	const struct pressure *p = &a->pressure[which];
	const char *const *w = words[which];
	char since[RFC3339_MAX];
	rfc3339_format(p->since_us, since);
	put_condition(b, w[0], p->on ? "True" : "False", w[p->on ? 1 : 3], w[p->on ? 2 : 4], now,
		      p->since_us ? since : ready);
}

static void put_conditions(struct buf *b, const struct agent *a, int64_t wall_us)
{
	char now[RFC3339_MAX], since[RFC3339_MAX];
	rfc3339_format(wall_us, now);
	rfc3339_format(a->ready_since_us, since);
	mpw_array(b, 4);
	put_pressure(b, a, PRESSURE_MEMORY, now, since);
	put_pressure(b, a, PRESSURE_DISK, now, since);
	put_pressure(b, a, PRESSURE_PIDS, now, since);
	put_condition(b, "Ready", "True", "KubeletReady", "kubelet is posting ready status", now,
		      since);
}

static void put_addresses(struct buf *b, const struct agent *a)
{
	mpw_array(b, 2);
	mpw_map(b, 2);
	mpw_kv_str(b, "type", "InternalIP");
	mpw_kv_str(b, "address", a->host_ip);
	mpw_map(b, 2);
	mpw_kv_str(b, "type", "Hostname");
	mpw_kv_str(b, "address", a->node);
}

static void put_info(struct buf *b, const struct agent *a)
{
	struct mp info = mp_of_bytes(a->info);
	mpw_map(b, 10);
	mpw_kv_str(b, "architecture", "amd64");
	mpw_kv_span(b, "bootID", mp_path_str(info, "boot_id"));
	mpw_kv_str(b, "containerRuntimeVersion",
		   a->oci ? arena_ndup(ctx_arena(a->turn), mp_path_str(info, "runtime").data,
				       mp_path_str(info, "runtime").len)
		   : a->sim ? "sim://0.1.0"
			    : "process://0.1.0");
	mpw_kv_span(b, "kernelVersion", mp_path_str(info, "kernel"));
	mpw_kv_str(b, "kubeProxyVersion", "");
	mpw_kv_str(b, "kubeletVersion", "v1.34.0+troupe");
	mpw_kv_span(b, "machineID", mp_path_str(info, "machine_id"));
	mpw_kv_str(b, "operatingSystem", "linux");
	mpw_kv_span(b, "osImage", mp_path_str(info, "os"));
	mpw_kv_span(b, "systemUUID", mp_path_str(info, "machine_id"));
}

static void put_images(struct buf *b, const struct agent *a)
{
	struct mp list;
	struct span all;
	mpw_str(b, "images");
	if (mp_find(mp_of_bytes(a->images), "images", &list) && mp_raw(&list, &all) == 0)
		mpw_raw(b, all);
	else
		mpw_array(b, 0);
}

/* Which handlers of RuntimeClasses it has; the empty one is of pods without a class. */
static size_t put_handlers(struct buf *b, const struct agent *a)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(mp_of_bytes(a->info), "handlers", &list) || mp_array(&list, &n))
		return 0;
	mpw_str(b, "runtimeHandlers");
	mpw_array(b, n + 1);
	for (size_t i = 0; i <= n; i++) {
		struct span name = {0};
		if (i > 0)
			mp_str(&list, &name);
		mpw_map(b, 2);
		mpw_kv_span(b, "name", name);
		mpw_str(b, "features");
		mpw_map(b, 2);
		mpw_kv_bool(b, "recursiveReadOnlyMounts", true);
		mpw_kv_bool(b, "userNamespaces", false);
	}
	return 1;
}

/* Its own, and those that it is given. */
static void put_labels(struct buf *b, const struct agent *a)
{
	struct mp given = mp_of(span_buf(&a->labels));
	struct span word;
	size_t n = 0;
	if (a->labels.len)
		mp_map(&given, &n);
	mpw_map(b, (a->sim ? 3 : 5) + n);
	if (!a->sim) { /* of many simulated ones each byte counts */
		mpw_kv_str(b, "beta.kubernetes.io/arch", "amd64");
		mpw_kv_str(b, "beta.kubernetes.io/os", "linux");
	}
	mpw_kv_str(b, "kubernetes.io/arch", "amd64");
	mpw_kv_str(b, "kubernetes.io/hostname", a->node);
	mpw_kv_str(b, "kubernetes.io/os", "linux");
	for (size_t i = 0; i < 2 * n && mp_raw(&given, &word) == 0; i++)
		mpw_raw(b, word);
}

void node_report(struct ctx *c, struct agent *a)
{
	struct buf b = {0};
	if (!a->ready_since_us)
		a->ready_since_us = ctx_wall_us(c);
	mpw_map(&b, a->subnet ? 5 : 4);
	mpw_kv_str(&b, "name", a->node);
	mpw_kv_bool(&b, "register", !a->registered);
	if (a->subnet)
		mpw_kv_str(&b, "pod_cidr", a->subnet);
	mpw_str(&b, "labels");
	put_labels(&b, a);
	mpw_str(&b, "status");
	size_t at = mpw_map_open(&b), n = 5 + put_handlers(&b, a);
	if (a->images) {
		put_images(&b, a);
		n++;
	}
	mpw_str(&b, "capacity");
	put_resources(&b, a);
	mpw_str(&b, "allocatable");
	put_resources(&b, a);
	mpw_str(&b, "conditions");
	put_conditions(&b, a, ctx_wall_us(c));
	mpw_str(&b, "addresses");
	put_addresses(&b, a);
	mpw_str(&b, "nodeInfo");
	put_info(&b, a);
	mpw_map_close(&b, at, n);
	if (!a->allocatable.len)
		put_resources(&a->allocatable, a);
	a->reporting = true;
	ctx_request(c, "gate", "node.status", &b, REPORT_MS << a->unanswered, NODE_TAG(TAG_NODE, 0));
}

static void report_in(struct ctx *c, struct agent *a, uint64_t us)
{
	if (a->report_timer)
		ctx_cancel(c, a->report_timer);
	a->report_timer = ctx_timer(c, us, NODE_TAG(TAG_NODE, 0));
}

/* A refusal is no registration: it is tried again as if nothing was heard. One
 * whose node somebody has deleted is over, as a kubelet's is until it begins
 * anew. */
void node_on_told(struct ctx *c, struct agent *a, const struct reply *r)
{
	bool good = r->status == 0 && mp_path_int(r->body, "code", 0) < 300;
	a->reporting = false;
	if (!r->status)
		a->unanswered = 0;
	else if (a->unanswered < REPORTS_DOUBLED_MAX)
		a->unanswered++;
	/* Those of many nodes that heard nothing together spread out. */
	report_in(c, a, good ? REPORT_US : RETRY_US / 2 + ctx_random(c) % RETRY_US);
	if (!good)
		return;
	if (!a->registered)
		node_beat(c, a);
	a->registered = true;
}

/* ---- heartbeats */

enum { BEAT_ANSWER_MS = 5000, BEATS_PER_RETRY = 4 };

void node_beat(struct ctx *c, struct agent *a)
{
	struct buf b = {0};
	if (!a->beat_us)
		return;
	mpw_map(&b, 2);
	mpw_kv_str(&b, "name", a->node);
	mpw_kv_i64(&b, "now_us", ctx_wall_us(c));
	ctx_request(c, "gate", "node.heartbeat", &b, BEAT_ANSWER_MS, NODE_TAG(TAG_BEAT, 0));
}

void node_on_heard(struct ctx *c, struct agent *a, const struct reply *r)
{
	/* As many at a time as the gate renews in one transaction. */
	struct pulse all = {.every_us = a->beat_us, .members = a->siblings, .together = STORE_OPS_MAX};
	uint64_t wait_us = pulse_wait_us(&all, ctx_now_us(c), ctx_random(c));
	ctx_timer(c, r->status ? a->beat_us / BEATS_PER_RETRY : wait_us, NODE_TAG(TAG_BEAT, 0));
	if (r->status || a->reporting || !mp_path_bool(r->body, "report", false))
		return;
	a->ready_since_us = 0; /* it was taken for lost */
	node_report(c, a);
}
