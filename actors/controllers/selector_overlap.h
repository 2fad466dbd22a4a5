/* Whoever makes pods is told, by an Event (SelectorOverlap), when its selector
 * takes in the pods of somebody else: neither adopts the other's, which have a
 * controller, but who looks for pods by labels finds both. Kubernetes leaves
 * that to its users. Component `selector-overlap-controller`; writes nothing. */
#ifndef CONTROLLERS_SELECTOR_OVERLAP_H
#define CONTROLLERS_SELECTOR_OVERLAP_H

#include "actors/runtime/actor.h"

extern const struct actor_spec selector_overlap_actor;

#endif
