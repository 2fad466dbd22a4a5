/* An actor that fails on demand, for the end-to-end tests of supervision: only
 * a real process can be aborted, hang or be poisoned for real. `kind: faulty`
 * in a config; hidden from the help, and nothing that people need.
 *
 * faulty.do (send) and faulty.ask (request) with `what`:
 *   note        counts it; `inspect` shows the count
 *   crash       the turn fails, every time; crash-once: the first time
 *   abort       takes the process along; hang: never ends
 *   stop        the actor stops itself
 *   lose        sends a message to an actor that does not exist
 *   order       sends 300 commands (faulty.order) to the actor "other", which
 *               counts them; counts those that it was told of */
#ifndef TOOLS_FAULTY_H
#define TOOLS_FAULTY_H

#include "actors/runtime/actor.h"

extern const struct actor_spec faulty_actor;
extern const struct msg_table faulty_messages;

#endif
