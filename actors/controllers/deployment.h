/* The actor of kind "deployment": Deployments have replica sets of their
 * template, rolled or made anew when it changes. Follows deployments, replica
 * sets and pods; makes, scales, annotates, adopts and deletes replica sets;
 * writes status and the revision; tells Events. */
#ifndef CONTROLLERS_DEPLOYMENT_H
#define CONTROLLERS_DEPLOYMENT_H

#include "actors/runtime/actor.h"

extern const struct actor_spec deployment_actor;

#endif
