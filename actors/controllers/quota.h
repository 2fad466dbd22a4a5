/* The actor of kind "resource-quota": counts what quotas limit when one is
 * made or changed, and when something is given back. What is made is charged
 * by the write path. Follows every stream. */
#ifndef CONTROLLERS_QUOTA_H
#define CONTROLLERS_QUOTA_H

#include "actors/runtime/actor.h"

extern const struct actor_spec quota_actor;

#endif
