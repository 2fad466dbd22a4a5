/* The API server as an actor: Kubernetes' REST over the port "http".
 *
 * Reads (get, list, watch) come from this cell's views, linearizable by the
 * shared heads (actors/runtime/heads.h). Writes are planned by
 * actors/objects and are one store transaction; a conflict is planned again
 * from the rows that came with it. It stores nothing: after a crash clients
 * connect again and everything is as it was.
 *
 * Config: address, cert, key, ca, accounts (files), token (the administrator's),
 * static_tokens (lines of token,user,uid,"groups"), requests-in-flight and
 * user-requests-in-flight (inflight.h). */
#ifndef API_API_H
#define API_API_H

#include "actors/runtime/actor.h"

extern const struct actor_spec api_actor;

#endif
