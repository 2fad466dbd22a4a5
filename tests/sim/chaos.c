/* The scenarios that ship, over many seeds: each holds, twice, with one
 * history. And the judge itself: what it must say when there is something to
 * say, told by hand-made records. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/log.h"
#include "store/local/record.h"
#include "tools/chaos/grow.h"
#include "tools/chaos/seeds.h"

enum { SEEDS = 25 };

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

static void must_hold(void *arg, const struct run_result *r)
{
	cr_assert_eq(r->verdict, VERDICT_HELD, "%s seed %llu: %s %s: %s", (const char *)arg,
		     (unsigned long long)r->seed, verdict_name(r->verdict), r->broken, r->why);
}

static void hold(const char *file)
{
	const char *from = getenv("SEED_FROM"), *count = getenv("SEEDS");
	struct seeds seeds = {.first = from ? strtoull(from, NULL, 10) : 1, .jobs = 2, .twice = true};
	struct script s;
	struct err e = {0};
	char path[300];
	seeds.last = seeds.first + (count ? strtoull(count, NULL, 10) : SEEDS) - 1;
	snprintf(path, sizeof path, "tools/chaos/scenarios/%s", file);
	cr_assert_eq(script_load(&s, path, &e), 0, "%s", e.text);
	cr_assert_eq(script_check(&s, &e), 0, "%s", e.text);
	cr_assert_eq(seeds_run(&s, &seeds, must_hold, path, &e), 0, "%s", e.text);
	script_fini(&s);
}

Test(chaos, controller_dies_scaling)
{
	hold("controller-dies-scaling.chaos");
}

Test(chaos, node_cut_off)
{
	hold("node-cut-off.chaos");
}

Test(chaos, broker_and_scheduler)
{
	hold("broker-and-scheduler.chaos");
}

Test(chaos, scheduler_dies_binding)
{
	hold("scheduler-dies-binding.chaos");
}

Test(chaos, dies_between_steps)
{
	hold("dies-between-steps.chaos");
}

/* Scripts that nobody wrote: much has no effect, nothing is violated. */
Test(chaos, what_is_grown_holds)
{
	const char *from = getenv("SEED_FROM"), *count = getenv("SEEDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 1;
	uint64_t last = first + (count ? strtoull(count, NULL, 10) : 2 * SEEDS) - 1;
	for (uint64_t seed = first; seed <= last; seed++) {
		struct buf b = {0};
		struct err e = {0};
		struct run_result r;
		struct script s;
		cr_assert_eq(grow_script(&b, seed, 4 + (unsigned)(seed % 20), &e), 0, "%s", e.text);
		read_script(&s, buf_text(&b));
		seeds_run_one(&s, seed, true, NULL, &r);
		cr_expect(r.verdict == VERDICT_HELD || r.verdict == VERDICT_INCONCLUSIVE, "seed %llu: %s %s: %s",
			  (unsigned long long)seed, verdict_name(r.verdict), r.broken, r.why);
		script_fini(&s);
		buf_fini(&b);
	}
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
		       "at 1s io-delay store by 1ms..900ms for 12s\nsettle 10s\nalways no-return\n", 300);
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

/* Each refusal of a full disk doubled the pause: a minute and more after there
 * was room again nothing had happened (reconcile.c). */
Test(chaos, a_controller_goes_on_soon_after_a_full_disk_has_room)
{
	never_violated("chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
		       "at 900ms..1s delete pod of web id gone\nafter gone 1ms..60ms delete pod of web\n"
		       "at 1s disk-fill store for 45s\nsettle 60s\neventually all-ready within 15s\n", 20);
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
	cr_expect_geq(n, 4);
}

/* ---- verdicts */

static enum verdict verdict_of(const char *text, struct run_result *r)
{
	struct script s;
	read_script(&s, text);
	run_script(&s, 1, NULL, r);
	script_fini(&s);
	return r->verdict;
}

Test(chaos, other_seeds_are_other_histories_and_one_seed_is_one)
{
	struct script s;
	struct run_result a, b, other;
	read_script(&s, "chaos 1\npod p\nat 1s..2s restart node n*\nsettle 5s\nalways one-binding\n");
	run_script(&s, 1, NULL, &a);
	run_script(&s, 1, NULL, &b);
	run_script(&s, 2, NULL, &other);
	cr_expect_eq(a.digest, b.digest);
	cr_expect_neq(a.digest, other.digest);
	cr_expect_eq(a.verdict, VERDICT_HELD, "%s", a.why);
	script_fini(&s);
}

Test(chaos, a_workload_that_never_runs_is_not_steady)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\npod big cpu 64\nwarm-up 5s\nsteady all-ready\nalways capacity\n", &r),
		     VERDICT_NOT_STEADY);
	cr_expect_str_eq(r.why, "nothing was broken yet, and after the warm-up pod default/big is not bound");
	cr_expect_eq(r.faults, 0);
}

Test(chaos, what_does_not_recover_in_time_is_violated_and_says_why)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\nnodes 1 cpu 1\npod p cpu 600m\nreplicaset web 0 cpu 600m\n"
				"steady all-ready\nat 1s scale web 1\nsettle 10s\n"
				"eventually all-ready within 5s\n", &r),
		     VERDICT_VIOLATED);
	cr_expect_str_eq(r.broken, "all-ready");
	cr_expect(strstr(r.why, "not within 5s of settle: "), "%s", r.why);
}

Test(chaos, a_fault_that_touched_nothing_is_inconclusive)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\npod p\nsteady all-ready\nat 10s pause actor gate for 1ms\n"
				"settle 2s\nalways one-binding\n", &r),
		     VERDICT_INCONCLUSIVE);
	cr_expect_str_eq(r.why, "line 4 had no effect: at 10s pause actor gate for 1ms");
}

/* ---- the judge, fed by hand */

struct bench {
	struct script script;
	struct judge judge;
	uint64_t revision;
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof *b);
	read_script(&b->script, "chaos 1\nalways no-excess\nalways one-binding\nalways capacity\n"
				"always rev-monotonic\nalways no-return\n");
	judge_init(&b->judge, &b->script);
}

static void bench_fini(struct bench *b)
{
	judge_fini(&b->judge);
	script_fini(&b->script);
}

static const char *broken_by(const struct bench *b)
{
	return b->judge.violation.name ? b->judge.violation.name : "";
}

/* The record that the store would have written for this put (record.h). */
static void put(struct bench *b, const char *key, struct buf *value)
{
	const struct led_object *was = ledger_get(&b->judge.ledger, key);
	struct buf r = {0};
	mpw_array(&r, 6);
	mpw_u64(&r, b->revision);
	mpw_u64(&r, 0);
	mpw_bool(&r, true);
	mpw_array(&r, 7);
	mpw_bin(&r, (struct span){(const uint8_t[16]){0}, 16});
	mpw_bin(&r, span_of("tester"));
	for (int i = 0; i < 5; i++)
		mpw_u64(&r, 0);
	mpw_nil(&r);
	mpw_array(&r, 1);
	mpw_array(&r, 10);
	mpw_bin(&r, span_of(key));
	mpw_bin(&r, span_buf(value));
	mpw_u64(&r, 1);
	mpw_u64(&r, 1);
	mpw_bin(&r, (struct span){0});
	mpw_u64(&r, 0);
	mpw_u64(&r, was ? was->version : 0);
	mpw_bin(&r, (struct span){0});
	mpw_nil(&r);
	mpw_array(&r, 1);
	mpw_u64(&r, 0);
	judge_record(&b->judge, 1000, ++b->revision, span_buf(&r));
	buf_fini(&r);
	buf_fini(value);
}

static void put_controller(struct bench *b, int replicas)
{
	struct buf v = {0};
	mpw_map(&v, 2);
	mpw_str(&v, "metadata");
	mpw_map(&v, 1);
	mpw_kv_str(&v, "uid", "u-web");
	mpw_str(&v, "spec");
	mpw_map(&v, 1);
	mpw_kv_i64(&v, "replicas", replicas);
	put(b, "replicationcontrollers/default/web", &v);
}

static void put_node(struct bench *b, const char *cpu)
{
	struct buf v = {0};
	mpw_map(&v, 1);
	mpw_str(&v, "status");
	mpw_map(&v, 1);
	mpw_str(&v, "allocatable");
	mpw_map(&v, 3);
	mpw_kv_str(&v, "cpu", cpu);
	mpw_kv_str(&v, "memory", "1Gi");
	mpw_kv_str(&v, "pods", "10");
	put(b, "nodes/n1", &v);
}

static void put_pod(struct bench *b, const char *name, const char *node, const char *phase, bool owned)
{
	struct buf v = {0};
	char key[64];
	snprintf(key, sizeof key, "pods/default/%s", name);
	mpw_map(&v, 3);
	mpw_str(&v, "metadata");
	mpw_map(&v, owned ? 2 : 1);
	mpw_kv_str(&v, "uid", name);
	if (owned) {
		mpw_str(&v, "ownerReferences");
		mpw_array(&v, 1);
		mpw_map(&v, 2);
		mpw_kv_str(&v, "uid", "u-web");
		mpw_kv_bool(&v, "controller", true);
	}
	mpw_str(&v, "spec");
	mpw_map(&v, 2);
	mpw_kv_str(&v, "nodeName", node);
	mpw_str(&v, "containers");
	mpw_array(&v, 1);
	mpw_map(&v, 1);
	mpw_str(&v, "resources");
	mpw_map(&v, 1);
	mpw_str(&v, "requests");
	mpw_map(&v, 1);
	mpw_kv_str(&v, "cpu", "600m");
	mpw_str(&v, "status");
	mpw_map(&v, 1);
	mpw_kv_str(&v, "phase", phase);
	put(b, key, &v);
}

Test(chaos_judge, a_pod_too_many_is_seen_at_its_revision)
{
	struct bench b;
	bench_init(&b);
	put_controller(&b, 2);
	put_pod(&b, "a", "", "Pending", true);
	put_pod(&b, "b", "", "Pending", true);
	cr_expect_str_eq(broken_by(&b), "");
	put_pod(&b, "c", "", "Pending", true);
	cr_expect_str_eq(broken_by(&b), "no-excess");
	cr_expect_eq(b.judge.violation.revision, 4);
	cr_expect_str_eq(b.judge.violation.text,
			 "at revision 4: replicationcontrollers/default/web wants 2 since revision 1 and has 3 "
			 "pods: a b c; c is one too many (written by tester)");
	bench_fini(&b);
}

Test(chaos_judge, fewer_wanted_is_no_excess_and_the_ended_do_not_count)
{
	struct bench b;
	bench_init(&b);
	put_controller(&b, 3);
	put_pod(&b, "a", "", "Pending", true);
	put_pod(&b, "b", "", "Pending", true);
	put_pod(&b, "c", "", "Pending", true);
	put_controller(&b, 1);
	put_pod(&b, "a", "", "Failed", true);
	put_pod(&b, "b", "", "Failed", true);
	put_controller(&b, 2);
	put_pod(&b, "d", "", "Pending", true);
	cr_expect_str_eq(broken_by(&b), "", "%s", b.judge.violation.text);
	bench_fini(&b);
}

Test(chaos_judge, a_pod_that_moves_names_both_bindings)
{
	struct bench b;
	bench_init(&b);
	put_pod(&b, "a", "n1", "Pending", false);
	put_pod(&b, "a", "n2", "Pending", false);
	cr_expect_str_eq(broken_by(&b), "one-binding");
	cr_expect_str_eq(b.judge.violation.text, "at revision 2: pod default/a was bound to n1 at revision 1 by "
						 "tester, and now to n2 by tester");
	bench_fini(&b);
}

Test(chaos_judge, a_node_that_is_to_give_more_than_it_has)
{
	struct bench b;
	bench_init(&b);
	put_node(&b, "1");
	put_pod(&b, "a", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "");
	put_pod(&b, "a", "n1", "Succeeded", false);
	put_pod(&b, "b", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "", "what has ended gives its room back");
	put_pod(&b, "c", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "capacity");
	cr_expect(strstr(b.judge.violation.text, "node n1 has 1000 thousandths of a CPU and is to give 1200: "
						 "pod default/c was one too many"));
	bench_fini(&b);
}

Test(chaos_judge, a_revision_that_is_lost_or_a_pod_that_returns)
{
	struct bench b;
	bench_init(&b);
	put_pod(&b, "a", "n1", "Failed", false);
	put_pod(&b, "a", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "no-return");
	bench_fini(&b);
	bench_init(&b);
	put_node(&b, "1");
	b.revision++;
	put_node(&b, "2");
	cr_expect_str_eq(broken_by(&b), "rev-monotonic");
	bench_fini(&b);
}
