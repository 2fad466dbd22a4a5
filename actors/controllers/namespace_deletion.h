/* The actor of kind "namespace-deletion": a namespace that is deleted is
 * emptied, and goes when it is empty. Follows every stream. */
#ifndef CONTROLLERS_NAMESPACE_DELETION_H
#define CONTROLLERS_NAMESPACE_DELETION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec namespace_deletion_actor;

#endif
