#include "nodes/node_runs.h"

#include <stdio.h>
#include <stdlib.h>

#include "nodes/probes/probe_call.h"
#include "nodes/probes/probe_port.h"

enum {
	AGAIN_US = 50000,      /* until config maps and secrets are asked for again */
	AGAIN_TRIES_MAX = 100,
	OUTPUT_BYTES_MAX = 10 * 1024, /* of a command: what an event may need */
	STREAMS = 1 << 1 | 1 << 2,    /* stdout and stderr (exec_link.h) */
};

void agent_run_free(void *arg)
{
	struct agent_run *r = arg;
	bytes_unref(r->handler);
	bytes_unref(r->call);
	buf_fini(&r->output);
	free(r->container);
	free(r);
}

/* ---- the end of one */

static void unlink_run(struct ctx *c, struct agent *a, struct agent_pod *p, struct agent_run *r)
{
	struct agent_run **at = &p->runs;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	omap_remove_u64(&a->runs, r->id);
	if (r->timer)
		ctx_cancel(c, r->timer);
	r->timer = 0;
}

/* A command's session is to be closed in any case: nobody else does it. */
static void hang_up(struct ctx *c, struct agent *a, struct agent_run *r, bool ended)
{
	if (r->exec && r->sent)
		ctx_port_call(c, a->port, RUNTIME_KILL, r->id, 0, NULL);
	else if (r->sent && !ended)
		ctx_port_call(c, a->probe_port, PROBE_CANCEL, r->id, 0, NULL);
}

static void drop(struct ctx *c, struct agent *a, struct agent_pod *p, struct agent_run *r)
{
	unlink_run(c, a, p, r);
	hang_up(c, a, r, false);
	agent_run_free(r);
}

static void finish(struct ctx *c, struct agent *a, struct agent_run *r, enum probe_result result,
		   struct span text)
{
	struct agent_pod *p = agent_pod(a, r->pod);
	unlink_run(c, a, p, r);
	hang_up(c, a, r, true);
	probes_on_result(c, a, p, r, result, text);
	agent_run_free(r);
}

void runs_drop_all(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	while (p->runs)
		drop(c, a, p, p->runs);
}

static bool is_there(const struct agent_pod *p, const struct agent_run *r)
{
	uint32_t attempt;
	bool running;
	return pod_worker_attempt(p->worker, r->container, &attempt, &running) && running &&
	       attempt == r->attempt;
}

void runs_drop_ended(struct ctx *c, struct agent *a, struct agent_pod *p)
{
	struct agent_run *next;
	for (struct agent_run *r = p->runs; r; r = next) {
		next = r->next;
		if (!is_there(p, r))
			drop(c, a, p, r);
	}
}

/* ---- the call that a port takes */

bool agent_spec_of(const struct agent_pod *p, const char *name, struct mp *spec)
{
	struct pod_container k;
	const void *at = NULL;
	while ((at = pod_worker_each(p->worker, at, &k)))
		if (strcmp(k.name, name) == 0) {
			*spec = k.spec;
			return true;
		}
	return false;
}

static void put_env(struct buf *b, const char *const *env)
{
	mpw_str(b, "env");
	size_t at = mpw_array_open(b), n = 0;
	for (; env && env[n]; n++)
		mpw_str(b, env[n]);
	mpw_array_close(b, at, n);
}

/* What its container's environment came from may be gone by now: the command then
 * has what every container has. */
static int make_exec(struct ctx *c, struct agent *a, struct agent_pod *p, struct agent_run *r,
		     struct mp exec, struct buf *b)
{
	struct pod_command command = {.env = a->base_env};
	struct mp list;
	struct span argv = {0};
	int rc = pod_worker_command(p->worker, r->container, ctx_arena(c), &command, NULL);
	if (rc == ERR_AGAIN && r->tries++ < AGAIN_TRIES_MAX)
		return ERR_AGAIN;
	if (rc)
		command = (struct pod_command){.env = a->base_env};
	if (mp_find(exec, "command", &list))
		mp_raw(&list, &argv);
	mpw_map(b, 7);
	mpw_kv_str(b, "uid", p->uid);
	mpw_kv_str(b, "container", r->container);
	mpw_str(b, "argv");
	mpw_raw(b, argv);
	put_env(b, command.env);
	mpw_kv_str(b, "cwd", command.cwd ? command.cwd : "");
	mpw_kv_i64(b, "streams", STREAMS);
	mpw_kv_bool(b, "tty", false);
	return 0;
}

static int make_call(struct ctx *c, struct agent *a, struct agent_pod *p, struct agent_run *r,
		     struct err *e)
{
	struct mp action, handler = mp_of_bytes(r->handler), spec = {0};
	struct buf b = {0};
	if (!agent_spec_of(p, r->container, &spec))
		return err_set(e, ERR_NOT_FOUND, "no such container");
	struct probe_target t = {.container = spec, .pod_ip = pod_worker_ip(p->worker),
				 .hook = r->what >= (int)PROBE_KINDS, .timeout_ms = r->timeout_ms};
	int rc = handler_kind(handler, &action) == HANDLER_EXEC ? make_exec(c, a, p, r, action, &b)
								 : probe_call_make(handler, &t, &b, e);
	if (rc)
		buf_fini(&b);
	else
		r->call = bytes_take(&b);
	return rc;
}

/* ---- beginning */

static void set_timer(struct ctx *c, struct agent_run *r, uint64_t after_us)
{
	r->timer = ctx_timer(c, after_us, NODE_TAG(TAG_RUN, r->id));
}

static void start(struct ctx *c, struct agent *a, struct agent_pod *p, struct agent_run *r)
{
	struct err e = {0};
	int rc = r->call ? 0 : make_call(c, a, p, r, &e);
	if (rc == ERR_AGAIN) {
		set_timer(c, r, AGAIN_US);
		return;
	}
	if (rc) {
		finish(c, a, r, PROBE_ERROR, span_of(e.text));
		return;
	}
	r->sent = true;
	if (r->exec && r->timeout_ms)
		set_timer(c, r, (uint64_t)r->timeout_ms * 1000);
	ctx_port_call(c, r->exec ? a->port : a->probe_port, r->exec ? RUNTIME_EXEC : PROBE_RUN, r->id, 0,
		      bytes_ref(r->call));
}

void run_begin(struct ctx *c, struct agent *a, struct agent_pod *p, const struct agent_run *wish)
{
	struct agent_run *r = mem_alloc(sizeof *r);
	struct mp action;
	*r = *wish;
	r->id = ++a->next_id;
	r->pod = p->id;
	r->container = mem_dup(wish->container);
	r->handler = bytes_ref(wish->handler);
	r->call = bytes_ref(wish->call);
	r->next = p->runs;
	p->runs = r;
	omap_put_u64(&a->runs, r->id, r);
	enum handler_kind kind = handler_kind(mp_of_bytes(r->handler), &action);
	r->exec = kind == HANDLER_EXEC;
	if (kind == HANDLER_SLEEP)
		set_timer(c, r, (uint64_t)mp_path_int(action, "seconds", 0) * 1000000);
	else
		start(c, a, p, r);
}

/* ---- time */

/* As Go prints a duration of whole seconds. */
static const char *seconds_text(struct arena *a, int64_t ms)
{
	long long s = ms / 1000;
	if (s < 60)
		return arena_printf(a, "%llds", s);
	if (s < 3600)
		return arena_printf(a, "%lldm%llds", s / 60, s % 60);
	return arena_printf(a, "%lldh%lldm%llds", s / 3600, s / 60 % 60, s % 60);
}

void runs_on_timer(struct ctx *c, struct agent *a, uint64_t id)
{
	struct agent_run *r = omap_get_u64(&a->runs, id);
	struct mp action;
	if (!r)
		return;
	r->timer = 0;
	if (handler_kind(mp_of_bytes(r->handler), &action) == HANDLER_SLEEP) {
		finish(c, a, r, PROBE_SUCCESS, (struct span){0});
	} else if (!r->sent) {
		start(c, a, agent_pod(a, r->pod), r);
	} else {
		struct arena *arena = ctx_arena(c);
		const char *why = arena_printf(arena, "command timed out: \"%s\" timed out after %s",
					       probe_command_line(arena, action),
					       seconds_text(arena, r->timeout_ms));
		finish(c, a, r, PROBE_FAILURE, span_of(why));
	}
}

/* ---- what ports say */

void runs_on_request(struct ctx *c, struct agent *a, const struct port_event *e)
{
	struct agent_run *r = omap_get_u64(&a->runs, e->id);
	if (r && !r->exec)
		finish(c, a, r, (enum probe_result)e->arg,
		       e->payload ? bytes_span(e->payload) : (struct span){0});
}

static void keep_output(struct agent_run *r, struct mp body)
{
	struct mp list;
	size_t n = 0, two;
	int64_t stream;
	struct span data;
	if (!mp_find(body, "frames", &list) || mp_array(&list, &n))
		n = 0;
	for (; n > 0; n--) {
		if (mp_array(&list, &two) || mp_i64(&list, &stream) || mp_bin(&list, &data))
			return;
		size_t room = OUTPUT_BYTES_MAX - r->output.len;
		buf_append(&r->output, data.data, data.len < room ? data.len : room);
	}
}

static void on_end(struct ctx *c, struct agent *a, struct agent_run *r, struct mp body)
{
	struct mp v;
	struct span error = {0};
	r->code = mp_path_int(body, "code", 0);
	if (mp_find(body, "error", &v))
		mp_bin(&v, &error);
	if (mp_path_bool(body, "unknown", false))
		finish(c, a, r, PROBE_ERROR, span_of("its container has ended"));
	else if (error.len)
		finish(c, a, r, PROBE_ERROR, error);
	else
		finish(c, a, r, r->code ? PROBE_FAILURE : PROBE_SUCCESS,
		       span_buf(&r->output));
}

void runs_on_command(struct ctx *c, struct agent *a, const struct port_event *e)
{
	struct agent_run *r = omap_get_u64(&a->runs, e->id);
	struct mp body = mp_of_bytes(e->payload);
	if (!r || !r->exec)
		return;
	if (e->op == RUNTIME_EXECED && e->arg) {
		finish(c, a, r, PROBE_ERROR, mp_path_str(body, "text"));
		return;
	}
	if (e->op == RUNTIME_OUTPUT) {
		keep_output(r, body);
		if (mp_path_bool(body, "end", true)) {
			on_end(c, a, r, body);
			return;
		}
	}
	ctx_port_call(c, a->port, RUNTIME_PULL, r->id, 0, NULL);
}
