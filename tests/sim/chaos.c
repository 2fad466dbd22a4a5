/* The scenarios that ship, over many seeds: each holds, twice, with one
 * history. And the judge itself: what it must say when there is something to
 * say, told by hand-made records. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/log.h"
#include "store/local/record.h"
#include "tests/lib/seeds.h"
#include "tools/chaos/grow.h"
#include "tools/chaos/seeds.h"

/* That a seed runs the same twice is shown without a sanitizer. */
#ifdef __SANITIZE_ADDRESS__
#define TWICE false
#else
#define TWICE true
#endif

enum { SEEDS = 25, SOME_SEEDS = 8 };

static void quiet(void)
{
	log_init("off");
}

TestSuite(chaos, .init = quiet, .timeout = 3600);

static void read_script(struct script *s, const char *text)
{
	struct err e = {0};
	cr_assert_eq(script_parse(s, "test.chaos", span_of(text), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(s, &e), 0, "%s", e.text);
}

/* ---- scenarios */

/* Of a scenario over many seeds. What is drawn may miss everything in a few of
 * them: then it says so, and shows nothing. */
struct held {
	const char *file;
	size_t runs, inconclusive;
};

static void must_hold(void *arg, const struct run_result *r)
{
	struct held *h = arg;
	h->runs++;
	h->inconclusive += r->verdict == VERDICT_INCONCLUSIVE;
	cr_assert(r->verdict == VERDICT_HELD || r->verdict == VERDICT_INCONCLUSIVE, "%s seed %llu: %s %s: %s", h->file,
		  (unsigned long long)r->seed, verdict_name(r->verdict), r->broken, r->why);
}

static void hold(const char *file, uint64_t seeds_by_default, size_t one_in)
{
	struct seed_range r = seed_range(seeds_by_default);
	struct seeds seeds = {.first = r.first, .last = r.first + r.count - 1, .jobs = 2, .twice = TWICE};
	struct script s;
	struct err e = {0};
	char path[300];
	struct held h = {.file = path};
	snprintf(path, sizeof path, "tools/chaos/scenarios/%s", file);
	cr_assert_eq(script_load(&s, path, &e), 0, "%s", e.text);
	cr_assert_eq(script_check(&s, &e), 0, "%s", e.text);
	cr_assert_eq(seeds_run(&s, &seeds, must_hold, &h, &e), 0, "%s", e.text);
	cr_expect_leq(h.inconclusive, h.runs / one_in, "%s: %zu of %zu runs touched too little", path,
		      h.inconclusive, h.runs);
	script_fini(&s);
}

/* Those that miss nothing, whatever the seed. */
Test(chaos, controller_dies_scaling)
{
	hold("controller-dies-scaling.chaos", SEEDS, SIZE_MAX);
}

Test(chaos, node_cut_off)
{
	hold("node-cut-off.chaos", SEEDS, SIZE_MAX);
}

Test(chaos, broker_and_scheduler)
{
	hold("broker-and-scheduler.chaos", SEEDS, SIZE_MAX);
}

Test(chaos, scheduler_dies_binding)
{
	hold("scheduler-dies-binding.chaos", SEEDS, SIZE_MAX);
}

Test(chaos, dies_between_steps)
{
	hold("dies-between-steps.chaos", SEEDS, SIZE_MAX);
}

/* Those whose chance may miss, in a fifth of the runs at most. */
Test(chaos, broker_restart_storm)
{
	hold("broker-restart-storm.chaos", SOME_SEEDS, 5);
}

Test(chaos, clock_jump)
{
	hold("clock-jump.chaos", SOME_SEEDS, 5);
}

Test(chaos, gate_dead_for_a_minute)
{
	hold("gate-dead-for-a-minute.chaos", SOME_SEEDS, 5);
}

Test(chaos, node_cut_off_ten_minutes)
{
	hold("node-cut-off-ten-minutes.chaos", SOME_SEEDS, 5);
}

Test(chaos, slow_follower)
{
	hold("slow-follower.chaos", SOME_SEEDS, 5);
}

Test(chaos, store_slow_then_failing)
{
	hold("store-slow-then-failing.chaos", SOME_SEEDS, 5);
}

Test(chaos, zombie_singleton)
{
	hold("zombie-singleton.chaos", SOME_SEEDS, 5);
}

Test(chaos, scheduler_hears_late)
{
	hold("scheduler-hears-late.chaos", SOME_SEEDS, 5);
}

Test(chaos, disk_full)
{
	hold("disk-full.chaos", SOME_SEEDS, 5);
}

Test(chaos, store_fails_again_and_again)
{
	hold("store-fails-again-and-again.chaos", SOME_SEEDS, 5);
}

Test(chaos, agents_die_telling)
{
	hold("agents-die-telling.chaos", SOME_SEEDS, 5);
}

Test(chaos, half_ready)
{
	hold("half-ready.chaos", SOME_SEEDS, 5);
}

Test(chaos, quota_stormed)
{
	hold("quota-stormed.chaos", SOME_SEEDS, 5);
}

Test(chaos, zombie_and_heir)
{
	hold("zombie-and-heir.chaos", SOME_SEEDS, 5);
}

Test(chaos, zone_lost)
{
	hold("zone-lost.chaos", SOME_SEEDS, 5);
}

Test(chaos, zone_drained)
{
	hold("zone-drained.chaos", SOME_SEEDS, 4);
}

Test(chaos, budget_drained)
{
	hold("budget-drained.chaos", SOME_SEEDS, 5);
}

Test(chaos, priority_takes_places)
{
	hold("priority-takes-places.chaos", SOME_SEEDS, 4);
}

Test(chaos, replicas_apart)
{
	hold("replicas-apart.chaos", SOME_SEEDS, 4);
}

Test(chaos, late_watches)
{
	hold("late-watches.chaos", 2, 2);
}

Test(chaos, mixed)
{
	hold("mixed.chaos", 4, 4);
}

/* Scripts that nobody wrote: some have a line without effect, none is violated. */
Test(chaos, what_is_grown_holds)
{
	struct seed_range range = seed_range(SEEDS);
	uint64_t held = 0;
	for (uint64_t seed = range.first; seed < range.first + range.count; seed++) {
		struct buf b = {0};
		struct err e = {0};
		struct run_result r;
		struct script s;
		cr_assert_eq(grow_script(&b, seed, 4 + (unsigned)(seed % 20), &e), 0, "%s", e.text);
		read_script(&s, buf_text(&b));
		seeds_run_one(&s, seed, true, NULL, &r);
		cr_expect(r.verdict == VERDICT_HELD || r.verdict == VERDICT_INCONCLUSIVE, "seed %llu: %s %s: %s",
			  (unsigned long long)seed, verdict_name(r.verdict), r.broken, r.why);
		held += r.verdict == VERDICT_HELD;
		script_fini(&s);
		buf_fini(&b);
	}
	cr_expect_geq(3 * held, range.count, "only %llu of them hit what they aim at", (unsigned long long)held);
}

/* A fault at an event comes when its record is on the disk (with those of its
 * batch) and its writer does not know it yet: the scheduler that binds a pod
 * dies without the answer. */
static void on_step(void *arg, int64_t at_us, const struct happening *h, bool end, const char *text,
		    uint64_t revision)
{
	uint64_t *seen = arg;
	(void)text;
	if (h->line->when.type == WHEN_SEEN && !end) {
		seen[0] = revision;
		seen[3] = (uint64_t)at_us;
	}
}

static void on_changed(void *arg, int64_t at_us, const struct ledger *l, const struct led_change *c)
{
	uint64_t *bound = arg;
	if (c->now && c->now->is_pod && c->now->pod.bound && !(c->was && c->was->pod.bound) && bound[2]++ == 1) {
		bound[1] = l->revision; /* the second that is bound after the warm-up */
		bound[4] = (uint64_t)at_us;
	}
}

static void on_steady(void *arg, int64_t took_us, uint64_t revision)
{
	(void)took_us;
	(void)revision;
	((uint64_t *)arg)[2] = 0;
}

Test(chaos, a_fault_comes_at_the_very_moment_that_it_waits_for)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		uint64_t seen[5] = {0};
		struct run_watch watch = {.arg = seen, .step = on_step, .changed = on_changed,
					  .steady = on_steady};
		struct run_result r;
		struct script s;
		read_script(&s, "chaos 1\nlayout apart\nreplicaset web 1\nsteady all-ready\n"
				"at 100ms scale web 4\n"
				"when pods/default/web-* bound nth 2 within 9s kill actor scheduler for 1s\n"
				"settle 20s\nalways one-binding\neventually all-ready within 10s\n");
		run_script(&s, seed, &watch, &r);
		cr_expect_eq(r.verdict, VERDICT_HELD, "%s", r.why);
		cr_expect_neq(seen[0], 0);
		cr_expect_geq(seen[0], seen[1]);
		cr_expect_eq(seen[3], seen[4], "killed at %llu us, bound at %llu", (unsigned long long)seen[3],
			     (unsigned long long)seen[4]);
		script_fini(&s);
	}
}

/* And one at a message comes while it is on its way: the second binding is
 * asked for by a scheduler that does not live to hear of it. */
Test(chaos, a_fault_comes_while_the_message_that_it_waits_for_is_on_its_way)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		uint64_t seen[5] = {0};
		struct run_watch watch = {.arg = seen, .step = on_step, .changed = on_changed,
					  .steady = on_steady};
		struct run_result r;
		struct script s;
		read_script(&s, "chaos 1\nlayout apart\nreplicaset web 1\nsteady all-ready\n"
				"at 100ms scale web 4\n"
				"when msg store.txn from scheduler to store nth 2 within 9s kill actor scheduler for 1s\n"
				"settle 20s\nalways one-binding\nalways capacity\neventually all-ready within 10s\n");
		run_script(&s, seed, &watch, &r);
		cr_expect_eq(r.verdict, VERDICT_HELD, "%s", r.why);
		cr_expect(seen[3] && seen[3] < seen[4], "killed at %llu us, the second was bound at %llu",
			  (unsigned long long)seen[3], (unsigned long long)seen[4]);
		script_fini(&s);
	}
}

Test(chaos, what_is_seen_too_late_is_not_waited_for_any_more)
{
	struct run_result r;
	struct script s;
	read_script(&s, "chaos 1\nreplicaset web 1\nsteady all-ready\n"
			"when pods/default/web-* bound within 1s kill node n1 for 2s id late\n"
			"after late 1ms restart broker\n"
			"at 2s scale web 4\nat 3s pause node n2 for 1s\n"
			"settle 20s\nalways one-binding\neventually all-ready within 10s\n");
	run_script(&s, 1, NULL, &r);
	cr_expect_eq(r.verdict, VERDICT_INCONCLUSIVE, "%s", r.why);
	cr_expect_eq(r.faults, 1);
	script_fini(&s);
}

/* ---- what chaos found, made as likely as it gets; each of these fails
 * within its seeds without its mend. Loss makes some runs slow to warm up or
 * their faults void: only violations count. */

static void must_not_be_violated(void *arg, const struct run_result *r)
{
	(void)arg;
	cr_assert_neq(r->verdict, VERDICT_VIOLATED, "seed %llu: %s: %s", (unsigned long long)r->seed,
		      r->broken, r->why);
}

static void never_violated(const char *text, uint64_t count)
{
	struct seeds seeds = {.first = 1, .last = count, .jobs = 2};
	struct script s;
	struct err e = {0};
	read_script(&s, text);
	cr_assert_eq(seeds_run(&s, &seeds, must_not_be_violated, NULL, &e), 0, "%s", e.text);
	script_fini(&s);
}

/* The controller's view lacked the last pods of its former incarnation, and
 * it made them again (fence.h). Also: the lost name.register of an actor that
 * was started again left it mute for good (router.c, names_differ). */
Test(chaos, a_new_incarnation_of_the_controller_sees_what_the_former_made)
{
	never_violated("chaos 1\nlayout apart\nnetwork latency 20us..3ms loss 5% bus-loss 40%\n"
		       "replicaset web 2 cpu 10m\nsteady all-ready\n"
		       "at 90ms pause actor scheduler for 2s\nat 100ms scale web 20 id up\n"
		       "after up 5ms..60ms kill actor replication for 20ms\n"
		       "settle 30s\nalways no-excess\neventually all-ready within 30s\n", 100);
}

/* The same in the scheduler's accounts; and it told a pod that runs that no
 * node has room for it, from an older view of that pod. */
Test(chaos, a_scheduler_neither_gives_room_twice_nor_marks_what_it_has_bound)
{
	never_violated("chaos 1\nlayout apart\nnodes 3 cpu 1\n"
		       "network latency 20us..3ms loss 5% bus-loss 40%\n"
		       "replicaset web 2 cpu 200m\nsteady all-ready\n"
		       "at 90ms pause node n* mode all for 2s\nat 100ms scale web 30 id up\n"
		       "after up 10ms..60ms kill actor scheduler for 20ms\nat 1s scale web 13\n"
		       "settle 30s\nalways capacity\neventually all-ready within 30s\n", 150);
}

/* Forty creates were on their way when the user changed his mind: each refusal
 * counted, and the next try was five minutes away (reconcile.c). */
Test(chaos, a_plan_that_is_refused_as_a_whole_is_made_again_soon)
{
	never_violated("chaos 1\nlayout apart\nreplicaset web 2 cpu 10m\nsteady all-ready\n"
		       "at 100ms scale web 40 id up\nafter up 1ms..30ms scale web 12\n"
		       "settle 10s\nalways no-excess\neventually all-ready within 5s\n", 50);
}

/* The store failed under a status; the agent told the next one; and the first,
 * whose outcome was unknown, was written again on top of it (gate.c, supersede). */
Test(chaos, a_gate_writes_no_status_on_top_of_a_newer_one)
{
	never_violated("chaos 1\nlayout apart\nnetwork latency 20us..3ms loss 1% bus-loss 5%\n"
		       "replicaset web 6 cpu 200m\nsteady all-ready\n"
		       "every 300ms from 500ms to 14s delete pod of web\n"
		       "at 1s io-error store with EIO percent 70 for 12s\n"
		       "at 1s io-delay store by 1ms..900ms for 12s\nsettle 10s\nalways no-return\n", 200);
}

/* It retried a pod that it had bound already, since the news of that was late;
 * the store refused, and it gave the pod's room away (scheduler.c, is_bound_by_us). */
Test(chaos, a_scheduler_that_hears_late_does_not_forget_what_it_bound)
{
	never_violated("chaos 1\nnodes 3 cpu 1\nlayout apart\nreplicaset web 4 cpu 400m\nsteady all-ready\n"
		       "at 500ms delay msg bus.event to scheduler percent 30 by 100ms..800ms for 8s\n"
		       "every 200ms from 1s to 6s delete pod of web\nevery 700ms from 1s to 6s scale web 9\n"
		       "every 700ms from 1300ms to 6s scale web 4\nsettle 10s\nalways capacity\n", 20);
}

/* A pod was deleted before its binding arrived, and the answer came before the
 * news: its room was free again, and nobody told the pod that waited for it. */
Test(chaos, a_pod_gets_the_room_of_a_binding_that_was_refused)
{
	never_violated("chaos 1\nnodes 1 cpu 1\nlayout apart\nreplicaset web 0 cpu 600m\nsteady all-ready\n"
		       "at 500ms delay msg store.txn from scheduler by 80ms for 5s\n"
		       "at 1025ms delay msg bus.event to scheduler by 300ms for 5s\n"
		       "at 1s scale web 2\nat 1040ms scale web 1\nsettle 20s\neventually all-ready within 15s\n", 10);
}

/* A pod was in the view before the quota's row that has its charge, another one
 * was gone: the sum was right, nothing was written, and the row said one too
 * many for good (quota.c). */
Test(chaos, a_quota_is_counted_to_the_end_when_the_sum_looks_right)
{
	never_violated("chaos 1\nlayout apart\nnetwork latency 20us..3ms\nquota room pods=50\n"
		       "replicaset web 8 cpu 10m\nsteady all-ready\n"
		       "at 500ms reorder msg bus.event to collectors percent 50 by 1ms..100ms for 3s\n"
		       "every 150ms from 1s to 2500ms delete pod of web\n"
		       "settle 20s\nalways quota\neventually quota within 10s\n", 100);
}

/* Each refusal of a full disk doubled the pause: a minute and more after there
 * was room again nothing had happened (reconcile.c). */
Test(chaos, a_controller_goes_on_soon_after_a_full_disk_has_room)
{
	never_violated("chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
		       "at 900ms..1s delete pod of web id gone\nafter gone 1ms..60ms delete pod of web\n"
		       "at 1s disk-fill store for 45s\nsettle 60s\neventually all-ready within 15s\n", 20);
}

/* Each refusal by a quota doubled the pause, up to five minutes: nobody is told
 * that there is room again, so it is asked for at least every 20 s (reconcile.c). */
Test(chaos, a_controller_takes_the_room_that_a_quota_has_again)
{
	never_violated("chaos 1\nquota small pods=6\nreplicaset db 6\nreplicaset web 0\nsteady all-ready\n"
		       "at 1s scale web 3\nat 45s scale db 2\nsettle 60s\neventually all-ready within 25s\n", 4);
}

/* A node's partition was empty and compacted away; its agent, who had missed
 * the last deletion, took the next event for the first there ever was and kept
 * a pod that was gone (chain.c, beginning). */
Test(chaos, an_agent_that_missed_the_end_of_a_forgotten_partition_lists_again)
{
	never_violated("chaos 1\nnodes 5 cpu 1\nnetwork latency 20us..2ms loss 1% bus-loss 17%\n"
		       "disk sync 100us..9ms\nreplicaset web 6 cpu 400m\nsteady all-ready\n"
		       "at 4s scale web 2\nat 5s compact store\nat 5s delete pod of web\n"
		       "settle 60s\neventually views-converge within 30s\n", 60);
}

/* What has started stays ready, however far the clock is put back (node_sim.c). */
Test(chaos, an_agent_that_begins_with_its_clock_put_back_finds_its_pods_ready)
{
	never_violated("chaos 1\nreplicaset web 2\nsteady all-ready\n"
		       "at 1s skew node n2 by -5m for 8s\nat 1500ms restart actor node-agent/n2\n"
		       "settle 30s\neventually all-ready within 20s\n", 10);
}

Test(chaos, every_scenario_that_ships_is_right)
{
	size_t n = 0;
	DIR *d = opendir("tools/chaos/scenarios");
	cr_assert_not_null(d);
	for (struct dirent *f; (f = readdir(d));) {
		struct script s;
		struct err e = {0};
		char path[600];
		if (!strstr(f->d_name, ".chaos"))
			continue;
		snprintf(path, sizeof path, "tools/chaos/scenarios/%s", f->d_name);
		cr_expect_eq(script_load(&s, path, &e), 0, "%s", e.text);
		cr_expect_eq(script_check(&s, &e), 0, "%s", e.text);
		script_fini(&s);
		n++;
	}
	closedir(d);
	cr_expect_geq(n, 18);
}
