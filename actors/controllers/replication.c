/* Replication controllers and replica sets, which differ in names and in the
 * form of their selectors. What is to be done is replication_plan.h; here are
 * the facts that it needs, and the writes that it asks for.
 *
 * Never a pod too many: every write rests on the controller's object at the
 * revision that was planned from, and on the fence of this incarnation; a
 * plan is made only when the pods' view shows all that was written before. So
 * a pod that is made was missing, by the journal, at that revision. (Names
 * come from generateName: a create that was not acknowledged is asked again by
 * its request's id, and one of a former incarnation is fenced off.)
 *
 * A create that is refused is told once, as condition and event, and tried
 * again later and later. */
#include "actors/controllers/replication.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/controllers/replication_plan.h"
#include "actors/controllers/status.h"
#include "actors/schema/selectors.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

enum { CREATE = 1, DELETE };

struct state {
	struct reconciler r; /* first */
	struct children pods;
	struct omap failures; /* key -> why its last create was refused */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

static bool same_at(struct mp a, struct mp b, const char *path)
{
	struct mp m = {0}, n = {0};
	struct span x, y;
	bool in_a = mp_path(a, path, &m), in_b = mp_path(b, path, &n);
	return in_a && in_b ? !mp_raw(&m, &x) && !mp_raw(&n, &y) && span_eq(x, y) : in_a == in_b;
}

/* How a pod ends that is to be deleted is nothing to plans: it does not count. */
static bool is_leaving_on(const struct view_change *v)
{
	struct mp was = object_of(v->was), now = object_of(v->now);
	if (!was.p || !object_is_deleting(was))
		return false;
	return !now.p || (span_eq(object_uid(was), object_uid(now)) &&
			  same_at(was, now, "metadata.ownerReferences") &&
			  same_at(was, now, "metadata.labels"));
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (v->view == s->pods.view && is_leaving_on(v))
		return;
	if (children_changed(c, r, &s->pods, v) || v->view != s->pods.owner_view)
		return;
	if (v->now && !reconcile_told(r, v))
		reconcile_want(c, r, v->key);
	else if (!v->now)
		free(omap_remove(&s->failures, v->key));
}

static struct doc *body(struct ctx *c, struct reconciler *r, const struct reconcile_action *x,
			struct arena *a)
{
	struct doc *pod =
		replica_from_template(a, object_of(reconcile_get(r, x->basis[0].key)));
	(void)c;
	/* The owner may be gone: then the write's basis says so. */
	return pod ? pod : doc_new(a, DOC_MAP);
}

/* ---- the plan */

static void act(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		const struct replication_plan *p)
{
	const struct children *pods = &state_of(r)->pods;
	struct span ns = object_namespace(object_of(reconcile_get(r, key)));
	for (size_t k = 0; k < p->adopt_count; k++)
		children_adopt(r, i, pods, key, &p->adopt[k]->child);
	for (size_t k = 0; k < p->release_count; k++)
		children_release(r, i, pods, key, &p->release[k]->child);
	for (size_t k = 0; k < p->create_count; k++)
		children_create(r, i, pods, key, ns)->what = CREATE;
	if (!p->remove_count || !reconcile_fresh(c, r, i))
		return;
	for (size_t k = 0; k < p->remove_count; k++)
		children_act(r, i, pods, key, &p->remove[k]->child, OBJ_DELETE)->what = DELETE;
}

static void say(struct status *st, const struct replication_status *s, const char *why)
{
	status_int(st, "replicas", s->replicas);
	status_count(st, "fullyLabeledReplicas", s->labelled);
	status_count(st, "readyReplicas", s->ready);
	status_count(st, "availableReplicas", s->available);
	status_observed(st);
	if (why)
		status_say(st, &(struct status_condition){"ReplicaFailure", "True", "FailedCreate",
							  why, NULL, false});
	else
		status_unsay(st, "ReplicaFailure");
}

/* As a rule all have the same labels. */
static void mark_labelled(struct replica *pods, size_t n, struct mp labels)
{
	struct span before = {0}, raw;
	for (size_t k = 0; k < n; k++) {
		struct mp m = pods[k].child.labels;
		bool any = m.p && mp_raw(&m, &raw) == 0;
		pods[k].labelled = any && before.len && span_eq(raw, before)
					   ? pods[k - 1].labelled
					   : label_map_match(labels, pods[k].child.labels);
		before = any ? raw : (struct span){0};
	}
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct replication_plan p;
	struct status st;
	struct mp owner = object_of(reconcile_get(r, key)), labels = {0};
	size_t n;
	if (!owner.p)
		return;
	struct replica *pods = children_gather(&s->pods, a, owner, &n);
	mp_path(owner, "spec.template.metadata.labels", &labels);
	mark_labelled(pods, n, labels);
	replication_plan(a, pods, n, mp_path_int(owner, "spec.replicas", 1),
			 object_is_deleting(owner), mp_path_int(owner, "spec.minReadySeconds", 0),
			 ctx_wall_us(c), &p);
	const char *why = omap_get(&s->failures, key);
	if (p.too_many_wanted)
		why = "more replicas are wanted than one controller makes: the limit is 100000";
	else if (!p.create_count)
		why = NULL;
	status_begin(&st, a, owner, ctx_wall_us(c));
	say(&st, &p.status, why);
	/* What cannot be done is told before it is tried again. */
	if (!why || status_told(&st))
		act(c, r, i, key, &p);
	if (!p.create_count)
		free(omap_remove(&s->failures, key));
	struct reconcile_action *told = status_write(i, &st, s->pods.owners);
	if (told) {
		told->report = why != NULL;
		/* In long ones people see how far it is. */
		told->passing = !why && p.create_count < REPLICATION_BATCH &&
				p.remove_count < REPLICATION_BATCH;
	}
	if (p.status.available_in_us)
		reconcile_later(c, i, (uint64_t)p.status.available_in_us);
}

/* ---- what became of it */

static bool is_terminating(const struct doc *status)
{
	return doc_str_is(doc_path(status, "details.causes[0].reason"), "NamespaceTerminating");
}

/* Why, without the name that was drawn: the same refusal is the same text. */
static char *reason_of(struct arena *a, const struct doc *status, struct mp rc)
{
	struct span m = doc_get_str(status, "message"),
		    drawn = doc_path_str(status, "details.name");
	struct span prefix = object_name(rc);
	uint8_t *at = drawn.len ? memmem(m.data, m.len, drawn.data, drawn.len) : NULL;
	if (!at || drawn.len <= prefix.len)
		return arena_ndup(a, m.data, m.len);
	size_t before = (size_t)(at - m.data), after = m.len - before - drawn.len;
	return arena_printf(a, "%.*s%.*s-%.*s", (int)before, (const char *)m.data, (int)prefix.len,
			    (const char *)prefix.data, (int)after, (const char *)at + drawn.len);
}

static void note_failure(struct ctx *c, struct state *s, struct span key, struct mp rc,
			 const struct doc *status)
{
	const char *was = omap_get(&s->failures, key), *why = reason_of(ctx_arena(c), status, rc);
	if (is_terminating(status) || (was && strcmp(was, why) == 0))
		return;
	free(omap_put(&s->failures, key, mem_dup(why)));
	reconcile_event(c, &s->r, rc, "Warning", "FailedCreate", "Error creating: %s", why);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct state *s = state_of(r);
	struct view_object *o = reconcile_get(r, key);
	if (!o)
		return;
	struct mp rc = object_of(o);
	struct span name = answer->object
				   ? mp_path_str(mp_of_bytes(answer->object), "metadata.name")
				   : x->name;
	if (x->what == CREATE && answer->code == 201) {
		free(omap_remove(&s->failures, key));
		reconcile_event(c, r, rc, "Normal", "SuccessfulCreate", "Created pod: %.*s",
				(int)name.len, (const char *)name.data);
	} else if (x->what == CREATE && answer->code != 409) {
		note_failure(c, s, key, rc, answer->status);
	} else if (x->what == DELETE && answer->code < 300) {
		reconcile_event(c, r, rc, "Normal", "SuccessfulDelete", "Deleted pod: %.*s",
				(int)name.len, (const char *)name.data);
	}
}

/* ---- life */

static int init_as(struct ctx *c, struct state *s, const struct reconcile_spec *spec,
		   const struct children_spec *children)
{
	int rc = reconcile_init(c, &s->r, spec);
	children_init(c, &s->r, &s->pods, children);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->failures, free);
	reconcile_fini(&s->r);
}

static const char *const rc_streams[] = {"replicationcontrollers", "pods", "namespaces", NULL};
static const char *const rs_streams[] = {"replicasets.apps", "pods", "namespaces", NULL};

static const struct children_spec rc_children = {
	.owner_stream = "replicationcontrollers",
	.owner_kind = "ReplicationController",
	.stream = "pods",
	.index = &replica_index,
	.plain_selector = true,
};
static const struct children_spec rs_children = {
	.owner_stream = "replicasets.apps",
	.owner_kind = "ReplicaSet",
	.stream = "pods",
	.index = &replica_index,
};

static const struct reconcile_spec rc_spec = {
	.name = "replication-controller",
	.fence = "replication",
	.streams = rc_streams,
	.changed = changed,
	.plan = plan,
	.body = body,
	.done = done,
};
static const struct reconcile_spec rs_spec = {
	.name = "replicaset-controller",
	.fence = "replicaset",
	.streams = rs_streams,
	.changed = changed,
	.plan = plan,
	.body = body,
	.done = done,
};

static int init_controllers(struct ctx *c, void *state, struct mp cfg)
{
	(void)cfg;
	return init_as(c, state, &rc_spec, &rc_children);
}

static int init_sets(struct ctx *c, void *state, struct mp cfg)
{
	(void)cfg;
	return init_as(c, state, &rs_spec, &rs_children);
}

const struct actor_spec replication_actor = {
	.kind = "replication",
	.state_bytes = sizeof(struct state),
	.init = init_controllers,
	RECONCILE_HANDLERS,
	.fini = fini,
};
const struct actor_spec replicaset_actor = {
	.kind = "replicaset",
	.state_bytes = sizeof(struct state),
	.init = init_sets,
	RECONCILE_HANDLERS,
	.fini = fini,
};
