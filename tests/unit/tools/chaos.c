/* Chaos scripts: what is read, what is refused and with which words, and what
 * a seed makes of it. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tools/chaos/grow.h"
#include "tools/chaos/invariants.h"
#include "tools/chaos/plan.h"
#include "tools/chaos/shrink.h"

#define HEAD "chaos 1\n"
#define TAIL "\nsettle 30s\nalways no-excess\n"

static struct script script;

static const char *refusal(const char *text)
{
	static struct err e;
	e.text[0] = 0;
	int rc = script_parse(&script, "c.chaos", span_of(text), &e);
	if (rc == 0)
		rc = script_check(&script, &e);
	cr_assert_neq(rc, 0, "%s", text);
	script_fini(&script);
	return e.text;
}

static void read_script(struct script *s, const char *text)
{
	struct err e = {0};
	cr_assert_eq(script_parse(s, "c.chaos", span_of(text), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(s, &e), 0, "%s", e.text);
}

/* ---- what is read */

Test(chaos_script, header_and_timeline_become_a_tree)
{
	struct script *s = &script;
	read_script(s, HEAD
		    "title \"two words\" ; world sim # no more\nseed 0x5eed\nnodes 5 cpu 4 pods 10\n"
		    "layout apart\nnetwork latency 1ms..5ms loss 0.5% bus-loss 5%\ndisk sync 2ms\n"
		    "replicaset web 4 cpu 200m does \"exit 1 after 2s; run\"\npod p1\nwarm-up 10s\n"
		    "limit nodes-down <= 3\nsteady all-ready\n"
		    "at 5s..6s partition node n* mode fixed 2 from broker direction to for 1500ms id cut\n"
		    "after cut 2m scale web 7\nevery 2s from 1s to 9s pause kind node-agent for 10ms\n"
		    "settle 40s\nalways one-binding\neventually all-ready within 20s\n");
	cr_expect_str_eq(s->title, "two words");
	cr_expect_eq(s->seed, 0x5eed);
	cr_expect_eq(s->nodes, 5);
	cr_expect_eq(s->node_pods, 10);
	cr_expect_eq(s->layout, LAYOUT_APART);
	cr_expect_eq(s->loss_permille, 5);
	cr_expect_eq(s->bus_loss_permille, 50);
	cr_expect_eq(s->latency_us.max, 5000);
	cr_expect_eq(s->sync_us.min, 2000);
	cr_assert_eq(s->load_count, 2);
	cr_expect_str_eq(s->loads[0].does, "exit 1 after 2s; run");
	cr_expect_eq(s->loads[1].kind, LOAD_POD);
	cr_assert_eq(s->line_count, 3);
	const struct line *l = &s->lines[0];
	cr_expect_eq(l->when.at.min, 5000000);
	cr_expect_eq(l->when.at.max, 6000000);
	cr_expect_eq(l->act.verb, VERB_PARTITION);
	cr_expect_eq(l->act.ways, WAY_TO);
	cr_expect_eq(l->act.for_us, 1500000);
	cr_expect_eq(l->act.target.mode, MODE_FIXED);
	cr_expect_eq(l->act.target.amount, 2);
	cr_expect_eq(s->lines[1].follows, l);
	cr_expect_eq(s->lines[1].act.number, 7);
	cr_expect_eq(line_times(&s->lines[2]), 5);
	cr_expect_eq(line_begin(&s->lines[1]).max, 126000000);
	cr_expect_eq(line_span(l).max, 7500000);
	cr_assert_eq(s->judgement_count, 3);
	cr_expect_eq(s->judgements[2].within_us, 20000000);
	script_fini(s);
}

Test(chaos_script, a_fault_may_be_ended_by_another_line)
{
	read_script(&script, HEAD "at 1s kill cell n1 id k\nat 2s restart k\n"
				  "at 1s partition node n2 from broker id p\nat 4s heal p\n"
				  "at 1s pause actor scheduler id z\nafter z 1s resume z" TAIL);
	cr_expect_eq(script.lines[0].ended_by, &script.lines[1]);
	cr_expect_eq(script.lines[1].act.verb, VERB_END);
	cr_expect_eq(line_span(&script.lines[2]).max, 4000000);
	cr_expect_eq(script.lines[5].ends, &script.lines[4]);
	script_fini(&script);
}

/* ---- what is refused */

Test(chaos_script, names_place_and_near_match_of_a_slip)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", "c.chaos:1:1: expected 'chaos 1' first"},
		{"world sim\n", "c.chaos:1:1: expected 'chaos 1' first"},
		{"chaos 2\n", "c.chaos:1:7: the language's version is from 1 to 1"},
		{HEAD "when (cuont(pods) > 1) within 1s restart broker\n",
		 "c.chaos:2:7: unknown number, function or figure 'cuont', did you mean 'count'?"},
		{HEAD "when (count(pods)) within 1s restart broker\n",
		 "c.chaos:2:6: expected a condition, like count(pods) <= 40"},
		{HEAD "when (count(pods) > 1) for 1s restart broker\n", "c.chaos:2:24: expected 'within', not 'for'"},
		{HEAD "at 5s drian node n1 for 1s\n", "c.chaos:2:7: unknown verb 'drian', did you mean 'drain'?"},
		{HEAD "at 5s drain cell core for 1s\n", "c.chaos:2:13: 'drain' does not take 'cell'"},
		{HEAD "at 5s taint node n1 for 1s\n", "c.chaos:2:27: expected 'as', not the end of the line"},
		{HEAD "at 5s taint node n1 as gone for 1s\n",
		 "c.chaos:2:24: a taint ends with ':NoSchedule', ':PreferNoSchedule' or ':NoExecute'"},
		{HEAD "at 5s taint node n1 as gone=x:NoExecut for 1s\n",
		 "c.chaos:2:29: a taint ends with ':NoSchedule', ':PreferNoSchedule' or ':NoExecute', did you mean 'NoExecute'?"},
		{HEAD "at 5s taint node n1 as -x:NoExecute for 1s\n", "c.chaos:2:24: '-x' is no key of a taint: name part must consist of alphanumeric characters, '-', '_' or '.', "
		 "and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
		 "for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"},
		{HEAD "at 5s crash containers n1 for 1s\n", "c.chaos:2:33: expected 'code', not the end of the line"},
		{HEAD "at 5s crash containers n1 code 256 for 1s\n", "c.chaos:2:32: an exit code or 'oom' is from 0 to 255"},
		{HEAD "at 5s crash node n1 code 1 for 1s\n", "c.chaos:2:13: 'crash' does not take 'node'"},
		{HEAD "at 5s crash containers n1 code 1\n", "c.chaos:2:1: this crash would never end: add 'for TIME' to it, or an id and a line 'at TIME heal ID'"},
		{HEAD "at 5s bandwidth node n1 from broker for 1s\n", "c.chaos:2:43: expected 'of', not the end of the line"},
		{HEAD "at 5s bandwidth node n1 from broker of 9 for 1s\n",
		 "c.chaos:2:40: how many bytes a second is from 100 to 1000000000"},
		{HEAD "replicaset web 3 apart rack\n", "c.chaos:2:24: expected 'node' or 'zone', not 'rack'"},
		{HEAD "replicaset web 3 near node\n", "c.chaos:2:18: expected 'cpu', 'apart', 'critical', 'does' or the end of the line, not 'near'"},
		{HEAD "budget web available 3\n", "c.chaos:2:12: expected a bound (min-available, max-unavailable), not 'available'"},
		{HEAD "budget web min-available x\n", "c.chaos:2:26: expected how many pods, like 2 or 50%, not 'x'"},
		{HEAD "label n1 k8s.io/x=y\n", "c.chaos:2:10: no node may give itself 'k8s.io/x': it is Kubernetes' own"},
		{HEAD "at 5s kil actor gate\n", "c.chaos:2:7: unknown verb 'kil', did you mean 'kill'?"},
		{HEAD "nodess 3\n", "c.chaos:2:1: unknown statement 'nodess', did you mean 'nodes'?"},
		{HEAD "at 5s kill actr gate\n", "c.chaos:2:12: unknown target 'actr', did you mean 'actor'?"},
		{HEAD "at 5 kill broker\n", "c.chaos:2:4: when is a time like 500ms, 5s or 2m, not '5'"},
		{HEAD "at 5s kill\n",
		 "c.chaos:2:11: expected a target (actor, kind, cell, node, zone, broker), not the end of the line"},
		{HEAD "at 5s pause broker for 1s\n", "c.chaos:2:13: 'pause' does not take 'broker'"},
		{HEAD "at 5s kill broker fro 1s\n",
		 "c.chaos:2:19: expected 'for', 'id' or the end of the line, not 'fro'"},
		{HEAD "at 5s partition node n1 form broker\n",
		 "c.chaos:2:25: expected 'from', not 'form', did you mean 'from'?"},
		{HEAD "at 6s..5s restart broker\n", "c.chaos:2:4: a range goes up: when"},
		{HEAD "title \"no end\nnodes 3\n", "c.chaos:2:7: a string without its end"},
		{HEAD "nodes 3\nnodes 4\n", "c.chaos:3:1: a second 'nodes'; the first is in line 2"},
		{HEAD "nodes 100000\n", "c.chaos:2:7: the number of nodes is from 1 to 1000"},
		{HEAD "nodes 3 !\n", "c.chaos:2:9: expected 'cpu', 'pods', 'zones' or the end of the line, not '!'"},
		{HEAD "network loss 80%\n", "c.chaos:2:14: a share is from 0% to 50%, like 0.5%"},
		{HEAD "always no-exces\n",
		 "c.chaos:2:8: no invariant is named 'no-exces', did you mean 'no-excess'?"},
		{HEAD "always all-ready\n",
		 "c.chaos:2:8: 'all-ready' cannot hold always: say 'eventually all-ready within TIME'"},
		{HEAD "settle 5s\neventually no-excess within 1s\n",
		 "c.chaos:3:12: 'no-excess' is judged at every revision: say 'always no-excess'"},
		{HEAD "eventually all-ready within 1s\n",
		 "c.chaos:2:12: 'eventually' needs a line 'settle TIME'"},
		{HEAD "settle 5s\neventually all-ready\n",
		 "c.chaos:3:21: expected 'within', not the end of the line"},
		{HEAD "world real\nalways no-excess\n",
		 "c.chaos:1:1: world real is not there yet: this script runs in `world sim`"},
		{HEAD "at 5s delay actor gate by 1s for 1s\n", "c.chaos:2:13: 'delay' does not take 'actor'"},
		{HEAD "at 5s delay\n", "c.chaos:2:12: expected a target (msg), not the end of the line"},
		{HEAD "at 5s delay msg bus.* for 2s\n", "c.chaos:2:29: expected 'by', not the end of the line"},
		{HEAD "at 5s loss msg bus.* for 2s for 3s\n", "c.chaos:2:29: a second 'for'"},
		{HEAD "at 5s loss msg bus.* percent 0 for 2s\n",
		 "c.chaos:2:30: how many of a hundred is from 1 to 100"},
		{HEAD "at 5s refuse msg store.txn with overladed for 2s\n",
		 "c.chaos:2:33: unknown error 'overladed', did you mean 'overloaded'?"},
		{HEAD "at 5s skew node n1 by -5 for 2s\n",
		 "c.chaos:2:23: how far it is off is a time like 500ms, 5s or 2m, not '-5'"},
		{HEAD "at 5s drift node n1 rate 5 for 2s\n",
		 "c.chaos:2:26: how fast, in percent is from 10 to 1000"},
		{HEAD "forbid kil\n", "c.chaos:2:8: unknown verb 'kil', did you mean 'kill'?"},
		{HEAD "quota small pod=3\n", "c.chaos:2:13: unknown resource 'pod', did you mean 'pods'?"},
		{HEAD "quota small pods 3\n", "c.chaos:2:18: expected '=', not '3'"},
		{HEAD "quota small pods=few\n", "c.chaos:2:18: expected an amount, like 12 or 2400m, not 'few'"},
		{HEAD "quota a pods=1\nquota a pods=2\nalways quota\n", "c.chaos:3:7: 'a' is in line 2 already"},
		{HEAD "at 5s restart broker draws x\n",
		 "c.chaos:2:28: expected the number that its chance comes from, like 0x5eed, not 'x'"},
		{HEAD "at 5s delete pod with app\n", "c.chaos:2:26: expected '=', not the end of the line"},
		{HEAD "at 5s delete pod\n", "c.chaos:2:17: expected 'of', 'with', 'on' or the pod's name, not the end of the line"},
		{HEAD "clients 65\n", "c.chaos:2:9: the number of clients is from 1 to 64"},
		{HEAD "never count(pods)\n", "c.chaos:2:7: expected a condition, like count(pods) <= 40"},
		{HEAD "never (count(pods) > 1) + 1 = 2\n", "c.chaos:2:7: expected a number, not a condition"},
		{HEAD "never cuont(pods) > 1\n",
		 "c.chaos:2:7: unknown number, function or figure 'cuont', did you mean 'count'?"},
		{HEAD "never count(pods phase=1) > 1\n", "c.chaos:2:18: expected ')', not 'phase'"},
		{HEAD "never count(pods, restarts>many) > 1\n",
		 "c.chaos:2:28: expected a whole number, not 'many'"},
		{HEAD "settle 1s\nleads-to count(pods) > 1 within 1s\n", "c.chaos:3:26: expected '=>', not 'within'"},
		{HEAD "leads-to count(pods) > 1 => count(pods) > 2 within 1s\n",
		 "c.chaos:2:10: 'leads-to' needs a line 'settle TIME'"},
		{HEAD "at 5s touch pods\nalways no-excess\n",
		 "c.chaos:2:13: expected a key like pods/default/web-*, of pods, replicationcontrollers, services or "
		 "nodes, not 'pods'"},
		{HEAD "settle 5s\n",
		 "c.chaos:1:1: nothing is judged: add 'always NAME' or 'eventually NAME within TIME'"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(refusal(rows[i].text), rows[i].want, "%s", refusal(rows[i].text));
}

Test(chaos_script, a_fault_without_an_end_is_refused)
{
	cr_expect_str_eq(refusal(HEAD "at 5s kill cell core" TAIL),
			 "c.chaos:2:1: this kill would never end: add 'for TIME' to it, or an id and a "
			 "line 'at TIME heal ID'");
	cr_expect_str_eq(refusal(HEAD "at 5s partition node n1 from broker id cut" TAIL),
			 "c.chaos:2:1: this partition would never end: add 'for TIME' to it, or a line "
			 "'at TIME heal cut'");
	cr_expect_str_eq(refusal(HEAD "at 5s kill cell core id k\nat 4s restart k" TAIL),
			 "c.chaos:3:1: it may come before line 2, which it ends");
	cr_expect_str_eq(refusal(HEAD "at 5s kill cell core id cut\nat 7s restart cot" TAIL),
			 "c.chaos:3:15: no line has the id 'cot', did you mean 'cut'?");
	cr_expect_str_eq(refusal(HEAD "at 5s kill cell core for 1s id k\nat 7s restart k" TAIL),
			 "c.chaos:3:15: line 2 ends by itself ('for')");
	cr_expect_str_eq(refusal(HEAD "at 5s restart cell core id k\nat 7s heal k" TAIL),
			 "c.chaos:3:12: line 2 is over at once: there is nothing to end");
	cr_expect_str_eq(refusal(HEAD "every 1s from 1s to 5s kill cell core id k\nat 7s heal k" TAIL),
			 "c.chaos:3:12: what happens again and again ends by 'for' only");
}

Test(chaos_script, what_is_not_there_is_refused)
{
	cr_expect_str_eq(refusal(HEAD "at 5s kill kind shceduler for 1s" TAIL),
			 "c.chaos:2:17: no kind is named 'shceduler', did you mean 'scheduler'?");
	cr_expect_str_eq(refusal(HEAD "nodes 2\nat 5s kill node n9 for 1s" TAIL),
			 "c.chaos:3:17: no node is named 'n9' (there are n1, n2)");
	cr_expect_str_eq(refusal(HEAD "at 5s kill actor user for 1s" TAIL),
			 "c.chaos:2:18: no actor is named 'user' (there are store, gate, ...)");
	cr_expect_str_eq(refusal(HEAD "replicaset web 3\nat 5s scale wbe 4" TAIL),
			 "c.chaos:3:13: no replica set, deployment or stateful set is named 'wbe', did you mean 'web'?");
	cr_expect_str_eq(refusal(HEAD "pod p\nat 5s delete pod of p" TAIL),
			 "c.chaos:3:21: no load with pods is named 'p'");
	cr_expect_str_eq(refusal(HEAD "pod p\npod p" TAIL), "c.chaos:3:5: 'p' is in line 2 already");
}

#define ZONES HEAD "nodes 5 cpu 2 zones a b\nlabel n1 disk=ssd\nlabel n2 disk=hdd zone=c\n"

Test(chaos_script, labels_and_zones_that_no_node_has_are_refused)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ZONES "at 5s kill node with zome=a for 1s", "c.chaos:5:22: no node has a label 'zome', did you mean 'zone'?"},
		{ZONES "at 5s kill node with disk=sdd for 1s", "c.chaos:5:27: no node has disk=sdd, did you mean 'ssd'?"},
		{ZONES "at 5s kill node n* with disk=ssd,zone=c for 1s",
		 "c.chaos:5:17: no such node has all these labels"},
		{ZONES "at 5s kill node n9 with disk=ssd for 1s", "c.chaos:5:17: no node is named 'n9' (there are n1, n2, ...)"},
		{ZONES "at 5s kill zone d for 1s", "c.chaos:5:17: no zone is named 'd' (there are a, c, ...)"},
		{ZONES "at 5s kill cell n1 with zone=a for 1s",
		 "c.chaos:5:20: expected 'for', 'id' or the end of the line, not 'with'"},
		{ZONES "at 5s delete pod of web on zone a\nreplicaset wbe 1", "c.chaos:5:21: no load with pods is named 'web', did you mean 'wbe'?"},
		{ZONES "at 5s delete pod on zone q", "c.chaos:5:26: no zone is named 'q' (there are a, c, ...)"},
		{ZONES "at 5s delete pod on nod n1", "c.chaos:5:21: unknown target 'nod', did you mean 'node'?"},
		{ZONES "at 5s delete pod on cell n1", "c.chaos:5:21: 'delete' does not take 'cell'"},
		{ZONES "at 5s delete pod on node n* mode one", "c.chaos:5:29: expected 'id' or the end of the line, not 'mode'"},
		{HEAD "at 5s kill zone a for 1s", "c.chaos:2:17: there are no zones: say 'nodes N zones a b'"},
		{HEAD "at 5s kill node with disk=ssd for 1s",
		 "c.chaos:2:22: no node has a label 'disk' ('nodes N zones a b' and 'label NODE KEY=VALUE' give them)"},
		{HEAD "nodes 2 zones a b c", "c.chaos:2:19: zone 'c' would have no node"},
		{HEAD "nodes 3 zones a a", "c.chaos:2:17: zone 'a' is there already"},
		{HEAD "nodes 3 zones", "c.chaos:2:14: expected a zone's name, not the end of the line"},
		{HEAD "label n1 kubernetes.io/os=x", "c.chaos:2:10: 'kubernetes.io/os' is what a node's agent says"},
		{HEAD "label n9 disk=ssd", "c.chaos:2:7: no node is named 'n9' (there are n1, n2, ...)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[600];
		snprintf(text, sizeof text, "%s%s", rows[i].text, TAIL);
		cr_expect_str_eq(refusal(text), rows[i].want, "%s", refusal(text));
	}
}

Test(chaos_script, a_zone_counts_as_its_nodes_do)
{
	/* a: n1 n3 n5, b: n4, c: n2 */
	cr_expect_str_eq(refusal(ZONES "limit nodes-down <= 2\nat 1s kill zone * for 5s" TAIL),
			 "c.chaos:6:1: 3 nodes may be down at once here, the limit is 2");
	cr_expect_str_eq(refusal(ZONES "limit nodes-down <= 3\nat 1s kill zone * mode fixed 2 for 5s" TAIL),
			 "c.chaos:6:1: 4 nodes may be down at once here, the limit is 3");
	cr_expect_str_eq(refusal(ZONES "limit nodes-down <= 2\nat 1s pause node with zone=a mode all for 5s" TAIL),
			 "c.chaos:6:1: 3 nodes may be down at once here, the limit is 2");
	cr_expect_str_eq(refusal(ZONES "forbid kill zone\nat 1s kill zone b for 5s" TAIL), "c.chaos:6:1: line 5 forbids it");
	read_script(&script, ZONES "limit nodes-down <= 1\nat 1s partition zone b from broker for 5s\n"
				   "at 7s kill node with zone=a for 5s" TAIL);
	script_fini(&script);
}

Test(chaos_script, what_exceeds_its_limits_is_refused)
{
	cr_expect_str_eq(refusal(HEAD "limit faults <= 4\nevery 1s from 1s to 5s restart broker" TAIL),
			 "c.chaos:3:1: more than 4 faults");
	cr_expect_str_eq(refusal(HEAD "limit nodes-down <= 1\nat 1s kill node n1 for 5s\n"
				      "at 2s partition node n2 from broker for 1s" TAIL),
			 "c.chaos:3:1: 2 nodes may be down at once here, the limit is 1");
	cr_expect_str_eq(refusal(HEAD "limit nodes-down <= 1\nat 1s pause kind node-agent mode all for 5s" TAIL),
			 "c.chaos:3:1: 3 nodes may be down at once here, the limit is 1");
	cr_expect_str_eq(refusal(HEAD "limit time <= 35s\nat 6s kill broker for 1s" TAIL),
			 "c.chaos:3:1: with this line it may run longer than the limit");
	read_script(&script, HEAD "limit nodes-down <= 1\nat 1s kill node n1 for 5s\n"
				  "at 7s partition node n2 from broker for 1s" TAIL);
	script_fini(&script);
}

/* ---- a seed */

static const struct happening *of_line(const struct plan *p, const struct script *s, size_t line)
{
	for (size_t i = 0; i < p->happening_count; i++)
		if (p->happenings[i].line == &s->lines[line])
			return &p->happenings[i];
	return NULL;
}

Test(chaos_plan, draws_times_and_targets_by_seed)
{
	struct plan p, again, other;
	unsigned differ = 0;
	read_script(&script, HEAD "nodes 9\nat 1s..9s kill node n* mode fixed 3 for 1s" TAIL);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		plan_make(&p, &script, seed);
		plan_make(&again, &script, seed);
		plan_make(&other, &script, seed + 1);
		cr_assert_eq(p.happening_count, 1);
		const struct happening *h = p.happenings;
		cr_expect_eq(h->begin_us, again.happenings->begin_us);
		cr_expect_geq(h->begin_us, 1000000);
		cr_expect_leq(h->begin_us, 9000000);
		cr_expect_eq(h->end_us, h->begin_us + 1000000);
		cr_assert_eq(h->spots.count, 3);
		for (int i = 0; i < 3; i++)
			cr_expect_str_eq(h->spots.names[i], again.happenings->spots.names[i]);
		differ += h->begin_us != other.happenings->begin_us;
		plan_fini(&p);
		plan_fini(&again);
		plan_fini(&other);
	}
	cr_expect_gt(differ, 15);
	script_fini(&script);
}

/* All nodes of a zone, whichever it is; one of those with a label. */
Test(chaos_plan, draws_a_zone_with_its_nodes_and_nodes_by_their_labels)
{
	struct plan p;
	unsigned zones[3] = {0}, nodes[6] = {0};
	read_script(&script, ZONES "at 1s kill zone * for 1s\nat 3s kill node with zone=a for 1s\n"
				   "at 5s kill node with zone=? mode all for 1s\nat 7s kill node n1 with disk=ssd for 1s" TAIL);
	for (uint64_t seed = 1; seed <= 60; seed++) {
		plan_make(&p, &script, seed);
		const struct happening *zone = of_line(&p, &script, 0), *one = of_line(&p, &script, 1);
		cr_assert_eq(zone->drawn.count, 1);
		const char *name = zone->drawn.names[0];
		cr_assert_eq(zone->spots.count, *name == 'a' ? 3 : 1);
		cr_expect_str_eq(zone->spots.names[0], *name == 'a' ? "n1" : *name == 'b' ? "n4" : "n2");
		zones[*name - 'a']++;
		cr_assert_eq(one->spots.count, 1);
		nodes[one->spots.names[0][1] - '0']++;
		cr_expect_eq(of_line(&p, &script, 2)->spots.count, 5);
		cr_expect_str_eq(of_line(&p, &script, 3)->spots.names[0], "n1");
		plan_fini(&p);
	}
	cr_expect(zones[0] && zones[1] && zones[2]);
	cr_expect(nodes[1] && nodes[3] && nodes[5] && !nodes[2] && !nodes[4]);
	script_fini(&script);
}

Test(chaos_plan, a_line_taken_out_does_not_change_the_others)
{
	static const char *const one = HEAD "nodes 9\nat 1s..9s kill node * for 1s\n"
					    "at 1s..9s pause node * for 2s\nat 1s..9s restart cell *" TAIL;
	static const char *const two = HEAD "nodes 9\nat 1s..9s kill node * for 1s\n"
					    "at 1s..9s restart cell *" TAIL;
	struct script less;
	read_script(&script, one);
	read_script(&less, two);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct plan a, b;
		plan_make(&a, &script, seed);
		plan_make(&b, &less, seed);
		for (size_t i = 0; i < 2; i++) {
			const struct happening *x = of_line(&a, &script, 2 * i), *y = of_line(&b, &less, i);
			cr_expect_eq(x->begin_us, y->begin_us);
			cr_expect_str_eq(x->spots.names[0], y->spots.names[0]);
		}
		plan_fini(&a);
		plan_fini(&b);
	}
	script_fini(&script);
	script_fini(&less);
}

Test(chaos_plan, steps_are_in_order_of_time)
{
	struct plan p;
	read_script(&script, HEAD "at 5s kill node n1 for 5s id k\nafter k 1s restart broker\n"
				  "every 2s from 1s to 9s pause cell core for 100ms" TAIL);
	plan_make(&p, &script, 3);
	cr_expect_eq(p.step_count, 2 + 1 + 10);
	for (size_t i = 1; i < p.step_count; i++)
		cr_expect_leq(p.steps[i - 1].at_us, p.steps[i].at_us);
	cr_expect_eq(p.end_us, 10000000);
	cr_expect_eq(of_line(&p, &script, 1)->begin_us, 6000000);
	plan_fini(&p);
	script_fini(&script);
}

Test(chaos_words, patterns_and_times)
{
	char text[32];
	cr_expect(glob_matches("n*", "n12"));
	cr_expect(glob_matches("*agent/n?", "node-agent/n1"));
	cr_expect(glob_matches("*a*b", "xaxbab"));
	cr_expect_not(glob_matches("n?", "n12"));
	cr_expect_not(glob_matches("n1", "n12"));
	cr_expect_not(glob_matches("*b", "ba"));
	cr_expect_str_eq(time_text(text, 1500000), "1.5s");
	cr_expect_str_eq(time_text(text, 20000), "20ms");
	cr_expect_str_eq(time_text(text, 7), "7us");
	cr_expect_str_eq(time_text(text, 0), "0us");
}

Test(chaos_plan, what_is_waited_for_is_placed_with_what_follows_it)
{
	struct plan p;
	read_script(&script, HEAD "at 2s restart broker\n"
				  "when pods/default/web-* bound within 9s kill actor scheduler for 50ms id mid\n"
				  "after mid 5ms pause cell core for 1s" TAIL);
	plan_make(&p, &script, 3);
	struct happening *seen = &p.happenings[1];
	const struct happening *next = of_line(&p, &script, 2);
	cr_assert_eq(seen, of_line(&p, &script, 1));
	cr_assert(seen->awaited && next->awaited);
	cr_expect_eq(p.step_count, 3, "a begin and two deadlines");
	plan_place(&p, seen, 1000000);
	cr_expect(!seen->awaited && !next->awaited);
	cr_expect_eq(seen->begin_us, 1000000);
	cr_expect_eq(seen->end_us, 1050000);
	cr_expect_eq(next->begin_us, 1005000);
	static const int64_t times[] = {1000000, 1005000, 1050000, 2000000, 2005000};
	cr_assert_eq(p.step_count, 5);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(p.steps[i].at_us, times[i], "step %zu is at %lld", i, (long long)p.steps[i].at_us);
	plan_fini(&p);
	script_fini(&script);
}

Test(chaos_script, what_waits_ends_by_itself)
{
	cr_expect_str_eq(refusal(HEAD "nodes 3\nwhen nodes/n1 changed within 5s kill actor gate id k\n"
				      "at 9s restart k" TAIL),
			 "c.chaos:4:15: what waits for something ends by 'for' only");
	cr_expect_str_eq(refusal(HEAD "nodes 3\nwhen pods/a/b boundd within 5s restart actor gate" TAIL),
			 "c.chaos:3:15: unknown event 'boundd', did you mean 'bound'?");
	cr_expect_str_eq(refusal(HEAD "nodes 3\nwhen pods/a/b bound restart actor gate" TAIL),
			 "c.chaos:3:21: expected 'within', not 'restart'");
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;
	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

Test(chaos_grow, every_seed_is_a_script_of_its_own)
{
	char last[8192] = "";
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct buf b = {0}, again = {0};
		struct err e = {0};
		cr_assert_eq(grow_script(&b, seed, 12, &e), 0, "%s", e.text);
		cr_assert_eq(grow_script(&again, seed, 12, &e), 0);
		cr_expect_str_eq(buf_text(&b), buf_text(&again));
		cr_expect_str_neq(buf_text(&b), last);
		read_script(&script, buf_text(&b));
		/* beside those asked for: what always happens, and what reads a damaged record */
		cr_expect_eq(script.line_count, 12 + count_of(buf_text(&b), "\nevery ") +
							count_of(buf_text(&b), "\nafter flip"));
		cr_expect_eq(script.seed, seed);
		script_fini(&script);
		snprintf(last, sizeof last, "%s", buf_text(&b));
		buf_fini(&b);
		buf_fini(&again);
	}
}

/* ---- what the shrinker takes for one failure */

Test(chaos_script, failures_are_alike_but_for_names_and_numbers)
{
	static const struct {
		const char *a, *b;
		bool alike;
	} rows[] = {
		{"at revision 41: node n1 has 2000 thousandths of a CPU and is to give 2200: pod default/web-x was one too many "
		 "(bound at revision 41 by scheduler)",
		 "at revision 7: node n2 has 4000 thousandths of a CPU and is to give 4100: pod default/db was one too many "
		 "(bound at revision 7 by spare/scheduler)", true},
		{"node n1 has 2000 thousandths of a CPU and is to give 2200", "node n1 has 20 pods and is to give 21", false},
		{"replicationcontrollers/default/web wants 3 since revision 2 and has 4 pods (web-a web-b); web-b is one too many",
		 "replicationcontrollers/default/db wants 1 since revision 9 and has 2 pods (db-a db-b and 3 more); db-b is one too many",
		 true},
		{"replicationcontrollers/default/web wants 3 since revision 2 and has 4 pods",
		 "replicasets.apps/default/web-1 wants 3 since revision 2 and has 4 pods", false},
		{"pod default/a was bound to n1 at revision 3 by scheduler, and now to n2 by scheduler",
		 "pod default/b was bound to n2 at revision 9 by spare/scheduler, and now to n1 by scheduler", true},
		{"pod default/a had ended and lives again (before: version 3; now by gate)",
		 "pod default/a has fewer restarts than before (before: version 3; now by gate)", false},
		{"pod default/a is not ready", "pod default/a is not bound", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect_eq(shrink_same_reason(rows[i].a, rows[i].b), rows[i].alike, "%s / %s", rows[i].a, rows[i].b);
		cr_expect_eq(shrink_same_reason(rows[i].b, rows[i].a), rows[i].alike);
		cr_expect(shrink_same_reason(rows[i].a, rows[i].a));
	}
}
