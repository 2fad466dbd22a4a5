/* Events do not stay: one that nobody has told for an hour is deleted, and so are
 * the oldest when there are too many. Up to a hundred go in one transaction, which
 * rests on each at the version that was seen: one that was told again meanwhile
 * stays.
 *
 * Config: event-seconds (3600), events-kept (50000). */
#ifndef GATE_EVENT_EXPIRY_H
#define GATE_EVENT_EXPIRY_H

#include "actors/runtime/actor.h"

extern const struct actor_spec event_expiry_actor;

#endif
