/* What becomes of a choice: a binding, a condition, a claim; and of a pod when that has been
 * written, or refused. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/scheduler/scheduler_private.h"
#include "broker/base/planted.h"

static struct span text_of(const struct bytes *object, const char *path)
{
	return mp_path_str(mp_of_bytes(object), path);
}

/* Bound, and the news of it is still to come: what its object says is old. */
bool pod_is_bound(const struct pod *p)
{
	return p->version < p->bound && !PLANTED(BOUND_TRIED_AGAIN);
}

/* ---- binding */

/* It rests on the pod's claims, so that none of them has been deleted meanwhile:
 * what protects claims in use counts on that. */
void decided_bind(struct ctx *c, struct scheduler *s, struct pod *p, const char *node,
		  const struct pod_volumes *v)
{
	struct writing *w = writes_pod(c, s, p, OBJ_CREATE, "binding");
	struct arena *a = &w->arena;
	struct doc *b = doc_new(a, DOC_MAP), *meta = doc_new(a, DOC_MAP), *to = doc_new(a, DOC_MAP);
	struct span uid = text_of(p->object, "metadata.uid");
	doc_set_str(a, b, "apiVersion", "v1");
	doc_set_str(a, b, "kind", "Binding");
	doc_set(a, b, "metadata", meta);
	doc_set(a, meta, "name", doc_span(a, w->request.name));
	doc_set(a, meta, "namespace", doc_span(a, w->request.namespace));
	doc_set(a, meta, "uid", doc_span(a, writing_text(w, uid)));
	doc_set(a, b, "target", to);
	doc_set_str(a, to, "kind", "Node");
	doc_set_str(a, to, "name", arena_dup(a, node));
	w->request.body = b;
	writes_rest_on(w, v->basis, v->count);
	p->state = POD_BINDING;
	if (!PLANTED(NOTHING_ASSUMED))
		accounts_count(s, p, span_of(node)); /* assumed */
	if (writing_start(c, w, p->tag))
		decided_written(c, s, p, 0);
}

/* `version`: at or before that of the bound pod, after all that was before. */
static void binding_over(struct ctx *c, struct scheduler *s, struct pod *p, uint64_t version)
{
	int code = p->writing->plan.answer.code;
	char message[700];
	writes_end(s, p);
	if (code < 300) {
		p->bound = version;
		s->bound++;
		p->state = POD_OTHER;
		snprintf(message, sizeof message, "Successfully assigned %s to %s",
			 p->key + strlen("pods/"), p->node);
		writes_tell(c, s, p, "Normal", "Scheduled", message);
		bool elsewhere = p->nominated && !span_is(span_of(p->nominated), p->node);
		nominate(s, p, (struct span){0});
		if (elsewhere ||
		    s->missed) { /* its other place is free; or it may be taken away here */
			s->missed = false;
			queue_wake_all(c, s);
		}
		if (p->version > p->bound)
			decided_settle(c, s, p); /* it may have ended already */
		return;
	}
	/* Gone, or bound by another: its view change says what is so. If it is
	 * still ours, it gets another try. */
	s->conflicts++;
	p->state = POD_OTHER;
	struct view_object *o = view_get(s->pod_view, span_of(p->key));
	struct span node = o ? pod_takes_room_on(o->value) : (struct span){0};
	bool room = p->node && !span_is(node, p->node), helped = p->tried != s->moves;
	accounts_count(s, p, node);
	if (room) /* that was assumed: nobody else will say that it is free */
		queue_wake_all(c, s);
	if (!o || node.len)
		return;
	if (p->claims && helped && pod_waits(s, mp_of_bytes(p->object)))
		queue_put(c, s, p); /* a claim of its has changed, and that is seen already */
	else
		ctx_timer(c, RETRY_US, TAG_RETRY);
}

/* ---- no node fits */

bool pod_nomination_is_told(const struct pod *p)
{
	struct span said = text_of(p->object, "status.nominatedNodeName");
	return p->nominated ? span_is(said, p->nominated) : !said.len;
}

/* The condition as Kubernetes' scheduler writes it, and where the pod is nominated, by a
 * merge patch whose list is the pod's own with this one condition set. So it must be that
 * pod: on one that runs by now it would take away what its node says of it. */
void decided_mark(struct ctx *c, struct scheduler *s, struct pod *p, const char *message)
{
	free(p->why);
	p->why = mem_dup(message);
	struct writing *w = writes_pod(c, s, p, OBJ_PATCH_MERGE, "status");
	struct arena *a = &w->arena;
	struct doc *patch = doc_new(a, DOC_MAP),
		   *status = doc_set(a, patch, "status", doc_new(a, DOC_MAP));
	w->request.body = patch;
	doc_set(a, status, "conditions",
		writes_conditions(c, w, bytes_span(p->object), "PodScheduled", "False",
				  "Unschedulable", arena_dup(a, message)));
	if (!pod_nomination_is_told(p))
		doc_set(a, status, "nominatedNodeName",
			p->nominated ? doc_str(a, arena_dup(a, p->nominated))
				     : doc_new(a, DOC_NULL));
	writes_rest_on_pod(w, p);
	p->state = POD_MARKING;
	if (writing_start(c, w, p->tag))
		decided_written(c, s, p, 0);
}

static void marking_over(struct ctx *c, struct scheduler *s, struct pod *p, uint64_t version)
{
	int code = p->writing->plan.answer.code;
	writes_end(s, p);
	if (code < 300)
		p->told = version;
	if (code < 300 && pod_waits(s, mp_of_bytes(p->object))) {
		queue_park(c, s, p);
		return;
	}
	p->state = POD_OTHER;
	if (code < 300) {
		decided_settle(c, s, p);
		return;
	}
	free(p->why); /* it is another pod by now: when that is seen it gets another try */
	p->why = NULL;
	ctx_timer(c, RETRY_US, TAG_RETRY);
}

/* ---- volumes */

/* A write for its volumes; what it changes wakes the pod again. Until then the
 * pod is counted on the node. */
void decided_claim(struct ctx *c, struct scheduler *s, struct pod *p, const char *node,
		   const struct volume_write *x)
{
	struct writing *w = writes_begin(c, s, p, x->row, OBJ_PATCH_MERGE, "");
	w->request.namespace = writing_text(w, x->namespace);
	w->request.name = writing_text(w, x->name);
	struct doc *body = doc_copy(&w->arena, x->body);
	doc_own(&w->arena, body);
	w->request.body = body;
	writes_rest_on(w, x->basis, x->basis_count);
	p->state = POD_CLAIMING;
	accounts_count(s, p, span_of(node));
	if (writing_start(c, w, p->tag))
		decided_written(c, s, p, 0);
}

static void claiming_over(struct ctx *c, struct scheduler *s, struct pod *p)
{
	int code = p->writing->plan.answer.code;
	writes_end(s, p);
	p->state = POD_OTHER;
	if (!pod_waits(s, mp_of_bytes(p->object)))
		decided_settle(c, s, p);
	else if (code < 300 || code == 409)
		queue_park(c, s, p);
	else
		ctx_timer(c, RETRY_US, TAG_RETRY);
}

/* ---- those that leave */

/* What refused it may be over in a second; the other pod tries again as well, it may have another
 * way. */
void decided_evicted(struct ctx *c, struct scheduler *s, struct pod *x)
{
	if (!evict_over(c, s, x)) {
		s->victims_paused = true;
		ctx_timer(c, RETRY_US, TAG_RETRY);
	}
	if (pod_is_leaving(x))
		evict_forget(s, x);
	if (!pod_is_bound(x))
		decided_settle(c, s, x);
	queue_run(c, s);
}

/* ---- any of these */

void decided_written(struct ctx *c, struct scheduler *s, struct pod *p, uint64_t version)
{
	if (p->state == POD_BINDING)
		binding_over(c, s, p, version);
	else if (p->state == POD_CLAIMING)
		claiming_over(c, s, p);
	else if (p->state == POD_EVICTING)
		decided_evicted(c, s, p);
	else
		marking_over(c, s, p, version);
}

/* ---- its object decides again */

/* Account and queue as its object says; nothing of it is being written. */
void decided_settle(struct ctx *c, struct scheduler *s, struct pod *p)
{
	struct span node = pod_takes_room_on(p->object);
	bool keeps = p->claims && !node.len && pod_waits(s, mp_of_bytes(p->object));
	bool room = p->node && !node.len && !keeps;
	if (!keeps)
		accounts_count(s, p, node);
	if (!pod_waits(s, mp_of_bytes(p->object))) {
		nominate(s, p, (struct span){0});
		queue_take(s, p);
		p->state = POD_OTHER;
	} else if (p->state == POD_OTHER) {
		queue_put(c, s, p);
	}
	if (room)
		queue_wake_all(c, s);
}
