/* Two of a singleton: who is active after what, and how long nobody is. Nothing
 * is written meanwhile, so that nobody learns it from a refused write. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/controllers/replication.h"
#include "actors/scheduler/scheduler.h"
#include "broker/base/log.h"
#include "tools/chaos/cluster.h"

#define SECOND UINT64_C(1000000)

static const struct cluster_actor spares[] = {
	{"spare", "spare/replication", &replication_actor, NULL, 0},
	{"spare", "spare/scheduler", &scheduler_actor, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

struct world {
	struct cluster cluster;
	struct sim *sim;
};

static const char *role(struct world *w, const char *cell, const char *actor)
{
	struct cell *c = sim_cell(w->sim, cell);
	const char *r = c ? cell_role(c, actor) : NULL;
	return r ? r : "";
}

static bool spare_is_active(void *arg)
{
	return strcmp(role(arg, "spare", "spare/replication"), "active") == 0 &&
	       strcmp(role(arg, "spare", "spare/scheduler"), "active") == 0;
}

static bool first_is_active(void *arg)
{
	return strcmp(role(arg, "controllers", "replication"), "active") == 0 &&
	       strcmp(role(arg, "scheduler", "scheduler"), "active") == 0;
}

static bool first_waits(void *arg)
{
	return strcmp(role(arg, "controllers", "replication"), "waits for spare/replication") == 0 &&
	       strcmp(role(arg, "scheduler", "scheduler"), "waits for spare/scheduler") == 0;
}

/* The two cells of the first ones. */
static void each(struct world *w, int (*fault)(struct sim *s, const char *cell))
{
	cr_assert_eq(fault(w->sim, "controllers"), 0);
	cr_assert_eq(fault(w->sim, "scheduler"), 0);
}

static void expect_within(struct world *w, bool (*what)(void *), uint64_t us, const char *name)
{
	cr_expect(sim_run(w->sim, sim_now_us(w->sim) + us, what, w), "not within %llu ms: %s",
		  (unsigned long long)(us / 1000), name);
}

static void begin(struct world *w)
{
	*w = (struct world){0};
	log_init("off");
	cluster_plan(&w->cluster,
		     &(struct cluster_wish){.node_cpu = "1", .apart = true, .extra = spares});
	w->sim = cluster_start(&w->cluster, &(struct sim_config){.seed = 1,
								 .latency_min_us = 20,
								 .latency_max_us = 200,
								 .sync_min_us = 100,
								 .sync_max_us = 200});
	sim_stop_cell(w->sim, "spare"); /* whoever comes first is active */
	sim_run(w->sim, 5 * SECOND, NULL, NULL);
	cr_assert(first_is_active(w));
	sim_start_cell(w->sim, "spare", cluster_fill, &w->cluster);
	sim_run(w->sim, 20 * SECOND, NULL, NULL); /* the broker has settled, too */
	cr_assert_str_eq(role(w, "spare", "spare/replication"), "waits for replication");
	cr_assert_str_eq(role(w, "spare", "spare/scheduler"), "waits for scheduler");
}

static void end(struct world *w)
{
	sim_free(w->sim);
	cluster_fini(&w->cluster);
}

static int crash(struct sim *s, const char *cell)
{
	return sim_crash_actor(s, cell, strcmp(cell, "scheduler") == 0 ? cell : "replication");
}

static int cut(struct sim *s, const char *cell)
{
	return sim_cut(s, cell, SIM_BOTH_WAYS);
}

static int heal(struct sim *s, const char *cell)
{
	return sim_cut(s, cell, 0);
}

static int pause_it(struct sim *s, const char *cell)
{
	return sim_pause_cell(s, cell, true);
}

static int resume(struct sim *s, const char *cell)
{
	return sim_pause_cell(s, cell, false);
}

Test(standby, takes_over_at_once_from_one_that_crashes)
{
	struct world w;
	begin(&w);
	each(&w, crash);
	expect_within(&w, spare_is_active, SECOND / 10, "the spare ones are active");
	expect_within(&w, first_waits, 2 * SECOND, "the others wait");
	end(&w);
}

Test(standby, takes_over_after_the_silence_of_a_dead_cell)
{
	struct world w;
	begin(&w);
	each(&w, sim_stop_cell);
	expect_within(&w, spare_is_active, 8 * SECOND, "the spare ones are active");
	sim_start_cell(w.sim, "controllers", cluster_fill, &w.cluster);
	sim_start_cell(w.sim, "scheduler", cluster_fill, &w.cluster);
	expect_within(&w, first_waits, 2 * SECOND, "the others wait");
	end(&w);
}

/* What was begun again before anybody missed it has another life: that of
 * then is over, and one of the two is active, at once. */
Test(standby, or_the_former_one_is_active_when_a_cell_begins_again)
{
	struct world w;
	begin(&w);
	sim_crash_cell(w.sim, "controllers", cluster_fill, &w.cluster);
	sim_run(w.sim, sim_now_us(w.sim) + 2 * SECOND, NULL, NULL);
	bool first = strcmp(role(&w, "controllers", "replication"), "active") == 0;
	bool spare = strcmp(role(&w, "spare", "spare/replication"), "active") == 0;
	cr_expect_neq(first, spare);
	end(&w);
}

Test(standby, takes_over_from_who_is_cut_off_and_who_then_knows_it)
{
	struct world w;
	begin(&w);
	each(&w, cut);
	expect_within(&w, spare_is_active, 8 * SECOND, "the spare ones are active");
	each(&w, heal);
	expect_within(&w, first_waits, 12 * SECOND, "the others wait");
	end(&w);
}

Test(standby, takes_over_from_who_stands_still_and_who_then_knows_it)
{
	struct world w;
	begin(&w);
	each(&w, pause_it);
	expect_within(&w, spare_is_active, 8 * SECOND, "the spare ones are active");
	each(&w, resume);
	expect_within(&w, first_waits, 12 * SECOND, "the others wait");
	end(&w);
}

/* A broker that begins again knows nobody: nothing is taken from those who
 * are about to come back. */
Test(standby, does_not_take_over_because_the_broker_begins_again)
{
	struct world w;
	begin(&w);
	sim_restart_broker(w.sim);
	cr_expect_not(sim_run(w.sim, sim_now_us(w.sim) + 30 * SECOND, spare_is_active, &w));
	cr_expect(first_is_active(&w));
	end(&w);
}
