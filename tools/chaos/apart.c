#include "tools/chaos/apart.h"

#include <string.h>

#include "tools/chaos/endpoints.h"

#define SPAN(s) (int)(s).len, (const char *)(s).data

/* Whether both are where the label is equal; nodes without it are apart from all. */
static bool together(struct span topology, const struct led_node *x, const struct led_node *y)
{
	if (span_is(topology, "kubernetes.io/hostname"))
		return strcmp(x->name, y->name) == 0;
	return span_is(topology, "topology.kubernetes.io/zone") && *x->zone && strcmp(x->zone, y->zone) == 0;
}

/* A pod is there until it has ended or its object is gone. */
static bool is_there(const struct led_object *o)
{
	return o->is_pod && o->pod.bound && o->pod.node && !o->pod.ended;
}

/* The first of its terms that `other` is against; the topology in words. */
static bool keeps_off(const struct led_object *pod, const struct led_object *other, struct span *topology)
{
	struct mp list, labels, m = mp_of_bytes(pod->value);
	size_t n;
	if (!mp_path(m, "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution", &list) ||
	    mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list)) {
		*topology = mp_path_str(list, "topologyKey");
		if (mp_path(list, "labelSelector.matchLabels", &labels) &&
		    pod_is_selected(mp_of_bytes(other->value), labels) &&
		    together(*topology, pod->pod.node, other->pod.node))
			return true;
	}
	return false;
}

static struct span namespace_of(const struct led_object *o)
{
	return mp_path_str(mp_of_bytes(o->value), "metadata.namespace");
}

/* The pod was bound in this revision. */
static bool is_apart(struct judge *j, const struct led_object *pod, struct err *why)
{
	for (struct onode *it = ledger_first(&j->ledger, "pods/"); it; it = ledger_next(it, "pods/")) {
		const struct led_object *other = it->value;
		struct span topology;
		if (other == pod || !is_there(other) || !span_eq(namespace_of(pod), namespace_of(other)) ||
		    (!keeps_off(pod, other, &topology) && !keeps_off(other, pod, &topology)))
			continue;
		judge_about(j, pod);
		judge_about(j, other);
		err_set(why, ERR_CONFLICT, "pod %.*s was bound to %s by %s, where %.*s (%s) keeps off, by %.*s, at revision %llu",
			SPAN(pod->name), pod->bound_node, pod->bound_by, SPAN(other->name), other->bound_node,
			SPAN(topology), (unsigned long long)j->ledger.revision);
		return false;
	}
	return true;
}

bool apart_holds(struct judge *j, struct err *why)
{
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_object *now = j->ledger.changes[i].now;
		bool bound = now && is_there(now) && now->bound_revision == j->ledger.revision;
		if (bound && !is_apart(j, now, why))
			return false;
	}
	return true;
}
