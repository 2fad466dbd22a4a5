/* The actors of kinds "replication" and "replicaset": ReplicationControllers
 * and ReplicaSets have as many pods as they ask for. Each follows its owners
 * and pods; makes, deletes, adopts and lets go of pods; writes status; tells
 * Events. */
#ifndef CONTROLLERS_REPLICATION_H
#define CONTROLLERS_REPLICATION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec replication_actor, replicaset_actor;

#endif
