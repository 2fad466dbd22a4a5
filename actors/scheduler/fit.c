#include "actors/scheduler/fit.h"

#include <string.h>

#include "actors/objects/placement.h"
#include "actors/schema/conditions.h"
#include "actors/schema/quantity.h"
#include "actors/scheduler/requests.h"
#include "broker/base/planted.h"

static int64_t amount(struct mp list, const char *name, bool milli)
{
	struct mp v;
	struct span text;
	struct quantity q;
	if (!mp_find(list, name, &v) || mp_str(&v, &text) || quantity_parse(text, &q))
		return 0;
	return milli ? quantity_milli(q) : quantity_value(q);
}

static struct resources read_list(struct mp list)
{
	return (struct resources){
		.cpu_milli = amount(list, "cpu", true),
		.memory = amount(list, "memory", false),
		.storage = amount(list, "ephemeral-storage", false),
		.pods = amount(list, "pods", false),
	};
}

void fit_add(struct resources *to, const struct resources *r, int sign)
{
	to->cpu_milli += sign * r->cpu_milli;
	to->memory += sign * r->memory;
	to->storage += sign * r->storage;
	to->pods += sign * r->pods;
}

static void read_asked(const void *arg, struct mp list, int64_t *out)
{
	struct resources r = read_list(list);
	(void)arg;
	out[0] = r.cpu_milli;
	out[1] = r.memory;
	out[2] = r.storage;
}

struct resources fit_requests(struct mp pod)
{
	int64_t sum[3];
	requests_sum(pod, read_asked, NULL, 3, sum);
	return (struct resources){.cpu_milli = sum[0], .memory = sum[1], .storage = sum[2], .pods = 1};
}

struct fit_node fit_node_of(struct mp node)
{
	struct fit_node f = {.ready = condition_is(node, "Ready", "True")};
	struct mp list;
	size_t n;
	if (mp_path(node, "status.allocatable", &list))
		f.allocatable = read_list(list);
	f.cordoned = mp_path_bool(node, "spec.unschedulable", false);
	f.tainted = f.cordoned ||
		    (mp_path(node, "spec.taints", &list) && mp_array(&list, &n) == 0 && n > 0);
	return f;
}

bool fit_is_selective(struct mp pod)
{
	struct mp v;
	return mp_path(pod, "spec.nodeSelector", &v) || mp_path(pod, "spec.affinity.nodeAffinity", &v);
}

size_t fit_enough(size_t nodes)
{
	enum { ALL_UNTIL = 100, PERCENT_MIN = 5, NODES_MAX = 300 };
	if (nodes <= ALL_UNTIL)
		return nodes;
	size_t percent = nodes / 125 + PERCENT_MIN < 50 ? 50 - nodes / 125 : PERCENT_MIN;
	size_t n = nodes * percent / 100;
	return n < ALL_UNTIL ? ALL_UNTIL : n > NODES_MAX ? NODES_MAX : n;
}

unsigned fit_check(struct mp pod, const struct resources *wants, bool selective, struct mp node,
		   const struct fit_node *facts, const struct resources *used)
{
	const struct resources *allocatable = &facts->allocatable;
	unsigned faults = 0;
	struct mp tolerations = {0}, spec = {0};
	if (facts->tainted)
		mp_path(pod, "spec.tolerations", &tolerations);
	bool repelled = facts->tainted && placement_taints(tolerations, node) != TAINT_NONE;
	if (repelled && facts->cordoned)
		return FIT_UNSCHEDULABLE;
	if (!facts->ready)
		return FIT_NOT_READY;
	if (repelled)
		return FIT_TAINT;
	if (selective)
		mp_path(pod, "spec", &spec);
	if (selective && !placement_selects(spec, node))
		return FIT_SELECTOR;
	if (used->pods + wants->pods > allocatable->pods)
		faults |= FIT_PODS;
	/* What is not asked for always fits, even where too much is in use. */
	if (wants->cpu_milli && !PLANTED(CPU_NOT_COUNTED) && used->cpu_milli + wants->cpu_milli > allocatable->cpu_milli)
		faults |= FIT_CPU;
	if (wants->memory && used->memory + wants->memory > allocatable->memory)
		faults |= FIT_MEMORY;
	if (wants->storage && used->storage + wants->storage > allocatable->storage)
		faults |= FIT_STORAGE;
	return faults;
}

static int percent(int64_t part, int64_t whole)
{
	if (whole <= 0)
		return 100;
	int64_t p = (int64_t)((__int128)part * 100 / whole);
	return p > 100 ? 100 : p < 0 ? 0 : (int)p;
}

struct resources fit_weight(const struct resources *wants)
{
	struct resources w = *wants;
	if (!w.cpu_milli)
		w.cpu_milli = 100;
	if (!w.memory)
		w.memory = 200 << 20;
	return w;
}

int fit_score(const struct resources *weight, const struct resources *allocatable,
	      const struct resources *there)
{
	int c = percent(there->cpu_milli + weight->cpu_milli, allocatable->cpu_milli);
	int m = percent(there->memory + weight->memory, allocatable->memory);
	int spread = c > m ? c - m : m - c;
	return (200 - c - m) / 2 + (100 - spread / 2);
}

const char *fit_fault_text(enum fit_fault f)
{
	static const struct {
		enum fit_fault fault;
		const char *text;
	} rows[] = {
		{FIT_CPU, "Insufficient cpu"},
		{FIT_MEMORY, "Insufficient memory"},
		{FIT_STORAGE, "Insufficient ephemeral-storage"},
		{FIT_PODS, "Too many pods"},
		{FIT_UNSCHEDULABLE, "node(s) were unschedulable"},
		{FIT_TAINT, "node(s) had untolerated taint(s)"},
		{FIT_SELECTOR, "node(s) didn't match Pod's node affinity/selector"},
		{FIT_NAME, "node(s) didn't match the requested node name"},
		{FIT_NOT_READY, "node(s) were not ready"},
		{FIT_VOLUME_NODE, "node(s) didn't match PersistentVolume's node affinity"},
		{FIT_VOLUME_NONE, "node(s) didn't find available persistent volumes to bind"},
		{FIT_PORTS, "node(s) didn't have free ports for the requested pod ports"},
		{FIT_SPREAD, "node(s) didn't match pod topology spread constraints"},
		{FIT_SPREAD_LABEL, "node(s) didn't match pod topology spread constraints (missing required label)"},
		{FIT_AFFINITY, "node(s) didn't match pod affinity rules"},
		{FIT_ANTI_AFFINITY, "node(s) didn't match pod anti-affinity rules"},
		{FIT_OTHERS, "node(s) didn't satisfy existing pods anti-affinity rules"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].fault == f)
			return rows[i].text;
	return "node(s) did not fit";
}
