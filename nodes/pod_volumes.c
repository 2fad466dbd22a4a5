/* A pod's volumes, as its worker needs them: all are known before there is a sandbox,
 * and each container is told where it has them. Processes of the machine find none of
 * them, but wait for what is missing all the same. */
#include "nodes/pod_worker_private.h"

enum { EVENT_MS = 500, EVENT_MAX_MS = 122000 };

/* As often as a kubelet tries again: after half a second, and then in doubled times. */
static void tell(struct pod_worker *w, const char *const *messages, struct pod_time now)
{
	int64_t wait = w->mount_wait_ms ? 2 * w->mount_wait_ms : EVENT_MS;
	if (!*messages || now.mono_ms < w->mount_told_ms)
		return;
	for (; *messages; messages++)
		pod_event(w, NULL, true, "FailedMount", "%s", *messages);
	w->mount_wait_ms = wait < EVENT_MAX_MS ? wait : EVENT_MAX_MS;
	w->mount_told_ms = now.mono_ms + w->mount_wait_ms;
}

bool pod_volumes_known(struct pod_worker *w, const struct pod_env_facts *f, struct pod_time now,
		       struct arena *a, struct span *list)
{
	struct volume_plan plan;
	*list = (struct span){0};
	if (!w->cfg.awaits_volumes)
		return true;
	if (volume_plan_make(a, &w->cfg.volumes, f, w->pod, &plan)) {
		tell(w, plan.messages, now);
		return false;
	}
	w->mount_wait_ms = w->mount_told_ms = 0;
	if (w->cfg.has_volumes)
		*list = plan.list;
	return true;
}

int pod_volumes_mounts(const struct pod_worker *w, const struct container *c,
		       const char *const *env, struct arena *a, struct span *out, struct err *e)
{
	*out = (struct span){0};
	return w->cfg.has_volumes ? volume_mounts_make(a, &w->cfg.volumes, w->pod, c->spec, env, out,
						       e)
				  : 0;
}
