/* What the shrinker rests on: a line that is written down as a seed drew it
 * makes the same history under that seed. How small what chaos finds becomes
 * is shown by planted.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/log.h"
#include "tools/chaos/pin.h"
#include "tools/chaos/seeds.h"
#include "tools/chaos/shrink.h"

static void quiet(void)
{
	log_init("off");
}

TestSuite(chaos_shrink, .init = quiet, .timeout = 600);

static void read_script(struct script *s, const char *text)
{
	struct err e = {0};
	cr_assert_eq(script_parse(s, "test.chaos", span_of(text), &e), 0, "%s", e.text);
	cr_assert_eq(script_check(s, &e), 0, "%s: %s", e.text, text);
}

static uint64_t digest_of(const struct script *s, uint64_t seed)
{
	struct run_result r;
	run_script(s, seed, NULL, &r);
	return r.digest;
}

static const char drawn[] =
	"chaos 1\nnodes 3 cpu 2 zones a b\nlayout apart\nnetwork latency 20us..3ms loss 0.5% bus-loss 5%\n"
	"replicaset web 4 cpu 200m\nsteady all-ready\n"
	"at 1s..2s kill node n* for 500ms id down\n"
	"after down 100ms..900ms restart actor scheduler\n"
	"at 1s..3s delay msg store.* percent 40 by 10ms..300ms for 2s\n"
	"at 2s..3s corrupt msg bus.* percent 30 for 1s id damage\n"
	"at 3s..4s skew node n2 by -1m..1m for 2s\n"
	"every 300ms from 1s to 3s delete pod of web\n"
	"at 3500ms scale web 6\n"
	"at 3s pause node with zone=a for 300ms\n"
	"at 3s..4s partition zone * from broker for 400ms\n"
	"at 4s..5s delete pod of web on zone *\n"
	"settle 5s\nalways capacity\n";

/* Of what happens often each time by itself, when `apart`. */
static char *rewritten(const struct script *s, uint64_t seed, bool apart, struct arena *a)
{
	struct statements l;
	struct plan p;
	struct buf b = {0};
	size_t nth = 0;
	plan_make(&p, s, seed);
	statements_read(&l, s, a);
	for (size_t i = 0; i < l.count; i++) {
		const struct line *line = l.at[i].type == STATEMENT_ACT ? &s->lines[nth++] : NULL;
		if (!line)
			buf_printf(&b, "%s\n", l.at[i].text);
		else if (line->when.type == WHEN_EVERY && !apart)
			buf_printf(&b, "%s\n", line_within(line, 0, INT64_MAX, a));
		for (size_t k = 0; line && k < p.happening_count && (apart || line->when.type != WHEN_EVERY); k++)
			if (p.happenings[k].line == line)
				buf_printf(&b, "%s\n", line_pinned(&p.happenings[k], a));
	}
	char *text = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	plan_fini(&p);
	return text;
}

Test(chaos_shrink, what_is_written_as_it_was_drawn_makes_the_same_history)
{
	struct script s, again;
	struct arena a = {0};
	read_script(&s, drawn);
	for (uint64_t seed = 1; seed <= 5; seed++)
		for (int apart = 0; apart < 2; apart++) {
			const char *text = rewritten(&s, seed, apart, &a);
			read_script(&again, text);
			cr_expect_eq(digest_of(&again, seed), digest_of(&s, seed), "seed %llu:\n%s",
				     (unsigned long long)seed, text);
			cr_expect_neq(digest_of(&again, seed + 1), digest_of(&s, seed));
			script_fini(&again);
		}
	script_fini(&s);
	arena_fini(&a);
}

/* Cut at its beginning it draws what it drew later, not what it drew first. */
Test(chaos_shrink, what_happens_often_keeps_its_draws_when_it_is_cut)
{
	struct script s, cut;
	struct plan p, q;
	struct arena a = {0};
	read_script(&s, "chaos 1\nevery 1s from 1s to 9s pause node n* for 100ms\nalways capacity\n");
	const char *line = line_within(&s.lines[0], 3500000, 7200000, &a);
	read_script(&cut, arena_printf(&a, "chaos 1\n%s\nalways capacity\n", line));
	plan_make(&p, &s, 7);
	plan_make(&q, &cut, 7);
	cr_assert_eq(q.happening_count, 4, "%s", line);
	for (size_t i = 0; i < 4; i++) {
		cr_expect_eq(q.happenings[i].begin_us, p.happenings[i + 3].begin_us);
		cr_expect_str_eq(q.happenings[i].spots.names[0], p.happenings[i + 3].spots.names[0]);
	}
	plan_fini(&p);
	plan_fini(&q);
	script_fini(&s);
	script_fini(&cut);
	arena_fini(&a);
}

/* Two pods must be on their way out at once, which is so with some seeds only. */
static const char hangs_on_its_seed[] =
	"chaos 1\nnodes 3 cpu 2\nlayout apart\nnetwork latency 20us..3ms loss 0.5% bus-loss 5%\n"
	"replicaset web 3 cpu 200m\nsteady all-ready\n"
	"at 1s..2s restart actor scheduler\n"
	"at 1s..9s pause node n* for 1s id still\n"
	"after still 100ms..2s restart broker\n"
	"every 2s from 1s to 9s delete pod of web\n"
	"at 2s..4s restart actor replication\n"
	"at 3s..5s duplicate msg store.* percent 30 for 2s\n"
	"at 4s scale web 4\n"
	"at 5s..6s restart cell controllers\n"
	"at 8s scale web 3\n"
	"settle 5s\nalways no-excess\nalways capacity\n"
	"never count(pods, deleting=1) > 1\neventually all-ready within 4s\n";

static void keep(void *arg, const struct run_result *r)
{
	struct run_result *first = arg;
	if (!first->seed && r->verdict == VERDICT_VIOLATED && strncmp(r->broken, "count", 5) == 0)
		*first = *r;
}

Test(chaos_shrink, what_hangs_on_a_seed_becomes_small_in_few_runs)
{
	struct script s, small;
	struct run_result first = {0}, after;
	struct err e = {0};
	struct shrunk x;
	struct seeds some = {.first = 1, .last = 40, .jobs = 2};
	read_script(&s, hangs_on_its_seed);
	cr_assert_eq(seeds_run(&s, &some, keep, &first, &e), 0, "%s", e.text);
	cr_assert(first.seed, "a seed fails");
	struct shrink how = {.script = &s, .seed = first.seed, .runs_max = 200, .seeds = 3};
	cr_assert_eq(shrink_script(&how, &x, &e), 0, "%s", e.text);
	buf_putc(&x.text, 0);
	cr_expect_eq(x.acts_before, 9);
	cr_expect_leq(x.acts, 5, "%s", (char *)x.text.data);
	cr_expect_leq(x.runs, 200);
	read_script(&small, (char *)x.text.data);
	run_script(&small, small.seed, NULL, &after);
	cr_expect_eq(after.verdict, VERDICT_VIOLATED);
	cr_expect_str_eq(after.broken, first.broken);
	script_fini(&small);
	script_fini(&s);
	buf_fini(&x.text);
}
