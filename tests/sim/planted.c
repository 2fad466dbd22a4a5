/* The test of the tests: bugs on purpose (broker/base/planted.h), one at a time,
 * and the scenarios that ship must find each. The table says which finds it
 * soonest and within how many seeds; `PLANTED_TABLE=1` runs them all against
 * all and prints how many each needed (SEEDS, 1000); or one bug by its name,
 * and with PLANTED_SCENARIO one scenario. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "tools/chaos/seeds.h"
#include "tools/chaos/shrink.h"

enum planted planted_bug;

enum { SEEDS_MAX = 1000 };

static const struct bug {
	const char *name, *what;
} bugs[] = {
	[PLANTED_NONE] = {"NONE", "nothing is wrong"},
#define BUG(name, what) [PLANTED_##name] = {#name, what},
	PLANTED_TABLE(BUG)
#undef BUG
};

static void quiet(void)
{
	log_init("off");
}

TestSuite(planted, .init = quiet, .timeout = 3600);

/* ---- runs until one finds it */

struct found {
	uint64_t seed;
	struct run_result result;
};

static void look(void *arg, const struct run_result *r)
{
	struct found *f = arg;
	bool finds = r->verdict == VERDICT_VIOLATED || r->verdict == VERDICT_NOT_HEALED ||
		     r->verdict == VERDICT_NOT_STEADY;
	if (finds && !f->seed) {
		f->seed = r->seed;
		f->result = *r;
	}
}

static void load(struct script *s, const char *file)
{
	struct err e = {0};
	char path[600];
	snprintf(path, sizeof path, "tools/chaos/scenarios/%s", file);
	cr_assert_eq(script_load(s, path, &e), 0, "%s", e.text);
	cr_assert_eq(script_check(s, &e), 0, "%s", e.text);
}

/* Two at a time; each in a process of its own, which may die of the bug. */
static bool find(enum planted bug, const char *file, uint64_t max, struct found *out)
{
	struct script s;
	struct err e = {0};
	memset(out, 0, sizeof *out);
	load(&s, file);
	planted_bug = bug;
	for (uint64_t seed = 1; seed <= max && !out->seed; seed += 2) {
		struct seeds two = {.first = seed, .last = seed + 1, .jobs = 2};
		cr_assert_eq(seeds_run(&s, &two, look, out, &e), 0, "%s", e.text);
	}
	planted_bug = PLANTED_NONE;
	script_fini(&s);
	return out->seed != 0;
}

/* ---- what is known */

static const struct known {
	enum planted bug;
	const char *scenario;
	uint64_t within;
} known[] = {
	{PLANTED_COMPARE_IGNORED, "broker-restart-storm.chaos", 8},
	{PLANTED_REQUEST_FORGOTTEN, "broker-restart-storm.chaos", 8},
	{PLANTED_ACK_BEFORE_SYNC, "broker-and-scheduler.chaos", 8},
	{PLANTED_DELETION_NOT_REPLAYED, "broker-and-scheduler.chaos", 8},
	{PLANTED_PARTITION_BEGINS_AT_NOTHING, "partition-emptied.chaos", 8},
	{PLANTED_COMPACTED_NOT_SAID, "mixed.chaos", 40},
	{PLANTED_GAP_IGNORED, "broker-and-scheduler.chaos", 8},
	{PLANTED_LIST_KEEPS_WHAT_IS_GONE, "mixed.chaos", 40},
	{PLANTED_HEADS_NOT_COMPARED, "broker-and-scheduler.chaos", 20},
	{PLANTED_FENCE_DOES_NOT_WAIT, "deployment-rolls.chaos", 60},
	{PLANTED_OWN_WRITES_NOT_AWAITED, "agents-die-telling.chaos", 8},
	{PLANTED_LONG_PAUSE_WHEN_AWAY, "disk-full.chaos", 60},
	{PLANTED_BOUND_TRIED_AGAIN, "scheduler-hears-late.chaos", 400},
	{PLANTED_NOTHING_ASSUMED, "broker-and-scheduler.chaos", 8},
	{PLANTED_NEIGHBOURS_NOT_COUNTED, "replicas-apart.chaos", 8},
	{PLANTED_PRIORITY_NOT_COMPARED, "priority-takes-places.chaos", 8},
	{PLANTED_CPU_NOT_COUNTED, "broker-and-scheduler.chaos", 20},
	{PLANTED_FENCE_IGNORED, "zombie-and-heir.chaos", 40},
	{PLANTED_QUOTA_NOT_COMPARED, "quota-stormed.chaos", 8},
	{PLANTED_QUOTA_COUNTED_EARLY, "quota-stormed.chaos", 40},
	{PLANTED_NEVER_UNPARKED, "broker-and-scheduler.chaos", 20},
	{PLANTED_OLD_STATUS_WRITTEN, "store-fails-again-and-again.chaos", 200},
	{PLANTED_LOST_STATUS_FORGOTTEN, "gate-dead-for-a-minute.chaos", 60},
	{PLANTED_OLD_STORY_TOLD, "agents-die-telling.chaos", 8},
	{PLANTED_GONE_POD_KEPT, "mixed.chaos", 8},
	{PLANTED_CLOCK_BELIEVED, "clock-jump.chaos", 8},
	{PLANTED_UNREADY_IN_ENDPOINTS, "half-ready.chaos", 8},
	{PLANTED_NAMES_NOT_COMPARED, "agents-die-telling.chaos", 100},
};
enum { KNOWN = sizeof known / sizeof *known };

Test(planted, every_bug_is_found)
{
	cr_assert_eq(KNOWN, PLANTED_END - 1, "each has its row");
	for (size_t i = 0; i < KNOWN; i++) {
		const struct known *k = &known[i];
		struct found f;
		cr_expect_leq(k->within, SEEDS_MAX);
		cr_expect(find(k->bug, k->scenario, k->within, &f), "%s (%s) is not found by %s within %llu seeds",
			  bugs[k->bug].name, bugs[k->bug].what, k->scenario, (unsigned long long)k->within);
	}
}

/* Without one there is nothing to find, in this very binary. */
Test(planted, none_is_found_where_none_is)
{
	static const char *const files[] = {"mixed.chaos", "slow-follower.chaos", "store-slow-then-failing.chaos"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct found f;
		cr_expect(!find(PLANTED_NONE, files[i], 6, &f), "%s seed %llu: %s", files[i],
			  (unsigned long long)f.seed, f.result.why);
	}
}

/* ---- the table */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t scenarios(const char **out, size_t max)
{
	size_t n = 0;
	DIR *d = opendir("tools/chaos/scenarios");
	cr_assert_not_null(d);
	for (struct dirent *f; (f = readdir(d)) && n < max;)
		if (strstr(f->d_name, ".chaos"))
			out[n++] = strdup(f->d_name);
	closedir(d);
	qsort(out, n, sizeof *out, by_name);
	return n;
}

/* Seed by seed over all scenarios, so that the soonest is found first. */
static void print_row(enum planted bug, const char *const *files, size_t count, uint64_t max)
{
	for (uint64_t seed = 1; seed <= max; seed *= 4)
		for (size_t i = 0; i < count; i++) {
			struct found f;
			if (!find(bug, files[i], seed, &f))
				continue;
			fprintf(stderr, "| %s | %s | %s | %llu | %s |\n", bugs[bug].name, bugs[bug].what, files[i],
				(unsigned long long)f.seed,
				f.result.broken[0] ? f.result.broken : verdict_name(f.result.verdict));
			return;
		}
	fprintf(stderr, "| %s | %s | not found | | |\n", bugs[bug].name, bugs[bug].what);
}

Test(planted, table)
{
	const char *files[64], *count = getenv("SEEDS");
	const char *only = getenv("PLANTED_TABLE");
	if (!only)
		return; /* asked for by hand: it takes minutes */
	size_t n = scenarios(files, 64);
	const char *scenario = getenv("PLANTED_SCENARIO");
	if (scenario)
		files[0] = scenario, n = 1;
	for (enum planted bug = PLANTED_NONE + 1; bug < PLANTED_END; bug++)
		if (strcmp(only, "1") == 0 || strcmp(only, bugs[bug].name) == 0)
			print_row(bug, files, n, count ? strtoull(count, NULL, 10) : SEEDS_MAX);
}

/* PLANTED_RATE=NAME PLANTED_SCENARIO=f.chaos: how many of SEEDS (100) find it. */
static void count_found(void *arg, const struct run_result *r)
{
	*(unsigned *)arg += r->verdict == VERDICT_VIOLATED || r->verdict == VERDICT_NOT_HEALED ||
			    r->verdict == VERDICT_NOT_STEADY;
}

Test(planted, rate)
{
	const char *name = getenv("PLANTED_RATE"), *file = getenv("PLANTED_SCENARIO"), *count = getenv("SEEDS");
	struct seeds seeds = {.first = 1, .last = count ? strtoull(count, NULL, 10) : 100, .jobs = 2};
	struct script s;
	struct err e = {0};
	unsigned found = 0;
	if (!name || !file)
		return;
	load(&s, file);
	for (enum planted bug = PLANTED_NONE; bug < PLANTED_END; bug++)
		planted_bug = strcmp(name, bugs[bug].name) == 0 ? bug : planted_bug;
	cr_assert_eq(seeds_run(&s, &seeds, count_found, &found, &e), 0, "%s", e.text);
	fprintf(stderr, "%s: %u of %llu seeds of %s\n", name, found, (unsigned long long)seeds.last, file);
	script_fini(&s);
}

/* ---- how small what finds them becomes */

enum { SHRINK_RUNS = 200, SHRINK_SEEDS = 3, SHRINK_LINES = 5 };

static bool shrink(const struct known *k, uint64_t runs, struct found *f, struct shrunk *x)
{
	struct script s;
	struct err e = {0};
	if (!find(k->bug, k->scenario, k->within, f))
		return false;
	load(&s, k->scenario);
	planted_bug = k->bug;
	struct shrink how = {.script = &s, .seed = f->seed, .runs_max = runs, .seeds = SHRINK_SEEDS};
	cr_assert_eq(shrink_script(&how, x, &e), 0, "%s", e.text);
	planted_bug = PLANTED_NONE;
	script_fini(&s);
	return true;
}

/* That very thing; or, where several were broken at the end, one of them. */
static bool showed(const struct run_result *r, const char *broken)
{
	bool is = strcmp(r->broken, broken) == 0;
	for (size_t i = 0; i < SYMPTOMS && broken[0]; i++)
		is = is || strcmp(r->symptoms[i].name, broken) == 0;
	return is;
}

/* Scenarios of 10, 13, 19, 4 and 18 lines. */
Test(planted, what_finds_them_becomes_small)
{
	static const enum planted some[] = {PLANTED_COMPARE_IGNORED, PLANTED_FENCE_DOES_NOT_WAIT, PLANTED_COMPACTED_NOT_SAID,
					    PLANTED_LONG_PAUSE_WHEN_AWAY, PLANTED_QUOTA_COUNTED_EARLY};
	for (size_t i = 0; i < KNOWN; i++)
		for (size_t n = 0; n < sizeof some / sizeof *some; n++) {
			struct found f;
			struct shrunk x;
			if (known[i].bug != some[n])
				continue;
			cr_assert(shrink(&known[i], SHRINK_RUNS, &f, &x));
			cr_expect_leq(x.acts, SHRINK_LINES, "%s", bugs[some[n]].name);
			cr_expect_leq(x.runs, SHRINK_RUNS);
			cr_expect(showed(&f.result, x.after.broken), "%s: %s is not what seed %llu broke", bugs[some[n]].name,
				  x.after.broken, (unsigned long long)f.seed);
			buf_fini(&x.text);
		}
}

static void shrink_row(const struct known *k, uint64_t runs, bool show)
{
	struct found f;
	struct shrunk x;
	if (!shrink(k, runs, &f, &x)) {
		fprintf(stderr, "| %s | %s | not found | | | |\n", bugs[k->bug].name, k->scenario);
		return;
	}
	fprintf(stderr, "| %s | %s %llu | %s | %zu | %zu | %llu | %u |\n", bugs[k->bug].name, k->scenario,
		(unsigned long long)f.seed, x.before.broken[0] ? x.before.broken : verdict_name(x.before.verdict),
		x.acts_before, x.acts, (unsigned long long)x.runs, x.again);
	if (show)
		fwrite(x.text.data, 1, x.text.len, stderr);
	buf_fini(&x.text);
}

/* PLANTED_SHRINK=1 or the name of one: lines of the scenario, lines left, runs,
 * and of ten other seeds those that fail likewise. RUNS: another budget;
 * SHOW=1: what is left, too. */
Test(planted, shrink_table)
{
	const char *only = getenv("PLANTED_SHRINK"), *runs = getenv("RUNS");
	if (!only)
		return; /* asked for by hand: it takes minutes */
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(only, "1") == 0 || strcmp(only, bugs[known[i].bug].name) == 0)
			shrink_row(&known[i], runs ? strtoull(runs, NULL, 10) : SHRINK_RUNS, getenv("SHOW") != NULL);
}
