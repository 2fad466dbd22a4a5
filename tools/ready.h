/* The actor that says when the cluster can be used: the API listens and all
 * configured nodes are Ready. It tells the parent once, over the descriptor
 * in TROUPE_NOTIFY_FD. Config: nodes (list of names). */
#ifndef TOOLS_READY_H
#define TOOLS_READY_H

#include "actors/runtime/actor.h"
#include "actors/runtime/port.h"

extern const struct actor_spec ready_actor;
extern const struct port_driver notify_port_driver; /* call op 1: write the payload */

#endif
