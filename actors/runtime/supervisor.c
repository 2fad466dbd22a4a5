/* The supervisor of a cell's actors, as OTP has it.
 *
 *   turn fails, killed ──► report, state dropped ──► temporary: gone
 *                                                └─► others: after a backoff
 *                                                    from `init` again
 *   more often than the policy allows ──► the cell fails: ops.escalate
 *   what `init` finds is damaged, or of
 *   another version ──► at once; that is no better the next time
 *
 * By the cell's strategy others begin again with it. They are dropped as if
 * they had failed too, newest first, and not stopped: a node agent's `stop`
 * ends its pods, and nobody asked for that. What others sent them waits.
 *
 * Failures are counted per actor, not per cell as OTP does: among five
 * thousand node agents on one cell five that fail once each are no pattern. */
#include "actors/runtime/cell_private.h"

#include "broker/base/log.h"

/* ---- beginning again */

static void restart_after(struct cell *c, struct actor *a, uint64_t delay_us)
{
	a->restarts++;
	timer_add(c, c->ops.now_us(c->ops.arg) + delay_us, a->uid, 0, ++c->next_id);
}

/* Who failed is down already. Timers that are due together fire in the order
 * in which they were set: that of the first start. */
static void restart_group(struct cell *c, struct actor *failed, uint64_t delay_us)
{
	struct actor *first = c->policy.strategy == RESTART_ONE_FOR_ALL ? c->oldest : failed;
	for (struct actor *a = c->newest; a; a = a == first ? NULL : a->older)
		if (a != failed)
			actor_down(c, a, ERR_CRASHED);
	for (struct actor *a = first; a; a = a->newer)
		restart_after(c, a, delay_us);
}

static void begin_again(struct cell *c, struct actor *a, const char *why, bool hopeless)
{
	uint64_t random = c->ops.random(c->ops.arg), now = c->ops.now_us(c->ops.arg);
	bool often = failures_add(&a->failures, &c->policy, now);
	uint64_t delay_us = failures_backoff(&a->failures, &c->policy, random);
	if (c->policy.strategy == RESTART_ONE_FOR_ONE)
		restart_after(c, a, delay_us);
	else
		restart_group(c, a, delay_us);
	if (!(often || hopeless) || c->failed || !c->ops.escalate)
		return;
	c->failed = true;
	c->ops.escalate(c->ops.arg, a->name, why, hopeless);
}

void actor_fail(struct cell *c, struct actor *a, const struct crash *crash)
{
	report_crash(c, a, crash);
	if (a->restart == RESTART_TEMPORARY || c->ending) {
		actor_stopped(c, a, ERR_CRASHED);
		return;
	}
	actor_down(c, a, ERR_CRASHED);
	begin_again(c, a, crash->why, crash->hopeless);
}

/* ---- ends that somebody wanted */

void actor_stop(struct cell *c, struct actor *a, bool by_itself)
{
	if (a->stopping)
		return;
	a->stopping = true;
	a->leaving = by_itself;
	actor_queue(c, a, item_new(ITEM_STOP, (struct span){0}));
}

/* The newest one that is up; those that are down have nothing to stop. */
static void stop_newest(struct cell *c)
{
	while (c->newest && !c->newest->state)
		actor_end(c, c->newest, ERR_CLOSED);
	if (c->newest)
		actor_stop(c, c->newest, false);
}

void actor_stopped(struct cell *c, struct actor *a, int reason)
{
	bool again = a->leaving && a->restart == RESTART_PERMANENT && !c->ending;
	if (again) {
		a->stopping = a->leaving = false;
		actor_down(c, a, reason);
		begin_again(c, a, "it ended by itself, and is permanent", false);
		return;
	}
	actor_end(c, a, reason);
	if (c->ending)
		stop_newest(c);
}

void cell_stop(struct cell *c)
{
	c->ending = true;
	stop_newest(c);
}
