#include "tools/chaos/budgets.h"

#include <stdio.h>

#include "tools/chaos/endpoints.h"

#define SPAN(s) (int)(s).len, (const char *)(s).data

static const char stream[] = "poddisruptionbudgets.policy/";

static int64_t count_healthy(struct judge *j, struct mp budget)
{
	struct span namespace = mp_path_str(budget, "metadata.namespace");
	struct mp labels;
	char prefix[300];
	int64_t healthy = 0;
	if (!mp_path(budget, "spec.selector.matchLabels", &labels))
		return 0;
	snprintf(prefix, sizeof prefix, "pods/%.*s/", SPAN(namespace));
	for (struct onode *n = ledger_first(&j->ledger, prefix); n; n = ledger_next(n, prefix)) {
		const struct led_object *o = n->value;
		healthy += led_pod_lives(o) && o->pod.ready && pod_is_selected(mp_of_bytes(o->value), labels);
	}
	return healthy;
}

static bool is_exact(struct judge *j, const struct led_object *o, struct err *why)
{
	struct mp m = mp_of_bytes(o->value);
	int64_t healthy = count_healthy(j, m), says = mp_path_int(m, "status.currentHealthy", -1),
		allowed = healthy - mp_path_int(m, "status.desiredHealthy", 0);
	if (mp_path_int(m, "status.observedGeneration", -1) != mp_path_int(m, "metadata.generation", -1))
		err_set(why, ERR_AGAIN, "budget %.*s: its status is of an older generation", SPAN(o->name));
	else if (says != healthy)
		err_set(why, ERR_AGAIN, "budget %.*s says that %lld pods are healthy, and there are %lld", SPAN(o->name),
			(long long)says, (long long)healthy);
	else if (mp_path_int(m, "status.disruptionsAllowed", -1) != (allowed > 0 ? allowed : 0))
		err_set(why, ERR_AGAIN, "budget %.*s allows %lld disruptions of %lld healthy pods", SPAN(o->name),
			(long long)mp_path_int(m, "status.disruptionsAllowed", -1), (long long)healthy);
	else
		return true;
	judge_about(j, o);
	return false;
}

bool budgets_exact(struct judge *j, struct err *why)
{
	for (struct onode *n = ledger_first(&j->ledger, stream); n; n = ledger_next(n, stream))
		if (!is_exact(j, n->value, why))
			return false;
	return true;
}
