/* A job with ttlSecondsAfterFinished is deleted so long after it finished, its
 * pods before it (foreground, as Kubernetes does it). The deletion rests on the
 * job at the revision that was looked at: who gives it more time in between
 * wins. Nothing is polled: each job has a timer. */
#include "actors/controllers/ttl_after_finished.h"

#include "actors/controllers/job_facts.h"

struct state {
	struct reconciler r; /* first */
};

static void changed(struct ctx *c, struct reconciler *r, const struct view_change *v)
{
	if (v->now && job_expires_us(object_of(v->now)))
		reconcile_want(c, r, v->key);
}

static void plan(struct ctx *c, struct reconciler *r, struct reconcile_item *i, struct span key)
{
	struct arena *a = reconcile_arena(i);
	struct mp job = object_of(reconcile_get(r, key));
	int64_t expires_us = job.p ? job_expires_us(job) : 0, now_us = ctx_wall_us(c);
	if (!expires_us || object_is_deleting(job))
		return;
	if (expires_us > now_us) {
		reconcile_later(c, i, (uint64_t)(expires_us - now_us));
		return;
	}
	if (!reconcile_fresh(c, r, i))
		return;
	struct reconcile_action *x = reconcile_add(
		i, OBJ_DELETE, reconcile_resource(r, "jobs.batch"),
		object_copy(a, object_namespace(job)), object_copy(a, object_name(job)));
	x->uid = object_copy(a, object_uid(job));
	x->propagation = OBJ_FOREGROUND;
	reconcile_rest_on(r, i, x, key);
}

static const char *const streams[] = {"jobs.batch", NULL};

static const struct reconcile_spec spec = {
	.name = "ttl-after-finished-controller",
	.fence = "ttl-after-finished",
	.streams = streams,
	.changed = changed,
	.plan = plan,
};

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct state *s = state;
	(void)cfg;
	return reconcile_init(c, &s->r, &spec);
}

const struct actor_spec ttl_after_finished_actor = {
	.kind = "ttl-after-finished",
	.state_bytes = sizeof(struct state),
	.init = init,
	RECONCILE_HANDLERS,
	.fini = reconcile_fini,
};
