/* Which strategy a resource has: one table. */
#include "actors/objects/strategy.h"

const struct strategy strategy_plain = {.unconditional_update = true};

static const struct {
	const char *group, *resource;
	const struct strategy *strategy;
} table[] = {
	{"", "pods", &strategy_pod},
	{"", "namespaces", &strategy_namespace},
	{"", "nodes", &strategy_node},
	{"", "configmaps", &strategy_configmap},
	{"", "secrets", &strategy_secret},
	{"", "serviceaccounts", &strategy_serviceaccount},
	{"", "events", &strategy_event},
	{"coordination.k8s.io", "leases", &strategy_lease},
	{"", "replicationcontrollers", &strategy_replicationcontroller},
	{"", "services", &strategy_service},
	{"", "endpoints", &strategy_endpoints},
	{"discovery.k8s.io", "endpointslices", &strategy_endpointslice},
};

void objects_install(struct schema *s)
{
	for (size_t i = 0; i < schema_count(s); i++) {
		const struct schema_resource *r = schema_row(s, i);
		for (size_t k = 0; k < sizeof table / sizeof *table; k++)
			if (strcmp(table[k].group, r->group) == 0 &&
			    strcmp(table[k].resource, r->resource) == 0)
				schema_set_strategy(s, r, table[k].strategy);
	}
}
