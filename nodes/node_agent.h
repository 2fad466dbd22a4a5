/* The node agent: one actor per node ("node-agent/n1").
 *
 * Follows the pods of its node (stream "pods@n1") and, where containers are
 * real, the services (for their variables), has a worker per pod
 * (pod_worker.h), carries their plans out through a runtime (runtime.h, or
 * simulated ones inside the actor) and reports through the gate: node.status,
 * pod.status, pod.finished, event.record. Answers node.logs.
 *
 * It stores nothing: after a crash it finds its pods on the machine by their
 * pauses, and what it knew of them in their status.
 * Config: node, runtime (process, sim, oci), data_dir, keep_pods; cpu, memory, pods
 * (capacity); labels, a map, of the node when it is made; of real pods (tools/places.h): address, subnet, peers [[subnet, address]...]
 * where nodes have network namespaces of their own. */
#ifndef NODES_NODE_AGENT_H
#define NODES_NODE_AGENT_H

#include "actors/runtime/actor.h"

extern const struct actor_spec node_agent_actor;

#endif
