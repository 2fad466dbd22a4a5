/* Protection of what is in use: a claim that a pod uses, a volume that a claim is
 * bound to, stay Terminating when they are deleted until that is over.
 *
 *	not deleted ──► the finalizer is there
 *	deleted, and nobody uses it ──► the finalizer goes, and the object with it
 *
 * Whoever binds a claim puts both finalizers in the same writes, so that nothing
 * is in use without one; these two see to all others. */
#ifndef CONTROLLERS_VOLUME_PROTECTION_H
#define CONTROLLERS_VOLUME_PROTECTION_H

#include "actors/runtime/actor.h"

extern const struct actor_spec pvc_protection_actor, pv_protection_actor;

#endif
