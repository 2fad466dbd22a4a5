/* Images before containers: each start asks for the image first, as a kubelet does,
 * and waits with a back-off when it is not to be had.
 *
 * Source of the rules and words: kubernetes pkg/kubelet/images/image_manager.go. */
#include <string.h>

#include "nodes/pod_worker_private.h"

enum { SHOWN_MS = 1000 };

static enum pod_pull policy_of(const struct container *c)
{
	struct span p = mp_path_str(c->spec, "imagePullPolicy");
	return span_is(p, "Never") ? POD_PULL_NEVER
	       : span_is(p, "Always") ? POD_PULL_ALWAYS : POD_PULL_IF_ABSENT;
}

static struct span image_of(const struct container *c)
{
	return mp_path_str(c->spec, "image");
}

enum image_answer pod_image_ready(struct pod_worker *w, struct container *c, struct pod_time now,
				  struct arena *a, struct pod_action *ask, int64_t *wake_ms)
{
	struct span image = image_of(c);
	if (!w->cfg.from_image || c->image_state == IMAGE_THERE)
		return IMAGE_READY;
	if (c->image_state == IMAGE_ASKED)
		return IMAGE_WAIT;
	if (c->image_state == IMAGE_AWAY && now.mono_ms < c->image_retry_ms) {
		const char *text = arena_printf(a, "Back-off pulling image \"%.*s\": %s",
						(int)image.len, (const char *)image.data,
						c->image_error ? c->image_error : "");
		/* What failed is shown for a moment, then that it waits. */
		bool shown = now.mono_ms >= c->image_retry_ms - c->image_backoff_ms + SHOWN_MS;
		*wake_ms = shown || !c->image_pulls
				   ? c->image_retry_ms
				   : c->image_retry_ms - c->image_backoff_ms + SHOWN_MS;
		if (!c->image_pulls || !shown)
			return IMAGE_WAIT; /* or what it waits for is no pull */
		container_wait(c, "ImagePullBackOff", text);
		if (!c->image_told) {
			pod_event(w, c->name, false, "BackOff", "Back-off pulling image \"%.*s\"",
				  (int)image.len, (const char *)image.data);
			pod_event(w, c->name, true, "Failed", "Error: ImagePullBackOff");
		}
		c->image_told = true;
		return IMAGE_WAIT;
	}
	c->image_state = IMAGE_ASKED;
	c->image_told = false;
	ask->name = c->name;
	ask->image = arena_ndup(a, image.data, image.len);
	ask->pull = policy_of(c);
	return IMAGE_ASK;
}

static void see_there(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		      struct arena *a)
{
	struct span image = image_of(c);
	c->image_state = IMAGE_THERE;
	c->image_backoff_ms = 0;
	pod_set_text(&c->image_error, NULL);
	if (!o->pulled)
		pod_event(w, c->name, false, "Pulled",
			  "Container image \"%.*s\" already present on machine", (int)image.len,
			  (const char *)image.data);
	else
		pod_event(w, c->name, false, "Pulled",
			  "Successfully pulled image \"%.*s\" in %s (%s including waiting). Image size: "
			  "%lld bytes.", (int)image.len, (const char *)image.data,
			  pod_duration(a, o->pull_ms), pod_duration(a, o->wait_ms),
			  (long long)o->image_bytes);
}

/* ErrImageNeverPull and InvalidImageName are told as they are: nothing was pulled. */
static void see_away(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		     struct pod_time now)
{
	const struct pod_limits *l = &w->cfg.limits;
	const char *reason = o->reason ? o->reason : "ErrImagePull", *text = o->text ? o->text : "";
	struct span image = image_of(c);
	bool told = c->image_error && strcmp(c->image_error, text) == 0;
	c->image_pulls = strcmp(reason, "ErrImagePull") == 0;
	c->image_state = IMAGE_AWAY;
	c->image_backoff_ms = c->image_backoff_ms == 0 ? l->backoff_first_ms
			      : 2 * c->image_backoff_ms < l->backoff_max_ms ? 2 * c->image_backoff_ms
									    : l->backoff_max_ms;
	c->image_retry_ms = now.mono_ms + c->image_backoff_ms;
	pod_set_text(&c->image_error, text);
	container_wait(c, reason, text);
	if (c->image_pulls)
		pod_event(w, c->name, true, "Failed", "Failed to pull image \"%.*s\": %s",
			  (int)image.len, (const char *)image.data, text);
	else if (!told && strcmp(reason, "InvalidImageName") == 0)
		pod_event(w, c->name, true, "InspectFailed", "%s", text);
	else if (!told)
		pod_event(w, c->name, true, reason, "%s", text);
	if (c->image_pulls || !told)
		pod_event(w, c->name, true, "Failed", "Error: %s", reason);
}

void pod_image_observe(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		       struct pod_time now)
{
	struct arena a = {0};
	struct span image = image_of(c);
	if (c->image_state != IMAGE_ASKED)
		return;
	if (o->kind == POD_SEEN_PULLING)
		pod_event(w, c->name, false, "Pulling", "Pulling image \"%.*s\"", (int)image.len,
			  (const char *)image.data);
	else if (o->good)
		see_there(w, c, o, &a);
	else
		see_away(w, c, o, now);
	arena_fini(&a);
}
