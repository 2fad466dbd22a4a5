/* Pods leave nodes whose NoExecute taints they do not tolerate, or not for
 * longer. Component `taint-eviction-controller`. */
#ifndef CONTROLLERS_TAINT_EVICTION_H
#define CONTROLLERS_TAINT_EVICTION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec taint_eviction_actor;

#endif
