/* The queue: pods that are active, in their order; and those that are parked until something has
 * changed that may help them. */
#include "actors/scheduler/scheduler_private.h"
#include "broker/base/planted.h"

static bool finished(struct mp pod)
{
	struct span phase = mp_path_str(pod, "status.phase");
	return span_is(phase, "Succeeded") || span_is(phase, "Failed");
}

bool pod_waits(const struct scheduler *s, struct mp pod)
{
	struct mp gates;
	size_t gated = 0;
	if (mp_path(pod, "spec.schedulingGates", &gates) && mp_array(&gates, &gated) == 0 &&
	    gated > 0)
		return false;
	return !mp_path_str(pod, "spec.nodeName").len && !finished(pod) &&
	       span_is(mp_path_str(pod, "spec.schedulerName"), s->name) &&
	       !mp_path_str(pod, "metadata.deletionTimestamp").len;
}

bool pod_is_leaving(const struct pod *p)
{
	return mp_path_str(mp_of_bytes(p->object), "metadata.deletionTimestamp").len > 0;
}

struct span pod_takes_room_on(struct bytes *object)
{
	return finished(mp_of_bytes(object)) ? (struct span){0}
					     : mp_path_str(mp_of_bytes(object), "spec.nodeName");
}

/* ---- active */

void queue_take(struct scheduler *s, struct pod *p)
{
	if (p->order)
		omap_remove(&s->queue, bytes_span(p->order));
	bytes_unref(p->order);
	p->order = NULL;
	if (p->state == POD_PARKED)
		s->parked--;
}

void queue_run(struct ctx *c, struct scheduler *s)
{
	if (s->moved) { /* a pod has come to a node */
		s->moved = false;
		queue_wake(c, s, false);
	}
	if (s->running || (!s->queue.count && !evict_is_due(s)) || !fence_holds(&s->fence))
		return;
	s->running = true;
	ctx_timer(c, 0, TAG_NEXT);
}

/* Highest priority first, then the oldest, then by key. */
void queue_put(struct ctx *c, struct scheduler *s, struct pod *p)
{
	struct span made = mp_path_str(mp_of_bytes(p->object), "metadata.creationTimestamp");
	uint64_t rank = (uint64_t)(INT64_MAX / 2 - p->priority);
	struct buf order = {0};
	queue_take(s, p);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_putc(&order, (char)(rank >> shift));
	buf_append(&order, made.data, made.len);
	buf_puts(&order, p->key);
	p->order = bytes_take(&order);
	p->state = POD_ACTIVE;
	p->trace = ctx_trace(c);
	omap_put(&s->queue, bytes_span(p->order), p);
	queue_run(c, s);
}

/* Something changed that may help those that found no place: they try again, all of them or
 * those that ask for other pods. */
void queue_wake(struct ctx *c, struct scheduler *s, bool all)
{
	s->moves++;
	if (!s->parked || PLANTED(NEVER_UNPARKED))
		return;
	for (struct onode *n = omap_first(&s->pods); n; n = omap_next(n)) {
		struct pod *p = n->value;
		if (p->state == POD_PARKED && (all || p->asks))
			queue_put(c, s, p);
	}
}

void queue_wake_all(struct ctx *c, struct scheduler *s)
{
	queue_wake(c, s, true);
}

void queue_park(struct ctx *c, struct scheduler *s, struct pod *p)
{
	if (p->tried != s->moves) { /* what may help came while it was marked */
		queue_put(c, s, p);
		return;
	}
	p->state = POD_PARKED;
	s->parked++;
}
