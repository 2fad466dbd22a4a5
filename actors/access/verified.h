/* Tokens whose signature was verified already: a client sends the same one
 * with every request. FIFO of VERIFIED_MAX. One owner, no threads. */
#ifndef ACCESS_VERIFIED_H
#define ACCESS_VERIFIED_H

#include "actors/access/jwt.h"
#include "broker/base/omap.h"

enum { VERIFIED_MAX = 1024 };

struct verified {
	struct omap by_token;		  /* -> struct bytes: the payload */
	struct bytes *ring[VERIFIED_MAX]; /* tokens, oldest at `at` */
	size_t at;
};

/* The payload of a token that the key has signed; empty: it has not, or there is
 * no key. Valid until the next call. */
struct span verified_find(struct verified *v, const struct jwt_key *k, struct span token);
void verified_fini(struct verified *v);

#endif
