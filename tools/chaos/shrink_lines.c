/* Which lines does it take? Chance moves when the script does: a script that
 * has all it needs fails with some seeds only, and a candidate that held with
 * one seed proves little. So each line carries how likely it is that it is
 * needed, and each run teaches by Bayes' rule, with the share of seeds that
 * fail as far as it is known:
 *
 *	a candidate leaves out the lines of which most will be rid of: the most
 *	lines times the chance that none of them is needed
 *	it fails: they are gone for good
 *	it holds: each of them is needed a little more likely
 *
 * (Wang and others: Probabilistic Delta Debugging, 2021; there nothing hangs
 * on a seed, and one run is enough.) What holds is so tried again with other
 * seeds, but in its turn, after what is more likely to help. */
#include <string.h>

#include "broker/base/sort.h"
#include "tools/chaos/shrink_private.h"

enum { LINES_ASKED = 5, SEEDS_TRIED = 6, CUT_US = 500000 };
/* That a line is needed, before anything is known. */
static const double needed_at_first = 0.2;
static const double needed_of_old = 0.06, needed_of_new = 0.34;
/* Lines that a run may be expected to take out: less is not worth it. Where
 * there are too many, that a run of any seed may. */
static const double worth = 0.04, worth_when_long = 0.5;

/* ---- what has happened when it failed */

static struct happening *happening_of(struct work *w, const struct line *l)
{
	for (size_t i = 0; i < w->plan.happening_count; i++)
		if (w->plan.happenings[i].line == l)
			return &w->plan.happenings[i];
	return NULL;
}

/* Counted like the timeline. INT64_MAX: it is judged when that is over. */
static int64_t failed_us(const struct work *w)
{
	const struct run_result *r = &w->result;
	if (r->verdict == VERDICT_NOT_STEADY)
		return -1;
	bool during = r->verdict == VERDICT_VIOLATED && r->broken_us && r->broken_us <= w->plan.end_us;
	return during ? r->broken_us : INT64_MAX;
}

/* What waits for something may have; what ends a fault goes with it. */
static bool has_begun(struct work *w, const struct line *l, int64_t at_us)
{
	return line_awaits(l) || l->ends || happening_of(w, l)->begin_us <= at_us;
}

/* ---- what a run teaches */

static double share_that_fails(const struct work *w)
{
	return w->failed / (w->failed + w->held);
}

/* That none of these is needed. */
static double chance_of_none(const struct work *w, const size_t *acts, size_t n)
{
	double none = 1;
	for (size_t i = 0; i < n; i++)
		none *= 1 - w->best.at[acts[i]].needed;
	return none;
}

static double most(double chance)
{
	return chance < 0.999 ? chance : 0.999;
}

static void learn_held(struct work *w, const size_t *acts, size_t n)
{
	double none = chance_of_none(w, acts, n), share = share_that_fails(w);
	double holds = 1 - share * none;
	for (size_t i = 0; i < n; i++)
		w->best.at[acts[i]].needed = most(w->best.at[acts[i]].needed / holds);
	w->held += none * (1 - share) / holds;
}

/* What was known of the former script counts less. What had not begun when it
 * failed is not needed for this seed. */
static void learn_failed(struct work *w)
{
	w->failed = 0.7 * w->failed + 1;
	w->held *= 0.7;
	for (size_t i = 0, nth = 0; i < w->best.count; i++)
		if (w->best.at[i].type == STATEMENT_ACT && !has_begun(w, &w->script.lines[nth++], failed_us(w)))
			w->best.at[i].needed = 0.01;
}

/* ---- candidates */

static int64_t begin_of(struct work *w, size_t statement)
{
	size_t nth = 0;
	for (size_t i = 0; i < statement; i++)
		nth += w->best.at[i].type == STATEMENT_ACT;
	const struct happening *h = happening_of(w, &w->script.lines[nth]);
	return h ? h->begin_us : INT64_MAX;
}

/* Of two the later one first: up to there the history stays what it was. */
static int by_need(const void *a, const void *b, void *arg)
{
	struct work *w = arg;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	double x = w->best.at[i].needed, y = w->best.at[k].needed;
	if (x != y)
		return x < y ? -1 : 1;
	int64_t first = begin_of(w, i), second = begin_of(w, k);
	return first > second ? -1 : first < second;
}

/* The lines that promise most, as indices of statements; how many to expect. */
static size_t choose(struct work *w, size_t *acts, double *gain)
{
	size_t n = 0, best = 0;
	double none = 1;
	*gain = 0;
	for (size_t i = 0; i < w->best.count; i++)
		if (w->best.at[i].type == STATEMENT_ACT)
			acts[n++] = i;
	sort_stable(acts, n, sizeof *acts, by_need, w);
	for (size_t i = 0; i < n; i++) {
		none *= 1 - w->best.at[acts[i]].needed;
		if ((double)(i + 1) * none > *gain) {
			*gain = (double)(i + 1) * none;
			best = i + 1;
		}
	}
	return best;
}

static size_t index_of(const struct work *w, const struct line *l)
{
	return (size_t)(l - w->script.lines);
}

/* Who ends a fault goes with it, and it with him; what follows a line that
 * waits for something has no time without it. */
static void close_over(struct work *w, bool *out)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < w->script.line_count; i++) {
			const struct line *l = &w->script.lines[i];
			bool goes = (l->ends && out[index_of(w, l->ends)]) ||
				    (l->ended_by && out[index_of(w, l->ended_by)]) ||
				    (l->follows && out[index_of(w, l->follows)] && (line_awaits(l->follows) || l->ends));
			more = more || (goes && !out[i]);
			out[i] = out[i] || goes;
		}
	}
}

/* Without these lines (out[nth line]). What followed one of them keeps the
 * time that this seed gave it. */
static struct statements without(struct work *w, bool *out)
{
	struct statements l = {arena_alloc(&w->arena, (w->best.count + 1) * sizeof *l.at), 0};
	size_t nth = 0;
	close_over(w, out);
	for (size_t i = 0; i < w->best.count; i++) {
		struct statement st = w->best.at[i];
		if (st.type == STATEMENT_ACT) {
			const struct line *line = &w->script.lines[nth++];
			if (out[nth - 1])
				continue;
			if (line->follows && out[index_of(w, line->follows)])
				st.text = line_pinned(happening_of(w, line), &w->arena);
		}
		l.at[l.count++] = st;
	}
	return l;
}

static bool *none_out(struct work *w)
{
	return arena_alloc(&w->arena, w->script.line_count + 1);
}

static struct statements without_those(struct work *w, const size_t *acts, size_t n)
{
	bool *out = none_out(w);
	for (size_t i = 0, nth = 0; i < w->best.count; i++) {
		for (size_t k = 0; k < n; k++)
			out[nth] = out[nth] || acts[k] == i;
		nth += w->best.at[i].type == STATEMENT_ACT;
	}
	return without(w, out);
}

/* ---- what changes nothing of the history up to there */

/* Not what is broken, nor what says when the timeline begins; and where that
 * broke before, nothing comes after the timeline. */
static bool is_cut(const struct work *w, const struct statement *st, bool after)
{
	if (after && strncmp(st->text, "settle", 6) == 0)
		return true;
	return st->type == STATEMENT_JUDGE && strncmp(st->text, "steady", 6) != 0 && !shrink_judges(w, st) &&
	       w->result.verdict != VERDICT_NOT_HEALED;
}

/* A line until then, as it was drawn. */
static const char *cut_line(struct work *w, const struct line *l, int64_t until_us)
{
	if (line_awaits(l) || l->ends)
		return NULL;
	if (l->when.type != WHEN_EVERY)
		return line_pinned(happening_of(w, l), &w->arena);
	return l->when.to_us > until_us ? line_within(l, l->when.from_us, until_us, &w->arena) : NULL;
}

static struct statements cut(struct work *w, int64_t until_us)
{
	bool *out = none_out(w);
	bool after = failed_us(w) < INT64_MAX && w->result.verdict == VERDICT_VIOLATED;
	size_t nth = 0, n = 0;
	for (size_t i = 0; i < w->script.line_count; i++)
		out[i] = !has_begun(w, &w->script.lines[i], until_us);
	struct statements l = without(w, out);
	for (size_t i = 0; i < l.count; i++) {
		struct statement st = l.at[i];
		if (st.type == STATEMENT_ACT) {
			while (out[nth])
				nth++;
			const char *text = cut_line(w, &w->script.lines[nth++], until_us);
			st.text = text ? text : st.text;
		}
		if (!is_cut(w, &st, after))
			l.at[n++] = st;
	}
	l.count = n;
	return l;
}

static bool try_cut(struct work *w, int64_t until_us)
{
	struct statements l = cut(w, until_us);
	return shrink_try(w, &l, w->seed, "until it fails");
}

/* Until it failed; where it is judged at the end, until nothing more was
 * needed: by halves. */
static void cut_all(struct work *w)
{
	int64_t none = -1, enough = w->plan.end_us;
	bool judged_at_once = failed_us(w) < INT64_MAX;
	try_cut(w, failed_us(w));
	if (judged_at_once || try_cut(w, none))
		return;
	while (enough - none > CUT_US) {
		int64_t half = none + (enough - none) / 2;
		if (try_cut(w, half))
			enough = half;
		else
			none = half;
	}
}

/* How many seeds fail, before anything else is asked of them. */
static void look_around(struct work *w)
{
	for (unsigned i = 0; i < SEEDS_TRIED && !shrink_spent(w); i++) {
		if (shrink_try(w, &w->best, w->next_seed++, "another seed"))
			w->failed++;
		else
			w->held++;
	}
}

/* ---- all of it */

/* When it is over. */
static int64_t last_us(struct work *w, const struct line *l)
{
	const struct happening *h = happening_of(w, l);
	if (line_awaits(l) || !h)
		return w->plan.end_us;
	return l->when.type == WHEN_EVERY ? l->when.to_us : h->end_us;
}

/* Where that is judged at the end, of many lines, what was over long before has healed, most
 * of the time. */
static void expect(struct work *w)
{
	bool late = w->result.symptoms[0].name[0] && statements_acts(&w->best) > 2 * LINES_ASKED;
	for (size_t i = 0, nth = 0; i < w->best.count; i++) {
		struct statement *st = &w->best.at[i];
		if (st->type != STATEMENT_ACT)
			continue;
		double age = (double)last_us(w, &w->script.lines[nth++]) / (double)(w->plan.end_us + 1);
		st->needed = late ? needed_of_old + (needed_of_new - needed_of_old) * age : needed_at_first;
	}
}

/* With the seed of the best first: what follows the cause does not move it. */
static bool try_without(struct work *w, const size_t *acts, size_t n)
{
	struct statements l = without_those(w, acts, n);
	uint64_t runs = w->out->runs;
	if (shrink_try(w, &l, w->seed, "fewer lines"))
		return true;
	return w->out->runs == runs && shrink_try(w, &l, w->next_seed++, "fewer lines");
}

/* `runs_max` once they are few; as long as there are too many, all runs. */
static void take_out(struct work *w, uint64_t runs_max)
{
	for (;;) {
		size_t *acts = arena_alloc(&w->arena, (w->best.count + 1) * sizeof *acts);
		double gain;
		size_t n = choose(w, acts, &gain);
		bool is_long = statements_acts(&w->best) > LINES_ASKED;
		w->runs_max = is_long ? w->how->runs_max : runs_max;
		if (shrink_spent(w) || (is_long ? gain : gain * share_that_fails(w)) < (is_long ? worth_when_long : worth))
			return;
		if (try_without(w, acts, n))
			learn_failed(w);
		else
			learn_held(w, acts, n);
	}
}

void shrink_lines(struct work *w, uint64_t runs_max)
{
	w->runs_max = runs_max;
	w->failed = w->held = 0.5;
	cut_all(w);
	expect(w);
	look_around(w);
	for (;;) {
		take_out(w, runs_max);
		if (shrink_spent(w) || statements_acts(&w->best) <= LINES_ASKED)
			return;
		/* Fewer seeds fail than it seemed, and all of it again. */
		expect(w);
		w->held = 2 * (w->held + w->failed);
	}
}
