/* A pod worker's actions as calls of the runtime's port. */
#include "nodes/node_private.h"
#include "nodes/security.h"

void agent_call(struct ctx *c, struct agent *a, struct agent_pod *p, uint32_t op, struct buf *b)
{
	if (!b->len)
		mpw_map(b, 0);
	ctx_port_call(c, a->port, op, p->id, 0, bytes_take(b));
}

/* What an OCI runtime knows of a pod is its object. */
static size_t put_object(struct buf *b, const struct agent *a, const struct agent_pod *p)
{
	struct mp m = p->worker ? pod_worker_object(p->worker) : (struct mp){0};
	struct span all;
	if (!a->oci || !m.p || mp_raw(&m, &all))
		return 0;
	mpw_str(b, "pod");
	mpw_raw(b, all);
	return 1;
}

void agent_call_uid(struct ctx *c, struct agent *a, struct agent_pod *p, uint32_t op)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b);
	mpw_kv_str(&b, "uid", p->uid);
	mpw_map_close(&b, at, 1 + (op == RUNTIME_ATTACH ? put_object(&b, a, p) : 0));
	agent_call(c, a, p, op, &b);
}

static size_t put_texts(struct buf *b, const char *const *list)
{
	size_t n = 0;
	for (; list && list[n]; n++)
		mpw_str(b, list[n]);
	return n;
}

static void put_list(struct buf *b, const char *key, const char *const *list)
{
	mpw_str(b, key);
	size_t at = mpw_array_open(b);
	mpw_array_close(b, at, put_texts(b, list));
}

static void call_sandbox(struct ctx *c, struct agent *a, struct agent_pod *p, struct span volumes,
			 struct span handler)
{
	struct buf b = {0};
	size_t at = mpw_map_open(&b);
	mpw_kv_str(&b, "uid", p->uid);
	mpw_kv_span(&b, "handler", handler);
	mpw_map_close(&b, at, 2 + put_object(&b, a, p) + node_volumes_put(c, p, &b, volumes));
	agent_call(c, a, p, RUNTIME_SANDBOX, &b);
}

static void start_sandbox(struct ctx *c, struct agent *a, struct agent_pod *p, struct span volumes)
{
	struct span handler = {0};
	const char *fault = NULL;
	if (a->oci)
		fault = agent_runtime_fault(p, ctx_arena(c), &handler);
	struct pod_observation o = {.kind = POD_SEEN_SANDBOX_FAILED, .text = fault};
	if (fault)
		agent_observe(c, a, p, &o);
	else
		call_sandbox(c, a, p, volumes, handler);
}

/* What it has of stdin and of a terminal, and what counts as its last words. */
static size_t put_streams(struct buf *b, const struct agent_pod *p, const char *name, bool *tty)
{
	static const char *const keys[] = {"stdin", "stdinOnce", "tty"};
	struct mp spec = {0};
	bool known = agent_spec_of(p, name, &spec);
	for (size_t i = 0; i < 3; i++)
		mpw_kv_bool(b, keys[i], known && mp_path_bool(spec, keys[i], false));
	*tty = known && mp_path_bool(spec, "tty", false);
	mpw_kv_span(b, "messagePolicy",
		    known ? mp_path_str(spec, "terminationMessagePolicy") : (struct span){0});
	return 4;
}

/* The groups that it is a member of, beside its own. */
static void put_groups(struct buf *b, struct mp pod)
{
	struct mp list;
	size_t n = 0, count = 0;
	int64_t gid = mp_path_int(pod, "spec.securityContext.fsGroup", -1);
	mpw_str(b, "groups");
	size_t at = mpw_array_open(b);
	if (gid >= 0) {
		mpw_i64(b, gid);
		count++;
	}
	if (!mp_path(pod, "spec.securityContext.supplementalGroups", &list) || mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n && mp_i64(&list, &gid) == 0; i++) {
		mpw_i64(b, gid);
		count++;
	}
	mpw_array_close(b, at, count);
}

/* Who it is to be. */
static size_t put_user(struct buf *b, const struct agent_pod *p, const char *name)
{
	static const char *const ids[] = {"runAsUser", "runAsGroup"};
	struct mp pod = pod_worker_object(p->worker), spec = {0}, m;
	bool other = false;
	agent_spec_of(p, name, &spec);
	for (size_t i = 0; i < 2; i++)
		mpw_kv_i64(b, ids[i], security_id(pod, spec, ids[i]));
	if (!security_of(pod, spec, "runAsNonRoot", &m) || mp_bool(&m, &other))
		other = false;
	mpw_kv_bool(b, "runAsNonRoot", other);
	struct span pod_name = mp_path_str(pod, "metadata.name"), ns = mp_path_str(pod, "metadata.namespace");
	mpw_kv_str(b, "pod", arena_printf(ctx_arena(p->agent->turn), "%.*s_%.*s(%s)",
					  (int)pod_name.len, (const char *)pod_name.data, (int)ns.len,
					  (const char *)ns.data, p->uid));
	put_groups(b, pod);
	return 5;
}

static void call_start(struct ctx *c, struct agent *a, struct agent_pod *p,
		       const struct pod_action *x)
{
	struct buf b = {0};
	size_t map = mpw_map_open(&b), fields = 5;
	mpw_kv_str(&b, "name", x->name);
	mpw_kv_u64(&b, "attempt", x->attempt);
	if (a->oci) {
		put_list(&b, "command", x->command.command);
		put_list(&b, "args", x->command.args);
		mpw_str(&b, "mounts");
		mpw_raw(&b, x->mounts);
		fields += 2 + put_object(&b, a, p);
	} else {
		mpw_str(&b, "argv");
		size_t at = mpw_array_open(&b);
		size_t n = put_texts(&b, x->command.command);
		n += put_texts(&b, x->command.args);
		mpw_array_close(&b, at, n);
	}
	bool tty = false;
	if (!a->oci)
		fields += put_streams(&b, p, x->name, &tty) + put_user(&b, p, x->name);
	agent_put_env(&b, x->command.env, tty);
	mpw_kv_str(&b, "cwd", x->command.cwd ? x->command.cwd : "");
	mpw_map_close(&b, map, fields);
	agent_call(c, a, p, RUNTIME_START, &b);
}

static void call_image(struct ctx *c, struct agent *a, struct agent_pod *p,
		       const struct pod_action *x)
{
	static const char *const pulls[] = {"if-absent", "always", "never"};
	struct buf b = {0};
	mpw_map(&b, 5);
	mpw_kv_str(&b, "uid", p->uid);
	put_list(&b, "auths", x->auths);
	mpw_kv_str(&b, "name", x->name);
	mpw_kv_str(&b, "image", x->image);
	mpw_kv_str(&b, "pull", pulls[x->pull]);
	agent_call(c, a, p, RUNTIME_IMAGE, &b);
}

static void call_update(struct ctx *c, struct agent *a, struct agent_pod *p, const struct pod_action *x)
{
	struct buf b = {0};
	struct mp resources;
	struct span raw;
	mpw_map(&b, 3);
	mpw_kv_str(&b, "name", x->name);
	mpw_kv_u64(&b, "attempt", x->attempt);
	mpw_str(&b, "resources");
	if (mp_find(x->spec, "resources", &resources) && mp_raw(&resources, &raw) == 0)
		mpw_raw(&b, raw);
	else
		mpw_map(&b, 0);
	agent_call(c, a, p, RUNTIME_UPDATE, &b);
}

void agent_call_signal(struct ctx *c, struct agent *a, struct agent_pod *p, const char *name,
			int64_t attempt, int signal)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_str(&b, "name", name);
	mpw_kv_i64(&b, "attempt", attempt);
	mpw_kv_i64(&b, "signal", signal);
	agent_call(c, a, p, RUNTIME_SIGNAL, &b);
}

void agent_port_act(struct ctx *c, struct agent *a, struct agent_pod *p,
		     const struct pod_action *x)
{
	switch (x->kind) {
	case POD_ATTACH:
		agent_call_uid(c, a, p, RUNTIME_ATTACH);
		break;
	case POD_SANDBOX:
		start_sandbox(c, a, p, x->volumes);
		break;
	case POD_IMAGE:
		call_image(c, a, p, x);
		break;
	case POD_START:
		call_start(c, a, p, x);
		break;
	case POD_SIGNAL:
		agent_call_signal(c, a, p, x->name, x->attempt, x->signal);
		break;
	case POD_RESIZE:
		call_update(c, a, p, x);
		break;
	case POD_SANDBOX_REMOVE:
		agent_call_uid(c, a, p, RUNTIME_REMOVE);
		break;
	case POD_RETIRE:
		agent_call_uid(c, a, p, RUNTIME_RETIRE);
		break;
	case POD_FORGET:
		agent_call_uid(c, a, p, RUNTIME_FORGET);
		break;
	default:
		break;
	}
}
