/* Fences of singletons: a plain key that each incarnation of an actor writes
 * when it begins; the key's version is its token. The store refuses every
 * transaction that carries an older one (ERR_FENCED), so what a former
 * incarnation had on its way never happens once the next one has begun.
 * Source of the idea: fencing tokens (M. Kleppmann, 2016; Chubby's
 * sequencers, 2006).
 *
 *	init:        fence_take(c, &f, "replication", TAG)   the turn's transaction
 *	on_outcome:  rc = fence_taken(&f, outcome)            of that tag
 *	each write:  w->fence_key = span_of(f.key), w->fence_token = f.token
 *
 * ERR_FENCED in an outcome: return it from the turn, and begin anew. */
#ifndef RUNTIME_FENCE_H
#define RUNTIME_FENCE_H

#include "actors/runtime/actor.h"

enum { FENCE_KEY_MAX = 300 };

struct fence {
	char key[FENCE_KEY_MAX]; /* "fences/NAME" */
	uint64_t token;          /* 0: not taken yet */
};

void fence_take(struct ctx *c, struct fence *f, const char *name, uint64_t tag);
/* 0, or ERR_IO: return it from the turn, to begin anew. */
int fence_taken(struct fence *f, const struct store_outcome *o);

#endif
