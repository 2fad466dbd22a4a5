/* A node agent with probes and hooks, under every kind of fault: its machine is the
 * test's, and lives on when the agent dies. Containers fall ill now and then.
 *
 * Always: no container is started twice or told to end unless it was ill; none runs,
 * by what its status says, before its postStart was run. In the end all are well:
 * every pod is ready, and was restarted as often as its status says; no command is
 * left open. */
#include "actors/runtime/port.h"
#include "broker/base/log.h"
#include "nodes/node_agent.h"
#include "nodes/probes/probe_plan.h"
#include "nodes/probes/probe_port.h"
#include "nodes/runtime.h"
#include "tests/lib/doc_text.h"
#include "tests/lib/seeds.h"
#include "tests/lib/storm.h"

enum { SEEDS = 15, PODS = 5, FAULTS = 30, EVENTS_MAX = 1500000 };
enum { STEP_US = 1013777 /* not in time with what is asked each second */ };

/* ---- the machine: pods of one container */

struct machine_pod {
	char uid[64];
	uint64_t id; /* the agent's number, of its life */
	bool sandbox, runs;
	int64_t attempt; /* -1: none yet */
	bool ready, alive; /* what probes are told */
	bool was_ill;	   /* this attempt, ever */
	unsigned asked;	   /* times that its startup was asked for */
	unsigned hooks;	   /* postStarts of this attempt */
	unsigned restarts, ill;
};

struct session {
	uint64_t id;
	int64_t code;
};

struct world {
	struct machine_pod pods[PODS + 1];
	size_t count;
	struct session sessions[64];
	size_t session_count;
	struct port *runtime;
	char wrong[200];
	unsigned ill, unready, restarts;
};

static void wrong(struct world *w, const char *what, const struct machine_pod *p)
{
	if (!w->wrong[0])
		snprintf(w->wrong, sizeof w->wrong, "%s: %s attempt %lld", what, p->uid,
			 (long long)p->attempt);
}

static struct machine_pod *by_id(struct world *w, uint64_t id)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->pods[i].id == id)
			return &w->pods[i];
	return NULL;
}

static struct machine_pod *by_uid(struct world *w, struct span uid, bool make)
{
	for (size_t i = 0; i < w->count; i++)
		if (span_is(uid, w->pods[i].uid))
			return &w->pods[i];
	if (!make || w->count > PODS)
		return NULL;
	struct machine_pod *p = &w->pods[w->count++];
	span_text(p->uid, sizeof p->uid, uid);
	p->attempt = -1;
	p->ready = p->alive = true;
	return p;
}

static void ip_of(const struct world *w, const struct machine_pod *p, char out[20])
{
	snprintf(out, 20, "127.1.1.%zu", 1 + (size_t)(p - w->pods));
}

/* ---- the runtime's port */

static void deliver(struct world *w, uint32_t op, uint64_t id, struct buf *b)
{
	if (!b->len)
		mpw_map(b, 0);
	(void)port_deliver(w->runtime, op, id, 0, bytes_take(b));
}

static void tell_attempt(struct world *w, const struct machine_pod *p, int64_t code)
{
	struct buf b = {0};
	mpw_map(&b, 8);
	mpw_kv_str(&b, "name", "c");
	mpw_kv_i64(&b, "attempt", p->attempt);
	mpw_kv_bool(&b, "ended", !p->runs);
	mpw_kv_bool(&b, "lost", false);
	mpw_kv_i64(&b, "code", code);
	mpw_kv_i64(&b, "started_us", SIM_EPOCH_US);
	mpw_kv_i64(&b, "finished_us", p->runs ? 0 : SIM_EPOCH_US + 1);
	mpw_kv_str(&b, "error", "");
	deliver(w, RUNTIME_ATTEMPT, p->id, &b);
}

static void tell_up(struct world *w, const struct machine_pod *p)
{
	struct buf b = {0};
	char ip[20];
	ip_of(w, p, ip);
	mpw_map(&b, 1);
	mpw_kv_str(&b, "ip", ip);
	deliver(w, RUNTIME_UP, p->id, &b);
}

static void attach(struct world *w, struct machine_pod *p)
{
	struct buf b = {0};
	if (p->attempt >= 0)
		tell_attempt(w, p, 0);
	if (p->sandbox)
		tell_up(w, p);
	else
		deliver(w, RUNTIME_DOWN, p->id, &b);
}

static void start(struct world *w, struct machine_pod *p, struct mp body)
{
	int64_t attempt = mp_path_int(body, "attempt", -1);
	if (attempt < p->attempt || (p->runs && attempt > p->attempt))
		wrong(w, "started out of turn", p);
	if (attempt > p->attempt) { /* else it is told again, as a pause does */
		w->restarts += p->attempt >= 0;
		p->attempt = attempt;
		p->runs = p->alive = true;
		p->was_ill = false;
		p->asked = p->hooks = 0;
	}
	tell_attempt(w, p, 0);
}

static void end(struct world *w, struct machine_pod *p, struct mp body)
{
	if (!p->runs || mp_path_int(body, "attempt", -1) != p->attempt)
		return;
	if (!p->was_ill)
		wrong(w, "told to end, though it was never ill", p);
	p->runs = false;
	tell_attempt(w, p, 143);
}

/* What a command says: by its name. */
static int64_t run_command(struct machine_pod *p, struct span name)
{
	if (!p->runs)
		return 137;
	if (span_is(name, "ready"))
		return !p->ready;
	if (span_is(name, "start"))
		return ++p->asked < 3;
	p->hooks += span_is(name, "post");
	return 0;
}

static void exec(struct world *w, uint64_t id, struct mp body)
{
	struct machine_pod *p = by_uid(w, mp_path_str(body, "uid"), false);
	struct mp argv;
	struct span name = {0};
	size_t n = 0;
	struct buf b = {0};
	cr_assert(p && w->session_count < sizeof w->sessions / sizeof *w->sessions);
	if (mp_find(body, "argv", &argv) && mp_array(&argv, &n) == 0 && n)
		mp_str(&argv, &name);
	w->sessions[w->session_count++] = (struct session){id, run_command(p, name)};
	deliver(w, RUNTIME_EXECED, id, &b);
}

static void pull(struct world *w, uint64_t id)
{
	struct buf b = {0};
	for (size_t i = 0; i < w->session_count; i++) {
		if (w->sessions[i].id != id)
			continue;
		mpw_map(&b, 5);
		mpw_str(&b, "frames");
		mpw_array(&b, 1);
		mpw_array(&b, 2);
		mpw_u64(&b, 1);
		mpw_bin(&b, span_of("said\n"));
		mpw_kv_bool(&b, "end", true);
		mpw_kv_bool(&b, "unknown", false);
		mpw_kv_i64(&b, "code", w->sessions[i].code);
		mpw_str(&b, "error");
		mpw_bin(&b, (struct span){0});
		deliver(w, RUNTIME_OUTPUT, id, &b);
		return;
	}
}

static void hang_up(struct world *w, uint64_t id)
{
	for (size_t i = 0; i < w->session_count; i++)
		if (w->sessions[i].id == id)
			w->sessions[i--] = w->sessions[--w->session_count];
}

static void runtime_call(struct port *port, uint32_t op, uint64_t id, uint32_t arg,
			 struct bytes *payload)
{
	struct world *w = port->state;
	struct mp body = mp_of_bytes(payload);
	(void)arg;
	if (op == RUNTIME_EXEC) {
		exec(w, id, body);
		return;
	}
	if (op == RUNTIME_PULL || op == RUNTIME_KILL) {
		op == RUNTIME_PULL ? pull(w, id) : hang_up(w, id);
		return;
	}
	struct span uid = mp_path_str(body, "uid");
	struct machine_pod *p = uid.len ? by_uid(w, uid, true) : by_id(w, id);
	if (!p)
		return;
	p->id = id;
	if (op == RUNTIME_SANDBOX)
		p->sandbox = true;
	if (op == RUNTIME_SANDBOX || op == RUNTIME_ATTACH)
		attach(w, p);
	else if (op == RUNTIME_START)
		start(w, p, body);
	else if (op == RUNTIME_SIGNAL)
		end(w, p, body);
	else if (op == RUNTIME_REMOVE || op == RUNTIME_FORGET)
		wrong(w, "a pod was removed", p);
}

static int runtime_open(struct port *port, struct mp cfg, struct err *e)
{
	struct world *w = port->state = port->shared(port, "world");
	struct buf b = {0}, none = {0};
	(void)cfg, (void)e;
	w->runtime = port;
	mpw_map(&b, 2);
	mpw_kv_i64(&b, "cpu", 8);
	mpw_kv_i64(&b, "memory", (int64_t)8 << 30);
	deliver(w, RUNTIME_INFO, 0, &b);
	for (size_t i = 0; i < w->count; i++) {
		w->pods[i].id = 0;
		if (!w->pods[i].sandbox)
			continue;
		mpw_map(&b, 1);
		mpw_kv_str(&b, "uid", w->pods[i].uid);
		deliver(w, RUNTIME_FOUND, 0, &b);
	}
	deliver(w, RUNTIME_LISTED, 0, &none);
	return 0;
}

/* Its commands end with it. */
static void runtime_close(struct port *port)
{
	struct world *w = port->state;
	w->session_count = 0;
	w->runtime = NULL;
}

static const struct port_driver runtime = {"runtime-process", runtime_open, runtime_call, runtime_close};

/* ---- the port of requests: /live is asked */

static int requests_open(struct port *port, struct mp cfg, struct err *e)
{
	(void)cfg, (void)e;
	port->state = port->shared(port, "world");
	return 0;
}

static void requests_call(struct port *port, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct world *w = port->state;
	struct mp body = mp_of_bytes(payload);
	char ip[20];
	(void)arg;
	if (op != PROBE_RUN)
		return;
	cr_assert(span_is(mp_path_str(body, "path"), "/live"));
	for (size_t i = 0; i < w->count; i++) {
		ip_of(w, &w->pods[i], ip);
		if (!span_is(mp_path_str(body, "host"), ip))
			continue;
		bool good = w->pods[i].runs && w->pods[i].alive;
		(void)port_deliver(port, PROBE_DONE, id, good ? PROBE_SUCCESS : PROBE_FAILURE,
				   good ? NULL : bytes_copy("ill", 3));
		return;
	}
}

static void requests_close(struct port *port)
{
	(void)port;
}

static const struct port_driver requests = {"probes", requests_open, requests_call, requests_close};
static const struct port_driver *const drivers[] = {&runtime, &requests, NULL};

/* ---- the agent, with real containers as far as it knows */

static int agent_init(struct ctx *c, void *state, struct mp cfg)
{
	struct buf b = {0};
	(void)cfg;
	mpw_map(&b, 2);
	mpw_kv_str(&b, "node", "n1");
	mpw_kv_str(&b, "runtime", "process");
	int rc = node_agent_actor.init(c, state, mp_of(span_buf(&b)));
	buf_fini(&b);
	return rc;
}

static struct actor_spec agent_spec;

/* ---- the user: makes the pods, and makes them ill */

struct user {
	struct storm_user storm; /* first */
	struct world *world;
};

static const char *const user_streams[] = {"pods", "namespaces", "nodes", NULL};

static const char pod_json[] =
	"{'metadata':{'name':'p%d'},'spec':{'nodeName':'n1','terminationGracePeriodSeconds':5,'containers':[{'name':'c',"
	"'image':'none','command':['run'],'lifecycle':{'postStart':{'exec':{'command':['post']}},'preStop':{'exec':"
	"{'command':['pre']}}},'startupProbe':{'periodSeconds':1,'failureThreshold':60,'exec':{'command':['start']}},"
	"'readinessProbe':{'periodSeconds':1,'failureThreshold':1,'exec':{'command':['ready']}},"
	"'livenessProbe':{'periodSeconds':2,'failureThreshold':2,'httpGet':{'path':'/live','port':80}}}]}}";

static struct doc *pod_doc(struct arena *a, int i)
{
	return doc_quoted(a, arena_printf(a, pod_json, i));
}

static bool make_missing(struct ctx *c, struct user *u, int slot)
{
	char key[40];
	for (int i = 0; i < PODS; i++) {
		snprintf(key, sizeof key, "pods/default/p%d", i);
		if (view_get(u->storm.views[0], span_of(key)))
			continue;
		struct writing *w = storm_user_write(c, &u->storm, slot, "pods", OBJ_CREATE);
		w->request.namespace = span_of("default");
		w->request.body = pod_doc(&w->arena, i);
		storm_user_ask(c, &u->storm, slot);
		return true;
	}
	return false;
}

static void make_ill(struct ctx *c, struct world *w)
{
	struct machine_pod *p = w->count ? &w->pods[ctx_random(c) % w->count] : NULL;
	if (!p || !p->runs)
		return;
	if (ctx_random(c) % 3) {
		p->ready = !p->ready;
		w->unready += !p->ready;
	} else if (p->alive) {
		p->alive = false;
		p->was_ill = true;
		w->ill++;
	}
}

static int user_timer(struct ctx *c, void *st, uint64_t tag)
{
	struct user *u = st;
	(void)tag;
	for (size_t i = 0; *u->storm.quiet && i < u->world->count; i++)
		u->world->pods[i].ready = true;
	int slot = storm_user_slot(&u->storm);
	ctx_timer(c, 200000 + ctx_random(c) % 800000, 0);
	if (slot >= 0 && make_missing(c, u, slot))
		return 0;
	if (!*u->storm.quiet)
		make_ill(c, u->world);
	return 0;
}

static int user_init(struct ctx *c, void *st, struct mp cfg)
{
	struct user *u = st;
	(void)cfg;
	u->world = ctx_shared(c, "world");
	return storm_user_init(c, st, user_streams);
}

static const struct actor_spec user_spec = {
	STORM_USER_HANDLERS,
	.state_bytes = sizeof(struct user),
	.init = user_init,
	.on_timer = user_timer,
};

/* ---- the judge */

struct run {
	struct storm storm; /* first */
	struct world world;
};

static bool first_container(struct mp pod, struct mp *out)
{
	size_t n;
	return mp_path(pod, "status.containerStatuses", out) && mp_array(out, &n) == 0 && n == 1;
}

static void judge_pod(struct run *r, const struct led_object *o)
{
	struct mp status, running;
	struct machine_pod *p = by_uid(&r->world, mp_path_str(value_of(o), "metadata.uid"), false);
	if (!p || !first_container(value_of(o), &status) || !mp_path(status, "state.running", &running))
		return;
	if (mp_path_int(status, "restartCount", -1) == p->attempt && !p->hooks)
		storm_wrong(&r->storm, "runs before its postStart did", o->key);
}

static void on_committed(void *arg, uint64_t revision, struct span record)
{
	struct run *r = arg;
	judge_record(&r->storm.judge, 0, revision, record);
	cr_assert_eq(ledger_fold(&r->storm.ledger, revision, record), 0);
	for (size_t i = 0; i < r->storm.ledger.change_count; i++) {
		const struct led_object *o = r->storm.ledger.changes[i].now;
		if (o && o->is_pod)
			judge_pod(r, o);
	}
	ledger_close(&r->storm.ledger);
}

static const char *unfinished(const struct run *r)
{
	const struct ledger *l = &r->storm.ledger;
	size_t ready = 0;
	for (struct onode *n = omap_first(&l->objects); n; n = omap_next(n)) {
		const struct led_object *o = n->value;
		struct mp status;
		if (!o->is_pod)
			continue;
		const struct machine_pod *p =
			by_uid((struct world *)&r->world, mp_path_str(value_of(o), "metadata.uid"), false);
		if (!p || !p->runs || !p->alive || !o->pod.ready || !first_container(value_of(o), &status))
			return "a pod is not ready";
		if (mp_path_int(status, "restartCount", -1) != p->attempt)
			return "its status counts other restarts";
		ready++;
	}
	if (ready != PODS)
		return "pods are missing";
	return r->world.session_count ? "commands are left open" : NULL;
}

static uint64_t run_probes(uint64_t seed, bool with_faults)
{
	static const struct cluster_actor extra[] = {{"n1", "node-agent/n1", &agent_spec, NULL, 0},
						     {"user", "user", &user_spec, NULL, 0},
						     {NULL, NULL, NULL, NULL, 0}};
	struct run *r = mem_alloc(sizeof *r);
	const char *why = "it was not asked";
	agent_spec = node_agent_actor;
	agent_spec.kind = "real-agent";
	agent_spec.init = agent_init;
	r->storm.seed = seed;
	r->storm.world = &r->world;
	storm_begin(&r->storm, &(struct storm_wish){.always = "chaos 1\nalways no-return\nalways rev-monotonic\n",
						    .extra = extra,
						    .drivers = drivers,
						    .committed = on_committed,
						    .faults = with_faults});
	sim_run(r->storm.sim, 20000000, NULL, NULL);
	storm_rage(&r->storm, FAULTS, with_faults, storm_fault);
	for (int i = 0; why && i < 600; i++) {
		sim_run(r->storm.sim, sim_now_us(r->storm.sim) + STEP_US, NULL, NULL);
		why = unfinished(r);
	}
	cr_assert_str_empty(r->world.wrong, "seed %llu: %s", (unsigned long long)seed, r->world.wrong);
	cr_assert_null(why, "seed %llu does not converge: %s %s", (unsigned long long)seed, why,
		       r->storm.wrong);
	cr_assert(with_faults || (r->world.ill > 0 && r->world.unready > 0 && r->world.restarts > 0),
		  "nobody was ill");
	uint64_t digest = storm_end(&r->storm, EVENTS_MAX);
	free(r);
	return digest;
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(probes, .init = quiet);

Test(probes, restart_what_is_ill_and_nothing_else)
{
	storm_without_faults(run_probes);
}

Test(probes, go_on_through_every_kind_of_fault, .timeout = 3600)
{
	seeds_twice(SEEDS, run_probes);
}
