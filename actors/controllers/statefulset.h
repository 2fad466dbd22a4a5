/* The actor of kind "statefulset": StatefulSets have pods that are told apart
 * by a number, made and replaced in order, each with claims of its own.
 * Follows stateful sets, pods, ControllerRevisions and claims; makes and
 * deletes pods, makes claims; writes status; tells Events. */
#ifndef CONTROLLERS_STATEFULSET_H
#define CONTROLLERS_STATEFULSET_H

#include "actors/runtime/actor.h"

extern const struct actor_spec statefulset_actor;

#endif
