/* The broker's mind: sessions, names, and where a frame goes. Pure: sockets
 * and clocks are behind `struct router_ops`, so that production (serve.c) and
 * the simulator run the very same code. It keeps nothing that hellos do not
 * bring back: it may be killed at any moment.
 *
 * A *session* is one cell's connection, opened by session.hello and named by
 * an epoch that every later envelope must carry. A *name* belongs to the
 * session that registered it last; the former owner is told session.bye, and
 * again when the name is free.
 * A session has *credit*: so many bytes may be on their way to it. It says
 * what it has taken (session.credit, and with each ping); a pong says what was
 * sent, because what came before the pong came or is lost.
 * Nothing is queued here: a frame is handed to the socket or refused, and a
 * refused request is answered at once with ENV_ERROR. What one burst brings for
 * the same session leaves as one batch (batch.h), if the session takes those:
 * at router_flush, which the caller owes after each burst, or sooner.
 *
 * Frames that start with a topic (any byte under 0x80) go to the bus as they
 * are; all others are envelopes, or batches of both. Large frames are passed on
 * without a copy. */
#ifndef BROKER_ROUTER_H
#define BROKER_ROUTER_H

#include "broker/envelope.h"

struct router;

struct router_ops {
	void *arg;
	/* Never blocks. ERR_OVERLOADED: the peer's queue is full.
	 * ERR_UNREACHABLE: the peer is gone. */
	int (*send)(void *arg, uint64_t peer, struct bytes *frame);
	/* To all who subscribed to the frame's topic; lossy. The frame is not looked
	 * at: it is as `trusted` as the one that it came in. */
	void (*publish)(void *arg, struct bytes *frame, bool trusted);
	/* A message that nobody got, and why; a request is answered besides. May
	 * be NULL. */
	void (*dead)(void *arg, const struct envelope *env, int code);
};

struct router_stats {
	uint64_t routed, published; /* handed on; one by one, also out of batches */
	uint64_t refused_full, refused_gone; /* answered or dead letters */
	uint64_t refused_credit;             /* of refused_full: its window was used up */
	uint64_t strangers;                  /* frames without a session */
	uint64_t malformed, stale, forged;
	uint64_t batches; /* that came */
	uint64_t sessions, names;
};

enum {
	/* Requests and sends on their way to a session, in bytes: beyond that
	 * they are refused as if its queue were full. Answers always go: their
	 * number is the session's own doing. */
	ROUTER_WINDOW_BYTES = 8 * 1024 * 1024,
	ROUTER_PING_US = 1000000,
	ROUTER_SILENCE_US = 6000000, /* after that a session is over */
};

/* `seed` makes epochs differ between incarnations of the broker. */
struct router *router_new(const struct router_ops *ops, uint32_t cluster, uint64_t seed);
void router_free(struct router *r);

/* One frame of a peer. `trusted`: from our own process (not checked whole). */
void router_on_frame(struct router *r, uint64_t peer, struct bytes *frame, bool trusted,
		     uint64_t now_us);
/* A peer's request is answered with that error, as if its receiver could not
 * be reached: for fault filters. What is no request: nothing happens. */
void router_refuse(struct router *r, uint64_t peer, struct bytes *frame, int code);
/* Nothing more to be read for now: what waits for each session leaves. */
void router_flush(struct router *r);
/* Somebody subscribed to a topic: the store is asked to publish its head. Who
 * wants notices is counted, and cells are told with their pongs. */
void router_on_subscribe(struct router *r, struct span topic);
void router_on_unsubscribe(struct router *r, struct span topic);
/* Ends sessions that were silent too long. Call it every second or so. */
void router_tick(struct router *r, uint64_t now_us);
const struct router_stats *router_stats(const struct router *r);

#endif
