/* The gate: the way into the store for node agents and foreign programs.
 * Config: accounts (a PEM file): the key that signs tokens of pods; absent: there are none.
 *
 * Decides nothing about the cluster: it checks who asks, and writes what is
 * asked by the same rules as the API (actors/objects). Messages in
 * messages.c. It stores nothing of its own; after a crash its askers ask
 * again (their requests are answered CRASHED). */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "actors/runtime/actor.h"

extern const struct actor_spec gate_actor;

#endif
