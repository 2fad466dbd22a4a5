/* A pod's life in the hands of a test: a worker, a clock of the test's own, what a
 * step did in words, and parts of the status that it told. Of one file of tests. */
#ifndef TESTS_POD_LIFE_H
#define TESTS_POD_LIFE_H

#include <signal.h>

#include "nodes/pod_worker.h"
#include "tests/unit/nodes/objects.h"

#define WALL INT64_C(1795514400000000) /* 2026-11-24T10:00:00Z */

struct world {
	struct arena a;
	struct pod_worker_config cfg;
	struct pod_worker *w;
	struct pod_time now;
	struct pod_plan plan;
	struct span status; /* the last one that was reported */
	const char *log;    /* what the last step did, in words */
};

static const char *meta = "'metadata':{'name':'web','namespace':'shop','uid':'u1',"
			  "'generation':3%s},'status':%s";

static inline void desire(struct world *w, const char *spec, const char *more_meta, const char *status)
{
	struct buf b = {0};
	buf_puts(&b, "{");
	buf_printf(&b, meta, more_meta, status);
	buf_printf(&b, ",'spec':{%s}}", spec);
	struct span o = object_of(&w->a, buf_text(&b));
	struct bytes *bytes = bytes_copy(o.data, o.len);
	struct err e = {0};
	cr_assert_eq(pod_worker_desired(w->w, bytes, &e), 0, "%s", e.text);
	bytes_unref(bytes);
	buf_fini(&b);
}

static inline void begin_as(struct world *w, const char *spec, const char *status)
{
	w->now = (struct pod_time){1000000, WALL};
	w->cfg.host_ip = "192.0.2.1";
	w->w = pod_worker_new(&w->cfg);
	desire(w, spec, "", status);
}

static inline void begin(struct world *w, const char *spec)
{
	memset(w, 0, sizeof *w);
	begin_as(w, spec, "{'phase':'Pending','qosClass':'BestEffort','conditions':[{'type':"
			  "'PodScheduled','status':'True','lastTransitionTime':"
			  "'2026-11-24T09:00:00Z'}]}");
}

static inline void end(struct world *w)
{
	pod_worker_free(w->w);
	arena_fini(&w->a);
}

static inline const char *words_of(struct world *w, const struct pod_action *act)
{
	static const char *const names[] = {"attach", "sandbox", "image", "start", "signal",
					    "remove", "delete", "retire", "forget"};
	static const char *const pulls[] = {"", " always", " never"};
	if (act->kind == POD_IMAGE)
		return arena_printf(&w->a, "image %s %s%s", act->name, act->image, pulls[act->pull]);
	if (act->kind == POD_RESIZE)
		return arena_printf(&w->a, "resize %s %u", act->name, act->attempt);
	if (act->kind == POD_START)
		return arena_printf(&w->a, "start %s %u", act->name, act->attempt);
	if (act->kind == POD_SIGNAL)
		return arena_printf(&w->a, "signal %s %u %d", act->name, act->attempt, act->signal);
	return names[act->kind];
}

/* One step; the actions as words with "; " between them. */
static inline const char *step(struct world *w)
{
	const char *log = "";
	pod_worker_step(w->w, w->now, &w->a, &w->plan);
	for (size_t i = 0; i < w->plan.action_count; i++)
		log = arena_printf(&w->a, "%s%s%s", log, *log ? "; " : "",
				   words_of(w, &w->plan.actions[i]));
	if (w->plan.status.len)
		w->status = (struct span){
			(uint8_t *)arena_ndup(&w->a, w->plan.status.data, w->plan.status.len),
			w->plan.status.len};
	return log;
}

#define STEP(w, words) cr_expect_str_eq(step(w), words)

static inline void pass(struct world *w, int64_t ms)
{
	w->now.mono_ms += ms;
	w->now.wall_us += ms * 1000;
}

static inline void observe(struct world *w, struct pod_observation o)
{
	pod_worker_observe(w->w, &o, w->now);
}

static inline void up(struct world *w)
{
	static const char *const ips[] = {"127.0.1.2", NULL};
	observe(w, (struct pod_observation){.kind = POD_SEEN_SANDBOX_UP, .ips = ips});
}

static inline void started(struct world *w, const char *name, uint32_t attempt)
{
	observe(w, (struct pod_observation){.kind = POD_SEEN_STARTED, .name = name,
					    .attempt = attempt, .started_us = w->now.wall_us,
					    .image_id = "sha256:1"});
}

static inline void ended(struct world *w, const char *name, uint32_t attempt, int code)
{
	observe(w, (struct pod_observation){.kind = POD_SEEN_ENDED, .name = name,
					    .attempt = attempt, .code = code,
					    .started_us = w->now.wall_us - 1000000,
					    .finished_us = w->now.wall_us});
}

/* A part of the last status, as JSON. */
static inline const char *part(struct world *w, const char *path)
{
	struct mp v;
	return mp_path(mp_of(w->status), path, &v) ? json_of(&w->a, v) : "none";
}

/* The i-th of a list of the last status, or the condition of a type. */
static inline struct mp item(struct world *w, const char *list, size_t i)
{
	struct mp v = {0};
	size_t n = 0;
	cr_assert(mp_path(mp_of(w->status), list, &v) && mp_array(&v, &n) == 0 && i < n, "%s", list);
	while (i-- > 0)
		mp_skip(&v);
	return v;
}

static inline const char *in_item(struct world *w, const char *list, size_t i, const char *path)
{
	struct mp v;
	return mp_path(item(w, list, i), path, &v) ? json_of(&w->a, v) : "none";
}

static inline const char *main_part(struct world *w, const char *path)
{
	return in_item(w, "containerStatuses", 0, path);
}

static inline const char *condition(struct world *w, const char *type, const char *path)
{
	struct mp v = {0}, field;
	size_t n = 0;
	cr_assert(mp_path(mp_of(w->status), "conditions", &v) && mp_array(&v, &n) == 0);
	for (; n > 0; n--, mp_skip(&v))
		if (span_is(mp_path_str(v, "type"), type))
			return mp_path(v, path, &field) ? json_of(&w->a, field) : "none";
	return "no such condition";
}

static inline const struct pod_event *event(struct world *w, const char *reason)
{
	for (size_t i = 0; i < w->plan.event_count; i++)
		if (strcmp(w->plan.events[i].reason, reason) == 0)
			return &w->plan.events[i];
	return NULL;
}

#define ONE "'containers':[{'name':'c','image':'img:1','command':['run']}]"
#define INIT                                                                                       \
	"'initContainers':[{'name':'i1'},{'name':'i2'}],'containers':[{'name':'c'},{'name':'d'}]"

static inline void run_one(struct world *w, const char *spec)
{
	begin(w, spec);
	STEP(w, "sandbox");
	up(w);
	STEP(w, "start c 0");
	started(w, "c", 0);
	STEP(w, "");
}

#endif
