/* `troupe chaos`: scripts that break a cluster on purpose and judge it. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "tools/chaos/cluster.h"
#include "tools/chaos/grow.h"
#include "tools/chaos/past.h"
#include "tools/chaos/recording.h"
#include "tools/chaos/report.h"
#include "tools/chaos/seeds.h"
#include "tools/chaos/shrink.h"
#include "tools/commands.h"

struct options {
	const char *file, *record;
	struct seeds seeds;
	uint64_t runs, acts;
	bool has_seed, range, json, junit, verbose, once, no_file;
};

enum { OPT_SEED = 's', OPT_SEEDS = 'r', OPT_JOBS = 'j', OPT_OUT = 'o', OPT_ONCE = 256, OPT_TWICE, OPT_RUNS, OPT_ACTS, OPT_RECORD };
enum { SHRINK_RUNS = 200, SHRINK_SEEDS = 3, GROW_ACTS = 12 };

static const struct argp_option run_rows[] = {
	{"seed", OPT_SEED, "N", 0, "this seed, not the script's", 0},
	{"seeds", OPT_SEEDS, "A..B", 0, "all seeds from A to B, each twice: equal digests or violated", 0},
	{"jobs", OPT_JOBS, "N", 0, "so many processes for --seeds (one per core)", 0},
	{"twice", OPT_TWICE, NULL, 0, "run the one seed twice too", 0},
	{"once", OPT_ONCE, NULL, 0, "run each of --seeds once", 0},
	{"output", OPT_OUT, "FORM", 0, "text or json (a line per run, then one for all)", 0},
	{"record", OPT_RECORD, "DIR", 0, "keep all changes and messages there, for `troupe tail --run DIR`", 0},
	{"verbose", 'v', NULL, 0, "every change of every object; with --seeds: every run, not just the first that did not hold", 0},
	{0},
};
static const struct argp_option plan_rows[] = {
	{"seed", OPT_SEED, "N", 0, "for this seed, not the script's", 0},
	{0},
};
static const struct argp_option shrink_rows[] = {
	{"seed", OPT_SEED, "N", 0, "the seed that does not hold, not the script's", 0},
	{"runs", OPT_RUNS, "N", 0, "at most so many runs (200)", 0},
	{0},
};
static const struct argp_option report_rows[] = {
	{"output", OPT_OUT, "FORM", 0, "text, json or junit", 0},
	{0},
};
static const struct argp_option grow_rows[] = {
	{"seed", OPT_SEED, "N", 0, "another seed, another script (1)", 0},
	{"lines", OPT_ACTS, "N", 0, "so many lines of the timeline (12)", 0},
	{0},
};
static const struct argp_option plain_rows[] = {{0}};

/* "7" or "0x5eed"; moves *text behind it. */
static bool read_seed(const char **text, uint64_t *out)
{
	char *end;
	errno = 0;
	*out = strtoull(*text, &end, 0);
	bool ok = end != *text && **text != '-' && !errno;
	*text = end;
	return ok;
}

static bool read_range(const char *text, struct seeds *s)
{
	if (!read_seed(&text, &s->first) || strncmp(text, "..", 2) != 0)
		return false;
	text += 2;
	return read_seed(&text, &s->last) && !*text && s->first <= s->last;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	const char *text = arg;
	uint64_t n;
	switch (key) {
	case OPT_SEED:
		if (!read_seed(&text, &o->seeds.first) || *text)
			argp_error(state, "--seed takes a number, not '%s'", arg);
		o->has_seed = true;
		break;
	case OPT_SEEDS:
		if (!read_range(arg, &o->seeds))
			argp_error(state, "--seeds takes A..B, not '%s'", arg);
		o->range = o->seeds.twice = true;
		break;
	case OPT_JOBS:
		if (!read_seed(&text, &n) || *text || n < 1 || n > 256)
			argp_error(state, "--jobs takes 1 to 256, not '%s'", arg);
		o->seeds.jobs = (unsigned)n;
		break;
	case OPT_TWICE:
		o->seeds.twice = true;
		break;
	case OPT_ONCE:
		o->once = true;
		break;
	case OPT_OUT:
		if (strcmp(arg, "json") && strcmp(arg, "text") && strcmp(arg, "junit"))
			argp_error(state, "--output takes text, json or junit, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		o->junit = strcmp(arg, "junit") == 0;
		break;
	case OPT_RUNS:
		if (!read_seed(&text, &o->runs) || *text || !o->runs)
			argp_error(state, "--runs takes a number from 1, not '%s'", arg);
		break;
	case OPT_ACTS:
		if (!read_seed(&text, &o->acts) || *text || !o->acts || o->acts > GROW_ACTS_MAX)
			argp_error(state, "--lines takes 1 to %d, not '%s'", GROW_ACTS_MAX, arg);
		break;
	case OPT_RECORD:
		o->record = arg;
		break;
	case 'v':
		o->verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (o->no_file)
			return ARGP_ERR_UNKNOWN;
		if (o->file)
			argp_error(state, "one script at a time");
		o->file = arg;
		break;
	case ARGP_KEY_END:
		if (!o->file && !o->no_file)
			argp_error(state, "which file?");
		if (o->range && o->has_seed)
			argp_error(state, "--seed or --seeds");
		if (o->range && o->record)
			argp_error(state, "--record keeps one run: not with --seeds");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* 0, or the exit code. */
static int load(struct script *s, const char *file)
{
	struct err e = {0};
	if (script_load(s, file, &e) == 0 && script_check(s, &e) == 0)
		return 0;
	fprintf(stderr, "%s\n", e.text);
	script_fini(s);
	return EXIT_USAGE;
}

/* ---- check */

static int run_check(struct options *o)
{
	struct script s;
	char end[32];
	int64_t last = 0;
	int rc = load(&s, o->file);
	if (rc)
		return rc;
	for (size_t i = 0; i < s.line_count; i++)
		if (line_span(&s.lines[i]).max > last)
			last = line_span(&s.lines[i]).max;
	printf("%s: ok: %zu lines until %s, %zu judgements, world %s\n", o->file, s.line_count,
	       time_text(end, last + s.settle_us), s.judgement_count, s.world->name);
	script_fini(&s);
	return 0;
}

/* ---- plan */

static void print_happening(const struct happening *h)
{
	char from[32], to[32];
	printf("%10s  line %-3u ", h->awaited ? "when seen" : time_text(from, h->begin_us),
	       h->line->place.line);
	for (size_t i = 0; i < h->spots.count; i++)
		printf("%s%s", i ? ", " : "", h->spots.names[i]);
	if (!h->awaited && h->end_us > h->begin_us)
		printf("%suntil %s", h->spots.count ? " " : "", time_text(to, h->end_us));
	printf("%s%.*s\n", h->spots.count ? "  # " : "", (int)h->line->text.len,
	       (const char *)h->line->text.data);
}

static int run_plan(struct options *o)
{
	struct script s;
	struct plan p;
	int rc = load(&s, o->file);
	if (rc)
		return rc;
	plan_make(&p, &s, o->has_seed ? o->seeds.first : s.seed);
	for (size_t i = 0; i < p.step_count; i++)
		if (p.steps[i].type != STEP_END)
			print_happening(p.steps[i].what);
	plan_fini(&p);
	script_fini(&s);
	return 0;
}

/* ---- run */

struct many {
	const struct script *s;
	const struct options *o;
	struct report_sum sum;
	unsigned shown;
};
enum { SHOWN_MAX = 5 }; /* of those that did not hold; --verbose shows all */

static double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_result(void *arg, const struct run_result *r)
{
	struct many *m = arg;
	report_add(&m->sum, r);
	if (m->o->json)
		report_json(stdout, m->s, r);
	else if (m->o->verbose || (r->verdict != VERDICT_HELD && m->shown++ < SHOWN_MAX))
		report_verdict(stdout, m->s, r);
	fflush(stdout);
}

static int run_many(const struct script *s, const struct options *o)
{
	struct many m = {.s = s, .o = o};
	struct err e = {0};
	double from = seconds_now();
	if (seeds_run(s, &o->seeds, on_result, &m, &e)) {
		fprintf(stderr, "troupe chaos: %s\n", e.text);
		return 70;
	}
	if (o->json)
		report_sum_json(stdout, s, &m.sum, o->seeds.twice, seconds_now() - from);
	else
		report_sum(stdout, &m.sum, o->seeds.twice, seconds_now() - from);
	return m.sum.worst;
}

static int cannot(const struct err *e)
{
	fprintf(stderr, "troupe chaos: %s\n", e->text);
	return 70;
}

static int run_one(const struct script *s, const struct options *o)
{
	struct run_watch watch = report_watch(stdout, o->verbose);
	struct run_result r;
	struct err e = {0};
	uint64_t seed = o->has_seed ? o->seeds.first : s->seed;
	if (!o->json)
		printf("%s%s%s, seed %llu, world %s\n", s->file, *s->title ? ": " : "", s->title,
		       (unsigned long long)seed, s->world->name);
	if (o->json)
		watch = (struct run_watch){0};
	if (o->record && recording_open(&watch.recording, o->record, &cluster_catalogue, &e))
		return cannot(&e);
	seeds_run_one(s, seed, o->seeds.twice, &watch, &r);
	if (recording_close(watch.recording, &e))
		return cannot(&e);
	if (o->json)
		report_json(stdout, s, &r);
	else
		report_verdict(stdout, s, &r);
	return r.verdict;
}

/* Crashes are what runs make. */
static void quiet(void)
{
	if (!getenv("TROUPE_LOG"))
		log_init("off");
}

static int run_run(struct options *o)
{
	struct script s;
	int rc = load(&s, o->file);
	if (rc)
		return rc;
	if (o->junit) {
		fprintf(stderr, "troupe chaos run: JUnit is made of runs: run -o json, then report -o junit\n");
		script_fini(&s);
		return EXIT_USAGE;
	}
	quiet();
	if (!o->seeds.jobs)
		o->seeds.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (o->once)
		o->seeds.twice = false;
	rc = o->range ? run_many(&s, o) : run_one(&s, o);
	script_fini(&s);
	return rc;
}

/* ---- shrink */

static void on_smaller(void *arg, const char *what, size_t acts, uint64_t runs)
{
	(void)arg;
	fprintf(stderr, "%5llu runs: %zu lines (%s)\n", (unsigned long long)runs, acts, what);
}

static void print_shrunk(const struct shrunk *x, const struct script *s)
{
	printf("# Shrunk from %s: %zu lines to %zu in %llu runs; of %d other seeds %u fail likewise.\n"
	       "# %s %s: %s\n", s->file, x->acts_before, x->acts, (unsigned long long)x->runs,
	       SHRINK_AGAIN, x->again, verdict_name(x->after.verdict), x->after.broken, x->after.why);
	fwrite(x->text.data, 1, x->text.len, stdout);
}

static int run_shrink(struct options *o)
{
	struct script s;
	struct shrunk x;
	struct err e = {0};
	int rc = load(&s, o->file);
	if (rc)
		return rc;
	quiet();
	struct shrink how = {.script = &s, .seed = o->has_seed ? o->seeds.first : s.seed,
			     .runs_max = o->runs ? o->runs : SHRINK_RUNS, .seeds = SHRINK_SEEDS,
			     .told = on_smaller};
	rc = shrink_script(&how, &x, &e);
	if (rc == 0)
		print_shrunk(&x, &s);
	else
		fprintf(stderr, "%s: %s\n", o->file, e.text);
	buf_fini(&x.text);
	script_fini(&s);
	return rc == ERR_NOT_FOUND ? VERDICT_INCONCLUSIVE : rc ? 70 : 0;
}

/* ---- runs that are over */

static int load_past(struct past *p, const char *file)
{
	struct err e = {0};
	if (past_read(p, file, &e) == 0)
		return 0;
	fprintf(stderr, "troupe chaos: %s\n", e.text);
	past_fini(p);
	return EXIT_USAGE;
}

/* The verdict that it has now; inconclusive where the history is another one. */
static enum verdict replay(const struct script *s, const struct run_result *was)
{
	struct run_watch watch = report_watch(stdout, false);
	struct run_result r;
	printf("%s%s%s, seed %llu, world %s\n", s->file, *s->title ? ": " : "", s->title,
	       (unsigned long long)was->seed, s->world->name);
	seeds_run_one(s, was->seed, false, &watch, &r);
	report_verdict(stdout, s, &r);
	if (r.digest == was->digest)
		return r.verdict;
	printf("  another history: the digest was %016llx (%s); the script or the program has changed\n",
	       (unsigned long long)was->digest, verdict_name(was->verdict));
	return verdict_worse(r.verdict, VERDICT_INCONCLUSIVE);
}

/* Those that did not hold; all when all did. */
static int run_replay(struct options *o)
{
	struct past p;
	enum verdict worst = VERDICT_HELD;
	bool some = false;
	int rc = load_past(&p, o->file);
	if (rc)
		return rc;
	quiet();
	for (size_t i = 0; i < p.count; i++)
		some = some || p.runs[i].result.verdict != VERDICT_HELD;
	for (size_t i = 0; i < p.count && rc == 0; i++) {
		struct script s;
		if (some && p.runs[i].result.verdict == VERDICT_HELD)
			continue;
		if ((rc = load(&s, p.runs[i].script)))
			break;
		worst = verdict_worse(worst, replay(&s, &p.runs[i].result));
		script_fini(&s);
	}
	past_fini(&p);
	return rc ? rc : (int)worst;
}

static int run_report(struct options *o)
{
	struct past p;
	struct report_sum sum = {0};
	int rc = load_past(&p, o->file);
	if (rc)
		return rc;
	for (size_t i = 0; i < p.count; i++) {
		const struct script s = {.file = p.runs[i].script, .title = ""};
		report_add(&sum, &p.runs[i].result);
		if (!o->json && !o->junit && p.runs[i].result.verdict != VERDICT_HELD)
			report_verdict(stdout, &s, &p.runs[i].result);
	}
	if (o->junit)
		past_junit(stdout, &p);
	else if (o->json)
		report_sum_json(stdout, &(struct script){.file = p.runs[0].script}, &sum, false, 0);
	else
		report_sum(stdout, &sum, false, 0);
	past_fini(&p);
	return sum.worst;
}

/* ---- grow */

static int run_grow(struct options *o)
{
	struct buf b = {0};
	struct err e = {0};
	int rc = grow_script(&b, o->has_seed ? o->seeds.first : 1, o->acts ? (unsigned)o->acts : GROW_ACTS, &e);
	if (rc)
		fprintf(stderr, "troupe chaos: %s\n", e.text);
	else
		fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
	return rc ? 70 : 0;
}

/* ---- what there is to say */

static int run_invariants(struct options *o)
{
	(void)o;
	invariants_print(stdout);
	return 0;
}

static int run_words(struct options *o)
{
	(void)o;
	script_words(stdout);
	return 0;
}

static const struct part {
	const char *name;
	int (*run)(struct options *o);
	const struct argp_option *rows;
	const char *help;
	bool no_file;
} parts[] = {
	{"check", run_check, plain_rows, "is this script right, and will it heal what it breaks?", false},
	{"plan", run_plan, plan_rows, "what happens when, and to whom, for a seed", false},
	{"run", run_run, run_rows, "run it: 0 held, 1 violated, 2 not steady, 3 not healed, 4 inconclusive", false},
	{"shrink", run_shrink, shrink_rows, "the smallest script that fails in the same way, to standard output", false},
	{"replay", run_replay, plain_rows, "run again what `run -o json` wrote: those that did not hold; the same history?", false},
	{"report", run_report, report_rows, "of what `run -o json` wrote: text, JSON or JUnit", false},
	{"grow", run_grow, grow_rows, "a script that nobody thought of, from a seed", true},
	{"invariants", run_invariants, plain_rows, "what can be judged, by name", true},
	{"words", run_words, plain_rows, "the language", true},
};

static int usage(FILE *out)
{
	fprintf(out, "Usage: troupe chaos COMMAND [FILE] [options]\n\nCommands:\n");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		fprintf(out, "  %-11s %s\n", parts[i].name, parts[i].help);
	return out == stdout ? 0 : EXIT_USAGE;
}

static int run_part(const struct part *p, int argc, char **argv)
{
	struct options o = {.no_file = p->no_file};
	struct argp argp = {.options = p->rows, .parser = parse, .args_doc = p->no_file ? NULL : "FILE", .doc = p->help};
	char name[64];
	snprintf(name, sizeof name, "troupe chaos %s", p->name);
	argv[0] = name;
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return EXIT_USAGE;
	return p->run(&o);
}

int command_chaos(int argc, char **argv)
{
	if (argc < 2)
		return usage(stderr);
	if (strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strcmp(parts[i].name, argv[1]) == 0)
			return run_part(&parts[i], argc - 1, argv + 1);
	fprintf(stderr, "troupe chaos: there is no command '%s'\n", argv[1]);
	return usage(stderr);
}
