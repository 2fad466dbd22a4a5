/* Which endpoint takes the next connection of a listener.
 *
 * Strict round robin: each endpoint once, in their order, then again. The
 * turn is remembered as an address, so that a change of the endpoints goes on
 * behind the one that was used last. An endpoint that refuses is passed over:
 * the connection tries the ones behind it, each once. With affinity a client
 * stays with its endpoint while that is there and it comes often enough.
 *
 * Pure; times are seconds of any monotonic clock. One owner, no threads. */
#ifndef PROXY_BALANCER_H
#define PROXY_BALANCER_H

#include "broker/base/omap.h"
#include "nodes/proxy/proxy_plan.h"

enum { BALANCER_CLIENTS_MAX = 10000 }; /* remembered; then the one unseen longest is forgotten */

struct balancer_client;

/* A zeroed balancer is ready for use and has no endpoints. */
struct balancer {
	struct proxy_address *endpoints; /* sorted */
	size_t count;
	size_t next;               /* whose turn it is */
	struct proxy_address last; /* who had the last turn */
	uint32_t affinity_s;
	struct omap clients; /* ip -> struct balancer_client */
	struct balancer_client *oldest, *newest;
};

/* One connection's way through the endpoints. */
struct balancer_pick {
	struct proxy_address client, first, current;
	size_t tried;
};

/* `endpoints` (sorted, distinct) are copied. */
void balancer_set(struct balancer *b, const struct proxy_address *endpoints, size_t count,
		  uint32_t affinity_s);
/* The endpoint for a new connection; NULL: there is none. Valid until the set
 * changes. Only the address of `client` counts, not its port. */
const struct proxy_address *balancer_first(struct balancer *b, struct balancer_pick *pick,
					   const struct proxy_address *client, uint64_t now_s);
/* That one failed: the next; NULL: all were tried. */
const struct proxy_address *balancer_again(struct balancer *b, struct balancer_pick *pick,
					   uint64_t now_s);
bool balancer_has(const struct balancer *b, const struct proxy_address *endpoint);
void balancer_fini(struct balancer *b);

#endif
