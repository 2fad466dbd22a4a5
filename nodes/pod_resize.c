/* Resources of containers that change while they run.
 *
 *	desired ≠ what they were given ──► wanted ──► the node has it? ── no ──► pending: Deferred
 *	   (of one that was given again, back to here)      │ yes                or Infeasible
 *	                                                    ▼
 *	                              given: the object says it from now on
 *	                                                    │ of each that runs as before
 *	                                                    ▼
 *	               POD_RESIZE, or by its resizePolicy a restart ──► as given: it is over
 *
 * A worker's object has the resources that were given, whatever the API's says by now: so
 * whoever reads it (starts, environments, admission of others, eviction) is right. A new
 * worker finds what was given in the status.
 *
 * Source of the rules: kubernetes pkg/kubelet/allocation, kuberuntime_manager.go
 * (computePodResizeAction), pkg/kubelet/events/event.go. */
#include <string.h>

#include "actors/schema/json.h"
#include "actors/schema/quantity.h"
#include "nodes/pod_worker_private.h"

static const char *const lists[] = {"initContainers", "containers"};
static const char *const parts[] = {"limits", "requests"};
static const char *const names[] = {"cpu", "memory"};
enum { RETRY_MS = 30000 };

/* ---- two lists of amounts */

static bool amount(struct mp resources, size_t part, size_t name, struct quantity *out)
{
	struct mp list;
	return resources.p && mp_find(resources, parts[part], &list) &&
	       quantity_parse(mp_path_str(list, names[name]), out) == 0;
}

static bool same(struct mp x, struct mp y, size_t name)
{
	for (size_t p = 0; p < 2; p++) {
		struct quantity a, b;
		bool in_x = amount(x, p, name, &a), in_y = amount(y, p, name, &b);
		if (in_x != in_y || (in_x && quantity_cmp(a, b)))
			return false;
	}
	return true;
}

static bool all_same(struct mp x, struct mp y)
{
	struct mp a = x, b = y;
	struct span raw_a = {0}, raw_b = {0};
	if ((!a.p || mp_raw(&a, &raw_a) == 0) && (!b.p || mp_raw(&b, &raw_b) == 0) &&
	    span_eq(raw_a, raw_b))
		return true;
	return same(x, y, 0) && same(x, y, 1);
}

static struct mp resources_of(struct mp container)
{
	struct mp out = {0};
	mp_find(container, "resources", &out);
	return out;
}

static bool may_change(const struct container *c)
{
	return c->kind == CONTAINER_MAIN || c->kind == CONTAINER_SIDECAR;
}

static bool find_spec(struct mp pod, const char *list, const char *name, struct mp *out)
{
	struct mp spec;
	size_t n;
	if (!mp_find(pod, "spec", &spec) || !mp_find(spec, list, out) || mp_array(out, &n))
		return false;
	for (; n > 0; n--, mp_skip(out))
		if (span_is(mp_path_str(*out, "name"), name))
			return true;
	return false;
}

static struct mp wanted_of(struct mp pod, const struct container *c)
{
	struct mp spec;
	return find_spec(pod, lists[c->kind == CONTAINER_MAIN], c->name, &spec) ? resources_of(spec)
										 : (struct mp){0};
}

/* ---- an object with what was given */

/* What it was given: as it runs, or as the object that we have says. */
static struct mp given(const struct pod_worker *w, const struct container *c)
{
	struct mp spec;
	if (c->recalled)
		return mp_of_bytes(c->recalled);
	return w->object && find_spec(w->pod, lists[c->kind == CONTAINER_MAIN], c->name, &spec)
		       ? resources_of(spec)
		       : (struct mp){0};
}

static void put_given(const struct pod_worker *w, struct arena *a, struct doc *spec)
{
	for (size_t l = 0; l < 2; l++) {
		struct doc *list = doc_get(spec, lists[l]);
		DOC_EACH(d, doc_is(list, DOC_ARRAY) ? list : NULL)
		{
			const struct container *c = container_find(w, doc_get_str(d, "name"));
			struct doc *resources = NULL;
			struct mp is = c && may_change(c) ? given(w, c) : (struct mp){0};
			if (is.p && doc_from_mp(a, is, &resources, NULL) == 0)
				doc_set(a, d, "resources", doc_copy(a, resources));
			else if (c && may_change(c))
				doc_remove(d, "resources");
		}
	}
}

static struct bytes *as_given(const struct pod_worker *w, struct mp pod)
{
	struct arena a = {0};
	struct buf b = {0};
	struct doc *d = NULL;
	if (doc_from_mp(&a, pod, &d, NULL) == 0) {
		d = doc_copy(&a, d);
		put_given(w, &a, doc_get(d, "spec"));
		doc_to_mp(&b, d);
	}
	arena_fini(&a);
	return bytes_take(&b);
}

static bool asks_more(const struct pod_worker *w, struct mp pod)
{
	int64_t generation = mp_path_int(pod, "metadata.generation", 0);
	if (!w->wanted && w->object && generation > 0 && w->known_spec &&
	    generation == w->facts.generation)
		return false;
	for (const struct container *c = w->containers; c; c = c->next)
		if (may_change(c) && !all_same(given(w, c), wanted_of(pod, c)))
			return true;
	return false;
}

static void free_recalled(struct pod_worker *w)
{
	for (struct container *c = w->containers; c; c = c->next) {
		bytes_unref(c->recalled);
		c->recalled = NULL;
	}
}

struct bytes *resize_take(struct pod_worker *w, struct bytes *pod)
{
	struct bytes *have;
	bool more = asks_more(w, mp_of_bytes(pod));
	w->known_spec = true;
	bytes_unref(w->wanted);
	w->wanted = NULL;
	if (more) {
		w->wanted = bytes_ref(pod);
		have = as_given(w, mp_of_bytes(pod));
	} else {
		have = bytes_ref(pod);
		pod_set_text(&w->pending_message, NULL);
		w->pending_reason = NULL;
	}
	free_recalled(w);
	return have;
}

/* ---- what people are told */

static const char *event_text(struct arena *a, struct mp pod, const char *error)
{
	struct doc *all = doc_new(a, DOC_MAP), *d = NULL;
	struct buf text = {0};
	if (doc_from_mp(a, pod, &d, NULL))
		return "";
	for (size_t l = 0; l < 2; l++) {
		const struct doc *list = doc_path(d, l ? "spec.containers" : "spec.initContainers");
		struct doc *out = doc_new(a, DOC_ARRAY);
		DOC_EACH(c, doc_is(list, DOC_ARRAY) ? list : NULL)
		{
			struct doc *one = doc_add(out, doc_new(a, DOC_MAP));
			doc_set(a, one, "name", doc_span(a, doc_get_str(c, "name")));
			if (doc_get(c, "resources"))
				doc_set(a, one, "resources", doc_copy(a, doc_get(c, "resources")));
		}
		if (out->count)
			doc_set(a, all, lists[l], out);
	}
	doc_set_int(a, all, "generation", doc_get_int(doc_get(d, "metadata"), "generation", 0));
	if (error)
		doc_set_str(a, all, "error", error);
	json_from_doc(&text, all);
	const char *said = arena_dup(a, buf_text(&text));
	buf_fini(&text);
	return said;
}

static void tell(struct pod_worker *w, struct mp pod, bool warning, const char *reason,
		 const char *what, const char *error)
{
	struct arena a = {0};
	pod_event(w, NULL, warning, reason, "Pod resize %s: %s", what, event_text(&a, pod, error));
	arena_fini(&a);
}

/* ---- the node's verdict */

struct mp pod_worker_wants(const struct pod_worker *w)
{
	bool ends = w->ending || w->gone || w->evict_reason || pod_deleting(w) || pod_terminal(w);
	return w->wanted && !ends ? mp_of_bytes(w->wanted) : (struct mp){0};
}

bool pod_worker_waits_for_room(const struct pod_worker *w)
{
	return w->wanted && w->pending_reason && strcmp(w->pending_reason, "Deferred") == 0;
}

void pod_worker_not_resized(struct pod_worker *w, const char *reason, const char *message,
			    struct pod_time now)
{
	bool known = w->pending_reason && strcmp(w->pending_reason, reason) == 0 &&
		     strcmp(w->pending_message, message) == 0;
	if (known)
		return;
	if (!w->pending_reason)
		w->pending_us = now.wall_us;
	w->pending_reason = reason;
	pod_set_text(&w->pending_message, message);
	tell(w, mp_of_bytes(w->wanted), true,
	     strcmp(reason, "Infeasible") == 0 ? "ResizeInfeasible" : "ResizeDeferred", reason, message);
}

/* Of those that run as they were given before, that is kept until they are as they are now. */
void pod_worker_resized(struct pod_worker *w, struct pod_time now)
{
	struct bytes *old = w->object;
	for (struct container *c = w->containers; c; c = c->next) {
		if (!may_change(c) || !container_alive(c))
			continue;
		struct mp was = resources_of(c->spec);
		struct span raw = {0};
		if (!c->actual && was.p && mp_raw(&was, &raw) == 0)
			c->actual = bytes_copy(raw.data, raw.len);
		else if (!c->actual)
			c->actual = bytes_copy("\x80", 1);
		c->resize_due = true;
	}
	w->object = w->wanted;
	w->wanted = NULL;
	w->pending_reason = NULL;
	pod_set_text(&w->pending_message, NULL);
	pod_take_specs(w);
	bytes_unref(old);
	pod_set_text(&w->resize_error, NULL);
	w->resizing_us = now.wall_us;
	tell(w, w->pod, false, "ResizeStarted", "started", NULL);
}

/* ---- carried out */

static void over(struct container *c)
{
	bytes_unref(c->actual);
	c->actual = NULL;
	c->resize_due = false;
	c->resize_retry_ms = 0;
}

void resize_clear(struct container *c)
{
	over(c);
	c->resize_asked = 0;
}

static bool restarts_for(const struct container *c, size_t name)
{
	struct mp list;
	size_t n;
	if (!mp_find(c->spec, "resizePolicy", &list) || mp_array(&list, &n))
		return false;
	for (; n > 0; n--, mp_skip(&list))
		if (span_is(mp_path_str(list, "resourceName"), names[name]))
			return span_is(mp_path_str(list, "restartPolicy"), "RestartContainer");
	return false;
}

bool resize_plan(struct pod_worker *w, struct container *c, struct pod_time now, int64_t *wake_ms)
{
	struct mp is = mp_of_bytes(c->actual), to = resources_of(c->spec);
	if (!c->actual || c->state == CONTAINER_STARTING || c->replace)
		return false;
	if (c->state != CONTAINER_RUNNING || all_same(is, to)) {
		resize_clear(c); /* the next attempt begins with it */
		return false;
	}
	for (size_t n = 0; n < 2; n++)
		if (!same(is, to, n) && restarts_for(c, n)) {
			c->replace = true;
			return false;
		}
	if (now.mono_ms < c->resize_retry_ms && *wake_ms > c->resize_retry_ms)
		*wake_ms = c->resize_retry_ms;
	if (!c->resize_due || now.mono_ms < c->resize_retry_ms)
		return false;
	c->resize_due = false;
	c->resize_asked++;
	(void)w;
	return true;
}

void resize_seen(struct pod_worker *w, struct container *c, const struct pod_observation *o,
		 struct pod_time now)
{
	if (c->attempt != o->attempt || !c->resize_asked || --c->resize_asked || !c->actual)
		return;
	if (o->good) {
		over(c);
		return;
	}
	const char *why = o->text ? o->text : "";
	if (!w->resize_error || strcmp(w->resize_error, why) != 0)
		tell(w, w->pod, true, "ResizeError", "error", why);
	pod_set_text(&w->resize_error, why);
	c->resize_due = true;
	c->resize_retry_ms = now.mono_ms + w->cfg.limits.retry_ms;
}

void resize_settle(struct pod_worker *w)
{
	bool under_way = false;
	for (const struct container *c = w->containers; c; c = c->next)
		under_way |= c->actual != NULL;
	if (!w->resizing_us || under_way)
		return;
	w->resizing_us = 0;
	pod_set_text(&w->resize_error, NULL);
	tell(w, w->pod, false, "ResizeCompleted", "completed", NULL);
}

int64_t resize_wake(const struct pod_worker *w, struct pod_time now)
{
	return pod_worker_waits_for_room(w) ? now.mono_ms + RETRY_MS : INT64_MAX;
}

/* ---- in the status */

struct mp resize_shown(const struct container *c)
{
	return c->actual ? mp_of_bytes(c->actual) : resources_of(c->spec);
}

void resize_recall(struct container *c, struct mp status)
{
	struct mp resources = resources_of(status);
	struct span raw;
	if (!may_change(c) || all_same(resources, resources_of(c->spec)))
		return;
	if (!resources.p) /* it was given nothing */
		c->recalled = bytes_copy("\x80", 1);
	else if (mp_raw(&resources, &raw) == 0)
		c->recalled = bytes_copy(raw.data, raw.len);
}
