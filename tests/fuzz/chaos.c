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
