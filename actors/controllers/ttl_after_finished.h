/* Finished jobs go when their time has come. Component
 * `ttl-after-finished-controller`. */
#ifndef CONTROLLERS_TTL_AFTER_FINISHED_H
#define CONTROLLERS_TTL_AFTER_FINISHED_H

#include "actors/runtime/actor.h"

extern const struct actor_spec ttl_after_finished_actor;

#endif
