/* The actor of kind "daemonset": DaemonSets have a pod on each node that is
 * meant. Follows daemon sets, pods, nodes and ControllerRevisions; makes and
 * deletes pods, keeps revisions; writes status; tells Events. */
#ifndef CONTROLLERS_DAEMONSET_H
#define CONTROLLERS_DAEMONSET_H

#include "actors/runtime/actor.h"

extern const struct actor_spec daemonset_actor;

#endif
