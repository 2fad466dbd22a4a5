/* The runtime `sim`: containers that exist in this actor alone. What one does
 * is planned by runtime_sim.h when it starts; here are only the timers that
 * make it so. An agent that was restarted takes the status' word for what
 * runs, and plans the rest of it from there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/rfc3339.h"
#include "broker/base/planted.h"
#include "nodes/node_private.h"
#include "nodes/runtime_sim.h"

enum sim_due { SIM_STARTS, SIM_IS_READY, SIM_ENDS };

/* Something that a container will do. That it came to nothing meanwhile need
 * not be checked: the worker ignores what is said of former attempts. */
struct sim_timer {
	struct sim_timer *next; /* of this pod */
	uint64_t id, timer, pod;
	enum sim_due due;
	uint32_t attempt;
	int32_t code;
	const char *reason; /* a constant, or NULL */
	char *name;
	int64_t started_us;
	struct sim_run run; /* SIM_STARTS: what follows; its text is gone */
};

void sim_timer_free(void *timer)
{
	struct sim_timer *t = timer;
	free(t->name);
	free(t);
}

static struct sim_timer *set_timer(struct ctx *c, struct agent *a, struct agent_pod *p,
				   enum sim_due due, const char *name, uint32_t attempt,
				   int64_t after_ms)
{
	struct sim_timer *t = mem_alloc(sizeof *t);
	t->id = ++a->next_id;
	t->pod = p->id;
	t->due = due;
	t->attempt = attempt;
	t->name = mem_dup(name);
	t->next = p->sim_timers;
	p->sim_timers = t;
	omap_put_u64(&a->sim_timers, t->id, t);
	t->timer = ctx_timer(c, after_ms > 0 ? (uint64_t)after_ms * 1000 : 0,
			     NODE_TAG(TAG_SIM, t->id));
	return t;
}

void sim_forget(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	while (p->sim_timers) {
		struct sim_timer *t = p->sim_timers;
		p->sim_timers = t->next;
		ctx_cancel(c, t->timer);
		omap_remove_u64(&a->sim_timers, t->id);
		sim_timer_free(t);
	}
}

/* ---- the plan of a container */

static bool spec_of(struct mp pod, const char *name, struct mp *spec)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers",
					    "spec.ephemeralContainers"};
	for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
		size_t n = 0;
		if (!mp_path(pod, lists[l], spec) || mp_array(spec, &n))
			continue;
		for (; n > 0; n--, mp_skip(spec))
			if (span_is(mp_path_str(*spec, "name"), name))
				return true;
	}
	return false;
}

static struct span image_of(const struct agent_pod *p, const char *name)
{
	struct mp spec;
	if (!spec_of(pod_worker_object(p->worker), name, &spec))
		return (struct span){0};
	return mp_path_str(spec, "image");
}

static size_t copy_texts(struct arena *a, struct mp spec, const char *key, const char **out,
			 size_t max)
{
	struct mp list;
	size_t n = 0, i = 0;
	if (!mp_find(spec, key, &list) || mp_array(&list, &n))
		return 0;
	for (; i < n && i < max; i++) {
		struct span s = {0};
		mp_str(&list, &s);
		out[i] = arena_ndup(a, s.data, s.len);
	}
	return i;
}

enum { WORDS_MAX = 64 };

static const char *const *argv_of_spec(struct arena *a, struct mp spec)
{
	const char **argv = arena_alloc(a, (2 * WORDS_MAX + 1) * sizeof *argv);
	size_t n = copy_texts(a, spec, "command", argv, WORDS_MAX);
	copy_texts(a, spec, "args", argv + n, WORDS_MAX);
	return argv;
}

static const char *const *argv_of_command(struct arena *a, const struct pod_command *cmd)
{
	const char *const *lists[] = {cmd->command, cmd->args};
	const char **argv = arena_alloc(a, (2 * WORDS_MAX + 1) * sizeof *argv);
	size_t n = 0;
	for (int l = 0; l < 2; l++)
		for (size_t i = 0; i < WORDS_MAX && lists[l] && lists[l][i]; i++)
			argv[n++] = lists[l][i];
	return argv;
}

/* `argv` NULL: as the spec has it, without its variables. */
static int plan(struct ctx *c, struct agent_pod *p, const char *name, uint32_t attempt,
		const char *const *argv, struct sim_run *out, struct err *e)
{
	struct mp pod = pod_worker_object(p->worker), spec, annotations = {0};
	struct arena *a = ctx_arena(c);
	if (!mp_path(pod, "metadata.annotations", &annotations))
		annotations = (struct mp){0};
	if (!argv)
		argv = spec_of(pod, name, &spec) ? argv_of_spec(a, spec)
						 : arena_alloc(a, sizeof *argv);
	return sim_run_plan(a, argv, annotations, name, attempt, out, e);
}

/* ---- what happens to it */

static void tell_ready(struct ctx *c, struct agent *a, struct agent_pod *p, const char *name)
{
	agent_observe(c, a, p,
		      &(struct pod_observation){.kind = POD_SEEN_READY, .name = name, .good = true});
}

/* It has started, some time ago when it was found: what else it will do. */
static void started(struct ctx *c, struct agent *a, struct agent_pod *p, const char *name,
		    uint32_t attempt, int64_t started_us, const struct sim_run *run)
{
	int64_t age_ms = (ctx_wall_us(c) - started_us) / 1000;
	if (age_ms < 0 && !PLANTED(CLOCK_BELIEVED))
		age_ms = 0; /* the clock was put back since: else it would wait as long again */
	struct span image = image_of(p, name);
	struct pod_observation o = {
		.kind = POD_SEEN_STARTED,
		.name = name,
		.attempt = attempt,
		.started_us = started_us,
		.image_id = arena_ndup(ctx_arena(c), image.data, image.len),
	};
	agent_observe(c, a, p, &o);
	if (run->ready_ms != SIM_NEVER && run->ready_ms <= age_ms)
		tell_ready(c, a, p, name);
	else if (run->ready_ms != SIM_NEVER)
		set_timer(c, a, p, SIM_IS_READY, name, attempt, run->ready_ms - age_ms);
	if (run->end_ms == SIM_NEVER)
		return;
	struct sim_timer *t = set_timer(c, a, p, SIM_ENDS, name, attempt, run->end_ms - age_ms);
	t->code = run->code;
	t->reason = run->reason;
	t->started_us = started_us;
}

static void no_image(struct ctx *c, struct agent *a, struct agent_pod *p, const char *name,
		     struct span image)
{
	struct buf text = {0};
	buf_printf(&text, "image \"%.*s\" is not in the simulated registry", (int)image.len,
		   (const char *)image.data);
	agent_observe(c, a, p,
		      &(struct pod_observation){.kind = POD_SEEN_WAITING,
						.name = name,
						.reason = "ErrImagePull",
						.text = arena_ndup(ctx_arena(c), text.data, text.len)});
	buf_fini(&text);
}

static void start(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x)
{
	struct err e = {0};
	struct sim_run run;
	struct span image = image_of(p, x->name);
	if (!sim_image_exists(image)) {
		no_image(c, a, p, x->name, image);
		return;
	}
	const struct sim_containers *chaos = ctx_shared(c, "sim-containers");
	int rc = plan(c, p, x->name, x->attempt, argv_of_command(ctx_arena(c), &x->command), &run,
		      &e);
	if (rc == 0 && chaos)
		chaos->starts(chaos->arg, a->node, &run);
	if (rc || run.error) {
		struct pod_observation o = {.kind = POD_SEEN_START_FAILED,
					    .name = x->name,
					    .attempt = x->attempt,
					    .finished_us = ctx_wall_us(c),
					    .text = rc ? e.text : run.error};
		agent_observe(c, a, p, &o);
	} else if (run.start_ms > 0) {
		set_timer(c, a, p, SIM_STARTS, x->name, x->attempt, run.start_ms)->run = run;
	} else {
		started(c, a, p, x->name, x->attempt, ctx_wall_us(c), &run);
	}
}

static void ended(struct ctx *c, struct agent *a, struct agent_pod *p, const char *name,
		  uint32_t attempt, int32_t code, const char *reason, int64_t started_us)
{
	struct pod_observation o = {.kind = POD_SEEN_ENDED,
				    .name = name,
				    .attempt = attempt,
				    .code = code,
				    .reason = reason,
				    .started_us = started_us,
				    .finished_us = ctx_wall_us(c)};
	agent_observe(c, a, p, &o);
}

static void signal_to(struct ctx *c, struct agent *a, struct agent_pod *p,
		      const struct pod_action *x)
{
	struct sim_run run;
	if (x->signal == SIGKILL) {
		ended(c, a, p, x->name, x->attempt, 128 + SIGKILL, NULL, 0);
		return;
	}
	plan(c, p, x->name, x->attempt, NULL, &run, NULL);
	if (run.term_ms == 0)
		ended(c, a, p, x->name, x->attempt, run.term_code ? run.term_code : 128 + x->signal,
		      NULL, 0);
	else if (run.term_ms != SIM_NEVER)
		set_timer(c, a, p, SIM_ENDS, x->name, x->attempt, run.term_ms)->code =
			run.term_code;
}

static bool runs(const struct agent_pod *p, const struct sim_timer *t)
{
	uint32_t attempt;
	bool running;
	return pod_worker_attempt(p->worker, t->name, &attempt, &running) && running &&
	       attempt == t->attempt;
}

void sim_on_timer(struct ctx *c, struct agent *a, uint64_t id)
{
	struct sim_timer *t = omap_remove_u64(&a->sim_timers, id);
	struct agent_pod *p = t ? agent_pod(a, t->pod) : NULL;
	if (!p)
		return;
	struct sim_timer **at = &p->sim_timers;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	ctx_resume(c, &p->trace);
	if (t->due == SIM_STARTS)
		started(c, a, p, t->name, t->attempt, ctx_wall_us(c), &t->run);
	else if (t->due == SIM_ENDS)
		ended(c, a, p, t->name, t->attempt, t->code, t->reason, t->started_us);
	else if (runs(p, t))
		tell_ready(c, a, p, t->name);
	sim_timer_free(t);
}

/* ---- chaos */

void sim_on_port(struct ctx *c, struct agent *a, uint64_t id)
{
	const struct sim_containers *chaos = ctx_shared(c, "sim-containers");
	for (struct onode *n = omap_first(&a->pods); n && chaos; n = omap_next(n)) {
		struct agent_pod *p = n->value;
		struct pod_container it;
		const void *at = NULL;
		while (p->worker && (at = pod_worker_each(p->worker, at, &it))) {
			struct sim_run run = {0};
			if (!it.runs || !chaos->ends(chaos->arg, id, &run))
				continue;
			struct sim_timer *t = set_timer(c, a, p, SIM_ENDS, it.name, it.attempt, run.end_ms);
			t->code = run.code;
			t->reason = run.reason;
			t->started_us = it.started_us;
		}
	}
}

/* ---- what an agent finds when it begins */

static void attach_list(struct ctx *c, struct agent *a, struct agent_pod *p, const char *path)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(pod_worker_object(p->worker), path, &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name");
		struct span since = mp_path_str(list, "state.running.startedAt");
		uint32_t attempt = (uint32_t)mp_path_int(list, "restartCount", 0);
		struct sim_run run;
		int64_t us = 0;
		if (!since.len || rfc3339_parse(since, &us))
			continue;
		char *text = arena_ndup(ctx_arena(c), name.data, name.len);
		plan(c, p, text, attempt, NULL, &run, NULL);
		started(c, a, p, text, attempt, us, &run);
	}
}

static uint32_t hash(struct span text)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ text.data[i]) * 16777619u;
	return h;
}

/* An address in 10.128.0.0/9, by the uid: agents need not agree on it. */
static void up(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct span was = mp_path_str(pod_worker_object(p->worker), "status.podIP");
	uint32_t h = hash(span_of(p->uid));
	char ip[32];
	if (was.len && was.len < sizeof ip)
		snprintf(ip, sizeof ip, "%.*s", (int)was.len, (const char *)was.data);
	else
		snprintf(ip, sizeof ip, "10.%u.%u.%u", 128 + (h >> 16 & 127), h >> 8 & 255,
			 1 + (h & 255) % 254);
	const char *ips[] = {ip, NULL};
	struct pod_observation o = {.kind = POD_SEEN_SANDBOX_UP, .ips = ips};
	agent_observe(c, a, p, &o);
}

void sim_act(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x)
{
	switch (x->kind) {
	case POD_ATTACH:
		attach_list(c, a, p, "status.initContainerStatuses");
		attach_list(c, a, p, "status.containerStatuses");
		attach_list(c, a, p, "status.ephemeralContainerStatuses");
		up(c, a, p);
		break;
	case POD_SANDBOX:
		up(c, a, p);
		break;
	case POD_START:
		start(c, a, p, x);
		break;
	case POD_SIGNAL:
		signal_to(c, a, p, x);
		break;
	case POD_SANDBOX_REMOVE:
		agent_observe(c, a, p,
			      &(struct pod_observation){.kind = POD_SEEN_SANDBOX_DOWN});
		break;
	default:
		break;
	}
}
