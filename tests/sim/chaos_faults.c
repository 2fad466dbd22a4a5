/* Each kind of fault does what it says, to what it names and to nothing else,
 * and its count says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/sim.h"
#include "broker/base/log.h"
#include "broker/messages.h"
#include "tools/chaos/run.h"

static void quiet(void)
{
	log_init("off");
}

TestSuite(chaos_faults, .init = quiet, .timeout = 600);

/* What the run said when each line ended: "it touched N", by line. */
struct told {
	uint64_t touched[64];
};

static void on_step(void *arg, int64_t at_us, const struct happening *h, bool end, const char *text,
		    uint64_t revision)
{
	struct told *t = arg;
	unsigned long long n = 0;
	(void)at_us;
	(void)revision;
	if (end && sscanf(text, "healed; it touched %llu", &n) == 1)
		t->touched[h->line->place.line] += n;
}

static void run(const char *text, uint64_t seed, struct told *t, struct run_result *r)
{
	struct run_watch watch = {.arg = t, .step = on_step};
	struct script s;
	struct err e = {0};
	memset(t, 0, sizeof *t);
	cr_assert_eq(script_parse(&s, "test.chaos", span_of(text), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(&s, &e), 0, "%s", e.text);
	run_script(&s, seed, &watch, r);
	script_fini(&s);
}

/* Line 7 has the fault. */
#define HEAD "chaos 1\nlayout apart\nnodes 3 cpu 2\nreplicaset web 3 cpu 100m\nsteady all-ready\nat 1s scale web 12\n"
#define TAIL                                                                                        \
	"settle 60s\nalways no-excess\nalways one-binding\nalways capacity\nalways rev-monotonic\n" \
	"always no-return\nalways acked-durable\neventually all-ready within 50s\neventually views-converge within 50s\n"

static const struct {
	const char *line;
	bool inconclusive;
} rows[] = {
	{"at 500ms delay msg store.* by 10ms..200ms for 5s", false},
	{"at 500ms loss msg store.outcome percent 30 for 5s", false},
	{"at 500ms duplicate msg * for 5s", false},
	{"at 500ms reorder msg * percent 30 by 1ms..80ms for 5s", false},
	{"at 500ms corrupt msg * percent 20 for 5s", false},
	{"at 500ms refuse msg store.txn with overloaded percent 50 for 3s", false},
	{"at 500ms refuse msg pod.status with unknown percent 95 for 3s", false},
	{"at 500ms skew node n1 by -1h..1h for 5s", false},
	{"at 500ms drift node n1 rate 300 for 5s", false},
	{"at 500ms drift cell core rate 20 for 5s", false},
	{"at 500ms io-delay store by 50ms..500ms for 5s", false},
	{"at 500ms io-error store with EIO percent 30 for 5s", false},
	{"at 500ms io-error store with ENOSPC for 2s", false},
	{"at 500ms disk-fill store for 3s", false},
	{"at 500ms torn-write store for 5s", false},
	{"at 1s bit-flip store for 3s id b ; after b 100ms restart actor store", false},
	{"at 500ms slow containers n* mode all by 1s..3s for 5s", false},
	{"at 500ms fail containers n* mode all for 5s", false},
	/* what is never there */
	{"at 500ms loss msg node.logs for 5s", true},
	{"at 500ms loss msg store.txn from n1 for 5s", true},
	{"at 500ms refuse msg bus.event with timeout for 5s", true},
	{"at 10s slow containers n1 by 1s for 1s", true},
};

Test(chaos_faults, each_is_survived_and_counted)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (uint64_t seed = 1; seed <= 10; seed++) {
			char text[1200];
			struct told t;
			struct run_result r;
			snprintf(text, sizeof text, HEAD "%s\n" TAIL, rows[i].line);
			run(text, seed, &t, &r);
			cr_expect_eq(r.verdict == VERDICT_INCONCLUSIVE, rows[i].inconclusive,
				     "%s seed %llu: %s: %s", rows[i].line, (unsigned long long)seed,
				     verdict_name(r.verdict), r.why);
			cr_expect(r.verdict == VERDICT_HELD || r.verdict == VERDICT_INCONCLUSIVE,
				  "%s seed %llu: %s: %s", rows[i].line, (unsigned long long)seed,
				  verdict_name(r.verdict), r.why);
			cr_expect_eq(t.touched[7] == 0, rows[i].inconclusive, "%s touched %llu", rows[i].line,
				     (unsigned long long)t.touched[7]);
		}
}

/* Pods by a label, which no line of the script has to know. */
Test(chaos_faults, a_pod_is_deleted_by_its_label)
{
	struct told t;
	struct run_result r;
	const char *head = "chaos 1\nnodes 2\nstatefulset db 2\nreplicaset web 2\nsteady all-ready\n"
			   "at 1s delete pod with %s\nsettle 20s\nnever count(%s) > 0\n";
	static const struct {
		const char *label, *never;
		enum verdict verdict;
	} deeds[] = {
		{"statefulset.kubernetes.io/pod-name=db-1", "pods, label.app=db, deleting=1", VERDICT_VIOLATED},
		{"statefulset.kubernetes.io/pod-name=db-1", "pods, label.app=web, deleting=1", VERDICT_HELD},
		{"app=web", "pods, label.app=web, deleting=1", VERDICT_VIOLATED},
		{"app=nobody", "pods, deleting=1", VERDICT_INCONCLUSIVE},
	};
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		char text[400];
		snprintf(text, sizeof text, head, deeds[i].label, deeds[i].never);
		run(text, 1, &t, &r);
		cr_expect_eq(r.verdict, deeds[i].verdict, "%s: %s %s", deeds[i].label, verdict_name(r.verdict), r.why);
	}
}

/* Zones b and a have n2, n4 and n1, n3. */
Test(chaos_faults, a_zone_is_hit_as_a_whole_and_alone)
{
	static const struct {
		const char *act, *never;
		enum verdict verdict;
	} deeds[] = {
		{"delete pod of web on zone b", "pods, zone=b, deleting=1", VERDICT_VIOLATED},
		{"delete pod of web on zone b", "pods, zone=a, deleting=1", VERDICT_HELD},
		{"delete pod on node with zone=a,disk=ssd", "pods, node=n3, deleting=1", VERDICT_VIOLATED},
		{"delete pod on node with zone=a,disk=ssd", "pods, node!=n3, deleting=1", VERDICT_HELD},
		{"delete pod with app=web on node n2", "pods, node=n2, deleting=1", VERDICT_VIOLATED},
		{"delete pod with app=db on node n2", "pods, deleting=1", VERDICT_INCONCLUSIVE},
	};
	struct told t;
	struct run_result r;
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		char text[400];
		snprintf(text, sizeof text,
			 "chaos 1\nnodes 4 zones a b\nlabel n3 disk=ssd\nlabel n4 disk=hdd\nreplicaset web 8\n"
			 "steady all-ready\nat 1s %s\nsettle 20s\nnever count(%s) > 0\n", deeds[i].act, deeds[i].never);
		run(text, 1, &t, &r);
		cr_expect_eq(r.verdict, deeds[i].verdict, "%s: %s %s", deeds[i].act, verdict_name(r.verdict), r.why);
	}
	run("chaos 1\nnodes 4 zones a b\ndaemonset log\nsteady all-ready\n"
	    "at 1s partition zone b from broker for 70s\nsteady count(pods, zone=a, ready=1) = 2 during\n"
	    "settle 30s\neventually all-ready within 20s\n", 1, &t, &r);
	cr_expect_eq(r.verdict, VERDICT_HELD, "%s %s", verdict_name(r.verdict), r.why);
	cr_expect_gt(t.touched[5], 0);
}

static const struct {
	const char *lines;
	enum verdict verdict;
} out_of_use[] = {
	/* all but the daemon's pod goes, and comes elsewhere */
	{"replicaset web 8\ndaemonset log\nsteady all-ready\nat 1s drain node n1 for 20s\nsettle 30s\n"
	 "never count(pods, label.app=log, deleting=1) > 0\nsometimes count(pods, node=n1, ended=0) = 1\n"
	 "at-end count(pods, label.app=web, node!=n1) = 8 and count(nodes, spec.unschedulable=1) = 0\n"
	 "eventually all-ready within 20s\n", VERDICT_HELD},
	/* nothing comes while it is so, what is there stays */
	{"replicaset web 0\ndaemonset log\nsteady all-ready\nat 1s cordon node n1 for 20s\nat 2s scale web 6\n"
	 "settle 30s\nnever count(pods, label.app=web, node=n1) > 0\nnever count(pods, deleting=1) > 0\n"
	 "eventually all-ready within 20s\n", VERDICT_HELD},
	{"replicaset web 0\nsteady all-ready\nat 1s cordon node n1 for 2s\nat 4s scale web 6\nsettle 30s\n"
	 "never count(pods, node=n1) > 0\n", VERDICT_VIOLATED},
	/* two of one node: the last end counts */
	{"replicaset web 0\nsteady all-ready\nat 1s cordon node n1 for 9s\nat 2s drain zone a for 3s\nat 6s scale web 6\n"
	 "settle 30s\nnever count(pods, label.app=web, node=n1) > 0\nsometimes count(nodes, spec.unschedulable=1) = 2\n"
	 "at-end count(nodes, spec.unschedulable=1) = 0\n", VERDICT_HELD},
	/* before what a user wants who is behind */
	{"replicaset web 4\nsteady all-ready\nevery 2ms from 1s to 3s touch pods/default/web-*\nat 2s cordon node n1 for 1s\n"
	 "settle 60s\nsometimes count(nodes, spec.unschedulable=1) = 1\n", VERDICT_HELD},
	/* a taint keeps pods away, or sends them away; two of one key and effect are one */
	{"replicaset web 0\nsteady all-ready\nat 1s taint node n1 as gone=soon:NoSchedule for 9s\n"
	 "at 2s taint node n1 as gone:NoSchedule for 3s\nat 6s scale web 6\nsettle 30s\n"
	 "never count(pods, label.app=web, node=n1) > 0\neventually all-ready within 20s\n", VERDICT_HELD},
	{"replicaset web 0\nsteady all-ready\nat 1s taint node n1 as gone:NoSchedule for 2s\nat 4s scale web 6\n"
	 "settle 30s\nnever count(pods, node=n1) > 0\n", VERDICT_VIOLATED},
	{"replicaset web 8\ndaemonset log\nsteady all-ready\nat 1s taint zone a as x.io/gone:NoExecute for 20s\nsettle 30s\n"
	 "sometimes count(pods, zone=a) = 0\nnever count(pods, zone=b, deleting=1) > 0\n"
	 "eventually all-ready within 20s\n", VERDICT_HELD},
	{"replicaset web 8\nsteady all-ready\nat 1s taint node n1 as gone:PreferNoSchedule for 5s\nsettle 30s\n"
	 "never count(pods, deleting=1) > 0\n", VERDICT_HELD},
	/* a budget is asked before a pod goes */
	{"deployment web 4\nbudget web min-available 100%\nsteady all-ready\nat 5s drain node * mode all for 9s\nsettle 30s\n"
	 "never count(pods, deleting=1) > 0\neventually budgets within 20s\n", VERDICT_HELD},
	{"deployment web 8\nbudget web max-unavailable 1\nsteady all-ready\nat 5s drain node n1 for 9s\nsettle 30s\n"
	 "never count(pods, ready=1, deleting=0) < 7 and count(pods, deleting=1) > 0\nsometimes count(pods, deleting=1) > 0\neventually budgets within 20s\n"
	 "eventually all-ready within 20s\n", VERDICT_HELD},
	/* what it was against goes on when the drain is over, and is not evicted then */
	{"deployment web 4\nbudget web min-available 100%\nsteady all-ready\nat 5s drain node * mode all for 3s\n"
	 "at 5s scale web 6\nat 12s scale web 2\nsettle 30s\nsometimes count(pods, deleting=0) = 6\n"
	 "at-end count(pods) = 2\neventually all-ready within 20s\neventually budgets within 20s\n", VERDICT_HELD},
	/* ended by settle */
	{"replicaset web 3\nsteady all-ready\nat 1s cordon node * mode all for 2s\nsettle 30s\n"
	 "at-end count(nodes, spec.unschedulable=1) = 0\n", VERDICT_HELD},
};

Test(chaos_faults, a_node_is_taken_out_of_use_and_back)
{
	struct told t;
	struct run_result r;
	for (size_t i = 0; i < sizeof out_of_use / sizeof *out_of_use; i++) {
		char text[700];
		snprintf(text, sizeof text, "chaos 1\nlayout apart\nnodes 4 zones a b\n%s", out_of_use[i].lines);
		for (uint64_t seed = 1; seed <= 5; seed++) {
			run(text, seed, &t, &r);
			cr_expect_eq(r.verdict, out_of_use[i].verdict, "%s: %s %s", out_of_use[i].lines,
				     verdict_name(r.verdict), r.why);
		}
	}
}

/* `kubectl delete` of several pods waits for one after the other, and for ever where a name
 * is taken again while it looks. */
Test(chaos_faults, names_stay_free_for_a_moment_where_several_leave)
{
	static const char text[] = "chaos 1\nlayout apart\nnodes 3\nstatefulset db 3\nsteady all-ready\n"
				   "every 50ms from 1s to 1110ms delete pod of db\n"
				   "at 10s delete pod of db\nsettle 30s\nsometimes count(pods) = 0\n"
				   /* a lone one is there again at once */
				   "leads-to count(pods) = 2 and count(pods, ready=1) = 2 => count(pods) = 3 within 100ms\n"
				   "eventually all-ready within 20s\n";
	struct told t;
	struct run_result r;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		run(text, seed, &t, &r);
		cr_expect_eq(r.verdict, VERDICT_HELD, "%s: %s", verdict_name(r.verdict), r.why);
	}
}

static const struct {
	const char *lines;
	enum verdict verdict;
} crashes[] = {
	/* each once, and with the code that it is given */
	{"replicaset web 4\nsteady all-ready\nat 1s crash containers * mode all code 3 by 100ms for 1ms\nsettle 60s\n"
	 "sometimes count(pods, restarts=1) = 4\nnever count(pods, restarts>1) > 0\n"
	 "sometimes count(pods, status.containerStatuses.0.lastState.terminated.exitCode=3) = 4\n"
	 "eventually all-ready within 50s\n", VERDICT_HELD},
	{"replicaset web 4\nsteady all-ready\nat 1s crash containers * mode all code oom by 100ms for 1ms\nsettle 60s\n"
	 "sometimes count(pods, status.containerStatuses.0.lastState.terminated.exitCode=137) = 4\n"
	 "at-end count(pods, status.containerStatuses.0.lastState.terminated.reason=OOMKilled) = 4\n", VERDICT_HELD},
	/* those of its node alone */
	{"daemonset log\nsteady all-ready\nat 1s crash containers n2 code 1 by 100ms for 1ms\nsettle 60s\n"
	 "never count(pods, node!=n2, restarts>0) > 0\nsometimes count(pods, node=n2, restarts=1) = 1\n", VERDICT_HELD},
	/* so much later; also those that start meanwhile */
	{"replicaset web 0\nsteady all-ready\nat 1s crash containers * mode all code 1 by 3s for 1900ms\nat 2s scale web 4\n"
	 "at 4s touch pods/default/web-*\nsettle 60s\nsometimes count(pods, ready=1) = 4\nat-end count(pods, restarts=1) = 4\n",
	 VERDICT_HELD},
	/* a job counts what ends well */
	{"job sum 4 does \"run\"\nsteady count(pods, ready=1) = 2\nat 1s crash containers * mode all code 0 by 100ms..2s for 20s\n"
	 "settle 60s\neventually all-ready within 30s\n", VERDICT_HELD},
	/* nobody sees what happens on a node without its agent */
	{"daemonset log\nsteady all-ready\nat 1s kill node n2 for 5s\nat 2s crash containers n2 code 1 for 1s\nsettle 60s\n",
	 VERDICT_INCONCLUSIVE},
};

Test(chaos_faults, a_container_ends_while_it_runs)
{
	struct told t;
	struct run_result r;
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
		char text[700];
		snprintf(text, sizeof text, "chaos 1\nlayout apart\nnodes 3\n%s", crashes[i].lines);
		for (uint64_t seed = 1; seed <= 5; seed++) {
			run(text, seed, &t, &r);
			cr_expect_eq(r.verdict, crashes[i].verdict, "%s: %s %s", crashes[i].lines, verdict_name(r.verdict),
				     r.why);
		}
	}
}

/* When it becomes so; what was so all along counts once. */
Test(chaos_faults, a_fault_waits_for_a_condition)
{
	static const struct {
		const char *when;
		enum verdict verdict;
	} waits[] = {
		{"(count(pods, bound=1) = 3)", VERDICT_HELD},
		{"(count(pods) > 1 and not count(nodes) = 1) nth 1", VERDICT_HELD},
		{"(count(pods, bound=1) = 4) nth 2", VERDICT_HELD}, /* once more with scale 2 */
		{"(count(pods, bound=1) = 4) nth 3", VERDICT_INCONCLUSIVE},
		{"(count(pods) > 6)", VERDICT_INCONCLUSIVE},
		{"(count(nodes) = 3) nth 2", VERDICT_INCONCLUSIVE},
	};
	struct told t;
	struct run_result r;
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		char text[500];
		snprintf(text, sizeof text,
			 "chaos 1\nlayout apart\nreplicaset web 1\nsteady all-ready\nat 1s scale web 6\nat 5s scale web 2\n"
			 "when %s within 9s kill node n1 for 10ms\nsettle 20s\neventually all-ready within 15s\n", waits[i].when);
		run(text, 1, &t, &r);
		cr_expect_eq(r.verdict, waits[i].verdict, "%s: %s %s", waits[i].when, verdict_name(r.verdict), r.why);
	}
}

/* To one cell only: the others hear all. */
Test(chaos_faults, a_message_fault_hits_whom_it_names)
{
	struct told t;
	struct run_result r;
	run("chaos 1\nlayout apart\nreplicaset web 1\nsteady all-ready\nat 1s scale web 4\n"
	    "at 500ms loss msg bus.* to scheduler for 20s\n"
	    "at 500ms loss msg bus.* to n1 from gate for 20s\n"
	    "settle 20s\neventually all-ready within 10s\n", 1, &t, &r);
	cr_expect_gt(t.touched[6], 0);
	cr_expect_eq(t.touched[7], 0, "what comes from the store is not from the gate");
}

/* What is late is late by what the line says. */
static void on_changed(void *arg, int64_t at_us, const struct ledger *l, const struct led_change *c)
{
	(void)l;
	if (c->now && c->now->is_pod && c->now->pod.ready && !(c->was && c->was->pod.ready) && at_us > *(int64_t *)arg)
		*(int64_t *)arg = at_us;
}

static int64_t last_ready(const char *fault, uint64_t seed)
{
	int64_t at = 0;
	struct run_watch watch = {.arg = &at, .changed = on_changed};
	struct run_result r;
	struct script s;
	struct err e = {0};
	char text[600];
	snprintf(text, sizeof text, "chaos 1\nlayout apart\nreplicaset web 1\nsteady all-ready\nat 1s scale web 3\n"
		 "%s\nat 19s restart broker\nsettle 20s\neventually all-ready within 10s\n", fault);
	cr_assert_eq(script_parse(&s, "test.chaos", span_of(text), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(&s, &e), 0, "%s", e.text);
	run_script(&s, seed, &watch, &r);
	script_fini(&s);
	return at;
}

Test(chaos_faults, delays_are_as_long_as_they_say)
{
	static const struct {
		const char *line;
		int64_t least_us;
	} late[] = {
		{"", 0},
		{"at 500ms slow containers n* mode all by 4s for 10s", 4000000},
		{"at 500ms io-delay store by 700ms for 10s", 2 * 700000},
		{"at 500ms delay msg pod.status by 3s for 10s", 3000000},
	};
	for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
		int64_t at = last_ready(late[i].line, 3) - 1000000;
		cr_expect_geq(at, late[i].least_us, "'%s': %lld", late[i].line, (long long)at);
		cr_expect_leq(at, late[i].least_us + 12000000, "'%s': %lld", late[i].line, (long long)at);
	}
}

/* A kilobyte takes its time, and what is behind it waits too. */
Test(chaos_faults, a_narrow_link_lets_so_many_bytes_pass)
{
	int64_t wide = last_ready("at 500ms pause node n1 for 1ms", 1),
		narrow = last_ready("at 500ms bandwidth cell core from broker direction from of 4000 for 15s", 1),
		other_way = last_ready("at 500ms bandwidth cell core from broker direction to of 4000 for 15s", 1),
		two = last_ready("at 500ms bandwidth cell core from broker direction from of 4000 for 15s\n"
				 "at 500ms bandwidth cell core from broker direction from of 900000 for 15s", 1);
	cr_expect_lt(wide, 1200000, "%lld", (long long)wide);
	cr_expect_gt(narrow, wide + 500000, "%lld", (long long)narrow);
	cr_expect_gt(other_way, wide + 500000, "%lld", (long long)other_way);
	cr_expect_eq(two, narrow, "the narrowest counts: %lld", (long long)two);
}

/* A line's chance is its own: taking another line out changes nothing of what
 * it draws. */
Test(chaos_faults, what_a_line_hits_depends_on_that_line)
{
	struct told with, without;
	struct run_result r;
	const char *both = "chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
			   "at 1s loss msg session.ping from n1 percent 50 for 30s\n"
			   "at 40s loss msg session.ping from n2 percent 50 for 3s\nsettle 5s\nalways one-binding\n";
	const char *one = "chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
			  "at 1s loss msg session.ping from n1 percent 50 for 30s\n\nsettle 5s\nalways one-binding\n";
	run(both, 5, &with, &r);
	run(one, 5, &without, &r);
	cr_expect_gt(with.touched[5], 0);
	cr_expect_eq(with.touched[5], without.touched[5]);
}

/* What nobody can keep is found out: a disk that lies loses what was
 * acknowledged when the store dies. */
Test(chaos_faults, a_disk_that_lies_is_found_out)
{
	struct told t;
	struct run_result r;
	run("chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
	    "at 1s lost-write store for 5s\nat 2s scale web 6\nat 4s restart cell core\n"
	    "settle 20s\nalways acked-durable\n", 1, &t, &r);
	cr_expect_eq(r.verdict, VERDICT_VIOLATED, "%s", r.why);
	cr_expect_str_eq(r.broken, "acked-durable");
	cr_expect(strstr(r.why, "since it lost what it had synced"), "%s", r.why);
	run("chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
	    "at 1s lost-write store for 5s\nat 2s scale web 6\nat 8s restart cell core\n"
	    "settle 20s\nalways acked-durable\n", 1, &t, &r);
	cr_expect_eq(r.verdict, VERDICT_HELD, "healed, it keeps all: %s", r.why);
	cr_expect_gt(t.touched[5], 0);
}

/* Whoever follows from before is told "too old", and lists again. */
Test(chaos_faults, a_follower_that_was_cut_off_over_a_compaction_lists_again)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct told t;
		struct run_result r;
		run("chaos 1\nlayout apart\nreplicaset web 3\nsteady all-ready\n"
		    "at 1s loss msg * to scheduler for 6s\nat 1s loss msg bus.* to n* for 6s\nat 2s scale web 9\n"
		    "at 3s delete pod of web\nat 5s compact store\n"
		    "every 50ms from 2s to 6s touch pods/default/web-*\n"
		    "settle 30s\nalways no-excess\nalways one-binding\neventually all-ready within 20s\n"
		    "eventually views-converge within 20s\n", seed, &t, &r);
		cr_expect_eq(r.verdict, VERDICT_HELD, "seed %llu: %s", (unsigned long long)seed, r.why);
	}
}

/* ---- the filter itself: what is overtaken, and by whom */

enum { LETTERS = 40 };

struct letters {
	int got[2][LETTERS]; /* by receiver, in order of arrival */
	int count[2];
	int order[2 * LETTERS], total; /* numbers in the order of all arrivals */
};

static int sender_init(struct ctx *c, void *state, struct mp cfg)
{
	(void)state, (void)cfg;
	ctx_timer(c, 5000000, 1); /* all are registered by then */
	return 0;
}

static int sender_timer(struct ctx *c, void *state, uint64_t tag)
{
	(void)state, (void)tag;
	for (int i = 0; i < 2 * LETTERS; i++) {
		struct buf b = {0};
		char number[16];
		snprintf(number, sizeof number, "%d", i);
		mpw_map(&b, 1);
		mpw_kv_str(&b, "stream", number);
		ctx_send(c, i % 2 ? "odd" : "even", "bus.subscribed", &b, 0);
	}
	return 0;
}

static int on_letter(struct ctx *c, void *state, const struct msg *m)
{
	struct letters *l = ctx_shared(c, "letters");
	char text[16];
	(void)state;
	struct span s = mp_path_str(m->body, "stream");
	snprintf(text, sizeof text, "%.*s", (int)s.len, (const char *)s.data);
	int number = atoi(text), odd = number % 2;
	l->got[odd][l->count[odd]++] = number;
	l->order[l->total++] = number;
	return 0;
}

static const struct actor_spec sender_spec = {
	.kind = "sender", .state_bytes = 1, .init = sender_init, .on_timer = sender_timer};
static const struct actor_handler letter_handlers[] = {{"bus.subscribed", on_letter}, {NULL, NULL}};
static const struct actor_spec receiver_spec = {
	.kind = "receiver", .state_bytes = 1, .handlers = letter_handlers};

static void *letters_shared(void *arg, const char *name)
{
	return strcmp(name, "letters") == 0 ? arg : NULL;
}

/* Every third of one receiver's is late, and may be overtaken. */
static void third_is_late(void *arg, const struct sim_message *m, struct sim_fate *f)
{
	int *n = arg;
	if (m->kind != MSG_BUS_SUBSCRIBED || !span_is(m->to, "even") || (*n)++ % 3)
		return;
	f->delay_us = 50000;
	f->overtaken = true;
}

Test(chaos_faults, what_is_late_is_overtaken_but_not_by_its_own)
{
	static const struct actor_spec *const kinds[] = {&sender_spec, &receiver_spec, NULL};
	static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
	static const struct catalogue catalogue = {tables};
	struct letters l = {.total = 0};
	int n = 0;
	struct sim_config cfg = {.seed = 1, .catalogue = &catalogue, .kinds = kinds, .latency_min_us = 20,
				 .latency_max_us = 300, .shared = letters_shared, .shared_arg = &l};
	struct sim_faults faults = {.arg = &n, .message = third_is_late};
	struct sim *s = sim_new(&cfg);
	sim_set_faults(s, &faults);
	cr_assert_eq(cell_add_actor(sim_cell(s, "here"), "sender", "sender", (struct mp){0}, NULL), 0);
	cr_assert_eq(cell_add_actor(sim_cell(s, "there"), "receiver", "even", (struct mp){0}, NULL), 0);
	cr_assert_eq(cell_add_actor(sim_cell(s, "there"), "receiver", "odd", (struct mp){0}, NULL), 0);
	sim_run(s, 20000000, NULL, NULL);
	cr_expect_eq(l.total, 2 * LETTERS);
	for (int odd = 0; odd < 2; odd++)
		for (int i = 1; i < l.count[odd]; i++)
			cr_expect_gt(l.got[odd][i], l.got[odd][i - 1], "one sender's words to one receiver");
	for (int i = 0; i < l.total; i++)
		cr_expect_eq(l.order[i] % 2, i < LETTERS, "all of the other receiver's pass the first that is late");
	sim_free(s);
}
