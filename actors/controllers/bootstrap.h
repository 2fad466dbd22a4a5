/* What a cluster begins with: the roles and bindings that Kubernetes' people
 * know (bootstrap.json), also those that other programs run by, and the priority
 * classes of the system. Each is made at a start when it is not there, what is in
 * a namespace with that, and then left alone: whoever changes one, or takes it
 * away, has it so until the next start.
 *
 * The storage class `standard` is made once in the life of a cluster, which the
 * namespace kube-system notes: who deletes it wants claims to be of no class, or
 * of another one, and that holds. A cluster that has a default class already
 * gets none. */
#ifndef CONTROLLERS_BOOTSTRAP_H
#define CONTROLLERS_BOOTSTRAP_H

#include "actors/runtime/actor.h"

struct bootstrap_object {
	const char *stream, *namespace, *name, *json; /* namespace NULL: it has none */
};

extern const struct bootstrap_object bootstrap_objects[];
extern const size_t bootstrap_count;
extern const struct actor_spec bootstrap_actor;

#endif
