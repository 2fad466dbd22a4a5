/* The first things in a cluster: the four namespaces that everybody expects
 * (default, kube-system, kube-public, kube-node-lease), and in every
 * namespace the service account "default".
 *
 * Level triggered: whatever is missing is made, whoever took it away. Of
 * several one works (fences/namespaces): the gate makes what it asks for, and
 * as the names are fixed, a second of each is refused. Stores nothing else;
 * after a crash it looks again. */
#ifndef CONTROLLERS_NAMESPACES_H
#define CONTROLLERS_NAMESPACES_H

#include "actors/runtime/actor.h"

extern const struct actor_spec namespaces_actor;

#endif
