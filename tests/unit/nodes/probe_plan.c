/* The kubelet's rules of probes, as rows: what is configured, what comes of each
 * run, and what is concluded when. */
#include "nodes/probes/probe_plan.h"

#include "tests/unit/nodes/objects.h"

/* `results`: one letter a run, of success, warning, failure, error. `says`: for
 * each run the time it began at, and a mark when something was concluded: + or
 * -. An ! is an event. In seconds; `at 1+` is good at 1 s. */
struct row {
	const char *name;
	enum probe_kind kind;
	const char *probe, *results, *says;
};

static enum probe_result result_of(char c)
{
	return c == 's' ? PROBE_SUCCESS : c == 'w' ? PROBE_WARNING : c == 'f' ? PROBE_FAILURE : PROBE_ERROR;
}

static struct probe_rule rule_of(struct arena *a, enum probe_kind kind, const char *probe)
{
	struct probe_rule r;
	probe_rule_read(mp_of(object_of(a, probe)), kind, &r);
	return r;
}

/* Runs that take no time, until the results are used up or none is due. */
static const char *play(struct arena *a, struct probe_plan *p, const char *results)
{
	const char *says = "";
	for (; *results; results++) {
		int64_t now = probe_plan_due(p);
		bool tell;
		if (now == INT64_MAX)
			return arena_printf(a, "%s over", says);
		probe_plan_ran(p, now);
		cr_assert_eq(probe_plan_due(p), INT64_MAX, "it runs: another one is not due");
		enum probe_verdict v = probe_plan_result(p, result_of(*results), now, &tell);
		says = arena_printf(a, "%s%s%g%s%s", says, *says ? " " : "", (double)now / 1000,
				    tell ? "!" : "", v == PROBE_GOOD ? "+" : v == PROBE_BAD ? "-" : "");
	}
	return says;
}

#define READY PROBE_READINESS
#define START PROBE_STARTUP
#define ALIVE PROBE_LIVENESS

static const struct row rows[] = {
	{"readiness is looked at at once, then each period", READY, "{'periodSeconds':5}", "sss",
	 "0+ 5 10"},
	{"what is not said is the default", READY, "{}", "ssfff", "0+ 10 20! 30! 40!-"},
	{"after the initial delay", READY, "{'initialDelaySeconds':7,'periodSeconds':2}", "ss", "7+ 9"},
	{"several successes in a row", READY, "{'periodSeconds':1,'successThreshold':3}", "ssfsss",
	 "0 1 2! 3 4 5+"},
	{"several failures in a row", READY, "{'periodSeconds':1,'failureThreshold':2}", "sfsff",
	 "0+ 1! 2 3! 4!-"},
	{"a first failure is no news: it was not ready", READY, "{'periodSeconds':1,'failureThreshold':1}",
	 "fffffs", "0 0.25 0.75 1! 2! 3+"},
	{"it comes and goes", READY, "{'periodSeconds':1,'failureThreshold':1}", "sfsf", "0+ 1!- 2+ 3!-"},
	{"a warning is a success", READY, "{'periodSeconds':1}", "ws", "0!+ 1"},
	{"errors are tried three times at once, and count for nothing", READY,
	 "{'periodSeconds':1,'failureThreshold':1}", "seeeseesf", "0+ 1 1 1! 2 3 3 3 4!-"},
	{"an error does not break a row", READY, "{'periodSeconds':1,'failureThreshold':2}", "sfeeef",
	 "0+ 1! 2 2 2! 3!-"},
	{"startup ends with its success", START, "{'periodSeconds':2}", "ffffffss", "0 0.25 0.75 1.75 2! 4! 6+ over"},
	{"startup is over with its success", START, "{'periodSeconds':2}", "fss", "0 0.25+ over"},
	{"what is not there at once is looked for again soon", READY, "{'periodSeconds':10,'failureThreshold':1}",
	 "ffffsf", "0 0.25 0.75 1.75 3.75+ 13.75!-"},
	{"early looks end with the first period", READY, "{}", "ffffffff", "0 0.25 0.75 1.75 3.75 7.75 10! 20!"},
	{"after the delay too", READY, "{'initialDelaySeconds':5,'periodSeconds':1}", "fffs", "5 5.25 5.75 6+"},
	{"an error is told though it is early", READY, "{'periodSeconds':5}", "eees", "0 0 0! 5+"},
	{"liveness has no early looks", ALIVE, "{'initialDelaySeconds':1,'periodSeconds':3}", "ff", "1! 4!"},
	{"startup gives up", START, "{'periodSeconds':2,'failureThreshold':2}", "ffffff", "0 0.25 0.75 1.75 2! 4!-"},
	{"liveness gives up once", ALIVE, "{'periodSeconds':2,'failureThreshold':2}", "sfffff",
	 "2 4! 6!- over"},
	{"liveness waits a period when no delay is said", ALIVE, "{'periodSeconds':3,'failureThreshold':1}",
	 "f", "3!-"},
	{"liveness after its delay", ALIVE, "{'initialDelaySeconds':1,'periodSeconds':3}", "ss", "1 4"},
	{"odd numbers are defaults", READY,
	 "{'periodSeconds':0,'successThreshold':-1,'failureThreshold':0}", "sfff", "0+ 10! 20! 30!-"},
};

Test(probe_plan, follows_the_rules_of_the_kubelet)
{
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct probe_plan p;
		struct probe_rule r = rule_of(&a, rows[i].kind, rows[i].probe);
		probe_plan_begin(&p, &r, &(struct probe_begin){.open = rows[i].kind != START});
		cr_expect_str_eq(play(&a, &p, rows[i].results), rows[i].says, "%s", rows[i].name);
	}
	arena_fini(&a);
}

Test(probe_plan, waits_for_the_startup_probe)
{
	struct arena a = {0};
	struct probe_plan p;
	bool tell;
	struct probe_rule r = rule_of(&a, READY, "{'periodSeconds':10,'initialDelaySeconds':4}");
	probe_plan_begin(&p, &r, &(struct probe_begin){.now_ms = 1000});
	cr_expect_eq(probe_plan_due(&p), INT64_MAX);
	probe_plan_open(&p, 2000);
	cr_expect_eq(probe_plan_due(&p), 5000, "the delay counts from the start");
	probe_plan_begin(&p, &r, &(struct probe_begin){.now_ms = 1000});
	probe_plan_open(&p, 31000);
	cr_expect_eq(probe_plan_due(&p), 31000);
	probe_plan_ran(&p, 31000);
	cr_expect_eq(probe_plan_result(&p, PROBE_SUCCESS, 31000, &tell), PROBE_GOOD);
	probe_plan_open(&p, 90000);
	cr_expect_eq(probe_plan_due(&p), 41000, "said again, it means nothing");
	arena_fini(&a);
}

Test(probe_plan, a_slow_run_is_followed_at_once_but_once)
{
	struct arena a = {0};
	struct probe_plan p;
	bool tell;
	struct probe_rule r = rule_of(&a, READY, "{'periodSeconds':1}");
	probe_plan_begin(&p, &r, &(struct probe_begin){.open = true});
	probe_plan_ran(&p, 0);
	probe_plan_result(&p, PROBE_SUCCESS, 2500, &tell);
	cr_expect_eq(probe_plan_due(&p), 2500);
	probe_plan_ran(&p, 2500);
	probe_plan_result(&p, PROBE_SUCCESS, 2600, &tell);
	cr_expect_eq(probe_plan_due(&p), 3500);
	arena_fini(&a);
}

Test(probe_plan, what_was_found_is_looked_at_within_a_period_and_stays_what_it_was)
{
	struct arena a = {0};
	struct probe_rule r = rule_of(&a, READY, "{'periodSeconds':10,'failureThreshold':1}");
	struct probe_plan p;
	bool tell;
	for (uint64_t random = 0; random < 100000; random += 9973) {
		struct probe_begin b = {.now_ms = 500, .age_ms = 60000, .open = true, .ready = true,
					.adopted = true, .random = random};
		probe_plan_begin(&p, &r, &b);
		cr_expect_eq(probe_plan_due(&p), 500 + (int64_t)(random % 10000));
	}
	probe_plan_ran(&p, 600);
	cr_expect_eq(probe_plan_result(&p, PROBE_SUCCESS, 600, &tell), PROBE_NO_NEWS, "as it was");
	probe_plan_ran(&p, 10600);
	cr_expect_eq(probe_plan_result(&p, PROBE_FAILURE, 10600, &tell), PROBE_BAD);
	arena_fini(&a);
}

Test(probe_plan, a_startup_probe_that_succeeded_for_a_former_agent_is_over)
{
	struct arena a = {0};
	struct probe_rule r = rule_of(&a, START, "{'periodSeconds':10}");
	struct probe_plan p;
	probe_plan_begin(&p, &r, &(struct probe_begin){.age_ms = 60000, .open = true, .adopted = true});
	cr_expect_eq(probe_plan_due(&p), INT64_MAX);
	arena_fini(&a);
}

Test(probe_plan, the_end_of_the_pod_silences_what_still_runs)
{
	struct arena a = {0};
	struct probe_rule r = rule_of(&a, ALIVE, "{'periodSeconds':1,'failureThreshold':1}");
	struct probe_plan p;
	bool tell;
	probe_plan_begin(&p, &r, &(struct probe_begin){.open = true});
	probe_plan_ran(&p, 1000);
	probe_plan_hold(&p);
	cr_expect_eq(probe_plan_result(&p, PROBE_FAILURE, 1100, &tell), PROBE_NO_NEWS);
	cr_expect_not(tell);
	cr_expect_eq(probe_plan_due(&p), INT64_MAX);
	arena_fini(&a);
}
