#include "actors/controllers/node_health.h"

#include "actors/schema/conditions.h"

enum node_ready node_ready(struct mp node)
{
	struct mp m;
	if (!condition_find(node, span_of("Ready"), &m))
		return NODE_UNTOLD;
	struct span status = mp_path_str(m, "status");
	return span_is(status, "True") ? NODE_READY
	       : span_is(status, "False") ? NODE_NOT_READY
					  : NODE_UNKNOWN;
}

/* ---- zones */

struct span node_zone(struct arena *a, struct mp node)
{
	struct span region = object_label(node, "topology.kubernetes.io/region");
	struct span zone = object_label(node, "topology.kubernetes.io/zone");
	return span_of(arena_printf(a, "%.*s/%.*s", (int)region.len, (const char *)region.data,
				    (int)zone.len, (const char *)zone.data));
}

enum zone_state zone_state(const struct zone *z)
{
	if (z->lost && !z->ready)
		return ZONE_LOST;
	return z->lost > 2 && 100 * z->lost >= ZONE_LOST_PERCENT * (z->lost + z->ready)
		       ? ZONE_PARTLY_LOST
		       : ZONE_NORMAL;
}

int64_t zone_interval_us(const struct zone *z, bool all_lost, int64_t normal_us)
{
	if (all_lost)
		return -1;
	if (zone_state(z) != ZONE_PARTLY_LOST)
		return normal_us;
	return z->lost + z->ready > ZONE_SMALL ? ZONE_SLOWER * normal_us : -1;
}

/* ---- taints */

struct rule {
	const char *condition, *status, *key;
};

static const struct rule rules[] = {
	{"Ready", "False", TAINT_NOT_READY},
	{"Ready", "Unknown", TAINT_UNREACHABLE},
	{"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
	{"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
	{"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
	{"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
	{"", "", "node.kubernetes.io/unschedulable"},
};
enum { RULES = sizeof rules / sizeof *rules };

static bool applies(const struct rule *r, struct mp node)
{
	return *r->condition ? condition_is(node, r->condition, r->status)
			     : mp_path_bool(node, "spec.unschedulable", false);
}

static bool is_of(const struct doc *taint, const char *key, const char *effect)
{
	return doc_str_is(doc_get(taint, "key"), key) && doc_str_is(doc_get(taint, "effect"), effect);
}

static struct doc *find(struct doc *list, const char *key, const char *effect)
{
	DOC_EACH(d, list)
		if (is_of(d, key, effect))
			return d;
	return NULL;
}

static void want(struct arena *a, struct doc *list, const char *key, const char *effect,
		 bool wanted, const char *now)
{
	struct doc *is = find(list, key, effect);
	if (is && !wanted)
		doc_detach(list, is);
	if (is || !wanted)
		return;
	struct doc *d = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_str(a, d, "key", key);
	doc_set_str(a, d, "effect", effect);
	doc_set_str(a, d, "timeAdded", now);
}

static struct doc *list_of(struct arena *a, struct mp node)
{
	struct mp m;
	struct span raw;
	struct doc *list = NULL;
	if (!mp_path(node, "spec.taints", &m) || mp_raw(&m, &raw) ||
	    doc_from_mp(a, mp_of(object_copy(a, raw)), &list, NULL) || !doc_is(list, DOC_ARRAY))
		return doc_new(a, DOC_ARRAY);
	return list;
}

struct doc *node_taints(struct arena *a, struct mp node, enum emptying emptying, const char *now)
{
	struct doc *list = list_of(a, node);
	enum node_ready ready = node_ready(node);
	bool emptied = find(list, TAINT_NOT_READY, "NoExecute") ||
		       find(list, TAINT_UNREACHABLE, "NoExecute");
	bool empty = emptying == EMPTY_BEGIN || (emptying == EMPTY_AS_IT_IS && emptied);
	for (size_t i = 0; i < RULES; i++)
		want(a, list, rules[i].key, "NoSchedule", applies(&rules[i], node), now);
	want(a, list, TAINT_NOT_READY, "NoExecute", ready == NODE_NOT_READY && empty, now);
	want(a, list, TAINT_UNREACHABLE, "NoExecute", ready == NODE_UNKNOWN && empty, now);
	return doc_equal(list, list_of(a, node)) ? NULL : list;
}

bool node_has_taint(struct mp node, const char *key, const char *effect)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(node, "spec.taints", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (span_is(mp_path_str(list, "key"), key) &&
		    (!effect || span_is(mp_path_str(list, "effect"), effect)))
			return true;
	return false;
}
