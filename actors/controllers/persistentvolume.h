/* Persistent volumes: claims are bound to volumes, and volumes released. What
 * is to be done is volume_plan.h. Volumes are made by provisioners, which are
 * asked by an annotation of the claim (host_path.h is one of them). */
#ifndef CONTROLLERS_PERSISTENTVOLUME_H
#define CONTROLLERS_PERSISTENTVOLUME_H

#include "actors/runtime/actor.h"

extern const struct actor_spec persistentvolume_actor;

#endif
