/* The actor of kind "garbage-collector": what has lost its owners goes, and
 * deletions that wait for dependants end (Kubernetes' three policies:
 * background, foreground, orphan). Follows every stream. */
#ifndef CONTROLLERS_GARBAGE_H
#define CONTROLLERS_GARBAGE_H

#include "actors/runtime/actor.h"

extern const struct actor_spec garbage_actor;

#endif
