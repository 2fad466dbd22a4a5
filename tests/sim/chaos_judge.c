/* The judge itself: what it must say when there is something to say, by runs
 * that are made to fail and by hand-made records. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "broker/base/log.h"
#include "store/local/record.h"
#include "tools/chaos/run.h"

static void quiet(void)
{
	log_init("off");
}

TestSuite(chaos_verdicts, .init = quiet, .timeout = 600);
TestSuite(chaos_judge, .init = quiet, .timeout = 600);

static void read_script(struct script *s, const char *text)
{
	struct err e = {0};
	cr_assert_eq(script_parse(s, "test.chaos", span_of(text), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(s, &e), 0, "%s", e.text);
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

Test(chaos_verdicts, other_seeds_are_other_histories_and_one_seed_is_one)
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

Test(chaos_verdicts, a_workload_that_never_runs_is_not_steady)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\npod big cpu 64\nwarm-up 5s\nsteady all-ready\nalways capacity\n", &r),
		     VERDICT_NOT_STEADY);
	cr_expect_str_eq(r.why, "nothing was broken yet, and after the warm-up pod default/big is not bound");
	cr_expect_eq(r.faults, 0);
}

Test(chaos_verdicts, what_does_not_recover_in_time_is_violated_and_says_why)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\nnodes 1 cpu 1\npod p cpu 600m\nreplicaset web 0 cpu 600m\n"
				"steady all-ready\nat 1s scale web 1\nsettle 10s\n"
				"eventually all-ready within 5s\n", &r),
		     VERDICT_VIOLATED);
	cr_expect_str_eq(r.broken, "all-ready");
	cr_expect(strstr(r.why, "not within 5s of settle: "), "%s", r.why);
}

Test(chaos_verdicts, a_fault_that_touched_nothing_is_inconclusive)
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
	uint64_t revision, fence_token; /* of what is put next; 0: without one */
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
	if (b->fence_token) {
		mpw_array(&r, 2);
		mpw_bin(&r, span_of("fences/web"));
		mpw_u64(&r, b->fence_token);
	} else {
		mpw_nil(&r);
	}
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

/* Of pods; `used` NULL: it was not counted yet. */
static void put_quota(struct bench *b, const char *hard, const char *used)
{
	struct buf v = {0};
	mpw_map(&v, 2);
	mpw_str(&v, "spec");
	mpw_map(&v, 1);
	mpw_str(&v, "hard");
	mpw_map(&v, 1);
	mpw_kv_str(&v, "pods", hard);
	mpw_str(&v, "status");
	mpw_map(&v, used ? 1 : 0);
	if (used) {
		mpw_str(&v, "used");
		mpw_map(&v, 1);
		mpw_kv_str(&v, "pods", used);
	}
	put(b, "resourcequotas/default/small", &v);
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
		mpw_map(&v, 3);
		mpw_kv_str(&v, "kind", "ReplicationController");
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
			 "pods (a b c); c is one too many (written by tester)");
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

/* A lease of a node is on no disk, and nobody was promised that it is. */
Test(chaos_judge, heartbeats_are_not_promised_to_the_disk)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\nnodes 2\ndeployment web 1\nsteady all-ready\nat 20s restart broker\nsettle 20s\n"
				"always acked-durable\n", &r), VERDICT_HELD, "%s", r.why);
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

/* ---- conditions, fed by hand */

static void bench_of(struct bench *b, const char *text)
{
	memset(b, 0, sizeof *b);
	read_script(&b->script, text);
	judge_init(&b->judge, &b->script);
}

Test(chaos_judge, conditions_count_group_and_compare)
{
	static const struct {
		const char *condition;
		bool holds;
	} rows[] = {
		{"count(pods) = 3", true},
		{"count(pods) != 3", false},
		{"count(pods, phase=Running) = 2", true},
		{"count(pods, phase!=Running) = 1", true},
		{"count(pods, node=n1, bound=1) = 2", true},
		{"count(pods, spec.nodeName=n2) = 1", true},
		{"count(pods, ended=1) = 1", true},
		{"most(pods, node) = 2", true},
		{"most(pods, node, phase=Running) = 1", true},
		{"sum(replicationcontrollers, replicas) = 5", true},
		{"max(replicationcontrollers, spec.replicas) - min(replicationcontrollers, replicas) = 0", true},
		{"value(replicationcontrollers/default/web, spec.replicas) = 5", true},
		{"value(replicationcontrollers/default/none, spec.replicas) = 0", true},
		{"count(pods) * 2 + 1 = 7", true},
		{"count(pods) / 2 = 1", true},
		{"count(pods) / 0 = 0", true},
		{"not count(pods) < 3 and (count(pods) > 9 or count(pods) >= 3)", true},
		{"count(pods) > 3 or count(pods) < 3", false},
		{"count(services) > 0", false},
		{"dead-letters = 0", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench b;
		struct err why = {0};
		char text[300];
		snprintf(text, sizeof text, "chaos 1\nsettle 1s\nat-end %s\n", rows[i].condition);
		bench_of(&b, text);
		put_controller(&b, 5);
		put_pod(&b, "a", "n1", "Running", true);
		put_pod(&b, "b", "n1", "Succeeded", true);
		put_pod(&b, "c", "n2", "Running", false);
		cr_expect_eq(judge_holds(&b.judge, &b.script.judgements[0], &why), rows[i].holds, "%s: %s",
			     rows[i].condition, why.text);
		bench_fini(&b);
	}
}

Test(chaos_judge, a_pod_beyond_its_quota_names_the_quota_and_what_there_is)
{
	struct bench b;
	bench_of(&b, "chaos 1\nalways quota\n");
	put_pod(&b, "a", "", "Pending", false);
	put_pod(&b, "b", "", "Pending", false);
	put_quota(&b, "1", NULL);
	put_pod(&b, "b", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "", "what was there before may be too much");
	put_quota(&b, "2", "2");
	put_pod(&b, "b", "n1", "Succeeded", false);
	put_pod(&b, "c", "", "Pending", false);
	cr_expect_str_eq(broken_by(&b), "", "%s: the ended do not count", b.judge.violation.text);
	put_pod(&b, "d", "", "Pending", false);
	cr_expect_str_eq(broken_by(&b), "quota");
	cr_expect_str_eq(b.judge.violation.text, "quota small allows 2 pods, and with pods/default/d there are 3 (at "
						 "revision 8, by tester)");
	bench_fini(&b);
}

Test(chaos_judge, a_quota_that_says_less_than_there_is)
{
	struct bench b;
	struct err why = {0};
	bench_of(&b, "chaos 1\nsettle 5s\nalways quota\neventually quota within 1s\n");
	put_quota(&b, "5", "1");
	put_pod(&b, "a", "", "Pending", false);
	cr_expect(judge_holds(&b.judge, &b.script.judgements[1], &why), "%s", why.text);
	put_quota(&b, "5", "3");
	cr_expect_str_eq(broken_by(&b), "", "more than there is hurts nobody for long");
	cr_expect_not(judge_holds(&b.judge, &b.script.judgements[1], &why));
	cr_expect_str_eq(why.text, "quota small says that of pods it has 3, and there are 1");
	put_quota(&b, "5", "1");
	put_pod(&b, "b", "", "Pending", false);
	cr_expect_str_eq(broken_by(&b), "quota");
	cr_expect_str_eq(b.judge.violation.text, "quota small says that it has 1 pods, and with pods/default/b there "
						 "are 2 (at revision 5, by tester)");
	bench_fini(&b);
}

Test(chaos_judge, always_and_never_are_judged_at_every_revision)
{
	struct bench b;
	bench_of(&b, "chaos 1\nalways few: count(pods) <= 2\n");
	put_pod(&b, "a", "n1", "Running", false);
	put_pod(&b, "b", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "");
	put_pod(&b, "c", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "few");
	cr_expect_eq(b.judge.violation.revision, 3);
	cr_expect_str_eq(b.judge.violation.text, "count(pods) is 3");
	cr_expect_str_eq(b.judge.violation.witness[2].text, "r3 0.001s pods/default/c made by tester");
	bench_fini(&b);
	bench_of(&b, "chaos 1\nnever count(pods, node=n2) > 0\n");
	put_pod(&b, "a", "n1", "Running", false);
	put_pod(&b, "b", "n2", "Running", false);
	cr_expect_str_eq(broken_by(&b), "count(pods, node=n2) > 0");
	cr_expect_str_eq(b.judge.violation.text, "it is so: count(pods, node=n2) is 1");
	bench_fini(&b);
}

Test(chaos_judge, a_violation_names_the_revisions_that_prove_it)
{
	struct bench b;
	bench_init(&b);
	put_pod(&b, "a", "", "Pending", false);
	put_pod(&b, "a", "n1", "Pending", false);
	put_pod(&b, "a", "n2", "Pending", false);
	const struct witness *w = b.judge.violation.witness;
	cr_expect_str_eq(w[0].text, "r1 0.001s pods/default/a made by tester");
	cr_expect_str_eq(w[1].text, "r2 0.001s pods/default/a bound to n1 by tester");
	cr_expect_str_eq(w[2].text, "r3 0.001s pods/default/a changed by tester");
	bench_fini(&b);
}

Test(chaos_judge, what_leads_to_nothing_has_its_time_from_settle_on)
{
	struct bench b;
	bench_of(&b, "chaos 1\nsettle 10s\nleads-to count(pods, bound=0) > 0 => count(pods, bound=0) = 0 within 2s\n");
	judge_begin(&b.judge, 1000);
	put_pod(&b, "a", "", "Pending", false);
	judge_look(&b.judge, 60000000);
	cr_expect_str_eq(broken_by(&b), "", "while things are broken nothing is demanded in time");
	judge_settle(&b.judge, 60000000);
	judge_look(&b.judge, 61900000);
	cr_expect_str_eq(broken_by(&b), "");
	put_pod(&b, "a", "n1", "Pending", false);
	judge_look(&b.judge, 90000000);
	cr_expect_str_eq(broken_by(&b), "", "it came");
	bench_fini(&b);
	bench_of(&b, "chaos 1\nsettle 10s\nleads-to count(pods, bound=0) > 0 => count(pods, bound=0) = 0 within 2s\n");
	judge_begin(&b.judge, 1000);
	put_pod(&b, "a", "", "Pending", false);
	judge_settle(&b.judge, 60000000);
	judge_look(&b.judge, 62000001);
	cr_expect_str_eq(broken_by(&b), "count(pods, bound=0) > 0");
	cr_expect(strstr(b.judge.violation.text, "it was so at revision 1 and what it leads to did not come within 2s"),
		  "%s", b.judge.violation.text);
	bench_fini(&b);
}

/* ---- fences, and what writers are told */

Test(chaos_judge, who_is_told_before_the_disk_has_it)
{
	struct bench b;
	bench_of(&b, "chaos 1\nalways acked-durable\n");
	put_pod(&b, "a", "n1", "Running", false);
	judge_acknowledged(&b.judge, 1000, 1, span_of("gate"));
	cr_expect_str_eq(broken_by(&b), "");
	judge_lost(&b.judge, 1000, 1);
	cr_expect_str_eq(broken_by(&b), "");
	judge_acknowledged(&b.judge, 1000, 2, span_of("gate"));
	cr_expect_str_eq(broken_by(&b), "acked-durable");
	cr_expect_str_eq(b.judge.violation.text,
			 "gate was told that revision 2 is committed, and the disk has 1 at most");
	bench_fini(&b);
}

Test(chaos_judge, a_write_with_the_token_of_a_former_life)
{
	struct bench b;
	bench_of(&b, "chaos 1\nalways fencing\n");
	struct buf v = {0};
	mpw_map(&v, 0);
	put(&b, "fences/web", &v);
	b.fence_token = store_version(1, 0);
	put_pod(&b, "a", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "");
	b.fence_token = 0;
	mpw_map(&v, 0);
	put(&b, "fences/web", &v);
	b.fence_token = store_version(1, 0);
	put_pod(&b, "b", "n1", "Running", false);
	cr_expect_str_eq(broken_by(&b), "fencing");
	cr_expect(strstr(b.judge.violation.text, "a write by tester rests on token 1024 (of fences/web), which is version 3072 since"),
		  "%s", b.judge.violation.text);
	bench_fini(&b);
}

/* ---- statements whose verdict needs a run */

Test(chaos_verdicts, what_was_never_so_is_inconclusive)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\npod p\nsteady all-ready\nat 1s restart broker\nsettle 2s\n"
				"sometimes count(pods) > 5\n", &r),
		     VERDICT_INCONCLUSIVE);
	cr_expect_str_eq(r.why, "line 6 was never so: sometimes count(pods) > 5");
	cr_expect_eq(verdict_of("chaos 1\npod p\nsteady all-ready\nat 1s restart broker\nsettle 2s\n"
				"sometimes count(pods) = 1\n", &r),
		     VERDICT_HELD, "%s", r.why);
}

Test(chaos_verdicts, what_is_not_so_at_the_end)
{
	struct run_result r;
	cr_expect_eq(verdict_of("chaos 1\nreplicaset web 2\nsteady all-ready\nat 1s scale web 3\nsettle 5s\n"
				"at-end want: count(pods) = 2\n", &r),
		     VERDICT_VIOLATED);
	cr_expect_str_eq(r.broken, "want");
	cr_expect_str_eq(r.why, "at the end: count(pods) is 3");
}

Test(chaos_verdicts, what_is_steady_during_is_demanded_until_settle)
{
	struct run_result r;
	const char *script = "chaos 1\nreplicaset web 2\nsteady count(pods, ready=1) >= 2%s\n"
			     "at 1s delete pod of web\nat 5s restart broker\nsettle 5s\neventually all-ready within 5s\n";
	char text[400];
	snprintf(text, sizeof text, script, " during");
	cr_expect_eq(verdict_of(text, &r), VERDICT_VIOLATED);
	cr_expect_str_eq(r.broken, "count(pods, ready=1) >= 2");
	cr_expect(r.witness[2].revision, "it names the last revision");
	snprintf(text, sizeof text, script, "");
	cr_expect_eq(verdict_of(text, &r), VERDICT_HELD, "%s", r.why);
}

/* A store that failed again and again begins anew later each time. */
Test(chaos_verdicts, what_is_not_there_after_settle_is_not_healed)
{
	struct script s;
	struct run_result r;
	int not_healed = 0;
	read_script(&s, "chaos 1\nnodes 1\nlayout apart\nsteady count(nodes) = 1\n"
			"at 1s io-error store with EIO for 30s\n"
			"every 500ms from 500ms to 30s touch nodes/n1\nsettle 1ms\nalways one-binding\n");
	for (uint64_t seed = 1; seed <= 8; seed++) {
		run_script(&s, seed, NULL, &r);
		cr_expect(r.verdict == VERDICT_NOT_HEALED || r.verdict == VERDICT_HELD, "%s", r.why);
		if (r.verdict != VERDICT_NOT_HEALED)
			continue;
		cr_expect_str_eq(r.why, "after settle actor store does not run");
		not_healed++;
	}
	cr_expect_gt(not_healed, 0);
	script_fini(&s);
}

/* Pods come and go until the end: at each look something is on its way. */
Test(chaos_verdicts, what_was_written_just_now_need_not_be_seen_yet)
{
	struct script s;
	struct run_result r;
	read_script(&s, "chaos 1\nlayout apart\nnetwork latency 5ms..20ms\n"
			"job busy 60 cpu 10m does \"exit 0 after 900ms\"\n"
			"replicaset web 12 cpu 10m does \"exit 1 after 3s\"\nat 1s touch nodes/n1\n"
			"settle 20s\neventually views-converge within 2s\n");
	for (uint64_t seed = 1; seed <= 10; seed++) {
		run_script(&s, seed, NULL, &r);
		cr_expect_eq(r.verdict, VERDICT_HELD, "seed %llu: %s", (unsigned long long)seed, r.why);
	}
	script_fini(&s);
}

Test(chaos_verdicts, clients_histories_are_checked)
{
	struct run_result r;
	const char *script = "chaos 1\nlayout apart\nclients 4 ops 150 every 1ms..50ms\n%s"
			     "every 300ms from 200ms to 3s restart actor store\nsettle 20s\n"
			     "checker register\nchecker set\nchecker bank\n";
	char text[500];
	snprintf(text, sizeof text, script, "");
	cr_expect_eq(verdict_of(text, &r), VERDICT_HELD, "%s", r.why);
	snprintf(text, sizeof text, script, "at 100ms lost-write store for 3s\nat 2s restart cell core\n");
	cr_expect_eq(verdict_of(text, &r), VERDICT_VIOLATED, "acknowledged and lost");
	cr_expect(r.broken[0]);
}
