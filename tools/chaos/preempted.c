#include "tools/chaos/preempted.h"

#define SPAN(s) (int)(s).len, (const char *)(s).data

static int64_t priority_of(const struct led_object *pod)
{
	return mp_path_int(mp_of_bytes(pod->value), "spec.priority", 0);
}

static bool waits_for(const struct led_object *pod, const struct led_object *victim)
{
	return !pod->pod.bound && led_pod_lives(pod) && priority_of(pod) > priority_of(victim) &&
	       span_is(mp_path_str(mp_of_bytes(pod->value), "status.nominatedNodeName"), victim->bound_node);
}

static bool leaves_for_somebody(struct judge *j, const struct led_object *victim)
{
	for (struct onode *it = ledger_first(&j->ledger, "pods/"); it; it = ledger_next(it, "pods/"))
		if (waits_for(it->value, victim))
			return true;
	return false;
}

bool preempted_hold(struct judge *j, struct err *why)
{
	if (!span_is(j->ledger.record.origin.principal, "system:kube-scheduler"))
		return true;
	for (size_t i = 0; i < j->ledger.change_count; i++) {
		const struct led_change *x = &j->ledger.changes[i];
		bool leaves = x->was && x->was->is_pod && !x->was->pod.deleted && (!x->now || x->now->pod.deleted);
		if (!leaves || leaves_for_somebody(j, x->was))
			continue;
		judge_about(j, x->was);
		err_set(why, ERR_CONFLICT,
			"pod %.*s on %s, of priority %lld, was deleted by the scheduler for nobody of a higher one, at revision %llu",
			SPAN(x->was->name), x->was->bound_node, (long long)priority_of(x->was),
			(unsigned long long)j->ledger.revision);
		return false;
	}
	return true;
}
