/* Whether nodes live: those that are silent for longer than the grace are
 * Unknown, their pods not ready, and they are tainted and emptied. Component
 * `node-controller`.
 *
 * Config: `node-grace` and `node-eviction-rate` (the time between two nodes of a
 * zone that are emptied; 0: none ever is), both in microseconds. */
#ifndef CONTROLLERS_NODE_LIFECYCLE_H
#define CONTROLLERS_NODE_LIFECYCLE_H

#include "actors/runtime/actor.h"

extern const struct actor_spec node_lifecycle_actor;

#endif
