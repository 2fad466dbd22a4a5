/* Clients of the store in a simulated cluster, for history checkers: each
 * reads and writes registers, adds to a set and moves money, one operation
 * after another. What they saw is kept outside of them. */
#ifndef CHAOS_CLIENTS_H
#define CHAOS_CLIENTS_H

#include "actors/runtime/actor.h"
#include "tools/chaos/client_history.h"
#include "tools/chaos/script.h"

extern const struct actor_spec chaos_client_actor;

/* Shared with them as "client-book". */
struct client_book {
	struct client_history *history;
	const struct script *script;
	uint64_t unique;
	bool begun; /* they wait for it */
};

/* Of the log: a key that clients write, and its value. */
bool client_key(struct span key);
uint64_t client_value(struct span value);
/* A read of all accounts that found money found all of it. False: `op` did not. */
bool client_money_conserved(const struct client_history *h, size_t *op);
/* Which checker an operation belongs to. */
enum checker client_checker(const struct client_op *o);

#endif
