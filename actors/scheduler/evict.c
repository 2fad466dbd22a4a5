/* Pods that leave for one of higher priority, one write a turn:
 *
 *	planned ──the other's object says where it is nominated──► condition DisruptionTarget
 *	        ──► deleted ──► event Preempted
 *
 * Each write rests on the other pod as it is known: when that is gone, or has changed, nobody
 * leaves for it. What was planned is lost in a crash; who was nominated is tried again then, and
 * whoever still has to leave is found again. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/scheduler/scheduler_private.h"
#include "actors/schema/conditions.h"
#include "broker/base/planted.h"

static bool is_deleting(const struct pod *p)
{
	return mp_path_str(mp_of_bytes(p->object), "metadata.deletionTimestamp").len > 0;
}

void evict_plan(struct scheduler *s, const struct pod *p, const struct preempt_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		struct pod *x = node->victims[i].own;
		if (is_deleting(x) || x->preemptor)
			continue;
		x->preemptor = mem_dup(p->key);
		omap_put(&s->victims, span_of(x->key), x);
	}
}

void evict_forget(struct scheduler *s, struct pod *x)
{
	omap_remove(&s->victims, span_of(x->key));
	free(x->preemptor);
	x->preemptor = NULL;
	x->forewarned = false;
}

/* The pod that waits for the victim's room; NULL: it does not any more. */
static struct pod *preemptor_of(const struct scheduler *s, const struct pod *x)
{
	struct pod *p = omap_get(&s->pods, span_of(x->preemptor));
	bool waits = p && !p->node && p->nominated && x->node && span_is(span_of(p->nominated), x->node) &&
		     (x->priority < p->priority || PLANTED(PRIORITY_NOT_COMPARED)) &&
		     pod_waits(s, mp_of_bytes(p->object));
	return waits && !is_deleting(x) ? p : NULL;
}

static bool is_told(const struct pod *p)
{
	return span_is(mp_path_str(mp_of_bytes(p->object), "status.nominatedNodeName"), p->nominated);
}

/* Nothing is to be waited for: it leaves, or it need not. */
static bool is_ready(const struct scheduler *s, const struct pod *x)
{
	const struct pod *p = preemptor_of(s, x);
	return !x->writing && (!p || is_told(p));
}

bool evict_is_due(const struct scheduler *s)
{
	if (s->victims_paused)
		return false;
	for (struct onode *n = omap_first(&s->victims); n; n = omap_next(n))
		if (is_ready(s, n->value))
			return true;
	return false;
}

static void forewarn(struct ctx *c, struct scheduler *s, struct pod *x, const struct pod *p)
{
	struct writing *w = writes_pod(c, s, x, OBJ_PATCH_STRATEGIC, "status");
	struct arena *a = &w->arena;
	struct doc *patch = doc_new(a, DOC_MAP);
	w->request.body = patch;
	doc_set(a, doc_set(a, patch, "status", doc_new(a, DOC_MAP)), "conditions",
		writes_conditions(c, w, (struct span){0}, "DisruptionTarget", "True", "PreemptionByScheduler",
				  arena_printf(a, "%s: preempting to accommodate a higher priority pod", s->name)));
	writes_rest_on_pod(w, p);
}

static void end(struct ctx *c, struct scheduler *s, struct pod *x, const struct pod *p)
{
	struct span uid = mp_path_str(mp_of_bytes(x->object), "metadata.uid");
	struct writing *w = writes_pod(c, s, x, OBJ_DELETE, "");
	w->request.del.uid = writing_text(w, uid);
	w->request.del.grace_s = -1;
	w->request.del.propagation = OBJ_BACKGROUND;
	writes_rest_on_pod(w, p);
}

bool evict_next(struct ctx *c, struct scheduler *s, struct pod **victim)
{
	struct mp condition;
	for (struct onode *n = omap_first(&s->victims), *next; n; n = next) {
		struct pod *x = n->value;
		next = omap_next(n);
		if (!is_ready(s, x))
			continue;
		const struct pod *p = preemptor_of(s, x);
		if (!p) {
			evict_forget(s, x);
			continue;
		}
		if (x->forewarned || condition_find(mp_of_bytes(x->object), span_of("DisruptionTarget"), &condition))
			end(c, s, x, p);
		else
			forewarn(c, s, x, p);
		x->state = POD_EVICTING;
		*victim = x;
		return writing_start(c, x->writing, x->tag);
	}
	*victim = NULL;
	return false;
}

bool evict_over(struct ctx *c, struct scheduler *s, struct pod *x)
{
	int code = x->writing->plan.answer.code;
	bool deleted = x->writing->request.verb == OBJ_DELETE;
	char message[400];
	writes_end(s, x);
	x->state = POD_OTHER;
	if (code == 404) { /* gone by itself */
		omap_remove(&s->victims, span_of(x->key));
		return true;
	}
	if (code >= 300)
		return false;
	x->forewarned = true;
	if (!deleted)
		return true;
	const struct pod *p = omap_get(&s->pods, span_of(x->preemptor));
	struct span uid = p ? mp_path_str(mp_of_bytes(p->object), "metadata.uid") : (struct span){0};
	snprintf(message, sizeof message, "Preempted by pod %.*s on node %s", (int)uid.len, (const char *)uid.data,
		 x->node ? x->node : "");
	writes_tell(c, s, x, "Normal", "Preempted", message);
	s->preempted++;
	/* It stays somebody's victim until its object says that it leaves. */
	omap_remove(&s->victims, span_of(x->key));
	return true;
}
