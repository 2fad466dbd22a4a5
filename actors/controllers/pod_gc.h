/* Pods that nobody else would end: of nodes that are gone or out of service,
 * deleted before they had a node, and the oldest of too many that have ended.
 * Component `pod-garbage-collector`.
 *
 * Config: `terminated-pods`, how many of those are kept. */
#ifndef CONTROLLERS_POD_GC_H
#define CONTROLLERS_POD_GC_H

#include "actors/runtime/actor.h"

extern const struct actor_spec pod_gc_actor;

#endif
