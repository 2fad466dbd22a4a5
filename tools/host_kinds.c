/* What Troupe's processes know: kinds of actors, drivers of their ports, messages. */
#include <string.h>

#include "actors/access/signer_port.h"
#include "actors/api/api.h"
#include "actors/api/http_port.h"
#include "actors/api/messages.h"
#include "actors/controllers/bootstrap.h"
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
#include "actors/controllers/kubernetes_service.h"
#include "actors/controllers/namespace_deletion.h"
#include "actors/controllers/namespaces.h"
#include "actors/controllers/node_lifecycle.h"
#include "actors/controllers/pod_gc.h"
#include "actors/controllers/persistentvolume.h"
#include "actors/controllers/quota.h"
#include "actors/controllers/replication.h"
#include "actors/controllers/statefulset.h"
#include "actors/controllers/taint_eviction.h"
#include "actors/controllers/tokens.h"
#include "actors/controllers/selector_overlap.h"
#include "actors/controllers/ttl_after_finished.h"
#include "actors/controllers/volume_protection.h"
#include "actors/gate/event_expiry.h"
#include "actors/gate/gate.h"
#include "actors/gate/messages.h"
#include "actors/runtime/messages.h"
#include "actors/runtime/store_actor.h"
#include "actors/scheduler/scheduler.h"
#include "nodes/messages.h"
#include "nodes/node_agent.h"
#include "nodes/probes/probe_port.h"
#include "nodes/proxy/service_proxy.h"
#include "nodes/proxy/userspace.h"
#include "nodes/runtime_oci.h"
#include "nodes/runtime_process.h"
#include "nodes/static/static_port.h"
#include "nodes/volume_port.h"
#include "tools/faulty.h"
#include "tools/ready.h"
#include "tools/host_private.h"

const struct actor_spec *const host_kinds[] = {
	&store_actor,
	&gate_actor,
	&scheduler_actor,
	&api_actor,
	&node_agent_actor,
	&service_proxy_actor,
	&ready_actor,
	&namespaces_actor,
	&bootstrap_actor,
	&clusterrole_aggregation_actor,
	&tokens_actor,
	&namespace_deletion_actor,
	&kubernetes_service_actor,
	&replication_actor,
	&replicaset_actor,
	&deployment_actor,
	&daemonset_actor,
	&statefulset_actor,
	&disruption_actor,
	&job_actor,
	&ttl_after_finished_actor,
	&selector_overlap_actor,
	&cronjob_actor,
	&endpoints_actor,
	&garbage_actor,
	&quota_actor,
	&node_lifecycle_actor,
	&taint_eviction_actor,
	&pod_gc_actor,
	&persistentvolume_actor,
	&host_path_actor,
	&pvc_protection_actor,
	&pv_protection_actor,
	&ephemeral_volume_actor,
	&event_expiry_actor,
	&faulty_actor,
	NULL,
};

const struct port_driver *const host_drivers[] = {
	&journal_port_driver, &http_port_driver, &notify_port_driver, &runtime_process_port_driver,
	&runtime_oci_port_driver,
	&proxy_userspace_port_driver, &signer_port_driver, &volume_port_driver,
	&probe_port_driver, &static_port_driver,
	NULL,
};

static const struct msg_table *const tables[] = {
	&broker_messages, &runtime_messages, &api_messages, &gate_messages, &node_messages,
	&faulty_messages, NULL,
};

static const struct catalogue catalogue = {tables};

_Static_assert(sizeof host_kinds / sizeof *host_kinds <= HOST_KINDS_MAX, "kinds");

bool host_has_kind(const char *kind)
{
	for (size_t i = 0; host_kinds[i]; i++)
		if (strcmp(host_kinds[i]->kind, kind) == 0)
			return true;
	return false;
}

const struct catalogue *host_catalogue(void)
{
	return &catalogue;
}
