/* The actor of kind "replication": ReplicationControllers have as many pods as
 * they ask for. Follows replicationcontrollers and pods; makes, deletes,
 * adopts and lets go of pods; writes status; tells Events. */
#ifndef CONTROLLERS_REPLICATION_H
#define CONTROLLERS_REPLICATION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec replication_actor;

#endif
