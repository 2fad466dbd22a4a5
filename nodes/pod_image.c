/* Images before containers: each start asks for the image first, as a kubelet does,
 * and waits with a back-off when it is not to be had.
 *
 * Source of the rules and words: kubernetes pkg/kubelet/images/image_manager.go. */
#include <string.h>

#include "nodes/pod_env_private.h"
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

/* ---- who one is at registries */

/* Of a key that has dots. */
static struct span text_at(struct mp map, const char *key)
{
	struct span text = {0};
	struct mp v;
	if (mp_find(map, key, &v))
		mp_str(&v, &text);
	return text;
}

/* The text of a secret of either type as that of a config.json; NULL: it is none. */
static const char *auth_of(struct arena *a, struct mp secret)
{
	struct mp data;
	if (!mp_find(secret, "data", &data))
		return NULL;
	struct span whole = env_base64(a, text_at(data, ".dockerconfigjson"));
	if (whole.len)
		return arena_ndup(a, whole.data, whole.len);
	struct span old = env_base64(a, text_at(data, ".dockercfg"));
	return old.len ? arena_printf(a, "{\"auths\":%.*s}", (int)old.len, (const char *)old.data)
		       : NULL;
}

/* 0, or ERR_AGAIN: a secret is not known yet. Those that are not there are named. */
static int find_auths(struct pod_worker *w, struct arena *a, const char *const **out,
		      const char **missing)
{
	const struct pod_env_source *s = &w->cfg.source;
	struct span ns = mp_path_str(w->pod, "metadata.namespace");
	struct mp spec, list;
	size_t n = 0, count = 0;
	*missing = NULL;
	if (!mp_find(w->pod, "spec", &spec) || !mp_find(spec, "imagePullSecrets", &list) ||
	    mp_array(&list, &n) || !s->object)
		n = 0;
	const char **all = arena_alloc(a, (n + 1) * sizeof *all);
	*out = all;
	for (size_t i = 0; i < n; i++, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name"), object;
		int rc = s->object(s->arg, POD_ENV_SECRET, ns, name, &object);
		const char *text = rc ? NULL : auth_of(a, mp_of(object));
		if (rc == ERR_AGAIN)
			return rc;
		if (text)
			all[count++] = text;
		else
			*missing = arena_printf(a, "%s%s%.*s", *missing ? *missing : "",
						*missing ? ", " : "", (int)name.len,
						(const char *)name.data);
	}
	return 0;
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
	const char *missing = NULL;
	if (policy_of(c) != POD_PULL_NEVER && find_auths(w, a, &ask->auths, &missing)) {
		*wake_ms = now.mono_ms + w->cfg.limits.retry_ms;
		return IMAGE_WAIT;
	}
	if (policy_of(c) != POD_PULL_NEVER && missing)
		pod_event(w, NULL, true, "FailedToRetrieveImagePullSecret",
			  "Unable to retrieve some image pull secrets (%s); attempting to pull the "
			  "image may not succeed.", missing);
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
