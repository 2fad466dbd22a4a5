/* pod.token: a node gets tokens for the pods that are bound to it, and for no others.
 * One request after the other, in a simulated cluster whose key only copies. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/gate/gate.h"
#include "actors/runtime/port.h"
#include "actors/schema/json.h"
#include "broker/base/log.h"
#include "tools/chaos/cluster.h"

#define OWN "web", "UID"

/* By node n1, in order. The uid UID is the pod's. */
static const struct step {
	const char *what, *name, *uid, *audience;
	int64_t seconds;
	int status;
	const char *says[4]; /* the token; or the text of a refusal */
} steps[] = {
	{"its own pod's", OWN, "", 3607, 0,
	 {"\"node\":{\"name\":\"n1\",\"uid\":\"",
	  "\"aud\":[\"https://kubernetes.default.svc.cluster.local\"]",
	  "\"pod\":{\"name\":\"web\",\"uid\":\"UID\"}", "\"sub\":\"system:serviceaccount:default:default\""}},
	{"for somebody else", OWN, "vault", 600, 0, {"\"aud\":[\"vault\"]"}},
	{"too short", OWN, "", 599, ERR_INVALID, {"600"}},
	{"of another pod of the name", "web", "u-2", "", 3607, ERR_NOT_FOUND, {"gone"}},
	{"of a pod that is not", "none", "UID", "", 3607, ERR_NOT_FOUND, {"gone"}},
	{"of another node's pod", "other", "UID", "", 3607, ERR_FORBIDDEN, {"may not"}},
	{"of an account that is not", "lost", "UID", "", 3607, ERR_INVALID,
	 {"serviceaccounts \"nobody\" not found"}},
};
enum { STEPS = sizeof steps / sizeof *steps };

struct answers {
	size_t count;
	int status[STEPS];
	char text[STEPS][2000], uid[STEPS][64];
};

struct asker {
	struct answers *answers;
	struct view *pods;
};

static void create(struct ctx *c, const char *resource, const char *object)
{
	struct doc *d = NULL;
	struct buf b = {0};
	cr_assert_eq(json_parse(ctx_arena(c), span_of(object), &d, NULL, NULL), 0);
	mpw_map(&b, 5);
	mpw_kv_str(&b, "group", "");
	mpw_kv_str(&b, "version", "v1");
	mpw_kv_str(&b, "resource", resource);
	mpw_kv_str(&b, "namespace", strcmp(resource, "nodes") == 0 ? "" : "default");
	mpw_str(&b, "object");
	doc_to_mp(&b, d);
	ctx_request(c, "gate", "object.create", &b, 5000, 0);
}

static void create_pod(struct ctx *c, const char *name, const char *node, const char *more)
{
	create(c, "pods", arena_printf(ctx_arena(c),
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\"},\"spec\":{\"nodeName\":\"%s\"%s,"
		"\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", name, node, more));
}

static void ask(struct ctx *c, struct asker *a)
{
	const struct step *s = &steps[a->answers->count];
	char key[100];
	struct buf b = {0};
	snprintf(key, sizeof key, "pods/default/%s", s->name);
	struct view_object *o = view_get(a->pods, span_of(key));
	struct span uid = o ? mp_path_str(mp_of_bytes(o->value), "metadata.uid") : (struct span){0};
	span_text(a->answers->uid[a->answers->count], 64, uid);
	mpw_map(&b, 5);
	mpw_kv_str(&b, "namespace", "default");
	mpw_kv_str(&b, "name", s->name);
	if (strcmp(s->uid, "UID") == 0 && uid.len)
		mpw_kv_span(&b, "uid", uid);
	else
		mpw_kv_str(&b, "uid", s->uid);
	mpw_kv_str(&b, "audience", s->audience);
	mpw_kv_i64(&b, "seconds", s->seconds);
	ctx_request(c, "tokens-gate", "pod.token", &b, 5000, 1);
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct asker *a = state;
	if (tag == 1) {
		create(c, "nodes", "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\"}}");
		create_pod(c, "web", "n1", "");
		create_pod(c, "other", "n2", "");
		create(c, "serviceaccounts", "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\","
					     "\"metadata\":{\"name\":\"nobody\"}}");
		ctx_timer(c, 2000000, 2);
	} else if (tag == 2) {
		create_pod(c, "lost", "n1", ",\"serviceAccountName\":\"nobody\"");
		ctx_timer(c, 2000000, 3);
	} else if (tag == 3) {
		struct buf b = {0};
		mpw_map(&b, 6);
		mpw_kv_str(&b, "verb", "delete");
		mpw_kv_str(&b, "group", "");
		mpw_kv_str(&b, "version", "v1");
		mpw_kv_str(&b, "resource", "serviceaccounts");
		mpw_kv_str(&b, "namespace", "default");
		mpw_kv_str(&b, "name", "nobody");
		ctx_request(c, "gate", "object.write", &b, 5000, 0);
		ctx_timer(c, 2000000, 4);
	} else {
		ask(c, a);
	}
	return 0;
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct asker *a = state;
	struct answers *to = a->answers;
	if (tag == 0) {
		cr_expect_eq(r->status, 0);
		return 0;
	}
	to->status[to->count] = r->status;
	span_text(to->text[to->count], sizeof to->text[0],
		  r->status ? r->text : mp_path_str(r->body, "token"));
	if (++to->count < STEPS)
		ask(c, a);
	return 0;
}

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	(void)c, (void)state, (void)v;
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct asker *a = state;
	(void)cfg;
	a->answers = ctx_shared(c, "answers");
	a->pods = ctx_follow(c, "pods");
	ctx_timer(c, 2000000, 1); /* the namespace is there by then */
	return 0;
}

static const struct actor_spec asker_spec = {
	.kind = "asker",
	.state_bytes = sizeof(struct asker),
	.init = init,
	.on_timer = on_timer,
	.on_reply = on_reply,
	.on_view = on_view,
};

/* ---- a gate with a key */

static int key_open(struct port *p, struct mp cfg, struct err *e)
{
	(void)p, (void)cfg, (void)e;
	return 0;
}

static void key_call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)op, (void)arg;
	(void)port_deliver(p, 1, id, 0, bytes_ref(payload));
}

static void key_close(struct port *p)
{
	(void)p;
}

static const struct port_driver key = {"signer", key_open, key_call, key_close};

static int gate_init(struct ctx *c, void *state, struct mp cfg)
{
	static const uint8_t accounts[] = "\x81\xa8" "accounts\xa1k";
	(void)cfg;
	return gate_actor.init(c, state, mp_of((struct span){accounts, sizeof accounts - 1}));
}

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "answers") == 0 ? arg : NULL;
}

/* What a step's words are, with the pod's uid. */
static const char *said(struct arena *a, const char *words, const char *uid)
{
	const char *at = strstr(words, "UID");
	return at ? arena_printf(a, "%.*s%s%s", (int)(at - words), words, uid, at + 3) : words;
}

Test(pod_tokens, are_for_the_node_of_the_pod)
{
	static const struct port_driver *const drivers[] = {&key, NULL};
	struct actor_spec gate = gate_actor;
	struct answers *answers = mem_alloc(sizeof *answers);
	struct arena arena = {0};
	struct cluster cluster;
	gate.kind = "tokens-gate";
	gate.init = gate_init;
	const struct cluster_actor extra[] = {{"core", "tokens-gate", &gate, NULL, 0},
					      {"asker", "node-agent/n1", &asker_spec, NULL, 0},
					      {NULL, NULL, NULL, NULL, 0}};
	log_init("off");
	cluster_plan(&cluster, &(struct cluster_wish){.node_cpu = "1", .extra = extra});
	struct sim *s = cluster_start(&cluster, &(struct sim_config){.seed = 1,
								     .drivers = drivers,
								     .latency_min_us = 20,
								     .latency_max_us = 200,
								     .sync_min_us = 100,
								     .sync_max_us = 200,
								     .shared = shared,
								     .shared_arg = answers});
	sim_run(s, 30000000, NULL, NULL);
	cr_assert_eq(answers->count, STEPS, "%zu", answers->count);
	for (size_t i = 0; i < STEPS; i++) {
		cr_expect_eq(answers->status[i], steps[i].status, "%s: %s %s", steps[i].what,
			     err_name(answers->status[i]), answers->text[i]);
		for (size_t k = 0; k < 4 && steps[i].says[k]; k++)
			cr_expect(strstr(answers->text[i], said(&arena, steps[i].says[k],
								answers->uid[i])),
				  "%s: %s", steps[i].what, answers->text[i]);
	}
	sim_free(s);
	cluster_fini(&cluster);
	arena_fini(&arena);
	free(answers);
}
