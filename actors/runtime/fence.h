/* Singletons, by lease and fence. A fence is a plain key that each incarnation
 * of an actor writes when it begins, with its name in it; the key's version is
 * its token. The store refuses every transaction that carries an older one
 * (ERR_FENCED), so what a former incarnation had on its way never happens once
 * the next one has begun.
 *
 *   TAKING ──nobody has it, or we had──► TAKEN: active
 *    ▲  └────another has it───► WAITING ─┐
 *    └── he is gone, or FENCE_LOOK_S ────┘
 *
 * The lease is the holder's session with the broker, which its cell's pings
 * keep: who waits monitors him (ctx_monitor), takes the fence when he ends,
 * crashes or falls silent, and no singleton renews anything. No clock is
 * compared with another one. The monitor may be wrong, the fence never: it
 * changes hands by a compare with the version that was seen, and a holder who
 * does not know yet learns it from his next write, or when his cell has a
 * session again.
 *
 * How long nobody is active: after an orderly end, a crash, or the restart of
 * his process, one round to the store (milliseconds); when his cell is silent,
 * ROUTER_SILENCE_US (6 s) and that round. Who waits looks at the key every
 * FENCE_LOOK_S besides, should a word have been lost.
 *
 * What that one had done before is in the store, but not yet in our views:
 * a view outlives its actors, and its last events may be late or lost. A plan
 * made then would do it all again. So the fence holds only when the views show
 * what the store had when it was taken.
 * Source of the idea: fencing tokens (M. Kleppmann, 2016; Chubby's
 * sequencers, 2006).
 *
 *	init:       ctx_follow..., then fence_take(c, &f, "replication", views, n)
 *	            (the turn's transaction)
 *	on_outcome, on_reply, on_timer of FENCE_TAG: fence_on_outcome and its kin;
 *	on_down:    fence_on_down
 *	            then, and after every on_view turn: fence_holds(&f)?
 *	each write: w->fence_key = span_of(f.key), w->fence_token = f.token
 *	fini:       fence_fini(&f)
 *
 * ERR_FENCED in an outcome: return it from the turn, and begin anew. */
#ifndef RUNTIME_FENCE_H
#define RUNTIME_FENCE_H

#include "actors/runtime/actor.h"

enum { FENCE_KEY_MAX = 300, FENCE_LOOK_S = 10 };
#define FENCE_TAG UINT64_MAX /* of its outcome, replies and timers */

struct fence {
	char key[FENCE_KEY_MAX]; /* "fences/NAME" */
	uint64_t token;          /* 0: not taken yet */
	uint64_t seen;		 /* the key's version, as far as we know; 0: none */
	char *holder;		 /* we wait for his end; NULL: we do not wait */
	uint64_t timer;		 /* while we wait */
	struct view *const *views;
	size_t view_count;
	unsigned unanswered; /* checks in a row: each waits twice as long */
	uint64_t *floors; /* what each view must show; NULL: not known yet */
};

/* `views`: those that the actor plans from; the array is borrowed until fini. */
void fence_take(struct ctx *c, struct fence *f, const char *name, struct view *const *views,
		size_t view_count);
/* 0, or ERR_IO: return it from the turn, to begin anew. */
int fence_on_outcome(struct ctx *c, struct fence *f, const struct store_outcome *o);
void fence_on_reply(struct ctx *c, struct fence *f, const struct reply *r);
void fence_on_timer(struct ctx *c, struct fence *f);
/* Any on_down turn may be given to it. */
void fence_on_down(struct ctx *c, struct fence *f, struct span who);
/* Whether it is time to plan: the token is ours, all views are synced and show
 * what was there before it. Not while a view lists again. */
bool fence_holds(struct fence *f);
/* Appends a key and a value to a map: "role", active or waits for whom. */
void fence_inspect(const struct fence *f, struct buf *out);
void fence_fini(struct fence *f);

#endif
