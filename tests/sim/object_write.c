/* object.write, what foreign controllers write with: by the rules of the API, on
 * what it says it rests on, and under a fence. One request after the other, in
 * a simulated cluster. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/schema/json.h"
#include "broker/base/log.h"
#include "tools/chaos/cluster.h"

#define MAP "\"group\":\"\",\"version\":\"v1\",\"resource\":\"configmaps\",\"namespace\":\"default\""

/* In order. NOW in a body is the version that the last answer with 2xx had. */
static const struct step {
	const char *what, *body;
	int status;   /* of the request */
	int64_t code; /* status 0: the answer's */
} steps[] = {
	{"made", "{\"verb\":\"create\"," MAP ",\"object\":{\"metadata\":{\"name\":\"m\"}}}", 0, 201},
	{"made twice", "{\"verb\":\"create\"," MAP ",\"object\":{\"metadata\":{\"name\":\"m\"}}}", 0, 409},
	{"rests on what is there",
	 "{\"verb\":\"merge\"," MAP ",\"name\":\"m\",\"object\":{\"data\":{\"k\":\"1\"}},"
	 "\"basis\":[[\"configmaps/default/m\",NOW],[\"configmaps/default/none\",0]]}", 0, 200},
	{"rests on what has moved on",
	 "{\"verb\":\"merge\"," MAP ",\"name\":\"m\",\"object\":{\"data\":{\"k\":\"2\"}},"
	 "\"basis\":[[\"configmaps/default/m\",1024]]}", 0, 409},
	{"rests on what is not there",
	 "{\"verb\":\"merge\"," MAP ",\"name\":\"m\",\"object\":{\"data\":{\"k\":\"2\"}},"
	 "\"basis\":[[\"configmaps/default/none\",1024]]}", 0, 409},
	{"applied", "{\"verb\":\"apply\"," MAP ",\"name\":\"m\",\"object\":{\"apiVersion\":\"v1\",\"kind\":"
		    "\"ConfigMap\",\"metadata\":{\"name\":\"m\"},\"data\":{\"k\":\"3\"}}}", 0, 200},
	{"under a fence that nobody took",
	 "{\"verb\":\"merge\"," MAP ",\"name\":\"m\",\"object\":{\"data\":{\"k\":\"4\"}},"
	 "\"fence\":[\"fences/none\",1024]}", ERR_FENCED, 0},
	{"refused as by the API", "{\"verb\":\"create\"," MAP ",\"object\":{\"metadata\":{\"name\":\"NO\"}}}", 0, 422},
	{"another of its name", "{\"verb\":\"delete\"," MAP ",\"name\":\"m\",\"uid\":\"x\"}", 0, 409},
	{"a delete with an object", "{\"verb\":\"delete\"," MAP ",\"name\":\"m\",\"object\":{}}", ERR_INVALID, 0},
	{"a merge without", "{\"verb\":\"merge\"," MAP ",\"name\":\"m\"}", ERR_INVALID, 0},
	{"a basis that is none", "{\"verb\":\"delete\"," MAP ",\"name\":\"m\",\"basis\":[[1]]}", ERR_INVALID, 0},
	{"a fence that is none", "{\"verb\":\"delete\"," MAP ",\"name\":\"m\",\"fence\":[1,2]}", ERR_INVALID, 0},
	{"a verb that is none", "{\"verb\":\"burn\"," MAP ",\"name\":\"m\"}", ERR_UNSUPPORTED, 0},
	{"gone", "{\"verb\":\"delete\"," MAP ",\"name\":\"m\"}", 0, 200},
	{"gone already", "{\"verb\":\"delete\"," MAP ",\"name\":\"m\"}", 0, 404},
};
enum { STEPS = sizeof steps / sizeof *steps };

struct answers {
	size_t count;
	int status[STEPS];
	int64_t code[STEPS];
};

struct asker {
	struct answers *answers;
	uint64_t version;
};

static void ask(struct ctx *c, struct asker *a)
{
	char text[1000];
	const char *body = steps[a->answers->count].body, *now = strstr(body, "NOW");
	if (now)
		snprintf(text, sizeof text, "%.*s%llu%s", (int)(now - body), body,
			 (unsigned long long)a->version, now + 3);
	else
		snprintf(text, sizeof text, "%s", body);
	struct doc *d = NULL;
	struct buf b = {0};
	cr_assert_eq(json_parse(ctx_arena(c), span_of(text), &d, NULL, NULL), 0, "%s", text);
	doc_to_mp(&b, d);
	ctx_request(c, "gate", "object.write", &b, 5000, 1);
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	(void)tag;
	ask(c, state);
	return 0;
}

static int on_reply(struct ctx *c, void *state, uint64_t tag, const struct reply *r)
{
	struct asker *a = state;
	struct answers *to = a->answers;
	(void)tag;
	int64_t code = r->status ? 0 : mp_path_int(r->body, "code", 0);
	if (code >= 200 && code < 300)
		a->version = (uint64_t)mp_path_int(r->body, "version", 0);
	to->status[to->count] = r->status;
	to->code[to->count++] = code;
	if (to->count < STEPS)
		ask(c, a);
	return 0;
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct asker *a = state;
	(void)cfg;
	a->answers = ctx_shared(c, "answers");
	ctx_timer(c, 1000000, 1); /* the namespace is there by then */
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

Test(object_write, answers_as_the_api_would_and_rests_on_what_it_says)
{
	static const struct cluster_actor extra[] = {{"asker", "asker", &asker_spec, NULL, 0},
						     {NULL, NULL, NULL, NULL, 0}};
	struct answers answers = {0};
	struct cluster cluster;
	log_init("off");
	cluster_plan(&cluster, &(struct cluster_wish){.node_cpu = "1", .extra = extra});
	struct sim *s = cluster_start(&cluster, &(struct sim_config){.seed = 1,
								     .latency_min_us = 20,
								     .latency_max_us = 200,
								     .sync_min_us = 100,
								     .sync_max_us = 200,
								     .shared = shared,
								     .shared_arg = &answers});
	sim_run(s, 30000000, NULL, NULL);
	cr_assert_eq(answers.count, STEPS);
	for (size_t i = 0; i < STEPS; i++) {
		cr_expect_eq(answers.status[i], steps[i].status, "%s: status %d", steps[i].what,
			     answers.status[i]);
		cr_expect_eq(answers.code[i], steps[i].code, "%s: code %lld", steps[i].what,
			     (long long)answers.code[i]);
	}
	sim_free(s);
	cluster_fini(&cluster);
}
