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
	{"", "persistentvolumes", &strategy_persistentvolume},
	{"", "persistentvolumeclaims", &strategy_persistentvolumeclaim},
	{"", "resourcequotas", &strategy_resourcequota},
	{"", "limitranges", &strategy_limitrange},
	{"", "podtemplates", &strategy_podtemplate},
	{"apps", "deployments", &strategy_deployment},
	{"apps", "replicasets", &strategy_replicaset},
	{"apps", "daemonsets", &strategy_daemonset},
	{"apps", "statefulsets", &strategy_statefulset},
	{"apps", "controllerrevisions", &strategy_controllerrevision},
	{"batch", "jobs", &strategy_job},
	{"batch", "cronjobs", &strategy_cronjob},
	{"autoscaling", "horizontalpodautoscalers", &strategy_autoscaler},
	{"policy", "poddisruptionbudgets", &strategy_poddisruptionbudget},
	{"events.k8s.io", "events", &strategy_event},
	{"networking.k8s.io", "ingresses", &strategy_ingress},
	{"networking.k8s.io", "ingressclasses", &strategy_ingressclass},
	{"networking.k8s.io", "networkpolicies", &strategy_networkpolicy},
	{"rbac.authorization.k8s.io", "roles", &strategy_role},
	{"rbac.authorization.k8s.io", "clusterroles", &strategy_clusterrole},
	{"rbac.authorization.k8s.io", "rolebindings", &strategy_rolebinding},
	{"rbac.authorization.k8s.io", "clusterrolebindings", &strategy_clusterrolebinding},
	{"storage.k8s.io", "storageclasses", &strategy_storageclass},
	{"storage.k8s.io", "volumeattachments", &strategy_volumeattachment},
	{"storage.k8s.io", "csidrivers", &strategy_csidriver},
	{"storage.k8s.io", "csinodes", &strategy_csinode},
	{"scheduling.k8s.io", "priorityclasses", &strategy_priorityclass},
	{"node.k8s.io", "runtimeclasses", &strategy_runtimeclass},
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
