/* Ephemeral volumes of pods: each has a claim of its own, "POD-VOLUME", which is
 * made from the pod's template, is owned by the pod and goes with it. */
#ifndef CONTROLLERS_EPHEMERAL_VOLUME_H
#define CONTROLLERS_EPHEMERAL_VOLUME_H

#include "actors/runtime/actor.h"

extern const struct actor_spec ephemeral_volume_actor;

#endif
