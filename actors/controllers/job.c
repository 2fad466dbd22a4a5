/* Jobs: pods that are to end. What is to be done is job_plan.h; here are the
 * facts that it needs, and the writes that it asks for.
 *
 * Every write rests on the job at the revision that was planned from, on the
 * pod that it is about, and on the fence of this incarnation; a plan is made
 * only when the views show what was written before. So the counting is exact
 * whatever happens between two writes, and there is never a pod too many.
 *
 * Pods hold a finalizer until they are counted. Those whose job is gone, or
 * that were left to themselves, are let go: keys of pods stand for them in the
 * queue, beside those of jobs. */
#include "actors/controllers/job.h"

#include <stdlib.h>
#include <string.h>

#include "actors/controllers/job_pod.h"
#include "actors/controllers/status.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"

/* What an action is; those of a status say what it tells. */
enum {
	CREATE = 1,
	DELETE,
	TELL = 8,
	TELL_SUSPENDED = 16,
	TELL_RESUMED = 32,
	TELL_FINISHED = 64,
};

struct state {
	struct reconciler r; /* first */
	struct children pods;
	struct omap failures; /* key -> why its last create was refused */
};

static struct state *state_of(struct reconciler *r)
{
	return (struct state *)r;
}

/* ---- which keys a change is about */

/* The job that a pod is of; an empty cursor: none, or one that is gone. */
static struct mp job_of(const struct state *s, struct mp pod, struct span *key, struct buf *b)
{
	struct owner_ref ref;
	*key = (struct span){0};
	if (!owners_controller(pod, &ref) || !span_is(ref.kind, "Job"))
		return (struct mp){0};
	schema_key(b, s->pods.owners, object_namespace(pod), ref.name);
	*key = span_buf(b);
	struct mp job = object_of(view_get(s->pods.owner_view, *key));
	return job.p && span_eq(object_uid(job), ref.uid) ? job : (struct mp){0};
}

static void want_if_left(struct ctx *c, struct state *s, struct span key,
			 const struct view_object *o)
{
	struct buf b = {0};
	struct span owner;
	struct mp pod = object_of(o);
	if (object_lists(pod, "metadata.finalizers", JOB_FINALIZER) && !job_of(s, pod, &owner, &b).p)
		reconcile_want(c, &s->r, key);
	buf_fini(&b);
}

struct left {
	struct ctx *c;
	struct state *s;
};

static int want_left(void *arg, const struct view_found *f)
{
	struct left *l = arg;
	want_if_left(l->c, l->s, f->key, f->object);
	return 0;
}

/* Its pods, and those that it might have taken for its own. */
static void job_gone(struct ctx *c, struct state *s, struct mp job)
{
	struct left l = {c, s};
	struct buf b = {0};
	struct span ns = object_namespace(job);
	view_index_each(s->pods.index, object_uid(job), want_left, &l);
	buf_printf(&b, "in/%.*s", (int)ns.len, (const char *)ns.data);
	view_index_each(s->pods.index, span_buf(&b), want_left, &l);
	buf_fini(&b);
}

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	struct state *s = state_of(r);
	if (children_changed(c, r, &s->pods, v)) {
		if (v->now)
			want_if_left(c, s, v->key, v->now);
		return;
	}
	if (v->view != s->pods.owner_view)
		return;
	if (v->now)
		reconcile_want(c, r, v->key);
	else
		free(omap_remove(&s->failures, v->key));
	if (v->was && (!v->now || !span_eq(object_uid(object_of(v->was)),
					   object_uid(object_of(v->now)))))
		job_gone(c, s, object_of(v->was));
}

/* ---- pods that are left */

static bool is_claimed(const struct state *s, struct mp pod)
{
	struct mp labels = {0};
	struct objects_in it =
		objects_in(s->pods.owner_view, s->pods.owners, object_namespace(pod));
	mp_path(pod, "metadata.labels", &labels);
	while (objects_next(&it))
		if (!object_is_deleting(it.object) && !job_is_finished(it.object) &&
		    children_selects(s->pods.spec, it.object, labels))
			return true;
	return false;
}

/* Rests on the pod, and on there being no such job. */
static void plan_left(struct state *s, struct reconcile_item *i, struct span key)
{
	struct arena *a = reconcile_arena(i);
	struct mp pod = object_of(reconcile_get(&s->r, key));
	struct owner_ref ref;
	struct span owner;
	struct buf b = {0};
	bool left = pod.p && object_lists(pod, "metadata.finalizers", JOB_FINALIZER) &&
		    !job_of(s, pod, &owner, &b).p;
	/* Another's pod that has our finalizer is its own affair. */
	if (left && !owner.len)
		left = !owners_controller(pod, &ref) && !is_claimed(s, pod);
	if (left) {
		struct reconcile_action *x =
			reconcile_add(i, OBJ_PATCH_MERGE, s->pods.resource,
				      object_copy(a, object_namespace(pod)),
				      object_copy(a, object_name(pod)));
		struct store_compare *basis = arena_alloc(a, 2 * sizeof *basis);
		basis[0] = reconcile_basis(&s->r, object_copy(a, key));
		if (owner.len)
			basis[1] = reconcile_basis(&s->r, object_copy(a, owner));
		x->basis = basis;
		x->basis_count = owner.len ? 2 : 1;
		x->body = job_pod_untracked(a, pod);
	}
	buf_fini(&b);
}

/* ---- what a plan asks for */

static void each(struct reconciler *r, struct reconcile_item *i, struct span key,
		 const struct job_pods *list,
		 struct doc *(*patch)(struct arena *a, struct mp pod, struct mp job))
{
	const struct children *pods = &state_of(r)->pods;
	struct mp job = object_of(reconcile_get(r, key));
	for (size_t k = 0; k < list->count; k++) {
		const struct job_pod *p = list->list[k];
		struct reconcile_action *x =
			children_act(r, i, pods, key, &p->replica.child, OBJ_PATCH_MERGE);
		x->body = patch(reconcile_arena(i), p->object, job);
	}
}

static struct doc *untracked(struct arena *a, struct mp pod, struct mp job)
{
	(void)job;
	return job_pod_untracked(a, pod);
}

static struct doc *chosen(struct arena *a, struct mp pod, struct mp job)
{
	(void)job;
	return job_pod_chosen(a, pod);
}

static void act(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key,
		const struct job_plan *p)
{
	const struct children *pods = &state_of(r)->pods;
	struct mp job = object_of(reconcile_get(r, key));
	struct arena *a = reconcile_arena(i);
	each(r, i, key, &p->adopt, job_pod_adopted);
	each(r, i, key, &p->release, job_pod_released);
	each(r, i, key, &p->untrack, untracked);
	each(r, i, key, &p->mark, chosen);
	for (size_t k = 0; k < p->create_count; k++) {
		struct reconcile_action *x =
			children_create(r, i, pods, key, object_namespace(job));
		x->body = job_pod_new(a, job, &p->create[k]);
		x->what = CREATE;
	}
	if (!p->remove.count || !reconcile_fresh(c, r, i))
		return;
	for (size_t k = 0; k < p->remove.count; k++)
		children_act(r, i, pods, key, &p->remove.list[k]->replica.child, OBJ_DELETE)
			->what = DELETE;
}

/* ---- the status */

static void say_uids(struct status *st, struct doc *map, const char *field,
		     const struct job_uids *uids)
{
	const struct doc *was = doc_get(doc_get(st->was, "uncountedTerminatedPods"), field);
	struct doc *list = doc_new(st->arena, DOC_ARRAY);
	for (size_t i = 0; i < uids->count; i++)
		doc_add(list, doc_span(st->arena, object_copy(st->arena, uids->list[i])));
	if (uids->count)
		doc_set(st->arena, map, field, list);
	else if (was) /* a merge patch takes out what is null */
		doc_set(st->arena, map, field, doc_new(st->arena, DOC_NULL));
}

static struct doc *time_of(struct arena *a, int64_t us)
{
	char text[RFC3339_MAX];
	rfc3339_format(us, text);
	return doc_str(a, arena_dup(a, text));
}

static void say_condition(struct status *st, const char *type, const char *value,
			  const char *reason, const char *message)
{
	status_say(st, &(struct status_condition){type, value, reason, message, "lastProbeTime", false});
}

/* What it tells, as an action's `what`. */
static int say(struct status *st, const struct job_facts *j, const struct job_status *s)
{
	struct arena *a = st->arena;
	int what = TELL;
	bool fails = s->verdict == JOB_FAILS;
	status_count(st, "active", s->active);
	status_int(st, "ready", s->ready);
	status_int(st, "terminating", s->terminating);
	status_count(st, "succeeded", s->succeeded);
	status_count(st, "failed", s->failed);
	if (s->started_us != j->started_us)
		status_set(st, "startTime", time_of(a, s->started_us));
	if (s->completed_indexes && (*s->completed_indexes || j->completed_indexes.len))
		status_set(st, "completedIndexes",
			   *s->completed_indexes ? doc_str(a, s->completed_indexes) : NULL);
	if (s->failed_indexes)
		status_set(st, "failedIndexes", doc_str(a, s->failed_indexes));
	struct doc *map = doc_new(a, DOC_MAP);
	say_uids(st, map, "succeeded", &s->uncounted_succeeded);
	say_uids(st, map, "failed", &s->uncounted_failed);
	status_set(st, "uncountedTerminatedPods", map);
	if (s->suspension == JOB_SUSPENDED) {
		say_condition(st, "Suspended", "True", "JobSuspended", "Job suspended");
		what |= TELL_SUSPENDED;
	} else if (s->suspension == JOB_RESUMED) {
		say_condition(st, "Suspended", "False", "JobResumed", "Job resumed");
		what |= TELL_RESUMED;
	}
	if (s->verdict != JOB_GOES_ON)
		say_condition(st, fails ? "FailureTarget" : "SuccessCriteriaMet", "True",
			      s->reason, s->message);
	if (s->finished) {
		say_condition(st, fails ? "Failed" : "Complete", "True", s->reason, s->message);
		if (!fails)
			status_set(st, "completionTime", time_of(a, st->now_us));
		what |= TELL_FINISHED;
	}
	return what;
}

/* ---- the plan */

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct state *s = state_of(r);
	struct arena *a = reconcile_arena(i);
	struct job_facts j;
	struct job_plan p;
	struct status st;
	size_t n;
	if (span_is(store_stream_of(key), s->pods.spec->stream)) {
		plan_left(s, i, key);
		return;
	}
	struct mp job = object_of(reconcile_get(r, key));
	if (!job.p)
		return;
	job_read(&j, job);
	if (j.too_parallel && !mp_path_str(job, "status.startTime").len)
		reconcile_event(c, r, job, "Warning", "FailedCreate",
				"more pods are wanted at once than one job has: the limit is %d", JOB_PARALLEL_MAX);
	struct job_pod *pods = children_gather(&s->pods, a, job, &n);
	job_plan(a, &j, pods, n, ctx_wall_us(c), &p);
	/* What cannot be done is told as it is, before it is tried again. */
	bool refused = p.create_count && omap_get(&s->failures, key);
	if (refused)
		p.status.active -= (int64_t)p.create_count;
	status_begin(&st, a, job, ctx_wall_us(c));
	int what = p.nothing ? 0 : say(&st, &j, &p.status);
	if (!refused || status_told(&st))
		act(c, r, i, key, &p);
	struct reconcile_action *told = p.nothing ? NULL : status_write(i, &st, s->pods.owners);
	if (told) {
		reconcile_rest_on(r, i, told, key);
		told->what = what;
		told->report = refused;
	}
	if (p.again_in_us)
		reconcile_later(c, i, (uint64_t)p.again_in_us);
}

/* ---- what became of it */

static void tell_events(struct ctx *c, struct reconciler *r, struct mp job, int what,
			const struct obj_answer *answer)
{
	struct mp now = answer->object ? mp_of(bytes_span(answer->object)) : job, m;
	int64_t wanted = mp_path_int(now, "spec.completions", -1);
	if (what & TELL_SUSPENDED)
		reconcile_event(c, r, job, "Normal", "Suspended", "Job suspended");
	if (what & TELL_RESUMED)
		reconcile_event(c, r, job, "Normal", "Resumed", "Job resumed");
	if (!(what & TELL_FINISHED))
		return;
	if (job_condition(now, "Failed", &m)) {
		char reason[100];
		struct span why = mp_path_str(m, "message");
		span_text(reason, sizeof reason, mp_path_str(m, "reason"));
		reconcile_event(c, r, job, "Warning", reason, "%.*s", (int)why.len,
				(const char *)why.data);
		return;
	}
	if (wanted >= 0 && mp_path_int(now, "status.succeeded", 0) > wanted)
		reconcile_event(
			c, r, job, "Warning", "TooManySucceededPods",
			"Too many succeeded pods running after completion count reached");
	reconcile_event(c, r, job, "Normal", "Completed", "Job completed");
}

static void create_refused(struct ctx *c, struct state *s, struct span key, struct mp job,
			   const struct doc *status)
{
	struct span why = doc_get_str(status, "message");
	if (doc_str_is(doc_path(status, "details.causes[0].reason"), "NamespaceTerminating"))
		return;
	char *text = mem_ndup((const char *)why.data, why.len);
	free(omap_put(&s->failures, key, text));
	reconcile_event(c, &s->r, job, "Warning", "FailedCreate", "Error creating: %s", text);
}

static void done(struct ctx *c, struct reconciler *r, struct span key,
		 const struct reconcile_action *x, const struct obj_answer *answer)
{
	struct state *s = state_of(r);
	struct mp job = object_of(reconcile_get(r, key));
	if (!job.p || !x->what)
		return;
	struct span name = answer->object
				   ? mp_path_str(mp_of(bytes_span(answer->object)), "metadata.name")
				   : x->name;
	if (x->what == CREATE && answer->code == 201) {
		free(omap_remove(&s->failures, key));
		reconcile_event(c, r, job, "Normal", "SuccessfulCreate", "Created pod: %.*s",
				(int)name.len, (const char *)name.data);
	} else if (x->what == CREATE && answer->code != 409) {
		create_refused(c, s, key, job, answer->status);
	} else if (x->what == DELETE && answer->code < 300) {
		reconcile_event(c, r, job, "Normal", "SuccessfulDelete", "Deleted pod: %.*s",
				(int)name.len, (const char *)name.data);
	} else if (x->what & TELL && answer->code < 300) {
		tell_events(c, r, job, x->what, answer);
	}
}

/* ---- life */

static const char *const streams[] = {"jobs.batch", "pods", "namespaces", NULL};

static const struct children_spec children = {
	.owner_stream = "jobs.batch",
	.owner_kind = "Job",
	.stream = "pods",
	.index = &job_pod_index,
};

static const struct reconcile_spec spec = {
	.name = "job-controller",
	.fence = "job",
	.streams = streams,
	.changed = changed,
	.plan = plan,
	.done = done,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	int rc = reconcile_init(c, &s->r, &spec);
	children_init(c, &s->r, &s->pods, &children);
	return rc;
}

static void fini(void *state)
{
	struct state *s = state;
	omap_fini(&s->failures, free);
	reconcile_fini(&s->r);
}

const struct actor_spec job_actor = {
	.kind = "job",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = fini,
};
