/* The runtime `sim`: containers that exist in this actor alone. They start
 * and become ready at once; `true`, `false`, `exit N` and `sleep N` end as
 * they say (also under sh -c), the annotation sim.troupe.io/run scripts the
 * rest: "5s exit 3". An agent that was restarted takes the status' word for
 * what runs. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/rfc3339.h"
#include "nodes/node_private.h"

#define FOREVER INT64_C(-1)

struct sim_ending {
	uint64_t pod;
	uint32_t attempt;
	int code;
	char name[64];
	int64_t started_us;
};

/* "true", "false", "exit 3", "sleep 5", "sleep 5; exit 3" */
static void read_script(const char *text, int64_t *after_us, int *code)
{
	*after_us = 0;
	*code = 0;
	bool ends = false;
	while (*text) {
		text += strspn(text, " ;&\n");
		if (strncmp(text, "sleep ", 6) == 0) {
			*after_us += (int64_t)strtol(text + 6, NULL, 10) * 1000000;
			ends = true;
		} else if (strncmp(text, "exit ", 5) == 0) {
			*code = (int)strtol(text + 5, NULL, 10) & 255;
			return;
		} else if (strncmp(text, "false", 5) == 0) {
			*code = 1;
			return;
		} else if (strncmp(text, "true", 4) == 0) {
			ends = true;
		} else if (*text && strncmp(text, "exec ", 5) != 0 && strncmp(text, "echo", 4) != 0) {
			*after_us = FOREVER; /* an unknown program: it serves */
			return;
		}
		if (strncmp(text, "exec ", 5) == 0)
			text += 5;
		else
			text += strcspn(text, ";&\n");
	}
	if (!ends)
		*after_us = FOREVER;
}

static const char *script_of(struct arena *a, const struct pod_action *x)
{
	struct buf line = {0};
	const char *const *lists[] = {x->command.command, x->command.args};
	size_t words = 0;
	bool shell = false;
	for (int l = 0; l < 2; l++) {
		for (size_t i = 0; lists[l] && lists[l][i]; i++, words++) {
			const char *w = lists[l][i];
			if (words == 0 && (strcmp(w, "sh") == 0 || strcmp(w, "/bin/sh") == 0))
				shell = true;
			else if (!(shell && words == 1))
				buf_printf(&line, "%s%s", line.len ? " " : "", w);
		}
	}
	char *text = arena_ndup(a, line.data, line.len);
	buf_fini(&line);
	return text;
}

static void start(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x,
		  int64_t started_us)
{
	struct pod_observation o = {.kind = POD_SEEN_STARTED,
				    .name = x->name,
				    .attempt = x->attempt,
				    .started_us = started_us};
	int64_t after_us;
	int code;
	agent_observe(c, a, p, &o);
	read_script(script_of(ctx_arena(c), x), &after_us, &code);
	if (after_us == FOREVER)
		return;
	struct sim_ending *e = mem_alloc(sizeof *e);
	uint64_t id = ++a->next_id;
	struct key8 k = node_key8(id);
	*e = (struct sim_ending){.pod = p->id, .attempt = x->attempt, .code = code,
				 .started_us = started_us};
	snprintf(e->name, sizeof e->name, "%s", x->name);
	omap_put(&a->endings, SPAN8(k), e);
	ctx_timer(c, (uint64_t)after_us, NODE_TAG(TAG_SIM_END, id));
}

void sim_end(struct ctx *c, struct agent *a, uint64_t id)
{
	struct key8 k = node_key8(id);
	struct sim_ending *e = omap_remove(&a->endings, SPAN8(k));
	struct agent_pod *p = e ? agent_pod(a, e->pod) : NULL;
	uint32_t attempt;
	bool running;
	if (p && p->worker && pod_worker_attempt(p->worker, e->name, &attempt, &running) && running &&
	    attempt == e->attempt) {
		struct pod_observation o = {.kind = POD_SEEN_ENDED,
					    .name = e->name,
					    .attempt = e->attempt,
					    .code = e->code,
					    .started_us = e->started_us,
					    .finished_us = ctx_wall_us(c)};
		agent_observe(c, a, p, &o);
	}
	free(e);
}

/* What the status says runs is what runs. */
static void attach(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct mp list;
	size_t n = 0;
	struct mp pod = pod_worker_object(p->worker);
	if (!mp_path(pod, "status.containerStatuses", &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name");
		struct span since = mp_path_str(list, "state.running.startedAt");
		int64_t us = 0;
		if (!since.len || rfc3339_parse(since, &us))
			continue;
		struct pod_observation o = {
			.kind = POD_SEEN_STARTED,
			.name = arena_ndup(ctx_arena(c), name.data, name.len),
			.attempt = (uint32_t)mp_path_int(list, "restartCount", 0),
			.started_us = us};
		agent_observe(c, a, p, &o);
	}
}

static void up(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct span was = mp_path_str(pod_worker_object(p->worker), "status.podIP");
	char ip[32];
	uint64_t number = ++a->sim_addresses;
	if (was.len && was.len < sizeof ip)
		snprintf(ip, sizeof ip, "%.*s", (int)was.len, (const char *)was.data);
	else
		snprintf(ip, sizeof ip, "10.%u.%u.%u", 200 + (unsigned)(number >> 16 & 31),
			 (unsigned)(number >> 8 & 255), (unsigned)(number & 255));
	const char *ips[] = {ip, NULL};
	struct pod_observation o = {.kind = POD_SEEN_SANDBOX_UP, .ips = ips};
	agent_observe(c, a, p, &o);
}

void sim_act(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x)
{
	struct pod_observation o = {.name = x->name, .attempt = x->attempt};
	uint32_t attempt;
	bool running;
	switch (x->kind) {
	case POD_ATTACH:
		attach(c, a, p);
		up(c, a, p);
		break;
	case POD_SANDBOX:
		up(c, a, p);
		break;
	case POD_START:
		start(c, a, p, x, ctx_wall_us(c));
		break;
	case POD_SIGNAL:
		if (!pod_worker_attempt(p->worker, x->name, &attempt, &running) || !running)
			break;
		o.kind = POD_SEEN_ENDED;
		o.attempt = attempt;
		o.code = 128 + x->signal;
		o.finished_us = o.started_us = ctx_wall_us(c);
		agent_observe(c, a, p, &o);
		break;
	case POD_SANDBOX_REMOVE:
		o.kind = POD_SEEN_SANDBOX_DOWN;
		agent_observe(c, a, p, &o);
		break;
	default:
		break;
	}
}
