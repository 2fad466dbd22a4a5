/* pod.mirror: a node shows pods of its own, as pods of that node and marked as what
 * they are, and no others. One request after the other, in a simulated cluster. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/port.h"
#include "actors/schema/json.h"
#include "broker/base/log.h"
#include "tools/chaos/cluster.h"

#define META(name) "\"metadata\":{\"name\":\"" name "\",\"namespace\":\"default\""
#define MARK ",\"annotations\":{\"kubernetes.io/config.mirror\":\"u\"}"
#define SPEC(node) "\"spec\":{\"nodeName\":\"" node "\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}"
#define POD "\"apiVersion\":\"v1\",\"kind\":\"Pod\""

/* By node n1, in order. */
static const struct step {
	const char *what, *object;
	int status;
	int64_t code;
} steps[] = {
	{"before its node is known", "{" POD "," META("web") MARK "}," SPEC("n1") "}", ERR_AGAIN, 0},
	{"its own", "{" POD "," META("web") MARK "}," SPEC("n1") "}", 0, 201},
	{"again", "{" POD "," META("web") MARK "}," SPEC("n1") "}", 0, 409},
	{"another node's", "{" POD "," META("other") MARK "}," SPEC("n2") "}", ERR_FORBIDDEN, 0},
	{"nobody's", "{" POD "," META("other") MARK "}," SPEC("") "}", ERR_INVALID, 0},
	{"one that is not marked", "{" POD "," META("other") "}," SPEC("n1") "}", ERR_INVALID, 0},
	{"one that is no pod", "{" POD "," META("other") MARK "},\"spec\":{\"nodeName\":\"n1\"}}", 0, 422},
};
enum { STEPS = sizeof steps / sizeof *steps, REGISTERED = 2 };

struct answers {
	size_t count;
	int status[STEPS];
	int64_t code[STEPS];
	char text[STEPS][300];
};

struct asker {
	struct answers *answers;
};

static void ask(struct ctx *c, const struct asker *a)
{
	struct doc *d = NULL;
	struct buf b = {0};
	cr_assert_eq(json_parse(ctx_arena(c), span_of(steps[a->answers->count].object), &d, NULL, NULL), 0);
	mpw_map(&b, 1);
	mpw_str(&b, "object");
	doc_to_mp(&b, d);
	ctx_request(c, "gate", "pod.mirror", &b, 5000, 1);
}

static void be_registered(struct ctx *c)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "name", "n1");
	mpw_kv_bool(&b, "register", true);
	mpw_str(&b, "labels");
	mpw_map(&b, 0);
	mpw_str(&b, "status");
	mpw_map(&b, 0);
	ctx_request(c, "gate", "node.status", &b, 5000, REGISTERED);
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct asker *a = state;
	struct answers *to = a->answers;
	if (tag == REGISTERED) {
		cr_assert_eq(r->status, 0);
		ctx_timer(c, 1000000, 1); /* everybody has heard of it then */
		return 0;
	}
	to->status[to->count] = r->status;
	to->code[to->count] = r->status ? 0 : mp_path_int(r->body, "code", 0);
	span_text(to->text[to->count], sizeof to->text[0],
		  r->status ? r->text : mp_path_str(r->body, "message"));
	if (++to->count == 1)
		be_registered(c);
	else if (to->count < STEPS)
		ask(c, a);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	(void)tag;
	ask(c, state);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct asker *a = state;
	(void)cfg;
	a->answers = ctx_shared(c, "answers");
	ctx_timer(c, 5000000, 1); /* namespace and nodes are there by then */
	return 0;
}

static const struct actor_spec asker_spec = {
	.kind = "asker",
	.state_bytes = sizeof(struct asker),
	.init = init,
	.on_timer = on_timer,
	.on_reply = on_reply,
};

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "answers") == 0 ? arg : NULL;
}

Test(mirrors, are_made_by_the_node_that_they_are_of)
{
	struct answers *answers = mem_alloc(sizeof *answers);
	struct cluster cluster;
	const struct cluster_actor extra[] = {{"asker", "node-agent/n1", &asker_spec, NULL, 0},
					      {NULL, NULL, NULL, NULL, 0}};
	log_init("off");
	cluster_plan(&cluster, &(struct cluster_wish){.node_cpu = "1", .extra = extra});
	struct sim *s = cluster_start(&cluster, &(struct sim_config){.seed = 1,
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
		cr_expect_eq(answers->code[i], steps[i].code, "%s: %lld %s", steps[i].what,
			     (long long)answers->code[i], answers->text[i]);
	}
	sim_free(s);
	cluster_fini(&cluster);
	free(answers);
}
