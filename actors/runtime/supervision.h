/* How often something may fail, and how long it then waits: OTP's restart
 * intensity, with a backoff that grows. The same bookkeeping serves all three
 * failure domains: an actor in its cell, a cell in its process, a process
 * under `troupe up`. Pure: the clock and chance come as arguments.
 *
 *	actor fails  ──► restarted after a backoff; more than `intensity` times
 *	                 within `window`: its cell fails
 *	cell fails   ──► its loop begins again; too often: its process ends
 *	process ends ──► the parent starts it again; too often: `troupe up` ends
 *
 * Source: Erlang/OTP's supervisor (restart strategies, intensity and period). */
#ifndef RUNTIME_SUPERVISION_H
#define RUNTIME_SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"

/* Who begins again when one fails: it alone, everybody in the cell, or it and
 * those that were started after it. */
enum restart_strategy { RESTART_ONE_FOR_ONE, RESTART_ONE_FOR_ALL, RESTART_REST_FOR_ONE };

/* Which end of an actor is followed by a new beginning: every one, a failure
 * only, none. An actor that was stopped by others stays stopped. */
enum restart_kind { RESTART_PERMANENT, RESTART_TRANSIENT, RESTART_TEMPORARY };

enum { RESTART_INTENSITY_MAX = 1000 };

struct restart_policy {
	enum restart_strategy strategy;
	unsigned intensity; /* restarts within the window, at most */
	uint64_t window_us;
	uint64_t backoff_min_us, backoff_max_us; /* doubled from one to the other */
};

/* one-for-one, 5/30s, 100ms..30s */
extern const struct restart_policy restart_policy_default;

/* "one-for-all" and its kin, "transient" and its kin. False: no such word. */
bool restart_strategy_of(struct span word, enum restart_strategy *out);
bool restart_kind_of(struct span word, enum restart_kind *out);

/* The failures of one thing. Zeroed: none yet. */
struct failures {
	uint64_t *at; /* a ring of the newest `intensity` times; made with the first */
	unsigned count, next;
	uint64_t last_us, backoff_us;
};

/* Notes one. True: it is one more than the policy allows. */
bool failures_add(struct failures *f, const struct restart_policy *p, uint64_t now_us);
/* How long to wait now, with a jitter of a fifth drawn from `random`. Grows
 * with each call; begins again when the last failure is a window ago. */
uint64_t failures_backoff(struct failures *f, const struct restart_policy *p, uint64_t random);
void failures_fini(struct failures *f);

#endif
