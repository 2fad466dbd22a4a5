/* The volumes of a real pod over ten minutes of its life: it waits for what is missing;
 * what changes reaches its files, once; tokens are renewed in time; what could not be
 * written is tried again; an agent that begins anew goes on; another pod has what was
 * changed just before. The runtime is one that only notes what it is told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/gate/gate.h"
#include "actors/runtime/port.h"
#include "actors/schema/json.h"
#include "broker/base/log.h"
#include "nodes/node_agent.h"
#include "nodes/runtime.h"
#include "tests/lib/doc_text.h"
#include "tests/sim/steps.h"
#include "tools/chaos/cluster.h"

enum { S = 1000000, CALLS_MAX = 40, TEXT_MAX = 600 };

/* ---- what the runtime was told */

struct call {
	uint32_t op;
	uint64_t at_us;
	char value[TEXT_MAX], token[TEXT_MAX]; /* in files of these names */
	size_t volumes, mounts;
};

struct record {
	struct sim *sim;
	struct call calls[CALLS_MAX];
	size_t count;
	char uid[64];
	bool stale; /* the next files cannot be written */
};

static struct span file_of(struct mp volumes, const char *name)
{
	size_t n = 0, m = 0, four;
	for (mp_array(&volumes, &n); n > 0; n--, mp_skip(&volumes)) {
		struct mp files;
		struct span path, data;
		if (!mp_find(volumes, "files", &files) || mp_array(&files, &m))
			continue;
		for (; m > 0 && !mp_array(&files, &four) && !mp_str(&files, &path) && !mp_bin(&files, &data);
		     m--, mp_skip(&files), mp_skip(&files))
			if (span_is(path, name))
				return data;
	}
	return (struct span){0};
}

static void note(struct record *t, uint32_t op, struct mp body)
{
	struct call *k = &t->calls[t->count];
	struct mp list;
	cr_assert_lt(t->count, CALLS_MAX - 1);
	*k = (struct call){.op = op, .at_us = sim_now_us(t->sim)};
	if (mp_find(body, "volumes", &list)) {
		span_text(k->value, TEXT_MAX, file_of(list, "value"));
		span_text(k->token, TEXT_MAX, file_of(list, "token"));
		mp_array(&list, &k->volumes);
	}
	if (mp_find(body, "mounts", &list))
		mp_array(&list, &k->mounts);
	t->count++;
}

static void tell(struct port *p, uint32_t op, uint64_t id, const char *json)
{
	struct arena a = {0};
	struct buf b = {0};
	doc_to_mp(&b, doc_quoted(&a, json));
	(void)port_deliver(p, op, id, 0, bytes_take(&b));
	arena_fini(&a);
}

static int runtime_open(struct port *p, struct mp cfg, struct err *e)
{
	struct record *t = p->shared(p, "notes");
	char found[100];
	(void)cfg, (void)e;
	p->state = t;
	tell(p, RUNTIME_INFO, 0, "{'cpu':2,'memory':1073741824,'kernel':'k','os':'o','boot_id':'b','machine_id':'m'}");
	snprintf(found, sizeof found, "{'uid':'%s'}", t->uid);
	if (*t->uid)
		tell(p, RUNTIME_FOUND, 0, found);
	tell(p, RUNTIME_LISTED, 0, "{}");
	return 0;
}

static void runtime_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct record *t = p->state;
	struct mp body = mp_of_bytes(payload);
	(void)arg;
	if (op == RUNTIME_SANDBOX || op == RUNTIME_START || op == RUNTIME_VOLUMES)
		note(t, op, body);
	if (op == RUNTIME_SANDBOX)
		span_text(t->uid, sizeof t->uid, mp_path_str(body, "uid"));
	if (op == RUNTIME_ATTACH || op == RUNTIME_START)
		tell(p, RUNTIME_ATTEMPT, id, "{'name':'c','attempt':0,'started_us':1}");
	if (op == RUNTIME_ATTACH || op == RUNTIME_SANDBOX)
		tell(p, RUNTIME_UP, id, "{'ip':'10.0.0.2'}");
	if (op == RUNTIME_IMAGE)
		tell(p, RUNTIME_IMAGED, id, "{'name':'c','good':true}");
	if (op == RUNTIME_VOLUMES && t->stale)
		tell(p, RUNTIME_STALE, id, "{'text':'no space left on device'}");
	t->stale &= op != RUNTIME_VOLUMES;
}

static void port_close(struct port *p)
{
	(void)p;
}

static int nothing_open(struct port *p, struct mp cfg, struct err *e)
{
	(void)p, (void)cfg, (void)e;
	return 0;
}

static void nothing_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)p, (void)op, (void)id, (void)arg, (void)payload;
}

static void sign_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)op, (void)arg;
	(void)port_deliver(p, 1, id, 0, bytes_ref(payload));
}

static const struct port_driver runtime = {"runtime-oci", runtime_open, runtime_call, port_close};
static const struct port_driver probes = {"probes", nothing_open, nothing_call, port_close};
static const struct port_driver signer = {"signer", nothing_open, sign_call, port_close};

/* ---- the user, by the clock */

#define WRITE(verb, resource, more) \
	"{'verb':'" verb "','group':'','version':'v1','resource':'" resource "','namespace':'default'," more "}"
#define SECRET(value) WRITE("merge", "secrets", "'name':'s','object':{'data':{'value':'" value "'}}")

static const struct step steps[] = {
	{2, WRITE("create", "secrets", "'object':{'metadata':{'name':'s'},'data':{'value':'b25l'}}")},
	{3, WRITE("create", "pods", "'object':{'metadata':{'name':'web'},'spec':{'nodeName':'n1','volumes':["
		  "{'name':'s','secret':{'secretName':'s'}},{'name':'late','configMap':{'name':'late'}},"
		  "{'name':'t','projected':{'sources':[{'serviceAccountToken':{'path':'token',"
		  "'expirationSeconds':600}}]}}],'automountServiceAccountToken':false,'containers':[{"
		  "'name':'c','image':'i','volumeMounts':[{'name':'s','mountPath':'/s'},{'name':'late',"
		  "'mountPath':'/l'},{'name':'t','mountPath':'/t'}]}]}}")},
	{20, WRITE("create", "configmaps", "'object':{'metadata':{'name':'late'},'data':{'k':'v'}}")},
	{100, SECRET("dHdv")},
	{700, SECRET("dGhyZWU=")},
	{800, WRITE("delete", "secrets", "'name':'s'")},
	{900, WRITE("create", "secrets", "'object':{'metadata':{'name':'s'},'data':{'value':'Zm91cg=='}}")},
	{1001, SECRET("Zml2ZQ==")},
	{1002, WRITE("create", "pods", "'object':{'metadata':{'name':'next'},'spec':{'nodeName':'n1','volumes':["
		  "{'name':'s','secret':{'secretName':'s'}}],'automountServiceAccountToken':false,'containers':[{"
		  "'name':'c','image':'i','volumeMounts':[{'name':'s','mountPath':'/s'}]}]}}")},
};

static int user_init(struct ctx *c, void *state, struct mp cfg)
{
	(void)state, (void)cfg;
	steps_begin(c, steps, sizeof steps / sizeof *steps);
	return 0;
}

static const struct actor_spec user = {.kind = "user",
				       .state_bytes = 1,
				       .init = user_init,
				       .on_timer = steps_on_timer,
				       .on_reply = steps_on_reply};

/* ---- the cluster */

static int with_config(const struct actor_spec *spec, struct ctx *c, void *state, const char *json)
{
	struct buf b = {0};
	struct doc *d = NULL;
	cr_assert_eq(json_parse(ctx_arena(c), span_of(json), &d, NULL, NULL), 0);
	doc_to_mp(&b, d);
	int rc = spec->init(c, state, mp_of(span_buf(&b)));
	buf_fini(&b);
	return rc;
}

static int agent_init(struct ctx *c, void *state, struct mp cfg)
{
	(void)cfg;
	return with_config(&node_agent_actor, c, state, "{\"node\":\"n1\",\"runtime\":\"oci\"}");
}

static int gate_init(struct ctx *c, void *state, struct mp cfg)
{
	(void)cfg;
	return with_config(&gate_actor, c, state, "{\"accounts\":\"key\"}");
}

/* The cluster's gate is one with a key. */
static void give_key(struct cluster *c, const struct actor_spec *gate)
{
	for (size_t i = 0; i < c->actor_count; i++)
		if (c->actors[i].spec == &gate_actor)
			c->actors[i].spec = gate;
	for (size_t i = 0; c->kinds[i]; i++)
		if (c->kinds[i] == &gate_actor)
			c->kinds[i] = gate;
}

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "notes") == 0 ? arg : NULL;
}

/* The calls of a span of time, but for those of `not_op`. */
static struct call *between(struct record *t, unsigned from_s, unsigned to_s, size_t *count)
{
	struct call *first = NULL;
	*count = 0;
	for (size_t i = 0; i < t->count; i++)
		if (t->calls[i].at_us >= (uint64_t)from_s * S && t->calls[i].at_us < (uint64_t)to_s * S) {
			first = first ? first : &t->calls[i];
			++*count;
		}
	return first;
}

Test(node_volumes, change_with_what_they_show)
{
	static const struct port_driver *const drivers[] = {&runtime, &probes, &signer, NULL};
	struct actor_spec agent = node_agent_actor, gate = gate_actor;
	struct record *t = mem_alloc(sizeof *t);
	struct cluster cluster;
	size_t n;
	agent.init = agent_init;
	gate.init = gate_init;
	const struct cluster_actor extra[] = {{"n1", "node-agent/n1", &agent, NULL, 0},
					      {"user", "user", &user, NULL, 0},
					      {NULL, NULL, NULL, NULL, 0}};
	log_init("off");
	cluster_plan(&cluster, &(struct cluster_wish){.node_cpu = "1", .extra = extra});
	give_key(&cluster, &gate);
	struct sim *s = t->sim = cluster_start(
		&cluster, &(struct sim_config){.seed = 1, .drivers = drivers, .latency_min_us = 20,
					       .latency_max_us = 200, .sync_min_us = 100,
					       .sync_max_us = 200, .shared = shared, .shared_arg = t});

	sim_run(s, 699 * (uint64_t)S, NULL, NULL);
	between(t, 0, 20, &n);
	cr_expect_eq(n, 0, "it waits for the config map");
	struct call *k = between(t, 20, 30, &n);
	cr_assert_eq(n, 2, "%zu", n);
	cr_expect(k[0].op == RUNTIME_SANDBOX && k[0].volumes == 3);
	cr_expect_str_eq(k[0].value, "one");
	cr_expect(strstr(k[0].token, "\"sub\":\"system:serviceaccount:default:default\""), "%s", k[0].token);
	cr_expect(k[1].op == RUNTIME_START && k[1].mounts == 3);
	const char *token = k[0].token;

	k = between(t, 30, 480, &n);
	cr_assert_eq(n, 1, "a change is told once, not %zu times", n);
	cr_expect(k->op == RUNTIME_VOLUMES && k->at_us < 130 * (uint64_t)S);
	cr_expect_str_eq(k->value, "two");
	cr_expect_str_eq(k->token, token, "the token is the one that it was");

	k = between(t, 480, 699, &n);
	cr_assert_eq(n, 1, "a token is renewed once, not %zu times", n);
	cr_expect(k->at_us < 520 * (uint64_t)S, "after four fifths of its 600 s");
	cr_expect_str_neq(k->token, token);
	token = k->token;

	t->stale = true;
	sim_run(s, 899 * (uint64_t)S, NULL, NULL);
	k = between(t, 699, 799, &n);
	cr_assert_eq(n, 2, "what could not be written is written again");
	cr_expect_str_eq(k[0].value, "three");
	cr_expect_str_eq(k[1].value, "three");
	cr_expect(k[1].at_us - k[0].at_us < 10 * (uint64_t)S);
	between(t, 801, 899, &n);
	cr_expect_eq(n, 0, "what is gone stays in the files");

	sim_run(s, 950 * (uint64_t)S, NULL, NULL);
	k = between(t, 899, 950, &n);
	cr_assert_eq(n, 1);
	cr_expect_str_eq(k->value, "four");

	cr_assert_eq(sim_crash_actor(s, "n1", "node-agent/n1"), 0);
	sim_run(s, 1000 * (uint64_t)S, NULL, NULL);
	k = between(t, 950, 1000, &n);
	cr_assert_eq(n, 1, "an agent that begins anew knows no files, and no sandbox is made");
	cr_expect(k->op == RUNTIME_VOLUMES);
	cr_expect_str_eq(k->value, "four");
	cr_expect_str_neq(k->token, token, "nor any token");

	sim_run(s, 1005 * (uint64_t)S, NULL, NULL);
	k = between(t, 1002, 1005, &n);
	cr_assert_geq(n, 2);
	cr_expect(k->op == RUNTIME_SANDBOX);
	cr_expect_str_eq(k->value, "five", "a new pod has what is there when it comes");
	sim_free(s);
	cluster_fini(&cluster);
	free(t);
}
