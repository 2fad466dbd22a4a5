/* Chaos scripts from people: read, checked, and made into a plan when they
 * are right. */
#include "tests/fuzz/fuzz.h"
#include "tools/chaos/plan.h"

const char *const fuzz_seeds[] = {
	"chaos 1\ntitle \"x\" ; world sim\nseed 0x5eed\nnodes 5 cpu 500m pods 10\nlayout apart\n"
	"network latency 20us..3ms loss 0.5% bus-loss 5%\ndisk sync 1ms\nreplicaset web 4 cpu 100m does \"run\"\n"
	"pod p\nwarm-up 9s\nlimit nodes-down <= 2\nsteady all-ready\nat 1s..2s kill kind scheduler mode one for 1s\n"
	"at 3s partition node n* mode fixed 2 from broker direction to id cut\nafter cut 1s heal cut\n"
	"every 2s from 1s to 9s pause kind node-agent mode percent 50 for 400ms\nsettle 30s\n"
	"always no-excess\neventually all-ready within 20s\n",
	"chaos 1\nat 5s restart broker # and\nat 6s scale web 3\nat 7s delete pod of web\nalways capacity\n",
	"chaos 1\nwhen pods/default/web-* bound nth 3 within 9s kill actor gate for 5ms id m\nafter m 1ms restart broker\nalways capacity\n",
	"chaos 1\nat 5s kill cell core id k\nat 7s restart k\nlimit faults <= 3\nlimit time <= 1m\nalways one-binding\n",
	"chaos 1\nwhen msg store.* from n1 to store nth 2 within 1s restart broker\nalways capacity\n",
	"chaos 1\nclients 3 ops 9 every 1ms..9ms\nservice web\nforbid kill broker\n"
	"at 1s delay msg store.* from scheduler to store percent 40 by 1ms..9ms for 1s\n"
	"at 1s reorder msg bus.event by 1ms for 2s\nat 2s refuse msg pod.status with overloaded for 1s\n"
	"at 2s skew node n1 by -5m..5m for 1s\nat 2s drift cell core rate 150 for 1s\nat 3s touch nodes/n1\n"
	"at 3s io-error store with ENOSPC percent 3 for 1s\nat 3s slow containers n* mode all by 1s for 1s\n"
	"at 4s bit-flip store for 1s\nat 4s compact store\nsettle 5s\nchecker bank\nsteady all-ready during\n"
	"never few: most(pods, node, phase!=Running) > 3 and not count(nodes) * 2 - 1 / 3 < 7\n"
	"leads-to count(pods, label.app=web) >= 1 => value(nodes/n1, a.b) = 0 or (dead-letters = 0) within 3s\n"
	"sometimes sum(pods, restarts) + 1 != 4\nat-end min(pods, restarts) <= max(pods, restarts)\n",
	"chaos 1\nnodes 5 cpu 2 zones a b\nlabel n1 disk=ssd zone=c\nlabel n* x.io/tier=1\nlimit nodes-down <= 4\n"
	"replicaset web 2\nat 1s partition zone * from broker for 1s\nat 3s kill node with zone=a,disk=ssd mode all for 1s\n"
	"at 5s pause node n? with x.io/tier=* mode percent 50 for 1s\nat 7s slow containers with zone=b by 1s for 1s\n"
	"at 8s delete pod of web on zone b\nat 9s delete pod on node with disk=ssd\nat 9s delete pod with app=web on node n2\n"
	"at 9s drain zone a for 1s\nat 9s cordon node with disk=* for 1s\n"
	"when (count(pods, zone=b, ready=0) > 1 and not revisions < 3) nth 2 within 5s restart broker\n"
	"never count(pods, zone=a) > 9\n",
	NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script s;
	struct err e = {0};
	int rc = script_parse(&s, "fuzz.chaos", (struct span){data, size}, &e);
	if (rc == 0)
		rc = script_check(&s, &e);
	fuzz_hold(rc == 0 || e.text[0]); /* a refusal says why */
	if (rc == 0) {
		struct plan p;
		plan_make(&p, &s, s.seed);
		for (size_t i = 0; i < p.happening_count; i++)
			if (p.happenings[i].line->when.type == WHEN_SEEN)
				plan_place(&p, &p.happenings[i], (int64_t)i * 1000);
		for (size_t i = 1; i < p.step_count; i++)
			fuzz_hold(p.steps[i - 1].at_us <= p.steps[i].at_us);
		plan_fini(&p);
	}
	script_fini(&s);
	return 0;
}
