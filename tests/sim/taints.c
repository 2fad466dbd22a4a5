/* When a pod that bears a taint for a while leaves: by the time of the taint, though
 * `kubectl taint` writes none. A user by the clock, in a simulated cluster. */
#include <criterion/criterion.h>

#include "broker/base/log.h"
#include "tests/lib/doc_text.h"
#include "tests/sim/steps.h"
#include "tools/chaos/cluster.h"

enum { S = 1000000, PODS = 3 };

#define POD(name) \
	"{'verb':'create','group':'','version':'v1','resource':'pods','namespace':'default','object':" \
	"{'metadata':{'name':'" name "'},'spec':{'nodeName':'n1','terminationGracePeriodSeconds':1," \
	"'tolerations':[{'key':'by-hand','operator':'Exists','effect':'NoExecute'," \
	"'tolerationSeconds':50}],'containers':[{'name':'c','image':'i'}]}}}"
#define TAINTS(list) \
	"{'verb':'merge','group':'','version':'v1','resource':'nodes','name':'n1','object':" \
	"{'spec':{'taints':" list "}}}"
#define BY_HAND "{'key':'by-hand','effect':'NoExecute'}"

static const struct step steps[] = {
	{3, POD("old")},
	{200, TAINTS("[" BY_HAND "]")},
	{220, POD("young")},
	{230, TAINTS("[" BY_HAND ",{'key':'more','effect':'NoSchedule'}]")},
	{400, TAINTS("null")},
	{401, POD("saved")},
	{500, TAINTS("[" BY_HAND "]")},
	{540, TAINTS("null")},
	{545, TAINTS("[" BY_HAND "]")},
};

/* Of each pod in the order of their names, when it was told to go, in seconds. */
struct ends {
	struct sim *sim;
	unsigned at_s[PODS];
};
static const char *const pods[PODS] = {"old", "saved", "young"};

static int on_view(struct ctx *c, void *state, const struct view_change *v)
{
	struct ends *ends = ctx_shared(c, "ends");
	struct mp now = v->now ? mp_of_bytes(v->now->value) : (struct mp){0};
	(void)state;
	if (!now.p || !mp_path_str(now, "metadata.deletionTimestamp").len)
		return 0;
	for (size_t i = 0; i < PODS; i++)
		if (span_is(mp_path_str(now, "metadata.name"), pods[i]) && !ends->at_s[i])
			ends->at_s[i] = (unsigned)(sim_now_us(ends->sim) / S);
	return 0;
}

static int user_init(struct ctx *c, void *state, struct mp cfg)
{
	(void)state, (void)cfg;
	ctx_follow(c, "pods");
	steps_begin(c, steps, sizeof steps / sizeof *steps);
	return 0;
}

static const struct actor_spec user = {.kind = "user",
				       .state_bytes = 1,
				       .init = user_init,
				       .on_timer = steps_on_timer,
				       .on_reply = steps_on_reply,
				       .on_view = on_view};

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "ends") == 0 ? arg : NULL;
}

Test(taints, without_a_time_count_from_when_they_came)
{
	struct ends ends = {0};
	struct cluster cluster;
	const struct cluster_actor extra[] = {{"user", "user", &user, NULL, 0},
					      {NULL, NULL, NULL, NULL, 0}};
	log_init("off");
	cluster_plan(&cluster, &(struct cluster_wish){
				       .nodes = 1, .node_cpu = "1", .workloads = true, .extra = extra});
	struct sim *s = ends.sim = cluster_start(
		&cluster, &(struct sim_config){.seed = 1, .latency_min_us = 20, .latency_max_us = 200,
					       .sync_min_us = 100, .sync_max_us = 200,
					       .shared = shared, .shared_arg = &ends});
	sim_run(s, 700 * (uint64_t)S, NULL, NULL);
	cr_expect(ends.at_s[0] >= 250 && ends.at_s[0] < 255, "old: %u", ends.at_s[0]);
	cr_expect(ends.at_s[2] >= 270 && ends.at_s[2] < 275, "young, after the taint: %u", ends.at_s[2]);
	cr_expect(ends.at_s[1] >= 595 && ends.at_s[1] < 600, "saved once: %u", ends.at_s[1]);
	sim_free(s);
	cluster_fini(&cluster);
}
